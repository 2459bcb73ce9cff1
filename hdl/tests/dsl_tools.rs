//! The printed Verilog under the tools: no warning from Verilator, Icarus Verilog and Yosys, and the same values from
//! Icarus Verilog as from the evaluator.

mod common;

use common::{Case, random_module, to_bits};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use sterna_hdl::dsl::*;

/// Runs a tool; its output must be empty and its status zero.
fn silent(dir: &Path, tool: &str, args: &[&str]) {
    let out = Command::new(tool).args(args).current_dir(dir).output().expect(tool);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.trim().is_empty(), "{tool} {args:?} in {}:\n{text}", dir.display());
}

/// The text of the module that a test fails on.
fn show(top: &Module) {
    println!("{}", verilog(top).unwrap_or_else(|e| e.to_string()));
}

fn write_files(dir: &Path, top: &Module) -> Vec<String> {
    let files = emit(top).unwrap_or_else(|e| panic!("{e}"));
    for (name, text) in &files {
        std::fs::write(dir.join(name), text).expect("write");
    }
    files.into_keys().collect()
}

/// Lints a hierarchy with all three tools. Random expressions contain parts that Verilator finds to be constant; for
/// them `more` turns the warnings of that off.
fn lint(dir: &Path, top: &Module, more: &[&str]) -> Vec<String> {
    let files = write_files(dir, top);
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let module = top.name();
    silent(
        dir,
        "verilator",
        &[&["--lint-only", "-Wall", "--top-module", &module], more, &names[..]].concat(),
    );
    silent(dir, "iverilog", &[&["-Wall", "-g2001", "-t", "null", "-s", &module], &names[..]].concat());
    let script =
        format!("read_verilog {}; hierarchy -check -top {module}; proc; check -assert", files.join(" "));
    silent(dir, "yosys", &["-q", "-p", &script]);
    files
}

/// Verilog literal of a value.
fn hex(b: &Bits) -> String {
    format!("{}'h{b:x}", b.width())
}

/// Runs a test bench under Icarus Verilog; it prints nothing when all is well.
fn simulate(dir: &Path, files: &[String], bench: &str) {
    std::fs::write(dir.join("bench.v"), bench).expect("write");
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let args = [&["-g2001", "-o", "bench.vvp", "-s", "bench", "bench.v"], &names[..]].concat();
    silent(dir, "iverilog", &args);
    silent(dir, "vvp", &["-n", "bench.vvp"]);
}

/// Random expressions print without warnings and mean the same to Icarus Verilog as to the evaluator.
fn check_expressions(seed: u64, width: u32, depth: u32) {
    let Case { module, mut maker, outputs } = random_module("random", seed, width, 8, depth);
    let dir = tempfile::tempdir().expect("temporary folder");
    println!("seed {seed}, width {width}, depth {depth}");
    show(&module);
    let off = ["-Wno-UNSIGNED", "-Wno-CMPCONST", "-Wno-UNUSEDSIGNAL"];
    let files = lint(dir.path(), &module, &off[..if depth > 3 || seed % 10_000 > 20 { 3 } else { 2 }]);
    let mut sim = Sim::new(&module).unwrap_or_else(|e| panic!("{e}"));
    let (mut decls, mut pins, mut body) = (String::new(), vec![], String::new());
    for (i, ty) in maker.inputs.iter().enumerate() {
        writeln!(decls, "reg [{}:0] i{i};", ty.width - 1).expect("text");
        pins.push(format!(".i{i}(i{i})"));
    }
    for (at, e) in outputs.iter().enumerate() {
        writeln!(decls, "wire [{}:0] y{at};", e.ty.width - 1).expect("text");
        pins.push(format!(".y{at}(y{at})"));
    }
    for _ in 0..24 {
        for (i, ty) in maker.inputs.clone().into_iter().enumerate() {
            let bits = to_bits(&maker.value(ty), ty.width);
            writeln!(body, "i{i} = {};", hex(&bits)).expect("text");
            sim.set(&format!("i{i}"), bits);
        }
        writeln!(body, "#1;").expect("text");
        for at in 0..outputs.len() {
            let want = hex(&sim.bits(&format!("y{at}")));
            let say = format!("$display(\"y{at} is %h, the evaluator says {want}\", y{at})");
            writeln!(body, "if (y{at} !== {want}) {say};").expect("text");
        }
    }
    let bench = format!(
        "module bench;\n{decls}\nrandom dut({});\ninitial begin\n{body}\nend\nendmodule\n",
        pins.join(", ")
    );
    simulate(dir.path(), &files, &bench);
}

/// Modules in each test; `STERNA_SEEDS` asks for more.
fn seeds(usual: u64) -> u64 {
    std::env::var("STERNA_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn narrow_expressions() {
    (0..seeds(20)).for_each(|seed| check_expressions(seed, 10, 2 + seed as u32 % 4));
}

#[test]
fn wide_expressions() {
    (10_000..10_000 + seeds(8)).for_each(|seed| check_expressions(seed, 700, 2 + seed as u32 % 3));
}
