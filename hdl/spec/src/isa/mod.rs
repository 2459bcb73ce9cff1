//! The instructions of a step stream: their fields, their 32-byte encoding, and a disassembler.
//!
//! `docs/architecture.md` says what each does; [`crate::golden`] does it.

mod beside;
mod disassemble;
mod during;
mod encode;
mod fields;
mod kinds;
#[cfg(test)]
mod tests;

pub use beside::{Beside, VECTORS_AT_WORK};
pub use during::During;
pub use fields::{Field, field};
pub use kinds::{AKind, BKind, DstKind, Func, MKind, Op, ZOp};

/// Bytes of an instruction and of a pass descriptor.
pub const INSTRUCTION_BYTES: usize = 32;
/// Fewest blocks of a matrix: the accumulator's read-modify-write loop is shorter than this many cycles.
pub const MIN_BLOCKS: usize = 8;
/// Most ternary planes of a matrix.
pub const MAX_PLANES: usize = 5;
/// Smallest positive divisor that the program puts under a reciprocal: 2^-100.
pub const TINY: f32 = 7.888_609e-31;

/// A vector instruction. See `docs/architecture.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // the fields are those of `field`
pub struct Vector {
    pub head: bool,
    pub n: u16,
    pub rep: u8,
    pub a_kind: AKind,
    pub a: u16,
    pub rotate: bool,
    pub m_kind: MKind,
    pub m: u16,
    pub m_inc: bool,
    pub m_stride: u8,
    pub imm_m: f32,
    pub func: Func,
    pub zop: ZOp,
    pub b_kind: BKind,
    pub b: u16,
    pub b_inc: bool,
    /// Bits of the immediate b (binary32) or the limit of ids.
    pub imm_b: u32,
    pub dst_kind: DstKind,
    pub dst: u16,
    /// Scalar for the maximum magnitude, if it is wanted.
    pub reduce_max: Option<u8>,
    /// Scalar for the sum of squares of A, if it is wanted.
    pub reduce_sum: Option<u8>,
    /// Its reductions go on in the next VECTOR that has them.
    pub part: bool,
    /// Query heads, in the order of the passes, that an ATTN at work must be done with before it begins; 0: it does not wait.
    pub after: u8,
    pub addr: u32,
}

impl Default for Vector {
    /// One word of vector memory at 0 to nowhere.
    fn default() -> Self {
        Vector {
            head: false,
            n: 1,
            rep: 1,
            a_kind: AKind::Vmem,
            a: 0,
            rotate: false,
            m_kind: MKind::None,
            m: 0,
            m_inc: false,
            m_stride: 0,
            imm_m: 0.0,
            func: Func::None,
            zop: ZOp::Pass,
            b_kind: BKind::Imm,
            b: 0,
            b_inc: false,
            imm_b: 0,
            dst_kind: DstKind::None,
            dst: 0,
            reduce_max: None,
            reduce_sum: None,
            part: false,
            after: 0,
            addr: 0,
        }
    }
}

/// One instruction of a step stream, without its payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Instruction {
    /// End of the step; with `body`, only if no row asks for logits.
    End {
        /// The head follows.
        body: bool,
    },
    /// `words` words of V binary32 follow; they go to shared memory from word `dst` on.
    Load {
        /// Words of V elements.
        words: u16,
        /// First word in shared memory.
        dst: u16,
        /// It does not wait for the VECTORs before it: see [`Beside`].
        beside: bool,
    },
    /// For each row: `words` words from beat `addr + index * stride`.
    Gather {
        /// Words of V elements.
        words: u16,
        /// Index by position (else by token).
        by_position: bool,
        /// To shared memory (else vector memory).
        shared: bool,
        /// First word.
        dst: u16,
        /// Words between the rows' parts in shared memory.
        row_stride: u8,
        /// First beat of the table.
        addr: u32,
        /// Beats from one table row to the next.
        stride: u32,
    },
    /// `planes * chunks * blocks` beats of trits follow.
    Matmul {
        /// Blocks of R outputs, at least [`MIN_BLOCKS`].
        blocks: u16,
        /// Chunks of T*G inputs.
        chunks: u16,
        /// Ternary planes, most significant first.
        planes: u8,
        /// First accumulator word (of V) that it writes.
        dst: u16,
        /// It does not wait for the VECTORs before it: see [`Beside`].
        beside: bool,
    },
    /// Element-wise work.
    Vector(Vector),
    /// `passes` pass descriptors follow.
    Attn {
        /// Pass descriptors.
        passes: u16,
        /// Segments of U bytes of a head.
        segments: u16,
        /// Tokens that a row attends to, its own the last of them; 0: all up to its own.
        window: u16,
        /// Scalars of the query scales, by query head.
        scale: u8,
        /// Scalars that receive the largest weights, by query head.
        smax: u8,
        /// Scalars that receive the sums, by query head.
        ssum: u8,
        /// The layer's offset in beats from the row's KV base.
        addr: u32,
        /// The VECTORs behind it do not wait for it: see [`During`].
        beside: bool,
        /// With `beside`: the first word of query codes that comes behind it, 0 if all are there.
        queries: u16,
    },
}

/// One pass of the attention unit: the query heads that share a KV head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// KV head.
    pub kv_head: u32,
    /// Query heads, 1 to 8 of them.
    pub heads: Vec<u8>,
}
