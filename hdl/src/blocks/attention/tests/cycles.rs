//! Cycles as a function of tokens, segments and passes: memory that delivers a beat a cycle must be all that holds the unit up.

use super::bench::Pace;
use super::case::{Case, Style};
use super::{check, pass, shape};
use sterna_spec::config::Config;
use sterna_spec::isa::Pass;

/// Cycles and beats.
#[derive(Clone, Copy)]
struct Cost {
    cycles: f64,
    beats: f64,
}

/// What each further pass takes in the middle of an instruction, and the cycles beside the beats of a pass alone.
fn of_a_pass(config: &Config, segments: usize, heads: usize, rows: &[(usize, u32)]) -> (Cost, f64) {
    let run = |passes: u32| {
        let heads: Vec<u8> = (0..heads as u8).collect();
        let passes: Vec<Pass> = (0..passes).map(|p| pass(p % 3, &heads)).collect();
        let case = Case::of_sequences(config, segments, &passes, rows, Style::Usual, 7);
        let cost = Cost { cycles: check(&case, Pace::Full) as f64, beats: case.requests().len() as f64 };
        (cost, case.planned().len() as f64)
    };
    let ((one, _), (few, a), (many, b)) = (run(1), run(2), run(3));
    let each = |few: f64, many: f64| (many - few) / (b - a);
    let cost = Cost { cycles: each(few.cycles, many.cycles), beats: each(few.beats, many.beats) };
    (cost, one.cycles - one.beats)
}

/// `tokens`, side tokens and segments of the pass.
fn judge((tokens, side, segments): (u32, u32, usize), (pass, alone): (Cost, f64)) {
    let Cost { cycles, beats } = pass;
    let what = format!("{tokens} tokens, {side} a beat, {segments} segments");
    println!("{what}: {cycles} cycles a pass, {beats} beats; {alone} more for a pass alone");
    // weights and their inverse take the place of V where it takes less
    let n = f64::from(tokens);
    let values = f64::from(tokens.div_ceil(side)) * segments as f64;
    let most = (1.05 * beats + 25.0).max(beats - values + n + 75.0);
    assert!(cycles >= beats && cycles <= most, "{what}: {cycles} cycles, {beats} beats, at most {most}");
    // nothing hides the weights of a pass alone
    assert!(alone <= n + 150.0, "{what}: {alone} cycles beside the beats");
}

#[test]
fn a_pass_takes_its_beats() {
    // as many segments as side tokens, or more
    for (beat, side, segments) in [(8, 1, 1), (8, 1, 4), (16, 2, 2), (16, 2, 3), (32, 4, 4)] {
        let config = Config { context: 256, kv_beats: 64, ..shape(beat, beat / side, 4, 2, 1, 32) };
        for tokens in [129, 256] {
            judge((tokens, side, segments), of_a_pass(&config, segments, 2, &[(0, tokens - 1)]));
        }
    }
}

#[test]
fn a_pass_of_the_kv260_takes_its_beats() {
    for (tokens, segments, heads) in [(1024, 6, 1), (1024, 8, 2), (4096, 6, 1)] {
        // one port as wide as all of its ports; slots beyond the heads have nothing to do
        let kv260 = Config::preset("kv260").unwrap();
        let (side, slots) = (kv260.tokens_per_beat() as u32, heads as u32);
        let config = Config { rows: 1, slots, heads: 8, ports: 1, port_bytes: 64, burst_beats: 64, ..kv260 };
        let pass = of_a_pass(&config, segments, heads, &[(0, tokens - 1)]);
        assert!(pass.0.cycles <= pass.0.beats + 10.0, "{} cycles", pass.0.cycles);
        judge((tokens, side, segments), pass);
    }
}

#[test]
fn short_passes_take_little_more() {
    for heads in [1, 4] {
        let config = Config { context: 256, ..shape(16, 8, 8, heads, 1, 32) };
        for tokens in [1, 2, 5, 11, 17, 24, 60, 100] {
            judge((tokens, 2, 3), of_a_pass(&config, 3, heads as usize, &[(0, tokens - 1)]));
        }
    }
}

#[test]
fn rows_share_the_beats() {
    let config = Config { context: 128, ..shape(16, 8, 8, 4, 4, 32) };
    let rows: Vec<(usize, u32)> = (90..94).map(|p| (0, p)).collect();
    let (one, _) = of_a_pass(&config, 3, 1, &[(0, 93)]);
    let (four, _) = of_a_pass(&config, 3, 1, &rows);
    println!("{} cycles for one row, {} for four", one.cycles, four.cycles);
    assert_eq!(one.beats, four.beats);
    assert!(four.cycles <= one.cycles + 4.0);
    // of other sequences: each its own
    let apart: Vec<(usize, u32)> = (0..4).map(|r| (r, 90 + r as u32)).collect();
    let (each, _) = of_a_pass(&config, 3, 1, &apart);
    assert!(each.cycles <= one.cycles + 4.0, "{} cycles", each.cycles);
}

#[test]
fn fewer_segments_than_side_tokens_take_a_cycle_a_token() {
    let config = Config { context: 256, ..shape(32, 8, 8, 2, 1, 32) };
    for tokens in [128, 256] {
        let (Cost { cycles, beats }, _) = of_a_pass(&config, 2, 2, &[(0, tokens - 1)]);
        println!("{tokens} tokens: {cycles} cycles, {beats} beats");
        assert!(cycles <= f64::from(2 * tokens + tokens / 4) + 90.0, "{cycles} cycles");
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
            // as a row that has no more tokens
            let few = run(u32::from(window) - 1, 0);
            assert_eq!((cycles, beats), few, "{window} tokens");
            before = (cycles, beats);
        }
    }
}
