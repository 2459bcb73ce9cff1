//! MATMUL: ternary planes times the activation codes of every active row, in exact integers.

use std::sync::OnceLock;

use super::Golden;
use super::step::Stream;
use crate::isa::{Instruction, MAX_PLANES, MIN_BLOCKS};
use crate::layout::unpack_table;
use crate::registers::ErrorCode;

static TRITS: OnceLock<[[i8; 5]; 256]> = OnceLock::new();

impl Golden {
    pub(super) fn matmul(&mut self, instruction: Instruction, stream: &mut Stream) -> Result<(), ErrorCode> {
        let Instruction::Matmul { blocks, chunks, planes, dst, beside } = instruction else {
            return Err(ErrorCode::IllegalInstruction);
        };
        let [blocks, chunks, planes] = [blocks.into(), chunks.into(), usize::from(planes)];
        let (beat, width) = (self.config.beat_bytes(), self.config.chunk());
        let (lookups, lanes) = (self.config.lookups as usize, self.config.lanes as usize);
        let first = usize::from(dst) * lanes;
        let writes = usize::from(dst)..(first + blocks * lookups).div_ceil(lanes);
        let fits = first + blocks * lookups <= self.config.outputs as usize
            && first.is_multiple_of(lookups)
            && (!beside || self.beside.allows_matmul(&writes))
            && chunks * width <= self.rows[0].act.len()
            && (1..=MAX_PLANES).contains(&planes)
            && blocks >= MIN_BLOCKS;
        if !fits {
            return Err(ErrorCode::IllegalInstruction);
        }
        self.beside.matmul(beside);
        let table = TRITS.get_or_init(unpack_table);
        let rows = self.active(false);
        let mut trits = vec![0i8; beat * 5];
        for plane in 0..planes {
            for chunk in 0..chunks {
                let payload = stream.take(blocks * beat)?;
                for (block, bytes) in payload.chunks_exact(beat).enumerate() {
                    for (five, &byte) in trits.chunks_exact_mut(5).zip(bytes) {
                        five.copy_from_slice(&table[usize::from(byte)]);
                    }
                    for &row in &rows {
                        let row = &mut self.rows[row];
                        let codes = &row.act[chunk * width..][..width];
                        let sums = &mut row.acc[first + block * lookups..][..lookups];
                        for (sum, weights) in sums.iter_mut().zip(trits.chunks_exact(width)) {
                            let before = match (plane, chunk) {
                                (0, 0) => 0,
                                (_, 0) => *sum * 3,
                                _ => *sum,
                            };
                            *sum = before + dot(weights, codes);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[inline]
fn dot(weights: &[i8], codes: &[i8]) -> i32 {
    weights.iter().zip(codes).map(|(&w, &a)| i32::from(w) * i32::from(a)).sum()
}
