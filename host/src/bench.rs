//! Benchmarks in the manner of llama-bench: `pp128` is a prompt of 128 tokens, `tg4 @ d128` four tokens generated behind 128 others.
//!
//! What the device counts is the result; nothing here looks at a watch. What stands before a generated token is not computed but
//! written: random keys and values, since neither cycles nor traffic depend on them.

#[cfg(feature = "sim")]
pub mod page;
#[cfg(feature = "sim")]
pub mod report;

use crate::compile::listing::payload_beats;
use crate::compile::{HEAD, Options, compile_with};
use crate::driver::{Counters, Driver, Row};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::model::Model;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::isa::Instruction;

/// Seed of prompts and of what stands in the cache.
const SEED: u64 = 0x5354_524e;
/// Range of the scales of random keys and values.
const SCALES: std::ops::Range<f32> = 0.002..0.02;

/// One test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test {
    /// Tokens that go in at once: a prompt.
    pub prompt: usize,
    /// Tokens that are generated one after the other.
    pub generate: usize,
    /// Tokens that stand before them.
    pub depth: usize,
    /// Sequences side by side, a row each; 1 for prompts.
    pub parallel: usize,
}

impl Test {
    /// A prompt of `tokens`.
    pub fn prompt(tokens: usize) -> Test {
        Test { prompt: tokens, generate: 0, depth: 0, parallel: 1 }
    }

    /// Positions that a sequence needs.
    pub fn positions(&self) -> usize {
        self.depth + self.prompt + self.generate
    }

    /// Its name in tables: `pp128`, `tg4 @ d128`, `tg4 x 8 @ d128`.
    pub fn name(&self) -> String {
        let mut name = match self.prompt {
            0 => format!("tg{}", self.generate),
            n => format!("pp{n}"),
        };
        if self.parallel > 1 {
            name += &format!(" x {}", self.parallel);
        }
        if self.depth > 0 {
            name += &format!(" @ d{}", self.depth);
        }
        name
    }
}

/// What one step came to.
#[derive(Debug, Clone)]
pub struct Step {
    /// Tokens that went in.
    pub tokens: usize,
    /// What the device counted.
    pub counters: Counters,
}

/// What a test came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its steps.
    pub steps: Vec<Step>,
    /// Greedy tokens, sequence by sequence: what another device must find too.
    pub tokens: Vec<u32>,
}

impl Outcome {
    /// Counters of all steps.
    pub fn counters(&self) -> Counters {
        let mut all = Counters::default();
        self.steps.iter().for_each(|step| all += step.counters);
        all
    }

    /// What this would come to with `more` layers, each as costly as the last one of `self`, which `fewer` lacks.
    pub fn extrapolate(&self, fewer: &Outcome, more: usize) -> Outcome {
        let step = |(step, less): (&Step, &Step)| {
            let layer = |i: usize| step.counters.0[i].saturating_sub(less.counters.0[i]);
            let counters = std::array::from_fn(|i| step.counters.0[i] + more as u64 * layer(i));
            Step { tokens: step.tokens, counters: Counters(counters) }
        };
        Outcome { steps: self.steps.iter().zip(&fewer.steps).map(step).collect(), tokens: Vec::new() }
    }
}

/// A model compiled for benchmarks.
pub struct Bench {
    image: Image,
    weights: usize,
}

impl Bench {
    /// Compiles the first `layers` layers of a model for tests of as many positions as `options.context` or fewer.
    ///
    /// # Errors
    /// Every limit of the device that the model breaks.
    pub fn new(
        model: &mut Model,
        layers: usize,
        config: &Config,
        options: &Options,
        progress: impl FnMut(usize, usize),
    ) -> Result<Bench> {
        model.truncate(layers);
        // whole beats of scales
        let unit = config.beat_bytes().div_ceil(4).max(config.tokens_per_beat());
        let positions = options.context;
        let context = positions.next_multiple_of(unit).min(config.context as usize).max(positions);
        let image = compile_with(model, config, &Options { context, ..*options }, progress)?;
        let weights = model.matrices().map(|(_, m)| m.outputs() * m.inputs()).sum();
        Ok(Bench { image, weights })
    }

    /// Bits of a ternary weight in memory, padding included: beats of the layers' matrices over their weights.
    pub fn bits_per_weight(&self) -> f64 {
        let head = self.image.parts.iter().find(|(_, name)| name == HEAD).map_or(usize::MAX, |(at, _)| *at);
        let body = self.image.listing().into_iter().take_while(|(at, _)| *at < head);
        let matrices = body
            .map(|(_, instruction)| instruction)
            .filter(|instruction| matches!(instruction, Instruction::Matmul { .. }));
        let beats: usize = matrices.map(|matrix| payload_beats(&self.image.config, &matrix)).sum();
        (8 * beats * self.image.config.beat_bytes()) as f64 / self.weights as f64
    }

    /// The compiled model.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Loads the model into a device.
    ///
    /// # Errors
    /// If it is not the device that the model was compiled for, or fails.
    pub fn load<'d>(
        &self,
        device: Box<dyn Device + 'd>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Driver<'d>> {
        Driver::with_progress(device, self.image.clone(), progress)
    }
}

