//! ggml's tensor encodings as plain functions on byte slices: sizes, values as f32, ternary codes and their scale.
//!
//! ```text
//! kind  block  bytes  read as                      scale of a ternary matrix
//! F32       1      4  decode                       -
//! F16       1      2  decode                       -
//! BF16      1      2  decode                       -
//! Q8_0     32     34  decode                       -
//! Q6_K    256    210  decode                       -
//! TQ1_0   256     54  decode, codes                f16 in every block, all equal
//! TQ2_0   256     66  decode, codes                f16 in every block, all equal
//! I2_S      -    n/4  i2s::row (three layouts)     one f32 behind the codes, in 32 bytes
//! ```
//!
//! Sources: ggml's `ggml-common.h` and `ggml-quants.c`, bitnet.cpp's `ggml-bitnet-mad.cpp`.

pub mod detect;
mod error;
mod float;
pub mod i2s;
mod ternary;
mod types;

pub use error::Error;
pub use types::Type;

/// Shorthand for results of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// Checks that `bytes` hold exactly `elements` elements of `kind` in whole blocks.
fn check_size(kind: Type, bytes: usize, elements: usize) -> Result<()> {
    let expected = kind.bytes(elements, 1)?;
    if bytes == expected { Ok(()) } else { Err(Error::Size { kind, elements, expected, found: bytes }) }
}

/// Decodes whole blocks to f32: F32, F16, BF16, Q8_0, Q6_K, TQ1_0 or TQ2_0. `out` sets the number of elements, which must
/// be whole blocks and fit `bytes` exactly; it may be a row or a whole tensor. Values are not checked for being finite.
pub fn decode(kind: Type, bytes: &[u8], out: &mut [f32]) -> Result<()> {
    let decode_blocks: fn(&[u8], &mut [f32]) -> Result<()> = match kind {
        Type::F32 => float::decode_f32,
        Type::F16 => float::decode_f16,
        Type::BF16 => float::decode_bf16,
        Type::Q8_0 => float::decode_q8_0,
        Type::Q6_K => float::decode_q6_k,
        Type::TQ1_0 => ternary::decode::<ternary::Tq1>,
        Type::TQ2_0 => ternary::decode::<ternary::Tq2>,
        _ => return Err(Error::Kind { kind, wanted: "F32, F16, BF16, Q8_0, Q6_K, TQ1_0 or TQ2_0" }),
    };
    check_size(kind, bytes.len(), out.len())?;
    decode_blocks(bytes, out)
}

/// The codes -1, 0 and +1 of whole blocks of TQ1_0 or TQ2_0, usually of one row. `out` sets the number of elements. An
/// unused code is an error that names its byte in `bytes`. (I2_S is read with [`i2s::row`].)
pub fn codes(kind: Type, bytes: &[u8], out: &mut [i8]) -> Result<()> {
    let codes_of_blocks: fn(&[u8], &mut [i8]) -> Result<()> = match kind {
        Type::TQ1_0 => ternary::codes::<ternary::Tq1>,
        Type::TQ2_0 => ternary::codes::<ternary::Tq2>,
        _ => return Err(Error::Kind { kind, wanted: "TQ1_0 or TQ2_0" }),
    };
    check_size(kind, bytes.len(), out.len())?;
    codes_of_blocks(bytes, out)
}

/// The one scale of a ternary tensor (TQ1_0, TQ2_0 or I2_S; `bytes` are the whole tensor): weight = code * scale, positive
/// and finite. Blocks without a non-zero code may hold any finite scale; the scale of a matrix of zeros is 1.
pub fn scale(kind: Type, bytes: &[u8]) -> Result<f32> {
    match kind {
        Type::TQ1_0 => ternary::scale::<ternary::Tq1>(bytes),
        Type::TQ2_0 => ternary::scale::<ternary::Tq2>(bytes),
        Type::I2_S => i2s::scale(bytes),
        _ => Err(Error::Kind { kind, wanted: "TQ1_0, TQ2_0 or I2_S" }),
    }
}

/// Encodes f32 as F32, F16 or BF16 (round to nearest even). `out` must have exactly the size of `values`.
pub fn encode(kind: Type, values: &[f32], out: &mut [u8]) -> Result<()> {
    let encode_values: fn(&[f32], &mut [u8]) = match kind {
        Type::F32 => float::encode_f32,
        Type::F16 => float::encode_f16,
        Type::BF16 => float::encode_bf16,
        _ => return Err(Error::Kind { kind, wanted: "F32, F16 or BF16" }),
    };
    check_size(kind, out.len(), values.len())?;
    encode_values(values, out);
    Ok(())
}

/// Encodes codes -1, 0 and +1 with one scale as TQ1_0 or TQ2_0. The scale is rounded to f16, whose normal range
/// (6.104e-5 to 65504) it must lie in; `codes` must be whole blocks of 256, and `out` exactly their size.
pub fn encode_codes(kind: Type, codes: &[i8], scale: f32, out: &mut [u8]) -> Result<()> {
    let encode_blocks: fn(&[i8], half::f16, &mut [u8]) -> Result<()> = match kind {
        Type::TQ1_0 => ternary::encode::<ternary::Tq1>,
        Type::TQ2_0 => ternary::encode::<ternary::Tq2>,
        _ => return Err(Error::Kind { kind, wanted: "TQ1_0 or TQ2_0" }),
    };
    check_size(kind, out.len(), codes.len())?;
    let narrow = half::f16::from_f32(scale);
    if !(narrow.is_normal() && scale > 0.0) {
        return Err(Error::ScaleRange { scale });
    }
    encode_blocks(codes, narrow, out)
}
