//! VECTOR: the element-wise work of every row, word by word.

use super::{Golden, Open, Write};
use crate::isa::{AKind, BKind, DstKind, Func, MKind, Vector, ZOp};
use crate::numbers;
use crate::registers::{ErrorCode, offset};
use std::ops::Range;

/// Where one word of an instruction stands: row, repetition, word in it.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    rep: usize,
    i: usize,
}

impl Golden {
    pub(super) fn vector(&mut self, v: &Vector) -> Result<(), ErrorCode> {
        self.check_vector(v)?;
        let rows = self.active(v.head);
        let reductions = [v.reduce_max.is_some(), v.reduce_sum.is_some()];
        if reductions != [false; 2] {
            if self.open.as_ref().is_some_and(|open| *open != (rows.clone(), reductions)) {
                return Err(ErrorCode::IllegalInstruction);
            }
            self.open = v.part.then(|| (rows.clone(), reductions));
        }
        if v.dst_kind.by_row() {
            return rows.iter().try_for_each(|&row| self.vector_of(v, &[row]));
        }
        self.vector_of(v, &rows)
    }

    /// Words of a row that follow each other: those of a segment of KV codes.
    fn together(&self, v: &Vector) -> usize {
        let segment = (self.config.attention_width / self.config.lanes) as usize;
        if v.dst_kind == DstKind::Kv { segment } else { 1 }
    }

    /// The instruction on some rows, word by word.
    fn vector_of(&mut self, v: &Vector, rows: &[usize]) -> Result<(), ErrorCode> {
        let open = |row: &usize| std::mem::take(&mut self.rows[*row].open);
        let mut open: Vec<Open> = rows.iter().map(open).collect();
        let (n, together) = (usize::from(v.n), self.together(v));
        for rep in 0..usize::from(v.rep) {
            for first in (0..n).step_by(together) {
                let words = |at| (first..first + together).map(move |i| (at, i));
                for (at, i) in (0..rows.len()).flat_map(words) {
                    let place = Place { row: rows[at], rep, i };
                    self.note_integers(v, place);
                    let a = self.operand_a(v, place);
                    let z = self.compute(v, place, &a);
                    if v.reduce_max.is_some() {
                        let magnitudes = z.iter().map(|z| z.to_bits() & 0x7fff_ffff);
                        open[at].largest = magnitudes.fold(open[at].largest, u32::max);
                    }
                    if v.reduce_sum.is_some() {
                        open[at].squared.extend(a);
                    }
                    self.write(v, place, &z)?;
                }
            }
            if let Some(s) = v.reduce_max {
                for (&row, open) in rows.iter().zip(&open) {
                    self.set_scalar(row, Write::SCALAR, usize::from(s) + rep, f32::from_bits(open.largest))?;
                }
                if !v.part {
                    open.iter_mut().for_each(|open| open.largest = 0);
                }
            }
        }
        if let (Some(s), false) = (v.reduce_sum, v.part) {
            for (&row, open) in rows.iter().zip(&mut open) {
                self.set_scalar(row, Write::SCALAR, s.into(), numbers::sum_of_squares(&open.squared))?;
                open.squared.clear();
            }
        }
        for (&row, open) in rows.iter().zip(open) {
            self.rows[row].open = open;
        }
        Ok(())
    }

