//! The unit under the evaluator, with a memory, scalars and a driver around it, and the contract that they check.

use super::beside::Beside;
use super::case::{Answer, Case, LAYER, SCALARS};
use crate::blocks::attention::{ATT_LATENCY, OPERANDS, RESULTS, attention};
use crate::blocks::fp;
use crate::dsl::{Bits, Module, Sim};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use sterna_spec::config::Config;
use sterna_spec::isa::Instruction;

/// How eager everybody is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// No pauses, memory answers at once.
    Full,
    /// Seeded pauses of the memory and of the instruction stream.
    Random,
}

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// The mask is off by one.
    Mask,
    /// The window is a token too large.
    Window,
    /// The first two passes' KV heads are exchanged.
    KvHeads,
    /// Two query heads of the first pass are exchanged.
    QueryHeads,
    /// One beat of data is lost (and one of zeros follows at the end).
    Drop,
    /// One beat of data comes twice.
    Double,
    /// One bit of one beat is flipped.
    Bit,
}

struct Bench<'c> {
    case: &'c Case,
    sim: Sim,
    rng: ChaCha8Rng,
    pace: Pace,
    fault: Fault,
    descriptors: VecDeque<Bits>,
    /// Beats asked for, in order, and those of them not yet delivered with the cycle before which they do not come.
    asked: Vec<u32>,
    coming: VecDeque<(u64, u32)>,
    delivered: usize,
    /// A request that was offered and not taken.
    held: Option<Bits>,
    /// A descriptor, a beat of data is being offered and must stay.
    described: bool,
    offering: bool,
    beside: Beside<'c>,
    done: usize,
}

/// Runs the case; the cycles from `start` to `done`.
pub fn run(case: &Case, pace: Pace, fault: Fault) -> Result<u64, String> {
    Ok(run_in(fresh(case), case, pace, fault)?.1)
}

/// A unit with random contents.
pub fn fresh(case: &Case) -> Sim {
    Sim::seeded(&unit(&case.config), case.seed).unwrap_or_else(|e| panic!("{e}"))
}

/// The unit, with the binary32 units that it is lent.
fn unit(config: &Config) -> Module {
    if !config.lends_units() {
        return attention(config);
    }
    let m = Module::new("attention_and_units", "The attention unit with the units that it is lent.");
    let inner = m.instance("inner", attention(config));
    let ports = ["start", "insn", "rows", "row_info", "w_", "q_", "kv_", "req_", "d_", "s_", "att_"];
    ports.iter().chain(&["loaded", "heads_done", "done", "stall_data"]).for_each(|p| m.export(inner, p, p));
    let width = inner.out("lent_float_value").width();
    let pace = fp::Pace::of(config);
    let units = [
        ("sfu", fp::sfu(pace)),
        ("add", fp::add(pace)),
        ("first", fp::mul(pace)),
        ("second", fp::mul(pace)),
        ("float", fp::int_to_f32(width, pace)),
        ("quantize", fp::f32_to_int(16, pace)),
    ];
    for (name, module) in units {
        let unit = m.instance(name, module);
        let own = |port: &'static str| {
            port.strip_prefix("lent_")?.strip_prefix(name).and_then(|port| port.strip_prefix('_'))
        };
        OPERANDS
            .iter()
            .filter_map(|p| Some((*p, own(p)?)))
            .for_each(|(p, own)| unit.connect(own, inner.out(p)));
        RESULTS
            .iter()
            .filter_map(|p| Some((*p, own(p)?)))
            .for_each(|(p, own)| inner.connect(p, unit.out(own).as_unsigned()));
    }
    m
}

/// Runs the case in a unit, which comes back; the cycles from `start` to `done`.
pub fn run_in(sim: Sim, case: &Case, pace: Pace, fault: Fault) -> Result<(Sim, u64), String> {
    let mut bench = Bench::new(sim, case, pace, fault);
    bench.beside.load(&mut bench.sim);
    let cycles = bench.execute()?;
    // rows take turns; each has its own order
    let mut scalars = std::mem::take(&mut bench.beside.scalars);
    scalars.sort_by_key(|scalar| scalar.0);
    let sums = bench.sums();
    let wanted = &bench.beside.answer;
    if scalars != wanted.scalars {
        return Err(format!("scalars are {scalars:x?}, not {:x?}", wanted.scalars));
    }
    if fault == Fault::None && bench.asked != case.requests() {
        return Err(format!("requested {:?}, not {:?}", bench.asked, case.requests()));
    }
    for (got, want) in sums.sums.iter().zip(&wanted.sums) {
        if got != want {
            return Err(format!("row {}, sums from {}: {:?}, not {:?}", want.0, want.1, got.2, want.2));
        }
    }
    Ok((bench.sim, cycles))
}

