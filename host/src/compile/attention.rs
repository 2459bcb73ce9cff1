//! The instructions between the activation codes of a layer's first norm and the heads' outputs.
//!
//! Queries, keys and values are rotated and quantized as the integers that the matrix gives: their common factor changes no code and
//! enters only their scales.
//!
//! ```text
//! matrices  K  K    V    Q  Q
//! vectors      K    K    V     Q  | Q  Q          heads    heads    heads
//! attention                       | all heads, one after the other
//! ```
//!
//! Attention begins with the queries of its first pass; those of the others are coded beside it, and so is the work on heads that are done.
//! Of the last layer a step in which no row asks for logits needs keys and values alone: it ends behind them.

use crate::compile::layer::{Emitter, Rows, imm, scalars};
use crate::compile::plan::{Plan, scalar as s};
use crate::model::Layer;
use std::f64::consts::LOG2_E;
use std::ops::Range;
use sterna_spec::isa::{AKind, BKind, DstKind, Func, Instruction, MKind, Pass, TINY, Vector, ZOp, field};

/// Largest query code and attention weight code.
const WIDE: f64 = 32767.0;
/// Of the heads one in so many is worked on when attention is over.
const LAST: usize = 16;

/// Which of the three kinds of heads a row of the joined matrix belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Query,
    Key,
    Value,
}

/// A run of heads of one kind in the accumulators.
#[derive(Clone, Copy)]
struct Heads {
    kind: Kind,
    first: usize,
    count: usize,
    /// First word in the accumulators, counted from the tile's.
    acc: u16,
}

