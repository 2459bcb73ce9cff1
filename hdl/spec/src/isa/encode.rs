//! Instructions and pass descriptors to their 32 bytes, and back.

use super::{AKind, BKind, DstKind, Func, INSTRUCTION_BYTES, Instruction, MKind, Op, Pass, Vector, ZOp};
use super::{Field, field};

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
            Instruction::Load { words, dst, beside } => {
                put(OP, Op::Load as u32);
                put(BESIDE, beside.into());
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
            Instruction::Matmul { blocks, chunks, planes, dst, beside } => {
                put(OP, Op::Matmul as u32);
                put(BESIDE, beside.into());
                put(DST, dst.into());
                put(N, blocks.into());
                put(A, chunks.into());
                put(B, planes.into());
            }
            Instruction::Attn { passes, segments, window, scale, smax, ssum, addr, beside, queries } => {
                put(OP, Op::Attn as u32);
                put(BESIDE, beside.into());
                put(DST, queries.into());
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
            Op::Load => {
                Instruction::Load { words: get(N) as u16, dst: get(DST) as u16, beside: get(BESIDE) != 0 }
            }
            Op::Gather => Instruction::Gather {
                words: get(N) as u16,
                by_position: get(A) != 0,
                shared: get(DST_KIND) == 2,
                dst: get(DST) as u16,
                row_stride: get(M_STRIDE) as u8,
                addr: get(ADDR),
                stride: get(IMM_M),
            },
            Op::Matmul => Instruction::Matmul {
                blocks: get(N) as u16,
                chunks: get(A) as u16,
                planes: get(B) as u8,
                dst: get(DST) as u16,
                beside: get(BESIDE) != 0,
            },
            Op::Attn => Instruction::Attn {
                passes: get(N) as u16,
                segments: get(A) as u16,
                window: get(B) as u16,
                scale: get(M) as u8,
                smax: get(SMAX) as u8,
                ssum: get(SSUM) as u8,
                addr: get(ADDR),
                beside: get(BESIDE) != 0,
                queries: get(DST) as u16,
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
        put(PART, self.part.into());
        put(AFTER, self.after.into());
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
            part: get(PART) != 0,
            after: get(AFTER) as u8,
            addr: get(ADDR),
        })
    }
}
