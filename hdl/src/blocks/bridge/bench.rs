//! The bridge in the evaluator: a serial line at one end, a device behind AXI with random pauses at the other.
//!
//! Also included by the tests across crates: whoever does names `Bits` and `Sim`.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::device::Device;

use super::{Bits, Sim};

/// Cycles of a bit.
pub const BIT: usize = 4;
/// An AXI answer that is an error.
const SLVERR: u64 = 2;

/// A channel from the bridge: what it offers must stay until it is taken.
struct Asks {
    valid: &'static str,
    ready: &'static str,
    fields: &'static [&'static str],
    now: bool,
    waits: Option<Vec<u64>>,
}

impl Asks {
    fn new(valid: &'static str, ready: &'static str, fields: &'static [&'static str]) -> Asks {
        Asks { valid, ready, fields, now: false, waits: None }
    }

    fn drive(&mut self, sim: &mut Sim, ready: bool) {
        self.now = ready;
        sim.set(self.ready, ready);
    }

    /// What is taken in this cycle: the limbs of all fields.
    fn take(&mut self, sim: &mut Sim) -> Option<Vec<u64>> {
        let before = self.waits.take();
        if !sim.is_high(self.valid) {
            assert_eq!(before, None, "{} was withdrawn", self.valid);
            return None;
        }
        let what: Vec<u64> = self.fields.iter().flat_map(|f| sim.bits(f).limbs().to_vec()).collect();
        assert!(before.is_none_or(|b| b == what), "{}: what was offered changed", self.valid);
        if !self.now {
            self.waits = Some(what);
            return None;
        }
        Some(what)
    }
}

/// A channel to the bridge: answers, oldest first.
struct Answers {
    valid: &'static str,
    ready: &'static str,
    fields: &'static [(&'static str, u32)],
    /// Each with the cycle from which on it is there.
    waiting: VecDeque<(u64, Vec<u64>)>,
    offered: bool,
}

impl Answers {
    fn new(valid: &'static str, ready: &'static str, fields: &'static [(&'static str, u32)]) -> Answers {
        Answers { valid, ready, fields, waiting: VecDeque::new(), offered: false }
    }

    /// Offers the oldest one; a width of 0 is that of a beat.
    fn drive(&mut self, sim: &mut Sim, go: bool, beat: usize) {
        self.offered |= go && self.waiting.front().is_some_and(|(from, _)| *from <= sim.cycle());
        sim.set(self.valid, self.offered);
        let Some((_, words)) = self.waiting.front().filter(|_| self.offered) else { return };
        let mut words = words.iter();
        for &(field, width) in self.fields {
            let width = if width == 0 { 8 * beat as u32 } else { width };
            let limbs: Vec<u64> = words.by_ref().take(width.div_ceil(64) as usize).copied().collect();
            sim.set(field, Bits::from_limbs(width, &limbs));
        }
    }

    fn finish(&mut self, sim: &mut Sim) {
        if self.offered && sim.is_high(self.ready) {
            self.offered = false;
            self.waiting.pop_front();
        }
    }
}

/// The bridge and what is around it.
pub struct Bench<D> {
    pub sim: Sim,
    pub device: D,
    rng: ChaCha8Rng,
    /// Share of the cycles in which a channel pauses.
    pauses: f64,
    beat: usize,
    /// Cycles from a read address to the first beat.
    pub latency: u64,
    /// Levels of the line to the bridge, one for each bit, and cycles of the first.
    levels: VecDeque<bool>,
    since: usize,
    /// The frame that comes from the bridge: cycles since its start, and its bits.
    frame: Option<(usize, u16)>,
    pub received: VecDeque<u8>,
    asks: [Asks; 6],
    answers: [Answers; 4],
    /// Address and data of a register, of a beat: taken, and not yet carried out.
    writes: [Option<Vec<u64>>; 4],
    /// Beats that were read, and the longest burst.
    pub beats: usize,
    pub longest: u64,
}

impl<D: Device> Bench<D> {
    pub fn new(sim: Sim, device: D, beat: u32, pauses: f64, seed: u64) -> Self {
        let asks = [
            Asks::new("core_arvalid", "core_arready", &["core_araddr"]),
            Asks::new("mem_arvalid", "mem_arready", &["mem_araddr", "mem_arlen"]),
            Asks::new("core_awvalid", "core_awready", &["core_awaddr"]),
            Asks::new("core_wvalid", "core_wready", &["core_wdata", "core_wstrb"]),
            Asks::new("mem_awvalid", "mem_awready", &["mem_awaddr", "mem_awlen"]),
            Asks::new("mem_wvalid", "mem_wready", &["mem_wdata", "mem_wstrb", "mem_wlast"]),
        ];
        let answers = [
            Answers::new("core_rvalid", "core_rready", &[("core_rdata", 32), ("core_rresp", 2)]),
            Answers::new("core_bvalid", "core_bready", &[("core_bresp", 2)]),
            Answers::new("mem_rvalid", "mem_rready", &[("mem_rdata", 0), ("mem_rresp", 2), ("mem_rlast", 1)]),
            Answers::new("mem_bvalid", "mem_bready", &[("mem_bresp", 2)]),
        ];
        let mut bench = Bench {
            sim,
            device,
            rng: ChaCha8Rng::seed_from_u64(seed),
            pauses,
            beat: beat as usize,
            latency: 0,
            levels: VecDeque::new(),
            since: 0,
            frame: None,
            received: VecDeque::new(),
            asks,
            answers,
            writes: Default::default(),
            beats: 0,
            longest: 0,
        };
        bench.sim.set("rx", 1);
        bench.sim.reset();
        bench.run(4 * BIT);
        bench
    }