/// Runs one test; `progress(steps done, steps)` is called after each step.
///
/// # Errors
/// If the device fails, or there are more sequences than rows or room for.
pub fn run(driver: &mut Driver, test: &Test, mut progress: impl FnMut(usize, usize)) -> Result<Outcome> {
    let (rows, vocab) = (driver.image().config.rows as usize, driver.image().vocab as u32);
    if test.parallel > rows.min(driver.image().sequences) {
        return Err(Error::Setting {
            name: "parallel",
            value: test.parallel.to_string(),
            range: format!("1 to {rows}, the rows of a step"),
        });
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut tokens: Vec<u32> =
        (0..test.prompt.max(test.parallel)).map(|_| random.random_range(0..vocab)).collect();
    if test.depth > 0 {
        fill(driver, test, &mut random)?;
    }
    let mut outcome = Outcome { steps: Vec::new(), tokens: Vec::new() };
    let mut step = |driver: &mut Driver, rows: &[Row]| -> Result<()> {
        outcome.steps.push(Step { tokens: rows.len(), counters: driver.step(rows)? });
        Ok(())
    };
    if test.prompt > 0 {
        let last = test.prompt - 1;
        let all: Vec<Row> =
            tokens.iter().enumerate().map(|(at, token)| row(*token, at, 0, at == last)).collect();
        for (done, piece) in all.chunks(rows).enumerate() {
            step(driver, piece)?;
            progress(done + 1, all.len().div_ceil(rows));
        }
        outcome.tokens.push(best(driver, last % rows)?);
        return Ok(outcome);
    }
    for at in 0..test.generate {
        let all = tokens.iter().enumerate().map(|(s, token)| row(*token, test.depth + at, s, true));
        step(driver, &all.collect::<Vec<_>>())?;
        for (row, token) in tokens.iter_mut().enumerate() {
            *token = best(driver, row)?;
        }
        progress(at + 1, test.generate);
    }
    outcome.tokens = tokens;
    Ok(outcome)
}

fn row(token: u32, position: usize, sequence: usize, logits: bool) -> Row {
    Row { token, position, sequence, logits }
}

/// The likeliest token of a row.
fn best(driver: &mut Driver, row: usize) -> Result<u32> {
    Ok(driver.top_k(row, 1)?.first().map_or(0, |(id, _)| *id))
}

/// Random keys and values for the tokens that stand before the test's, in every layer, head and sequence.
fn fill(driver: &mut Driver, test: &Test, random: &mut ChaCha8Rng) -> Result<()> {
    let map = &driver.image().map;
    let (layout, base, beat) = (map.kv_layout, map.kv.base, driver.image().config.beat_bytes());
    let areas = test.parallel * map.kv_stride / layout.area_beats();
    let mut bytes = vec![0; layout.area_beats() * beat];
    for area in 0..areas {
        let (scales, codes) = bytes.split_at_mut(2 * layout.scale_beats * beat);
        for scale in scales.as_chunks_mut().0 {
            *scale = random.random_range(SCALES).to_le_bytes();
        }
        random.fill_bytes(codes);
        driver.write_beats(base + area * layout.area_beats(), &bytes)?;
    }
    Ok(())
}

/// Mean and standard deviation.
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, if values.len() > 1 { (square / (n - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Shape;
    use sterna_spec::golden::Golden;

    fn outcome(tests: &[Test]) -> (f64, Vec<Outcome>) {
        let config = Config::preset("tiny").unwrap();
        let mut model = Shape::small(&config).model(5);
        let options = Options { context: 12, sequences: 2, ..Options::default() };
        let bench = Bench::new(&mut model, 1, &config, &options, |_, _| {}).unwrap();
        let mut driver = bench.load(Box::new(Golden::new(&config)), |_, _| {}).unwrap();
        let all = tests.iter().map(|test| run(&mut driver, test, |_, _| {}).unwrap()).collect();
        (bench.bits_per_weight(), all)
    }

    #[test]
    fn tests_have_names_steps_and_the_same_tokens_every_time() {
        let tests = [
            Test::prompt(5),
            Test { prompt: 0, generate: 3, depth: 8, parallel: 1 },
            Test { prompt: 0, generate: 2, depth: 8, parallel: 2 },
        ];
        assert_eq!(tests.map(|t| t.name()), ["pp5", "tg3 @ d8", "tg2 x 2 @ d8"]);
        let (bits, first) = outcome(&tests);
        assert!(bits > 1.6 && bits < 8.0, "{bits}");
        let shape: Vec<_> =
            first.iter().map(|o| o.steps.iter().map(|s| s.tokens).collect::<Vec<_>>()).collect();
        assert_eq!(shape, [vec![2, 2, 1], vec![1, 1, 1], vec![2, 2]]);
        assert_eq!(first.iter().map(|o| o.tokens.len()).collect::<Vec<_>>(), [1, 1, 2]);
        let (_, second) = outcome(&tests);
        assert!(first.iter().zip(&second).all(|(a, b)| a.tokens == b.tokens));
    }

    #[test]
    fn layers_are_extrapolated_counter_by_counter() {
        let step = |cycles: u64, beats: u64| {
            let mut counters = Counters::default();
            (counters.0[0], counters.0[1]) = (cycles, beats);
            Outcome { steps: vec![Step { tokens: 1, counters }], tokens: vec![] }
        };
        let all = step(130, 70).extrapolate(&step(100, 50), 3).counters();
        assert_eq!((all.0[0], all.0[1]), (220, 130));
    }

    #[test]
    fn deviations() {
        assert_eq!(mean_and_deviation(&[3.0]), (3.0, 0.0));
        assert_eq!(mean_and_deviation(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
    }
}
