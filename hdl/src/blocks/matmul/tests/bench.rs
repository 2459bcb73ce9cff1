//! A matrix with its codes, and an engine in the evaluator that runs it.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::isa::Instruction;
use sterna_spec::layout::{self, MatrixShape};

use crate::blocks::matmul::dims::Dims;
use crate::blocks::matmul::{ACC_LATENCY, engine, gather_latency};
use crate::dsl::{Bits, Module, Sim};

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

/// A word that the vector unit asked for while a matrix ran.
struct Asked {
    /// Cycle, in the bench's count.
    at: u64,
    first: usize,
}

pub(super) struct Bench {
    pub(super) config: Config,
    /// First word of accumulators that matrices write.
    pub(super) dst: usize,
    /// Sums that lie elsewhere in the accumulators, by row: read while matrices run.
    pub(super) kept: Vec<Vec<i64>>,
    /// First of their words.
    pub(super) kept_at: usize,
    pub(super) dims: Dims,
    pub(super) sim: Sim,
    /// Share of the cycles in which a word of codes comes while the matrix runs; 0: all come before.
    pub(super) coding: f64,
}

impl Bench {
    pub(super) fn new(config: &Config, seed: u64) -> Bench {
        Bench::with(config, Dims::new(config), seed)
    }

    pub(super) fn with(config: &Config, dims: Dims, seed: u64) -> Bench {
        Bench::of(config, dims, &engine(&dims), seed)
    }

    pub(super) fn of(config: &Config, dims: Dims, engine: &Module, seed: u64) -> Bench {
        assert_eq!(config.check(), Vec::<String>::new());
        engine.check().unwrap_or_else(|e| panic!("{e}"));
        let sim = Sim::seeded(engine, seed).unwrap_or_else(|e| panic!("{e}"));
        Bench { config: config.clone(), dims, sim, dst: 0, kept: vec![], kept_at: 0, coding: 0.0 }
    }

    /// Words of codes in the order of the vector unit: word and row, all rows of a word behind each other.
    fn words(&self, case: &Case) -> Vec<(usize, usize)> {
        let words = case.inputs.div_ceil(self.config.lanes as usize);
        (0..words).flat_map(|word| (0..case.codes.len()).map(move |row| (word, row))).collect()
    }

    fn write_word(&mut self, case: &Case, (word, row): (usize, usize)) {
        let lanes = self.config.lanes as usize;
        let codes = case.codes[row].chunks(lanes).nth(word).unwrap_or_default();
        let bytes: Vec<u8> = codes.iter().map(|c| *c as u8).collect();
        self.sim.set("act_we", 1);
        self.sim.set("act_row", row);
        self.sim.set("act_word", word);
        self.sim.set("act_data", Bits::from_bytes(8 * self.config.lanes, &bytes));
        self.sim.set("act_whole", row + 1 == case.codes.len());
    }

    pub(super) fn write_codes(&mut self, case: &Case) {
        for at in self.words(case) {
            self.write_word(case, at);
            self.sim.tick();
        }
        self.sim.set("act_we", 0);
        self.sim.set("act_whole", 0);
    }

    /// A cycle of the codes' writer: a word with probability `pace`; `coding` ends a few cycles after the last.
    fn code_beside(&mut self, case: &Case, left: &mut Vec<(usize, usize)>, random: &mut impl Rng) {
        self.sim.set("act_we", 0);
        self.sim.set("act_whole", 0);
        if random.random_bool(self.coding) {
            match left.pop() {
                Some(at) => self.write_word(case, at),
                None => self.sim.set("coding", 0),
            }
        }
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
            dst: self.dst as u16,
            beside: false,
        };
        self.sim.set("insn", Bits::from_bytes(256, &insn.encode()));
        self.sim.set("start", 1);
        let total = case.planes as usize * shape.plane_beats();
        let mut beats = stream.chunks(self.config.beat_bytes());
        let (mut offered, mut taken, mut done) = (None, 0, None);
        let (mut asked, mut words) = (None, 0);
        let mut uncoded = if self.coding > 0.0 { self.words(case) } else { Vec::new() };
        uncoded.reverse();
        let late = uncoded.len() * 40;
        for cycle in 0..200 + 40 * total + total * self.dims.chunk() + late {
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
            if self.coding > 0.0 {
                self.code_beside(case, &mut uncoded, random);
            }
            words += usize::from(self.read_beside(cycle as u64, &mut asked, random)?);
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
        self.sim.set("acc_ask", 0);
        if !self.kept.is_empty() && words < 3 {
            return Err(format!("{words} words read beside the matrix"));
        }
        match done {
            Some(cycles) if taken == total => Ok(cycles),
            Some(_) => Err(format!("{taken} of {total} beats taken")),
            None => Err(format!("not done after {taken} of {total} beats")),
        }
    }

