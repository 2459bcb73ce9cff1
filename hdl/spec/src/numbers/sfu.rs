//! Reciprocal, reciprocal square root and power of two: one table, one quadratic, integers only.
//!
//! ```text
//! x -> reduce -> index (9 bits), dx (17 bits), class, sign, exponent
//!      entry  = ROM[index]                                      c0, c1, c2
//!      slope  = c1 + floor(dx * c2 / 2^17)                      21 bits, signed
//!      value  = c0 + floor(dx * slope / 2^17)                   26 bits: 1.value = result mantissa, 3 guard bits
//!      result = class: zero, infinity, NaN or sign, exponent, value[25:3]
//! ```
//!
//! Every function is brought to a mantissa in 1..2 with [`SEGMENTS`] segments an octave: `2/m` for the reciprocal, `2/sqrt(m)` and
//! `2/sqrt(2m)` for the reciprocal square root (`m` in 1..2), `2^f` for the power (`f` in 0..1). The half that rounds the result
//! to nearest is part of `c0`, and so is the mean of what the two floors lose. No entry and no `dx` leaves 1..2, except
//! `2/m` and `2/sqrt(m)` at `m` = 1, where [`reduce`] has already counted the carry into the exponent (a test visits all of them).
//!
//! Error over all 2^32 inputs (`cargo run --release -p sterna-spec --example bounds`), in units of the last place of the exact result:
//!
//! | function | largest error | at |
//! |---|---|---|
//! | `recip` | 0.878 | 0x00833be0 |
//! | `rsqrt` | 0.715 | 0x008f43aa |
//! | `exp2` | 0.984 | 0xba96c0ff |
//!
//! In relative terms that is at most 2^-23 times the figure.

use super::{CANONICAL_NAN, INFINITY, ftz};
use std::sync::OnceLock;

/// Bits of a ROM address: which function and octave (2 bits), segment (7 bits).
pub const INDEX_BITS: u32 = 9;
/// Bits of a segment number.
pub const SEGMENT_BITS: u32 = 7;
/// Segments of an octave.
pub const SEGMENTS: usize = 1 << SEGMENT_BITS;
/// Bits of the unsigned position inside a segment, a fraction in 0..1.
pub const DX_BITS: u32 = 17;
/// Bits below the last place of the result that `c0`, `c1` and `c2` carry.
pub const GUARD_BITS: u32 = 3;
/// Bits of `c0`, unsigned: the value minus 1 in units of 2^-26, modulo 1 (at `m` = 1 the value is 2).
pub const C0_BITS: u32 = 26;
/// Bits of `c1`, signed, in units of 2^-26 a segment.
pub const C1_BITS: u32 = 21;
/// Bits of `c2`, unsigned, in units of 2^-26 a segment squared.
pub const C2_BITS: u32 = 13;
/// Fraction bits of the argument of [`exp2`] after rounding.
pub const EXP2_FRACTION_BITS: u32 = 24;

/// Upper two bits of the ROM address of `2/m`.
pub const RECIP_TABLE: u32 = 0;
/// Upper two bits of the ROM address of `2^f`.
pub const EXP2_TABLE: u32 = 1;
/// Upper two bits of the ROM address of `2/sqrt(m)`; `2/sqrt(2m)` follows it.
pub const RSQRT_TABLE: u32 = 2;

/// One ROM word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficients {
    /// Value at the left end minus 1, rounding half included; [`C0_BITS`] bits.
    pub c0: u32,
    /// Slope at the left end; [`C1_BITS`] bits, signed.
    pub c1: i32,
    /// Half the curvature; [`C2_BITS`] bits.
    pub c2: u32,
}

/// The functions of the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Reciprocal.
    Recip,
    /// Power of two.
    Exp2,
    /// Reciprocal square root.
    Rsqrt,
}

/// What kind of number the result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Sign, exponent and the mantissa of the quadratic.
    Normal,
    /// Zero of the sign.
    Zero,
    /// Infinity of the sign.
    Infinity,
    /// The canonical NaN.
    Nan,
}

/// A reduced argument: what to look up and how to put the result together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// ROM address, [`INDEX_BITS`] bits.
    pub index: u32,
    /// Position in the segment, [`DX_BITS`] bits.
    pub dx: u32,
    /// Kind of result.
    pub class: Class,
    /// Sign of the result.
    pub negative: bool,
    /// Biased exponent of the result (1..=254 where `class` is `Normal`).
    pub exponent: u32,
}

