//! Where the cycles and bytes of a test went: by operation, by part of the model, by cause, over time. `page.rs` draws it.

use crate::bench::{Bench, Outcome, Test};
use crate::compile::listing::payload_beats;
use crate::driver::Counters;
use serde::Serialize;
use std::collections::BTreeMap;
use sterna_sim::{Activity, Counts};
use sterna_spec::config::Config;
use sterna_spec::isa::Instruction;
use sterna_spec::registers::COUNTERS;

/// Share of the memory's ceiling from which on an operation counts as limited by memory.
const AT_THE_CEILING: f64 = 0.95;

/// What one kind of operation came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Operation {
    /// Its name in the instruction set.
    pub name: String,
    /// Instructions of the step.
    pub instructions: usize,
    /// Cycles over all steps of the test.
    pub cycles: u64,
    /// Beats that arrived from memory in these cycles, for whatever use.
    pub beats: u64,
    /// Cycles by cause; the causes of [`COUNTERS`] in lower case.
    pub causes: BTreeMap<String, u64>,
    /// What limits it.
    pub limit: String,
}

/// Cycles of a part of the model, such as `layer 0, attention`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Cycles by operation, in the order of [`Report::operations`].
    pub cycles: Vec<u64>,
}

/// Traffic of the ports over time, bytes in each window.
#[derive(Debug, Clone, Serialize)]
pub struct Ports {
    /// Cycles of a window.
    pub window: u64,
    /// Bytes read, by window and port.
    pub read: Vec<Vec<u64>>,
    /// Bytes written, by window and port.
    pub written: Vec<Vec<u64>>,
}

/// Compute and memory as two ceilings.
#[derive(Debug, Clone, Serialize)]
pub struct Roofline {
    /// Ternary multiply-adds a second that the engine can do with all rows in use.
    pub compute: f64,
    /// Bytes a second that the memory carries at most.
    pub memory: f64,
    /// Multiply-adds of the test for each byte moved.
    pub intensity: f64,
    /// Multiply-adds a second that the test reached.
    pub reached: f64,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The test's name.
    pub test: String,
    /// The model.
    pub shape: String,
    /// The preset.
    pub preset: String,
    /// Layers that were run.
    pub layers: usize,
    /// The clock that seconds are made with.
    pub clock_mhz: u32,
    /// Tokens of the test.
    pub tokens: usize,
    /// Cycles of the test.
    pub cycles: u64,
    /// Tokens a second, simulated.
    pub tokens_per_second: f64,
    /// Bytes moved over those that the memory carries at most.
    pub memory_utilization: f64,
    /// Bytes a cycle that the memory carries at most.
    pub ceiling_bytes: f64,
    /// Two ceilings.
    pub roofline: Roofline,
    /// Operations, most cycles first.
    pub operations: Vec<Operation>,
    /// Parts of the model in order.
    pub parts: Vec<Part>,
    /// Cycles by cause.
    pub causes: BTreeMap<String, u64>,
    /// Bytes moved, by what they are.
    pub bytes: BTreeMap<String, u64>,
    /// Ports over time.
    pub ports: Ports,
}

/// What the head's second pass is called among the operations.
const SECOND_PASS: &str = "second pass";

/// Name of an instruction's operation.
fn name(instruction: &Instruction) -> &'static str {
    match instruction {
        Instruction::End { .. } => "END",
        Instruction::Load { .. } => "LOAD",
        Instruction::Gather { .. } => "GATHER",
        Instruction::Matmul { .. } => "MATMUL",
        Instruction::Vector(_) => "VECTOR",
        Instruction::Attn { .. } => "ATTN",
    }
}

/// Index of a counter.
fn counter(name: &str) -> usize {
    COUNTERS.iter().position(|(n, _)| *n == name).unwrap_or(0)
}

