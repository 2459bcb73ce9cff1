//! Points at which the model of speed is compared with the simulated Verilog.

use std::sync::{Arc, Mutex};

use sterna_gen::speed::{Row, Speed};
use sterna_host::bench::{Bench, Outcome, Test, run};
use sterna_host::compile::Options;
use sterna_host::config::{Activation, ModelConfig};
use sterna_host::error::Result;
use sterna_host::families;
use sterna_host::model::Model;
use sterna_host::ternary::Form;
use sterna_sim::{Activity, SimDevice};
use sterna_spec::config::{Config, TableKind};
use sterna_spec::isa::Instruction;
use sterna_spec::profile::Profile;

use crate::{random_weights, rng, tiny};

/// A small model's dimensions.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    /// Name in tables.
    pub name: &'static str,
    /// Elements of the residual stream, of the feed-forward part.
    pub width: [usize; 2],
    /// Layers.
    pub layers: usize,
    /// Query heads, key and value heads, elements of each.
    pub heads: [usize; 3],
    /// Tokens.
    pub vocab: usize,
    /// SiLU, else squared ReLU.
    pub silu: bool,
}

/// The shapes of the comparison.
pub const SHAPES: [Small; 3] = [
    Small { name: "narrow", width: [128, 256], layers: 2, heads: [4, 2, 32], vocab: 400, silu: false },
    Small { name: "wide", width: [256, 704], layers: 1, heads: [8, 8, 32], vocab: 1000, silu: true },
    Small { name: "deep", width: [192, 512], layers: 4, heads: [6, 2, 32], vocab: 300, silu: true },
];

impl Small {
    /// The model, its numbers random.
    pub fn model(&self) -> Model {
        let [heads, kv_heads, head_size] = self.heads;
        let config = ModelConfig {
            family: families::ALL[0],
            hidden: self.width[0],
            layers: self.layers,
            heads,
            kv_heads,
            head_size,
            head_map: ModelConfig::even_map(heads, kv_heads),
            ffn: self.width[1],
            vocab: self.vocab,
            context: 512,
            rope_theta: 10_000.0,
            eps: 1e-5,
            activation: if self.silu { Activation::Silu } else { Activation::Relu2 },
            tied: true,
            windows: vec![None; self.layers],
            form: Form::Master,
            eos: vec![],
        };
        let weights = random_weights(&mut rng(1), &config);
        Model { path: self.name.into(), config, weights, notes: Vec::new() }
    }
}

/// What is compared.
#[derive(Clone, Debug)]
pub struct Point {
    /// The device.
    pub config: Config,
    /// The memory, by its profile's name.
    pub memory: &'static str,
    /// The model.
    pub shape: Small,
    /// The steps.
    pub test: Test,
    /// Balanced planes of the head.
    pub planes: u8,
}

/// Both results, in cycles.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Simulated.
    pub simulated: u64,
    /// Predicted.
    pub predicted: f64,
    /// Instructions that begin when all before are over, of a test of one step on a device that shows what its cycles are spent on: what
    /// it is, cycles up to its end, simulated and predicted.
    pub timeline: Vec<(String, u64, f64)>,
}

impl Compared {
    /// Relative error of the model.
    pub fn error(&self) -> f64 {
        self.predicted / self.simulated as f64 - 1.0
    }
}

/// A prompt, and tokens behind others.
pub fn prompt(tokens: usize) -> Test {
    Test::prompt(tokens)
}

/// One token behind `depth` others, in `parallel` sequences.
pub fn token(depth: usize, parallel: usize) -> Test {
    Test { prompt: 0, generate: 1, depth, parallel }
}

/// Steps of a test, as rows.
fn steps(test: &Test, rows: usize) -> Vec<Vec<Row>> {
    let row = |position, sequence, logits| Row { position, sequence, logits };
    if test.prompt > 0 {
        let all: Vec<Row> = (0..test.prompt).map(|p| row(p, 0, p + 1 == test.prompt)).collect();
        return all.chunks(rows).map(<[Row]>::to_vec).collect();
    }
    let step = |at| (0..test.parallel).map(|s| row(test.depth + at, s, true)).collect();
    (0..test.generate).map(step).collect()
}

impl Point {
    /// Predicts and simulates.
    ///
    /// # Errors
    /// If the model does not fit the device, or the device fails.
    pub fn compare(&self) -> Result<Compared> {
        let profile = Profile::named(self.memory, self.config.clock_mhz)?;
        let options = Options {
            context: self.test.positions(),
            sequences: self.test.parallel,
            planes: Some(self.planes),
            draft: None,
        };
        let mut model = self.shape.model();
        let speed = Speed::with_memory(&model, &self.config, &options, &profile)?;
        let steps = steps(&self.test, self.config.rows as usize);
        let predicted = steps.iter().map(|rows| speed.step(rows)).sum();
        let activity = Arc::<Mutex<Activity>>::default();
        let watch = sterna_sim::Options {
            profile: Some(profile),
            activity: Some(activity.clone()),
            ..sterna_sim::Options::default()
        };
        let layers = self.shape.layers;
        let bench = Bench::new(&mut model, layers, &self.config, &options, |_, _| {})?;
        let device = SimDevice::new(&self.config, &watch)?;
        let mut driver = bench.load(Box::new(device), |_, _| {})?;
        let outcome: Outcome = run(&mut driver, &self.test, |_, _| {})?;
        let base = bench.image().map.step.base as u32;
        let kept = activity.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut sum, mut timeline) = (0, Vec::new());
        for (counts, (each, end)) in kept.program(base).iter().zip(speed.timeline(&steps[0])) {
            sum += counts[0];
            if !matches!(each.instruction, Instruction::Vector(_) | Instruction::Matmul { beside: true, .. })
            {
                timeline.push((each.instruction.to_string(), sum, end));
            }
        }
        Ok(Compared { simulated: outcome.counters().get("CYCLES"), predicted, timeline })
    }
}

