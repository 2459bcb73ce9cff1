//! `sterna eval`, `perplexity`, `logits` and the ways to give a prompt, as users meet them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use sterna_host::compile::{Options, compile};
use sterna_host::flips::first_flip;
use sterna_host::model::Model;
use sterna_host::reference::Reference;
use sterna_spec::config::Config;

fn sterna(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = sterna(args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).into()
}

fn reference(case: &str) -> String {
    root().join("tests/data/reference").join(case).to_string_lossy().into_owned()
}

#[test]
fn eval_tells_what_each_approximation_costs() {
    let value = json(&["eval", "-n", "150", "--json"]);
    assert_eq!((&value["tokens"], &value["device"]), (&150.into(), &"golden:tiny".into()));
    let rows = value["rows"].as_array().unwrap();
    let kl = |i: usize| rows[i]["kl_mean"].as_f64().unwrap();
    assert_eq!((kl(0), rows[0]["top1_agreement"].as_f64()), (0.0, Some(1.0)), "the reference against itself");
    for (i, row) in rows.iter().enumerate().skip(1) {
        assert!(kl(i) > 0.0 && kl(i) < 1e-3, "row {i}: {value}");
        let error = row["logit_error"].as_f64();
        assert!(error > Some(0.0) && error < row["logit_range"].as_f64(), "row {i}: {value}");
    }
    let perplexity = |i: usize| rows[i]["perplexity"].as_f64().unwrap();
    assert!((perplexity(3) / perplexity(0) - 1.0).abs() < 0.01);
    // keys and values of the first token are rounded before the first output projection
    assert_eq!((&value["first_flip"]["layer"], &value["first_flip"]["group"]), (&0.into(), &"output".into()));
}

#[test]
fn eval_takes_ids_where_there_is_no_tokenizer() {
    let value = json(&["eval", "-m", &reference("falcon3"), "--tokens", "3,1,4,1,5,9,2,6,5", "--json"]);
    assert_eq!((&value["tokens"], &value["pieces"]), (&9.into(), &1.into()));
    assert!(value["rows"][3]["kl_mean"].as_f64() < Some(1e-2), "{value}");
}

#[test]
fn fewer_planes_cost_more() {
    let divergence = |planes: &str| {
        let value = json(&["eval", "-n", "40", "--planes", planes, "--json"]);
        value["rows"][2]["kl_mean"].as_f64().unwrap()
    };
    let [two, three, four] = ["2", "3", "4"].map(divergence);
    assert!(two > 3.0 * three && three > 3.0 * four, "{two} {three} {four}");
}

#[test]
fn logits_of_reference_and_device_are_files() {
    let dir = tempfile::tempdir().unwrap();
    let model = reference("bitnet-2b4t");
    let mut all = Vec::new();
    for device in ["reference", "golden"] {
        let path = dir.path().join(format!("{device}.safetensors"));
        let out = path.to_string_lossy();
        let value = json(&[
            "logits",
            "-m",
            &model,
            "--tokens",
            "3,1,4,1,5",
            "--device",
            device,
            "-o",
            &out,
            "--json",
        ]);
        assert_eq!((&value["positions"], &value["vocab"]), (&5.into(), &72.into()));
        let bytes = std::fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let logits = file.tensor("logits").unwrap();
        assert_eq!(logits.shape(), [5, 72]);
        let values = logits.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        all.push(values.collect::<Vec<f32>>());
    }
    let want = Reference::new(&Model::load(model.as_ref()).unwrap()).forward(&[3, 1, 4, 1, 5]);
    assert_eq!(all[0], want.iter().copied().collect::<Vec<_>>());
    assert_ne!(all[0], all[1]);
    let worst = all[0].iter().zip(&all[1]).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(worst < 0.5, "{worst}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no parts are left behind");
}

#[test]
fn perplexity_counts_the_second_half_of_each_piece() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("text");
    std::fs::write(
        &file,
        std::fs::read_to_string(root().join("models/stories/eval.txt")).unwrap().replace("\n\n", " "),
    )
    .unwrap();
    let file = file.to_string_lossy();
    let value =
        json(&["perplexity", "-f", &file, "-n", "200", "-c", "40", "--device", "reference", "--json"]);
    assert_eq!((&value["pieces"], &value["predictions"]), (&5.into(), &(5 * 19).into()));
    let device = json(&["perplexity", "-f", &file, "-n", "200", "-c", "40", "--json"]);
    let figure = |v: &Value| v["perplexity"].as_f64().unwrap();
    assert!(
        figure(&value) > 1.0 && (figure(&value) / figure(&device) - 1.0).abs() < 0.01,
        "{value} {device}"
    );
}

