//! The instructions of one layer, in the order in which they run.
//!
//! One fact keeps the sequences short: a norm's scalar factor does not change int8 codes, so it enters only the scale that leaves
//! the matrix.

use crate::compile::axis::Axis;
use crate::compile::plan::{Plan, scalar as s};
use crate::config::{Activation, ModelConfig};
use crate::model::Layer;
use crate::ternary::Ternary;
use std::f64::consts::LOG2_E;
use std::ops::Range;
use sterna_spec::config::Config;
use sterna_spec::isa::{AKind, BKind, DstKind, Func, MKind, Vector, ZOp};
use sterna_spec::layout::KvLayout;
use sterna_spec::stream::StreamBuilder;

/// Smallest magnitude that activations are scaled by, as in BitNet's reference.
const SMALLEST_ACTIVATION: f32 = 1e-5;

/// Emits the layers of one model.
pub struct Emitter<'a> {
    /// The stream.
    pub out: StreamBuilder<'a>,
    /// The model's dimensions.
    pub model: &'a ModelConfig,
    /// The device.
    pub device: &'a Config,
    /// Where values live.
    pub plan: Plan,
    /// The KV cache's areas.
    pub kv: KvLayout,
    /// Names of parts of the stream and the beats at which they begin.
    pub parts: Vec<(usize, String)>,
    /// The last matrix went to the second half of the accumulators.
    pub second_half: bool,
}

/// Some rows of a matrix, whose outputs lie as an axis says: places of the axis.
#[derive(Clone)]
pub(super) struct Rows<'a> {
    pub matrix: &'a Ternary,
    pub axis: &'a Axis,
    pub places: Range<usize>,
}

pub(super) fn imm(value: f64) -> u32 {
    (value as f32).to_bits()
}

/// A scalar instruction over `n` scalars from `a` to `dst`, as yet the identity.
pub(super) fn scalars(n: usize, a: u8, dst: u8) -> Vector {
    let (a_kind, dst_kind) = (AKind::Sreg, DstKind::Sreg);
    Vector { n: n as u16, a_kind, a: a.into(), dst_kind, dst: dst.into(), ..Vector::default() }
}

