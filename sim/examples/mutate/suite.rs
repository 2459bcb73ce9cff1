//! What a mutant must survive: the co-simulation's program in lockstep with the golden model under pausing memory, registers, counters,
//! errors. The programs are those of `sim/tests/cosim`.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::blocks::fp::{Latency, Pace};
use sterna_sim::{Lockstep, SimDevice, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::isa::{DstKind, Func, Instruction, MKind, Vector, ZOp};
use sterna_spec::layout::beats;
use sterna_spec::registers::{Access, COUNTERS, ROW_BYTES, control, offset, table};
use sterna_spec::stream::StreamBuilder;
use verilated::Source;

use crate::bench::{Bench, Row, options};
use crate::cases::{self, ROOM};
use crate::pins;
use crate::program::{INPUTS, TOKENS, layer};
use crate::text::is_arithmetic;
use crate::{counters, errors, numbers};

/// What a difference from the golden model begins with, before the block that is named.
pub const DIFFERS: &str = "differs in ";

/// What a run shows beside its results: counters of every step.
pub type Counters = Vec<u32>;

/// The design of all mutants.
pub struct Design {
    pub config: Config,
    pub source: Source,
    /// The files, for the arithmetic by itself.
    pub files: BTreeMap<String, String>,
}

impl Design {
    pub fn new(config: &Config, files: &BTreeMap<String, String>) -> Design {
        let verilog = files.iter().filter(|(name, _)| name.ends_with(".v"));
        let source = verilog.fold(Source::new("sterna"), |source, (name, text)| source.file(name, text));
        Design { config: config.clone(), source, files: files.clone() }
    }

    /// A device with this mutant in it.
    pub fn device(&self, mutant: usize, seed: u64, stalls: Stalls) -> Result<SimDevice, String> {
        let mut options = options(seed, stalls);
        options.watchdog = 20_000;
        let device = SimDevice::from_source(&self.config, &self.source, &options);
        let mut device = device.map_err(|e| e.to_string())?;
        device.set_input("mutant", mutant as u64).map_err(|e| e.to_string())?;
        Ok(device)
    }
}

/// Runs everything with one mutant; of what runs by itself that which the file of the mutant is in.
///
/// # Errors
/// The first thing that shows.
pub fn run(design: &Design, mutant: usize, file: Option<&str>) -> Result<Counters, String> {
    let mut shown = steps(design, mutant, 1, Stalls::NONE, 3)?;
    shown.extend(steps(design, mutant, 2, Stalls { r: 200, ar: 30, aw: 100, w: 100, b: 30 }, 2)?);
    shown.extend(steps(design, mutant, 3, Stalls { r: 20, ar: 200, aw: 20, w: 200, b: 200 }, 1)?);
    shown.extend(shared(design, mutant)?);
    shown.extend(corners(design, mutant)?);
    shown.extend(arithmetic(design, mutant)?);
    shown.extend(cases(design, mutant)?);
    registers(design, mutant)?;
    errors::errors(design, mutant)?;
    if file.is_none_or(is_arithmetic) {
        numbers::run(&design.files, Latency::at(Pace::of(&design.config)), mutant)?;
    }
    if file.is_none_or(|file| file == "counters.v") {
        counters::run(&design.files["counters.v"], mutant as u64)?;
    }
    Ok(shown)
}

fn rows(config: &Config, step: u32) -> Vec<Row> {
    let row = |r: u32| Row {
        token: (7 * r + 5 * step) % TOKENS,
        position: (3 * r + step) * 5 % 60,
        logits: (r + step) % 3 != 1,
    };
    let count = if step.is_multiple_of(2) { config.rows } else { config.rows.div_ceil(2) };
    (0..count).map(row).collect()
}

/// Golden model and mutant with the program loaded.
pub fn lockstep(
    design: &Design,
    mutant: usize,
    seed: u64,
    stalls: Stalls,
) -> Result<(Bench, Lockstep), String> {
    let bench = Bench::new(&design.config);
    let mut device = Lockstep::from_parts(design.device(mutant, seed, stalls)?, seed);
    bench.prepare(&mut device, seed).map_err(|e| e.to_string())?;
    bench.load(&mut device, &layer(&design.config, seed)).map_err(|e| e.to_string())?;
    Ok((bench, device))
}

fn steps(design: &Design, mutant: usize, seed: u64, stalls: Stalls, steps: u32) -> Result<Counters, String> {
    let (bench, mut device) = lockstep(design, mutant, seed, stalls)?;
    let mut counters = Vec::new();
    for step in 0..steps {
        let error =
            bench.step(&mut device, &rows(&design.config, step)).map_err(|e| first_line(&e.to_string()))?;
        check(error == 0, || format!("error {error:#x} in a step without one"))?;
        counters.extend(count(&mut device)?);
        let own = &counters[counters.len() - COUNTERS.len()..];
        let fetch = COUNTERS.iter().position(|c| c.0 == "FETCH").unwrap_or(0);
        check(own[fetch..].iter().sum::<u32>() == own[0], || {
            "the causes do not add up to the cycles".into()
        })?;
    }
    Ok(counters)
}

/// Rows of one sequence, which share the passes of attention: prefill.
fn shared(design: &Design, mutant: usize) -> Result<Counters, String> {
    let (bench, mut device) = lockstep(design, mutant, 5, Stalls::all(40))?;
    let told = |e: sterna_spec::device::DeviceError| first_line(&e.to_string());
    for (first, asks) in [(0, 0), (37, 1), (41, 2), (60, 3)] {
        for r in 0..bench.config.rows {
            let values = [(3 * r + first) % TOKENS, first + r, bench.kv, u32::from(r == asks)];
            for (at, value) in (offset::ROW + ROW_BYTES * r..).step_by(4).zip(values) {
                device.write_register(at, value).map_err(told)?;
            }
        }
        device.write_register(offset::ROWS, bench.config.rows).map_err(told)?;
        device.write_register(offset::CONTROL, control::START).map_err(told)?;
        device.wait().map_err(told)?;
    }
    count(&mut device)
}

/// Numbers of all signs and sizes, zeros, infinities and NaN in the tables and the caches.
fn corners(design: &Design, mutant: usize) -> Result<Counters, String> {
    let mut all = Vec::new();
    for (seed, special) in [(6, 0), (7, 64)] {
        let (bench, mut device) = lockstep(design, mutant, seed, Stalls::NONE)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut number = || match rng.random_range(0..512) {
            n if n < special => {
                [0, 1 << 31, 1, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x0080_0000, 0x7f7f_ffff][n % 8]
            }
            _ => rng.random_range(-4.0f32..4.0).to_bits(),
        };
        let words = bench.results as usize * bench.config.beat_bytes() / 4;
        let bytes: Vec<u8> = (0..words).flat_map(|_| number().to_le_bytes()).collect();
        bench.put(&mut device, 0, &bytes).map_err(|e| e.to_string())?;
        for step in 0..2 {
            bench.step(&mut device, &rows(&design.config, step)).map_err(|e| first_line(&e.to_string()))?;
        }
        all.extend(count(&mut device)?);
    }
    Ok(all)
}

/// The programs for what the layer does not reach.
fn cases(design: &Design, mutant: usize) -> Result<Counters, String> {
    let bench = Bench::with_room(&design.config, ROOM);
    let mut all = Vec::new();
    for case in cases::cases(&design.config, &bench) {
        let mut device = Lockstep::from_parts(design.device(mutant, 8, case.stalls)?, 8);
        bench.prepare(&mut device, 8).map_err(|e| first_line(&e.to_string()))?;
        let counters = cases::run(&case, &bench, &mut device);
        all.extend(counters.map_err(|e| format!("{}: {}", case.name, first_line(&e.to_string())))?);
    }
    Ok(all)
}

/// LOAD, and every function and operation of the vector unit, over numbers of all magnitudes.
fn arithmetic(design: &Design, mutant: usize) -> Result<Counters, String> {
    let mut all = Vec::new();
    for seed in 10..14 {
        let (bench, mut device) = lockstep(design, mutant, seed, Stalls { r: 150, ..Stalls::NONE })?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // near each other at first, so that sums cancel; then of all exponents
        let spread = 3 + 20 * (seed - 10) as u32;
        let mut number = || {
            f32::from_bits(
                (rng.random::<u32>() & 0x807f_ffff) | (rng.random_range(0..spread) + 127 - spread / 2) << 23,
            )
        };
        let words = bench.results as usize * bench.config.beat_bytes() / 4;
        let table: Vec<u8> = (0..words).flat_map(|_| number().to_le_bytes()).collect();
        bench.put(&mut device, 0, &table).map_err(|e| e.to_string())?;
        bench.load(&mut device, &calculation(&design.config, &mut number)).map_err(|e| e.to_string())?;
        let error =
            bench.step(&mut device, &rows(&design.config, 0)).map_err(|e| first_line(&e.to_string()))?;
        check(error == 0, || format!("error {error:#x} in arithmetic"))?;
        all.extend(count(&mut device)?);
    }
    Ok(all)
}

/// Words of vector memory that each instruction of [`calculation`] works on.
const WORDS: u16 = 12;

/// A row of the table, and as many words behind it.
fn gather(config: &Config, words: u16) -> Instruction {
    let (by_position, shared, row_stride, dst, addr) = (false, false, 0, 0, 0);
    let stride = beats(config, 4 * INPUTS) as u32;
    Instruction::Gather { words, by_position, shared, dst, row_stride, addr, stride }
}

fn calculation(config: &Config, number: &mut impl FnMut() -> f32) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let values: Vec<f32> = (0..4 * 50).map(|_| number()).collect();
    s.load(3, &values);
    s.load(70, &values[..7]);
    // more words than eight bits count
    s.push(gather(config, 300));
    s.vector(Vector {
        n: 300,
        reduce_sum: Some(62),
        dst_kind: DstKind::Vmem,
        m_kind: MKind::Imm,
        imm_m: number(),
        ..Vector::default()
    });
    s.push(gather(config, WORDS));
    let mut at = 1;
    for func in [Func::None, Func::Relu, Func::Exp2, Func::Recip, Func::Rsqrt] {
        for (zop, m_kind) in [
            (ZOp::Pass, MKind::None),
            (ZOp::Add, MKind::Cmem),
            (ZOp::Mul, MKind::Imm),
            (ZOp::Max, MKind::Cmem),
            (ZOp::Square, MKind::Cmem),
        ] {
            let (dst, m) = (WORDS * (at % 24 + 1), 3 + 2 * (at % 16));
            let v = Vector {
                n: WORDS,
                m_kind,
                m,
                imm_m: number(),
                func,
                zop,
                imm_b: number().to_bits(),
                dst,
                ..Vector::default()
            };
            let reduce_max = Some((at % 60) as u8);
            s.vector(Vector { dst_kind: DstKind::Vmem, reduce_max, ..v });
            at += 1;
        }
    }
    s.vector(Vector { n: WORDS, reduce_sum: Some(61), ..Vector::default() });
    s.push(Instruction::End { body: false });
    s.into_bytes()
}