    /// Every address of the instruction lies inside its memory, and its fields go together.
    fn check_vector(&self, v: &Vector) -> Result<(), ErrorCode> {
        let c = &self.config;
        let total = usize::from(v.n) * usize::from(v.rep);
        let (heads, scalars) = ((c.heads * c.head_size / c.lanes) as usize, c.scalars as usize);
        let scalar = v.a_kind == AKind::Sreg;
        let (vmem, cmem) = (c.vector_words as usize, c.shared_words as usize);
        let span = |inc: bool| match (inc, scalar) {
            (false, _) => 1,
            (true, true) => usize::from(v.n),
            (true, false) => usize::from(v.rep),
        };
        let within = |start: u16, len: usize, size: usize| usize::from(start) + len <= size;
        let a = match v.a_kind {
            AKind::Vmem => within(v.a, total, vmem),
            AKind::Acc => within(v.a, total, (c.outputs / c.lanes) as usize),
            AKind::Att => within(v.a, total, heads),
            AKind::Sreg => within(v.a, total, scalars) && v.rep == 1,
        };
        let m = match v.m_kind {
            MKind::Sreg => within(v.m, span(v.m_inc), scalars),
            MKind::Cmem => {
                let rows = (c.rows as usize - 1) * usize::from(v.m_stride);
                within(v.m, rows + usize::from(v.n), cmem) && !scalar
            }
            _ => true,
        };
        let b = match (v.zop, v.b_kind) {
            (ZOp::Pass | ZOp::Square, _) | (_, BKind::Imm) => true,
            (_, BKind::Vmem) => within(v.b, total, vmem) && !scalar,
            (_, BKind::Sreg) => within(v.b, span(v.b_inc), scalars),
        };
        let dst = match v.dst_kind {
            DstKind::Vmem => within(v.dst, total, vmem) && !scalar,
            DstKind::Sreg => within(v.dst, total, scalars) && scalar,
            DstKind::Act => within(v.dst, total, (c.activations / c.lanes) as usize),
            DstKind::Query => within(v.dst, total, heads),
            DstKind::Kv => usize::from(v.n).is_multiple_of(self.together(v)),
            DstKind::KvScale => scalar,
            _ => true,
        };
        let scalar_dst = matches!(v.dst_kind, DstKind::None | DstKind::Sreg | DstKind::KvScale);
        let elements = !scalar || (scalar_dst && v.reduce_sum.is_none());
        let whole = v.dst_kind != DstKind::Logits || v.addr.is_multiple_of(c.lanes);
        let sum = v.reduce_sum.is_none() || (v.rep == 1 && v.zop == ZOp::Pass && v.func == Func::None);
        let rotate = !v.rotate || (v.n.is_multiple_of(2) && !scalar);
        let order = !v.dst_kind.leaves() || (v.a_kind != AKind::Acc && v.reduce_sum.is_none());
        let port = v.dst_kind != DstKind::Sreg || v.reduce_max.is_none();
        let alone =
            v.a_kind != AKind::Vmem || v.b_kind != BKind::Vmem || matches!(v.zop, ZOp::Pass | ZOp::Square);
        let part = !v.part || (v.rep == 1 && !scalar && (v.reduce_max.is_some() || v.reduce_sum.is_some()));
        let together = sum && part && rotate && elements && whole && order && port && alone;
        let ok = v.n > 0 && v.rep > 0 && a && m && b && dst && together;
        if ok { Ok(()) } else { Err(ErrorCode::IllegalInstruction) }
    }

    /// Elements of operand A.
    fn range_a(&self, v: &Vector, Place { rep, i, .. }: Place) -> Range<usize> {
        let (lanes, n) = (self.config.lanes as usize, usize::from(v.n));
        let i = if v.rotate { (i + n / 2) % n } else { i };
        let word = usize::from(v.a) + rep * n + i;
        word * lanes..(word + 1) * lanes
    }

    /// Records operand A if it is integers; the word is named in the order of the loop.
    fn note_integers(&mut self, v: &Vector, place: Place) {
        if self.log.is_none() || !matches!(v.a_kind, AKind::Acc | AKind::Att) {
            return;
        }
        let (range, state) = (self.range_a(v, place), &self.rows[place.row]);
        let (kind, integers): (u8, Vec<i64>) = match v.a_kind {
            AKind::Acc => (Write::MATRIX, state.acc[range].iter().map(|&x| x.into()).collect()),
            _ => (Write::ATTENTION, state.att[range].to_vec()),
        };
        let address = u32::from(v.a) + (place.rep * usize::from(v.n) + place.i) as u32;
        let data = integers.iter().flat_map(|&x| [x as u32, (x >> 32) as u32]).collect();
        self.reads.push(Write { instruction: self.instruction, row: place.row as u32, kind, address, data });
    }

    fn operand_a(&self, v: &Vector, place: Place) -> Vec<f32> {
        let (range, state) = (self.range_a(v, place), &self.rows[place.row]);
        match v.a_kind {
            AKind::Vmem => state.vmem[range].to_vec(),
            AKind::Acc => state.acc[range].iter().map(|&x| numbers::int_to_f32(x.into())).collect(),
            AKind::Att => state.att[range].iter().map(|&x| numbers::int_to_f32(x)).collect(),
            AKind::Sreg => vec![state.scalars[range.start / self.config.lanes as usize]],
        }
    }

    fn compute(&self, v: &Vector, place: Place, a: &[f32]) -> Vec<f32> {
        let (lanes, Place { row, rep, i }) = (self.config.lanes as usize, place);
        let state = &self.rows[row];
        let step = if v.a_kind == AKind::Sreg { i } else { rep };
        let scalar = |at: u16, inc: bool| state.scalars[usize::from(at) + if inc { step } else { 0 }];
        let word_b = usize::from(v.b) + rep * usize::from(v.n) + i;
        let word_m = usize::from(v.m) + row * usize::from(v.m_stride) + i;
        let lane = |(l, &a): (usize, &f32)| {
            let m = match v.m_kind {
                MKind::None => a,
                MKind::Imm => numbers::mul(a, v.imm_m),
                MKind::Sreg => numbers::mul(a, scalar(v.m, v.m_inc)),
                MKind::Cmem => numbers::mul(a, self.cmem[word_m * lanes + l]),
            };
            let f = match v.func {
                Func::None => m,
                Func::Relu => numbers::relu(m),
                Func::Exp2 => numbers::exp2(m),
                Func::Recip => numbers::recip(m),
                Func::Rsqrt => numbers::rsqrt(m),
            };
            let b = match v.b_kind {
                BKind::Vmem if matches!(v.zop, ZOp::Pass | ZOp::Square) => 0.0,
                BKind::Vmem => state.vmem[word_b * lanes + l],
                BKind::Sreg => scalar(v.b, v.b_inc),
                BKind::Imm => f32::from_bits(v.imm_b),
            };
            match v.zop {
                ZOp::Pass => f,
                ZOp::Add => numbers::add(f, b),
                ZOp::Mul => numbers::mul(f, b),
                ZOp::Max => numbers::max_num(f, b),
                ZOp::Square => numbers::mul(f, f),
            }
        };
        a.iter().enumerate().map(lane).collect()
    }