impl Emitter<'_> {
    /// From activation codes to the heads' outputs in scratch, and to the input of the norm behind them, or its largest magnitude.
    pub(super) fn attention(&mut self, index: usize, layer: &Layer, last: bool) {
        let layer_beats = index * self.model.kv_heads * self.kv.area_beats();
        let plan = self.plan.clone();
        let scale = |kind: Kind| f64::from(layer.qkv[kind as usize].scale);
        let passes = passes(&self.model.head_map, self.model.kv_heads, self.device.slots as usize);
        let tiles = self.head_tiles();
        let groups = groups(&passes, &tiles, self.model.heads);
        let mut late = Vec::new();
        for mut tile in tiles {
            let rows: Vec<Rows> = tile.iter().map(|h| rows_of(&plan, h, layer)).collect();
            let acc = self.matmul(&rows, &plan.hidden);
            for heads in &mut tile {
                heads.acc += acc;
                match heads.kind {
                    Kind::Query => {
                        for (nth, group) in groups.iter().enumerate() {
                            match heads.within(group, plan.head) {
                                Some(heads) if nth == 0 || self.device.lends_units() => {
                                    self.queries(&heads, scale(Kind::Query))
                                }
                                heads => late.extend(heads),
                            }
                        }
                    }
                    Kind::Key | Kind::Value => self.keys_or_values(heads, scale(heads.kind), layer_beats),
                }
                if last && heads.kind == Kind::Value && heads.first + heads.count == self.model.kv_heads {
                    self.out.push(Instruction::End { body: true });
                }
            }
        }
        let window = self.model.windows[index];
        let beside = late.first().map(|heads| heads.first as u16 * plan.head);
        self.attend(&passes, layer_beats, window, beside);
        late.iter().for_each(|heads| self.queries(heads, scale(Kind::Query)));
        self.outputs(layer.attention_norm.as_deref(), beside.is_some());
    }

    /// The heads in tiles. A tile that is long enough ends with its run, so that the vector work on one kind hides beside the matrix of the
    /// next: that on keys, which is the most, beside whole matrices.
    fn head_tiles(&self) -> Vec<Vec<Heads>> {
        let most = self.plan.tile / self.plan.head_size;
        let enough = self.device.full_rate_outputs().div_ceil(self.plan.head_size).min(most);
        let (heads, kv_heads) = (self.model.heads, self.model.kv_heads);
        let half = heads.div_ceil(2);
        let runs = [
            (Kind::Key, 0..kv_heads),
            (Kind::Value, 0..kv_heads),
            (Kind::Query, 0..half),
            (Kind::Query, half..heads),
        ];
        let mut tiles: Vec<Vec<Heads>> = Vec::new();
        let mut used = most;
        for (kind, mut left) in runs {
            while !left.is_empty() {
                let count = left.len().div_ceil(left.len().div_ceil(most));
                if used >= enough || used + count > most {
                    tiles.push(Vec::new());
                    used = 0;
                }
                let heads = Heads { kind, first: left.start, count, acc: used as u16 * self.plan.head };
                if let Some(tile) = tiles.last_mut() {
                    tile.push(heads);
                }
                left.start += count;
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
        let factors = p.second + heads.first as u8;
        self.factors(count, max, factors, WIDE);
        let factor = weights * LOG2_E / (self.model.head_size as f64).sqrt() / WIDE;
        let scaled = Vector { m_kind: MKind::Imm, imm_m: factor as f32, ..scalars(count, max, max) };
        self.out.vector(Vector { zop: ZOp::Mul, b_kind: BKind::Sreg, b: s::ROW.into(), ..scaled });
        // attention takes the scale of a head whose codes are there
        self.out.vector(Vector {
            n: p.head,
            rep: count as u8,
            a: p.scratch,
            m_kind: MKind::Sreg,
            m: factors.into(),
            m_inc: true,
            dst_kind: DstKind::Query,
            dst: heads.first as u16 * p.head,
            ..Vector::default()
        });
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

    /// Attention itself; with `late` vector work runs beside it, which makes the query codes from that word on.
    fn attend(&mut self, passes: &[Pass], layer_beats: usize, window: Option<usize>, late: Option<u16>) {
        let p = &self.plan;
        // a window that the context does not reach past is none; contexts have 16 bits
        let window = window.and_then(|w| u16::try_from(w).ok()).unwrap_or(0);
        let attention = Instruction::Attn {
            passes: 0,
            segments: self.kv.segments as u16,
            window,
            scale: p.query,
            smax: p.first,
            ssum: p.second,
            addr: layer_beats as u32,
            beside: late.is_some(),
            queries: late.unwrap_or(0),
        };
        self.out.attention_of(passes, attention);
    }

    /// Attention's integers times their factors to scratch, and on to the norm; with `beside` of some heads while it works on others.
    fn outputs(&mut self, gain: Option<&[f32]>, beside: bool) {
        let heads = self.model.heads;
        let last = if beside { (heads / LAST).max(1) } else { heads };
        let middle = (heads - last).div_ceil(2);
        let mut first = 0;
        for end in [middle, heads - last, heads] {
            if end > first {
                self.outputs_of(first..end, if beside { end as u8 } else { 0 });
                let size = self.plan.head_size;
                let axis = self.plan.queries.clone();
                self.norm_or_largest(gain, &axis, first * size..end * size);
            }
            first = end;
        }
    }

    fn outputs_of(&mut self, heads: Range<usize>, after: u8) {
        let p = self.plan.clone();
        let (first, count) = (heads.start as u8, heads.len());
        let [largest, sum] = [p.first + first, p.second + first];
        let imm_m = (WIDE / f64::from(1 << 24)) as f32;
        let inverse =
            Vector { m_kind: MKind::Imm, imm_m, func: Func::Recip, after, ..scalars(count, sum, sum) };
        let factor = Vector { zop: ZOp::Mul, b_kind: BKind::Sreg, b: largest.into(), b_inc: true, ..inverse };
        self.out.vector(factor);
        let word = u16::from(first) * p.head;
        self.out.vector(Vector {
            n: p.head,
            rep: count as u8,
            a_kind: AKind::Att,
            a: word,
            m_kind: MKind::Sreg,
            m: sum.into(),
            m_inc: true,
            dst_kind: DstKind::Vmem,
            dst: p.scratch + word,
            after,
            ..Vector::default()
        });
    }
}

impl Heads {
    /// Those of a group, each so many words long.
    fn within(&self, group: &Range<usize>, words: u16) -> Option<Heads> {
        let first = self.first.max(group.start);
        let end = (self.first + self.count).min(group.end);
        let acc = self.acc + first.saturating_sub(self.first) as u16 * words;
        (first < end).then(|| Heads { first, count: end - first, acc, ..*self })
    }
}

/// Query heads that are coded together: before attention begins those of the first pass, and those whose sums a later tile overwrites; of
/// the others as many as it works on meanwhile.
fn groups(passes: &[Pass], tiles: &[Vec<Heads>], heads: usize) -> Vec<Range<usize>> {
    let last = tiles[tiles.len().saturating_sub(2)..].iter().flatten().find(|run| run.kind == Kind::Query);
    let kept = last.map_or(heads, |run| run.first);
    let first = if in_order(passes, heads) { passes[0].heads.len().max(kept) } else { heads };
    let next = |group: &Range<usize>| (group.end < heads).then(|| group.end..(2 * group.end).min(heads));
    std::iter::successors(Some(0..first), next).collect()
}

/// Whether the passes name all heads one after the other, so that they are done in their order, and few enough that a VECTOR can wait
/// for each.
fn in_order(passes: &[Pass], heads: usize) -> bool {
    let mut all = passes.iter().flat_map(|pass| &pass.heads).map(|&head| usize::from(head));
    heads < 1 << field::AFTER.width && (0..heads).all(|head| all.next() == Some(head))
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
