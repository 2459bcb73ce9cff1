//! Words of LOAD and GATHER against the definition, and faults that must show.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::isa::Instruction;

use super::*;
use crate::dsl::{Bits, Sim};

/// Writes of one instruction: (shared, row, word) to lanes.
type Words = BTreeMap<(bool, u64, u64), Vec<u32>>;

/// Runs one instruction; memory holds value `32-bit index * 3 + 1` everywhere, the payload `index * 7`.
fn run(m: &Module, config: &Config, instruction: Instruction, rows: &[[u32; 4]], seed: u64) -> Words {
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sim = Sim::seeded(m, seed).unwrap();
    sim.reset();
    sim.set("insn", Bits::from_bytes(256, &instruction.encode()));
    sim.set("rows", rows.len());
    let info: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    sim.set("row_info", Bits::from_bytes(128 * config.rows, &info));
    sim.set("start", 1);
    let floats = u64::from(config.beat_bits() / 32);
    let beat = |first: u64, step: u64, plus: u64| {
        let bytes: Vec<u8> =
            (0..floats).flat_map(|i| ((((first + i) * step) + plus) as u32).to_le_bytes()).collect();
        Bits::from_bytes(config.beat_bits(), &bytes)
    };
    let (mut words, mut asked, mut payload, mut done) = (Words::new(), Vec::new(), 0, 0);
    // the last word comes a cycle after the end
    while done < 2 {
        assert!(sim.cycle() < 5000, "the loader hangs");
        let offers = [rng.random_bool(0.6), !asked.is_empty() && rng.random_bool(0.6)];
        sim.set("p_valid", offers[0]);
        sim.set("d_valid", offers[1]);
        sim.set("p_data", beat(payload * floats, 7, 0));
        sim.set("d_data", beat(asked.first().copied().unwrap_or(0) * floats, 3, 1));
        sim.set("req_ready", rng.random_bool(0.5));
        if offers[0] && sim.is_high("p_ready") {
            payload += 1;
        }
        if offers[1] && sim.is_high("d_ready") {
            asked.remove(0);
        }
        if sim.is_high("req_valid") && sim.is_high("req_ready") {
            let (first, beats) = (sim.get("req_data") & 0xffff_ffff, sim.get("req_data") >> 32);
            asked.extend(first..first + beats);
        }
        for (port, shared) in [("ld_vmem", false), ("ld_cmem", true)] {
            if sim.is_high(port) {
                let row = if shared { 0 } else { sim.get("ld_row") };
                let word = words
                    .entry((shared, row, sim.get("ld_word")))
                    .or_insert_with(|| vec![u32::MAX; config.lanes as usize]);
                let (mask, data) = (sim.get("ld_mask"), sim.bits("ld_data"));
                for lane in (0..config.lanes).filter(|lane| mask >> lane & 1 == 1) {
                    word[lane as usize] = data.slice(32 * lane, 32).to_u64() as u32;
                }
            }
        }
        done += if done == 0 { sim.get("done") } else { 1 };
        sim.tick();
        sim.set("start", 0);
    }
    assert!(asked.is_empty(), "data is left over");
    words
}

/// Lanes, bytes of a port, rows.
const SHAPES: [(u32, u32, u32); 7] =
    [(4, 8, 2), (4, 16, 1), (2, 64, 3), (8, 4, 4), (16, 64, 16), (1, 4, 1), (1, 16, 2)];
/// The first with a slow clock.
const SLOW: usize = SHAPES.len();

fn shapes() -> impl Iterator<Item = Config> {
    let shape = |clock_mhz, (lanes, port_bytes, rows)| Config {
        clock_mhz,
        lanes,
        port_bytes,
        rows,
        ..Config::preset("tiny").unwrap()
    };
    [100, 54].into_iter().flat_map(move |clock| SHAPES.map(|of| shape(clock, of)))
}

