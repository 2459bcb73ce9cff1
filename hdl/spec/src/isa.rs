//! The instructions of a step stream: their fields, their 32-byte encoding, and a disassembler.
//!
//! `docs/architecture.md` says what each does; [`crate::golden`] does it.

use std::fmt;

/// Bytes of an instruction and of a pass descriptor.
pub const INSTRUCTION_BYTES: usize = 32;
/// Fewest blocks of a matrix: the accumulator's read-modify-write loop is shorter than this many cycles.
pub const MIN_BLOCKS: usize = 8;
/// Most ternary planes of a matrix.
pub const MAX_PLANES: usize = 5;
/// Smallest positive divisor that the program puts under a reciprocal: 2^-100.
pub const TINY: f32 = 7.888_609e-31;

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

/// A field of an instruction: word, lowest bit, width in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Word of the instruction, 0..8.
    pub word: usize,
    /// Lowest bit in the word.
    pub lo: u32,
    /// Width in bits.
    pub width: u32,
}

impl Field {
    const fn new(word: usize, lo: u32, width: u32) -> Self {
        Field { word, lo, width }
    }

    /// Lowest bit counted over the whole instruction.
    pub const fn bit(self) -> u32 {
        self.word as u32 * 32 + self.lo
    }

    fn mask(self) -> u32 {
        if self.width == 32 { u32::MAX } else { (1 << self.width) - 1 }
    }

    /// Reads the field from an instruction's words.
    pub fn get(self, words: &[u32; 8]) -> u32 {
        (words[self.word] >> self.lo) & self.mask()
    }

    fn put(self, words: &mut [u32; 8], value: u32) {
        debug_assert!(value <= self.mask(), "{self:?} cannot hold {value}");
        words[self.word] |= (value & self.mask()) << self.lo;
    }
}

/// The fields' places: the one definition for encoder, decoder and hardware.
pub mod field {
    use super::Field;
    /// Operation code.
    pub const OP: Field = Field::new(0, 0, 8);
    /// Only rows that ask for logits.
    pub const HEAD: Field = Field::new(0, 8, 1);
    /// Words, elements, blocks or passes.
    pub const N: Field = Field::new(0, 16, 16);
    /// Address of A; chunks; segments; index kind.
    pub const A: Field = Field::new(1, 0, 16);
    /// Address of b; planes; window.
    pub const B: Field = Field::new(1, 16, 16);
    /// Address of m.
    pub const M: Field = Field::new(2, 0, 16);
    /// Address of the result.
    pub const DST: Field = Field::new(2, 16, 16);
    /// Repetitions (heads).
    pub const REP: Field = Field::new(3, 0, 8);
    /// Scalar of the maximum.
    pub const SMAX: Field = Field::new(3, 8, 8);
    /// Scalar of the sum.
    pub const SSUM: Field = Field::new(3, 16, 8);
    /// Words between the rows' parts in shared memory.
    pub const M_STRIDE: Field = Field::new(3, 24, 8);
    /// Immediate factor; stride of a gather in beats.
    pub const IMM_M: Field = Field::new(4, 0, 32);
    /// Source of A.
    pub const A_KIND: Field = Field::new(5, 0, 3);
    /// Read A with its halves exchanged.
    pub const ROTATE: Field = Field::new(5, 3, 1);
    /// Source of m.
    pub const M_KIND: Field = Field::new(5, 4, 3);
    /// Advance m's scalar.
    pub const M_INC: Field = Field::new(5, 7, 1);
    /// Function.
    pub const FN: Field = Field::new(5, 8, 3);
    /// Second operation.
    pub const ZOP: Field = Field::new(5, 12, 3);
    /// Source of b.
    pub const B_KIND: Field = Field::new(5, 16, 2);
    /// Advance b's scalar.
    pub const B_INC: Field = Field::new(5, 18, 1);
    /// Destination.
    pub const DST_KIND: Field = Field::new(5, 20, 4);
    /// Reduce to the maximum magnitude.
    pub const REDUCE_MAX: Field = Field::new(5, 24, 1);
    /// Reduce to the sum of squares of A.
    pub const REDUCE_SUM: Field = Field::new(5, 25, 1);
    /// Immediate b; limit of ids.
    pub const IMM_B: Field = Field::new(6, 0, 32);
    /// Memory address in beats; first id.
    pub const ADDR: Field = Field::new(7, 0, 32);
}

