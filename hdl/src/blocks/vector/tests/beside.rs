//! An attention unit that reads and writes scalars of its own while random VECTORs run.

use super::bench::Bench;
use super::program::Step;
use super::{config, vector};
use crate::blocks::vector::{Parts, build};
use crate::dsl::{Module, Sig, Sim};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use sterna_spec::config::Config;

/// Row, index.
type Place = (u32, u32);

/// The attention unit: what it offers and asks for stays until it is taken or granted.
pub struct Attention {
    rng: ChaCha8Rng,
    rows: u32,
    /// Scalars that no VECTOR of the step names.
    own: std::ops::Range<u32>,
    /// The scalars that were taken last.
    written: BTreeMap<Place, u32>,
    offered: Option<(Place, u32)>,
    asked: Option<Place>,
    /// What is asked for in this cycle.
    reading: Option<Place>,
    /// What was granted a cycle ago.
    granted: Option<u32>,
    /// Cycles in which it was put off: in reading, in writing; scalars read and written.
    pub put_off: [u32; 2],
    pub moved: [u32; 2],
}

impl Attention {
    pub fn new(config: &Config, own: std::ops::Range<u32>, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed ^ 0xa77e);
        let [put_off, moved] = [[0; 2]; 2];
        let (written, rows) = (BTreeMap::new(), config.rows);
        let (offered, asked, reading, granted) = (None, None, None, None);
        Attention { rng, rows, own, written, offered, asked, reading, granted, put_off, moved }
    }

    fn place(&mut self) -> Place {
        (self.rng.random_range(0..self.rows), self.rng.random_range(self.own.clone()))
    }

    /// After cycles in which others drove its ports.
    pub fn resume(&mut self) {
        self.granted = None;
    }

    /// Before the cycle's end.
    pub fn cycle(&mut self, sim: &mut Sim) -> Result<(), String> {
        if let Some(want) = self.granted.take() {
            let got = sim.get("s_rdata");
            if got != u64::from(want) {
                return Err(format!("attention reads {got:#x}, not {want:#x}"));
            }
        }
        self.read(sim);
        self.write(sim)
    }

    fn read(&mut self, sim: &mut Sim) {
        if self.asked.is_none() && !self.written.is_empty() && self.rng.random() {
            let at = self.rng.random_range(0..self.written.len());
            // a scalar that is read in the cycle in which it is written has no value
            let writing = self.offered.map(|(place, _)| place);
            self.asked = self.written.keys().nth(at).copied().filter(|place| Some(*place) != writing);
        }
        self.reading = self.asked;
        let Some((row, index)) = self.asked else { return };
        sim.set("s_rrow", row);
        sim.set("s_rindex", index);
        match sim.is_high("s_granted") {
            true => {
                self.granted = self.asked.take().map(|place| self.written[&place]);
                self.moved[0] += 1;
            }
            false => self.put_off[0] += 1,
        }
    }

    fn write(&mut self, sim: &mut Sim) -> Result<(), String> {
        if self.offered.is_none() && self.rng.random() {
            let place = self.place();
            self.offered = (self.reading != Some(place)).then(|| (place, self.rng.random()));
        }
        sim.set("s_we", self.offered.is_some());
        let Some((place, data)) = self.offered else { return self.seen(sim, None) };
        for (port, x) in [("s_row", place.0), ("s_index", place.1), ("s_wdata", data)] {
            sim.set(port, x);
        }
        let taken = sim.is_high("s_taken");
        if !taken {
            self.put_off[1] += 1;
            return self.seen(sim, None);
        }
        self.offered = None;
        self.moved[1] += 1;
        self.written.insert(place, data);
        self.seen(sim, Some((place, data)))
    }

    /// The observation port shows the write, and only that.
    fn seen(&self, sim: &mut Sim, want: Option<(Place, u32)>) -> Result<(), String> {
        let got = sim.is_high("probe_h_valid").then(|| {
            let [row, index, data] =
                ["row", "index", "data"].map(|part| sim.get(&format!("probe_h_{part}")) as u32);
            ((row, index), data)
        });
        if got == want { Ok(()) } else { Err(format!("the probe shows {got:x?}, not {want:x?}")) }
    }

    /// Reads back what was written.
    pub fn settle(&mut self, sim: &mut Sim) -> Result<(), String> {
        sim.set("s_we", 0);
        self.offered = None;
        for ((row, index), want) in &self.written {
            sim.set("s_rrow", *row);
            sim.set("s_rindex", *index);
            sim.tick();
            let got = sim.get("s_rdata");
            if got != u64::from(*want) {
                return Err(format!("row {row}, scalar {index} holds {got:#x}, not {want:#x}"));
            }
        }
        Ok(())
    }
}

/// Random VECTORs beside an attention unit, on `m`: cycles in which it was put off.
fn together(c: &Config, m: &Module, seeds: std::ops::Range<u64>) -> Result<[u32; 2], String> {
    let mut put_off = [0; 2];
    for seed in seeds {
        // VECTORs name the lower half of the scalars
        let step = Step::new(&Config { scalars: c.scalars / 2, ..c.clone() }, seed, 60);
        let mut bench = Bench::new(c, m, seed);
        bench.attention = Some(Attention::new(c, c.scalars / 2..c.scalars, seed));
        step.compare(&mut bench, seed)?;
        let mut attention = bench.attention.take().expect("it was there");
        attention.settle(&mut bench.sim).map_err(|e| format!("seed {seed}: {e}"))?;
        assert!(attention.moved.iter().all(|&n| n > 500), "{:?}", attention.moved);
        (0..2).for_each(|i| put_off[i] += attention.put_off[i]);
    }
    Ok(put_off)
}

fn wide(lanes: u32, rows: u32) -> Config {
    Config { scalars: 64, ..config(lanes, rows) }
}

#[test]
fn attention_and_vectors_take_nothing_from_each_other() {
    for (lanes, rows) in [(4, 4), (8, 1)] {
        let c = wide(lanes, rows);
        let put_off = together(&c, &vector(&c), 50..53).unwrap_or_else(|e| panic!("{e}"));
        println!("{lanes} lanes, {rows} rows: put off in {put_off:?} cycles");
        assert!(put_off.iter().all(|&n| n > 5), "{put_off:?}");
    }
}

#[test]
fn who_comes_first_shows() {
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 6] = [
        ("s_granted", |s| s.module().u(1, 1)),
        ("reads_scalar", |s| s.module().u(1, 0)),
        ("s_taken", |s| s.module().u(1, 1)),
        ("writes_scalar", |s| s.module().u(1, 0)),
        ("q_whole", |s| s.module().u(1, 0)),
        ("code_whole", |s| s | s.module().signal("q_we")),
    ];
    let c = wide(4, 4);
    assert!(together(&c, &vector(&c), 60..63).is_ok());
    for (path, fault) in faults {
        let m = Module::new("vector", "");
        build(&m, &c, Parts::new(&c));
        m.plant(path, fault);
        assert!(together(&c, &m, 60..63).is_err(), "the fault at {path} went unseen");
    }
}
