//! Encodings that stand for numbers: F32, F16, BF16 and the blocks Q8_0 and Q6_K. Callers have checked the sizes.

use super::Result;
use half::{bf16, f16};

pub(super) fn decode_f32(bytes: &[u8], out: &mut [f32]) -> Result<()> {
    for (x, b) in out.iter_mut().zip(bytes.as_chunks().0) {
        *x = f32::from_le_bytes(*b);
    }
    Ok(())
}

pub(super) fn decode_f16(bytes: &[u8], out: &mut [f32]) -> Result<()> {
    for (x, b) in out.iter_mut().zip(bytes.as_chunks().0) {
        *x = f16::from_le_bytes(*b).to_f32();
    }
    Ok(())
}

pub(super) fn decode_bf16(bytes: &[u8], out: &mut [f32]) -> Result<()> {
    for (x, b) in out.iter_mut().zip(bytes.as_chunks().0) {
        *x = bf16::from_le_bytes(*b).to_f32();
    }
    Ok(())
}

/// 32 elements: f16 d, then 32 int8; value = d * q.
pub(super) fn decode_q8_0(bytes: &[u8], out: &mut [f32]) -> Result<()> {
    for (block, out) in bytes.as_chunks::<34>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        let d = f16::from_le_bytes([block[0], block[1]]).to_f32();
        for (x, &q) in out.iter_mut().zip(&block[2..]) {
            *x = d * f32::from(q as i8);
        }
    }
    Ok(())
}

/// 256 elements in two halves of 128: `ql` (128 bytes, low 4 bits), `qh` (64, high 2 bits), 16 int8 scales of 16 elements
/// each, f16 d; value = d * scale * (q - 32). In a half, quarter n of 32 has its low bits in `ql[32 (n % 2)..]`, in the
/// upper nibble for n >= 2, and its high bits in bits 2n of `qh`.
pub(super) fn decode_q6_k(bytes: &[u8], out: &mut [f32]) -> Result<()> {
    for (block, out) in bytes.as_chunks::<210>().0.iter().zip(out.as_chunks_mut::<256>().0) {
        let (ql, rest) = block.split_at(128);
        let (qh, rest) = rest.split_at(64);
        let (scales, d) = rest.split_at(16);
        let d = f16::from_le_bytes([d[0], d[1]]).to_f32();
        for (i, x) in out.iter_mut().enumerate() {
            let (half, quarter, m) = (i / 128, i % 128 / 32, i % 32);
            let low = ql[64 * half + 32 * (quarter % 2) + m] >> (4 * (quarter / 2)) & 15;
            let high = qh[32 * half + m] >> (2 * quarter) & 3;
            let q = (low | high << 4) as i8 - 32;
            *x = d * f32::from(scales[i / 16] as i8) * f32::from(q);
        }
    }
    Ok(())
}

pub(super) fn encode_f32(values: &[f32], out: &mut [u8]) {
    for (b, x) in out.as_chunks_mut().0.iter_mut().zip(values) {
        *b = x.to_le_bytes();
    }
}

pub(super) fn encode_f16(values: &[f32], out: &mut [u8]) {
    for (b, x) in out.as_chunks_mut().0.iter_mut().zip(values) {
        *b = f16::from_f32(*x).to_le_bytes();
    }
}

pub(super) fn encode_bf16(values: &[f32], out: &mut [u8]) {
    for (b, x) in out.as_chunks_mut().0.iter_mut().zip(values) {
        *b = bf16::from_f32(*x).to_le_bytes();
    }
}
