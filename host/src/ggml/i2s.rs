//! I2_S, the format of bitnet.cpp: two bits a code over the whole tensor, then one f32 scale in a tail of 32 bytes.
//!
//! The order of the codes depends on the machine that wrote the file, and no field of the file tells it:
//!
//! ```text
//! x86        block of 128 elements, 32 bytes: byte p holds elements p, 32+p, 64+p, 96+p in bits 7:6, 5:4, 3:2, 1:0
//! ARM        block of  64 elements, 16 bytes: byte p holds elements p, 16+p, 32+p, 48+p
//! four rows  group of four rows: byte c holds column c of rows 0, 1, 2, 3 of the group (x86 without ACT_PARALLEL)
//! ```
//!
//! Blocks run over the whole tensor in row-major order, so a row may start inside one. Published files are x86.

use super::ternary::{check_ternary, code_three};
use super::types::I2S_TAIL;
use super::{Error, Result, Type};
use std::fmt;

/// Order of the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Blocks of 128; every published file.
    X86,
    /// Blocks of 64; files quantized on an ARM machine.
    Arm,
    /// Four rows side by side; files quantized by some x86 builds.
    FourRows,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Layout; 3] = [Layout::X86, Layout::Arm, Layout::FourRows];

    /// Checks that a matrix of this shape can have the layout.
    pub fn check(self, rows: usize, columns: usize) -> Result<()> {
        let elements = rows.checked_mul(columns).ok_or(Error::TooLarge { rows, elements: columns })?;
        let (fits, needs) = match self {
            Layout::X86 => (elements.is_multiple_of(128), "a multiple of 128 elements"),
            Layout::Arm => (elements.is_multiple_of(64), "a multiple of 64 elements"),
            Layout::FourRows => (rows.is_multiple_of(4), "a multiple of 4 rows"),
        };
        if fits { Ok(()) } else { Err(Error::Layout { rows, columns, layout: self, needs }) }
    }

    /// Position of an element of a matrix: byte and the number of bits to shift right. The definition of the layouts.
    fn place(self, columns: usize, row: usize, column: usize) -> (usize, usize) {
        let interleaved = |stride: usize| {
            let (block, e) =
                ((row * columns + column) / (4 * stride), (row * columns + column) % (4 * stride));
            (block * stride + e % stride, 6 - 2 * (e / stride))
        };
        match self {
            Layout::X86 => interleaved(32),
            Layout::Arm => interleaved(16),
            Layout::FourRows => (row / 4 * columns + column, 6 - 2 * (row % 4)),
        }
    }
}

impl std::str::FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "x86" => Ok(Layout::X86),
            "arm" => Ok(Layout::Arm),
            "four-rows" => Ok(Layout::FourRows),
            other => Err(format!("`{other}` is no I2_S order; choose x86, arm or four-rows")),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::X86 => "x86",
            Layout::Arm => "ARM",
            Layout::FourRows => "four-row",
        })
    }
}

/// The codes of a whole tensor and its number of rows.
pub(super) fn split(bytes: &[u8], columns: usize) -> Result<(&[u8], usize)> {
    let damaged = Error::Matrix { bytes: bytes.len(), columns };
    let Some(packed) = bytes.len().checked_sub(I2S_TAIL) else { return Err(damaged) };
    let elements = packed * 4;
    if columns == 0 || !elements.is_multiple_of(columns) {
        return Err(damaged);
    }
    Ok((&bytes[..packed], elements / columns))
}

/// The scale of a whole tensor, positive and finite: weight = code * scale.
pub fn scale(bytes: &[u8]) -> Result<f32> {
    let tail = bytes.len().checked_sub(I2S_TAIL).and_then(|at| bytes[at..].first_chunk());
    let cut = Error::Size { kind: Type::I2_S, elements: 0, expected: I2S_TAIL, found: bytes.len() };
    let scale = f32::from_le_bytes(*tail.ok_or(cut)?);
    if scale.is_finite() && scale > 0.0 { Ok(scale) } else { Err(Error::Scale { block: 0, scale }) }
}