/// A vector instruction. See `docs/architecture.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // the fields are those of the table above
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

impl Pass {
    /// The descriptor's 32 bytes.
    pub fn encode(&self) -> [u8; INSTRUCTION_BYTES] {
        let mut words = [0u32; 8];
        words[0] = self.kv_head;
        words[1] = self.heads.len() as u32;
        for (i, &h) in self.heads.iter().enumerate().take(8) {
            words[2 + i / 4] |= u32::from(h) << (8 * (i % 4));
        }
        to_bytes(&words)
    }

    /// Reads a descriptor; at most 8 heads.
    pub fn decode(bytes: &[u8; INSTRUCTION_BYTES]) -> Pass {
        let words = to_words(bytes);
        let count = (words[1] as usize).min(8);
        let heads = (0..count).map(|i| (words[2 + i / 4] >> (8 * (i % 4))) as u8).collect();
        Pass { kv_head: words[0], heads }
    }
}

fn to_bytes(words: &[u32; 8]) -> [u8; INSTRUCTION_BYTES] {
    let mut bytes = [0; INSTRUCTION_BYTES];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn to_words(bytes: &[u8; INSTRUCTION_BYTES]) -> [u32; 8] {
    std::array::from_fn(|i| u32::from_le_bytes([0, 1, 2, 3].map(|j| bytes[4 * i + j])))
}

impl Instruction {
    /// The instruction's 32 bytes.
    pub fn encode(&self) -> [u8; INSTRUCTION_BYTES] {
        use field::*;
        let mut w = [0u32; 8];
        let mut put = |f: Field, v: u32| f.put(&mut w, v);
        match *self {
            Instruction::End { body } => {
                put(OP, Op::End as u32);
                put(ADDR, body.into());
            }
            Instruction::Load { words, dst } => {
                put(OP, Op::Load as u32);
                put(N, words.into());
                put(DST, dst.into());
            }
            Instruction::Gather { words, by_position, shared, dst, row_stride, addr, stride } => {
                put(OP, Op::Gather as u32);
                put(N, words.into());
                put(A, by_position.into());
                put(DST_KIND, if shared { 2 } else { 1 });
                put(DST, dst.into());
                put(M_STRIDE, row_stride.into());
                put(IMM_M, stride);
                put(ADDR, addr);
            }
            Instruction::Matmul { blocks, chunks, planes } => {
                put(OP, Op::Matmul as u32);
                put(N, blocks.into());
                put(A, chunks.into());
                put(B, planes.into());
            }
            Instruction::Attn { passes, segments, window, scale, smax, ssum, addr } => {
                put(OP, Op::Attn as u32);
                put(N, passes.into());
                put(A, segments.into());
                put(B, window.into());
                put(M, scale.into());
                put(SMAX, smax.into());
                put(SSUM, ssum.into());
                put(ADDR, addr);
            }
            Instruction::Vector(v) => v.put(&mut put),
        }
        to_bytes(&w)
    }

    /// Reads an instruction.
    ///
    /// # Errors
    /// The word 0 of an instruction with an unknown operation or field value.
    pub fn decode(bytes: &[u8; INSTRUCTION_BYTES]) -> Result<Instruction, u32> {
        use field::*;
        let w = to_words(bytes);
        let get = |f: Field| f.get(&w);
        let op = Op::from_bits(get(OP)).ok_or(w[0])?;
        Ok(match op {
            Op::End => Instruction::End { body: get(ADDR) != 0 },
            Op::Load => Instruction::Load { words: get(N) as u16, dst: get(DST) as u16 },
            Op::Gather => Instruction::Gather {
                words: get(N) as u16,
                by_position: get(A) != 0,
                shared: get(DST_KIND) == 2,
                dst: get(DST) as u16,
                row_stride: get(M_STRIDE) as u8,
                addr: get(ADDR),
                stride: get(IMM_M),
            },
            Op::Matmul => {
                Instruction::Matmul { blocks: get(N) as u16, chunks: get(A) as u16, planes: get(B) as u8 }
            }
            Op::Attn => Instruction::Attn {
                passes: get(N) as u16,
                segments: get(A) as u16,
                window: get(B) as u16,
                scale: get(M) as u8,
                smax: get(SMAX) as u8,
                ssum: get(SSUM) as u8,
                addr: get(ADDR),
            },
            Op::Vector => Instruction::Vector(Vector::take(&get).ok_or(w[0])?),
        })
    }
}

impl Vector {
    fn put(&self, put: &mut impl FnMut(Field, u32)) {
        use field::*;
        put(OP, Op::Vector as u32);
        put(HEAD, self.head.into());
        put(N, self.n.into());
        put(A, self.a.into());
        put(B, self.b.into());
        put(M, self.m.into());
        put(DST, self.dst.into());
        put(REP, self.rep.into());
        put(SMAX, self.reduce_max.unwrap_or(0).into());
        put(SSUM, self.reduce_sum.unwrap_or(0).into());
        put(M_STRIDE, self.m_stride.into());
        put(IMM_M, self.imm_m.to_bits());
        put(A_KIND, self.a_kind as u32);
        put(ROTATE, self.rotate.into());
        put(M_KIND, self.m_kind as u32);
        put(M_INC, self.m_inc.into());
        put(FN, self.func as u32);
        put(ZOP, self.zop as u32);
        put(B_KIND, self.b_kind as u32);
        put(B_INC, self.b_inc.into());
        put(DST_KIND, self.dst_kind as u32);
        put(REDUCE_MAX, self.reduce_max.is_some().into());
        put(REDUCE_SUM, self.reduce_sum.is_some().into());
        put(IMM_B, self.imm_b);
        put(ADDR, self.addr);
    }

    fn take(get: &impl Fn(Field) -> u32) -> Option<Vector> {
        use field::*;
        Some(Vector {
            head: get(HEAD) != 0,
            n: get(N) as u16,
            rep: get(REP) as u8,
            a_kind: AKind::from_bits(get(A_KIND))?,
            a: get(A) as u16,
            rotate: get(ROTATE) != 0,
            m_kind: MKind::from_bits(get(M_KIND))?,
            m: get(M) as u16,
            m_inc: get(M_INC) != 0,
            m_stride: get(M_STRIDE) as u8,
            imm_m: f32::from_bits(get(IMM_M)),
            func: Func::from_bits(get(FN))?,
            zop: ZOp::from_bits(get(ZOP))?,
            b_kind: BKind::from_bits(get(B_KIND))?,
            b: get(B) as u16,
            b_inc: get(B_INC) != 0,
            imm_b: get(IMM_B),
            dst_kind: DstKind::from_bits(get(DST_KIND))?,
            dst: get(DST) as u16,
            reduce_max: (get(REDUCE_MAX) != 0).then_some(get(SMAX) as u8),
            reduce_sum: (get(REDUCE_SUM) != 0).then_some(get(SSUM) as u8),
            addr: get(ADDR),
        })
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instruction::End { body } => write!(f, "end{}", if *body { " body" } else { "" }),
            Instruction::Load { words, dst } => write!(f, "load c[{dst}..{}]", dst + words),
            Instruction::Gather { words, by_position, shared, dst, row_stride, addr, stride } => {
                let index = if *by_position { "position" } else { "token" };
                let to = if *shared { format!("c[{dst} + row*{row_stride}]") } else { format!("v[{dst}]") };
                write!(f, "gather {to} x{words} <- beat {addr} + {index}*{stride}")
            }
            Instruction::Matmul { blocks, chunks, planes } => {
                write!(f, "matmul blocks={blocks} chunks={chunks} planes={planes}")
            }
            Instruction::Attn { passes, segments, window, scale, smax, ssum, addr } => {
                write!(f, "attn passes={passes} segments={segments}")?;
                if *window > 0 {
                    write!(f, " window={window}")?;
                }
                write!(f, " s[{scale}] -> s[{smax}], s[{ssum}] kv+{addr}")
            }
            Instruction::Vector(v) => v.fmt(f),
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plus = |inc: bool| if inc { "+" } else { "" };
        let a = ["v", "acc", "att", "s"][self.a_kind as usize];
        let mut z = format!("{a}[{}]{}", self.a, if self.rotate { " rotated" } else { "" });
        match self.m_kind {
            MKind::None => {}
            MKind::Imm => z += &format!(" * {:e}", self.imm_m),
            MKind::Sreg => z += &format!(" * s[{}{}]", self.m, plus(self.m_inc)),
            MKind::Cmem => z += &format!(" * c[{} + row*{}]", self.m, self.m_stride),
        }
        if self.func != Func::None {
            z = format!("{}({z})", format!("{:?}", self.func).to_lowercase());
        }
        let b = match self.b_kind {
            BKind::Vmem => format!("v[{}]", self.b),
            BKind::Sreg => format!("s[{}{}]", self.b, plus(self.b_inc)),
            BKind::Imm => format!("{:e}", f32::from_bits(self.imm_b)),
        };
        z = match self.zop {
            ZOp::Pass => z,
            ZOp::Add => format!("{z} + {b}"),
            ZOp::Mul => format!("({z}) * {b}"),
            ZOp::Max => format!("max({z}, {b})"),
            ZOp::Square => format!("({z})^2"),
        };
        let dst = match self.dst_kind {
            DstKind::None => "-".to_string(),
            DstKind::Vmem => format!("v[{}]", self.dst),
            DstKind::Sreg => format!("s[{}]", self.dst),
            DstKind::Act => format!("act[{}]", self.dst),
            DstKind::Query => format!("query[{}]", self.dst),
            DstKind::Kv => format!("{}+{}", if self.dst == 0 { "key" } else { "value" }, self.addr),
            DstKind::KvScale => {
                format!("{} scale+{}", if self.dst == 0 { "key" } else { "value" }, self.addr)
            }
            DstKind::Topk => format!("topk from {} below {}", self.addr, self.imm_b),
            DstKind::Logits => format!("logits from {}", self.addr),
        };
        write!(f, "vector{} {dst} x{}x{} <- {z}", if self.head { " head" } else { "" }, self.rep, self.n)?;
        if let Some(s) = self.reduce_max {
            write!(f, "; s[{s}] = max|z|")?;
        }
        if let Some(s) = self.reduce_sum {
            write!(f, "; s[{s}] = sum a*a")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_survives_encoding() {
        let vector = Vector {
            head: true,
            n: 513,
            rep: 12,
            a_kind: AKind::Acc,
            a: 65535,
            rotate: true,
            m_kind: MKind::Cmem,
            m: 77,
            m_stride: 255,
            imm_m: 1.5,
            func: Func::Rsqrt,
            zop: ZOp::Square,
            b_kind: BKind::Sreg,
            b: 300,
            b_inc: true,
            imm_b: 0xdead_beef,
            dst_kind: DstKind::Logits,
            dst: 1,
            reduce_max: Some(9),
            reduce_sum: Some(255),
            addr: u32::MAX,
            m_inc: true,
        };
        let all = [
            Instruction::End { body: true },
            Instruction::Load { words: 3, dst: 9 },
            Instruction::Gather {
                words: 8,
                by_position: true,
                shared: true,
                dst: 4,
                row_stride: 8,
                addr: 1 << 31,
                stride: 16,
            },
            Instruction::Matmul { blocks: 384, chunks: 7, planes: 4 },
            Instruction::Vector(vector),
            Instruction::Vector(Vector::default()),
            Instruction::Attn { passes: 2, segments: 4, window: 65535, scale: 1, smax: 2, ssum: 3, addr: 5 },
        ];
        for i in all {
            assert_eq!(Instruction::decode(&i.encode()), Ok(i));
        }
        let pass = Pass { kv_head: 3, heads: vec![0, 7, 255, 1, 9] };
        assert_eq!(Pass::decode(&pass.encode()), pass);
    }

    #[test]
    fn fields_do_not_overlap() {
        use field::*;
        let vector = [
            OP, HEAD, N, A, B, M, DST, REP, SMAX, SSUM, M_STRIDE, IMM_M, A_KIND, ROTATE, M_KIND, M_INC, FN,
            ZOP, B_KIND, B_INC, DST_KIND, REDUCE_MAX, REDUCE_SUM, IMM_B, ADDR,
        ];
        let mut used = [0u32; 8];
        for f in vector {
            let bits = f.mask() << f.lo;
            assert_eq!(used[f.word] & bits, 0, "{f:?}");
            used[f.word] |= bits;
        }
    }

    #[test]
    fn unknown_operations_are_refused() {
        let mut bytes = Instruction::End { body: false }.encode();
        bytes[0] = 77;
        assert_eq!(Instruction::decode(&bytes), Err(77));
    }
}
