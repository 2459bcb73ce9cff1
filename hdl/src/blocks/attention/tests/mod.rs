//! The unit against the golden model, against its own contract, and against faults that must show.

mod bench;
mod case;
mod golden;

use crate::dsl::{Sig, Sim};
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
    ];
    for (seed, (config, segments, passes, positions)) in cases.into_iter().enumerate() {
        for (pace, style) in [(Pace::Random, Style::Usual), (Pace::Full, Style::Extreme)] {
            check(&Case::new(&config, segments, passes, positions, style, seed as u64), pace);
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
    let config = shape(8, 4, 4, 2, 1, 8);
    for style in [Style::Equal, Style::Zero, Style::Negative, Style::Extreme, Style::Special] {
        for (seed, position) in [(1, 0), (2, 30), (3, 63)] {
            let case = Case::new(&config, 2, &[pass(1, &[1, 0])], &[position], style, seed);
            check(&case, Pace::Random);
        }
    }
}

#[test]
fn prints_in_any_shape() {
    let mut faults = Vec::new();
    for (beat, width, lanes) in
        [(4, 2, 2), (4, 4, 4), (8, 2, 2), (16, 16, 2), (32, 4, 4), (64, 16, 16), (64, 64, 4)]
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

#[test]
fn faults_turn_it_red() {
    let config = shape(16, 8, 4, 2, 1, 16);
    // position 20 is the first of its group of two: 21 asks for the same beats, and differs in the mask alone
    let case = Case::new(&config, 2, &[pass(0, &[0, 1]), pass(1, &[2, 3])], &[20], Style::Usual, 6);
    check(&case, Pace::Random);
    for fault in [Fault::Mask, Fault::KvHeads, Fault::QueryHeads, Fault::Drop, Fault::Double, Fault::Bit] {
        let what = run(&case, Pace::Random, fault);
        assert!(what.is_err(), "{fault:?} went unseen");
    }
    // the window begins with the second token of a group: one larger asks for the same beats of codes and of scales
    let case = case.windowed(8);
    check(&case, Pace::Random);
    for fault in [Fault::Mask, Fault::Window] {
        assert!(run(&case, Pace::Random, fault).is_err(), "{fault:?} of a window went unseen");
    }
}

#[test]
fn faults_in_the_design_of_windows_turn_it_red() {
    // the window begins with the second token of a group of two, in the middle of its beat of scales
    let config = shape(16, 8, 4, 2, 1, 16);
    let case = Case::new(&config, 2, &[pass(0, &[0, 1])], &[36], Style::Usual, 15).windowed(8);
    check(&case, Pace::Full);
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 8] = [
        ("past", |s| s.wrapping_add(1)),
        ("u_control.first_now", |s| s.wrapping_add(1)),
        ("u_control.first_now", |s| s.wrapping_sub(1)),
        ("u_control.tokens_skipped", |s| s.module().u(1, 0)),
        ("u_control.code_real", |s| s.module().u(1, 1)),
        ("u_fetch.first", |s| s.wrapping_sub(2)),
        ("u_fetch.skipped_codes", |s| s.wrapping_add(1)),
        ("u_fetch.code_beats", |s| s.wrapping_add(1)),
    ];
    for (nth, (path, fault)) in faults.into_iter().enumerate() {
        let m = super::attention(&config);
        m.plant(path, fault);
        let sim = Sim::seeded(&m, 15).unwrap();
        assert!(run_in(sim, &case, Pace::Full, Fault::None).is_err(), "fault {nth}, at {path}, went unseen");
    }
}

#[test]
fn overhead_of_a_pass_is_small() {
    let config = Config { context: 256, kv_beats: 64, ..shape(8, 8, 4, 4, 1, 32) };
    let cycles = |tokens: u32| {
        let one = [pass(0, &[0, 1, 2, 3])];
        let three = [one[0].clone(), pass(1, &[4, 5, 6, 7]), pass(0, &[0, 1, 2, 3])];
        let run = |p: &[Pass]| check(&Case::new(&config, 4, p, &[tokens - 1], Style::Usual, 7), Pace::Full);
        let (alone, all) = (run(&one), run(&three));
        (alone, (all - alone) / 2)
    };
    for tokens in [16, 64, 256] {
        let (alone, pass) = cycles(tokens);
        let work = u64::from(tokens * 4 * 2 + tokens + tokens / 2);
        println!("{tokens} tokens: {alone} cycles alone, {pass} for each further pass, {work} of them work");
        assert!(pass < work + 90, "{tokens} tokens: {pass} cycles");
    }
}

#[test]
fn work_falls_with_the_window() {
    let one = [pass(0, &[0, 1, 2, 3])];
    for width in [8, 4] {
        let config = Config { context: 256, kv_beats: 64, ..shape(8, width, 4, 4, 1, 32) };
        let run = |position: u32, window: u16| {
            let case = Case::new(&config, 4, &one, &[position], Style::Usual, 13).windowed(window);
            (check(&case, Pace::Full), case.requests().len())
        };
        let mut before = run(255, 0);
        for window in [200, 64, 16, 1] {
            let (cycles, beats) = run(255, window);
            println!("{window} tokens of 256, {} side by side: {cycles} cycles, {beats} beats", 8 / width);
            assert!(cycles < before.0 && beats < before.1, "{window}: {cycles} cycles, {beats} beats");
            // as a row that has no more tokens, but for those of the first group that wait to be skipped
            let (few, few_beats) = run(u32::from(window) - 1, 0);
            assert!(
                cycles <= few + u64::from(8 / width) && beats == few_beats,
                "{window}: {cycles}, not {few}"
            );
            before = (cycles, beats);
        }
    }
}