/// The codes -1, 0 and +1 of one row. `bytes` are the whole tensor with its tail; `out` has one element for each column.
pub fn row(layout: Layout, bytes: &[u8], row: usize, out: &mut [i8]) -> Result<()> {
    let columns = out.len();
    let (packed, rows) = split(bytes, columns)?;
    layout.check(rows, columns)?;
    if row >= rows {
        return Err(Error::Row { row, rows });
    }
    match layout {
        Layout::X86 => interleaved::<32, 128>(packed, row * columns, out),
        Layout::Arm => interleaved::<16, 64>(packed, row * columns, out),
        Layout::FourRows => {
            let from = row / 4 * columns;
            let group = &packed[from..from + columns];
            let shift = 6 - 2 * (row % 4);
            for (x, b) in out.iter_mut().zip(group) {
                *x = (b >> shift & 3) as i8 - 1;
            }
            if out.contains(&2) { Err(code_three(Type::I2_S, group, from)) } else { Ok(()) }
        }
    }
}

/// Elements `first..first + out.len()` of a tensor in blocks of BLOCK elements and BYTES bytes.
fn interleaved<const BYTES: usize, const BLOCK: usize>(
    packed: &[u8],
    first: usize,
    out: &mut [i8],
) -> Result<()> {
    let blocks = packed.as_chunks::<BYTES>().0;
    let failed = |block: usize| code_three(Type::I2_S, &blocks[block], block * BYTES);
    let (mut block, skip) = (first / BLOCK, first % BLOCK);
    // a row that starts inside a block takes the rest of that block first
    let mut buffer = [0; BLOCK];
    let (head, out) = out.split_at_mut(if skip == 0 { 0 } else { out.len().min(BLOCK - skip) });
    if skip != 0 {
        if unpack(&blocks[block], &mut buffer) != 0 {
            return Err(failed(block));
        }
        head.copy_from_slice(&buffer[skip..skip + head.len()]);
        block += 1;
    }
    let (whole, tail) = out.as_chunks_mut::<BLOCK>();
    for out in whole {
        if unpack(&blocks[block], out) != 0 {
            return Err(failed(block));
        }
        block += 1;
    }
    if !tail.is_empty() {
        if unpack(&blocks[block], &mut buffer) != 0 {
            return Err(failed(block));
        }
        tail.copy_from_slice(&buffer[..tail.len()]);
    }
    Ok(())
}

/// Unpacks one block. Something other than 0 is returned if some code is 3.
fn unpack<const BYTES: usize, const BLOCK: usize>(bytes: &[u8; BYTES], out: &mut [i8; BLOCK]) -> u8 {
    for (n, out) in out.as_chunks_mut::<BYTES>().0.iter_mut().enumerate() {
        for (x, b) in out.iter_mut().zip(bytes) {
            *x = (b >> (6 - 2 * n) & 3) as i8 - 1;
        }
    }
    bytes.iter().fold(0, |seen, b| seen | (b & b >> 1 & 0x55))
}

/// A whole tensor, with its tail, of the codes -1, 0 and +1 `[rows, columns]` in row-major order.
pub fn encode(layout: Layout, codes: &[i8], columns: usize, scale: f32) -> Result<Vec<u8>> {
    check_ternary(codes)?;
    let rows = codes.len() / columns.max(1);
    let mut bytes = vec![0; Type::I2_S.bytes(columns, rows)?];
    super::check_size(Type::I2_S, bytes.len(), codes.len())?;
    layout.check(rows, columns)?;
    for (i, &code) in codes.iter().enumerate() {
        let (byte, shift) = layout.place(columns, i / columns, i % columns);
        bytes[byte] |= ((code + 1) as u8) << shift;
    }
    let at = bytes.len() - I2S_TAIL;
    bytes[at..at + 4].copy_from_slice(&scale.to_le_bytes());
    Ok(bytes)
}
