//! Which layout an I2_S tensor has, by plausibility: in the right one, trained weights have structure.
//!
//! The codes are the same in every layout; only their places differ. Two kinds of evidence are used, each in standard
//! deviations above what independent codes would give:
//!
//! - **Structure**: rows and columns of a trained matrix differ in their share of zeros and in their mean sign. A layout
//!   that mixes rows or columns averages that away. It tells the four-row layout from the others. It cannot tell x86 from
//!   ARM where rows are multiples of 128: these two then differ only by a fixed permutation of the columns.
//! - **Order**: the share of zeros of a column goes with the gain that the norm in front of the matrix gives that channel,
//!   and gains are stored in channel order. In wrong order, most of the correlation is gone.
//!
//! Evidence of several tensors of a file adds up ([`Detection::add`]); noise adds up more slowly.

use super::i2s::{Layout, row, split};
use super::{Error, Result};

/// Rows that are looked at: enough for certainty, and quick for any matrix. A multiple of 128, for all layouts.
const ROWS: usize = 1024;

/// Standard deviations between the best and the second layout from which the best is believed.
const BELIEVED: f64 = 4.0;

/// Kinds of structure that are added up for a tensor: zeros and signs, of rows and of columns.
const STRUCTURES: u32 = 4;

/// What the tensors seen so far say about their layout.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detection {
    evidence: [Evidence; 3],
    /// How many terms of each kind every layout's evidence adds up.
    structures: u32,
    orders: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Evidence {
    impossible: bool,
    structure: f64,
    order: f64,
}

impl Detection {
    /// The most plausible layout; x86, which published files have, if [`Detection::decided`] is false.
    pub fn layout(&self) -> Layout {
        if self.decided() { self.ranking().0 } else { Layout::X86 }
    }

    /// True if the best layout is far enough ahead of all others.
    pub fn decided(&self) -> bool {
        self.confidence() >= BELIEVED
    }

    /// Lead of the best layout over the second, in standard deviations of chance.
    pub fn confidence(&self) -> f64 {
        self.ranking().1
    }

    /// Evidence for each of [`Layout::ALL`], in standard deviations summed over all terms; minus infinity for a layout
    /// that the shapes rule out.
    pub fn scores(&self) -> [f64; 3] {
        self.evidence.map(|e| if e.impossible { f64::NEG_INFINITY } else { e.structure + e.order })
    }

    /// Adds the evidence of another tensor of the same file.
    pub fn add(&mut self, other: &Detection) {
        for (mine, theirs) in self.evidence.iter_mut().zip(other.evidence) {
            mine.impossible |= theirs.impossible;
            mine.structure += theirs.structure;
            mine.order += theirs.order;
        }
        self.structures += other.structures;
        self.orders += other.orders;
    }

    /// The layout that no other beats, and its smallest lead.
    fn ranking(&self) -> (Layout, f64) {
        let scores = self.scores();
        let mut best = 0;
        for i in 1..3 {
            if scores[i] > scores[best] {
                best = i;
            }
        }
        let leads = (0..3).filter(|&i| i != best).map(|i| self.lead(best, i));
        (Layout::ALL[best], leads.fold(f64::INFINITY, f64::min))
    }

    /// Lead of layout `a` over `b`, in standard deviations of the difference of as many chance terms.
    fn lead(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (self.evidence[a], self.evidence[b]);
        if a.impossible || b.impossible {
            return if a.impossible { 0.0 } else { f64::INFINITY };
        }
        // layouts that only permute columns have the same structure, and no noise in it either
        let structure = a.structure - b.structure;
        let structures = if structure.abs() < 1e-3 { 0 } else { self.structures };
        let terms = f64::from(2 * (structures + self.orders));
        if terms == 0.0 { 0.0 } else { (structure + a.order - b.order) / terms.sqrt() }
    }
}

