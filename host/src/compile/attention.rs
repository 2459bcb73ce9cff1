//! The instructions between the activation codes of a layer's first norm and the heads' outputs.
//!
//! Queries, keys and values are rotated and quantized as the integers that the matrix gives: their common factor changes no code and
//! enters only their scales.

use crate::compile::layer::{Emitter, Rows, imm, scalars};
use crate::compile::plan::{Plan, scalar as s};
use crate::model::Layer;
use std::f64::consts::LOG2_E;
use sterna_spec::isa::{AKind, BKind, DstKind, Func, MKind, Pass, TINY, Vector, ZOp};

/// Largest query code and attention weight code.
const WIDE: f64 = 32767.0;

/// Which of the three kinds of heads a row of the joined matrix belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Query,
    Key,
    Value,
}

/// A run of heads of one kind in the accumulators.
struct Heads {
    kind: Kind,
    first: usize,
    count: usize,
    /// First word in the accumulators, counted from the tile's.
    acc: u16,
}

impl Emitter<'_> {
    /// From activation codes to the heads' outputs in scratch.
    pub(super) fn attention(&mut self, index: usize, layer: &Layer) {
        let layer_beats = index * self.model.kv_heads * self.kv.area_beats();
        let plan = self.plan.clone();
        for mut tile in self.head_tiles() {
            let rows: Vec<Rows> = tile.iter().map(|h| rows_of(&plan, h, layer)).collect();
            let acc = self.matmul(&rows, &plan.hidden);
            for heads in &mut tile {
                heads.acc += acc;
                let weights = f64::from(layer.qkv[heads.kind as usize].scale);
                match heads.kind {
                    Kind::Query => self.queries(heads, weights),
                    Kind::Key | Kind::Value => self.keys_or_values(heads, weights, layer_beats),
                }
            }
        }
        self.attend(layer_beats, self.model.windows[index]);
    }

    /// The value, key and query heads in runs, as many as a tile holds; each kind, and each half of the queries, begins a tile if the one
    /// before is long enough, so that the vector work on one hides beside the matrix of the next.
    fn head_tiles(&self) -> Vec<Vec<Heads>> {
        let most = self.plan.tile / self.plan.head_size;
        let enough = self.device.full_rate_outputs().div_ceil(self.plan.head_size).min(most);
        let half = self.model.heads.div_ceil(2);
        let runs = [
            (Kind::Value, 0..self.model.kv_heads),
            (Kind::Key, 0..self.model.kv_heads),
            (Kind::Query, 0..half),
            (Kind::Query, half..self.model.heads),
        ];
        let mut tiles = vec![Vec::new()];
        let mut used = 0;
        for (kind, heads) in runs {
            let mut room = enough;
            let mut first = heads.start;
            while first < heads.end {
                if used >= room {
                    tiles.push(Vec::new());
                    used = 0;
                }
                room = most;
                let count = (heads.end - first).min(most - used);
                let acc = used as u16 * self.plan.head;
                if let Some(tile) = tiles.last_mut() {
                    tile.push(Heads { kind, first, count, acc });
                }
                first += count;
                used += count;
            }
        }
        tiles
    }

    /// Rotates heads in the accumulators into scratch; their largest magnitudes go to `max`, never below 2^-100.
    fn rotate(&mut self, heads: &Heads, max: u8) {
        let (p, n) = (self.plan.clone(), self.plan.head);
        let m_stride = (2 * n) as u8;
        let (dst_kind, dst) = (DstKind::Vmem, p.scratch);
        let base =
            Vector { n, rep: heads.count as u8, a_kind: AKind::Acc, a: heads.acc, ..Vector::default() };
        let turned = Vector { m_kind: MKind::Cmem, m_stride, dst_kind, dst, ..base };
        self.out.vector(Vector { rotate: true, m: p.rotary + n, ..turned });
        let (zop, b_kind, b) = (ZOp::Add, BKind::Vmem, p.scratch);
        self.out.vector(Vector { m: p.rotary, zop, b_kind, b, reduce_max: Some(max), ..turned });
        self.floor(heads.count, max);
    }

    fn floor(&mut self, count: usize, max: u8) {
        self.out.vector(Vector { zop: ZOp::Max, imm_b: TINY.to_bits(), ..scalars(count, max, max) });
    }

    /// Factors from values with the largest magnitudes at `max` to codes up to `largest`.
    fn factors(&mut self, count: usize, max: u8, dst: u8, largest: f64) {
        let times = Vector { zop: ZOp::Mul, imm_b: imm(largest), ..scalars(count, max, dst) };
        self.out.vector(Vector { func: Func::Recip, ..times });
    }

    fn queries(&mut self, heads: &Heads, weights: f64) {
        let (p, count) = (self.plan.clone(), heads.count);
        let max = p.query + heads.first as u8;
        self.rotate(heads, max);
        self.factors(count, max, p.second, WIDE);
        self.out.vector(Vector {
            n: p.head,
            rep: count as u8,
            a: p.scratch,
            m_kind: MKind::Sreg,
            m: p.second.into(),
            m_inc: true,
            dst_kind: DstKind::Query,
            dst: heads.first as u16 * p.head,
            ..Vector::default()
        });
        let factor = weights * LOG2_E / (self.model.head_size as f64).sqrt() / WIDE;
        let scaled = Vector { m_kind: MKind::Imm, imm_m: factor as f32, ..scalars(count, max, max) };
        self.out.vector(Vector { zop: ZOp::Mul, b_kind: BKind::Sreg, b: s::ROW.into(), ..scaled });
    }

    fn keys_or_values(&mut self, heads: &Heads, weights: f64, layer_beats: usize) {
        let (p, count, value) = (self.plan.clone(), heads.count, heads.kind == Kind::Value);
        let from = Vector { n: p.head, rep: count as u8, a: p.scratch, ..Vector::default() };
        if value {
            let acc = Vector { a_kind: AKind::Acc, a: heads.acc, ..from };
            let (dst_kind, dst) = (DstKind::Vmem, p.scratch);
            self.out.vector(Vector { dst_kind, dst, reduce_max: Some(p.first), ..acc });
            self.floor(count, p.first);
        } else {
            self.rotate(heads, p.first);
        }
        self.factors(count, p.first, p.second, 127.0);
        let (dst, addr) = (value.into(), (layer_beats + heads.first * self.kv.area_beats()) as u32);
        let (m_kind, m) = (MKind::Sreg, p.second.into());
        self.out.vector(Vector { m_kind, m, m_inc: true, dst_kind: DstKind::Kv, dst, addr, ..from });
        let scale =
            Vector { m_kind: MKind::Imm, imm_m: (weights / 127.0) as f32, ..scalars(count, p.first, 0) };
        let (zop, b_kind, b) = (ZOp::Mul, BKind::Sreg, s::ROW.into());
        self.out.vector(Vector { zop, b_kind, b, dst_kind: DstKind::KvScale, dst, addr, ..scale });
    }

    /// Attention itself, then its integers times their factors to scratch.
    fn attend(&mut self, layer_beats: usize, window: Option<usize>) {
        let (p, heads) = (self.plan.clone(), self.model.heads);
        let passes = passes(&self.model.head_map, self.model.kv_heads, self.device.slots as usize);
        let segments = self.kv.segments as u16;
        // a window that the context does not reach past is none; contexts have 16 bits
        let window = window.and_then(|w| u16::try_from(w).ok()).unwrap_or(0);
        self.out.attention(&passes, segments, window, [p.query, p.first, p.second], layer_beats as u32);
        let imm_m = (WIDE / f64::from(1 << 24)) as f32;
        let inverse =
            Vector { m_kind: MKind::Imm, imm_m, func: Func::Recip, ..scalars(heads, p.second, p.second) };
        self.out.vector(Vector {
            zop: ZOp::Mul,
            b_kind: BKind::Sreg,
            b: p.first.into(),
            b_inc: true,
            ..inverse
        });
        self.out.vector(Vector {
            n: p.head,
            rep: heads as u8,
            a_kind: AKind::Att,
            m_kind: MKind::Sreg,
            m: p.second.into(),
            m_inc: true,
            dst_kind: DstKind::Vmem,
            dst: p.scratch,
            ..Vector::default()
        });
    }
}

/// The rows of the joined matrix that give some heads.
fn rows_of<'a>(plan: &'a Plan, heads: &Heads, layer: &'a Layer) -> Rows<'a> {
    let axis = if heads.kind == Kind::Query { &plan.queries } else { &plan.keys };
    let places = heads.first * plan.head_size..(heads.first + heads.count) * plan.head_size;
    Rows { matrix: &layer.qkv[heads.kind as usize], axis, places }
}

/// One pass for up to `slots` query heads of each KV head. Any map is legal; KV heads without queries get no pass.
fn passes(head_map: &[usize], kv_heads: usize, slots: usize) -> Vec<Pass> {
    let mut all = Vec::new();
    for kv_head in 0..kv_heads {
        let heads: Vec<u8> =
            (0..head_map.len()).filter(|&h| head_map[h] == kv_head).map(|h| h as u8).collect();
        all.extend(heads.chunks(slots).map(|c| Pass { kv_head: kv_head as u32, heads: c.to_vec() }));
    }
    all
}
