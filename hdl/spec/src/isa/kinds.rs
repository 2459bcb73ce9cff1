//! Operation codes, sources, destinations and functions: the enumerations of the instruction set.

/// Operation codes, bits 7:0 of word 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// Ends the step (or, as body end, ends it unless some row asks for logits).
    End = 0,
    /// Payload to the shared vector memory.
    Load = 1,
    /// A row of a table in memory to vector memory, for each row.
    Gather = 2,
    /// Ternary matrix times the activation codes of all rows.
    Matmul = 3,
    /// Element-wise work.
    Vector = 4,
    /// Attention of all rows.
    Attn = 5,
}

/// Where operand A of a vector instruction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AKind {
    /// Vector memory of the row.
    Vmem = 0,
    /// Accumulators of the matrix engine, integers.
    Acc = 1,
    /// Sums of the attention unit, integers.
    Att = 2,
    /// Scalars of the row, one element at a time.
    Sreg = 3,
}

/// What operand A is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MKind {
    /// Nothing.
    None = 0,
    /// `imm_m`.
    Imm = 1,
    /// A scalar of the row.
    Sreg = 2,
    /// Shared vector memory.
    Cmem = 3,
}

/// The function applied to the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Func {
    /// Identity.
    None = 0,
    /// Zero unless positive.
    Relu = 1,
    /// 2 to the power of x.
    Exp2 = 2,
    /// 1 / x.
    Recip = 3,
    /// 1 / sqrt(x).
    Rsqrt = 4,
}

/// The second operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ZOp {
    /// Z = F.
    Pass = 0,
    /// Z = F + b.
    Add = 1,
    /// Z = F * b.
    Mul = 2,
    /// Z = max(F, b).
    Max = 3,
    /// Z = F * F.
    Square = 4,
}

/// Where operand b comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BKind {
    /// Vector memory of the row.
    Vmem = 0,
    /// A scalar of the row.
    Sreg = 1,
    /// `imm_b`.
    Imm = 2,
}

/// Where the result of a vector instruction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DstKind {
    /// Nowhere: only the reductions count.
    None = 0,
    /// Vector memory of the row.
    Vmem = 1,
    /// Scalars of the row.
    Sreg = 2,
    /// Activation codes, int8.
    Act = 3,
    /// Query codes, int16.
    Query = 4,
    /// Key (`dst` 0) or value (`dst` 1) codes, int8, to memory.
    Kv = 5,
    /// Key (`dst` 0) or value (`dst` 1) scales to memory.
    KvScale = 6,
    /// The selection of the largest logits.
    Topk = 7,
    /// Logits to memory.
    Logits = 8,
}

impl DstKind {
    /// Results leave the vector unit for memory or the selection.
    pub fn leaves(self) -> bool {
        self as u32 >= DstKind::Kv as u32
    }

    /// They do so row by row.
    pub fn by_row(self) -> bool {
        self as u32 >= DstKind::Topk as u32
    }
}

macro_rules! from_bits {
    ($t:ident, $($v:ident),+) => {
        impl $t {
            /// The value with this encoding, if there is one.
            pub fn from_bits(bits: u32) -> Option<Self> {
                [$($t::$v),+].into_iter().find(|v| *v as u32 == bits)
            }
        }
    };
}
from_bits!(Op, End, Load, Gather, Matmul, Vector, Attn);
from_bits!(AKind, Vmem, Acc, Att, Sreg);
from_bits!(MKind, None, Imm, Sreg, Cmem);
from_bits!(Func, None, Relu, Exp2, Recip, Rsqrt);
from_bits!(ZOp, Pass, Add, Mul, Max, Square);
from_bits!(BKind, Vmem, Sreg, Imm);
from_bits!(DstKind, None, Vmem, Sreg, Act, Query, Kv, KvScale, Topk, Logits);
