//! Which VECTORs a MATMUL may run beside.

use super::{AKind, DstKind, Vector};
use std::ops::Range;

/// The VECTORs that may still be at work when a MATMUL starts: those since the one before it.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Accumulator words that each of them reads.
    reads: Vec<Range<usize>>,
    /// One of them writes activation codes.
    codes: bool,
    /// A MATMUL came since; the next VECTOR waits for everything before it.
    behind: bool,
}

impl Beside {
    /// A VECTOR comes.
    pub fn vector(&mut self, v: &Vector) {
        if self.behind {
            *self = Beside::default();
        }
        self.codes |= v.dst_kind == DstKind::Act;
        if v.a_kind == AKind::Acc {
            let (first, words) = (usize::from(v.a), usize::from(v.n) * usize::from(v.rep));
            self.reads.push(first..first + words);
        }
    }

    /// 1 if a MATMUL that writes these accumulator words may run beside the VECTORs before it.
    pub fn allows(&self, writes: &Range<usize>) -> bool {
        !self.codes && self.reads.iter().all(|r| r.end <= writes.start || writes.end <= r.start)
    }

    /// A MATMUL comes.
    pub fn matmul(&mut self, beside: bool) {
        if !beside {
            *self = Beside::default();
        }
        self.behind = true;
    }

    /// An instruction comes that waits for everything before it.
    pub fn wait(&mut self) {
        *self = Beside::default();
    }
}