impl Report {
    /// The report of a test on a device whose every cycle is in `activity`.
    pub fn new(bench: &Bench, shape: &str, test: &Test, outcome: &Outcome, activity: &Activity) -> Report {
        let (image, config) = (bench.image(), &bench.image().config);
        let all = outcome.counters();
        let listing = image.listing();
        let clock = f64::from(config.clock_mhz) * 1e6;
        let cycles = all.get("CYCLES");
        let seconds = cycles.max(1) as f64 / clock;
        let tokens = outcome.steps.iter().map(|step| step.tokens).sum::<usize>();
        let moved = (all.beats_read() + all.get("WRITE_BEATS")) * config.beat_bytes() as u64;
        let work = work(config, &all, outcome, tokens);
        let instructions = activity.program(image.map.step.base as u32);
        let second = sum(activity.program(image.map.refine.base as u32));
        let operations = operations(config, &listing, instructions, &second);
        let mut parts = parts(image.instruction_names(), &listing, instructions, &operations);
        parts.extend(second_part(&second, &operations));
        Report {
            test: test.name(),
            shape: shape.into(),
            preset: config.name.clone(),
            layers: image.parts.iter().filter(|(_, name)| name.ends_with("attention")).count(),
            clock_mhz: config.clock_mhz,
            tokens,
            cycles,
            tokens_per_second: tokens as f64 / seconds,
            memory_utilization: moved as f64 / seconds / config.memory_bandwidth() as f64,
            ceiling_bytes: config.memory_bandwidth() as f64 / clock,
            roofline: Roofline {
                compute: (config.rows as usize * config.lookups as usize * config.chunk()) as f64 * clock,
                memory: config.memory_bandwidth() as f64,
                intensity: work / moved.max(1) as f64,
                reached: work / seconds,
            },
            parts,
            operations,
            causes: causes(&all),
            bytes: bytes(config, &listing, instructions, &second, &all),
            ports: Ports {
                window: activity.window(),
                read: activity.windows.iter().map(|w| w.read.clone()).collect(),
                written: activity.windows.iter().map(|w| w.written.clone()).collect(),
            },
        }
    }
}

fn causes(all: &Counters) -> BTreeMap<String, u64> {
    all.causes().map(|(name, cycles)| (name.to_lowercase(), cycles)).collect()
}

/// Instructions with what was counted in them; those that were not reached are left out.
fn counted<'a>(
    listing: &'a [(usize, Instruction)],
    instructions: &'a [Counts],
) -> impl Iterator<Item = (&'a Instruction, &'a Counts)> {
    listing.iter().map(|(_, instruction)| instruction).zip(instructions).filter(|(_, c)| c[0] > 0)
}

/// Ternary multiply-adds of the test: weight beats that the engine took, for the rows of a step on average.
fn work(config: &Config, all: &Counters, outcome: &Outcome, tokens: usize) -> f64 {
    let a_beat = (config.lookups as usize * config.chunk()) as f64;
    all.get("MATMUL") as f64 * a_beat * tokens as f64 / outcome.steps.len().max(1) as f64
}

/// Counters of a whole program.
fn sum(instructions: &[Counts]) -> Counts {
    std::array::from_fn(|i| instructions.iter().map(|counts| counts[i]).sum())
}

/// The head's second pass, if there was one, as a part.
fn second_part(second: &Counts, operations: &[Operation]) -> Option<Part> {
    let cycles = operations.iter().map(|of| if of.name == SECOND_PASS { of.cycles } else { 0 }).collect();
    (second[0] > 0).then(|| Part { name: "head, second pass".into(), cycles })
}

