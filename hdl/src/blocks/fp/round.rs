//! Normalization, rounding and packing.

use crate::dsl::{Module, Sig, cat_lsb};
use sterna_spec::numbers::{CANONICAL_NAN, INFINITY};

/// What the last stage packs into a binary32 number.
pub(super) struct Unpacked<'m> {
    /// Sign of the result, zero and infinity included.
    pub sign: Sig<'m>,
    /// Biased exponent, signed, 10 bits, before rounding: 0 and less is flushed, 255 and more is infinity.
    pub exponent: Sig<'m>,
    /// The 23 bits below the hidden one.
    pub fraction: Sig<'m>,
    /// 1 rounds away from zero.
    pub round_up: Sig<'m>,
    /// The result is the canonical NaN.
    pub nan: Sig<'m>,
    /// The result is infinite, unless it is NaN.
    pub infinite: Sig<'m>,
    /// The result is zero, unless it is NaN or infinite.
    pub zero: Sig<'m>,
}

/// One carry chain for rounding, beside it the decision which special value takes its place. A carry out of the fraction increments
/// the exponent, and out of the largest exponent it gives infinity, all by itself.
pub(super) fn pack<'m>(m: &'m Module, x: &Unpacked<'m>) -> Sig<'m> {
    let (zero, infinite) = (x.zero | x.exponent.lt(1), x.infinite | x.exponent.ge(255));
    let rounded = m.node("rounded", cat_lsb(&[x.fraction, x.exponent.bits(0, 8)]).wrapping_add(x.round_up));
    let magnitude = m.node("magnitude", infinite.mux(m.u(31, INFINITY), zero.mux(m.u(31, 0), rounded)));
    x.nan.mux(m.u(32, CANONICAL_NAN), cat_lsb(&[magnitude, x.sign]))
}

/// Ties to even: 1 when the bits below `kept` (guard bit first) round it up.
pub(super) fn ties_to_even<'m>(kept: Sig<'m>, guard: Sig<'m>, rest: Sig<'m>) -> Sig<'m> {
    guard & (rest.any() | kept.bit(0))
}

/// `x` shifted right by `by`, and 1 if a one fell off. Each of its steps looks at what it drops.
pub(super) fn shift_right<'m>(x: Sig<'m>, by: Sig<'m>) -> (Sig<'m>, Sig<'m>) {
    let m = x.module();
    let step = |(x, lost): (Sig<'m>, Sig<'m>), i: u32| {
        let (on, all, places) = (by.bit(i), x.width(), 1 << i);
        let dropped = if places < all { x.bits(0, places) } else { x };
        let kept = if places < all { x.bits(places, all - places).zext(all) } else { m.u(all, 0) };
        let name = |what: &str| format!("{what}_{places}");
        let lost = m.node(&name("lost"), lost | on & dropped.any());
        (m.node(&name("shifted"), on.mux(kept, x)), lost)
    };
    (0..by.width()).rev().fold((x, m.u(1, 0)), step)
}

/// Zeros above the highest one of `x`; any number where `x` is 0. A tree over groups of four bits: two of its levels fit one LUT of six inputs.
pub(super) fn leading_zeros(x: Sig<'_>) -> Sig<'_> {
    zeros(x, x.width(), x.width().next_power_of_two())
}

/// Zeros at the top of the `size` bits below bit `end` of `x`; bits below bit 0 do not exist.
fn zeros(x: Sig<'_>, end: u32, size: u32) -> Sig<'_> {
    let m = x.module();
    let lo = end.saturating_sub(size);
    let name = format!("zeros_{}_{lo}", end - 1);
    if size == 4 {
        let count =
            (lo + 1..end).fold(m.u(2, end - 1 - lo), |rest, bit| x.bit(bit).mux(m.u(2, end - 1 - bit), rest));
        return m.node(&name, count);
    }
    let (half, levels) = (size / 2, size.ilog2());
    let high = zeros(x, end, half);
    if end <= half {
        return high.zext(levels);
    }
    let low = zeros(x, end - half, half);
    let any = m.node(&format!("any_{}_{}", end - 1, end - half), x.bits(end - half, half).any());
    m.node(&name, any.mux(high.zext(levels), cat_lsb(&[low.resize(levels - 1), m.u(1, 1)])))
}
