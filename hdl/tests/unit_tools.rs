//! Verilog of units, of memory controllers and of the serial port under the tools: not a warning from Verilator, Icarus Verilog and Yosys.

use std::path::Path;
use std::process::Command;

use sterna_hdl::blocks::arbiter::arbiter;
use sterna_hdl::blocks::bridge::{Board, bridge};
use sterna_hdl::blocks::matmul::matmul;
use sterna_hdl::blocks::sdram::sdram;
use sterna_hdl::blocks::store::store;
use sterna_hdl::blocks::topk::topk;
use sterna_hdl::blocks::uart::{receiver, transmitter};
use sterna_hdl::dsl::{Module, emit};
use sterna_spec::config::{Config, TableKind};
use sterna_spec::sdram::CHIPS;

/// Runs a tool; its output must be empty and its status zero.
fn silent(dir: &Path, tool: &str, args: &[&str]) {
    let out = Command::new(tool).args(args).current_dir(dir).output().expect(tool);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.trim().is_empty(), "{tool} {args:?} in {}:\n{text}", dir.display());
}

/// Lints the three units of a configuration.
fn lint(config: &Config) {
    assert_eq!(config.check(), Vec::<String>::new());
    [matmul(config), store(config), topk(config)].iter().for_each(lint_module);
}

/// Lints a module with all three tools.
fn lint_module(top: &Module) {
    let dir = tempfile::tempdir().expect("directory");
    let dir = dir.path();
    let files = emit(top).unwrap_or_else(|e| panic!("{e}"));
    for (name, text) in &files {
        std::fs::write(dir.join(name), text).expect("write");
    }
    let module = top.name();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    silent(dir, "verilator", &[&["--lint-only", "-Wall", "--top-module", &module], &names[..]].concat());
    silent(dir, "iverilog", &[&["-Wall", "-g2001", "-t", "null", "-s", &module], &names[..]].concat());
    let script =
        format!("read_verilog {}; hierarchy -check -top {module}; proc; check -assert", names.join(" "));
    silent(dir, "yosys", &["-q", "-p", &script]);
}

#[test]
fn tiny_is_clean() {
    lint(&Config::preset("tiny").expect("preset"));
}

#[test]
fn wide_look_ups_are_clean() {
    let tiny = Config::preset("tiny").expect("preset");
    let full = Config { lookups: 8, tables: 3, group: 2, port_bytes: 16, rows: 3, ..tiny.clone() };
    lint(&Config { table_kind: TableKind::Full, table_banks: 1, ..full });
    lint(&Config { lookups: 4, tables: 5, group: 4, port_bytes: 16, rows: 1, top_k: 64, ..tiny });
}

#[test]
fn memory_controllers_are_clean() {
    let tiny = Config::preset("tiny").expect("preset");
    for chip in CHIPS {
        for (port_bytes, pads, clock_mhz) in [(8, 0, 80), (16, 2, 80), (4, 2, 54), (8, 2, 54)] {
            let config = Config { port_bytes, clock_mhz, ..tiny.clone() };
            lint_module(&sdram(&config, chip, clock_mhz * 1_000_000, pads));
        }
    }
    lint_module(&arbiter(&tiny));
    lint_module(&arbiter(&Config { clock_mhz: 54, ..tiny }));
}

#[test]
fn serial_ports_are_clean() {
    for cycles in [4, 7, 16, 868] {
        [receiver(cycles), transmitter(cycles)].iter().for_each(lint_module);
    }
}

#[test]
fn bridges_are_clean() {
    let tiny = Config::preset("tiny").expect("preset");
    for (port_bytes, address_bits, memory_bytes) in [(4, 32, 1 << 25), (8, 40, 1 << 30), (64, 64, 3 << 20)] {
        for clock_mhz in [80, 54] {
            let config = Config { port_bytes, address_bits, clock_mhz, ..tiny.clone() };
            let clock_hz = clock_mhz * 1_000_000;
            lint_module(&bridge(&config, &Board { clock_hz, bit_cycles: 80, memory_bytes }));
        }
    }
}
