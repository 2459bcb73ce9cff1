//! The unit in the evaluator, with the memories that it reads around it, executing instructions one after the other.

use super::beside::Attention;
use crate::blocks::matmul::{gather_latency, word_cycles};
use crate::dsl::{Bits, Module, Sim};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use sterna_spec::config::Config;
use sterna_spec::golden::Write;
use sterna_spec::isa::{Instruction, Vector};

/// What one instruction did.
#[derive(Default, Debug)]
pub struct Outcome {
    /// Words in the order of the observation port, without instruction numbers.
    pub words: Vec<Write>,
    /// Scalars of reductions, likewise.
    pub scalars: Vec<Write>,
    /// Words of codes that became complete in all rows: kind, word.
    pub whole: Vec<[u32; 2]>,
    /// What the attention unit beside it says is wrong.
    pub attention: Option<String>,
    /// Words of the `out` port: kind, row, repetition, word.
    pub out: Vec<[u32; 4]>,
    /// Cycles from `start` to `done`, both included.
    pub cycles: u64,
    /// Most words in a row that came out while `hold` was high.
    pub held: u32,
}

/// The unit under test.
pub struct Bench {
    pub sim: Sim,
    pub config: Config,
    /// Accumulators by row.
    pub acc: Vec<Vec<i64>>,
    /// Attention sums by row.
    pub att: Vec<Vec<i64>>,
    /// Reads and writes scalars while instructions run.
    pub attention: Option<Attention>,
    /// Cycle and word of what accumulators were asked for: the one that can be read, or was last, and those on their way.
    asked: VecDeque<(u64, usize)>,
    now: u64,
    acc_pipe: VecDeque<Bits>,
    att_pipe: VecDeque<Bits>,
}

/// Values of `width` bits side by side, the first lowest.
pub fn join(values: impl Iterator<Item = u64>, width: u32) -> Bits {
    let bits: Vec<bool> = values.flat_map(|v| (0..width).map(move |i| v >> i & 1 == 1)).collect();
    let mut limbs = vec![0u64; bits.len().div_ceil(64)];
    bits.iter().enumerate().filter(|(_, b)| **b).for_each(|(i, _)| limbs[i / 64] |= 1 << (i % 64));
    Bits::from_limbs(bits.len() as u32, &limbs)
}

impl Bench {
    pub fn new(config: &Config, module: &Module, seed: u64) -> Bench {
        let sim = Sim::seeded(module, seed).unwrap_or_else(|e| panic!("{e}"));
        let rows = config.rows as usize;
        Bench {
            sim,
            config: config.clone(),
            acc: vec![vec![0; config.outputs as usize]; rows],
            att: vec![vec![0; (config.heads * config.head_size) as usize]; rows],
            attention: None,
            asked: VecDeque::new(),
            now: 0,
            acc_pipe: VecDeque::new(),
            att_pipe: VecDeque::new(),
        }
    }

    /// Rows of the step, and the rows that ask for logits.
    pub fn rows(&mut self, rows: u32, logits: &[bool]) {
        self.sim.set("rows", rows);
        let info = logits.iter().flat_map(|&l| [u64::MAX, u64::from(!l) << 32 ^ 1 << 32 | 0x1234]);
        self.sim.set("row_info", join(info, 64));
    }

    /// A step begins.
    pub fn restart(&mut self) {
        self.sim.set("restart", 1);
        self.sim.tick();
        self.sim.set("restart", 0);
    }

    /// Writes a word of vector memory (`row`) or shared memory through the loader's port.
    pub fn load(&mut self, row: Option<usize>, word: usize, data: &[u32]) {
        self.sim.set(if row.is_some() { "ld_vmem" } else { "ld_cmem" }, 1);
        self.sim.set("ld_row", row.unwrap_or(0));
        self.sim.set("ld_word", word);
        self.sim.set("ld_data", join(data.iter().map(|&x| x.into()), 32));
        // lane by lane, so that the mask counts
        for lane in 0..data.len() {
            self.sim.set("ld_mask", 1u32 << lane);
            self.sim.tick();
        }
        self.sim.set("ld_vmem", 0);
        self.sim.set("ld_cmem", 0);
    }

