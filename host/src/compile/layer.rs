//! The instructions of one layer, in the order in which they run.
//!
//! One fact keeps the sequences short: a norm's scalar factor does not change int8 codes, so it enters only the scale that leaves
//! the matrix.

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
}

/// Some rows of a matrix.
pub(super) type Rows<'a> = (&'a Ternary, Range<usize>);

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
        self.quantize(Some(&layer.input_norm), plan.x, plan.hidden, 1.0, false);
        self.attention(index, layer);
        let scale = f64::from(layer.output.scale);
        self.part(format!("layer {index}, output projection"));
        self.quantize(layer.attention_norm.as_deref(), plan.scratch, plan.attention, scale, false);
        self.residual(&layer.output);
        self.part(format!("layer {index}, gate and up"));
        self.quantize(Some(&layer.ffn_input_norm), plan.x, plan.hidden, 1.0, false);
        self.feed_forward(layer);
        let (words, scale) = (self.words(self.model.ffn), f64::from(layer.down.scale));
        self.part(format!("layer {index}, down projection"));
        self.quantize(layer.ffn_norm.as_deref(), plan.scratch, words, scale, false);
        self.residual(&layer.down);
    }

    /// Names what follows.
    pub fn part(&mut self, name: impl Into<String>) {
        self.parts.push((self.out.beats(), name.into()));
    }

    /// Normalizes `words` words of vector memory at `src` (with a gain) and quantizes them to activation codes.
    /// Scalar ROW becomes what a product of codes is multiplied by, times `scale`.
    pub fn quantize(&mut self, gain: Option<&[f32]>, src: u16, words: u16, scale: f64, head: bool) {
        let base = Vector { head, n: words, a: src, ..Vector::default() };
        let one = |a, dst| Vector { head, ..scalars(1, a, dst) };
        let mut codes = base;
        let mut largest =
            Vector { zop: ZOp::Max, imm_b: SMALLEST_ACTIVATION.to_bits(), ..one(s::MAX, s::NORMED) };
        if let Some(gain) = gain {
            let p = self.plan.clone();
            self.out.load(p.gain, gain);
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
    fn residual(&mut self, matrix: &Ternary) {
        for start in (0..self.model.hidden).step_by(self.plan.tile) {
            let end = (start + self.plan.tile).min(self.model.hidden);
            self.matmul(&[(matrix, start..end)]);
            let x = self.plan.x + self.words(start);
            self.out.vector(Vector {
                n: self.words(end - start),
                a_kind: AKind::Acc,
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
        let banks = self.device.accumulator_banks();
        let tile = self.plan.tile / 2 / banks * banks;
        for start in (0..self.model.ffn).step_by(tile) {
            let end = (start + tile).min(self.model.ffn);
            self.matmul(&[(&layer.gate, start..end), (&layer.up, start..end)]);
            let (n, at) = (self.words(end - start), self.plan.scratch + self.words(start));
            let acc = Vector { n, a_kind: AKind::Acc, m_kind: MKind::Sreg, ..Vector::default() };
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
            self.out.vector(Vector { a: n, m: s::UP.into(), ..times });
        }
    }

    /// Multiplies the activation codes by the given rows, one below the other.
    pub(super) fn matmul(&mut self, rows: &[Rows]) {
        let inputs = rows[0].0.codes.ncols();
        let all: Vec<_> = rows.iter().flat_map(|(m, range)| range.clone().map(|r| m.codes.row(r))).collect();
        self.out.matmul(all.len(), inputs, 1, |_, output, input| all[output][input]);
    }

    /// Words of V elements that hold `elements`.
    pub fn words(&self, elements: usize) -> u16 {
        elements.div_ceil(self.device.lanes as usize) as u16
    }
}
