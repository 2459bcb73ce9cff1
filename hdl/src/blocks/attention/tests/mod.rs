//! The unit against the golden model, against its own contract, and against faults that must show.

mod bench;
mod beside;
mod case;
mod cycles;
mod faults;
mod golden;
mod sharing;

use bench::{Fault, Pace, fresh, run, run_in};
use case::{Case, Style, config};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::isa::Pass;

/// Runs a case on the hardware; panics with seed and place where it differs.
fn check(case: &Case, pace: Pace) -> u64 {
    case.check_golden();
    run(case, pace, Fault::None).unwrap_or_else(|e| panic!("seed {}, {:?}: {e}", case.seed, case.config))
}

fn pass(kv_head: u32, heads: &[u8]) -> Pass {
    Pass { kv_head, heads: heads.to_vec() }
}

/// B, U, V, Q, P, head size.
fn shape(beat: u32, width: u32, lanes: u32, slots: u32, rows: u32, head_size: u32) -> Config {
    Config {
        port_bytes: beat,
        attention_width: width,
        lanes,
        slots,
        rows,
        head_size,
        context: 64,
        ..config()
    }
}

/// The same at a slow clock.
fn slow(config: &Config) -> Config {
    Config { clock_mhz: 54, ..config.clone() }
}

#[test]
fn equals_golden_at_the_edges_of_positions() {
    let side2 = shape(16, 8, 4, 2, 1, 16);
    for (seed, position) in [0, 1, 2, 3, 62, 63].into_iter().enumerate() {
        let case = Case::new(&side2, 2, &[pass(0, &[0, 1])], &[position], Style::Usual, seed as u64);
        check(&case, Pace::Random);
    }
}

#[test]
fn equals_golden_in_many_shapes() {
    // MHA, GQA, MQA and uneven maps; smaller heads than the largest; fewer segments than side tokens
    let gqa = [pass(0, &[0, 1]), pass(1, &[2, 3])];
    let uneven = [pass(1, &[3, 0, 2]), pass(0, &[1])];
    let mha = [pass(0, &[0]), pass(1, &[1]), pass(2, &[2])];
    let cases = [
        (shape(8, 8, 4, 2, 3, 16), 2, &gqa[..], &[5, 0, 33][..]),
        (shape(8, 8, 8, 4, 2, 16), 1, &uneven[..], &[7, 20]),
        (shape(16, 4, 4, 3, 1, 16), 1, &uneven[..], &[18]),
        (shape(16, 4, 2, 3, 1, 16), 4, &uneven[..], &[30]),
        (shape(4, 2, 2, 1, 2, 8), 4, &mha[..], &[9, 3]),
        (shape(32, 16, 4, 2, 1, 32), 2, &gqa[..], &[21]),
        (shape(64, 16, 16, 2, 1, 32), 2, &gqa[..], &[13]),
        (shape(16, 16, 4, 8, 1, 32), 2, &[pass(0, &[7, 6, 5, 4, 3, 2, 1, 0])], &[11]),
        (shape(4, 4, 2, 1, 1, 8), 2, &mha[..], &[14]),
        (shape(4, 4, 4, 1, 1, 8), 1, &mha[..], &[0]),
    ];
    for (seed, (config, segments, passes, positions)) in cases.into_iter().enumerate() {
        for config in [slow(&config), config] {
            for (pace, style) in [(Pace::Random, Style::Usual), (Pace::Full, Style::Extreme)] {
                check(&Case::new(&config, segments, passes, positions, style, seed as u64), pace);
            }
        }
    }
}

