//! The SDRAM controller, evaluated, with a model of the chip on its pins: random traffic keeps every rule of the chip, answers are
//! right and in order, linear reads use the pins, and planted times that are too short show.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::blocks::sdram::sdram;
use sterna_hdl::dsl::{Bits, Sim};
use sterna_sim::sdram::{Pins, Sdram};
use sterna_spec::config::Config;
use sterna_spec::sdram::{Chip, GW2AR_18, SDR_256M_X16, Time};

/// A burst on its way: id, first byte, beats left.
struct Read {
    id: bool,
    at: u64,
    beats: u64,
}

/// The controller, its pads and the chip; a copy of what the memory must hold.
struct Bench {
    sim: Sim,
    chip: Sdram,
    /// Registers in the pads, out and in.
    out: VecDeque<Pins>,
    back: VecDeque<u32>,
    bytes: u64,
    model: Vec<u8>,
    /// Reads whose data has not come, by id, and answers to writes that have not come.
    reads: [VecDeque<Read>; 2],
    writes: [VecDeque<bool>; 2],
    rng: ChaCha8Rng,
    read_beats: u64,
    fault: Option<String>,
}

impl Bench {
    /// `designed`: the chip that the controller is made for, `real` the one on the pins. The clock also chooses the controller's
    /// form: fast or slow.
    fn new(designed: &Chip, real: &Chip, port_bytes: u32, mhz: u32, pads: usize, seed: u64) -> Bench {
        Bench::of_form(designed, real, port_bytes, [mhz, mhz], pads, seed)
    }

    /// `form`: the clock that the controller's form is for.
    fn of_form(
        designed: &Chip,
        real: &Chip,
        port_bytes: u32,
        [mhz, form]: [u32; 2],
        pads: usize,
        seed: u64,
    ) -> Bench {
        let config = Config { port_bytes, clock_mhz: form, ..Config::preset("tiny").unwrap() };
        let module = sdram(&config, designed, mhz * 1_000_000, 2 * pads as u32);
        let mut sim = Sim::seeded(&module, seed).unwrap_or_else(|e| panic!("{e}"));
        sim.reset();
        let mut chip = Sdram::new(real, mhz * 1_000_000);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        chip.bytes_mut().iter_mut().for_each(|byte| *byte = rng.random());
        Bench {
            sim,
            model: chip.bytes().to_vec(),
            chip,
            out: vec![Pins { cs_n: true, ..Pins::default() }; pads].into(),
            back: vec![0; pads].into(),
            bytes: u64::from(port_bytes),
            reads: Default::default(),
            writes: Default::default(),
            rng,
            read_beats: 0,
            fault: None,
        }
    }

    fn pins(&mut self) -> Pins {
        let mut get = |name: &str| self.sim.get(&format!("sdram_{name}")) as u32;
        Pins {
            cke: get("cke") == 1,
            cs_n: get("cs_n") == 1,
            ras_n: get("ras_n") == 1,
            cas_n: get("cas_n") == 1,
            we_n: get("we_n") == 1,
            ba: get("ba"),
            a: get("a"),
            dqm: get("dqm"),
            dq_out: get("dq_out"),
            dq_oe: get("dq_oe") == 1,
        }
    }

    /// One cycle: the answers, the pins, the clock. `take`: how often R and B are taken.
    fn tick(&mut self, take: f64) {
        let (r, b) = (self.rng.random_bool(take), self.rng.random_bool(take));
        self.sim.set("s_rready", r);
        self.sim.set("s_bready", b);
        if r && self.sim.is_high("s_rvalid") {
            self.check_read();
        }
        if b && self.sim.is_high("s_bvalid") {
            let wanted =
                self.writes[self.sim.get("s_bid") as usize].pop_front().expect("an answer to nothing");
            assert_eq!(self.sim.get("s_bresp"), if wanted { 0 } else { 3 });
        }
        let pins = self.pins();
        self.out.push_back(pins);
        let at_chip = self.out.pop_front().unwrap();
        match self.chip.edge(&at_chip) {
            Ok(word) => self.back.push_back(word),
            Err(rule) => {
                self.fault.get_or_insert(rule.to_string());
                self.back.push_back(0);
            }
        }
        self.sim.tick();
        let word = self.back.pop_front().unwrap();
        self.sim.set("sdram_dq_in", word);
    }

    fn check_read(&mut self) {
        let id = self.sim.get("s_rid") as usize;
        let read = self.reads[id].front_mut().expect("data for nobody");
        let inside = read.at < self.model.len() as u64;
        assert_eq!(self.sim.get("s_rresp"), if inside { 0 } else { 3 });
        if inside && self.fault.is_none() {
            let at = read.at as usize;
            let wanted = Bits::from_bytes(8 * self.bytes as u32, &self.model[at..at + self.bytes as usize]);
            assert_eq!(self.sim.bits("s_rdata"), wanted, "byte {at:#x}");
        }
        assert_eq!(self.sim.is_high("s_rlast"), read.beats == 1);
        (read.at, read.beats) = (read.at + self.bytes, read.beats - 1);
        self.read_beats += 1;
        if read.beats == 0 {
            self.reads[id].pop_front();
        }
    }

