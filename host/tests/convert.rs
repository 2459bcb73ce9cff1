//! Conversion loses nothing: every case and format, read back, is the same model.

use std::path::{Path, PathBuf};
use std::process::Command;
use sterna_host::config::Activation;
use sterna_host::convert::{Format, write};
use sterna_host::model::{Model, Overrides};
use sterna_host::reference::Reference;
use sterna_host::text::{ChatTemplate, Tokenizer};

fn reference() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/reference")).into()
}

/// One file's architecture does not tell its activation function.
fn load(path: &Path) -> Model {
    load_as(path, path.to_string_lossy().contains("bitnet_b1_58"))
}

fn load_as(path: &Path, grouped: bool) -> Model {
    let overrides = Overrides { activation: grouped.then_some(Activation::Silu), ..Overrides::default() };
    Model::load_with(path, &overrides, |_, _| {}).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn assert_same(one: &Model, other: &Model, what: &str) {
    let (a, b) = (&one.config, &other.config);
    let sizes = |m: &Model| {
        let c = &m.config;
        (c.hidden, c.layers, c.heads, c.kv_heads, c.head_size, c.ffn, c.vocab, c.context)
    };
    assert_eq!(sizes(one), sizes(other), "{what}");
    assert_eq!((a.eps, a.tied, &a.windows, &a.eos), (b.eps, b.tied, &b.windows, &b.eos), "{what}");
    assert_eq!(
        (a.rope_theta as f32, a.activation, &a.head_map),
        (b.rope_theta as f32, b.activation, &b.head_map),
        "{what}"
    );
    assert_eq!(a.family.architectures, b.family.architectures, "{what}");
    for ((name, one), (_, other)) in one.matrices().zip(other.matrices()) {
        assert!(one.codes() == other.codes(), "{what}: codes of {name}");
        assert_eq!(one.scale, other.scale, "{what}: scale of {name}");
    }
    let tokens = [1, 2, 3, 1, 5];
    let logits = |m: &Model| Reference::new(m).forward(&tokens);
    assert!(logits(one) == logits(other), "{what}: logits");
}

/// Writes `model` and reads it back.
fn round_trip(model: &Model, format: &str) -> (tempfile::TempDir, PathBuf, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let format: Format = format.parse().unwrap();
    let written = write(model, &[format], &out, false, |_, _| {}).unwrap();
    let path = match format {
        Format::Safetensors => out,
        Format::Gguf(kind) => out.join(format!("model-{kind}.gguf")),
    };
    (dir, path, written.notes)
}

fn folders() -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(reference()).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|path| path.join("config.json").exists());
    all.sort();
    all
}

#[test]
fn folders_come_back_as_folders() {
    for path in folders() {
        let model = load(&path);
        let (_dir, out, _) = round_trip(&model, "safetensors");
        assert_same(&model, &load(&out), &path.display().to_string());
    }
}

#[test]
fn gguf_files_become_folders_and_ggufs_again() {
    for name in ["llama-158", "bitnet_b1_58", "bitnet-2b4t-i2s"] {
        let path = reference().join(format!("gguf/{name}.gguf"));
        let model = load(&path);
        let (_dir, out, notes) = round_trip(&model, "safetensors");
        // Microsoft's file does not say how texts are cut
        assert_eq!(notes.is_empty(), name != "bitnet-2b4t-i2s", "{notes:?}");
        let folder = load(&out);
        assert_same(&model, &folder, name);
        for format in
            ["tq2_0", "tq1_0", "i2_s"].into_iter().filter(|f| name != "bitnet-2b4t-i2s" || *f == "i2_s")
        {
            for source in [&model, &folder] {
                let (_dir, out, _) = round_trip(source, format);
                let again = load_as(&out, name == "bitnet_b1_58");
                assert_same(&model, &again, &format!("{name} as {format}"));
                assert_eq!(again.weights.embedding.to_dense(), model.weights.embedding.to_dense());
            }
        }
        if name == "llama-158" {
            let text = "Mia said: 12 or 123? <|eot_id|>\n\n the  book";
            let ids = |path: &Path| Tokenizer::open(path).unwrap().encode(text).unwrap();
            assert_eq!(ids(&path), ids(&out), "the tokenizer came along");
            assert!(ChatTemplate::open(&out).unwrap().is_some());
            let (_dir, back, notes) = round_trip(&folder, "tq2_0");
            assert_eq!(notes, Vec::<String>::new());
            assert_eq!(ids(&path), ids(&back), "and back");
        }
    }
}

#[test]
fn the_shipped_model_becomes_a_gguf_with_its_tokenizer() {
    let path = reference().join("../../../models/stories");
    let model = load(&path);
    for format in ["tq2_0", "tq1_0", "i2_s"] {
        let (_dir, out, notes) = round_trip(&model, format);
        assert_eq!(notes, Vec::<String>::new());
        assert_same(&model, &load(&out), format);
        let ids = |path: &Path| {
            Tokenizer::open(path).unwrap().encode("Once upon a time, Mia was in the park.").unwrap()
        };
        assert_eq!(ids(&path), ids(&out));
    }
}

#[test]
fn a_changed_code_would_be_seen() {
    let model = load(&reference().join("falcon3"));
    let (_dir, out, _) = round_trip(&model, "safetensors");
    let file = out.join("model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= if bytes[last] & 3 == 1 { 1 } else { 2 };
    std::fs::write(&file, bytes).unwrap();
    let other = Model::load(&out);
    let differs =
        other.map(|o| o.matrices().zip(model.matrices()).any(|((_, a), (_, b))| a.codes() != b.codes()));
    assert!(differs.unwrap_or(true));
}

#[test]
fn what_cannot_be_written_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let message = |case: &str, format: &str, force: bool| {
        let result =
            write(&load(&reference().join(case)), &[format.parse().unwrap()], &out, force, |_, _| {});
        result.unwrap_err().to_string().replace(&*dir.path().to_string_lossy(), "FOLDER")
    };
    let mut all = vec![
        message("falcon3", "tq2_0", false),
        message("bitnet_b1_58-large", "i2_s", false),
        message("mistral-window", "i2_s", false),
        "nonsense".parse::<Format>().unwrap_err(),
    ];
    assert!(!out.exists(), "nothing is left behind");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("mine"), "kept").unwrap();
    all.push(message("falcon3", "safetensors", false));
    all.push(message("falcon3", "tq2_0", true));
    assert!(out.join("mine").exists(), "a failure replaces nothing");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_command_writes_both() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sterna"));
        command.args(["convert", "-o"]).arg(&out).args(more).output().unwrap()
    };
    let model = reference().join("../../../models/stories");
    let model = model.to_string_lossy();
    let output = run(&[&model, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> =
        value["files"].as_array().unwrap().iter().map(|f| f["file"].as_str().unwrap()).collect();
    assert!(names.contains(&"model-TQ2_0.gguf") && names.contains(&"model.safetensors"), "{names:?}");
    assert!(names.contains(&"tokenizer.json") && names.contains(&"config.json"), "{names:?}");
    assert!(!run(&[&model]).status.success(), "an existing folder is not overwritten");
    assert!(run(&[&model, "--force", "--format", "i2_s"]).status.success());
}
