//! The arithmetic of the device: binary32 with flush to zero, conversions, and the elementary functions.
//!
//! This is the definition. The golden model computes with these functions and the RTL equals them bit for bit.
//!
//! Rules common to all of them:
//! - a subnormal input counts as zero of its sign;
//! - a result whose exact value lies below 2^-126 in magnitude *before rounding* becomes zero of its sign;
//! - every other result is rounded to nearest, ties to even ([`sfu`] states its own error bounds);
//! - every NaN result is [`CANONICAL_NAN`].

pub mod sfu;
#[cfg(test)]
mod tests;

pub use sfu::{exp2, recip, rsqrt};

/// Bits of the only NaN that an operation returns.
pub const CANONICAL_NAN: u32 = 0x7fc0_0000;
/// Bits of positive infinity.
pub const INFINITY: u32 = 0x7f80_0000;
/// Partial sums of [`sum_of_squares`].
pub const PARTIAL_SUMS: usize = 64;
/// Width of the integers that [`int_to_f32`] converts, sign included.
pub const INT_BITS: u32 = 40;

const SIGN: u32 = 0x8000_0000;
/// The smallest normal magnitude, 2^-126.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// Flushes a subnormal number to zero of its sign; everything else passes unchanged.
#[inline]
pub fn ftz(x: f32) -> f32 {
    let bits = x.to_bits();
    if bits & INFINITY == 0 { f32::from_bits(bits & SIGN) } else { x }
}

#[inline]
fn canonical(x: f32) -> f32 {
    if x.is_nan() { f32::from_bits(CANONICAL_NAN) } else { x }
}

/// Sum. Zero results of unlike signs are +0; a sum below 2^-126 is exact, so flushing it afterwards is flushing before rounding.
#[inline]
pub fn add(a: f32, b: f32) -> f32 {
    canonical(ftz(ftz(a) + ftz(b)))
}

/// Product. The product of two binary32 numbers is exact in binary64, which shows tininess before rounding.
#[inline]
pub fn mul(a: f32, b: f32) -> f32 {
    let exact = f64::from(ftz(a)) * f64::from(ftz(b));
    if exact.abs() < TINY {
        return f32::from_bits((a.to_bits() ^ b.to_bits()) & SIGN);
    }
    canonical(exact as f32)
}

/// The larger as numbers. A NaN loses (two of them give the canonical NaN); of equal numbers, -0 and +0 among them, `b` is returned.
#[inline]
pub fn max_num(a: f32, b: f32) -> f32 {
    let (a, b) = (ftz(a), ftz(b));
    if a > b || b.is_nan() { canonical(a) } else { b }
}

/// `x` if it is above zero, else +0 (a NaN gives +0).
#[inline]
pub fn relu(x: f32) -> f32 {
    let x = ftz(x);
    if x > 0.0 { x } else { 0.0 }
}

/// A signed integer of [`INT_BITS`] bits as binary32, ties to even.
#[inline]
pub fn int_to_f32(x: i64) -> f32 {
    debug_assert!((-(1 << (INT_BITS - 1))..1 << (INT_BITS - 1)).contains(&x), "{x} does not fit 40 bits");
    x as f32
}

/// The integer next to `x`, ties to even, clamped to `bits` signed bits (8 or 16). NaN gives 0, an infinity the limit of its sign.
#[inline]
pub fn quantize(x: f32, bits: u32) -> i32 {
    debug_assert!(bits == 8 || bits == 16, "{bits} bits are not supported");
    // Adding 1.5 * 2^23 leaves no fraction bits, so the addition itself rounds to an integer, ties to even.
    const SHIFTER: f32 = 12_582_912.0;
    let limit = (1 << (bits - 1)) as f32;
    // The limits are integers, therefore clamping first gives the same; a NaN passes both and the cast turns it into 0.
    let clamped = x.clamp(-limit, limit - 1.0);
    ((clamped + SHIFTER) - SHIFTER) as i32
}

/// `floor(p * 2^24)` for `p` in 0..=1, the fixed-point form in which softmax weights are summed.
/// Outside of that range: 0 below, 2^24 above, 0 for NaN.
#[inline]
pub fn fix24(p: f32) -> u32 {
    const ONE: f32 = 16_777_216.0;
    // Scaling by a power of two is exact; the cast truncates and turns NaN and negative numbers into 0.
    ((p * ONE) as u32).min(1 << 24)
}

/// Sum of squares in the order that the vector unit follows whatever its number of lanes: element `i` is added to partial sum
/// `i % 64` in increasing order of `i`, starting at +0; then `p[i] = p[i] + p[i + h]` for `h` = 32, 16, 8, 4, 2, 1.
pub fn sum_of_squares(x: &[f32]) -> f32 {
    let mut partial = [0.0f32; PARTIAL_SUMS];
    for chunk in x.chunks(PARTIAL_SUMS) {
        for (sum, &value) in partial.iter_mut().zip(chunk) {
            *sum = add(*sum, mul(value, value));
        }
    }
    let mut half = PARTIAL_SUMS / 2;
    while half > 0 {
        for i in 0..half {
            partial[i] = add(partial[i], partial[i + half]);
        }
        half /= 2;
    }
    partial[0]
}
