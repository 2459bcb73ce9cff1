//! Integer to binary32.
//!
//! ```text
//! s1  sign and magnitude
//! s2  leading zeros counted
//! s3  normalized by them
//! s4  rounded and packed
//! ```
//!
//! At a slow clock s2 and s4 end in registers.
//!
//! | port | | |
//! |---|---|---|
//! | `value` | in | signed, `width` bits |
//! | `result` | out | binary32, [`Latency::int_to_f32`](super::Latency) cycles later |

use super::pace::{Depth, Pace, Stages};
use super::round::{leading_zeros, ties_to_even};
use crate::dsl::{Module, cat_lsb, s, u};
use sterna_spec::numbers::INT_BITS;

/// Least width of an integer that is converted: it has a bit below the fraction and its guard bit.
pub const LEAST_INT_BITS: u32 = 26;

pub(super) const DEPTH: Depth = Depth { stages: 4, slow: &[2, 4] };

/// Module `int<width>_to_f32`: [`sterna_spec::numbers::int_to_f32`] of a signed integer of 26 to 40 bits.
///
/// # Panics
/// If the width lies outside of that.
pub fn int_to_f32(width: u32, pace: Pace) -> Module {
    assert!((26..=INT_BITS).contains(&width), "int_to_f32 takes 26 to {INT_BITS} bits, not {width}");
    let cycles = DEPTH.cycles(pace);
    let doc = format!("Signed integer of {width} bits to binary32, ties to even; {cycles} cycles.");
    let m = Module::new(&format!("int{width}_to_f32"), &doc);
    let at = Stages::new(&m, &DEPTH, pace);
    let int = m.input("value", s(width), "");
    let result = m.output("result", u(32), &format!("binary32, {cycles} cycles later"));

    let negative = int.msb();
    let flipped = int.as_unsigned() ^ negative.repeat(width);
    let magnitude = at.end(1, "magnitude", flipped.wrapping_add(negative), "");
    let sign = at.later("sign", negative, 1..=3);

    let count = at.end(2, "zeros", leading_zeros(magnitude), "above the highest one");
    let zero = at.later("zero", !magnitude.any(), 2..=3);
    let magnitude = at.end(2, "magnitude", magnitude, "");
    let normal = at.end(3, "normal", magnitude.shl_dyn(count), "highest bit set unless zero");
    let exponent = at.end(3, "exponent", m.u(8, 126 + width).wrapping_sub(count), "biased, before rounding");
    m.unused("the hidden bit", normal.msb());

    let fraction = normal.bits(width - 24, 23);
    let round_up = ties_to_even(fraction, normal.bit(width - 25), normal.bits(0, width - 25));
    let round_up = m.node("round_up", round_up);
    let rounded = m.node("rounded", cat_lsb(&[fraction, exponent]).wrapping_add(round_up));
    let packed = cat_lsb(&[rounded & (!zero).repeat(31), sign]);
    result.set(at.end(4, "result", packed, ""));
    m
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::{DEPTH, Pace, int_to_f32};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use sterna_spec::numbers;

    /// Integers of all lengths, ties among them.
    fn integers(width: u32) -> Vec<[i64; 1]> {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let half = 1i64 << (width - 1);
        let mut all: Vec<i64> = (-70..70).chain([half - 1, half - 2, -half, 1 - half]).collect();
        for i in 0..20_000 {
            let x: i64 = random.random_range(-half..half);
            let length = random.random_range(0..width);
            let few = 1 << random.random_range(0..width - 1) | 1 << random.random_range(0..width - 1);
            all.push([x >> length, few, -few, few + 1][i % 4].clamp(-half, half - 1));
        }
        all.iter().map(|x| [*x]).collect()
    }

    #[test]
    fn equals_the_definition() {
        for (width, pace) in [26, 29, 32, 33, 40].into_iter().flat_map(|w| Pace::ALL.map(|p| (w, p))) {
            let ints = integers(width);
            let answers = run(&int_to_f32(width, pace), ["value"], "result", DEPTH.cycles(pace), &ints);
            check(&ints, &answers, |[x]| numbers::int_to_f32(x).to_bits().into());
            // An even last place everywhere, and the next integer, would have shown.
            let even = |x| u64::from(numbers::int_to_f32(x).to_bits() & !1);
            assert!(contradictions(&ints, &answers, |[x]| even(x)) > 100);
            let next = |x| (x as f32 + 1.0).to_bits().into();
            assert!(contradictions(&ints, &answers, |[x]| next(x)) > 100);
        }
    }
}
