//! Rows that take a pass together, and rows that must not.

use super::bench::Pace;
use super::case::{Case, Style};
use super::{check, pass, shape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::isa::Pass;

/// Rows of one sequence at these positions.
fn one(positions: &[u32]) -> Vec<(usize, u32)> {
    positions.iter().map(|p| (0, *p)).collect()
}

#[test]
fn equals_golden_with_rows_of_one_sequence() {
    // as many heads as slots, half, a third and some, one; more rows than fit
    let passes = [
        vec![pass(0, &[0, 1, 2, 3])],
        vec![pass(0, &[3, 0]), pass(2, &[1, 4])],
        vec![pass(1, &[2, 0, 5]), pass(0, &[7]), pass(2, &[1, 3])],
        vec![pass(0, &[0]), pass(1, &[1]), pass(2, &[2])],
    ];
    let steps = [&[7, 8, 9, 10][..], &[0, 1, 2], &[33, 34, 35, 36, 37, 38, 39, 40, 41], &[60, 61, 62, 63, 5]];
    for (nth, passes) in passes.iter().enumerate() {
        for (seed, positions) in steps.iter().enumerate() {
            let config = shape([16, 8, 32][nth % 3], 8, 4, 4, 9, 16);
            let pace = if (nth + seed) % 2 == 0 { Pace::Full } else { Pace::Random };
            let case = Case::of_sequences(&config, 2, passes, &one(positions), Style::Usual, seed as u64);
            assert!(case.planned().len() < passes.len() * positions.len() || nth == 0);
            check(&case, pace);
        }
    }
}

#[test]
fn equals_golden_with_rows_of_several_sequences() {
    let passes = [pass(0, &[0]), pass(1, &[1, 2]), pass(2, &[3, 4, 5, 6])];
    // neighbours of one cache, a cache that comes again, caches of one row; positions in any order
    let steps = [
        vec![(0, 9), (0, 3), (1, 20), (1, 21), (1, 22), (2, 0)],
        vec![(0, 12), (1, 12), (0, 13), (1, 13), (0, 14), (1, 14)],
        vec![(2, 40), (2, 41), (2, 42), (2, 43), (2, 44), (0, 1)],
        vec![(1, 0), (1, 63), (1, 31), (1, 32), (0, 5), (0, 4)],
    ];
    for (seed, rows) in steps.iter().enumerate() {
        for (beat, pace) in [(8, Pace::Full), (16, Pace::Random), (64, Pace::Full)] {
            let case =
                Case::of_sequences(&shape(beat, 8, 4, 4, 6, 16), 2, &passes, rows, Style::Usual, seed as u64);
            check(&case, pace);
        }
    }
}

#[test]
fn equals_golden_with_shared_rows_in_any_window() {
    let passes = [pass(0, &[0]), pass(1, &[1, 2])];
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    for (nth, window) in [1, 2, 3, 4, 5, 9, 16, 40].into_iter().enumerate() {
        let first = rng.random_range(0..56);
        let mut rows = one(&(first..first + 8).collect::<Vec<_>>());
        if nth % 2 == 1 {
            rows[3].0 = 1;
            rows[4].1 = rng.random_range(0..64);
        }
        let config = shape([8, 16, 32, 64][nth % 4], 8, 4, 4, 8, 8);
        let case = Case::of_sequences(&config, 1, &passes, &rows, Style::Usual, nth as u64).windowed(window);
        check(&case, if nth % 3 == 0 { Pace::Random } else { Pace::Full });
    }
}

#[test]
fn equals_golden_on_odd_numbers_of_shared_rows() {
    let config = shape(16, 4, 4, 3, 3, 8);
    for style in [Style::Equal, Style::Zero, Style::Negative, Style::Extreme, Style::Special] {
        for (seed, positions) in [[0, 1, 2], [30, 29, 31], [63, 0, 62]].into_iter().enumerate() {
            let case = Case::of_sequences(&config, 2, &[pass(1, &[1])], &one(&positions), style, seed as u64);
            check(&case, Pace::Full);
        }
    }
}

#[test]
fn equals_golden_with_single_tokens() {
    // many passes of one token each: everything is in flight at once
    let passes: Vec<Pass> = (0..12).map(|i| pass(i % 3, &[i as u8 % 8])).collect();
    let wide: Vec<Pass> = (0..8).map(|i| pass(i % 3, &[0, 1, 2, 3].map(|h| (h + i as u8) % 8))).collect();
    for (beat, width, segments) in [(8, 8, 2), (16, 8, 1), (64, 8, 2), (4, 4, 4)] {
        for pace in [Pace::Full, Pace::Random] {
            let config = shape(beat, width, 4, 4, 2, 16);
            check(&Case::new(&config, segments, &passes, &[0, 0], Style::Usual, 1), pace);
            check(&Case::new(&config, segments, &wide, &[0], Style::Usual, 2), pace);
            let row = Case::new(&config, segments, &passes, &[41], Style::Usual, 3);
            check(&row.windowed(1), pace);
            check(&Case::of_sequences(&config, segments, &passes, &one(&[0, 0]), Style::Usual, 4), pace);
        }
    }
}

#[test]
fn passes_of_any_lengths_follow_each_other() {
    // long after short and short after long
    let config = shape(16, 8, 4, 2, 6, 16);
    let passes = [pass(0, &[0]), pass(1, &[2, 1])];
    for (seed, positions) in [[63, 0, 63, 1, 62, 0], [0, 0, 63, 63, 0, 0]].into_iter().enumerate() {
        for segments in [1, 2] {
            for pace in [Pace::Full, Pace::Random] {
                check(&Case::new(&config, segments, &passes, &positions, Style::Usual, seed as u64), pace);
            }
        }
    }
}

#[test]
fn equals_golden_with_any_number_of_rows() {
    // prompts of two sequences behind each other, and a row between them
    let passes = [pass(0, &[0, 1]), pass(2, &[2])];
    for (rows, slots) in [(1, 8), (2, 3), (7, 8), (12, 4), (16, 8)] {
        let config = shape(16, 8, 4, slots, rows, 16);
        let place = |row: u32| match row {
            0..6 => (0, 20 + row),
            6 => (2, 26),
            _ => (1, row - 7),
        };
        let rows: Vec<(usize, u32)> = (0..rows).map(place).collect();
        let case = Case::of_sequences(&config, 2, &passes, &rows, Style::Usual, 29);
        check(&case, Pace::Random);
    }
}
