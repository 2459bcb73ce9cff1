//! A matrix with its codes, and an engine in the evaluator that runs it.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::isa::Instruction;
use sterna_spec::layout::{self, MatrixShape};

use crate::blocks::matmul::dims::Dims;
use crate::blocks::matmul::{ACC_LATENCY, engine};
use crate::dsl::{Bits, Sim};

/// A matrix and the codes of all rows.
pub(super) struct Case {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) planes: u32,
    pub(super) weights: Vec<i32>,
    pub(super) codes: Vec<Vec<i8>>,
}

impl Case {
    pub(super) fn new(
        config: &Config,
        outputs: usize,
        inputs: usize,
        planes: u32,
        mut weight: impl FnMut() -> (i32, i8),
    ) -> Case {
        let weights = (0..outputs * inputs).map(|_| weight().0).collect();
        let codes = (0..config.rows).map(|_| (0..inputs).map(|_| weight().1).collect()).collect();
        Case { outputs, inputs, planes, weights, codes }
    }

    pub(super) fn random(config: &Config, random: &mut ChaCha8Rng) -> Case {
        let most = 40.min(config.outputs as usize);
        let outputs = random.random_range(1..=most);
        let inputs = random.random_range(1..=(3 * config.chunk()).min(config.activations as usize));
        let planes = *[1, 1, 2, 5].choose(random).unwrap();
        let range = layout::plane_range(planes);
        Case::new(config, outputs, inputs, planes, || (random.random_range(-range..=range), random.random()))
    }

    pub(super) fn shape(&self, config: &Config) -> MatrixShape {
        MatrixShape::new(config, self.outputs, self.inputs)
    }

    pub(super) fn stream(&self, config: &Config) -> Vec<u8> {
        let mut bytes = Vec::new();
        for plane in (0..self.planes).rev() {
            let trit = |n: usize, k: usize| layout::balanced_digit(self.weights[n * self.inputs + k], plane);
            layout::pack_plane(config, self.outputs, self.inputs, trit, &mut bytes);
        }
        bytes
    }

    /// Sums of all blocks, padding included.
    pub(super) fn expected(&self, config: &Config, row: usize) -> Vec<i64> {
        let dot = |n: usize| {
            let weights = &self.weights[n * self.inputs..][..self.inputs];
            weights.iter().zip(&self.codes[row]).map(|(w, a)| i64::from(w * i32::from(*a))).sum()
        };
        let padded = self.shape(config).outputs(config);
        (0..padded).map(|n| if n < self.outputs { dot(n) } else { 0 }).collect()
    }
}

pub(super) struct Bench {
    pub(super) config: Config,
    pub(super) dims: Dims,
    pub(super) sim: Sim,
}

impl Bench {
    pub(super) fn new(config: &Config, seed: u64) -> Bench {
        Bench::with(config, Dims::new(config), seed)
    }

    pub(super) fn with(config: &Config, dims: Dims, seed: u64) -> Bench {
        assert_eq!(config.check(), Vec::<String>::new());
        let engine = engine(&dims);
        engine.check().unwrap_or_else(|e| panic!("{e}"));
        let sim = Sim::seeded(&engine, seed).unwrap_or_else(|e| panic!("{e}"));
        Bench { config: config.clone(), dims, sim }
    }

    pub(super) fn write_codes(&mut self, case: &Case) {
        let lanes = self.config.lanes as usize;
        self.sim.set("act_we", 1);
        for (row, codes) in case.codes.iter().enumerate() {
            for (word, lanes) in codes.chunks(lanes).enumerate() {
                let bytes: Vec<u8> = lanes.iter().map(|c| *c as u8).collect();
                self.sim.set("act_row", row);
                self.sim.set("act_word", word);
                self.sim.set("act_data", Bits::from_bytes(8 * self.config.lanes, &bytes));
                self.sim.tick();
            }
        }
        self.sim.set("act_we", 0);
    }

    /// Runs a matrix with `stream`, offering beats with probability `pace`; cycles from start to done. Fails unless
    /// exactly the matrix's beats are taken and `done` comes once.
    pub(super) fn run(
        &mut self,
        case: &Case,
        stream: &[u8],
        pace: f64,
        random: &mut impl Rng,
    ) -> Result<usize, String> {
        let shape = case.shape(&self.config);
        let insn = Instruction::Matmul {
            blocks: shape.blocks as u16,
            chunks: shape.chunks as u16,
            planes: case.planes as u8,
        };
        self.sim.set("insn", Bits::from_bytes(256, &insn.encode()));
        self.sim.set("start", 1);
        let total = case.planes as usize * shape.plane_beats();
        let mut beats = stream.chunks(self.config.beat_bytes());
        let (mut offered, mut taken, mut done) = (None, 0, None);
        for cycle in 0..200 + 40 * total + total * self.dims.chunk() {
            if offered.is_none() && random.random_bool(pace) {
                offered = beats.next().or(Some(&[0xa5][..])); // once all are taken, more are offered
            }
            self.sim.set("w_valid", offered.is_some());
            if let Some(bytes) = offered {
                self.sim.set("w_data", Bits::from_bytes(self.config.beat_bits(), bytes));
            }
            let fires = self.sim.is_high("w_ready") && offered.is_some();
            assert_eq!(self.sim.is_high("stall_stream"), self.sim.is_high("w_ready") && offered.is_none());
            if fires {
                taken += 1;
                offered = None;
            }
            if self.sim.is_high("done") && done.replace(cycle).is_some() {
                return Err("done twice".into());
            }
            self.sim.tick();
            self.sim.set("start", 0);
            if done.is_some_and(|d| cycle > d + 20) {
                break;
            }
        }
        self.sim.set("w_valid", 0);
        match done {
            Some(cycles) if taken == total => Ok(cycles),
            Some(_) => Err(format!("{taken} of {total} beats taken")),
            None => Err(format!("not done after {taken} of {total} beats")),
        }
    }

    /// The first `count` accumulators of a row, read as the vector unit does: one word a cycle.
    pub(super) fn accumulators(&mut self, row: usize, count: usize) -> Vec<i64> {
        let (lanes, bits) = (self.config.lanes as usize, self.dims.acc_bits);
        let words = count.div_ceil(lanes);
        let mut all = Vec::new();
        self.sim.set("acc_row", row);
        for cycle in 0..words + ACC_LATENCY as usize {
            if cycle >= ACC_LATENCY as usize {
                let word = self.sim.bits("acc_data");
                all.extend((0..lanes as u32).map(|l| word.slice(l * bits, bits).to_i64()));
            }
            self.sim.set("acc_word", cycle.min(words - 1));
            self.sim.tick();
        }
        all
    }

    /// Runs a case with an own stream and compares all accumulators of all rows.
    pub(super) fn check_stream(
        &mut self,
        case: &Case,
        stream: &[u8],
        pace: f64,
        random: &mut impl Rng,
    ) -> Result<usize, String> {
        self.write_codes(case);
        let cycles = self.run(case, stream, pace, random)?;
        for row in 0..case.codes.len() {
            let want = case.expected(&self.config, row);
            let got = self.accumulators(row, want.len());
            if let Some(n) = (0..want.len()).find(|n| want[*n] != got[*n]) {
                return Err(format!("row {row}, output {n}: expected {}, got {}", want[n], got[n]));
            }
        }
        Ok(cycles)
    }

    pub(super) fn check(&mut self, case: &Case, pace: f64, random: &mut impl Rng) -> Result<usize, String> {
        let stream = case.stream(&self.config);
        self.check_stream(case, &stream, pace, random)
    }
}