#[test]
fn equals_golden_in_any_window() {
    let two = [pass(0, &[0, 1]), pass(1, &[2, 3])];
    // one, two, four, eight side tokens; more or fewer of them than scales in a beat
    let shapes = [
        (shape(8, 8, 4, 2, 3, 16), 2),
        (shape(16, 8, 4, 2, 3, 16), 2),
        (shape(16, 4, 2, 2, 2, 16), 3),
        (shape(4, 2, 2, 2, 2, 8), 4),
        (shape(64, 8, 8, 2, 2, 16), 1),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for (nth, (config, segments)) in shapes.iter().enumerate() {
        let side = config.tokens_per_beat() as u16;
        let random = rng.random_range(2..64);
        for window in [1, 2, side, side + 1, 2 * side, random, 64, 65535] {
            let positions: Vec<u32> = (0..config.rows).map(|_| rng.random_range(0..64)).collect();
            let seed = 100 * nth as u64 + u64::from(window);
            let case = Case::new(config, *segments, &two, &positions, Style::Usual, seed).windowed(window);
            check(&case, if rng.random() { Pace::Random } else { Pace::Full });
        }
    }
}

#[test]
fn every_place_of_a_window_in_its_groups() {
    // four side tokens: the window begins and ends anywhere in a group, at the group of its end as well
    let config = shape(16, 4, 2, 2, 1, 8);
    for (window, position) in (1..=6).flat_map(|w| (16..20).map(move |p| (w, p))) {
        let case = Case::new(&config, 2, &[pass(1, &[0, 1])], &[position], Style::Usual, u64::from(position));
        check(&case.windowed(window), Pace::Full);
    }
}

#[test]
fn one_instruction_after_another() {
    // fewer rows than there are, other maps, sizes and positions: nothing of the instruction before may stay
    let config = shape(16, 4, 4, 3, 3, 16);
    let cases = [
        Case::new(&config, 4, &[pass(0, &[0, 1, 2]), pass(2, &[3])], &[40, 63, 2], Style::Extreme, 8),
        Case::new(&config, 1, &[pass(1, &[5])], &[0], Style::Usual, 9),
        Case::new(&config, 3, &[pass(2, &[1, 0]), pass(0, &[3, 4])], &[6, 17], Style::Special, 10),
        Case::new(&config, 4, &[pass(1, &[4, 1])], &[62, 3, 29], Style::Usual, 12).windowed(5),
        Case::new(&config, 2, &[pass(0, &[2, 0, 1])], &[4, 4, 4], Style::Usual, 11),
    ];
    let mut sim = fresh(&cases[0]);
    for case in &cases {
        case.check_golden();
        let pace = if case.seed % 2 == 0 { Pace::Random } else { Pace::Full };
        sim = run_in(sim, case, pace, Fault::None).unwrap_or_else(|e| panic!("seed {}: {e}", case.seed)).0;
    }
}

#[test]
fn equals_golden_on_odd_numbers() {
    for style in [Style::Equal, Style::Zero, Style::Negative, Style::Extreme, Style::Special] {
        for (seed, position, lanes) in [(1, 0, 4), (2, 30, 1), (3, 63, 4)] {
            let config = shape(8, 4, lanes, 2, 1, 8);
            for config in [&config, &slow(&config)] {
                let case = Case::new(config, 2, &[pass(1, &[1, 0])], &[position], style, seed);
                check(&case, Pace::Random);
            }
        }
    }
}

#[test]
fn lent_units_serve_as_own() {
    let config = shape(4, 4, 1, 1, 2, 16);
    assert!(config.lends_units());
    for (style, position, seed) in [(Style::Usual, 40, 1), (Style::Special, 63, 2), (Style::Extreme, 0, 3)] {
        let passes = [pass(1, &[1]), pass(0, &[0])];
        let case = Case::new(&config, 4, &passes, &[position, 17], style, seed);
        check(&case, Pace::Random);
    }
}

#[test]
fn prints_in_any_shape() {
    let mut faults = Vec::new();
    for (beat, width, lanes) in
        [(4, 2, 2), (4, 4, 1), (4, 4, 4), (8, 2, 2), (16, 16, 2), (32, 4, 4), (64, 16, 16), (64, 64, 4)]
    {
        for (slots, rows, segments, context) in
            [(1, 1, 1, 64), (2, 2, 2, 192), (8, 16, 4, 128), (3, 3, 3, 64)]
        {
            let config = Config { context, ..shape(beat, width, lanes, slots, rows, width * segments) };
            if let Err(e) = super::attention(&config).check() {
                faults.push(format!("{config:?}: {e}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn requests_of_any_length_are_split() {
    // 4096 * 32 beats of codes would not fit a request; only the generator runs
    let config = Config { context: 4096, ..shape(4, 4, 4, 1, 1, 128) };
    let case = Case::new(&config, 32, &[pass(0, &[0])], &[4095], Style::Zero, 4);
    bench::requests(&case).unwrap();
    // as many in the window, which begins in the middle
    let case = Case::new(&config, 32, &[pass(0, &[0])], &[4095], Style::Zero, 4).windowed(2500);
    bench::requests(&case).unwrap();
}

#[test]
fn no_passes_are_done_at_once() {
    let case = Case::new(&config(), 1, &[], &[0], Style::Usual, 5);
    assert!(run(&case, Pace::Full, Fault::None).unwrap() < 5);
}
