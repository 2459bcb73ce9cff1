//! The engine against plain sums, its contract with the stream, its pace, and faults that must show.

mod bench;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::{Config, TableKind};
use sterna_spec::isa::MIN_BLOCKS;

use super::dims::Dims;
use super::engine;
use bench::{Bench, Case};

/// A small configuration: rows, G, T, R, signed, banks, V and the bytes of a beat.
fn config(rows: u32, shape: [u32; 3], signed: bool, banks: u32, lanes: u32, bytes: u32) -> Config {
    let [group, tables, lookups] = shape;
    let table_kind = if signed { TableKind::Signed } else { TableKind::Full };
    let (ports, port_bytes) = if bytes > 64 { (2, bytes / 2) } else { (1, bytes) };
    Config {
        rows,
        group,
        tables,
        lookups,
        table_kind,
        table_banks: banks,
        lanes,
        ports,
        port_bytes,
        attention_width: lanes.max(2),
        burst_beats: 4,
        activations: 20 * lanes,
        outputs: 16 * lookups.max(lanes),
        ..Config::preset("tiny").unwrap()
    }
}

/// With adders of 48 bits.
fn wide(config: Config) -> Config {
    Config { memory: "kv260".into(), clock_mhz: 250, ..config }
}

/// With a clock at which area counts.
fn slow(config: Config) -> Config {
    Config { clock_mhz: 54, ..config }
}

/// Every kind of configuration.
fn configs() -> Vec<Config> {
    vec![
        config(1, [3, 13, 1], true, 2, 4, 8),
        config(2, [3, 3, 4], false, 1, 4, 8),
        config(3, [2, 4, 2], true, 2, 8, 8),
        config(1, [4, 2, 8], false, 2, 2, 16),
        config(2, [4, 3, 1], true, 1, 2, 4),
        config(1, [2, 1, 1], false, 2, 16, 16),
        config(3, [3, 26, 1], false, 2, 2, 16),
        config(1, [3, 6, 4], true, 2, 4, 16),
        config(2, [2, 5, 4], true, 1, 2, 8),
        config(1, [4, 23, 1], false, 2, 4, 32),
        slow(config(2, [3, 6, 1], true, 2, 1, 4)),
        slow(config(1, [3, 3, 2], false, 1, 2, 8)),
        wide(config(2, [2, 5, 8], false, 2, 4, 16)),
        wide(config(1, [3, 6, 4], false, 1, 4, 16)),
        wide(config(2, [4, 2, 8], false, 2, 2, 16)),
        wide(config(4, [2, 4, 8], false, 2, 4, 16)),
        wide(config(6, [2, 8, 4], false, 1, 8, 16)),
        // more sums than there are for multipliers
        wide(config(1, [2, 20, 8], false, 2, 8, 64)),
    ]
}

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

#[test]
fn sums_are_exact_back_to_back_and_with_gaps() {
    for (at, config) in configs().iter().enumerate() {
        let seed = 100 + at as u64;
        let mut random = random(seed);
        let mut bench = Bench::new(config, seed);
        for pace in [1.0, 0.5, 1.0, 0.1] {
            let case = Case::random(config, &mut random);
            let (outputs, inputs, planes) = (case.outputs, case.inputs, case.planes);
            let result = bench.check(&case, pace, &mut random);
            assert!(
                result.is_ok(),
                "configuration {at}, seed {seed}, {outputs} x {inputs}, {planes} planes: {result:?}"
            );
        }
    }
}

/// The largest magnitudes that a legal program can reach.
fn extreme(config: &Config, weight: i32, code: i8) -> Case {
    Case::new(config, 9, config.activations as usize, 5, || (weight, code))
}

#[test]
fn the_largest_sums_fit() {
    for config in [config(1, [3, 10, 1], true, 2, 4, 8), config(1, [4, 2, 2], false, 1, 2, 8)] {
        let mut bench = Bench::new(&config, 1);
        for (weight, code) in [(121, -128), (-121, -128), (121, 127), (-121, 127)] {
            bench.check(&extreme(&config, weight, code), 1.0, &mut random(1)).unwrap();
        }
    }
}

#[test]
fn an_accumulator_two_bits_narrower_fails() {
    let config = config(1, [3, 10, 1], true, 2, 4, 8);
    let mut dims = Dims::new(&config);
    dims.acc_bits -= 2;
    let mut bench = Bench::with(&config, dims, 1);
    assert!(bench.check(&extreme(&config, -121, -128), 1.0, &mut random(1)).is_err());
}

