//! The vector unit under the tools: no warning from Verilator, Icarus Verilog and Yosys.

use std::path::Path;
use std::process::Command;
use sterna_hdl::blocks::vector::vector;
use sterna_hdl::dsl::emit;
use sterna_spec::config::Config;

/// Runs a tool; its output must be empty and its status zero.
fn silent(dir: &Path, tool: &str, args: &[&str]) {
    let out = Command::new(tool).args(args).current_dir(dir).output().expect(tool);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.trim().is_empty(), "{tool} {args:?} in {}:\n{text}", dir.display());
}

fn lint(config: &Config) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let top = vector(config);
    let files = emit(&top).unwrap_or_else(|e| panic!("{e}"));
    for (name, text) in &files {
        std::fs::write(dir.path().join(name), text).expect("write");
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    silent(
        dir.path(),
        "verilator",
        &[&["--lint-only", "-Wall", "--top-module", "vector"], &names[..]].concat(),
    );
    silent(
        dir.path(),
        "iverilog",
        &[&["-Wall", "-g2001", "-t", "null", "-s", "vector"], &names[..]].concat(),
    );
    let script =
        format!("read_verilog {}; hierarchy -check -top vector; proc; check -assert", names.join(" "));
    silent(dir.path(), "yosys", &["-q", "-p", &script]);
}

#[test]
fn tiny_is_lint_clean() {
    lint(&Config::preset("tiny").expect("a preset"));
}

#[test]
fn many_lanes_and_one_row_with_probe_are_lint_clean() {
    let tiny = Config::preset("tiny").expect("a preset");
    lint(&Config { rows: 1, lanes: 16, attention_width: 16, port_bytes: 16, probe: true, ..tiny });
}
