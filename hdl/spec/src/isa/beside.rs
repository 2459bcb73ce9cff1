//! What may run beside VECTORs: a MATMUL or a LOAD that touches nothing of theirs.

use super::{AKind, DstKind, MKind, Vector};
use std::ops::Range;

/// The VECTORs that may still be at work when an instruction starts: those since the MATMUL before it.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Accumulator words that each of them reads.
    accumulators: Vec<Range<usize>>,
    /// Words of shared memory that each of them reads.
    shared: Vec<Range<usize>>,
    /// Where each of them that writes activation codes begins.
    codes: Vec<u16>,
    /// A MATMUL came since; the next VECTOR waits for everything before it.
    behind: bool,
}

impl Beside {
    /// A VECTOR comes, on a device of so many rows.
    pub fn vector(&mut self, v: &Vector, rows: u32) {
        if self.behind {
            *self = Beside::default();
        }
        if v.dst_kind == DstKind::Act {
            self.codes.push(v.dst);
        }
        if v.a_kind == AKind::Acc {
            let (first, words) = (usize::from(v.a), usize::from(v.n) * usize::from(v.rep));
            self.accumulators.push(first..first + words);
        }
        if v.m_kind == MKind::Cmem {
            let (first, parts) = (usize::from(v.m), (rows as usize - 1) * usize::from(v.m_stride));
            self.shared.push(first..first + parts + usize::from(v.n));
        }
    }

    /// 1 if a MATMUL that writes these accumulator words may run beside the VECTORs before it. It follows the codes of one of them
    /// that begins with the first word.
    pub fn allows_matmul(&self, writes: &Range<usize>) -> bool {
        matches!(self.codes[..], [] | [0]) && apart(&self.accumulators, writes)
    }

    /// 1 if a LOAD that writes these words of shared memory may.
    pub fn allows_load(&self, writes: &Range<usize>) -> bool {
        apart(&self.shared, writes)
    }

    /// A MATMUL comes.
    pub fn matmul(&mut self, beside: bool) {
        if !beside {
            *self = Beside::default();
        }
        self.behind = true;
    }

    /// A LOAD comes.
    pub fn load(&mut self, beside: bool) {
        if !beside {
            *self = Beside::default();
        }
    }

    /// An instruction comes that waits for everything before it.
    pub fn wait(&mut self) {
        *self = Beside::default();
    }
}

fn apart(reads: &[Range<usize>], writes: &Range<usize>) -> bool {
    reads.iter().all(|r| r.end <= writes.start || writes.end <= r.start)
}
