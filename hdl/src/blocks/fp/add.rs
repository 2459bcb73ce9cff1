//! Sum of two binary32 numbers.
//!
//! ```text
//! s1  operands ordered by magnitude, distance of their exponents
//! s2  smaller significand aligned (guard, round and sticky bit below) and complemented for a difference
//! s3  sum of the significands
//! s4  its leading zeros counted
//! s5  normalized by them
//! s6  rounded and packed
//! ```
//!
//! At a slow clock s2, s4 and s6 end in registers.
//!
//! | port | | |
//! |---|---|---|
//! | `a`, `b` | in | binary32 |
//! | `sum` | out | binary32, [`Latency::add`](super::Latency) cycles later |

use super::fields::Fields;
use super::pace::{Depth, Pace, Stages};
use super::round::{Unpacked, leading_zeros, pack, shift_right, ties_to_even};
use crate::dsl::{Module, Sig, cat_lsb, u};

pub(super) const DEPTH: Depth = Depth { stages: 6, slow: &[2, 4, 6] };

/// Module `f32_add`: [`sterna_spec::numbers::add`].
pub fn add(pace: Pace) -> Module {
    let cycles = DEPTH.cycles(pace);
    let doc =
        format!("Sum of two binary32 numbers, ties to even, subnormals flushed to zero; {cycles} cycles.");
    let m = Module::new("f32_add", &doc);
    let at = Stages::new(&m, &DEPTH, pace);
    let a = m.input("a", u(32), "binary32");
    let b = m.input("b", u(32), "binary32");
    let sum = m.output("sum", u(32), &format!("a + b, {cycles} cycles later"));

    let (fa, fb) = (Fields::of(a), Fields::of(b));
    let swap = m.node("b_is_larger", b.bits(0, 31).gt(a.bits(0, 31)));
    let distance = swap.mux(fb.exponent.wrapping_sub(fa.exponent), fa.exponent.wrapping_sub(fb.exponent));
    let big = Fields::of(at.end(1, "big", swap.mux(b, a), "operand of the larger magnitude"));
    let small = Fields::of(at.end(1, "small", swap.mux(a, b), "the other one"));
    let distance = at.end(1, "distance", distance, "of the exponents");

    let subtract = m.node("subtract", big.sign ^ small.sign);
    // An infinity is the larger operand unless there is a NaN, and then that is.
    let nan = big.is_special() & (big.fraction.any() | small.is_special() & subtract);
    let nan = at.later("nan", nan, 2..=5);
    let infinite = at.later("infinite", big.is_special(), 2..=5);
    let sign = at.later("sign", big.sign, 2..=3);
    let zero_sign = at.later("zero_sign", big.sign & small.sign, 2..=3);
    let exponent = at.end(2, "exponent", big.exponent, "of the larger operand");
    let s2_subtract = at.end(2, "subtract", subtract, "");
    let s2_big = at.end(2, "big", big.significand(), "significand");
    let aligned = align(&m, small.significand(), distance);
    let s2_small =
        at.end(2, "small", aligned ^ subtract.repeat(27), "aligned, complemented for a difference");

    // The lowest bit of both operands makes the carry that completes the two's complement.
    let augend = cat_lsb(&[s2_subtract, m.u(3, 0), s2_big, m.u(1, 0)]);
    let addend = cat_lsb(&[s2_subtract, s2_small, s2_subtract]);
    let total = m.node("total", augend.wrapping_add(addend));
    m.unused("the place that makes the carry", total.bit(0));
    let s3_sum =
        at.end(3, "sum", total.bits(1, 28), "at most twice the larger significand, three places below");
    let exponent = at.end(3, "exponent", exponent + 1u8, "if the highest bit of the sum is set");

    let none = m.node("cancelled", !s3_sum.any());
    let zero = at.later("zero", none, 4..=5);
    let sign = at.later("final_sign", none.mux(zero_sign, sign), 4..=5);
    let count = at.end(4, "zeros", leading_zeros(s3_sum), "above the highest one");
    let s4_sum = at.end(4, "sum", s3_sum, "");
    let exponent = at.end(4, "exponent", exponent, "as before");
    let normal = at.end(5, "normal", s4_sum.shl_dyn(count), "highest bit set unless zero");
    let exponent = at.end(5, "exponent", exponent - count, "biased, before rounding");
    m.unused("the hidden bit", normal.bit(27));

    let fraction = normal.bits(4, 23);
    let round_up = m.node("round_up", ties_to_even(fraction, normal.bit(3), normal.bits(0, 3)));
    let packed = pack(&m, &Unpacked { sign, exponent, fraction, round_up, nan, infinite, zero });
    sum.set(at.end(6, "sum", packed, ""));
    m
}

/// The significand with three places below, shifted right by `distance`; the lowest place collects all ones that fall off.
fn align<'m>(m: &'m Module, significand: Sig<'m>, distance: Sig<'m>) -> Sig<'m> {
    let wide = m.node("small_wide", significand << 3);
    let (near, far) = (distance.bits(0, 5), m.node("far", distance.bits(5, 3).any()));
    let (shifted, lost) = shift_right(wide, near);
    let sticky = m.node("sticky", far.mux(significand.any(), lost));
    let kept = shifted & (!far).repeat(27);
    cat_lsb(&[kept.bit(0) | sticky, kept.bits(1, 26)])
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::{DEPTH, Pace, add};
    use sterna_spec::numbers;

    fn apply(f: impl Fn(f32, f32) -> f32) -> impl Fn([i64; 2]) -> u64 {
        move |[a, b]| f(f32::from_bits(a as u32), f32::from_bits(b as u32)).to_bits().into()
    }

    /// Rounds ties away from zero.
    fn ties_away(a: f32, b: f32) -> f32 {
        let exact = f64::from(numbers::ftz(a)) + f64::from(numbers::ftz(b));
        let away = f32::from_bits(numbers::add(a, b).to_bits() + 1);
        let even = numbers::add(a, b);
        let tie = (f64::from(away) - exact) == (exact - f64::from(even)) && away.is_finite();
        if tie { away } else { even }
    }

    #[test]
    fn equals_the_definition() {
        let pairs: Vec<[i64; 2]> = pairs(60_000).iter().map(|p| p.map(i64::from)).collect();
        for pace in Pace::ALL {
            let answers = run(&add(pace), ["a", "b"], "sum", DEPTH.cycles(pace), &pairs);
            check(&pairs, &answers, apply(numbers::add));
            // Ties away from zero, and no flush, would have shown.
            let wrong = [
                contradictions(&pairs, &answers, apply(ties_away)),
                contradictions(&pairs, &answers, apply(|a, b| a + b)),
                contradictions(&pairs, &answers, apply(|a, b| numbers::ftz(a) + numbers::ftz(b))),
            ];
            assert!(wrong.iter().all(|n| *n > 10), "{wrong:?}");
        }
    }
}