/// All 2^[`INDEX_BITS`] entries.
pub fn rom() -> &'static [Coefficients; 1 << INDEX_BITS] {
    static ROM: OnceLock<[Coefficients; 1 << INDEX_BITS]> = OnceLock::new();
    ROM.get_or_init(|| std::array::from_fn(|index| fit(index as u32)))
}

/// The quadratic: fraction of the result, 23 bits.
#[inline]
pub fn quadratic(entry: Coefficients, dx: u32) -> u32 {
    (value(entry, dx) >> GUARD_BITS) as u32 & 0x7f_ffff
}

/// The quadratic before its guard bits are dropped: the mantissa minus 1 in units of 2^-26, to be taken modulo 1.
#[inline]
pub fn value(entry: Coefficients, dx: u32) -> i64 {
    let slope = i64::from(entry.c1) + i64::from((entry.c2 * dx) >> DX_BITS);
    i64::from(entry.c0) + ((slope * i64::from(dx)) >> DX_BITS)
}

/// Splits an argument; see [`Reduced`].
#[inline]
pub fn reduce(function: Function, x: f32) -> Reduced {
    match function {
        Function::Recip => reduce_recip(x),
        Function::Exp2 => reduce_exp2(x),
        Function::Rsqrt => reduce_rsqrt(x),
    }
}

/// Any of the three functions.
#[inline]
pub fn evaluate(function: Function, x: f32) -> f32 {
    let r = reduce(function, ftz(x));
    let sign = u32::from(r.negative) << 31;
    f32::from_bits(match r.class {
        Class::Normal => sign | r.exponent << 23 | quadratic(rom()[r.index as usize], r.dx),
        Class::Zero => sign,
        Class::Infinity => sign | INFINITY,
        Class::Nan => CANONICAL_NAN,
    })
}

/// 1/x. Powers of two are exact; `recip(+-0)` = +-infinity, `recip(+-infinity)` = +-0; results below 2^-126 are zero.
#[inline]
pub fn recip(x: f32) -> f32 {
    evaluate(Function::Recip, x)
}

/// 1/sqrt(x). Even powers of two are exact; +-0 gives +infinity, negative numbers NaN, +infinity +0.
#[inline]
pub fn rsqrt(x: f32) -> f32 {
    evaluate(Function::Rsqrt, x)
}

/// 2^x. Integers are exact; below -126 the result is +0, from 128 on +infinity.
#[inline]
pub fn exp2(x: f32) -> f32 {
    evaluate(Function::Exp2, x)
}

/// ROM address and `dx` of a 23-bit mantissa fraction.
#[inline]
fn place(table: u32, fraction: u32) -> (u32, u32) {
    let low = 23 - SEGMENT_BITS;
    let dx = (fraction & ((1 << low) - 1)) << (DX_BITS - low);
    (table << SEGMENT_BITS | fraction >> low, dx)
}

#[inline]
fn reduce_recip(x: f32) -> Reduced {
    let bits = x.to_bits();
    let (exponent, fraction) = (bits >> 23 & 255, bits & 0x7f_ffff);
    let (index, dx) = place(RECIP_TABLE, fraction);
    // 1/x = 2^(-e-1) * 2/m, and 2/m = 2 carries into the exponent.
    let result = 253 + u32::from(fraction == 0);
    let class = match exponent {
        0 => Class::Infinity,
        255 if fraction != 0 => Class::Nan,
        _ if exponent >= result => Class::Zero,
        _ => Class::Normal,
    };
    Reduced { index, dx, class, negative: bits >> 31 != 0, exponent: result.wrapping_sub(exponent) & 255 }
}

#[inline]
fn reduce_rsqrt(x: f32) -> Reduced {
    let bits = x.to_bits();
    let (exponent, fraction) = (bits >> 23 & 255, bits & 0x7f_ffff);
    // The bias is odd: an even biased exponent is an odd exponent, whose spare factor 2 goes to the mantissa.
    let doubled = exponent & 1 ^ 1;
    let (index, dx) = place(RSQRT_TABLE + doubled, fraction);
    let carry = u32::from(fraction == 0) & exponent & 1;
    let class = match exponent {
        0 => Class::Infinity,
        255 if fraction != 0 => Class::Nan,
        _ if bits >> 31 != 0 => Class::Nan,
        255 => Class::Zero,
        _ => Class::Normal,
    };
    Reduced { index, dx, class, negative: false, exponent: ((380 - exponent) >> 1) + carry }
}

