//! Tests of the vector unit: equal to the golden model, a contract that does not know the model, and faults that show.

mod bench;
mod program;
mod random;

use super::*;
use bench::Bench;
use program::Step;

/// Small, with sizes that are no powers of two.
fn config(lanes: u32, rows: u32) -> Config {
    let bytes = lanes.max(8);
    Config {
        rows,
        lanes,
        port_bytes: bytes,
        attention_width: bytes,
        tables: 5,
        heads: 3,
        head_size: 2 * bytes,
        slots: 2,
        context: 64,
        activations: 48,
        outputs: 80,
        vector_words: 37,
        shared_words: 29,
        scalars: 32,
        probe: true,
        ..Config::preset("tiny").expect("a preset")
    }
}

fn check(lanes: u32, rows: u32, seeds: std::ops::Range<u64>) {
    let c = config(lanes, rows);
    assert_eq!(c.check(), Vec::<String>::new());
    let module = vector(&c);
    for seed in seeds {
        let step = Step::new(&c, seed, 60, &[]);
        step.compare(&mut Bench::new(&c, &module, seed), seed).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn two_lanes_equal_the_golden_model() {
    check(2, 3, 0..4);
}

#[test]
fn four_lanes_equal_the_golden_model() {
    check(4, 4, 10..14);
}

#[test]
fn eight_lanes_equal_the_golden_model() {
    check(8, 1, 20..24);
}

#[test]
fn sixteen_lanes_equal_the_golden_model() {
    check(16, 3, 30..32);
}