/// Cycles from `start` to those in which more heads are done, and to `done`.
pub fn watch(case: &Case, pace: Pace) -> Result<(Vec<u64>, u64), String> {
    let mut bench = Bench::new(fresh(case), case, pace, Fault::None);
    bench.beside.load(&mut bench.sim);
    let before = bench.sim.cycle() + 1;
    let cycles = bench.execute()?;
    Ok((bench.beside.rises.iter().map(|cycle| cycle - before).collect(), cycles))
}

/// Takes the requests alone and compares them with the rule.
pub fn requests(case: &Case) -> Result<(), String> {
    let mut bench = Bench::new(fresh(case), case, Pace::Full, Fault::None);
    let wanted = case.requests();
    bench.start();
    for _ in 0..400 {
        bench.descriptor();
        bench.request()?;
        bench.sim.tick();
    }
    if bench.asked == wanted {
        Ok(())
    } else {
        Err(format!("{} beats, not {}", bench.asked.len(), wanted.len()))
    }
}

impl<'c> Bench<'c> {
    fn new(sim: Sim, case: &'c Case, pace: Pace, fault: Fault) -> Self {
        let mut passes = case.passes.clone();
        match fault {
            Fault::KvHeads => {
                let first = passes[0].kv_head;
                passes[0].kv_head = passes[1].kv_head;
                passes[1].kv_head = first;
            }
            Fault::QueryHeads => passes[0].heads.swap(0, 1),
            _ => {}
        }
        let mut bytes: Vec<u8> = Vec::new();
        for pass in &passes {
            bytes.extend(pass.encode());
            bytes.resize(bytes.len().next_multiple_of(case.config.beat_bytes()), 0xa5);
        }
        let beat = case.config.beat_bytes();
        let descriptors = bytes.chunks(beat).map(|b| Bits::from_bytes(8 * beat as u32, b)).collect();
        let rng = ChaCha8Rng::seed_from_u64(case.seed ^ 0x5eed);
        Bench {
            case,
            sim,
            rng,
            pace,
            fault,
            descriptors,
            asked: vec![],
            coming: VecDeque::new(),
            delivered: 0,
            held: None,
            described: false,
            offering: false,
            beside: Beside::new(case, pace),
            done: 0,
        }
    }

    fn start(&mut self) {
        let case = self.case;
        let mut info = Vec::new();
        for row in 0..case.config.rows as usize {
            let active = row < case.positions.len();
            let position =
                if active { case.positions[row] + u32::from(self.fault == Fault::Mask) } else { 0 };
            let base = if active { case.bases[row] } else { 0 };
            for word in [0xdead_beef, position, base, 1] {
                info.extend(word.to_le_bytes());
            }
        }
        let [scale, smax, ssum] = SCALARS;
        let (passes, segments) = (case.passes.len() as u16, case.segments as u16);
        let window = case.window + u16::from(self.fault == Fault::Window);
        let insn = Instruction::Attn {
            passes,
            segments,
            window,
            scale,
            smax,
            ssum,
            addr: LAYER,
            beside: case.awaited > 0,
            queries: case.awaited,
        };
        self.sim.set("insn", Bits::from_bytes(256, &insn.encode()));
        self.sim.set("row_info", Bits::from_bytes(128 * case.config.rows, &info));
        self.sim.set("rows", case.positions.len());
        self.sim.set("kv_scale_beats", case.kv.scale_beats);
        self.sim.set("kv_data_beats", case.kv.data_beats);
        self.sim.set("start", 1);
        self.sim.tick();
        self.sim.set("start", 0);
    }

    /// From `start` to `done`, and some cycles more.
    fn execute(&mut self) -> Result<u64, String> {
        let beats = self.case.requests().len() as u64;
        let limit = 1000 + 30 * beats + self.beside.patience();
        self.start();
        let begin = self.sim.cycle();
        let mut end = None;
        while end.is_none_or(|end| self.sim.cycle() < end + 30) {
            if self.sim.cycle() > begin + limit {
                return Err(format!("not done after {limit} cycles"));
            }
            self.cycle()?;
            if self.done > 0 && end.is_none() {
                end = Some(self.sim.cycle());
            }
        }
        if !self.beside.complete() {
            return Err("done, but not all heads are".into());
        }
        if self.done != 1 || !self.descriptors.is_empty() || !self.coming.is_empty() {
            let (done, left, coming) = (self.done, self.descriptors.len(), self.coming.len());
            return Err(format!("done {done} times with {left} descriptors and {coming} beats left"));
        }
        Ok(end.unwrap_or(0) - begin)
    }

