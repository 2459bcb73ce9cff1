//! What may run beside VECTORs: a MATMUL or a LOAD that touches nothing of theirs.

use super::{AKind, DstKind, MKind, Vector};
use std::collections::VecDeque;
use std::ops::Range;

/// VECTORs that have not ended at most, when another instruction comes.
pub const VECTORS_AT_WORK: usize = 8;

/// What a VECTOR that may be at work has to do with others.
#[derive(Clone, Debug, Default)]
struct AtWork {
    /// Accumulator words, words of shared memory that it reads.
    accumulators: Option<Range<usize>>,
    shared: Option<Range<usize>>,
    /// It writes activation codes; 1 if a MATMUL can follow them.
    codes: Option<bool>,
}

/// The VECTORs that may still be at work when an instruction starts: of those since the MATMUL before it the last
/// [`VECTORS_AT_WORK`].
#[derive(Clone, Debug, Default)]
pub struct Beside {
    vectors: VecDeque<AtWork>,
    /// A MATMUL came since; the next VECTOR waits for everything before it.
    behind: bool,
}

impl Beside {
    /// A VECTOR comes, on a device of so many rows.
    pub fn vector(&mut self, v: &Vector, rows: u32) {
        if self.behind {
            *self = Beside::default();
        }
        self.vectors.truncate(VECTORS_AT_WORK - 1);
        let mut new = AtWork::default();
        if v.dst_kind == DstKind::Act {
            // from the first word on, and none else's
            new.codes = Some(v.dst == 0 && self.vectors.iter().all(|other| other.codes.is_none()));
        }
        if v.a_kind == AKind::Acc {
            let (first, words) = (usize::from(v.a), usize::from(v.n) * usize::from(v.rep));
            new.accumulators = Some(first..first + words);
        }
        if v.m_kind == MKind::Cmem {
            let (first, parts) = (usize::from(v.m), (rows as usize - 1) * usize::from(v.m_stride));
            new.shared = Some(first..first + parts + usize::from(v.n));
        }
        self.vectors.push_front(new);
    }

    /// 1 if a MATMUL that writes these accumulator words may run beside the VECTORs before it. It follows the codes of one of them
    /// that begins with the first word.
    pub fn allows_matmul(&self, writes: &Range<usize>) -> bool {
        let codes = self.vectors.iter().all(|v| v.codes != Some(false));
        codes && self.vectors.iter().all(|v| apart(v.accumulators.as_ref(), writes))
    }

    /// 1 if a LOAD that writes these words of shared memory may.
    pub fn allows_load(&self, writes: &Range<usize>) -> bool {
        self.vectors.iter().all(|v| apart(v.shared.as_ref(), writes))
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

fn apart(reads: Option<&Range<usize>>, writes: &Range<usize>) -> bool {
    reads.is_none_or(|r| r.end <= writes.start || writes.end <= r.start)
}
