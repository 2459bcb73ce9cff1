//! The attention unit's printed Verilog under the tools: no warning from Verilator, Icarus Verilog and Yosys.

use std::path::Path;
use std::process::Command;
use sterna_hdl::blocks::attention::attention;
use sterna_hdl::dsl::emit;
use sterna_spec::config::Config;

/// Runs a tool; its output must be empty and its status zero.
fn silent(dir: &Path, tool: &str, args: &[&str]) {
    let out = Command::new(tool).args(args).current_dir(dir).output().expect(tool);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.trim().is_empty(), "{tool} {args:?} in {}:\n{text}", dir.display());
}

#[test]
fn lint_clean() {
    let tiny = Config::preset("tiny").unwrap();
    // side by side tokens, padded descriptors, three rows and slots; and one of everything
    let wide = Config {
        port_bytes: 64,
        attention_width: 32,
        lanes: 8,
        slots: 3,
        rows: 3,
        head_size: 64,
        ..tiny.clone()
    };
    let narrow = Config {
        port_bytes: 4,
        attention_width: 4,
        slots: 1,
        rows: 1,
        tables: 6,
        head_size: 4,
        heads: 1,
        ..tiny.clone()
    };
    for config in [tiny, wide, narrow] {
        assert_eq!(config.check(), Vec::<String>::new());
        let dir = tempfile::tempdir().unwrap();
        let files = emit(&attention(&config)).unwrap_or_else(|e| panic!("{e}"));
        for (name, text) in &files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let dir = dir.path();
        silent(
            dir,
            "verilator",
            &[&["--lint-only", "-Wall", "--top-module", "attention"], &names[..]].concat(),
        );
        silent(
            dir,
            "iverilog",
            &[&["-Wall", "-g2001", "-t", "null", "-s", "attention"], &names[..]].concat(),
        );
        let script =
            format!("read_verilog {}; hierarchy -check -top attention; proc; check -assert", names.join(" "));
        silent(dir, "yosys", &["-q", "-p", &script]);
    }
}
