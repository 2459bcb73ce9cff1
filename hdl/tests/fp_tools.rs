//! The Verilog of the binary32 modules under the tools: no warning from Verilator, Icarus Verilog and Yosys, and the answers that
//! Icarus Verilog computes are those of the evaluator.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use sterna_hdl::blocks::fp::{self, Pace};
use sterna_hdl::dsl::{Bits, Module, Sim, emit};

const SEED: u64 = 0x57e2_4a02;
const OPERANDS: usize = 4000;

/// A module with its inputs (name, width) and its output.
struct Unit {
    module: Module,
    inputs: Vec<(&'static str, u32)>,
    output: (&'static str, u32),
}

fn units() -> Vec<Unit> {
    let unit =
        |module, inputs: &[(&'static str, u32)], output| Unit { module, inputs: inputs.to_vec(), output };
    let units = |pace| {
        vec![
            unit(fp::mul(pace), &[("a", 32), ("b", 32)], ("product", 32)),
            unit(fp::add(pace), &[("a", 32), ("b", 32)], ("sum", 32)),
            unit(fp::int_to_f32(40, pace), &[("value", 40)], ("result", 32)),
            unit(fp::int_to_f32(32, pace), &[("value", 32)], ("result", 32)),
            unit(fp::f32_to_int(8, pace), &[("x", 32)], ("value", 8)),
            unit(fp::f32_to_int(16, pace), &[("x", 32)], ("value", 16)),
            unit(fp::fix24(pace), &[("p", 32)], ("fixed", 25)),
            unit(fp::sfu(pace), &[("x", 32), ("func", 3)], ("result", 32)),
        ]
    };
    Pace::ALL.into_iter().flat_map(units).collect()
}

/// Runs a tool; its status must be zero, and what it says is returned.
fn run(dir: &Path, tool: &str, args: &[&str]) -> String {
    let out = Command::new(tool).args(args).current_dir(dir).output().expect(tool);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{tool} {args:?}:\n{text}");
    text
}

fn silent(dir: &Path, tool: &str, args: &[&str]) {
    let text = run(dir, tool, args);
    assert!(text.trim().is_empty(), "{tool} {args:?}:\n{text}");
}

/// Writes the module and returns the name of its file: none of them has modules below it.
fn write(dir: &Path, module: &Module) -> String {
    let mut files = emit(module).unwrap_or_else(|e| panic!("{e}"));
    let (name, text) = files.pop_first().expect("a file");
    assert!(files.is_empty());
    std::fs::write(dir.join(&name), text).expect("write");
    name
}

#[test]
fn no_tool_warns() {
    let dir = tempfile::tempdir().expect("temporary folder");
    for unit in units() {
        let (top, file) = (unit.module.name(), write(dir.path(), &unit.module));
        silent(dir.path(), "verilator", &["--lint-only", "-Wall", "--top-module", &top, &file]);
        silent(dir.path(), "iverilog", &["-Wall", "-g2001", "-t", "null", "-s", &top, &file]);
        let script = format!("read_verilog {file}; hierarchy -check -top {top}; proc; check -assert");
        silent(dir.path(), "yosys", &["-q", "-p", &script]);
    }
}

/// A test bench that feeds the words of `operands.hex` (all inputs joined, the first one lowest) and prints the output before each edge.
fn bench(unit: &Unit, operands: &[Vec<u64>]) -> (String, String) {
    let total: u32 = unit.inputs.iter().map(|i| i.1).sum();
    let (mut at, mut pins) = (0, String::new());
    for (name, width) in &unit.inputs {
        write!(pins, ".{name}(joined[{at} +: {width}]), ").expect("text");
        at += width;
    }
    let (output, width) = unit.output;
    let (top, n) = (unit.module.name(), operands.len());
    let text = format!(
        "module bench;
    reg clk = 0;
    reg [{total}-1:0] operands [0:{n}-1];
    reg [{total}-1:0] joined;
    wire [{width}-1:0] answer;
    {top} dut ({pins}.{output}(answer), .clk(clk));
    integer i;
    initial begin
        $readmemh(\"operands.hex\", operands);
        for (i = 0; i < {n}; i = i + 1) begin
            joined = operands[i];
            #1 $display(\"%h\", answer);
            clk = 1;
            #1 clk = 0;
        end
    end
endmodule
"
    );
    let mut hex = String::new();
    for values in operands {
        let joined =
            values.iter().zip(&unit.inputs).rev().fold(0u128, |all, (v, i)| all << i.1 | u128::from(*v));
        writeln!(hex, "{joined:x}").expect("text");
    }
    (text, hex)
}

/// The output before each edge, from the evaluator.
fn evaluated(unit: &Unit, operands: &[Vec<u64>]) -> Vec<u64> {
    let mut sim = Sim::new(&unit.module).unwrap_or_else(|e| panic!("{e}"));
    let mut answers = Vec::new();
    for values in operands {
        for ((name, width), value) in unit.inputs.iter().zip(values) {
            sim.set(name, Bits::from_u64(*width, *value));
        }
        answers.push(sim.get(unit.output.0));
        sim.tick();
    }
    answers
}

#[test]
fn icarus_and_evaluator_agree() {
    const WARM_UP: usize = 16;
    for unit in units() {
        println!("{}, seed {SEED:#x}", unit.module.name());
        let dir = tempfile::tempdir().expect("temporary folder");
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut operand = |width: u32| {
            let bits: u64 = random.random();
            // Half of the words have an exponent near that of 1, so that operations meet.
            let near = bits & 0x87ff_ffff | 0x3c00_0000;
            (if random.random() && width == 32 { near } else { bits }) & ((1 << width) - 1)
        };
        let operands: Vec<Vec<u64>> =
            (0..OPERANDS).map(|_| unit.inputs.iter().map(|i| operand(i.1)).collect()).collect();
        let (text, hex) = bench(&unit, &operands);
        let file = write(dir.path(), &unit.module);
        std::fs::write(dir.path().join("bench.v"), text).expect("write");
        std::fs::write(dir.path().join("operands.hex"), hex).expect("write");
        silent(dir.path(), "iverilog", &["-g2001", "-o", "bench.vvp", "-s", "bench", "bench.v", &file]);
        let shown = run(dir.path(), "vvp", &["-n", "bench.vvp"]);
        let expected = evaluated(&unit, &operands);
        assert_eq!(shown.lines().count(), OPERANDS);
        for (cycle, (got, expected)) in shown.lines().zip(expected).enumerate().skip(WARM_UP) {
            let got = u64::from_str_radix(got, 16).unwrap_or_else(|_| panic!("cycle {cycle}: `{got}`"));
            assert_eq!(got, expected, "{} in cycle {cycle}", unit.module.name());
        }
    }
}