#[test]
fn a_fault_in_one_beat_shows() {
    let config = config(2, [3, 13, 1], true, 2, 4, 8);
    let mut random = random(7);
    let case = Case::new(&config, 30, 78, 1, || (random.random_range(-1..=1), random.random_range(1..=127)));
    let stream = case.stream(&config);
    let beat = config.beat_bytes();
    let mut bench = Bench::new(&config, 7);
    bench.check_stream(&case, &stream, 1.0, &mut random).unwrap();

    let mut one = Case { weights: case.weights.clone(), codes: case.codes.clone(), ..case };
    let nonzero = one.weights.iter().rposition(|w| *w != 0).unwrap();
    one.weights[nonzero] *= -1;
    let flipped = one.stream(&config);
    assert!(bench.check_stream(&case, &flipped, 1.0, &mut random).is_err(), "one weight's sign");

    let dropped = [&stream[..11 * beat], &stream[12 * beat..]].concat();
    assert!(bench.check_stream(&case, &dropped, 1.0, &mut random).is_err(), "a beat dropped");

    let doubled = [&stream[..12 * beat], &stream[11 * beat..]].concat();
    assert!(bench.check_stream(&case, &doubled, 1.0, &mut random).is_err(), "a beat doubled");

    bench.check_stream(&case, &stream, 1.0, &mut random).unwrap();
}

#[test]
fn a_beat_takes_one_cycle() {
    let plain = |signed, banks| config(1, [3, 6, 1], signed, banks, 2, 4);
    let shared = wide(config(4, [2, 8, 1], false, 2, 8, 8));
    assert_eq!(shared.rows_per_code_memory(), 4);
    for config in [plain(true, 2), plain(false, 2), plain(true, 1), shared] {
        let config = Config { outputs: 128, activations: 64, ..config };
        let (dims, build) = (Dims::new(&config), config.build_cycles());
        let (banks, latency) = (dims.banks, build + dims.sum_stage() + 2);
        let mut bench = Bench::new(&config, 3);
        for (outputs, planes) in [(build, 1), (build, 3), (build + 19, 2), (build - 1, 1)] {
            let outputs = outputs.min(128);
            let mut random = random(3);
            let case =
                Case::new(&config, outputs, 64, planes, || (random.random_range(-1..=1), random.random()));
            let shape = case.shape(&bench.config);
            let chunks = planes as usize * shape.chunks;
            let cycles = bench.check(&case, 1.0, &mut random).unwrap();
            let waits = match banks {
                2 => build.saturating_sub(shape.blocks) * (chunks - 1),
                _ => build * (chunks - 1),
            };
            assert_eq!(
                cycles,
                chunks * shape.blocks + latency + waits,
                "{banks} banks, {} rows, {shape:?}, {planes} planes",
                dims.rows
            );
        }
    }
}

/// A matrix, then another one beside a reader of its sums: both are right, whatever the pace.
#[test]
fn sums_are_read_beside_the_next_matrix() {
    for (at, config) in configs().iter().enumerate() {
        let seed = 300 + at as u64;
        let mut random = random(seed);
        let mut bench = Bench::new(config, seed);
        let banks = config.accumulator_banks();
        let half = config.outputs as usize / 2 / banks * banks;
        let words = half / config.lanes as usize;
        for (round, pace) in [1.0, 0.5, 1.0, 0.1].into_iter().enumerate() {
            let mut case = Case::random(config, &mut random);
            while case.shape(config).outputs(config) > half {
                case = Case::random(config, &mut random);
            }
            (bench.dst, bench.kept_at) = if round % 2 == 0 { (words, 0) } else { (0, words) };
            let result = bench.check(&case, pace, &mut random);
            assert!(result.is_ok(), "configuration {at}, seed {seed}, round {round}: {result:?}");
            bench.kept = (0..config.rows as usize).map(|row| case.expected(config, row)).collect();
        }
    }
}

/// Codes that come while the matrix runs, slower or faster than it takes them, are waited for.
#[test]
fn codes_are_awaited_chunk_by_chunk() {
    for (at, config) in configs().iter().enumerate() {
        let seed = 500 + at as u64;
        let mut random = random(seed);
        let mut bench = Bench::new(config, seed);
        for coding in [1.0, 0.3, 0.05] {
            bench.coding = coding;
            let case = Case::random(config, &mut random);
            let result = bench.check(&case, 1.0, &mut random);
            assert!(result.is_ok(), "configuration {at}, seed {seed}, codes at {coding}: {result:?}");
        }
    }
}

#[test]
fn codes_that_are_not_awaited_show() {
    let config = config(2, [3, 3, 4], false, 1, 4, 8);
    let dims = Dims::new(&config);
    let verdict = |fault: Option<&str>| {
        let engine = engine(&dims);
        if let Some(signal) = fault {
            engine.plant(&format!("u_loader.{signal}"), |x| x | x.module().u(x.width(), 4));
        }
        let mut bench = Bench::of(&config, dims, &engine, 1);
        bench.coding = 0.1;
        (0..4).try_for_each(|seed| {
            let mut random = random(seed);
            let case = Case::random(&config, &mut random);
            bench.check(&case, 1.0, &mut random).map(|_| ())
        })
    };
    assert_eq!(verdict(None), Ok(()));
    assert!(verdict(Some("words_coded")).is_err());
}

#[test]
fn the_smallest_matrix_meets_its_own_results_in_time() {
    let config = config(1, [3, 2, 1], false, 2, 2, 4);
    let mut random = random(5);
    let case = Case::new(&config, MIN_BLOCKS, 40, 5, || (random.random_range(-121..=121), random.random()));
    assert_eq!(case.shape(&config).blocks, MIN_BLOCKS);
    Bench::new(&config, 5).check(&case, 1.0, &mut random).unwrap();
}
