//! ATTN: softmax attention of every row over its int8 KV cache, integer sums inside.

use std::ops::Range;

use super::step::floats;
use super::{Golden, Write};
use crate::isa::{During, Pass, TINY};
use crate::numbers;
use crate::registers::ErrorCode;

/// K and V of one head for the tokens of a window, as read from memory.
struct Cache {
    keys: Vec<u8>,
    values: Vec<u8>,
    key_scales: Vec<f32>,
    value_scales: Vec<f32>,
}

/// An ATTN with its passes.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    /// Its number in the step.
    pub instruction: u32,
    pub passes: Vec<Pass>,
    pub segments: usize,
    /// Tokens that a row attends to, 0 for all.
    pub window: usize,
    /// First SREG of the query scales, of the weight maxima, of the sums.
    pub scalars: [usize; 3],
    pub addr: u32,
}

impl Golden {
    /// An ATTN comes. With `beside` it is executed once somebody waits for it.
    pub(super) fn attention(
        &mut self,
        attention: Attention,
        beside: bool,
        queries: u16,
    ) -> Result<(), ErrorCode> {
        if !beside {
            return self.attend_all(attention);
        }
        let words = attention.segments * (self.config.attention_width / self.config.lanes) as usize;
        self.during = Some(During::new(&attention.passes, words, queries, attention.scalars));
        self.pending = Some(attention);
        Ok(())
    }

    /// Somebody waits for the ATTN that came last.
    pub(super) fn attend_now(&mut self) -> Result<(), ErrorCode> {
        let Some(attention) = self.pending.take() else { return Ok(()) };
        if self.during.as_ref().is_some_and(|during| !during.complete()) {
            return Err(ErrorCode::IllegalInstruction);
        }
        let instruction = std::mem::replace(&mut self.instruction, attention.instruction);
        self.attend_all(attention)?;
        self.instruction = instruction;
        Ok(())
    }

    fn attend_all(&mut self, attention: Attention) -> Result<(), ErrorCode> {
        let Attention { passes, segments, window, scalars, addr, .. } = attention;
        let size = segments * self.config.attention_width as usize;
        let limit = (self.config.heads * self.config.head_size) as usize;
        let head_ok = |&h: &u8| {
            let h = usize::from(h);
            (h + 1) * size <= limit && scalars.iter().all(|s| s + h < self.config.scalars as usize)
        };
        let slots = 1..=self.config.slots as usize;
        if !passes.iter().all(|p| slots.contains(&p.heads.len()) && p.heads.iter().all(head_ok)) || size == 0
        {
            return Err(ErrorCode::IllegalInstruction);
        }
        for row in self.active(false) {
            let end = self.descriptor(row).position as usize + 1;
            let first = if window == 0 { 0 } else { end.saturating_sub(window) };
            for pass in &passes {
                let cache = self.read_cache(row, pass.kv_head, segments, addr, first..end)?;
                for &head in &pass.heads {
                    self.attend(row, usize::from(head), size, scalars, &cache)?;
                }
            }
        }
        Ok(())
    }

    fn read_cache(
        &self,
        row: usize,
        head: u32,
        segments: usize,
        addr: u32,
        tokens: Range<usize>,
    ) -> Result<Cache, ErrorCode> {
        let kv = self.kv_layout(segments);
        let area = u64::from(self.descriptor(row).kv_base)
            + u64::from(addr)
            + u64::from(head) * kv.area_beats() as u64;
        let data = |value: bool| -> Result<Vec<u8>, ErrorCode> {
            let (side, width) = (self.config.tokens_per_beat(), self.config.attention_width as usize);
            let len = tokens.end.div_ceil(side) * segments * self.config.beat_bytes();
            let bytes = self.beats(area + kv.data(value) as u64, len)?;
            let segment = |t: usize, j: usize| &bytes[kv.segment_byte(&self.config, t, j)..][..width];
            let token = |t| (0..segments).flat_map(move |j| segment(t, j));
            Ok(tokens.clone().flat_map(token).copied().collect())
        };
        let scales = |value: bool| -> Result<Vec<f32>, ErrorCode> {
            let bytes = self.beats(area + kv.scales(value) as u64, 4 * tokens.end)?;
            Ok(floats(&bytes[4 * tokens.start..]))
        };
        Ok(Cache {
            keys: data(false)?,
            values: data(true)?,
            key_scales: scales(false)?,
            value_scales: scales(true)?,
        })
    }

    fn attend(
        &mut self,
        row: usize,
        head: usize,
        size: usize,
        [scale, smax, ssum]: [usize; 3],
        cache: &Cache,
    ) -> Result<(), ErrorCode> {
        let state = &self.rows[row];
        let query = &state.query[head * size..][..size];
        let query_scale = state.scalars[scale + head];
        let score = |(key, &key_scale): (&[u8], &f32)| {
            let dot: i32 = key.iter().zip(query).map(|(&k, &q)| i32::from(k as i8) * i32::from(q)).sum();
            numbers::mul(numbers::mul(numbers::int_to_f32(dot.into()), key_scale), query_scale)
        };
        let scores: Vec<f32> = cache.keys.chunks_exact(size).zip(&cache.key_scales).map(score).collect();
        let max = scores.iter().copied().max_by(f32::total_cmp).unwrap_or(0.0);
        let mut sum = 0i64;
        let weigh = |(&s, &value_scale): (&f32, &f32)| {
            let p = numbers::exp2(numbers::add(s, -max));
            sum += i64::from(numbers::fix24(p));
            numbers::mul(p, value_scale)
        };
        let weights: Vec<f32> = scores.iter().zip(&cache.value_scales).map(weigh).collect();
        let largest = weights.iter().map(|w| w.to_bits() & 0x7fff_ffff).fold(0, u32::max);
        let largest = f32::from_bits(largest);
        let inverse = numbers::mul(32767.0, numbers::recip(numbers::max_num(largest, TINY)));
        let mut sums = vec![0i64; size];
        for (value, &w) in cache.values.chunks_exact(size).zip(&weights) {
            let code = i64::from(numbers::quantize(numbers::mul(w, inverse), 16));
            for (sum, &v) in sums.iter_mut().zip(value) {
                *sum += code * i64::from(v as i8);
            }
        }
        self.rows[row].att[head * size..][..size].copy_from_slice(&sums);
        self.set_scalar(row, Write::WEIGHTS, smax + head, largest)?;
        self.set_scalar(row, Write::WEIGHTS, ssum + head, numbers::int_to_f32(sum))
    }
}
