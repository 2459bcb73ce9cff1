//! Tests of the arithmetic: directed corners, agreement with native binary32, error bounds over a stride.

use super::sfu::{self, Class, Function};
use super::*;

const TINY_BITS: u32 = 0x0080_0000;
const MAX_BITS: u32 = 0x7f7f_ffff;
const INF: f32 = f32::INFINITY;

fn f(bits: u32) -> f32 {
    f32::from_bits(bits)
}

fn same(got: f32, expected: f32, what: &str) {
    assert_eq!(
        got.to_bits(),
        expected.to_bits(),
        "{what}: got {got:e} 0x{:08x}, expected {expected:e} 0x{:08x}",
        got.to_bits(),
        expected.to_bits()
    );
}

/// xorshift64*: the tests need no more.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}

fn is_tiny(x: f32) -> bool {
    x.to_bits() & INFINITY == 0
}

#[test]
fn add_and_mul_equal_native_arithmetic_where_nothing_is_flushed() {
    let seed = 0x5eed_0001;
    let mut random = Random(seed);
    let mut compared = 0;
    for _ in 0..1 << 20 {
        let (a, b) = (f(random.next()), f(random.next()));
        // A second pair with near exponents, where cancellation and rounding happen.
        let near = f(a.to_bits() & SIGN
            | (a.to_bits() ^ random.next() & 0x81ff_ffff) & !SIGN
            | random.next() & SIGN);
        for (a, b) in [(a, b), (a, near)] {
            if is_tiny(a) || is_tiny(b) {
                continue;
            }
            let (sum, product) = (a + b, a * b);
            // The smallest normal may be a rounded-up product, which is flushed.
            if !sum.is_nan() && !is_tiny(sum) {
                same(add(a, b), sum, &format!("seed {seed:x}: {a:e} + {b:e}"));
                compared += 1;
            }
            if !product.is_nan() && !is_tiny(product) && product.to_bits() & !SIGN != TINY_BITS {
                same(mul(a, b), product, &format!("seed {seed:x}: {a:e} * {b:e}"));
                compared += 1;
            }
        }
    }
    assert!(compared > 2_000_000, "only {compared} comparisons");
}

#[test]
fn add_corners() {
    let nan = f(CANONICAL_NAN);
    same(add(1.0, f(0x3380_0000)), 1.0, "tie to even, down");
    same(add(f(0x3f80_0001), f(0x3380_0000)), f(0x3f80_0002), "tie to even, up");
    same(add(1.0, f(0x3380_0001)), f(0x3f80_0001), "just above the tie");
    same(add(INF, -INF), nan, "inf - inf");
    same(add(f(0x7f80_0001), 1.0), nan, "signalling NaN");
    same(add(f(0xffff_ffff), 1.0), nan, "NaN with payload");
    same(add(INF, -3.0), INF, "inf + finite");
    same(add(f(MAX_BITS), f(MAX_BITS)), INF, "overflow");
    same(add(f(MAX_BITS), f(0x7300_0000)), INF, "overflow by rounding, tie");
    same(add(f(MAX_BITS), f(0x72ff_ffff)), f(MAX_BITS), "just below that tie");
    same(add(0.0, -0.0), 0.0, "+0 + -0");
    same(add(-0.0, -0.0), -0.0, "-0 + -0");
    same(add(1.5, -1.5), 0.0, "x - x");
    same(add(f(TINY_BITS + 1), -f(TINY_BITS)), 0.0, "positive subnormal sum");
    same(add(f(TINY_BITS), -f(TINY_BITS + 1)), -0.0, "negative subnormal sum");
    same(add(f(0x0040_0000), f(0x0040_0000)), 0.0, "subnormal inputs count as zero");
    same(add(f(0x807f_ffff), -0.0), -0.0, "negative subnormal plus -0");
    same(add(f(0x007f_ffff), f(TINY_BITS)), f(TINY_BITS), "subnormal plus normal");
}

