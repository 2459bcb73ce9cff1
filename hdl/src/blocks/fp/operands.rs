//! Operands that reach the corners of binary32 arithmetic, for whoever compares an implementation with
//! [`sterna_spec::numbers`]: tests here, `sterna-gen fp-check`.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Operands that have a rule of their own, or a neighbour that has.
pub fn corners() -> Vec<u32> {
    let magnitudes = [
        0,
        1,
        0x0040_0000,
        0x007f_ffff,
        0x0080_0000,
        0x0080_0001,
        0x00ff_ffff,
        0x0100_0000,
        0x0b80_0000,
        0x1fff_ffff,
        0x2000_0000,
        0x337f_ffff,
        0x3380_0000,
        0x3380_0001,
        0x3400_0000,
        0x3eff_ffff,
        0x3f00_0000,
        0x3f00_0001,
        0x3f7f_ffff,
        0x3f80_0000,
        0x3f80_0001,
        0x3fc0_0000,
        0x3fff_ffff,
        0x4000_0000,
        0x4020_0000,
        0x4060_0000,
        0x42fb_ffff,
        0x42fc_0000,
        0x42fc_0001,
        0x42fe_0000,
        0x42ff_0000,
        0x42ff_ffff,
        0x4300_0000,
        0x4b00_0000,
        0x46ff_fe00,
        0x46ff_ff00,
        0x4700_0000,
        0x7e7f_ffff,
        0x7e80_0000,
        0x7e80_0001,
        0x7f00_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7f80_0001,
        0x7fbf_ffff,
        0x7fc0_0000,
        0x7fff_ffff,
    ];
    magnitudes.iter().flat_map(|&bits| [bits, bits | 1 << 31]).collect()
}

/// A fraction: any, or with few ones (which makes ties), or nearly all ones.
fn fraction(random: &mut ChaCha8Rng) -> u32 {
    let any: u32 = random.random();
    let bits = match random.random_range(0..4) {
        0 => any,
        1 => 1 << random.random_range(0..23) | 1 << random.random_range(0..23),
        2 => !(1 << random.random_range(0..23)),
        _ => any << random.random_range(0..23),
    };
    bits & 0x7f_ffff
}

/// All pairs of [`corners`], then `n` of [`random_pairs`].
pub fn pairs(n: usize, seed: u64) -> Vec<[u32; 2]> {
    let corners = corners();
    let mut all: Vec<[u32; 2]> = corners.iter().flat_map(|&a| corners.iter().map(move |&b| [a, b])).collect();
    all.extend(random_pairs(n, seed));
    all
}

/// `n` pairs: sums of near and far exponents, cancellation, products and sums at both ends of
/// the range, any bits.
pub fn random_pairs(n: usize, seed: u64) -> Vec<[u32; 2]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::with_capacity(n);
    for i in 0..n {
        let [ea, eb] = match i % 6 {
            0 => [random.random_range(0..256), random.random_range(0..256)],
            1 | 2 => near(&mut random, 0..256, 3),
            3 => near(&mut random, 0..256, 30),
            4 if i % 12 == 4 => near(&mut random, 0..30, 4),
            4 => near(&mut random, 250..256, 3),
            // Products about 2^-126 and 2^128.
            _ => {
                let a = random.random_range(1..255);
                let sum = if random.random() { 127 } else { 381 } + random.random_range(-2..3);
                [a, (sum - a).clamp(0, 255)]
            }
        };
        let fa = fraction(&mut random);
        let fb = if random.random_range(0..3) == 0 {
            fa ^ 1 << random.random_range(0..23)
        } else {
            fraction(&mut random)
        };
        let (sa, sb): (bool, bool) = (random.random(), random.random());
        let join = |s: bool, e: i32, f: u32| u32::from(s) << 31 | (e as u32) << 23 | f;
        all.push([join(sa, ea, fa), join(sb, eb, fb)]);
    }
    all
}

fn near(random: &mut ChaCha8Rng, range: std::ops::Range<i32>, distance: i32) -> [i32; 2] {
    let a = random.random_range(range);
    [a, (a + random.random_range(-distance..=distance)).clamp(0, 255)]
}

/// All [`corners`], then `n` operands with biased exponents in `exponents`.
pub fn singles(n: usize, exponents: std::ops::Range<u32>, seed: u64) -> Vec<u32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut all = corners();
    for _ in 0..n {
        let (exponent, sign): (u32, bool) = (random.random_range(exponents.clone()), random.random());
        all.push(u32::from(sign) << 31 | exponent << 23 | fraction(&mut random));
    }
    all
}
