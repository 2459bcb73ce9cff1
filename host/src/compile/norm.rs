//! From values in vector memory to activation codes, with a norm or without.
//!
//! ```text
//!   gain of the next norm ── LOAD, beside the vector work
//!   values ── piece by piece, as they come ──► times gain; largest magnitude, sum of squares
//!   factors ──► codes ──► the matrix follows them
//! ```
//!
//! One fact keeps the sequences short: a norm's scalar factor does not change int8 codes, so it enters only the scale that leaves
//! the matrix.

use crate::compile::axis::Axis;
use crate::compile::layer::{Emitter, scalars};
use crate::compile::plan::scalar as s;
use std::ops::Range;
use sterna_spec::isa::{BKind, DstKind, Func, MKind, Vector, ZOp};

/// Smallest magnitude that activations are scaled by, as in BitNet's reference.
const SMALLEST_ACTIVATION: f32 = 1e-5;

impl Emitter<'_> {
    /// Brings a norm's gain, if another norm follows, into shared memory, where the gain before it does not lie if there is room for two.
    pub(super) fn load_gain(&mut self, next: Option<(&[f32], &Axis)>) {
        let Some((gain, axis)) = next else { return };
        self.gain = self.plan.other_gain(self.gain, self.words(axis.padded));
        self.out.load(self.gain, &axis.padded(gain));
    }

    /// A piece of the input of the norm whose gain was loaded last: places of its axis, which begins at `src`. What comes out goes to
    /// scratch. The last piece is the one that ends the axis.
    pub(super) fn norm(&mut self, src: u16, axis: &Axis, places: Range<usize>, head: bool) {
        let at = self.words(places.start);
        self.out.vector(Vector {
            head,
            n: self.words(places.len()),
            a: src + at,
            m_kind: MKind::Cmem,
            m: self.gain + at,
            dst_kind: DstKind::Vmem,
            dst: self.plan.scratch + at,
            reduce_max: Some(s::MAX),
            reduce_sum: Some(s::SUM),
            part: places.end < axis.padded,
            ..Vector::default()
        });
    }

    /// A piece of the input of a norm, or of a matrix that has none, in scratch, and the largest magnitude of it.
    pub(super) fn norm_or_largest(&mut self, gain: Option<&[f32]>, axis: &Axis, places: Range<usize>) {
        let src = self.plan.scratch;
        match gain {
            Some(_) => self.norm(src, axis, places, false),
            None => self.out.vector(Vector {
                n: self.words(places.len()),
                a: src + self.words(places.start),
                reduce_max: Some(s::MAX),
                part: places.end < axis.padded,
                ..Vector::default()
            }),
        }
    }

    /// What lies in scratch to activation codes, after a norm or after a search for the largest magnitude.
    /// Scalar ROW becomes what a product of codes is multiplied by, times `scale`.
    pub(super) fn codes(&mut self, gain: Option<&[f32]>, axis: &Axis, scale: f64, head: bool) {
        let one = |a, dst| Vector { head, ..scalars(1, a, dst) };
        let mut largest =
            Vector { zop: ZOp::Max, imm_b: SMALLEST_ACTIVATION.to_bits(), ..one(s::MAX, s::NORMED) };
        let mut inverse =
            Vector { m_kind: MKind::Imm, imm_m: 1.0 / 127.0, func: Func::Recip, ..one(s::NORMED, s::CODES) };
        if let Some(gain) = gain {
            let (imm_m, imm_b) = (1.0 / gain.len() as f32, self.model.eps.to_bits());
            let mean = Vector { m_kind: MKind::Imm, imm_m, zop: ZOp::Add, imm_b, ..one(s::SUM, s::ROOT) };
            self.out.vector(mean);
            self.out.vector(Vector { func: Func::Rsqrt, ..one(s::ROOT, s::ROOT) });
            largest = Vector { m_kind: MKind::Sreg, m: s::ROOT.into(), ..largest };
            inverse = Vector { zop: ZOp::Mul, b_kind: BKind::Sreg, b: s::ROOT.into(), ..inverse };
        }
        self.out.vector(largest);
        self.out.vector(inverse);
        self.out.vector(Vector {
            head,
            n: self.words(axis.padded),
            a: self.plan.scratch,
            m_kind: MKind::Sreg,
            m: s::CODES.into(),
            dst_kind: DstKind::Act,
            ..Vector::default()
        });
        let imm_m = (scale / 127.0) as f32;
        self.out.vector(Vector { m_kind: MKind::Imm, imm_m, ..one(s::NORMED, s::ROW) });
    }
}