#[test]
fn prompts_are_text_ids_or_conversations() {
    let gguf = reference("gguf/llama-158.gguf");
    let run = |more: &[&str]| {
        let args =
            [&["run", "-m", &gguf, "--device", "golden", "-c", "64", "-n", "4", "--json"][..], more].concat();
        json(&args)
    };
    let ids = run(&["--tokens", "3,4"]);
    assert_eq!((&ids["prompt_tokens"], ids["tokens"].as_array().unwrap().len()), (&2.into(), 4));
    let chat = run(&["--chat", "Where is Mia?", "--system", "You tell stories."]);
    let plain = run(&["-p", "Where is Mia?"]);
    assert!(chat["prompt_tokens"].as_u64() > plain["prompt_tokens"].as_u64());
    // a model without a tokenizer takes ids and gives ids
    let output = sterna(&[
        "run",
        "-m",
        &reference("bitnet-2b4t"),
        "--device",
        "golden",
        "--tokens",
        "3,4",
        "-n",
        "3",
        "-c",
        "16",
    ]);
    let said = text(&output.stdout);
    assert_eq!(said.split_whitespace().filter_map(|id| id.parse::<u32>().ok()).count(), 3, "{said}");
}

#[test]
fn end_tokens_of_the_tokenizer_end_a_text_too() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root().join("models/stories")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let path = dir.path().to_string_lossy().into_owned();
    let count = || {
        let value = json(&["run", "-m", &path, "--device", "golden", "-n", "330", "--json"]);
        value["tokens"].as_array().unwrap().len()
    };
    let told = count();
    assert!((20..330).contains(&told), "a story has an end: {told}");
    // without the configuration's word for it, the tokenizer's special token </s> remains
    std::fs::write(dir.path().join("generation_config.json"), "{}").unwrap();
    let config = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
    std::fs::write(dir.path().join("config.json"), config.replace("\"eos_token_id\": 1,", "")).unwrap();
    assert!(Model::load(dir.path()).unwrap().config.eos.is_empty());
    assert_eq!(count(), told);
}

#[test]
fn a_tokenizer_that_stops_its_library_is_one_sentence() {
    // a post-processor that names a token which the file does not hold
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    let json = r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"zz","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{}},"decoder":null,"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"vocab":{"a":0,"b":1},"merges":[]}}"#;
    std::fs::write(file.path(), json).unwrap();
    let path = file.path().to_string_lossy();
    let output = sterna(&["run", "--device", "golden", "-n", "1", "-p", "a", "--tokenizer", &path]);
    let said = text(&output.stderr);
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn failures_name_the_remedy() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_string_lossy().into_owned();
    let model = reference("bitnet-2b4t");
    let cases: &[&[&str]] = &[
        &["run", "-m", &model, "-p", "Hello", "--device", "golden"],
        &["run", "--chat", "Hello", "--device", "golden"],
        &["run", "--shape", "falcon3-1b", "-p", "Hello", "--device", "golden"],
        &["run", "--shape", "gpt-5", "--tokens", "1", "--device", "golden"],
        &["run", "--device", "replay:no/such/file"],
        &["replay", "Cargo.toml"],
        &["run", "--tokens", "1,900", "--device", "golden"],
        &["run", "--tokens", "1,x", "--device", "golden"],
        &["logits", "--tokens", "1", "-o", "/absent/folder/file"],
        &["logits", "-p", "a", "--device", "referee", "-o", "x"],
        &["eval", "-m", &model],
        &["eval", "-f", "no/such/text"],
        &["eval", "-f", &empty],
        &["eval", "--planes", "6"],
        &["perplexity", "-c", "1"],
        &["perplexity", "-f", &reference("README.md"), "-n", "100", "-c", "200"],
    ];
    let all = cases.iter().map(|args| {
        let output = sterna(args);
        assert!(output.stdout.is_empty());
        let said = text(&output.stderr);
        let line = said.lines().find(|line| line.starts_with("error")).unwrap_or_default();
        format!("{} {}: {line}", output.status.code().unwrap(), args.join(" "))
    });
    let all = all
        .collect::<Vec<_>>()
        .join("\n")
        .replace(&*root().to_string_lossy(), "ROOT")
        .replace(&empty, "EMPTY");
    insta::assert_snapshot!(all.replace(", sim", ""));
}

#[test]
fn a_flip_is_found_where_it_was_made() {
    let path = root().join("tests/data/reference/bitnet-2b4t");
    let (model, mut other) = (Model::load(&path).unwrap(), Model::load(&path).unwrap());
    other.weights.layers[0].input_norm.swap(7, 8);
    let config = Config::preset("tiny").unwrap();
    let options = Options { context: 8, planes: Some(5), ..Options::default() };
    let flip =
        |m: &Model| first_flip(&model, &compile(m, &config, &options).unwrap(), &[1, 2]).unwrap().unwrap();
    let (clean, spoiled) = (flip(&model), flip(&other));
    assert_eq!(
        (clean.layer, clean.group, clean.position),
        (0, "output", 0),
        "rounded keys and values: {clean:?}"
    );
    assert!((clean.device - clean.reference).abs() == 1, "{clean:?}");
    assert_eq!((spoiled.layer, spoiled.group), (0, "query, key and value"), "{spoiled:?}");
    assert!([7, 8].contains(&spoiled.element), "{spoiled:?}");
}