impl Emitter<'_> {
    /// One layer.
    pub fn layer(&mut self, index: usize, layer: &Layer) {
        let plan = self.plan.clone();
        self.part(format!("layer {index}, attention"));
        self.quantize(Some(&layer.input_norm), plan.x, &plan.hidden, 1.0, false);
        self.attention(index, layer);
        let scale = f64::from(layer.output.scale);
        self.part(format!("layer {index}, output projection"));
        self.quantize(layer.attention_norm.as_deref(), plan.scratch, &plan.queries, scale, false);
        self.residual(&layer.output, &plan.queries);
        self.part(format!("layer {index}, gate and up"));
        self.quantize(Some(&layer.ffn_input_norm), plan.x, &plan.hidden, 1.0, false);
        self.feed_forward(layer);
        let scale = f64::from(layer.down.scale);
        self.part(format!("layer {index}, down projection"));
        self.quantize(layer.ffn_norm.as_deref(), plan.scratch, &plan.ffn, scale, false);
        self.residual(&layer.down, &plan.ffn);
    }

    /// Names what follows.
    pub fn part(&mut self, name: impl Into<String>) {
        self.parts.push((self.out.beats(), name.into()));
    }

    /// Normalizes a vector in vector memory at `src` (with a gain) and quantizes it to activation codes.
    /// Scalar ROW becomes what a product of codes is multiplied by, times `scale`.
    pub fn quantize(&mut self, gain: Option<&[f32]>, src: u16, axis: &Axis, scale: f64, head: bool) {
        let base = Vector { head, n: self.words(axis.padded), a: src, ..Vector::default() };
        let one = |a, dst| Vector { head, ..scalars(1, a, dst) };
        let mut codes = base;
        let mut largest =
            Vector { zop: ZOp::Max, imm_b: SMALLEST_ACTIVATION.to_bits(), ..one(s::MAX, s::NORMED) };
        if let Some(gain) = gain {
            let p = self.plan.clone();
            self.out.load(p.gain, &axis.padded(gain));
            let to = (DstKind::Vmem, p.scratch);
            let sums = (Some(s::MAX), Some(s::SUM));
            self.out.vector(Vector {
                m_kind: MKind::Cmem,
                m: p.gain,
                dst_kind: to.0,
                dst: to.1,
                reduce_max: sums.0,
                reduce_sum: sums.1,
                ..base
            });
            let imm_m = 1.0 / gain.len() as f32;
            let eps = self.model.eps.to_bits();
            self.out.vector(Vector {
                m_kind: MKind::Imm,
                imm_m,
                zop: ZOp::Add,
                imm_b: eps,
                ..one(s::SUM, s::ROOT)
            });
            self.out.vector(Vector { func: Func::Rsqrt, ..one(s::ROOT, s::ROOT) });
            codes.a = p.scratch;
            largest = Vector { m_kind: MKind::Sreg, m: s::ROOT.into(), ..largest };
        } else {
            self.out.vector(Vector { reduce_max: Some(s::MAX), ..base });
        }
        self.out.vector(largest);
        let inverse =
            Vector { m_kind: MKind::Imm, imm_m: 1.0 / 127.0, func: Func::Recip, ..one(s::NORMED, s::CODES) };
        self.out.vector(match gain {
            Some(_) => Vector { zop: ZOp::Mul, b_kind: BKind::Sreg, b: s::ROOT.into(), ..inverse },
            None => inverse,
        });
        let imm_m = (scale / 127.0) as f32;
        self.out.vector(Vector { m_kind: MKind::Imm, imm_m, ..one(s::NORMED, s::ROW) });
        self.out.vector(Vector { m_kind: MKind::Sreg, m: s::CODES.into(), dst_kind: DstKind::Act, ..codes });
    }

    /// Adds the product of the activation codes and a matrix to the residual stream.
    fn residual(&mut self, matrix: &Ternary, inputs: &Axis) {
        let axis = self.plan.hidden.clone();
        // in two tiles, so that the first sums are added while the second are made
        let half = (axis.padded / 2).max(self.device.full_rate_outputs());
        let most = half.next_multiple_of(self.device.accumulator_banks()).min(self.plan.tile);
        for places in axis.tiles(most) {
            let acc = self.matmul(&[Rows { matrix, axis: &axis, places: places.clone() }], inputs);
            let x = self.plan.x + self.words(places.start);
            self.out.vector(Vector {
                n: self.words(places.len()),
                a_kind: AKind::Acc,
                a: acc,
                m_kind: MKind::Sreg,
                m: s::ROW.into(),
                zop: ZOp::Add,
                b_kind: BKind::Vmem,
                b: x,
                dst_kind: DstKind::Vmem,
                dst: x,
                ..Vector::default()
            });
        }
    }

    /// From activation codes to `act(gate) * up` in scratch.
    fn feed_forward(&mut self, layer: &Layer) {
        for (scale, dst) in [(layer.gate.scale, s::GATE), (layer.up.scale, s::UP)] {
            self.out.vector(Vector { m_kind: MKind::Imm, imm_m: scale, ..scalars(1, s::ROW, dst) });
        }
        if self.model.activation == Activation::Silu {
            let imm_m = -LOG2_E as f32;
            self.out.vector(Vector { m_kind: MKind::Imm, imm_m, ..scalars(1, s::GATE, s::CODES) });
        }
        let (axis, hidden) = (self.plan.ffn.clone(), self.plan.hidden.clone());
        for places in axis.tiles(self.plan.tile) {
            let rows = |matrix| [Rows { matrix, axis: &axis, places: places.clone() }];
            let a = self.matmul(&rows(&layer.gate), &hidden);
            let (n, at) = (self.words(places.len()), self.plan.scratch + self.words(places.start));
            let acc = Vector { n, a_kind: AKind::Acc, a, m_kind: MKind::Sreg, ..Vector::default() };
            let kept = Vector { dst_kind: DstKind::Vmem, dst: at, ..acc };
            let times = Vector { zop: ZOp::Mul, b_kind: BKind::Vmem, b: at, ..kept };
            match self.model.activation {
                Activation::Relu2 => {
                    self.out.vector(Vector { m: s::GATE.into(), func: Func::Relu, zop: ZOp::Square, ..kept });
                }
                Activation::Silu => {
                    let one = Vector { zop: ZOp::Add, imm_b: imm(1.0), ..kept };
                    self.out.vector(Vector { m: s::CODES.into(), func: Func::Exp2, ..one });
                    let (a_kind, m_kind, func) = (AKind::Vmem, MKind::None, Func::Recip);
                    self.out.vector(Vector { a_kind, a: at, m_kind, func, ..kept });
                    self.out.vector(Vector { m: s::GATE.into(), ..times });
                }
            }
            let a = self.matmul(&rows(&layer.up), &hidden);
            self.out.vector(Vector { a, m: s::UP.into(), ..times });
        }
    }

    /// First accumulator word of the half that the last matrix did not write, for the next: the vector unit works on the other.
    pub(super) fn other_half(&mut self) -> u16 {
        self.second_half = !self.second_half;
        if self.second_half { self.words(self.plan.tile) } else { 0 }
    }

    /// Multiplies the activation codes, which lie as `inputs` says, by the given rows, one below the other. Returns the first
    /// accumulator word.
    pub(super) fn matmul(&mut self, rows: &[Rows], inputs: &Axis) -> u16 {
        let dst = self.other_half();
        let places = rows.iter().map(|r| r.places.len()).sum();
        let all: Vec<_> = rows
            .iter()
            .filter(|_| !self.out.is_outline())
            .flat_map(|r| r.places.clone().map(|place| (r.matrix, r.axis.source(place))))
            .collect();
        self.out.matmul_rows(dst, places, inputs.padded, 1, |_, output, out| {
            if let (matrix, Some(row)) = all[output] {
                if inputs.len == inputs.padded {
                    return matrix.row(row, out);
                }
                let mut codes = vec![0; inputs.len];
                matrix.row(row, &mut codes);
                inputs.scatter(&codes, out);
            }
        });
        dst
    }

    /// Words of V elements that hold `elements`.
    pub fn words(&self, elements: usize) -> u16 {
        elements.div_ceil(self.device.lanes as usize) as u16
    }
}
