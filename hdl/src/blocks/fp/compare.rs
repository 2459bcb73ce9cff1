//! Binary32 expressions that need no pipeline: flush, relu, maximum.

use super::fields::Fields;
use crate::dsl::{Sig, cat_lsb};
use sterna_spec::numbers::CANONICAL_NAN;

/// [`sterna_spec::numbers::ftz`]: subnormals become zero of their sign.
pub fn ftz(x: Sig<'_>) -> Sig<'_> {
    let normal = Fields::of(x).exponent.any();
    cat_lsb(&[x.bits(0, 31) & normal.repeat(31), x.bit(31)])
}

/// Whether [`sterna_spec::numbers::relu`] makes zero of `x`; else it leaves it as it is.
pub fn relu_clears(x: Sig<'_>) -> Sig<'_> {
    let f = Fields::of(x);
    f.sign | f.is_zero() | f.is_nan()
}

/// The same of a number that an arithmetic module gives: its NaN is the canonical one, so one bit tells it from infinity.
pub fn relu_clears_result(x: Sig<'_>) -> Sig<'_> {
    let f = Fields::of(x);
    f.sign | f.is_zero() | f.exponent.all() & f.fraction.msb()
}

/// [`sterna_spec::numbers::max_num`]: a NaN loses, of equal numbers `b`.
pub fn max_num<'m>(a: Sig<'m>, b: Sig<'m>) -> Sig<'m> {
    choose(compare(a, b), a, b)
}

/// The first half of [`max_num`]: \[`a` is the maximum, both are NaN\].
pub fn compare<'m>(a: Sig<'m>, b: Sig<'m>) -> [Sig<'m>; 2] {
    let (a_nan, b_nan) = (Fields::of(a).is_nan(), Fields::of(b).is_nan());
    [order(a).gt(order(b)) & !a_nan | b_nan, a_nan & b_nan]
}

/// The second half of [`max_num`].
pub fn choose<'m>([first, nan]: [Sig<'m>; 2], a: Sig<'m>, b: Sig<'m>) -> Sig<'m> {
    nan.mux(a.module().u(32, CANONICAL_NAN), ftz(first.mux(a, b)))
}

/// A signed integer that orders numbers: the magnitude, complemented for negative ones; 0 for both zeros.
fn order(x: Sig<'_>) -> Sig<'_> {
    let f = Fields::of(x);
    let negative = f.sign & !f.is_zero();
    let magnitude = x.bits(0, 31) & f.exponent.any().repeat(31);
    cat_lsb(&[magnitude ^ negative.repeat(31), negative]).as_signed()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::dsl::{Module, u};
    use sterna_spec::numbers;

    fn expressions() -> Module {
        let m = Module::new("expressions", "");
        let (a, b) = (m.input("a", u(32), ""), m.input("b", u(32), ""));
        m.output("max", u(32), "").set(max_num(a, b));
        m.output("relu", u(32), "").set(a & (!relu_clears(a)).repeat(32));
        m.output("ftz", u(32), "").set(ftz(b));
        m
    }

    fn apply(f: impl Fn(f32, f32) -> f32) -> impl Fn([i64; 2]) -> u64 {
        move |[a, b]| f(f32::from_bits(a as u32), f32::from_bits(b as u32)).to_bits().into()
    }

    #[test]
    fn equal_the_definitions() {
        let pairs: Vec<[i64; 2]> = pairs(20_000).iter().map(|p| p.map(i64::from)).collect();
        let answers = |output| run(&expressions(), ["a", "b"], output, 0, &pairs);
        let max = answers("max");
        check(&pairs, &max, apply(numbers::max_num));
        check(&pairs, &answers("relu"), apply(|a, _| numbers::relu(a)));
        check(&pairs, &answers("ftz"), apply(|_, b| numbers::ftz(b)));
        // Of equal numbers the other one, and f32::max, would have shown.
        assert!(contradictions(&pairs, &max, apply(|a, b| numbers::max_num(b, a))) > 10);
        assert!(contradictions(&pairs, &max, apply(f32::max)) > 10);
    }
}