fn operations(
    config: &Config,
    listing: &[(usize, Instruction)],
    instructions: &[Counts],
    second: &Counts,
) -> Vec<Operation> {
    let (stream, data) = (counter("STREAM_BEATS"), counter("DATA_BEATS"));
    let mut all: BTreeMap<&str, Operation> = BTreeMap::new();
    let step = counted(listing, instructions).map(|(instruction, counts)| (name(instruction), counts));
    for (name, counts) in step.chain((second[0] > 0).then_some((SECOND_PASS, second))) {
        let of = all.entry(name).or_insert_with(|| Operation { name: name.into(), ..Operation::default() });
        of.instructions += 1;
        of.cycles += counts[0];
        of.beats += counts[stream] + counts[data];
        for (cause, cycles) in Counters(*counts).causes().filter(|(_, cycles)| *cycles > 0) {
            *of.causes.entry(cause.to_lowercase()).or_default() += cycles;
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    let ceiling = config.memory_bandwidth() as f64 / (f64::from(config.clock_mhz) * 1e6);
    for of in &mut all {
        let share = of.beats as f64 * config.beat_bytes() as f64 / (of.cycles.max(1) as f64 * ceiling);
        let largest = of.causes.iter().max_by_key(|(_, cycles)| **cycles).map_or("", |(cause, _)| cause);
        of.limit = match largest {
            _ if share >= AT_THE_CEILING => format!("memory: {:.1} % of its ceiling", 100.0 * share),
            "matmul" => "matrix engine: a beat in nearly every cycle".into(),
            "matmul_stream" => format!("weights that have not arrived; memory at {:.1} %", 100.0 * share),
            "matmul_table" => "tables and pipeline of the matrix engine".into(),
            "attention_data" => {
                format!("keys and values that have not arrived; memory at {:.1} %", 100.0 * share)
            }
            cause => format!("{cause}; memory at {:.1} % meanwhile", 100.0 * share),
        };
    }
    all.sort_by_key(|of| std::cmp::Reverse(of.cycles));
    all
}

/// Cycles of each part by operation.
fn parts(
    names: Vec<(u32, String)>,
    listing: &[(usize, Instruction)],
    instructions: &[Counts],
    operations: &[Operation],
) -> Vec<Part> {
    let mut parts: Vec<Part> = names
        .iter()
        .map(|(_, name)| Part { name: name.clone(), cycles: vec![0; operations.len()] })
        .collect();
    for (number, ((_, instruction), counts)) in listing.iter().zip(instructions).enumerate() {
        let part = names.partition_point(|(first, _)| *first as usize <= number).saturating_sub(1);
        let of = operations.iter().position(|of| of.name == name(instruction));
        if let (Some(part), Some(of)) = (parts.get_mut(part), of) {
            part.cycles[of] += counts[0];
        }
    }
    parts.retain(|part| part.cycles.iter().any(|cycles| *cycles > 0));
    parts
}

/// Bytes by what they are. The stream's are those of the instructions that ran, once for each step.
fn bytes(
    config: &Config,
    listing: &[(usize, Instruction)],
    instructions: &[Counts],
    second: &Counts,
    all: &Counters,
) -> BTreeMap<String, u64> {
    let beat = config.beat_bytes() as u64;
    let data = counter("DATA_BEATS");
    let (mut weights, mut gains, mut others, mut cache, mut gathered) = (0, 0, 0, 0, 0);
    for (instruction, counts) in counted(listing, instructions) {
        let payload = payload_beats(config, instruction);
        others += config.instruction_beats();
        match instruction {
            Instruction::Matmul { .. } => weights += payload,
            Instruction::Load { .. } => gains += payload,
            Instruction::Attn { .. } => {
                others += payload;
                cache += counts[data];
            }
            Instruction::Gather { .. } => gathered += counts[data],
            _ => {}
        }
    }
    let step = (weights + gains + others).max(1) as u64;
    let second = second[counter("STREAM_BEATS")];
    // steps that stop before the head read less: shares of what was read
    let stream = |beats: usize| beats as u64 * (all.get("STREAM_BEATS") - second) / step * beat;
    let all = [
        ("weights", stream(weights)),
        ("gains and scales", stream(gains)),
        ("instructions", stream(others)),
        ("second pass of the head", second * beat),
        ("keys and values", cache * beat),
        ("embedding and rotary rows", gathered * beat),
        ("written", all.get("WRITE_BEATS") * beat),
    ]
    .map(|(name, bytes)| (name.to_string(), bytes));
    all.into_iter().filter(|(_, bytes)| *bytes > 0).collect()
}