    /// Writes a scalar through the attention unit's port, and reads it back.
    pub fn scalar(&mut self, w: &Write) -> Write {
        self.sim.set("s_we", 1);
        for (port, x) in [("s_row", w.row), ("s_index", w.address), ("s_wdata", w.data[0])] {
            self.sim.set(port, x);
        }
        assert!(self.sim.is_high("s_taken") && self.sim.is_high("s_granted"), "nothing runs");
        let seen = self.probe_scalar("h").unwrap_or_else(|| panic!("no probe of {w:?}"));
        assert_eq!(self.probe_scalar("s"), None);
        self.sim.tick();
        self.sim.set("s_we", 0);
        self.sim.set("s_rrow", w.row);
        self.sim.set("s_rindex", w.address);
        self.sim.tick();
        assert_eq!(self.sim.get("s_rdata"), u64::from(w.data[0]), "{w:?}");
        seen
    }

    fn probe_scalar(&mut self, name: &str) -> Option<Write> {
        let sim = &mut self.sim;
        let mut get = |part: &str| sim.get(&format!("probe_{name}_{part}")) as u32;
        (get("valid") == 1).then(|| Write {
            instruction: 0,
            row: get("row"),
            kind: if name == "h" { Write::WEIGHTS } else { Write::SCALAR },
            address: get("index"),
            data: vec![get("data")],
        })
    }

    fn probe_word(&mut self, one: bool) -> Option<Write> {
        let lanes = if one { 1 } else { self.config.lanes };
        let sim = &mut self.sim;
        sim.is_high("probe_valid").then(|| {
            let data = sim.bits("probe_data");
            Write {
                instruction: 0,
                row: sim.get("probe_row") as u32,
                kind: sim.get("probe_kind") as u8,
                address: sim.get("probe_address") as u32,
                data: (0..lanes).map(|l| data.slice(32 * l, 32).to_u64() as u32).collect(),
            }
        })
    }

    /// What leaves by the other ports says the same as the observation port.
    fn check_ports(&mut self, word: Option<&Write>) {
        let lanes = self.config.lanes;
        let sim = &mut self.sim;
        for (we, kind, name, width) in [("act_we", 3, "act", 8), ("q_we", 4, "q", 16)] {
            let wanted = word.filter(|w| w.kind == kind);
            assert_eq!(sim.is_high(we), wanted.is_some(), "{we}");
            let Some(w) = wanted else { continue };
            assert_eq!(sim.get(&format!("{name}_row")), u64::from(w.row));
            assert_eq!(sim.get(&format!("{name}_word")), u64::from(w.address));
            let codes = w.data.iter().map(|&x| u64::from(x) & ((1 << width) - 1));
            assert_eq!(sim.bits(&format!("{name}_data")), join(codes, width));
        }
        let wanted = word.filter(|w| w.kind >= 5);
        assert_eq!(sim.is_high("out_valid"), wanted.is_some());
        let Some(w) = wanted else { return };
        let (width, data) = (if w.kind == 5 { 8 } else { 32 }, sim.bits("out_data"));
        let mask = (1u64 << width) - 1;
        for (l, &x) in w.data.iter().enumerate() {
            assert_eq!(data.slice(l as u32 * width, width).to_u64(), u64::from(x) & mask);
        }
        if w.kind == 5 && lanes > 1 {
            assert!(data.slice(8 * lanes, 24 * lanes).is_zero());
        }
    }

