//! Mutants of the arithmetic by itself: the operands of `blocks/fp`, against [`sterna_spec::numbers`].
//!
//! All modules stand side by side in a top of the core's name, since `mutant` is an input of that.

use std::collections::BTreeMap;
use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::blocks::fp::{Latency, operands};
use sterna_spec::isa::Func;
use sterna_spec::numbers;
use verilated::{Design, Init, Model, Options, Port, Source};

use crate::suite::check;
use crate::text::{TOP, is_arithmetic};

/// Operands of a kind, beside the corner cases.
const COUNT: usize = 20_000;
/// Bits that choose an entry of the function's table.
const ENTRIES: u32 = 9;

/// Name, width of a port.
fn ports(text: &str, direction: &str) -> Vec<(String, u32)> {
    let line = |line: &str| {
        let rest = line.trim().strip_prefix(direction)?.trim_start().strip_prefix("wire")?.trim_start();
        let rest = rest.strip_prefix("signed").unwrap_or(rest).trim_start();
        let (width, name) = match rest.strip_prefix('[').and_then(|r| r.split_once(":0]")) {
            Some((high, name)) => (high.parse::<u32>().ok()? + 1, name),
            None => (1, rest),
        };
        Some((name.trim().split([',', ' ']).next()?.to_string(), width))
    };
    text.lines().filter_map(line).collect()
}

/// The arithmetic alone, with the mutants in it.
pub fn source(files: &BTreeMap<String, String>) -> Source {
    let mut source = Source::new(TOP);
    let (mut outputs, mut body) = (String::new(), String::new());
    for (file, text) in files.iter().filter(|(name, _)| name.ends_with(".v") && is_arithmetic(name)) {
        let module = file.trim_end_matches(".v");
        let _ = write!(body, "    {module} u_{module} (");
        for (name, width) in ports(text, "input") {
            let _ = match name.as_str() {
                "clk" => write!(body, ".clk(clk), "),
                "func" => write!(body, ".func(func), "),
                "b" => write!(body, ".b(b), "),
                _ => write!(body, ".{name}(a[{}:0]), ", width - 1),
            };
        }
        for (name, width) in ports(text, "output") {
            let _ = write!(outputs, ",\n    output wire [{}:0] {module}_{name}", width - 1);
            let _ = write!(body, ".{name}({module}_{name}), ");
        }
        body.truncate(body.len() - 2);
        body += ");\n";
        source = source.file(file.clone(), text.clone());
    }
    let inputs = "input wire clk, input wire [15:0] mutant, input wire [63:0] a, input wire [31:0] b,\n    input wire [2:0] func";
    source.file(format!("{TOP}.v"), format!("module {TOP} ({inputs}{outputs});\n{body}endmodule\n"))
}

/// One module's answers.
struct Unit {
    output: String,
    latency: u32,
    func: u64,
    operands: Vec<[u64; 2]>,
    golden: Box<dyn Fn([u64; 2]) -> u64>,
}

fn float(x: u64) -> f32 {
    f32::from_bits(x as u32)
}

