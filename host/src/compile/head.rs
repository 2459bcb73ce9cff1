//! The head: logits of all tokens, tile by tile, to the selection and on request to memory.
//!
//! Rows are quantized to integers that a few balanced ternary planes hold, each with its own scale, so that the engine that
//! computes the layers computes them too.

use crate::compile::layer::Emitter;
use crate::compile::plan::scalar;
use ndarray::Array2;
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

impl Head {
    /// Rounds each row to `planes` balanced ternary digits; the largest magnitude becomes the largest integer.
    pub fn quantize(rows: &Array2<f32>, planes: u8) -> Self {
        let range = plane_range(planes.into()) as f32;
        let mut codes = Array2::zeros(rows.dim());
        let mut scales = Vec::with_capacity(rows.nrows());
        for (row, mut out) in rows.outer_iter().zip(codes.outer_iter_mut()) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |m, w| m.max(w.abs()));
            let factor = range / largest;
            for (code, &weight) in out.iter_mut().zip(row) {
                *code = (weight * factor).round_ties_even().clamp(-range, range) as i8;
            }
            scales.push(largest / range);
        }
        Head { codes, scales, planes }
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
        let head = Head::quantize(&arr2(&[[0.5, -1.0, 0.0], [0.0, 0.0, 0.0]]), 4);
        assert_eq!(head.codes, arr2(&[[20, -40, 0], [0, 0, 0]]));
        assert_eq!(head.scales[0], 1.0 / 40.0);
        assert!(head.scales[1].is_finite());
    }
}