    /// The word of accumulators whose rows can be read in this cycle.
    fn gathered(&mut self) -> Option<usize> {
        let (gather, word) = (gather_latency(&self.config), word_cycles(&self.config));
        let (gather, word) = (u64::from(gather), u64::from(word));
        if self.sim.is_high("acc_ask") {
            assert!(self.asked.back().is_none_or(|(at, _)| self.now >= at + word), "asked too early");
            self.asked.push_back((self.now, self.sim.get("acc_word") as usize));
        }
        while self.asked.get(1).is_some_and(|(at, _)| self.now >= at + gather) {
            self.asked.pop_front();
        }
        let gone = self.asked.get(1).is_some_and(|(at, _)| self.now > at + gather - word);
        self.asked.front().filter(|(at, _)| self.now >= at + gather && !gone).map(|(_, word)| *word)
    }

    /// One cycle of the memories around the unit, and of the unit.
    fn cycle(&mut self) {
        let lanes = self.config.lanes as usize;
        let gathered = self.gathered();
        let att_word = Some(self.sim.get("att_word") as usize);
        let mut read = |unit: &str, memory: &[Vec<i64>], word: Option<usize>, width: u32| {
            let row = self.sim.get(&format!("{unit}_row")) as usize;
            let at = |l| memory.get(row)?.get(word? * lanes + l).copied();
            join((0..lanes).map(|l| at(l).unwrap_or(0x5a5a) as u64), width)
        };
        self.acc_pipe.push_back(read("acc", &self.acc, gathered, self.config.acc_bits()));
        self.att_pipe.push_back(read("att", &self.att, att_word, 40));
        self.now += 1;
        self.sim.tick();
        for (port, pipe) in [("acc_data", &mut self.acc_pipe), ("att_data", &mut self.att_pipe)] {
            let arrived = pipe.len() == super::super::ACC_LATENCY as usize;
            if let Some(x) = arrived.then(|| pipe.pop_front()).flatten() {
                self.sim.set(port, x);
            }
        }
    }

    /// Executes an instruction; `hold(cycle)` says when the outputs are held.
    pub fn run(&mut self, v: &Vector, mut hold: impl FnMut(u64) -> bool) -> Outcome {
        let insn = Instruction::Vector(*v).encode();
        self.sim.set("insn", Bits::from_bytes(256, &insn));
        self.sim.set("start", 1);
        let mut outcome = Outcome::default();
        let mut held = 0;
        self.attention.iter_mut().for_each(Attention::resume);
        loop {
            let on = hold(outcome.cycles);
            self.sim.set("hold", on);
            outcome.cycles += 1;
            let word = self.probe_word(v.a_kind == sterna_spec::isa::AKind::Sreg);
            self.check_ports(word.as_ref());
            held = if on { held + u32::from(word.is_some()) } else { 0 };
            outcome.held = outcome.held.max(held);
            if self.sim.is_high("out_valid") {
                let names = ["out_kind", "out_row", "out_rep", "out_word"];
                outcome.out.push(names.map(|n| self.sim.get(n) as u32));
            }
            outcome.words.extend(word);
            outcome.scalars.extend(self.probe_scalar("s"));
            for (port, kind) in [("act", 3), ("q", 4)] {
                if self.sim.is_high(&format!("{port}_whole")) {
                    outcome.whole.push([kind, self.sim.get(&format!("{port}_word")) as u32]);
                }
            }
            if let Some(attention) = &mut self.attention {
                outcome.attention = outcome.attention.or(attention.cycle(&mut self.sim).err());
            }
            let done = self.sim.is_high("done");
            self.cycle();
            self.sim.set("start", 0);
            if done {
                return outcome;
            }
            assert!(outcome.cycles < 200_000, "{v:?} never ends");
        }
    }
}

/// A hold that is on in bursts.
pub fn bursts(rng: &mut ChaCha8Rng, percent: u32) -> impl FnMut(u64) -> bool + '_ {
    let mut on = false;
    move |_| {
        if rng.random_range(0..8) == 0 {
            on = rng.random_range(0..100) < percent;
        }
        on
    }
}
