//! Product of two binary32 numbers.
//!
//! ```text
//! s1  significands, sum of exponents, special operands
//! s2  two partial products, 24 x 17 and 24 x 7, each of one multiplier block where these are 27 x 18
//! s3  their sum
//! s4  normalized by one place, rounding decided
//! s5  rounded and packed
//! ```
//!
//! At a slow clock s2, which makes the whole product, and s5 end in registers.
//!
//! | port | | |
//! |---|---|---|
//! | `a`, `b` | in | binary32 |
//! | `product` | out | binary32, [`Latency::mul`](super::Latency) cycles later |

use super::fields::Fields;
use super::pace::{Depth, Pace, Stages};
use super::round::{Unpacked, pack, ties_to_even};
use crate::dsl::{Module, cat_lsb, u};

/// Bits of `b` in the lower partial product: what one multiplier block takes besides 24 bits of `a`.
const SPLIT: u32 = 17;

pub(super) const DEPTH: Depth = Depth { stages: 5, slow: &[2, 5] };

/// Module `f32_mul`: [`sterna_spec::numbers::mul`].
pub fn mul(pace: Pace) -> Module {
    let cycles = DEPTH.cycles(pace);
    let doc = format!(
        "Product of two binary32 numbers, ties to even, subnormals flushed to zero; {cycles} cycles."
    );
    let m = Module::new("f32_mul", &doc);
    let at = Stages::new(&m, &DEPTH, pace);
    let a = Fields::of(m.input("a", u(32), "binary32"));
    let b = Fields::of(m.input("b", u(32), "binary32"));
    let product = m.output("product", u(32), &format!("a * b, {cycles} cycles later"));

    let any_zero = m.node("any_zero", a.is_zero() | b.is_zero());
    let any_special = m.node("any_special", a.is_special() | b.is_special());
    let nan = at.later("nan", a.is_nan() | b.is_nan() | any_special & any_zero, 1..=4);
    let infinite = at.later("infinite", any_special, 1..=4);
    let zero = at.later("zero", any_zero, 1..=4);
    let sign = at.later("sign", a.sign ^ b.sign, 1..=4);
    let exponent = at.later("exponent_sum", a.exponent + b.exponent, 1..=1);
    // of a zero the fraction does not matter; only at a fast clock its test costs nothing in front of a multiplier
    let [a, b] = [a, b].map(|x| match pace {
        Pace::Fast => x.significand(),
        Pace::Slow => x.normal_significand(),
    });
    let [a, b] = [("a", a), ("b", b)].map(|(name, x)| at.end(1, name, x, "significand"));

    // The sum of two biased exponents counts the bias twice.
    let exponent = at.later("exponent", exponent - 127u8, 2..=3);
    let wide = match pace {
        Pace::Fast => {
            let low = at.end(2, "low", a * b.bits(0, SPLIT), "a times the low part of b");
            let high = at.end(2, "high", a * b.bits(SPLIT, 24 - SPLIT), "a times the high part of b");
            let upper = high.wrapping_add(low.bits(SPLIT, 24));
            at.end(3, "product", cat_lsb(&[low.bits(0, SPLIT), upper]), "a * b")
        }
        // in one piece: there are parts that join their multiplier blocks
        Pace::Slow => at.end(2, "product", a * b, "a * b"),
    };

    // 1 <= product < 4 in units of 2^46.
    let two = m.node("two_or_more", wide.bit(47));
    let kept = m.node("kept", two.mux(wide.bits(24, 23), wide.bits(23, 23)));
    let guard = two.mux(wide.bit(23), wide.bit(22));
    let rest = wide.bits(0, 22).any() | two & wide.bit(22);
    let round_up = at.end(4, "round_up", ties_to_even(kept, guard, rest), "");
    let fraction = at.end(4, "fraction", kept, "below the hidden bit");
    let exponent =
        at.end(4, "exponent", exponent.wrapping_add(two.zext(10).as_signed()), "biased, before rounding");
    m.unused("the hidden bit of a product below 2", wide.bit(46));

    let packed = pack(&m, &Unpacked { sign, exponent, fraction, round_up, nan, infinite, zero });
    product.set(at.end(5, "product", packed, ""));
    m
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::{DEPTH, Pace, mul};
    use sterna_spec::numbers;

    fn apply(f: impl Fn(f32, f32) -> f32) -> impl Fn([i64; 2]) -> u64 {
        move |[a, b]| f(f32::from_bits(a as u32), f32::from_bits(b as u32)).to_bits().into()
    }

    #[test]
    fn equals_the_definition() {
        let pairs: Vec<[i64; 2]> = pairs(60_000).iter().map(|p| p.map(i64::from)).collect();
        for pace in Pace::ALL {
            let answers = run(&mul(pace), ["a", "b"], "product", DEPTH.cycles(pace), &pairs);
            check(&pairs, &answers, apply(numbers::mul));
            // Tininess after rounding, no rounding, and no flush would all have shown.
            let wrong = [
                contradictions(
                    &pairs,
                    &answers,
                    apply(|a, b| numbers::ftz(numbers::ftz(a) * numbers::ftz(b))),
                ),
                contradictions(
                    &pairs,
                    &answers,
                    apply(|a, b| f32::from_bits(numbers::mul(a, b).to_bits() & !1)),
                ),
                contradictions(&pairs, &answers, apply(|a, b| a * b)),
            ];
            assert!(wrong.iter().all(|n| *n > 10), "{wrong:?}");
        }
    }
}
