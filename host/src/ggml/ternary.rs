//! TQ1_0 and TQ2_0: blocks of 256 codes with an f16 scale behind them. Callers have checked the sizes.

use super::{Error, Result, Type};
use half::f16;

/// Elements of a block.
const BLOCK: usize = 256;

/// How one of the two formats packs a block; `codes` and `pack` see the block without its scale.
pub(super) trait Format {
    const KIND: Type;
    /// Bytes of a block with its scale in the last two.
    const BYTES: usize;
    /// Unpacks a block. Something other than 0 is returned if some code is 3.
    fn unpack(packed: &[u8], out: &mut [i8; BLOCK]) -> u8;
    /// Packs codes 0, 1, 2.
    fn pack(codes: &[u8; BLOCK], packed: &mut [u8]);
}

/// Two bits a code: bits `2n..2n+2` of byte `32h + m` hold element `128h + 32n + m`.
pub(super) struct Tq2;

impl Format for Tq2 {
    const KIND: Type = Type::TQ2_0;
    const BYTES: usize = 66;

    fn unpack(packed: &[u8], out: &mut [i8; BLOCK]) -> u8 {
        let mut three = 0;
        for (bytes, out) in packed.as_chunks::<32>().0.iter().zip(out.as_chunks_mut::<128>().0) {
            for (n, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                for (x, b) in out.iter_mut().zip(bytes) {
                    *x = (b >> (2 * n) & 3) as i8 - 1;
                }
            }
            three |= bytes.iter().fold(0, |seen, b| seen | (b & b >> 1 & 0x55));
        }
        three
    }

    fn pack(codes: &[u8; BLOCK], packed: &mut [u8]) {
        for (i, byte) in packed.iter_mut().enumerate() {
            let first = 128 * (i / 32) + i % 32;
            *byte = (0..4).fold(0, |byte, n| byte | codes[first + 32 * n] << (2 * n));
        }
    }
}

/// Five codes a byte in base 3. Bytes 0..32 hold elements `32n + m`, bytes 32..48 elements `160 + 16n + m` (n = 0..4, the
/// first most significant), and bytes 48..52 elements `240 + 4n + m` (n = 0..3, then a zero digit). A byte is
/// `ceil(number * 256 / 243)`, so that the leading digit of `byte * 3^n mod 256`, as a fraction of 256, is digit n.
pub(super) struct Tq1;

/// First byte, bytes, first element and digits of the three runs of a block.
const RUNS: [(usize, usize, usize, usize); 3] = [(0, 32, 0, 5), (32, 16, 160, 5), (48, 4, 240, 4)];

impl Format for Tq1 {
    const KIND: Type = Type::TQ1_0;
    const BYTES: usize = 54;

    fn unpack(packed: &[u8], out: &mut [i8; BLOCK]) -> u8 {
        for (byte, bytes, element, digits) in RUNS {
            let packed = &packed[byte..byte + bytes];
            let out = &mut out[element..element + bytes * digits];
            let mut power = 1u8;
            for out in out.chunks_exact_mut(bytes) {
                for (x, b) in out.iter_mut().zip(packed) {
                    let fraction = b.wrapping_mul(power);
                    *x = (fraction > 85) as i8 + (fraction > 170) as i8 - 1;
                }
                power = power.wrapping_mul(3);
            }
        }
        0
    }

    fn pack(codes: &[u8; BLOCK], packed: &mut [u8]) {
        for (byte, bytes, element, digits) in RUNS {
            for m in 0..bytes {
                let digit = |n| if n < digits { codes[element + bytes * n + m] } else { 0 };
                let number = (0..5).fold(0u16, |number, n| 3 * number + u16::from(digit(n)));
                packed[byte + m] = (number * 256).div_ceil(243) as u8;
            }
        }
    }
}

