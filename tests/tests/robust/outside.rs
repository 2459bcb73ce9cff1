//! Nothing is written but where the command line says, whatever names configurations and models bring along.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sterna_spec::config::Config;
use sterna_tests::programs::{root, sterna, sterna_gen};

use crate::place::{Place, Tree, model, small, toml};

/// Names that lead elsewhere, or that something could take for a command.
const NAMES: [&str; 11] = [
    "../evil",
    "../../evil",
    "/tmp/sterna-evil",
    "a/b",
    "..",
    ".",
    "",
    "$(touch evil)",
    "`touch evil`",
    "x; touch evil #",
    "x\ny",
];

/// What is not below `work/out`.
fn outside(tree: &Tree) -> Tree {
    tree.iter()
        .filter(|(name, _)| !name.starts_with("work/out/"))
        .map(|(n, b)| (n.clone(), b.clone()))
        .collect()
}

/// Whether a command succeeds; nothing changes but below `out`.
fn stays_inside(place: &Place, program: &Path, args: &[&str]) -> bool {
    let before = outside(&place.tree());
    let output = place.command(program, args).output().unwrap();
    let code = output.status.code();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0..=2)), "{args:?}: {error}");
    assert!(!error.contains("panicked"), "{args:?}: {error}");
    let after = outside(&place.tree());
    let new: Vec<_> =
        after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)).map(|(n, _)| n).collect();
    assert!(new.is_empty() && before.len() == after.len(), "{args:?} wrote {new:?}");
    assert!(!Path::new("/tmp/sterna-evil").exists());
    code == Some(0)
}

#[test]
fn names_of_configurations_lead_nowhere() {
    let place = Place::new();
    fs::create_dir(place.work().join("out")).unwrap();
    for name in NAMES {
        let text = toml(&Config { name: name.into(), ..small("small") });
        fs::write(place.work().join("evil.toml"), text).unwrap();
        let commands: [&[&str]; 6] = [
            &["emit", "evil.toml", "-o", "out/a"],
            &["package", "evil.toml", "--for", "vivado", "-o", "out/b"],
            &["package", "evil.toml", "--for", "fusesoc", "-o", "out/c"],
            &["package", "evil.toml", "--for", "litex", "-o", "out/d"],
            &["build", "ulx3s-85f", "--config", "evil.toml", "-o", "out/e"],
            &["synth", "evil.toml", "-o", "out/f"],
        ];
        for args in commands {
            assert!(!stays_inside(&place, sterna_gen(), args), "{name:?} was taken for a name");
        }
    }
    assert!(stays_inside(&place, sterna_gen(), &["emit", "small.toml", "-o", "out/a"]));
}

/// A model whose every name is hostile, in a folder with a hostile name.
fn hostile(place: &Place, folder: &str, name: &str) -> String {
    let at = place.work().join(folder);
    fs::create_dir_all(&at).unwrap();
    for entry in fs::read_dir(model()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, at.join(path.file_name().unwrap())).unwrap();
    }
    let mut config: Value = serde_json::from_slice(&fs::read(at.join("config.json")).unwrap()).unwrap();
    for field in ["_name_or_path", "name", "tokenizer_class", "model_name", "auto_map"] {
        config[field] = name.into();
    }
    fs::write(at.join("config.json"), config.to_string()).unwrap();
    let tokenizer = root().join("models/stories/tokenizer.json");
    fs::copy(tokenizer, at.join("tokenizer.json")).unwrap();
    let settings = json!({"chat_template": "{{ messages }}", "name_or_path": name, "tokenizer_file": name});
    fs::write(at.join("tokenizer_config.json"), settings.to_string()).unwrap();
    folder.into()
}

#[test]
fn names_of_models_lead_nowhere() {
    let place = Place::new();
    fs::create_dir(place.work().join("out")).unwrap();
    let folders = ["mo del", "$(touch evil)", "x; touch evil", "x\ny", "-m.gguf", "..."];
    for (i, (folder, name)) in folders.iter().zip(NAMES).enumerate() {
        let model = format!("./{}", hostile(&place, folder, name));
        let out = |what: &str| format!("out/{what}{i}");
        let all = "safetensors,tq2_0,i2_s";
        assert!(
            stays_inside(&place, sterna(), &["convert", &model, "--format", all, "-o", &out("model")]),
            "{folder:?}"
        );
        let gguf = format!("{}/model-tq2_0.gguf", out("model"));
        let run = ["run", "--device", "golden:tiny", "-c", "16", "--tokens", "3,1,4", "-n", "1", "--json"];
        let logits = ["logits", "--device", "golden:tiny", "--tokens", "3,1"];
        for (path, to) in [(&model, "a"), (&gguf, "b")] {
            assert!(stays_inside(
                &place,
                sterna(),
                &[&run[..], &["-m", path, "--record", &out(to)]].concat()
            ));
            assert!(stays_inside(
                &place,
                sterna(),
                &[&logits[..], &["-m", path, "-o", &out(&format!("l{to}"))]].concat()
            ));
        }
        assert!(stays_inside(&place, sterna(), &["convert", &gguf, "-o", &out("back")]));
        assert!(stays_inside(&place, sterna(), &["inspect", &gguf]));
    }
    // shards are read from the model's folder and nowhere else
    for name in NAMES {
        let index = json!({"weight_map": {"model.norm.weight": name}});
        fs::write(place.work().join("mo del/model.safetensors.index.json"), index.to_string()).unwrap();
        let _ = fs::remove_file(place.work().join("mo del/model.safetensors"));
        assert!(
            !stays_inside(&place, sterna(), &["convert", "mo del", "-o", "out/shards"]),
            "{name:?} was read"
        );
    }
}
