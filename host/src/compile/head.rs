//! The head: logits of all tokens, tile by tile, to the selection and on request to memory.
//!
//! Rows are quantized to integers that a few balanced ternary planes hold, each with its own scale, so that the engine that
//! computes the layers computes them too.

use crate::compile::layer::Emitter;
use crate::compile::plan::scalar;
use ndarray::{Array2, ArrayView1};
use sterna_spec::isa::{AKind, BKind, DstKind, MKind, Vector, ZOp};
use sterna_spec::layout::{balanced_digit, plane_range};

/// The head as integers and scales: logit = codes * x * scale.
#[derive(Debug, Clone)]
pub struct Head {
    /// `[vocab, hidden]`, within the range of the planes.
    pub codes: Array2<i8>,
    /// One factor a row, `[vocab]`.
    pub scales: Vec<f32>,
    /// Number of balanced ternary planes.
    pub planes: u8,
}

/// Numbers of planes that are tried when none is asked for, fewest first.
const CHOICES: [u8; 2] = [4, 5];

impl Head {
    /// Quantizes with `planes` planes, or with as few of 4 and 5 as lose nothing against the other: models trained with a
    /// head of 81 levels need 4.
    pub fn new(rows: &Array2<f32>, planes: Option<u8>) -> Self {
        let [few, many] = CHOICES.map(|p| Head::quantize(rows, planes.unwrap_or(p)));
        if few.error(rows) <= many.error(rows) { few } else { many }
    }

    /// Rounds each row to `planes` balanced ternary digits: the largest magnitude becomes the largest integer, and the scale is the
    /// one that fits the rounded row best.
    fn quantize(rows: &Array2<f32>, planes: u8) -> Self {
        let range = plane_range(planes.into()) as f32;
        let mut codes = Array2::zeros(rows.dim());
        let mut scales = Vec::with_capacity(rows.nrows());
        for (row, mut out) in rows.outer_iter().zip(codes.outer_iter_mut()) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |m, w| m.max(w.abs()));
            let factor = range / largest;
            let (mut product, mut square) = (0.0, 0.0);
            for (code, &weight) in out.iter_mut().zip(row) {
                let rounded = (weight * factor).round_ties_even().clamp(-range, range);
                *code = rounded as i8;
                product += f64::from(rounded) * f64::from(weight);
                square += f64::from(rounded) * f64::from(rounded);
            }
            scales.push(if square > 0.0 { (product / square) as f32 } else { 0.0 });
        }
        Head { codes, scales, planes }
    }

    /// Sum of squared differences from `rows`.
    fn error(&self, rows: &Array2<f32>) -> f64 {
        let row = |((row, codes), &scale): ((ArrayView1<f32>, ArrayView1<i8>), &f32)| -> f64 {
            row.iter().zip(codes).map(|(w, &c)| f64::from(w - f32::from(c) * scale).powi(2)).sum()
        };
        rows.outer_iter().zip(self.codes.outer_iter()).zip(&self.scales).map(row).sum()
    }
}

impl Emitter<'_> {
    /// All tiles of the head on the activation codes of the last norm. With `store`, logits also go to memory.
    pub fn head(&mut self, head: &Head, store: bool) {
        let (vocab, hidden) = head.codes.dim();
        let lanes = self.device.lanes as usize;
        // a tile's scales lie where the gains lie, which hold the widest vector but perhaps fewer words than outputs
        let room = (self.device.shared_words as usize - self.plan.gain as usize) * lanes;
        let banks = self.device.accumulator_banks();
        let tile = (room.min(self.plan.tile) / banks).max(1) * banks;
        let digits: Vec<[i8; 256]> = (0..head.planes.into()).rev().map(digits_of_plane).collect();
        for start in (0..vocab).step_by(tile) {
            let end = (start + tile).min(vocab);
            self.out.load(self.plan.gain, &head.scales[start..end]);
            self.out.matmul(end - start, hidden, head.planes, |plane, output, input| {
                digits[usize::from(plane)][usize::from(head.codes[(start + output, input)] as u8)]
            });
            let topk = Vector {
                head: true,
                n: self.words(end - start),
                a_kind: AKind::Acc,
                m_kind: MKind::Cmem,
                m: self.plan.gain,
                zop: ZOp::Mul,
                b_kind: BKind::Sreg,
                b: scalar::ROW.into(),
                dst_kind: DstKind::Topk,
                imm_b: vocab as u32,
                addr: start as u32,
                ..Vector::default()
            };
            self.out.vector(topk);
            if store {
                self.out.vector(Vector { dst_kind: DstKind::Logits, ..topk });
            }
        }
    }
}

/// The digit in one plane of every code, by the code's bits.
fn digits_of_plane(plane: u32) -> [i8; 256] {
    std::array::from_fn(|bits| balanced_digit(i32::from(bits as u8 as i8), plane))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn rows_keep_their_largest_weight() {
        let head = Head::new(&arr2(&[[0.5, -1.0, 0.0], [0.0, 0.0, 0.0]]), Some(4));
        assert_eq!(head.codes, arr2(&[[20, -40, 0], [0, 0, 0]]));
        assert_eq!(head.scales, [1.0 / 40.0, 0.0]);
    }

    #[test]
    fn planes_follow_the_levels() {
        let levels = Array2::from_shape_fn((3, 80), |(r, c)| (c as f32 - 40.0) * (r as f32 + 0.37));
        assert_eq!(Head::new(&levels, None).planes, 4);
        let wave = Array2::from_shape_fn((3, 80), |(r, c)| ((r * 80 + c) as f32).sin());
        assert_eq!(Head::new(&wave, None).planes, 5);
        assert_eq!(Head::new(&wave, Some(3)).planes, 3);
    }
}
