//! Binary32 to integers: rounded and clamped ([`f32_to_int`]), and 24 fraction bits for sums of weights ([`fix24`]).
//!
//! ```text
//! f32_to_int   s1  significand, distance to shift, clamping    s2  shifted, rounding decided    s3  rounded, negated, clamped
//! fix24        s1  significand, distance to shift              s2  shifted
//! ```
//!
//! At a slow clock only the last stages end in registers.

use super::fields::Fields;
use super::pace::{Depth, Pace, Stages};
use super::round::{shift_right, ties_to_even};
use crate::dsl::{Module, cat_lsb, s, u};

pub(super) const DEPTH: Depth = Depth { stages: 3, slow: &[3] };
pub(super) const FIX24_DEPTH: Depth = Depth { stages: 2, slow: &[2] };

/// Module `f32_to_int<bits>`: [`sterna_spec::numbers::quantize`] to 8 or 16 bits. Port `x` (binary32) in, `value` (signed) out,
/// [`Latency::f32_to_int`](super::Latency) cycles later.
///
/// # Panics
/// If `bits` is neither 8 nor 16.
pub fn f32_to_int(bits: u32, pace: Pace) -> Module {
    assert!(bits == 8 || bits == 16, "f32_to_int makes 8 or 16 bits, not {bits}");
    let after = cycles(&DEPTH, pace);
    let doc =
        format!("Binary32 to a signed integer of {bits} bits: ties to even, clamped, NaN gives 0; {after}.");
    let m = Module::new(&format!("f32_to_int{bits}"), &doc);
    let at = Stages::new(&m, &DEPTH, pace);
    let x = Fields::of(m.input("x", u(32), "binary32"));
    let value = m.output("value", s(bits), &format!("{after} later"));

    // Shifted by 0, the highest bit of the significand stands for 2^(bits - 2), the highest bit of a magnitude.
    let largest = 127 + bits - 2;
    let nan = m.node("nan", x.is_nan());
    let below_half = x.exponent.lt(126u8);
    let distance = m.u(8, largest).wrapping_sub(x.exponent).bits(0, bits.ilog2());
    let distance = at.end(1, "distance", distance, "to shift right");
    let clamped = at.later("clamped", x.exponent.gt(largest) & !nan, 1..=2);
    let sign = at.later("sign", x.sign & !nan, 1..=2);
    let significand = x.significand() & (!(below_half | nan)).repeat(24);
    let significand = at.end(1, "significand", significand, "");

    let (shifted, lost) = shift_right(significand, distance);
    let guard_at = 24 - bits;
    let kept = shifted.bits(guard_at + 1, bits - 1);
    let rest = cat_lsb(&[lost, shifted.bits(0, guard_at)]);
    let up = ties_to_even(kept, shifted.bit(guard_at), rest);
    let up = at.end(2, "round_up", up, "");
    let magnitude = at.end(2, "magnitude", kept, "before rounding");

    // -(magnitude + up) = ~magnitude + 1 - up: rounding and negation in one sum. Where the magnitude becomes 2^(bits - 1), the
    // limit is right for both signs.
    let flipped = magnitude.zext(bits) ^ sign.repeat(bits);
    let carry = m.node("carry", sign ^ up);
    let signed = m.node("rounded", flipped.wrapping_add(carry));
    let beyond = clamped | up & magnitude.all();
    let limit = cat_lsb(&[(!sign).repeat(bits - 1), sign]);
    value.set(at.end(3, "value", beyond.mux(limit, signed).as_signed(), ""));
    m
}

/// Module `f32_fix24`: [`sterna_spec::numbers::fix24`]. Port `p` (binary32) in, `fixed` (unsigned, 25 bits, at most 2^24) out,
/// [`Latency::fix24`](super::Latency) cycles later.
pub fn fix24(pace: Pace) -> Module {
    let after = cycles(&FIX24_DEPTH, pace);
    let doc = format!("floor(p * 2^24) for binary32 p in 0..=1, clamped; NaN gives 0; {after}.");
    let m = Module::new("f32_fix24", &doc);
    let at = Stages::new(&m, &FIX24_DEPTH, pace);
    let p = Fields::of(m.input("p", u(32), "binary32"));
    let fixed = m.output("fixed", u(25), &format!("{after} later"));

    let nothing = m.node("nothing", p.sign | p.is_nan() | p.exponent.lt(103u8));
    let one = at.end(1, "one", p.exponent.gt(126u8) & !nothing, "");
    let distance = at.end(1, "distance", m.u(8, 126).wrapping_sub(p.exponent).bits(0, 5), "to shift right");
    let significand = at.end(1, "significand", p.significand() & (!nothing).repeat(24), "");
    let shifted = significand.shr_dyn(distance) & (!one).repeat(24);
    fixed.set(at.end(2, "fixed", cat_lsb(&[shifted, one]), ""));
    m
}

/// A module's cycles, in words.
fn cycles(depth: &Depth, pace: Pace) -> String {
    match depth.cycles(pace) {
        1 => "1 cycle".into(),
        n => format!("{n} cycles"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use sterna_spec::numbers;

    fn all(exponents: std::ops::Range<u32>) -> Vec<[i64; 1]> {
        operands(20_000, exponents).iter().map(|x| [i64::from(*x)]).collect()
    }

    fn of(x: i64) -> f32 {
        f32::from_bits(x as u32)
    }

    #[test]
    fn quantizes_as_defined() {
        for (bits, pace) in [8, 16].into_iter().flat_map(|b| Pace::ALL.map(|p| (b, p))) {
            let mut x = all(120..148);
            // All integers and halves in reach.
            let limit = 1 << (bits + 1);
            x.extend((-limit..limit).map(|halves| [(halves as f32 / 2.0).to_bits().into()]));
            let answers = run(&f32_to_int(bits, pace), ["x"], "value", DEPTH.cycles(pace), &x);
            let mask = (1u64 << bits) - 1;
            check(&x, &answers, |[x]| numbers::quantize(of(x), bits) as u64 & mask);
            let half_up = |x: f32| numbers::quantize((x + 0.5).floor(), bits) as u64;
            assert!(contradictions(&x, &answers, |[x]| half_up(of(x)) & mask) > 10);
        }
    }

    #[test]
    fn fix24_truncates_as_defined() {
        let x = all(98..130);
        for pace in Pace::ALL {
            let answers = run(&fix24(pace), ["p"], "fixed", FIX24_DEPTH.cycles(pace), &x);
            check(&x, &answers, |[p]| numbers::fix24(of(p)).into());
            let rounded = |p: f32| ((p * 16_777_216.0).round() as u64).min(1 << 24);
            assert!(contradictions(&x, &answers, |[p]| rounded(of(p))) > 100);
        }
    }
}