/// LOAD of some words on a loader that may have a fault.
fn check_load(m: &Module, config: &Config, seed: u64) {
    for words in [1, 2, 5, 13] {
        let got = run(m, config, Instruction::Load { words, dst: 9, beside: false }, &[[0; 4]], seed);
        let lanes = config.lanes;
        let word = |w: u32| ((true, 0, u64::from(9 + w)), (0..lanes).map(|l| (w * lanes + l) * 7).collect());
        assert_eq!(got, (0..u32::from(words)).map(word).collect::<Words>(), "words of LOAD");
    }
}

/// GATHER for all rows, from either index, to either memory.
fn check_gather(m: &Module, config: &Config, seed: u64) {
    let rows: Vec<[u32; 4]> = (0..config.rows).map(|r| [r * 31 + 5, 40 - r, 0, 0]).collect();
    for (by_position, shared) in [(false, false), (true, true), (true, false)] {
        let gather = Instruction::Gather {
            words: 5,
            by_position,
            shared,
            dst: 3,
            row_stride: 7,
            addr: 1000,
            stride: 50,
        };
        let got = run(m, config, gather, &rows, seed);
        let mut want = Words::new();
        for (r, descriptor) in rows.iter().enumerate() {
            let first = (1000 + 50 * descriptor[usize::from(by_position)]) * config.beat_bits() / 32;
            for w in 0..5 {
                let data = (0..config.lanes).map(|l| (first + w * config.lanes + l) * 3 + 1).collect();
                let word = if shared { 3 + 7 * r as u32 + w } else { 3 + w };
                want.insert((shared, if shared { 0 } else { r as u64 }, u64::from(word)), data);
            }
        }
        assert_eq!(got, want, "words of GATHER");
    }
}

#[test]
fn load_fills_shared_memory_in_order() {
    for (seed, config) in shapes().enumerate() {
        check_load(&loader(&config), &config, seed as u64);
    }
}

#[test]
fn gather_takes_the_table_row_of_each_row() {
    for (seed, config) in shapes().enumerate() {
        check_gather(&loader(&config), &config, seed as u64);
    }
}

/// A loader of shape `nth` with a fault in it.
fn with_fault(nth: usize, path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) -> (Module, Config) {
    let config = shapes().nth(nth).unwrap();
    let m = loader(&config);
    m.plant(path, fault);
    (m, config)
}

#[test]
#[should_panic(expected = "words of LOAD")]
fn a_mask_of_all_lanes_shows() {
    // eight beats a word
    let (m, config) = with_fault(3, "ld_mask", |s| s.module().u(8, 255));
    check_load(&m, &config, 1);
}

#[test]
#[should_panic(expected = "words of LOAD")]
fn a_beat_taken_before_its_last_word_shows() {
    // eight words a beat
    let (m, config) = with_fault(2, "beat_taken", |s| s.module().u(1, 1));
    check_load(&m, &config, 2);
}

#[test]
#[should_panic(expected = "data is left over")]
fn a_request_too_long_shows() {
    let (m, config) = with_fault(0, "req_data", |s| s.wrapping_add(s.module().u(48, 1u64 << 32)));
    check_gather(&m, &config, 3);
}

#[test]
#[should_panic(expected = "words of GATHER")]
fn rows_that_lie_too_close_show() {
    let (m, config) = with_fault(2, "row_offset", |s| s & s.module().u(16, 0xfffe));
    check_gather(&m, &config, 4);
}

#[test]
#[should_panic(expected = "words of LOAD")]
fn a_mask_of_all_lanes_shows_with_a_slow_clock() {
    let (m, config) = with_fault(SLOW + 3, "ld_mask", |s| s.module().u(8, 255));
    check_load(&m, &config, 1);
}

#[test]
#[should_panic(expected = "words of GATHER")]
fn a_product_of_too_little_shows_with_a_slow_clock() {
    let (m, config) = with_fault(SLOW, "product", |s| s.wrapping_sub(1));
    check_gather(&m, &config, 3);
}
