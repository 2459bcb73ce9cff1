//! The README's commands do what they say, and the command line gives the same tokens on golden model and simulation.

use std::process::{Command, Output};

use serde_json::Value;
use sterna_tests::programs::root;

/// Runs `cargo run` with the given arguments, in the profile that tests have: the build is there already.
fn cargo_run(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_string_lossy().into_owned();
    let args = args.iter().map(|&arg| if arg == "out" { out.clone() } else { arg.replace('"', "") });
    let output = Command::new(env!("CARGO"))
        .arg("run")
        .arg("--quiet")
        .args(args)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Words of a shell line; quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_of_the_readme_run() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let commands: Vec<_> =
        readme.lines().filter_map(|line| line.strip_prefix("cargo run --release ")).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let words = words(command.split(" #").next().unwrap());
        println!("{command}");
        let output = cargo_run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            !output.stdout.is_empty() || words.contains(&"emit".to_string()),
            "{command} prints something"
        );
    }
}

#[test]
fn golden_and_simulation_print_the_same_tokens() {
    let run = |device: &str| -> Value {
        let args = [
            "--",
            "run",
            "--device",
            device,
            "-p",
            "Once upon a time",
            "-n",
            "6",
            "--temp",
            "0.7",
            "--seed",
            "3",
            "--json",
        ];
        serde_json::from_slice(&cargo_run(&args).stdout).unwrap()
    };
    let (golden, sim) = (run("golden"), run("sim"));
    assert_eq!(golden["tokens"], sim["tokens"]);
    assert_eq!(golden["text"], sim["text"]);
    assert_eq!(golden["tokens"].as_array().unwrap().len(), 6);
    assert!(sim["decode"]["cycles"].as_u64() > Some(100_000) && golden["decode"]["cycles"].is_null());
}