fn of(name: &str) -> Config {
    let kv260 = Config::preset("kv260").unwrap_or_else(|message| panic!("{message}"));
    match name {
        // as kv260, cut down so that it builds in a minute
        "quarter" => Config {
            name: name.into(),
            rows: 4,
            group: 3,
            tables: 13,
            lookups: 4,
            lanes: 8,
            ports: 2,
            attention_width: 16,
            slots: 2,
            head_size: 32,
            heads: 8,
            context: 512,
            activations: 768,
            outputs: 1024,
            vector_words: 256,
            shared_words: 256,
            prefetch_beats: 1024,
            kv_beats: 128,
            ..kv260
        },
        "one-bank" => Config { name: name.into(), table_banks: 1, table_kind: TableKind::Full, ..tiny() },
        "four-rows" => Config {
            name: name.into(),
            rows: 4,
            tables: 6,
            lookups: 2,
            port_bytes: 8,
            slots: 2,
            shared_words: 512,
            ..tiny()
        },
        "two-ports" => Config {
            name: name.into(),
            rows: 3,
            group: 2,
            tables: 10,
            lookups: 4,
            table_kind: TableKind::Full,
            lanes: 8,
            ports: 2,
            attention_width: 8,
            slots: 3,
            vector_words: 256,
            prefetch_beats: 128,
            ..tiny()
        },
        "wide-lanes" => Config {
            name: name.into(),
            rows: 1,
            tables: 26,
            lanes: 16,
            port_bytes: 16,
            attention_width: 16,
            slots: 1,
            vector_words: 128,
            shared_words: 128,
            ..tiny()
        },
        _ => Config::preset(name).unwrap_or_else(|message| panic!("{message}")),
    }
}

/// Points that nothing in the model was chosen by: run once it was finished. `two-ports` and its shape are in none of [`points`].
pub fn held_out() -> Vec<Point> {
    let mut all = Vec::new();
    let odd = Small { name: "odd", width: [160, 320], layers: 3, heads: [5, 5, 32], vocab: 701, silu: false };
    let mut add = |config: &str, memory, shape, planes, tests: &[Test]| {
        all.extend(tests.iter().map(|test| Point { config: of(config), memory, shape, test: *test, planes }));
    };
    add("two-ports", "ideal", odd, 3, &[token(77, 1), prompt(11), token(33, 3)]);
    add("two-ports", "kv260", odd, 5, &[token(250, 1), prompt(6)]);
    add("tiny", "ideal", odd, 5, &[token(300, 1), prompt(7)]);
    add("quarter", "kv260", SHAPES[0], 3, &[token(400, 1), prompt(20)]);
    add("four-rows", "ulx3s", SHAPES[0], 4, &[token(90, 1), prompt(10)]);
    add("one-bank", "kv260", odd, 4, &[token(50, 1)]);
    all
}

/// All points of the recorded comparison.
pub fn points() -> Vec<Point> {
    let mut all = Vec::new();
    let mut add = |config: &str, memory, shape: usize, planes, tests: &[Test]| {
        for test in tests {
            all.push(Point { config: of(config), memory, shape: SHAPES[shape], test: *test, planes });
        }
    };
    add("tiny", "ideal", 0, 4, &[token(8, 1), token(200, 1), prompt(2), prompt(9), token(40, 2)]);
    add("tiny", "ideal", 1, 2, &[token(100, 1), prompt(4)]);
    add("tiny", "kv260", 2, 3, &[token(30, 1), prompt(6)]);
    add("tiny", "ulx3s", 0, 4, &[token(60, 1), prompt(4)]);
    add("ulx3s-85f", "ulx3s", 2, 5, &[token(50, 1), prompt(4)]);
    add("tang-nano-20k", "tang-nano-20k", 0, 4, &[token(100, 1), prompt(3)]);
    add("one-bank", "ideal", 0, 4, &[token(20, 1), prompt(4)]);
    add("four-rows", "ideal", 2, 4, &[token(120, 1), prompt(8), token(16, 4)]);
    add("wide-lanes", "ideal", 1, 4, &[token(64, 1), prompt(2)]);
    add("quarter", "kv260", 1, 5, &[token(200, 1), prompt(8), prompt(32), token(100, 4)]);
    add("quarter", "ideal", 2, 4, &[token(10, 1), prompt(12)]);
    all
}