    /// Drives an address until it is taken.
    fn address(&mut self, channel: &str, id: bool, at: u64, beats: u64, take: f64) {
        self.sim.set(&format!("s_{channel}valid"), 1);
        self.sim.set(&format!("s_{channel}id"), id);
        self.sim.set(&format!("s_{channel}addr"), at);
        self.sim.set(&format!("s_{channel}len"), beats - 1);
        for waited in 0.. {
            let ready = self.sim.is_high(&format!("s_{channel}ready"));
            self.tick(take);
            if ready {
                break;
            }
            assert!(waited < 100_000, "{channel} is never taken");
        }
        self.sim.set(&format!("s_{channel}valid"), 0);
    }

    fn read(&mut self, id: bool, at: u64, beats: u64, take: f64) {
        self.reads[usize::from(id)].push_back(Read { id, at, beats });
        assert_eq!(self.reads[usize::from(id)].back().unwrap().id, id);
        self.address("ar", id, at, beats, take);
    }

    /// Writes a burst of random bytes with random strobes and waits for the answer, so that reads behind it see it.
    fn write(&mut self, id: bool, at: u64, beats: u64, take: f64) {
        self.writes[usize::from(id)].push_back(at < self.model.len() as u64);
        self.address("aw", id, at, beats, take);
        for beat in 0..beats {
            let data: Vec<u8> = (0..self.bytes).map(|_| self.rng.random()).collect();
            let strobes: Vec<bool> = (0..self.bytes).map(|_| self.rng.random_bool(0.8)).collect();
            let mask = strobes.iter().rev().fold(0u64, |all, on| all << 1 | u64::from(*on));
            self.sim.set("s_wvalid", 1);
            self.sim.set("s_wdata", Bits::from_bytes(8 * self.bytes as u32, &data));
            self.sim.set("s_wstrb", mask);
            self.sim.set("s_wlast", beat + 1 == beats);
            for waited in 0.. {
                let ready = self.sim.is_high("s_wready");
                self.tick(take);
                if ready {
                    break;
                }
                assert!(waited < 100_000, "data is never taken");
            }
            self.sim.set("s_wvalid", 0);
            let first = (at + beat * self.bytes) as usize;
            if first < self.model.len() {
                (0..data.len()).filter(|i| strobes[*i]).for_each(|i| self.model[first + i] = data[i]);
            }
        }
        self.settle(take, |bench| bench.writes.iter().all(VecDeque::is_empty));
    }

    fn settle(&mut self, take: f64, done: impl Fn(&Bench) -> bool) {
        for waited in 0.. {
            if done(self) {
                break;
            }
            self.tick(take);
            assert!(waited < 200_000, "something never comes");
        }
    }

    fn quiet(&mut self, take: f64) {
        self.settle(take, |bench| bench.reads.iter().all(VecDeque::is_empty));
    }

    /// `count` random bursts: long reads in order as the core's, single beats as the bridge's, writes, a few beyond the chip.
    fn traffic(&mut self, count: u32, take: f64) {
        let (size, width) = (self.model.len() as u64, self.bytes);
        let near: Vec<u64> = (0..4).map(|_| self.rng.random_range(0..size / 4096) * 4096).collect();
        for _ in 0..count {
            let id = self.rng.random_bool(0.3);
            let page = match self.rng.random_range(0..20) {
                0 => size + 4096 * self.rng.random_range(0..9),
                1..4 => self.rng.random_range(0..size / 4096) * 4096,
                _ => near[self.rng.random_range(0..4)],
            };
            let first = self.rng.random_range(0..4096 / width);
            let beats = if id { 1 } else { self.rng.random_range(1..=(4096 / width - first).min(40)) };
            match self.rng.random_range(0..4) {
                0 => {
                    self.quiet(take);
                    self.write(id, page + first * width, beats.min(6), take);
                }
                _ => self.read(id, page + first * width, beats, take),
            }
        }
        self.quiet(take);
    }

    fn finish(mut self) -> Bench {
        (0..300).for_each(|_| self.tick(1.0));
        assert_eq!(self.fault, None);
        if self.chip.bytes() != self.model {
            let at = self.chip.bytes().iter().zip(&self.model).position(|(a, b)| a != b);
            panic!("the chip holds something else from byte {at:?} on");
        }
        self
    }
}

