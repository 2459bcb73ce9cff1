//! The instructions of one layer, in the order in which they run.

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
    /// Where the gain of the norm at hand, or of the next one, lies in shared memory.
    pub gain: u16,
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
    /// One layer, and the norm of the `next` one's input, as this one's last. The norm of its own input has been emitted.
    pub fn layer(&mut self, index: usize, layer: &Layer, next: Option<&Layer>) {
        let plan = self.plan.clone();
        let [attention, ffn] = [layer.attention_norm.as_deref(), layer.ffn_norm.as_deref()];
        let [output, down] = [&layer.output, &layer.down];
        let next = next.map(|layer| &layer.input_norm[..]);
        // a gain is loaded as soon as the norm before it has its own
        let gains = [
            (attention, &plan.queries),
            (Some(&layer.ffn_input_norm[..]), &plan.hidden),
            (ffn, &plan.ffn),
            (next, &plan.hidden),
        ];
        let mut gains = gains.into_iter().filter_map(|(gain, axis)| Some((gain?, axis)));
        self.part(format!("layer {index}, attention"));
        self.load_gain(gains.next());
        self.codes(Some(&layer.input_norm), &plan.hidden, 1.0, false);
        self.attention(index, layer, next.is_none());
        self.part(format!("layer {index}, output projection"));
        if attention.is_some() {
            self.load_gain(gains.next());
        }
        self.codes(attention, &plan.queries, f64::from(output.scale), false);
        self.residual(output, &plan.queries, true);
        self.part(format!("layer {index}, gate and up"));
        self.load_gain(gains.next());
        self.codes(Some(&layer.ffn_input_norm), &plan.hidden, 1.0, false);
        self.feed_forward(layer);
        self.part(format!("layer {index}, down projection"));
        if ffn.is_some() {
            self.load_gain(gains.next());
        }
        self.codes(ffn, &plan.ffn, f64::from(down.scale), false);
        self.residual(down, &plan.ffn, next.is_some());
    }

    /// Names what follows.
    pub fn part(&mut self, name: impl Into<String>) {
        self.parts.push((self.out.beats(), name.into()));
    }

    /// Adds the product of the activation codes and a matrix to the residual stream, and makes the input of the next norm of it if there
    /// is one.
    fn residual(&mut self, matrix: &Ternary, inputs: &Axis, norm: bool) {
        let axis = self.plan.hidden.clone();
        // first sums are added while others are made; the codes of a long vector come beside a long tile
        for places in self.tiles(&axis, 1, 2) {
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
            if norm {
                self.norm(self.plan.x, &axis, places, false);
            }
        }
    }

    /// From activation codes to `act(gate) * up` in scratch, and to the input of the norm behind it, or its largest magnitude.
    fn feed_forward(&mut self, layer: &Layer) {
        for (scale, dst) in [(layer.gate.scale, s::GATE), (layer.up.scale, s::UP)] {
            self.out.vector(Vector { m_kind: MKind::Imm, imm_m: scale, ..scalars(1, s::ROW, dst) });
        }
        if self.model.activation == Activation::Silu {
            let imm_m = -LOG2_E as f32;
            self.out.vector(Vector { m_kind: MKind::Imm, imm_m, ..scalars(1, s::GATE, s::CODES) });
        }
        let (axis, hidden) = (self.plan.ffn.clone(), self.plan.hidden.clone());
        // gate and up of the same places are in one tile, so that every tile has the same vector work
        for places in self.tiles(&axis, 2, 1) {
            let rows =
                [&layer.gate, &layer.up].map(|matrix| Rows { matrix, axis: &axis, places: places.clone() });
            let a = self.matmul(&rows, &hidden);
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
            let times = Vector { a: a + n, m: s::UP.into(), ..times };
            if layer.ffn_norm.is_some() {
                self.out.vector(times);
                self.norm(self.plan.scratch, &axis, places, false);
            } else {
                let part = places.end < axis.padded;
                self.out.vector(Vector { reduce_max: Some(s::MAX), part, ..times });
            }
        }
    }

    /// The outputs of so many matrices, side by side in one tile of accumulators. The last tiles are as short as tables are made as fast as
    /// they are used: nothing runs beside the vector work on the last.
    fn tiles(&self, axis: &Axis, matrices: usize, short: usize) -> Vec<Range<usize>> {
        let banks = self.device.accumulator_banks();
        let least = self.device.full_rate_outputs().div_ceil(matrices).next_multiple_of(banks);
        // a tile holds a head, whose halves are whole words, and MIN_BLOCKS blocks: at least two banks' worth
        let most = self.plan.tile / matrices / banks * banks;
        axis.tiles(banks, [least.min(most), most], short)
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
