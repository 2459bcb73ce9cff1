//! The command line as users meet it: text, JSON, exit codes, one sentence for each failure.

use serde_json::Value;
use std::process::{Command, Output};

fn sterna(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code and the one line on standard error.
fn failure(args: &[&str]) -> (i32, String) {
    let output = sterna(args);
    assert!(output.stdout.is_empty(), "a failure prints nothing: {}", text(&output.stdout));
    let error = text(&output.stderr);
    (output.status.code().unwrap(), error.lines().next().unwrap_or_default().to_string())
}

#[test]
fn text_goes_to_stdout_and_the_rest_to_stderr() {
    let output = sterna(&["run", "--device", "golden", "-p", "Once upon a time,", "-n", "12"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let story = text(&output.stdout);
    assert!(story.split_whitespace().count() > 5, "{story:?}");
    assert!(!story.contains("prefill"));
    let report = text(&output.stderr);
    for part in [
        "Once upon a time,",
        "device   golden, preset tiny",
        "prefill",
        "decode   11 tokens in 11 steps",
        "wall",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
}

#[test]
fn json_is_exactly_one_object() {
    let args = ["run", "--device", "golden:tiny", "--json", "-n", "5", "--temp", "0.7", "--seed", "9"];
    let (first, second) = (sterna(&args), sterna(&args));
    let parse = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let (a, b) = (parse(&first), parse(&second));
    assert_eq!(a["tokens"], b["tokens"]);
    assert_eq!(a["text"], b["text"]);
    assert_eq!((a["tokens"].as_array().unwrap().len(), a["prompt_tokens"].as_u64()), (5, Some(1)));
    assert_eq!((&a["device"], &a["preset"]), (&"golden".into(), &"tiny".into()));
    assert_eq!(a["decode"]["steps"], 4);
    for key in ["cycles", "bytes_read", "memory_utilization", "tokens_per_second", "stalls"] {
        assert_eq!(a["prefill"].get(key), Some(&Value::Null), "{key}: golden has no cycles");
    }
    assert!(a["wall_seconds"].as_f64().unwrap() > 0.0 && a["clock_mhz"] == 100);
}

#[test]
fn failures_are_one_sentence_and_a_code() {
    let cases: &[&[&str]] = &[
        &["run", "-m", "no/such/folder"],
        &["run", "-c", "9999"],
        &["run", "--temp", "-1"],
        &["run", "--top-p", "2"],
        &["run", "--device", "toaster"],
        &["run", "--device", "golden:huge"],
        &["run", "--device", "golden:no.toml"],
        &["run", "--device", "uio:"],
        &["run", "--device", "uio:here,tiny", "--lockstep"],
        &["inspect", "no/such/folder"],
        &["jump"],
    ];
    let all = cases.iter().map(|args| {
        let (code, error) = failure(args);
        format!("{code} {}: {error}", args.join(" "))
    });
    // builds without the simulation have one device less
    let all = all.collect::<Vec<_>>().join("\n").replace(", sim", "");
    insta::assert_snapshot!(all.replace(&sterna_spec::config::PRESETS.join(", "), "PRESETS"));
}

#[test]
fn help_has_examples_and_completions_complete() {
    for args in [&["--help"][..], &["run", "--help"]] {
        assert!(text(&sterna(args).stdout).contains("Examples:"));
    }
    assert!(text(&sterna(&["completions", "bash"]).stdout).contains("_sterna"));
    assert!(text(&sterna(&["devices"]).stdout).contains("tiny"));
    let devices: Value = serde_json::from_slice(&sterna(&["devices", "--json"]).stdout).unwrap();
    assert_eq!(devices["presets"][0]["name"], "tiny");
}