    fn pauses(&mut self) -> bool {
        self.pace == Pace::Random && self.rng.random_bool(0.3)
    }

    fn cycle(&mut self) -> Result<(), String> {
        if self.sim.is_high("loaded") != self.descriptors.is_empty() {
            return Err(format!("`loaded` is wrong with {} beats to come", self.descriptors.len()));
        }
        self.descriptor();
        self.request()?;
        self.data();
        let scalar = self.beside.cycle(&mut self.sim)?;
        if self.sim.is_high("done") {
            self.done += 1;
            if !self.beside.complete() {
                return Err("done before all heads are".into());
            }
        }
        self.sim.tick();
        self.sim.set("s_rdata", scalar);
        Ok(())
    }

    fn descriptor(&mut self) {
        let offer = !self.descriptors.is_empty() && (self.described || !self.pauses());
        self.sim.set("w_valid", offer);
        self.described = offer;
        let Some(beat) = self.descriptors.front().filter(|_| offer) else { return };
        self.sim.set("w_data", beat);
        if self.sim.is_high("w_ready") {
            self.descriptors.pop_front();
            self.described = false;
        }
    }

    fn request(&mut self) -> Result<(), String> {
        let ready = !self.pauses();
        self.sim.set("req_ready", ready);
        let offered = self.sim.is_high("req_valid").then(|| self.sim.bits("req_data"));
        if self.held.is_some() && self.held != offered {
            return Err(format!("a request changed from {:?} to {offered:?} before it was taken", self.held));
        }
        self.held = offered.filter(|_| !ready);
        if !ready || !self.sim.is_high("req_valid") {
            return Ok(());
        }
        let request = self.sim.get("req_data");
        let (first, count) = (request as u32, (request >> 32) as u32);
        let delay = if self.pace == Pace::Full { 0 } else { self.rng.random_range(0..60) };
        for beat in first..first + count {
            match (self.fault, self.asked.len()) {
                (Fault::Drop, 7) => {}
                (Fault::Double, 7) => self.coming.extend([(self.sim.cycle() + delay, beat); 2]),
                _ => self.coming.push_back((self.sim.cycle() + delay, beat)),
            }
            self.asked.push(beat);
        }
        if self.fault == Fault::Drop && self.asked.len() == self.case.requests().len() {
            self.coming.push_back((0, 0));
        }
        if count == 0 { Err("an empty request".into()) } else { Ok(()) }
    }

    fn data(&mut self) {
        let there = self.coming.front().is_some_and(|(from, _)| *from < self.sim.cycle());
        let offer = there && (self.offering || !self.pauses());
        self.sim.set("d_valid", offer);
        self.offering = offer;
        let Some((_, beat)) = self.coming.front().filter(|_| offer) else { return };
        let size = self.case.config.beat_bytes();
        let mut bytes = self.case.memory[*beat as usize * size..][..size].to_vec();
        if self.fault == Fault::Bit && self.delivered == 15 {
            bytes[1] ^= 4;
        }
        self.sim.set("d_data", Bits::from_bytes(8 * size as u32, &bytes));
        if self.sim.is_high("d_ready") {
            self.coming.pop_front();
            self.delivered += 1;
            self.offering = false;
        }
    }

    /// The sums of all heads of all passes, read from the ATT memory.
    fn sums(&mut self) -> Answer {
        let mut answer = self.beside.answer.clone();
        let lanes = self.case.config.lanes as usize;
        for (row, first, sums) in &mut answer.sums {
            for (word, sums) in sums.chunks_mut(lanes).enumerate() {
                self.sim.set("att_row", *row);
                self.sim.set("att_word", *first / lanes + word);
                (0..ATT_LATENCY).for_each(|_| self.sim.tick());
                let data = self.sim.bits("att_data");
                for (lane, sum) in sums.iter_mut().enumerate() {
                    *sum = data.slice(40 * lane as u32, 40).to_i64();
                }
            }
        }
        answer
    }
}
