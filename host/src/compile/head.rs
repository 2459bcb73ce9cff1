//! The head: logits of all tokens, tile by tile, to the selection and on request to memory.
//!
//! Rows are quantized to integers that a few balanced ternary planes hold, each with its own scale, so that the engine that
//! computes the layers computes them too.

use crate::compile::layer::Emitter;
use crate::compile::plan::scalar;
use crate::statistics::{divergence, log_softmax};
use crate::tensors::Floats;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::ops::Range;
use sterna_spec::isa::{AKind, BKind, DstKind, MKind, Vector, ZOp};
use sterna_spec::layout::{balanced_digit, plane_range};

/// The head as integers and scales: logit = codes * x * scale. Codes are made from the rows when asked for.
#[derive(Debug, Clone)]
pub struct Head<'a> {
    rows: &'a Floats,
    /// One factor a row, `[vocab]`.
    pub scales: Vec<f32>,
    /// Number of balanced ternary planes: 4 hold +-40, 5 hold +-121.
    pub planes: u8,
}

/// Numbers of planes that are tried when none is asked for, fewest first.
const CHOICES: [u8; 2] = [4, 5];
/// Mean KL divergence, in nats, up to which fewer planes are good enough.
const GOOD_ENOUGH: f64 = 1e-4;
/// Steps of the uniform quantizers with 3, 9 and 27 levels that do least harm to a normal distribution of variance 1 (J. Max,
/// Quantizing for minimum distortion, 1960; 27: between its 26 and 28).
const STEPS: [f32; 3] = [1.224, 0.5338, 0.218];
/// Random hidden states on which that divergence is measured.
const STATES: usize = 4;

impl<'a> Head<'a> {
    /// Quantizes with `planes` planes, or with the fewest of 4 and 5 whose KL divergence from the exact head, over random
    /// states that the last norm's gain shapes, is small; 5 if none is.
    pub fn new(rows: &'a Floats, gain: &[f32], planes: Option<u8>) -> Self {
        if let Some(planes) = planes {
            return Head::quantize(rows, planes);
        }
        let mut head = Head::quantize(rows, CHOICES[0]);
        for &planes in &CHOICES[1..] {
            if head.divergence(gain) <= GOOD_ENOUGH {
                break;
            }
            head = Head::quantize(rows, planes);
        }
        head
    }

    /// Rounds each row to `planes` balanced ternary digits: the largest magnitude, or with up to three planes that beyond which a
    /// normal row had better be cut, becomes the largest integer, and the scale is the one that fits the rounded row best.
    pub fn quantize(rows: &'a Floats, planes: u8) -> Self {
        let mut head = Head { rows, scales: Vec::new(), planes };
        head.scales = (0..rows.rows())
            .into_par_iter()
            .map_init(
                || (vec![0.0; rows.columns()], vec![0; rows.columns()]),
                |(weights, codes), row| {
                    head.rows_of(row, weights, codes);
                    let (mut product, mut square) = (0.0, 0.0);
                    for (&code, &weight) in codes.iter().zip(weights.iter()) {
                        product += f64::from(code) * f64::from(weight);
                        square += f64::from(code) * f64::from(code);
                    }
                    if square > 0.0 { (product / square) as f32 } else { 0.0 }
                },
            )
            .collect();
        head
    }

    /// A head of which only the size matters.
    pub fn unread(rows: &'a Floats, planes: u8) -> Self {
        Head { rows, scales: vec![0.0; rows.rows()], planes }
    }

    /// Codes of row `row`, within the range of the planes; `codes` is as long as a row.
    pub fn codes(&self, row: usize, codes: &mut [i8]) {
        self.rows_of(row, &mut vec![0.0; codes.len()], codes);
    }

    /// Codes of some rows, one behind the other.
    fn tile(&self, rows: Range<usize>) -> Vec<i8> {
        let width = self.rows.columns();
        let mut codes = vec![0; rows.len() * width];
        codes.par_chunks_exact_mut(width).zip(rows).for_each(|(codes, row)| self.codes(row, codes));
        codes
    }

    /// Weights and codes of a row.
    fn rows_of(&self, row: usize, weights: &mut [f32], codes: &mut [i8]) {
        self.rows.row(row, weights);
        let range = plane_range(self.planes.into()) as f32;
        let mut largest = weights.iter().fold(f32::MIN_POSITIVE, |m, w| m.max(w.abs()));
        if let Some(step) = STEPS.get(usize::from(self.planes) - 1) {
            let square = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
            largest = largest.min((step * range * square.sqrt()).max(f32::MIN_POSITIVE));
        }
        let factor = range / largest;
        for (code, &weight) in codes.iter_mut().zip(weights.iter()) {
            *code = (weight * factor).round_ties_even().clamp(-range, range) as i8;
        }
    }