#[test]
fn mul_corners() {
    let nan = f(CANONICAL_NAN);
    same(mul(0.0, INF), nan, "0 * inf");
    same(mul(f(0x0000_0001), INF), nan, "subnormal * inf");
    same(mul(-0.0, 5.0), -0.0, "-0 * 5");
    same(mul(f(0x8000_0001), -5.0), 0.0, "negative subnormal * -5");
    same(mul(f(MAX_BITS), -2.0), -INF, "overflow");
    same(mul(f(TINY_BITS), 0.5), 0.0, "underflow");
    same(mul(f(TINY_BITS), f(0xbf7f_ffff)), -0.0, "tiny before rounding: 2^-126 (1 - 2^-24)");
    // (1 + 2^-23) 2^-126 * (1 - 2^-24) = 2^-126 (1 + 2^-24 - 2^-47): not tiny.
    same(mul(f(TINY_BITS + 1), f(0x3f7f_ffff)), f(TINY_BITS), "just not tiny");
    // (2 - 2^-23)^2 / 4 * 2^-126 lies below 2^-126 by 2^-23 of it.
    same(mul(f(0x1fff_ffff), f(0x1fff_ffff)), f(0x0000_0000), "tiny square");
    // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: a tie.
    same(mul(f(0x3f80_0800), f(0x3f80_0800)), f(0x3f80_1000), "tie to even, down");
    // (1 + 2^-23) * 1.5 = 1.5 + 1.5 * 2^-23: a tie, odd below.
    same(mul(f(0x3f80_0001), 1.5), f(0x3fc0_0002), "tie to even, up");
    same(mul(f(0x7fa0_0000), 0.0), nan, "signalling NaN * 0");
}

#[test]
fn max_and_relu() {
    let nan = f(0x7f80_1234);
    same(max_num(1.0, 2.0), 2.0, "b larger");
    same(max_num(-1.0, -2.0), -1.0, "a larger");
    same(max_num(nan, -5.0), -5.0, "NaN loses as a");
    same(max_num(-5.0, nan), -5.0, "NaN loses as b");
    same(max_num(nan, nan), f(CANONICAL_NAN), "two NaN");
    same(max_num(0.0, -0.0), -0.0, "equal zeros: b");
    same(max_num(-0.0, 0.0), 0.0, "equal zeros: b");
    same(max_num(f(1), -0.0), -0.0, "a subnormal equals zero");
    same(max_num(-INF, f(0xff7f_ffff)), f(0xff7f_ffff), "-inf loses");
    same(relu(3.0), 3.0, "positive");
    same(relu(-3.0), 0.0, "negative");
    same(relu(-0.0), 0.0, "-0");
    same(relu(nan), 0.0, "NaN");
    same(relu(f(0x007f_ffff)), 0.0, "subnormal");
    same(relu(INF), INF, "inf");
}

#[test]
fn integers_to_binary32() {
    same(int_to_f32(0), 0.0, "0");
    same(int_to_f32(-1), -1.0, "-1");
    same(int_to_f32(16_777_217), 16_777_216.0, "tie, even below");
    same(int_to_f32(16_777_219), 16_777_220.0, "tie, even above");
    same(int_to_f32(-16_777_217), -16_777_216.0, "negative tie");
    same(int_to_f32((1 << 39) - 1), 549_755_813_888.0, "largest");
    same(int_to_f32(-(1 << 39)), -549_755_813_888.0, "smallest");
}