/// The argument is rounded to [`EXP2_FRACTION_BITS`] fraction bits, ties away from zero; only |x| < 1/2 has bits below.
#[inline]
fn reduce_exp2(x: f32) -> Reduced {
    let bits = x.to_bits();
    let (exponent, fraction) = (bits >> 23 & 255, bits & 0x7f_ffff);
    let negative = bits >> 31 != 0;
    // |x| < 128 in units of 2^-25: the mantissa, whose last place is 2^(exponent - 150), moves left by exponent - 125.
    let mantissa = u64::from(fraction | 0x80_0000);
    let halves = match exponent {
        0..94 => 0,
        94..125 => (mantissa >> (125 - exponent)) as u32,
        125..134 => (mantissa << (exponent - 125)) as u32,
        _ => 0,
    };
    let magnitude = halves.wrapping_add(1) >> 1;
    let fixed = if negative { magnitude.wrapping_neg() } else { magnitude };
    let dx = fixed & ((1 << DX_BITS) - 1);
    let segment = fixed >> DX_BITS & (SEGMENTS as u32 - 1);
    let class = if exponent == 255 && fraction != 0 {
        Class::Nan
    } else if !negative && exponent >= 134 {
        Class::Infinity
    } else if x < -126.0 {
        Class::Zero
    } else {
        Class::Normal
    };
    // The integer part may be negative: bits 24 to 31 of the fixed-point number, modulo 256.
    let exponent = (fixed >> EXP2_FRACTION_BITS).wrapping_add(127) & 255;
    Reduced { index: EXP2_TABLE << SEGMENT_BITS | segment, dx, class, negative: false, exponent }
}

/// The function of a table entry over its segment; `d` in 0..1. Uses + - * / and sqrt only, so it is the same on every machine.
fn target(index: u32, d: f64) -> f64 {
    let segment = f64::from(index & (SEGMENTS as u32 - 1));
    let u = (segment + d) / SEGMENTS as f64;
    match index >> SEGMENT_BITS {
        RECIP_TABLE => 2.0 / (1.0 + u),
        EXP2_TABLE => power_of_two(u),
        RSQRT_TABLE => 2.0 / (1.0 + u).sqrt(),
        _ => 2.0 / (2.0 + 2.0 * u).sqrt(),
    }
}

/// 2^u for u in 0..=1: square roots of two for the seven leading bits of u, a Taylor series for the rest.
fn power_of_two(u: f64) -> f64 {
    let mut rest = u;
    let (mut power, mut root, mut weight) = (1.0, 2.0f64, 1.0);
    for _ in 0..SEGMENT_BITS {
        root = root.sqrt();
        weight *= 0.5;
        if rest >= weight {
            rest -= weight;
            power *= root;
        }
    }
    let z = rest * std::f64::consts::LN_2;
    let mut series = 1.0;
    for k in (1..=10).rev() {
        series = 1.0 + series * z / f64::from(k);
    }
    power * series
}

/// Interpolates at the three Chebyshev nodes of the segment and rounds `c2`, `c1`, `c0` in turn, each correcting the next.
fn fit(index: u32) -> Coefficients {
    let unit = f64::from(1u32 << (23 + GUARD_BITS));
    // Nodes 1/2 and 1/2 -+ sqrt(3)/4.
    let offset = 3f64.sqrt() / 4.0;
    let [left, middle, right] = [0.5 - offset, 0.5, 0.5 + offset].map(|d| (target(index, d) - 1.0) * unit);
    let second = (left - 2.0 * middle + right) / (2.0 * offset * offset);
    let slope_at_middle = (right - left) / (2.0 * offset);
    let first = slope_at_middle - second;
    let constant = middle - 0.5 * first - 0.25 * second;

    let c2 = round(second);
    // Over 0..1 the best line for d^2 is d - 1/8, and the best constant for d is 1/2.
    let first = first + (second - c2);
    let constant = constant - (second - c2) / 8.0;
    let c1 = round(first);
    let constant = constant + (first - c1) / 2.0;
    // Half of the last place rounds to nearest; the floors lose 1/4 and 1/2 on average.
    let c0 = round(constant + f64::from(1u32 << (GUARD_BITS - 1)) + 0.75);
    Coefficients { c0: c0 as u32 % (1 << C0_BITS), c1: c1 as i32, c2: c2 as u32 }
}

fn round(x: f64) -> f64 {
    (x + 0.5).floor()
}
