//! What can be wrong with encoded tensor data, one sentence each; the caller adds the tensor's name.

use super::Type;

/// Every failure of this module's functions.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A type number that no ggml release defines.
    #[error("type {id} is no ggml type that is known here; convert the model to F16, TQ2_0 or safetensors")]
    UnknownType {
        /// The number.
        id: u32,
    },
    /// A type number that ggml gave up.
    #[error(
        "type {id} ({name}) was withdrawn from ggml; convert the model again to F16, TQ2_0 or safetensors"
    )]
    WithdrawnType {
        /// The number.
        id: u32,
        /// What it once stood for.
        name: &'static str,
    },
    /// Weights that bitnet.cpp arranged for the tables of one CPU.
    #[error(
        "type {id} ({name}) is tiled for the kernels of one CPU and cannot be read elsewhere; get the model as I2_S, TQ2_0 or safetensors"
    )]
    Tiled {
        /// The number.
        id: u32,
        /// Its names.
        name: &'static str,
    },
    /// A known type that a function does not read or write.
    #[error("type {kind} cannot be used here, only {wanted}; convert the tensor to one of these")]
    Kind {
        /// The type.
        kind: Type,
        /// Types that serve.
        wanted: &'static str,
    },
    /// A row that ends inside a block.
    #[error(
        "a row of {elements} elements is no multiple of the {block} of a block of {kind}; use F16 or F32 for it"
    )]
    PartialBlock {
        /// The type.
        kind: Type,
        /// Elements of the row.
        elements: usize,
        /// Elements of a block.
        block: usize,
    },
    /// A tensor whose size cannot be counted.
    #[error(
        "{rows} rows of {elements} elements are more than this computer can address; the shape is damaged, fetch the file again"
    )]
    TooLarge {
        /// Rows.
        rows: usize,
        /// Elements of a row.
        elements: usize,
    },
    /// Data and number of elements disagree.
    #[error("{elements} elements of {kind} take {expected} bytes but {found} were given; pass whole rows")]
    Size {
        /// The type.
        kind: Type,
        /// Number of elements.
        elements: usize,
        /// Their size.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The unused fourth code.
    #[error(
        "byte {byte} ({value:#04x}) holds the code 3 in {kind} data, where codes are 0, 1 and 2; the tensor is damaged, fetch or convert it again"
    )]
    Code {
        /// The type.
        kind: Type,
        /// Position of the byte in the data given.
        byte: usize,
        /// The byte.
        value: u8,
    },
    /// A number that is no ternary code.
    #[error("code {index} is {value} but must be -1, 0 or 1; ternarize the matrix first")]
    NotTernary {
        /// Position of the code.
        index: usize,
        /// The number.
        value: i8,
    },
    /// A scale that is not a positive finite number.
    #[error(
        "the scale of block {block} is {scale}, which is no positive finite number; the tensor is damaged, fetch or convert it again"
    )]
    Scale {
        /// Position of the block; 0 where the tensor has a single scale.
        block: usize,
        /// The number.
        scale: f32,
    },
    /// Blocks of one matrix with different scales.
    #[error(
        "block scales differ ({first} at block {first_block}, {other} at block {block}), so this is no BitNet matrix, which has one scale; convert the model from its own ternary weights"
    )]
    ScalesDiffer {
        /// The first scale.
        first: f32,
        /// Its block.
        first_block: usize,
        /// The scale that differs.
        other: f32,
        /// Its block.
        block: usize,
    },
    /// A scale that f16 would round too coarsely.
    #[error(
        "the scale {scale} is outside 6.104e-5 to 65504, which an f16 holds well; keep this matrix in safetensors"
    )]
    ScaleRange {
        /// The scale.
        scale: f32,
    },
    /// A shape that an I2_S layout cannot have.
    #[error(
        "{rows} rows of {columns} columns do not fit the {layout} layout of I2_S, which needs {needs}; convert the tensor to TQ2_0"
    )]
    Layout {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
        /// The layout.
        layout: super::i2s::Layout,
        /// Its condition.
        needs: &'static str,
    },
    /// I2_S data whose size is no whole number of rows.
    #[error(
        "{bytes} bytes are no whole number of I2_S rows of {columns} columns with 32 bytes of scale; pass the whole tensor"
    )]
    Matrix {
        /// Bytes given.
        bytes: usize,
        /// Columns.
        columns: usize,
    },
    /// A row that the matrix does not have.
    #[error("row {row} was asked for but the matrix has {rows}; use the shape of the tensor")]
    Row {
        /// The row.
        row: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// A vector of gains that does not belong to the matrix.
    #[error(
        "{found} gains were given for a matrix of {columns} columns; pass the gains of the norm in front of it"
    )]
    Gains {
        /// Number of gains.
        found: usize,
        /// Columns of the matrix.
        columns: usize,
    },
}