/// Weighs the layouts of one tensor. `bytes` are the whole tensor; `gains`, one for each column, are those of the norm
/// whose output the matrix multiplies, in f32. Without them x86 and ARM often cannot be told apart.
pub fn detect(bytes: &[u8], columns: usize, gains: Option<&[f32]>) -> Result<Detection> {
    if let Some(found) = gains.map(<[f32]>::len).filter(|&found| found != columns) {
        return Err(Error::Gains { found, columns });
    }
    let (_, rows) = split(bytes, columns)?;
    let orders = gains.is_some().into();
    let mut detection = Detection { structures: STRUCTURES, orders, ..Detection::default() };
    for (evidence, layout) in detection.evidence.iter_mut().zip(Layout::ALL) {
        if layout.check(rows, columns).is_err() {
            evidence.impossible = true;
            continue;
        }
        let counts = Counts::of(layout, bytes, rows.min(ROWS), columns)?;
        evidence.structure = counts.structure();
        evidence.order = gains.map_or(0.0, |gains| counts.order(gains));
    }
    Ok(detection)
}

/// Zeros and sums of codes of every row and column under one layout.
struct Counts {
    row_zeros: Vec<i32>,
    row_sums: Vec<i32>,
    column_zeros: Vec<i32>,
    column_sums: Vec<i32>,
}

impl Counts {
    fn of(layout: Layout, bytes: &[u8], rows: usize, columns: usize) -> Result<Self> {
        let mut counts = Counts {
            row_zeros: vec![0; rows],
            row_sums: vec![0; rows],
            column_zeros: vec![0; columns],
            column_sums: vec![0; columns],
        };
        let mut codes = vec![0; columns];
        for i in 0..rows {
            row(layout, bytes, i, &mut codes)?;
            for (j, &code) in codes.iter().enumerate() {
                counts.column_zeros[j] += i32::from(code == 0);
                counts.column_sums[j] += i32::from(code);
            }
            counts.row_zeros[i] = codes.iter().map(|&code| i32::from(code == 0)).sum();
            counts.row_sums[i] = codes.iter().map(|&code| i32::from(code)).sum();
        }
        Ok(counts)
    }

    fn structure(&self) -> f64 {
        let (rows, columns) = (self.row_zeros.len() as f64, self.column_zeros.len() as f64);
        let share = |counts: &[i32]| counts.iter().map(|&c| f64::from(c)).sum::<f64>() / (rows * columns);
        let (zeros, sum) = (share(&self.row_zeros), share(&self.row_sums));
        let zero_variance = zeros * (1.0 - zeros);
        let code_variance = 1.0 - zeros - sum * sum;
        excess(&self.row_zeros, zero_variance * columns)
            + excess(&self.column_zeros, zero_variance * rows)
            + excess(&self.row_sums, code_variance * columns)
            + excess(&self.column_sums, code_variance * rows)
    }

    /// Correlation of the columns' zeros with the magnitudes of the gains, in standard deviations of chance.
    fn order(&self, gains: &[f32]) -> f64 {
        let zeros: Vec<f64> = self.column_zeros.iter().map(|&z| f64::from(z)).collect();
        let gains: Vec<f64> = gains.iter().map(|g| f64::from(g.abs())).collect();
        let (zeros_mean, gains_mean) = (mean(&zeros), mean(&gains));
        let pairs = || zeros.iter().zip(&gains).map(|(z, g)| (z - zeros_mean, g - gains_mean));
        let covariance: f64 = pairs().map(|(z, g)| z * g).sum();
        let norms = pairs().map(|(z, _)| z * z).sum::<f64>() * pairs().map(|(_, g)| g * g).sum::<f64>();
        let correlation = covariance.abs() / norms.sqrt();
        if correlation.is_finite() { correlation * (zeros.len() as f64).sqrt() } else { 0.0 }
    }
}

/// How far the scatter of `counts` exceeds that of independent draws with the given variance: chi-squared, as standard
/// deviations above its mean.
fn excess(counts: &[i32], variance: f64) -> f64 {
    let values: Vec<f64> = counts.iter().map(|&c| f64::from(c)).collect();
    let (mean, freedom) = (mean(&values), values.len() as f64 - 1.0);
    let scatter: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let z = (scatter / variance - freedom) / (2.0 * freedom).sqrt();
    if z.is_finite() { z } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