    /// A cycle of a reader of `kept`: asks for a word, reads all rows of it, asks for the next. 1 if all rows of a word were right.
    fn read_beside(
        &mut self,
        cycle: u64,
        asked: &mut Option<Asked>,
        random: &mut impl Rng,
    ) -> Result<bool, String> {
        let (lanes, rows) = (self.config.lanes as usize, self.kept.len());
        if rows == 0 {
            return Ok(false);
        }
        let gather = u64::from(gather_latency(&self.config));
        let mut right = false;
        self.sim.set("acc_ask", 0);
        if let Some(Asked { at, first }) = *asked {
            let row = (cycle - at).saturating_sub(gather).min(rows as u64 - 1);
            self.sim.set("acc_row", row);
            let seen = (cycle - at).checked_sub(gather + u64::from(ACC_LATENCY));
            if let Some(row) = seen.map(|r| r as usize) {
                let got = self.word();
                let want = &self.kept[row][first..first + lanes];
                if got != want {
                    return Err(format!("beside: row {row} from {first}: expected {want:?}, got {got:?}"));
                }
                right = row == rows - 1;
            }
        }
        if right || asked.is_none() {
            let first = random.random_range(0..self.kept[0].len() / lanes) * lanes;
            self.sim.set("acc_ask", 1);
            self.sim.set("acc_word", self.kept_at + first / lanes);
            *asked = Some(Asked { at: cycle, first });
        }
        Ok(right)
    }

    /// The word at the vector unit's port.
    fn word(&mut self) -> Vec<i64> {
        let (lanes, bits) = (self.config.lanes, self.dims.acc_bits);
        let word = self.sim.bits("acc_data");
        (0..lanes).map(|l| word.slice(l * bits, bits).to_i64()).collect()
    }

    /// The first `count` accumulators of all rows from `dst` on, read as the vector unit does: a word of all rows, then the next as
    /// early as it may be asked for.
    pub(super) fn accumulators(&mut self, count: usize) -> Vec<Vec<i64>> {
        let lanes = self.config.lanes as usize;
        let (words, rows) = (count.div_ceil(lanes), self.config.rows as usize);
        let (blocks, gather) = (self.dims.word_blocks(), gather_latency(&self.config) as usize);
        let period = rows - 1 + blocks;
        let mut all = vec![Vec::new(); rows];
        for cycle in 0..words * period + gather + ACC_LATENCY as usize {
            self.sim.set("acc_ask", cycle % period == 0);
            self.sim.set("acc_word", self.dst + (cycle / period).min(words - 1));
            let row = |cycle: Option<usize>| cycle.map(|c| c % period).filter(|row| *row < rows);
            if let Some(row) = row(cycle.checked_sub(gather)) {
                self.sim.set("acc_row", row);
            }
            if let Some(row) = row(cycle.checked_sub(gather + ACC_LATENCY as usize)) {
                let word = self.word();
                all[row].extend(word);
            }
            self.sim.tick();
        }
        self.sim.set("acc_ask", 0);
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
        match self.coding > 0.0 {
            // the codes of the matrix before must not do
            true => self.sim.set("coding", 1),
            false => self.write_codes(case),
        }
        (0..2).for_each(|_| self.sim.tick());
        let cycles = self.run(case, stream, pace, random)?;
        let count = case.expected(&self.config, 0).len();
        for (row, got) in self.accumulators(count).into_iter().enumerate() {
            let want = case.expected(&self.config, row);
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
