//! Nothing is written but where the command line says, whatever names configurations and models bring along.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sterna_spec::config::Config;
use sterna_tests::programs::{sterna, sterna_gen};

use crate::place::{Place, Tree, small, stories, toml};

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

/// What a command says if it fails; nothing changes but below `out`.
fn stays_inside(place: &Place, program: &Path, args: &[&str]) -> Result<(), String> {
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
    if code == Some(0) { Ok(()) } else { Err(error.into_owned()) }
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
            stays_inside(&place, sterna_gen(), args).expect_err(name);
        }
    }
    stays_inside(&place, sterna_gen(), &["emit", "small.toml", "-o", "out/a"]).unwrap();
    let before = outside(&place.tree());
    place.run(sterna_gen(), &["emit", "small.toml", "-o", "elsewhere"]);
    assert_ne!(before, outside(&place.tree()), "and what is elsewhere would show");
}

/// A model whose every name is hostile, in a folder with a hostile name.
fn hostile(place: &Place, folder: &str, name: &str) -> String {
    let at = place.work().join(folder);
    fs::create_dir_all(&at).unwrap();
    for entry in fs::read_dir(stories()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, at.join(path.file_name().unwrap())).unwrap();
    }
    let mut config: Value = serde_json::from_slice(&fs::read(at.join("config.json")).unwrap()).unwrap();
    for field in ["_name_or_path", "name", "tokenizer_class", "model_name", "auto_map"] {
        config[field] = name.into();
    }
    fs::write(at.join("config.json"), config.to_string()).unwrap();
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
        let run = |args: &[&str]| {
            stays_inside(&place, sterna(), args).unwrap_or_else(|e| panic!("{folder:?}: {e}"))
        };
        run(&["convert", &model, "--format", "safetensors,tq2_0,i2_s", "-o", &out("model")]);
        let gguf = format!("{}/model-TQ2_0.gguf", out("model"));
        for (path, to) in [(&model, "a"), (&gguf, "b")] {
            let golden = ["--device", "golden:tiny", "-m", path, "--tokens", "3,1,4"];
            run(&[&["run", "-c", "16", "-n", "1", "--json", "--record", &out(to)], &golden[..]].concat());
            run(&[&["logits", "-o", &out(&format!("logits-{to}"))], &golden[..]].concat());
        }
        run(&["convert", &gguf, "-o", &out("back")]);
        run(&["inspect", &gguf]);
    }
    // shards are read from the model's folder and nowhere else
    for name in NAMES {
        let index = json!({"weight_map": {"model.norm.weight": name}});
        fs::write(place.work().join("mo del/model.safetensors.index.json"), index.to_string()).unwrap();
        let _ = fs::remove_file(place.work().join("mo del/model.safetensors"));
        stays_inside(&place, sterna(), &["convert", "mo del", "-o", "out/shards"]).expect_err(name);
    }
}
