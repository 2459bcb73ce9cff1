//! `sterna inspect`, the doctor: what it says of sound models, and what it finds in damaged ones.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use sterna_host::compile::{Options, compile};
use sterna_host::diagnosis::Diagnosis;
use sterna_host::model::Model;
use sterna_host::ternary::Ternary;
use sterna_spec::config::Config;

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).into()
}

fn inspect(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sterna")).arg("inspect").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    text.replace(&*root().to_string_lossy(), "ROOT")
}

fn case(name: &str) -> String {
    root().join("tests/data/reference").join(name).to_string_lossy().into_owned()
}

#[test]
fn the_shipped_model_is_described() {
    let value: Value = serde_json::from_str(&inspect(&["--json"])).unwrap();
    let matrices = value["matrices"].as_array().unwrap();
    let weights: u64 =
        matrices.iter().map(|m| m["shape"][0].as_u64().unwrap() * m["shape"][1].as_u64().unwrap()).sum();
    assert_eq!(value["ternary_weights"], weights);
    for m in matrices {
        let sum: f64 = ["minus", "zero", "plus"].map(|k| m[k].as_f64().unwrap()).iter().sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }
    assert_eq!((value["suspicious"].as_array().unwrap().len(), &value["tokenizer"]), (0, &447.into()));
    let tiny = value["devices"].as_array().unwrap().iter().find(|d| d["preset"] == "tiny").unwrap();
    assert!(tiny["total"].as_u64() > Some(1 << 20));
    // 100 MHz times 8 bytes, over the bytes of a token: above what the simulation reaches, and not far
    let speed = tiny["tokens_per_second_modelled"].as_f64().unwrap();
    assert!(speed > 809.0 && speed < 1000.0, "{speed}");
}

#[test]
fn small_models_as_text() {
    let all = [
        inspect(&[&case("mistral-window"), "--device", "golden:tiny"]),
        inspect(&[&case("gguf/llama-158.gguf"), "--device", "golden:tiny"]),
        inspect(&[&case("gguf/bitnet-2b4t-i2s.gguf"), "--device", "golden:tiny"]),
        inspect(&[&case("gguf/bitnet-2b4t-i2s.gguf"), "--device", "golden:tiny", "--i2s-layout", "arm"]),
    ];
    insta::assert_snapshot!(all.join("\n--------\n"));
}

#[test]
fn a_full_size_shape_says_what_it_needs() {
    let value: Value = serde_json::from_str(
        inspect(&["--shape", "bitnet_b1_58-large", "--device", "golden:tiny", "--json"])
            .lines()
            .filter(|l| !l.starts_with("note"))
            .collect::<String>()
            .as_str(),
    )
    .unwrap();
    assert_eq!(value["ternary_weights"], 679_477_248u64);
    let problem = value["devices"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("head size") && problem.contains("widest matrix input"), "{problem}");
}

#[test]
fn damaged_matrices_are_called_out() {
    let path = root().join("models/stories");
    let devices: [Config; 0] = [];
    let suspicions = |change: &dyn Fn(i8, usize) -> i8| {
        let mut model = Model::load(&path).unwrap();
        let old = &model.weights.layers[1].up;
        let mut codes = old.codes();
        codes.iter_mut().enumerate().for_each(|(i, c)| *c = change(*c, i));
        model.weights.layers[1].up = Ternary::dense(codes, old.scale);
        Diagnosis::new(&model, &devices).suspicions
    };
    assert_eq!(suspicions(&|c, _| c), Vec::<String>::new());
    let mut all = suspicions(&|c, i| if i % 3 > 0 { 0 } else { c });
    all.extend(suspicions(&|c, i| if i % 10 == 0 { 1 } else { c }));
    all.extend(suspicions(&|c, _| if c == 0 { 1 } else { c }));
    assert_eq!(all.len(), 3);
    let mut model = Model::load(&path).unwrap();
    model.config.vocab = 300;
    all.extend(Diagnosis::new(&model, &devices).suspicions);
    let digits = |line: &String| line.replace(|c: char| c.is_ascii_digit(), "N");
    insta::assert_snapshot!(all.iter().map(digits).collect::<Vec<_>>().join("\n"));
}

#[test]
fn memory_is_what_the_compiler_takes() {
    let model = Model::load(case("falcon-e").as_ref()).unwrap();
    let tiny = Config::preset("tiny").unwrap();
    let found = Diagnosis::new(&model, std::slice::from_ref(&tiny));
    let needs = found.fits[0].needs.as_ref().unwrap();
    let image = compile(&model, &tiny, &Options { context: 128, ..Options::default() }).unwrap();
    assert_eq!(needs.total, image.memory_bytes());
    assert!(needs.bytes_a_token > (image.map.step.beats * tiny.beat_bytes()) as u64);
}