#[test]
fn random_traffic_keeps_the_rules_and_finds_its_data() {
    let cases = [
        (SDR_256M_X16, 4, 80, 0, 1.0),
        (SDR_256M_X16, 4, 100, 1, 0.5),
        (SDR_256M_X16, 8, 60, 1, 0.2),
        (SDR_256M_X16, 16, 133, 1, 0.9),
        (GW2AR_18, 8, 60, 1, 1.0),
        (GW2AR_18, 4, 54, 1, 1.0),
        (GW2AR_18, 4, 100, 1, 0.5),
        (GW2AR_18, 16, 100, 0, 0.4),
    ];
    for (seed, (chip, bytes, mhz, pads, take)) in (0..).zip(cases) {
        println!("{} {bytes} bytes {mhz} MHz, {pads} pad registers, seed {seed}", chip.name);
        let mut bench = Bench::new(&chip, &chip, bytes, mhz, pads, seed);
        bench.traffic(250, take);
        let counts = bench.finish().chip.counts();
        assert!(counts.refreshes > 10 && counts.activates > 50 && counts.written > 100, "{counts:?}");
    }
}

/// Share of the cycles in which a word is on the data pins, while reads of `beats` beats follow one another and every
/// `writes`-th is followed by a written beat.
fn use_of_the_pins(chip: &Chip, bytes: u32, mhz: u32, beats: u64, writes: u64) -> f64 {
    let mut bench = Bench::new(chip, chip, bytes, mhz, 1, 7);
    bench.read(false, 0, 1, 1.0);
    bench.quiet(1.0);
    let (start, words) = (bench.chip.counts(), 600 * 16 / beats);
    for i in 0..words {
        bench.read(false, 0x10_0000 + i * beats * u64::from(bytes), beats, 1.0);
        if i % writes == writes - 1 {
            bench.write(true, 0x40_0000 + 64 * i, 1, 1.0);
        }
    }
    bench.quiet(1.0);
    let end = bench.chip.counts();
    (end.read - start.read) as f64 / (end.cycles - start.cycles) as f64
}

/// Figures in the header of `hdl/src/blocks/sdram.rs`.
#[test]
fn linear_reads_use_the_data_pins() {
    let at = |mhz, beats| use_of_the_pins(&SDR_256M_X16, 4, mhz, beats, u64::MAX);
    let (long, short) = (at(80, 64), at(80, 16));
    println!("bursts of 64: {long:.4}, of 16: {short:.4}");
    assert!(long > 0.96 && short > 0.96, "{long} {short}");
    let mixed = use_of_the_pins(&SDR_256M_X16, 4, 80, 64, 16);
    println!("a written beat after every 16 bursts: {mixed:.4}");
    assert!(mixed > 0.9, "{mixed}");
}

/// Where a beat is one word, commands for rows take cycles of the data. Figures in `hdl/spec/src/profile.rs`.
#[test]
fn beats_of_one_word_leave_few_cycles() {
    let linear = use_of_the_pins(&GW2AR_18, 4, 54, 16, u64::MAX);
    let mixed = use_of_the_pins(&GW2AR_18, 4, 54, 16, 16);
    println!("bursts of 16: {linear:.4}, with a written beat after every 16 of them: {mixed:.4}");
    assert!(linear > 0.97 && mixed > 0.85, "{linear} {mixed}");
    let mut bench = Bench::new(&GW2AR_18, &GW2AR_18, 4, 54, 1, 7);
    bench.read(false, 0, 1, 1.0);
    bench.quiet(1.0);
    for (row, at) in [("open", 16), ("closed", 0x10_0000)] {
        let start = bench.sim.cycle();
        bench.read(false, at, 1, 1.0);
        bench.quiet(1.0);
        println!("{} cycles from an address to its beat, its row {row}", bench.sim.cycle() - start);
    }
}

/// A chip that needs more than the controller gives says which rule was broken: none of the times is kept by chance.
#[test]
fn times_that_are_too_short_show() {
    let designed = SDR_256M_X16;
    let slower = [
        ("tRCD", Chip { rcd: Time::ns(61), ..designed }),
        ("tRP", Chip { rp: Time::ns(61), ..designed }),
        ("tRAS", Chip { ras: Time::ns(120), ..designed }),
        ("tRC", Chip { rc: Time::ns(150), ..designed }),
        ("tRRD", Chip { rrd: Time::ns(100), ..designed }),
        ("tRFC", Chip { rfc: Time::ns(140), ..designed }),
        ("tWR", Chip { wr: Time::ns(80), ..designed }),
        ("tMRD", Chip { mrd: Time::ns(80), ..designed }),
        ("refresh", Chip { refresh_ns: designed.refresh_ns / 4, ..designed }),
        ("power up", Chip { power_up: Time::ns(400_000), ..designed }),
        ("initialization", Chip { initial_refreshes: 16, ..designed }),
    ];
    for form in [100, 54] {
        for (rule, real) in &slower {
            let mut bench = Bench::of_form(&designed, real, 4, [100, form], 1, 3);
            bench.traffic(250, 1.0);
            let fault = bench.fault.unwrap_or_else(|| panic!("{rule}: the chip noticed nothing"));
            assert!(fault.contains(rule), "{rule}: {fault}");
        }
    }
}
