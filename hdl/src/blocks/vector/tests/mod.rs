//! Tests of the vector unit: equal to the golden model, a contract that does not know the model, and faults that show.

mod bench;
mod beside;
mod faults;
mod program;
mod random;

use super::*;
use bench::{Bench, bursts};
use program::Step;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use random::Maker;
use std::collections::BTreeSet;
use sterna_spec::isa::{AKind, BKind, DstKind, Func, MKind, Vector, ZOp};
use sterna_spec::numbers;

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

/// Small, at a slow clock.
fn slow(lanes: u32, rows: u32) -> Config {
    Config { clock_mhz: 54, ..config(lanes, rows) }
}

fn check(c: &Config, seeds: std::ops::Range<u64>) {
    assert_eq!(c.check(), Vec::<String>::new());
    let module = vector(c);
    for seed in seeds {
        let step = Step::new(c, seed, 60);
        step.compare(&mut Bench::new(c, &module, seed), seed).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn one_lane_equals_the_golden_model() {
    check(&config(1, 3), 43..45);
    check(&Config { slots: 1, ..slow(1, 1) }, 45..48);
}

#[test]
fn two_lanes_equal_the_golden_model() {
    check(&config(2, 3), 0..4);
}

#[test]
fn four_lanes_equal_the_golden_model() {
    check(&config(4, 4), 10..14);
}

#[test]
fn eight_lanes_equal_the_golden_model() {
    check(&config(8, 1), 20..24);
}

#[test]
fn sixteen_lanes_equal_the_golden_model() {
    check(&config(16, 3), 30..32);
}

#[test]
fn a_slow_unit_equals_the_golden_model() {
    for (seed, (lanes, rows)) in (40..).step_by(2).zip([(2, 1), (4, 3), (16, 2)]) {
        check(&slow(lanes, rows), seed..seed + 2);
    }
}

/// Random sizes; `cargo test -p sterna-hdl --lib vector -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn random_configurations_equal_the_golden_model() {
    let mut rng = ChaCha8Rng::seed_from_u64(2026);
    for seed in 1000..1100 {
        let base = config(1 << rng.random_range(0..=4), rng.random_range(1..=16));
        let c = Config {
            vector_words: rng.random_range(base.head_size * 3 / base.lanes..90),
            shared_words: rng.random_range(20..300),
            scalars: 1 << rng.random_range(5..=8),
            outputs: base.lanes * rng.random_range(8..20),
            ..base
        };
        assert_eq!(c.check(), Vec::<String>::new());
        let step = Step::new(&c, seed, 60);
        let module = vector(&c);
        step.compare(&mut Bench::new(&c, &module, seed), seed).unwrap_or_else(|e| panic!("{c:?}\n{e}"));
    }
}

#[test]
fn random_instructions_use_everything() {
    let c = config(4, 2);
    let mut maker = Maker { config: &c, rng: ChaCha8Rng::seed_from_u64(1), open: None };
    let all: Vec<Vector> = (0..2000).map(|_| maker.next()).collect();
    let kinds = |name: &str, count: usize, kind: &dyn Fn(&Vector) -> u32| {
        let seen: BTreeSet<u32> = all.iter().map(kind).collect();
        assert_eq!(seen.len(), count, "{name}: {seen:?}");
    };
    kinds("a", 4, &|v| v.a_kind as u32);
    kinds("m", 4, &|v| v.m_kind as u32);
    kinds("function", 5, &|v| v.func as u32);
    kinds("second operation", 5, &|v| v.zop as u32);
    kinds("b", 3, &|v| v.b_kind as u32);
    kinds("destination", 9, &|v| v.dst_kind as u32);
    kinds("flags", 8, &|v| [v.rotate, v.m_inc, v.b_inc].iter().fold(0, |a, &b| 2 * a + u32::from(b)));
    kinds("head", 2, &|v| v.head.into());
    kinds("reductions", 4, &|v| u32::from(v.reduce_max.is_some()) + 2 * u32::from(v.reduce_sum.is_some()));
    let in_place = |v: &&Vector| v.dst_kind == DstKind::Vmem && v.dst == v.b && v.b_kind == BKind::Vmem;
    assert!(all.iter().filter(in_place).count() > 3);
}

/// Whatever holds the outputs, every word of every row comes once and in order, and no more than the slack after a hold: logits row by
/// row, codes segment by segment, scales word by word.
#[test]
fn nothing_is_lost_repeated_or_reordered() {
    let c = config(4, 3);
    let mut bench = Bench::new(&c, &vector(&c), 5);
    bench.rows(3, &[true, false, true]);
    let mut rng = ChaCha8Rng::seed_from_u64(77);
    let mut most = 0;
    for (round, dst_kind) in [DstKind::Kv, DstKind::Logits, DstKind::Topk, DstKind::KvScale]
        .into_iter()
        .cycle()
        .take(40)
        .enumerate()
    {
        let head = round / 4 % 2 == 1;
        let together = [2, 0, 0, 1][round % 4];
        let (n, scales) = ((1 + round % 12) as u16 * together.max(1) as u16, dst_kind == DstKind::KvScale);
        let a_kind = if scales { AKind::Sreg } else { AKind::Vmem };
        let rep = if scales { 1 } else { 3 };
        let v = Vector { n, rep, a_kind, head, dst_kind, imm_b: 99, ..Vector::default() };
        let outcome = match round % 3 {
            0 => bench.run(&v, |cycle| cycle % 200 > 20),
            _ => bench.run(&v, bursts(&mut rng, 60)),
        };
        let rows: Vec<u32> = (0..3).filter(|r| !head || r % 2 == 0).collect();
        let word = |row, rep, i| [dst_kind as u32, row, rep, i];
        let all = rows.iter().flat_map(|&row| {
            (0..u32::from(rep)).flat_map(move |rep| (0..u32::from(n)).map(move |i| word(row, rep, i)))
        });
        let mut all: Vec<_> = all.collect();
        if together > 0 {
            all.sort_by_key(|&[_, row, rep, i]| (rep, i / together, row, i));
        }
        assert_eq!(outcome.out, all, "{v:?}");
        most = most.max(outcome.held);
    }
    assert!(most > 3 && most <= OUT_SLACK, "{most} words came out after a hold");
}

/// Latency of each unit, and of the instruction around them: cycles from `start` to `done` beyond one for each word.
#[test]
fn an_instruction_costs_its_words_and_the_latency_of_the_units_it_uses() {
    let plain = Vector { n: 12, rep: 3, dst_kind: DstKind::Vmem, ..Vector::default() };
    let scale = Vector { m_kind: MKind::Imm, imm_m: 0.5, ..plain };
    let scalar = Vector { n: 4, rep: 1, a_kind: AKind::Sreg, dst_kind: DstKind::Sreg, ..scale };
    let cases = [
        ("move", plain, [12, 9]),
        ("scale", scale, [17, 11]),
        ("scale accumulators", Vector { a_kind: AKind::Acc, ..scale }, [30, 22]),
        (
            "scale and add",
            Vector { a_kind: AKind::Acc, zop: ZOp::Add, b_kind: BKind::Vmem, ..scale },
            [34, 26],
        ),
        ("maximum with", Vector { zop: ZOp::Max, ..scale }, [17, 11]),
        ("squared relu times", Vector { func: Func::Relu, zop: ZOp::Square, ..scale }, [21, 13]),
        ("function of scalars", Vector { func: Func::Rsqrt, ..scalar }, [27, 14]),
        ("quantize", Vector { n: 4, dst_kind: DstKind::Act, ..scale }, [20, 12]),
        ("largest magnitude", Vector { reduce_max: Some(0), ..scale }, [20, 14]),
    ];
    for (i, c) in [config(4, 3), slow(4, 3)].iter().enumerate() {
        let mut bench = Bench::new(c, &vector(c), 5);
        bench.rows(3, &[true; 3]);
        for (name, v, overhead) in &cases {
            // a word of accumulators is gathered in V/R cycles, of which one is a row's
            let rows = if v.a_kind == AKind::Acc { 3 + 4 - 1 } else { 3 };
            let words = rows * u64::from(v.n) * u64::from(v.rep);
            assert_eq!(bench.run(v, |_| false).cycles - words, overhead[i], "{name}, {} MHz", c.clock_mhz);
        }
    }
}

/// The fold of all rows' sums of squares comes after the last word.
#[test]
fn a_sum_of_squares_costs_its_words_and_a_fold() {
    let fast = [(2, 1, 93, 0), (4, 1, 78, 0), (8, 1, 71, 0), (16, 1, 67, 1), (16, 16, 172, 1)];
    let slow_ones = [(2, 1, 76, 0), (16, 1, 50, 1), (16, 16, 155, 1)];
    let all = fast.map(|case| (config(case.0, case.1), case)).into_iter();
    for (c, (lanes, rows, fold, gap)) in all.chain(slow_ones.map(|case| (slow(case.0, case.1), case))) {
        let mut bench = Bench::new(&c, &vector(&c), 5);
        bench.rows(rows, &vec![true; rows as usize]);
        let v = Vector { n: 24, reduce_sum: Some(1), ..Vector::default() };
        let cycles = bench.run(&v, |_| false).cycles;
        assert_eq!(cycles - 24 * (u64::from(rows) + gap), fold, "{lanes} lanes, {rows} rows");
    }
}

/// Integers of all sizes on their way through the unit; the golden model's attention gives only small ones.
#[test]
fn integers_of_all_sizes_are_converted() {
    let c = config(4, 1);
    let mut bench = Bench::new(&c, &vector(&c), 5);
    bench.rows(1, &[true]);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let bits = integer_bits(&c);
    let limit = 1i64 << (bits - 1);
    let mut next = || rng.random_range(-limit..limit) >> rng.random_range(0..bits);
    bench.att[0].iter_mut().for_each(|x| *x = next());
    (bench.att[0][0], bench.att[0][1]) = (-limit, limit - 1);
    let half = 1i64 << (c.acc_bits() - 1);
    bench.acc[0]
        .iter_mut()
        .enumerate()
        .for_each(|(i, x)| *x = if i % 2 == 0 { i as i64 - half } else { half - i as i64 });
    for (a_kind, values) in [(AKind::Att, bench.att[0].clone()), (AKind::Acc, bench.acc[0].clone())] {
        let n = (values.len() / 4) as u16;
        let v = Vector { n, a_kind, dst_kind: DstKind::Vmem, ..Vector::default() };
        let got: Vec<u32> = bench.run(&v, |_| false).words.into_iter().flat_map(|w| w.data).collect();
        let want: Vec<u32> = values.iter().map(|&x| numbers::int_to_f32(x).to_bits()).collect();
        assert_eq!(got, want);
    }
}