    fn write(&mut self, v: &Vector, place: Place, z: &[f32]) -> Result<(), ErrorCode> {
        let (lanes, Place { row, rep, i }) = (self.config.lanes as usize, place);
        let offset = rep * usize::from(v.n) + i;
        let word = usize::from(v.dst) + offset;
        let range = word * lanes..(word + 1) * lanes;
        let bits = match v.dst_kind {
            DstKind::Act | DstKind::Kv => 8,
            DstKind::Query => 16,
            _ => 0,
        };
        let codes: Vec<i32> =
            if bits > 0 { z.iter().map(|&z| numbers::quantize(z, bits)).collect() } else { Vec::new() };
        let mut address = word;
        match v.dst_kind {
            DstKind::None => return Ok(()),
            DstKind::Vmem => self.rows[row].vmem[range].copy_from_slice(z),
            DstKind::Sreg => self.rows[row].scalars[word] = z[0],
            DstKind::Act => {
                self.rows[row].act[range].iter_mut().zip(&codes).for_each(|(a, &c)| *a = c as i8);
            }
            DstKind::Query => {
                self.rows[row].query[range].iter_mut().zip(&codes).for_each(|(a, &c)| *a = c as i16);
            }
            DstKind::Kv => {
                let bytes: Vec<u8> = codes.iter().map(|&c| c as u8).collect();
                self.store_codes(v, place, &bytes)?;
                address = offset;
            }
            DstKind::KvScale => {
                self.store_scale(v, place, z[0])?;
                address = offset;
            }
            DstKind::Topk => {
                self.select(row, v, offset * lanes, z);
                address = v.addr as usize + offset * lanes;
            }
            DstKind::Logits => {
                address = v.addr as usize + offset * lanes;
                self.store_logits(row, address, z)?;
            }
        }
        let data: Vec<u32> = match bits {
            0 => z.iter().map(|z| z.to_bits()).collect(),
            _ => codes.iter().map(|&c| c as u32).collect(),
        };
        self.note(row, v.dst_kind as u8, address, data.into_iter());
        Ok(())
    }

    fn store_codes(
        &mut self,
        v: &Vector,
        Place { row, rep, i }: Place,
        bytes: &[u8],
    ) -> Result<(), ErrorCode> {
        let (lanes, width) = (self.config.lanes as usize, self.config.attention_width as usize);
        let segments = usize::from(v.n) * lanes / width;
        let kv = self.kv_layout(segments);
        let descriptor = self.descriptor(row);
        let area = u64::from(descriptor.kv_base) + u64::from(v.addr) + (rep * kv.area_beats()) as u64;
        let byte = kv.segment_byte(&self.config, descriptor.position as usize, i * lanes / width);
        self.store(row, area + kv.data(v.dst != 0) as u64, byte + i * lanes % width, bytes)
    }

    fn store_scale(&mut self, v: &Vector, Place { row, i, .. }: Place, scale: f32) -> Result<(), ErrorCode> {
        // the scales' place does not depend on the segments
        let kv = self.kv_layout(0);
        let descriptor = self.descriptor(row);
        let area = u64::from(descriptor.kv_base) + u64::from(v.addr) + (i * kv.area_beats()) as u64;
        let byte = 4 * descriptor.position as usize;
        self.store(row, area + kv.scales(v.dst != 0) as u64, byte, &scale.to_le_bytes())
    }

    fn store_logits(&mut self, row: usize, id: usize, z: &[f32]) -> Result<(), ErrorCode> {
        let stride = u64::from(self.register(offset::RESULT_STRIDE));
        let beat = u64::from(self.register(offset::RESULT_BASE)) + row as u64 * stride;
        let bytes: Vec<u8> = z.iter().flat_map(|z| z.to_le_bytes()).collect();
        self.store(row, beat, 4 * id, &bytes)
    }

    fn select(&mut self, row: usize, v: &Vector, first: usize, z: &[f32]) {
        let limit = self.config.top_k as usize;
        let best = &mut self.rows[row].topk;
        for (lane, &logit) in z.iter().enumerate() {
            let id = v.addr + (first + lane) as u32;
            if id >= v.imm_b || logit.is_nan() {
                continue;
            }
            // ids arrive in increasing order, so an equal logit stays behind
            let at = best.partition_point(|(other, _)| other.total_cmp(&logit).is_ge());
            if at < limit {
                best.insert(at, (logit, id));
                best.truncate(limit);
            }
        }
    }
}