#[test]
fn quantize_rounds_half_to_even_and_clamps() {
    for (x, q) in [
        (0.5, 0),
        (1.5, 2),
        (2.5, 2),
        (3.5, 4),
        (-0.5, 0),
        (-1.5, -2),
        (-2.5, -2),
        (-3.5, -4),
        (2.500_000_2, 3),
        (0.499_999_97, 0),
    ] {
        assert_eq!(quantize(x, 8), q, "{x}");
        assert_eq!(quantize(x, 16), q, "{x}");
    }
    for (x, q8, q16) in [
        (126.5, 126, 126),
        (127.5, 127, 128),
        (-128.5, -128, -128),
        (1e9, 127, 32767),
        (32767.5, 127, 32767),
        (32766.5, 127, 32766),
        (-32768.5, -128, -32768),
        (-1e30, -128, -32768),
        (INF, 127, 32767),
        (-INF, -128, -32768),
        (f32::NAN, 0, 0),
        (f(0xffc0_0000), 0, 0),
        (f(1), 0, 0),
    ] {
        assert_eq!(quantize(x, 8), q8, "{x}");
        assert_eq!(quantize(x, 16), q16, "{x}");
    }
}

#[test]
fn fix24_truncates() {
    for (p, q) in [
        (0.0, 0),
        (1.0, 1 << 24),
        (0.5, 1 << 23),
        (f(0x3f7f_ffff), (1 << 24) - 1),
        (f(0x3380_0000), 1),
        (f(0x337f_ffff), 0),
    ] {
        assert_eq!(fix24(p), q, "{p:e}");
    }
    for (p, q) in [
        (f(0x3400_0000 - 1), 1),
        (-0.0, 0),
        (-1.0, 0),
        (1.5, 1 << 24),
        (INF, 1 << 24),
        (f32::NAN, 0),
        (f(1), 0),
    ] {
        assert_eq!(fix24(p), q, "{p:e}");
    }
}

#[test]
fn sum_of_squares_keeps_its_order() {
    assert_eq!(sum_of_squares(&[]), 0.0);
    assert_eq!(sum_of_squares(&[3.0]), 9.0);
    // 65 elements: the last joins the first before the tree. 2^24 + 1 ties back to 2^24; the tree would add the two ones first.
    let mut x = [0.0f32; 65];
    (x[0], x[64], x[32]) = (4096.0, 1.0, 1.0);
    assert_eq!(sum_of_squares(&x), 16_777_216.0);
    // Here the two ones meet in partial sum 32 first.
    let mut y = [0.0f32; 97];
    (y[0], y[32], y[96]) = (4096.0, 1.0, 1.0);
    assert_eq!(sum_of_squares(&y), 16_777_218.0);
}

#[test]
fn special_values_of_the_functions() {
    let nan = f(CANONICAL_NAN);
    for (x, y) in [
        (0.0, INF),
        (-0.0, -INF),
        (f(0x807f_ffff), -INF),
        (INF, 0.0),
        (-INF, -0.0),
        (f(0xff80_0001), nan),
        (1.0, 1.0),
        (-4.0, -0.25),
        (f(TINY_BITS), f(0x7e80_0000)),
        (f(0x7e80_0000), f(TINY_BITS)),
        (f(0x7e80_0001), 0.0),
        (f(0xff00_0000), -0.0),
        (f(MAX_BITS), 0.0),
    ] {
        same(recip(x), y, &format!("recip({x:e})"));
    }
    for (x, y) in [
        (0.0, INF),
        (-0.0, INF),
        (f(0x8000_0001), INF),
        (-1.0, nan),
        (-INF, nan),
        (f32::NAN, nan),
        (INF, 0.0),
        (1.0, 1.0),
        (0.25, 2.0),
        (f(TINY_BITS), f(0x5f00_0000)),
        (f(0x7e80_0000), f(0x2000_0000)),
    ] {
        same(rsqrt(x), y, &format!("rsqrt({x:e})"));
    }
    for (x, y) in [
        (0.0, 1.0),
        (-0.0, 1.0),
        (f(1), 1.0),
        (1.0, 2.0),
        (-1.0, 0.5),
        (-126.0, f(TINY_BITS)),
        (f(0xc2fc_0001), 0.0),
        (-127.0, 0.0),
        (-1e30, 0.0),
        (-INF, 0.0),
        (127.0, f(0x7f00_0000)),
        (128.0, INF),
        (1e30, INF),
        (INF, INF),
        (f(0xffc0_0001), nan),
        (f(0xb2ff_ffff), 1.0),
    ] {
        same(exp2(x), y, &format!("exp2({x:e})"));
    }
    assert!(exp2(f(0x42ff_ffff)).is_finite());
}