    /// Puts a byte on the line, behind those that are there.
    pub fn send(&mut self, byte: u8) {
        self.levels.push_back(false);
        self.levels.extend((0..8).map(|i| byte >> i & 1 == 1));
        self.levels.push_back(true);
    }

    /// Puts a frame without a stop bit on the line, and a rest.
    pub fn send_broken(&mut self) {
        self.levels.extend([false; 10]);
        self.levels.extend([true; 2]);
    }

    /// True if everything is on its way.
    pub fn is_sent(&self) -> bool {
        self.levels.is_empty()
    }

    /// True while a byte comes from the bridge.
    pub fn receives(&self) -> bool {
        self.frame.is_some()
    }

    /// Bytes that wait in the bridge.
    pub fn queued(&mut self) -> u64 {
        self.sim.get("line.queue.stored") + self.sim.get("line.queue.head_full")
    }

    pub fn run(&mut self, cycles: usize) {
        (0..cycles).for_each(|_| self.tick());
    }

    /// One cycle.
    pub fn tick(&mut self) {
        // all inputs first, so that the evaluator settles once
        self.sim.set("rx", self.levels.front().copied().unwrap_or(true));
        for asks in &mut self.asks {
            asks.drive(&mut self.sim, !self.rng.random_bool(self.pauses));
        }
        for answers in &mut self.answers {
            answers.drive(&mut self.sim, !self.rng.random_bool(self.pauses), self.beat);
        }
        self.line();
        for answers in &mut self.answers {
            answers.finish(&mut self.sim);
        }
        let [register, beats, rest @ ..] = &mut self.asks;
        let (register, beats) = (register.take(&mut self.sim), beats.take(&mut self.sim));
        for (write, asks) in self.writes.iter_mut().zip(rest) {
            if let Some(part) = asks.take(&mut self.sim) {
                assert!(write.replace(part).is_none(), "{}: a second write at once", asks.valid);
            }
        }
        if let Some(at) = register {
            self.read_register(at[0] as u32);
        }
        if let Some(burst) = beats {
            self.read_beats(burst[0], burst[1] + 1);
        }
        self.write();
        self.sim.tick();
    }

    fn line(&mut self) {
        if !self.levels.is_empty() {
            self.since += 1;
            if self.since == BIT {
                self.since = 0;
                self.levels.pop_front();
            }
        }
        let tx = self.sim.is_high("tx");
        let Some((at, bits)) = &mut self.frame else {
            self.frame = (!tx).then_some((1, 0));
            return;
        };
        if *at % BIT == BIT / 2 {
            *bits |= u16::from(tx) << (*at / BIT);
        }
        *at += 1;
        if *at > 9 * BIT + BIT / 2 {
            assert!(*bits & 0x201 == 0x200, "start and stop bit: {bits:#x}");
            self.received.push_back((*bits >> 1) as u8);
            self.frame = None;
        }
    }

    fn answer(&mut self, channel: usize, latency: u64, what: Vec<u64>) {
        let from = self.sim.cycle() + latency;
        self.answers[channel].waiting.push_back((from, what));
    }

    fn read_register(&mut self, at: u32) {
        let answer = match self.device.read_register(at) {
            Ok(value) => vec![value.into(), 0],
            Err(_) => vec![0x5555, SLVERR],
        };
        self.answer(0, 0, answer);
    }

    fn read_beats(&mut self, address: u64, beats: u64) {
        let bytes = beats * self.beat as u64;
        assert_eq!(address / 4096, (address + bytes - 1) / 4096, "a burst crosses 4 KiB");
        assert!(address.is_multiple_of(self.beat as u64), "a burst between beats");
        (self.beats, self.longest) = (self.beats + beats as usize, self.longest.max(beats));
        for i in 0..beats {
            let mut beat = vec![0; self.beat.next_multiple_of(8)];
            let at = address + i * self.beat as u64;
            let failed = self.device.read_memory(at, &mut beat[..self.beat]).is_err();
            let limbs = beat.as_chunks().0.iter().map(|limb| u64::from_le_bytes(*limb));
            let tail = [if failed { SLVERR } else { 0 }, u64::from(i + 1 == beats)];
            self.answer(2, self.latency, limbs.chain(tail).collect());
        }
    }

    fn write(&mut self) {
        let response = |failed: bool| vec![if failed { SLVERR } else { 0 }];
        if let [Some(place), Some(data), ..] = &self.writes {
            assert_eq!(data[1], 15, "whole registers");
            let failed = self.device.write_register(place[0] as u32, data[0] as u32).is_err();
            self.answer(1, 0, response(failed));
            self.writes[..2].fill(None);
        }
        if let [_, _, Some(place), Some(data)] = &self.writes {
            let limbs = self.beat.div_ceil(8);
            assert_eq!((place[0] as usize % self.beat, place[1], data[limbs + 1]), (0, 0, 1), "one beat");
            let bytes: Vec<u8> = data[..limbs].iter().flat_map(|limb| limb.to_le_bytes()).collect();
            let mut failed = false;
            for at in (0..self.beat).filter(|at| data[limbs] >> at & 1 == 1) {
                failed |= self.device.write_memory(place[0] + at as u64, &bytes[at..=at]).is_err();
            }
            self.answer(3, 0, response(failed));
            self.writes[2..].fill(None);
        }
    }
}