/// The blocks of `bytes`, each as packed codes and scale.
fn blocks<F: Format>(bytes: &[u8]) -> impl Iterator<Item = (&[u8], f32)> {
    bytes.chunks_exact(F::BYTES).map(|block| {
        let (packed, scale) = block.split_at(F::BYTES - 2);
        (packed, f16::from_le_bytes([scale[0], scale[1]]).to_f32())
    })
}

pub(super) fn codes<F: Format>(bytes: &[u8], out: &mut [i8]) -> Result<()> {
    for (i, ((packed, _), out)) in blocks::<F>(bytes).zip(out.as_chunks_mut().0).enumerate() {
        if F::unpack(packed, out) != 0 {
            return Err(code_three(F::KIND, packed, i * F::BYTES));
        }
    }
    Ok(())
}

/// The error for packed codes, the first byte of which is byte `at` of the data, that hold a 3 in some pair of bits.
pub(super) fn code_three(kind: Type, packed: &[u8], at: usize) -> Error {
    let index = packed.iter().position(|b| b & b >> 1 & 0x55 != 0).unwrap_or(0);
    Error::Code { kind, byte: at + index, value: packed[index] }
}

pub(super) fn decode<F: Format>(bytes: &[u8], out: &mut [f32]) -> Result<()> {
    let mut codes = [0; BLOCK];
    for (i, ((packed, scale), out)) in blocks::<F>(bytes).zip(out.as_chunks_mut::<BLOCK>().0).enumerate() {
        if F::unpack(packed, &mut codes) != 0 {
            return Err(code_three(F::KIND, packed, i * F::BYTES));
        }
        for (x, &code) in out.iter_mut().zip(&codes) {
            *x = scale * f32::from(code);
        }
    }
    Ok(())
}

/// See [`super::scale`].
pub(super) fn scale<F: Format>(bytes: &[u8]) -> Result<f32> {
    super::check_size(F::KIND, bytes.len(), bytes.len() / F::BYTES * BLOCK)?;
    let mut first: Option<(usize, f32)> = None;
    let mut codes = [0; BLOCK];
    for (block, (packed, scale)) in blocks::<F>(bytes).enumerate() {
        let settled = first.is_some_and(|(_, first)| first == scale);
        if settled {
            continue;
        }
        // a block of zeros says nothing about the scale: quantizers store 0 there
        F::unpack(packed, &mut codes);
        if scale.is_finite() && codes.iter().all(|&code| code == 0) {
            continue;
        }
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::Scale { block, scale });
        }
        match first {
            None => first = Some((block, scale)),
            Some((first_block, first)) => {
                return Err(Error::ScalesDiffer { first, first_block, other: scale, block });
            }
        }
    }
    Ok(first.map_or(1.0, |(_, scale)| scale))
}

pub(super) fn encode<F: Format>(codes: &[i8], scale: f16, out: &mut [u8]) -> Result<()> {
    check_ternary(codes)?;
    for (codes, out) in codes.as_chunks::<BLOCK>().0.iter().zip(out.chunks_exact_mut(F::BYTES)) {
        let (packed, tail) = out.split_at_mut(F::BYTES - 2);
        F::pack(&codes.map(|code| (code + 1) as u8), packed);
        tail.copy_from_slice(&scale.to_le_bytes());
    }
    Ok(())
}

pub(super) fn check_ternary(codes: &[i8]) -> Result<()> {
    match codes.iter().position(|code| !(-1..=1).contains(code)) {
        None => Ok(()),
        Some(index) => Err(Error::NotTernary { index, value: codes[index] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_tq1_gives_the_digits_of_the_format() {
        for byte in 0..=255u8 {
            let mut out = [0; BLOCK];
            Tq1::unpack(&[byte; 52], &mut out);
            for n in 0..5 {
                let q = byte.wrapping_mul([1, 3, 9, 27, 81][n]);
                let expected = ((u16::from(q) * 3) >> 8) as i8 - 1;
                assert_eq!([out[32 * n], out[160 + 16 * n]], [expected; 2], "byte {byte}, digit {n}");
            }
        }
    }
}