#[test]
fn coefficients_fit_their_widths() {
    for (i, c) in sfu::rom().iter().enumerate() {
        assert!(c.c0 < 1 << sfu::C0_BITS, "entry {i}: {c:?}");
        assert!(c.c1 >= -(1 << (sfu::C1_BITS - 1)) && c.c1 < 1 << (sfu::C1_BITS - 1), "entry {i}: {c:?}");
        assert!(c.c2 < 1 << sfu::C2_BITS, "entry {i}: {c:?}");
        // The slope stays inside its width too: it moves from c1 towards c1 + c2.
        assert!(c.c1 + (c.c2 as i32) < 1 << (sfu::C1_BITS - 1), "entry {i}: {c:?}");
    }
}

/// The coefficients are part of the contract: RTL and golden model use them, whatever machine computed them.
#[test]
fn coefficients_are_the_recorded_ones() {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for c in sfu::rom() {
        for word in [c.c0, c.c1 as u32, c.c2] {
            hash = (hash ^ u64::from(word)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    assert_eq!(hash, HASH, "0x{hash:016x}");
}

/// What lets the hardware do without a clamp: between 1 and 2 for each entry and position that an argument can reach.
#[test]
fn every_mantissa_lies_between_one_and_two() {
    let (recip, rsqrt) = (sfu::RECIP_TABLE << sfu::SEGMENT_BITS, sfu::RSQRT_TABLE << sfu::SEGMENT_BITS);
    for (index, &entry) in sfu::rom().iter().enumerate() {
        let exp2 = index as u32 >> sfu::SEGMENT_BITS == sfu::EXP2_TABLE;
        // There c0 is 2, kept modulo 1.
        let at_one = index as u32 == recip || index as u32 == rsqrt;
        for dx in (0..1 << sfu::DX_BITS).step_by(if exp2 { 1 } else { 2 }) {
            let value = sfu::value(entry, dx) + if at_one { 1 << 26 } else { 0 };
            let range = if at_one && dx == 0 { 1 << 26..(1 << 26) + 8 } else { 0..1 << 26 };
            assert!(range.contains(&value), "entry {index}, dx {dx}: {value}");
        }
    }
}

/// Largest error of a function over a stride of all arguments, in units of the last place.
fn sampled(function: Function, reference: fn(f64) -> f64) -> f64 {
    let mut worst = 0f64;
    for i in 0..1u32 << 20 {
        let bits = i.wrapping_mul(4099);
        let x = ftz(f(bits));
        let exact = reference(f64::from(x));
        let reduced = sfu::reduce(function, x);
        if reduced.class != Class::Normal {
            continue;
        }
        let got = f64::from(sfu::evaluate(function, f(bits)));
        let exponent = (exact.abs().to_bits() >> 52) as i32 - 1023;
        worst = worst.max((got - exact).abs() / 2f64.powi(exponent - 23));
    }
    worst
}

#[test]
fn errors_stay_below_the_documented_bounds() {
    for (name, function, reference, bound) in [
        ("recip", Function::Recip, (|x| 1.0 / x) as fn(f64) -> f64, RECIP_BOUND),
        ("rsqrt", Function::Rsqrt, |x| 1.0 / x.sqrt(), RSQRT_BOUND),
        ("exp2", Function::Exp2, f64::exp2, EXP2_BOUND),
    ] {
        let worst = sampled(function, reference);
        assert!(worst < bound && worst > 0.5, "{name}: {worst} ulp, bound {bound}");
    }
}

/// FNV-1a over c0, c1, c2 of all entries.
const HASH: u64 = 0x5659_18a9_c5b3_5c3a;
const RECIP_BOUND: f64 = 0.878;
const RSQRT_BOUND: f64 = 0.715;
const EXP2_BOUND: f64 = 0.984;