fn units(files: &BTreeMap<String, String>, fp: Latency) -> Vec<Unit> {
    let pairs: Vec<[u64; 2]> =
        operands::pairs(COUNT, 5).into_iter().map(|pair| pair.map(u64::from)).collect();
    let one = |exponents, seed| -> Vec<[u64; 2]> {
        operands::singles(COUNT, exponents, seed).into_iter().map(|x| [x.into(), 0]).collect()
    };
    let unit = |output: &str, latency, operands, golden| Unit {
        output: output.into(),
        latency,
        func: 0,
        operands,
        golden,
    };
    let mut all = vec![
        unit(
            "f32_add_sum",
            fp.add,
            pairs.clone(),
            Box::new(|[a, b]| numbers::add(float(a), float(b)).to_bits().into()),
        ),
        unit(
            "f32_mul_product",
            fp.mul,
            pairs,
            Box::new(|[a, b]| numbers::mul(float(a), float(b)).to_bits().into()),
        ),
        unit(
            "f32_fix24_fixed",
            fp.fix24,
            one(90..130, 6),
            Box::new(|[p, _]| numbers::fix24(float(p)).into()),
        ),
        unit(
            "f32_to_int16_value",
            fp.f32_to_int,
            one(110..150, 7),
            Box::new(|[x, _]| u64::from(numbers::quantize(float(x), 16) as u16)),
        ),
    ];
    type Function = fn(f32) -> f32;
    let functions: [(Func, Function); 3] =
        [(Func::Exp2, numbers::exp2), (Func::Recip, numbers::recip), (Func::Rsqrt, numbers::rsqrt)];
    for (func, golden) in functions {
        let mut operands = one(0..256, 8);
        operands.extend(one(112..136, 9));
        // all entries of the table, for even and odd exponents
        let mut rng = ChaCha8Rng::seed_from_u64(10);
        let every = (126u64..130)
            .flat_map(|e| (0..1u64 << ENTRIES).map(move |entry| e << 23 | entry << (23 - ENTRIES)));
        operands.extend(every.map(|x| [x | u64::from(rng.random_range(0..1u32 << (23 - ENTRIES))), 0]));
        let golden = Box::new(move |[x, _]: [u64; 2]| golden(float(x)).to_bits().into());
        all.push(Unit { func: func as u64, ..unit("f32_sfu_result", fp.sfu, operands, golden) });
    }
    for file in files.keys() {
        let Some(width) = file.strip_prefix("int").and_then(|rest| rest.strip_suffix("_to_f32.v")) else {
            continue;
        };
        let Ok(width) = width.parse::<u32>() else { continue };
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(width));
        let signed = move |x: u64| (x << (64 - width)).cast_signed() >> (64 - width);
        let corners = (0..width).flat_map(|i| [1u64 << i, (1 << i) - 1, (1 << i) + 1, (!0 << i)]);
        let mut operands: Vec<[u64; 2]> = corners.map(|x| [x, 0]).collect();
        // of all magnitudes
        operands.extend(
            (0..COUNT).map(|_| [(signed(rng.random()) >> rng.random_range(0..width)).cast_unsigned(), 0]),
        );
        let golden = Box::new(move |[x, _]: [u64; 2]| numbers::int_to_f32(signed(x)).to_bits().into());
        all.push(unit(&format!("int{width}_to_f32_result"), fp.int_to_f32, operands, golden));
    }
    all
}

/// Compares all modules with one mutant in one of them.
///
/// # Errors
/// The first answer that differs.
pub fn run(files: &BTreeMap<String, String>, fp: Latency, mutant: usize) -> Result<(), String> {
    let told = |e: verilated::Error| e.to_string();
    let options =
        Options { clock: Some("clk".into()), ..crate::bench::options(0, sterna_sim::Stalls::NONE).build };
    let design = Design::build(&source(files), &options).map_err(told)?;
    let mut model = design.model(Init::Random(1)).map_err(told)?;
    let ports = ["mutant", "func", "a", "b"].map(|name| model.port(name).map_err(told));
    let [select, func, a, b] = ports;
    let (func, operands) = (func?, [a?, b?]);
    model.set(select?, mutant as u64).map_err(told)?;
    for unit in units(files, fp) {
        model.set(func, unit.func).map_err(told)?;
        let output = model.port(&unit.output).map_err(told)?;
        compare(&mut model, operands, output, &unit).map_err(|e| format!("{}: {e}", unit.output))?;
    }
    Ok(())
}

/// Operands go in one set a cycle; what is there after the edge that took a set in is `latency - 1` sets old.
fn compare(model: &mut Model, ports: [Port; 2], output: Port, unit: &Unit) -> Result<(), String> {
    let told = |e: verilated::Error| e.to_string();
    let behind = unit.latency as usize - 1;
    for at in 0..unit.operands.len() + behind {
        let operands = unit.operands.get(at).copied().unwrap_or_default();
        for (port, value) in ports.iter().zip(operands) {
            model.set(*port, value).map_err(told)?;
        }
        model.tick(1).map_err(told)?;
        let Some(operands) = at.checked_sub(behind).map(|at| unit.operands[at]) else { continue };
        let (want, got) = ((unit.golden)(operands), model.get(output));
        check(want == got, || format!("of {operands:x?} {got:#x}, not {want:#x}"))?;
    }
    Ok(())
}