    /// Mean KL divergence of this head from the exact one over random states.
    fn divergence(&self, gain: &[f32]) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        // the sum of four uniform numbers, of variance 1, is near enough to a normal one
        let mut normal = || (0..4).map(|_| random.random_range(-1.0f32..1.0)).sum::<f32>() * 0.75f32.sqrt();
        let states: [Vec<f32>; STATES] = std::array::from_fn(|_| gain.iter().map(|g| g * normal()).collect());
        let width = self.rows.columns();
        let logits: Vec<[[f32; 2]; STATES]> = (0..self.rows.rows())
            .into_par_iter()
            .map_init(
                || (vec![0.0; width], vec![0; width]),
                |(weights, codes), row| {
                    self.rows_of(row, weights, codes);
                    std::array::from_fn(|s| {
                        let exact = states[s].iter().zip(weights.iter()).map(|(x, w)| x * w).sum();
                        let coarse: f32 =
                            states[s].iter().zip(codes.iter()).map(|(x, &c)| x * f32::from(c)).sum();
                        [exact, coarse * self.scales[row]]
                    })
                },
            )
            .collect();
        let of = |s: usize, which: usize| log_softmax(logits.iter().map(move |l| l[s][which]));
        (0..STATES).map(|s| divergence(&of(s, 0), &of(s, 1))).sum::<f64>() / STATES as f64
    }
}

impl Emitter<'_> {
    /// All tiles of the head on the activation codes of the last norm. With `store`, logits also go to memory.
    pub fn head(&mut self, head: &Head, store: bool) {
        let (vocab, hidden) = (head.rows.rows(), self.plan.hidden.padded);
        let lanes = self.device.lanes as usize;
        // a tile's scales lie where the gains lie, its logits in scratch: both hold the widest vector but perhaps fewer words than outputs
        let shared = self.device.shared_words as usize - self.plan.gains[0] as usize;
        let scratch = self.device.vector_words as usize - self.plan.scratch as usize;
        let banks = self.device.accumulator_banks();
        let tile = ((shared.min(scratch) * lanes).min(self.plan.tile) / banks).max(1) * banks;
        let digits: Vec<[i8; 256]> = (0..head.planes.into()).rev().map(digits_of_plane).collect();
        for start in (0..vocab).step_by(tile) {
            let end = (start + tile).min(vocab);
            let codes = if self.out.is_outline() { Vec::new() } else { head.tile(start..end) };
            let a = self.other_half();
            self.out.matmul_rows(a, end - start, hidden, head.planes, |plane, output, out| {
                let width = head.rows.columns();
                for (trit, &code) in out.iter_mut().zip(&codes[output * width..(output + 1) * width]) {
                    *trit = digits[usize::from(plane)][usize::from(code as u8)];
                }
            });
            // behind the matrix: it waits for the vector work on the tile before, beside which the matrix runs
            self.out.load(self.plan.gains[0], &head.scales[start..end]);
            let all = Vector { head: true, n: self.words(end - start), ..Vector::default() };
            self.out.vector(Vector {
                a_kind: AKind::Acc,
                a,
                m_kind: MKind::Cmem,
                m: self.plan.gains[0],
                zop: ZOp::Mul,
                b_kind: BKind::Sreg,
                b: scalar::ROW.into(),
                dst_kind: DstKind::Vmem,
                dst: self.plan.scratch,
                ..all
            });
            let (imm_b, addr) = (vocab as u32, start as u32);
            let topk = Vector { a: self.plan.scratch, dst_kind: DstKind::Topk, imm_b, addr, ..all };
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
    use ndarray::{Array2, arr2};

    #[test]
    fn rows_keep_their_largest_weight() {
        let rows = arr2(&[[0.5, -1.0, 0.0], [0.0, 0.0, 0.0]]).into();
        let head = Head::new(&rows, &[1.0; 3], Some(4));
        assert_eq!(head.tile(0..2), [20, -40, 0, 0, 0, 0]);
        assert_eq!(head.scales, [1.0 / 40.0, 0.0]);
    }

    #[test]
    fn planes_follow_the_divergence() {
        let planes = |rows: Array2<f32>, gain: f32| Head::new(&rows.into(), &[gain; 80], None).planes;
        let levels = Array2::from_shape_fn((9, 80), |(r, c)| (c as f32 - 40.0) * (r as f32 + 0.37) / 80.0);
        assert_eq!(planes(levels, 1.0), 4, "levels that four planes hold");
        let wave = Array2::from_shape_fn((9, 80), |(r, c)| ((r * 80 + c) as f32).sin());
        assert_eq!(planes(wave.clone(), 1.0), 5, "logits that matter");
        assert_eq!(planes(wave.clone(), 0.01), 4, "logits that hardly differ");
        assert_eq!(Head::new(&wave.into(), &[1.0; 80], Some(3)).planes, 3);
    }
}