/// The counters of the last step.
fn count(device: &mut Lockstep) -> Result<Counters, String> {
    let at = (offset::COUNTER..).step_by(4).take(COUNTERS.len());
    at.map(|at| device.read_register(at).map_err(|e| e.to_string())).collect()
}

/// `what` if it does not hold.
pub fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// The first two lines of a report; of a difference the block that it names and what differs.
pub fn first_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let of = |name: &str| {
        lines.iter().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_string())
    };
    match (of("block "), of("where ")) {
        (Some(block), Some(place)) => {
            let block = block.split(',').next().unwrap_or_default().to_string();
            let instruction = of("instruction ").unwrap_or_default();
            format!("{DIFFERS}{block}: {place} of {instruction}")
        }
        _ => lines.into_iter().take(2).collect::<Vec<_>>().join(", "),
    }
}

fn registers(design: &Design, mutant: usize) -> Result<(), String> {
    let mut device = design.device(mutant, 3, Stalls::NONE)?;
    let pattern =
        |at: u32, round: u32| at.wrapping_mul(0x9e37_79b9) ^ if round == 0 { 0x1234_5678 } else { !0 };
    let told = |e: sterna_spec::device::DeviceError| e.to_string();
    pins::register_port(&mut device).map_err(told)?;
    let mut device = design.device(mutant, 3, Stalls::NONE)?;
    for r in table(&design.config).iter().filter(|r| r.access == Access::ReadWrite) {
        let value = device.read_register(r.offset).map_err(told)?;
        check(value == 0, || format!("{} is {value:#x} after reset", r.name))?;
    }
    for round in 0..2 {
        let own = |r: &&sterna_spec::registers::Register| {
            ![offset::CONTROL, offset::IRQ_ENABLE].contains(&r.offset)
        };
        for r in table(&design.config).iter().filter(own) {
            device.write_register(r.offset, pattern(r.offset, round)).map_err(told)?;
        }
        for r in table(&design.config).iter().filter(own) {
            let value = device.read_register(r.offset).map_err(told)?;
            let identity = sterna_spec::registers::identity(&design.config);
            let constant = identity.iter().find(|(at, _)| *at == r.offset).map(|(_, value)| *value);
            let expected = match r.access {
                Access::ReadWrite => Some(pattern(r.offset, round)),
                _ if r.offset >= offset::COUNTER => None,
                _ => Some(constant.unwrap_or(0)),
            };
            check(expected.is_none_or(|e| e == value), || format!("{} reads as {value:#x}", r.name))?;
        }
        check(device.read_register(0x3c).map_err(told)? == 0, || "a register that is not there".into())?;
    }
    Ok(())
}
