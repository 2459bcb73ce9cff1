//! What VECTORs may do while an ATTN with `BESIDE` is at work: write query codes that it awaits, and work on heads that are done.

use super::{AKind, BKind, DstKind, MKind, Pass, Vector, ZOp};
use std::ops::Range;

/// An ATTN that the VECTORs behind it run beside.
#[derive(Clone, Debug)]
pub struct During {
    /// Query heads in the order of the passes.
    heads: Vec<usize>,
    /// Words of a head's codes.
    words: usize,
    /// The next word of codes that it awaits, if it awaits any.
    next: Option<usize>,
    /// First SREG of the query scales, of the weight maxima, of the sums.
    scalars: [usize; 3],
}

impl During {
    /// An ATTN of these passes, with heads of so many words; `queries`: the first word of codes that comes behind it, 0 for none.
    pub fn new(passes: &[Pass], words: usize, queries: u16, scalars: [usize; 3]) -> Self {
        let heads = passes.iter().flat_map(|pass| &pass.heads).map(|&head| head.into()).collect();
        let next = (queries > 0).then_some(queries.into());
        During { heads, words: words.max(1), next, scalars }
    }

    /// Heads whose codes are there: those below.
    fn coded(&self) -> usize {
        self.next.map_or(usize::MAX, |next| next / self.words)
    }

    /// 1 if all codes are there, so that the ATTN comes to its end.
    pub fn complete(&self) -> bool {
        self.heads.iter().all(|&head| head < self.coded())
    }

    /// 1 if `v` may run beside it. It may write the codes that come next, read sums of heads that it waits for, and use scalars of
    /// heads that are done or whose codes are not there yet.
    pub fn allows(&self, v: &Vector) -> bool {
        let after = usize::from(v.after);
        let done = |head: usize| self.heads.iter().take(after).any(|&h| h == head);
        let quiet = |head: usize| !self.heads.contains(&head) || done(head) || head >= self.coded();
        let [scale, maxima, sums] = self.scalars;
        let all = |scalars: &[Range<usize>], first: usize| {
            scalars.iter().flat_map(Clone::clone).all(|s| s < first || quiet(s - first))
        };
        let (reads, writes) = scalars(v);
        let own = all(&writes, scale) && [maxima, sums].iter().all(|&s| all(&reads, s) && all(&writes, s));
        let total = usize::from(v.n) * usize::from(v.rep);
        let first = usize::from(v.a);
        let results = v.a_kind != AKind::Att || (first..first + total).all(|word| done(word / self.words));
        let codes = v.dst_kind != DstKind::Query || self.next == Some(v.dst.into());
        let cache = !matches!(v.dst_kind, DstKind::Kv | DstKind::KvScale);
        after <= self.heads.len() && own && results && codes && cache
    }

    /// `v` comes.
    pub fn vector(&mut self, v: &Vector) {
        if let (Some(next), DstKind::Query) = (&mut self.next, v.dst_kind) {
            *next += usize::from(v.n) * usize::from(v.rep);
        }
    }
}

/// The scalars that a VECTOR reads and those that it writes.
fn scalars(v: &Vector) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (n, rep) = (usize::from(v.n), usize::from(v.rep));
    let from = |first: usize, len: usize| first..first + len;
    let steps = if v.a_kind == AKind::Sreg { n } else { rep };
    let span = |inc: bool| if inc { steps } else { 1 };
    let a = (v.a_kind == AKind::Sreg).then(|| from(v.a.into(), n * rep));
    let m = (v.m_kind == MKind::Sreg).then(|| from(v.m.into(), span(v.m_inc)));
    let two = !matches!(v.zop, ZOp::Pass | ZOp::Square);
    let b = (two && v.b_kind == BKind::Sreg).then(|| from(v.b.into(), span(v.b_inc)));
    let result = (v.dst_kind == DstKind::Sreg).then(|| from(v.dst.into(), n * rep));
    let max = v.reduce_max.map(|s| from(s.into(), rep));
    let sum = v.reduce_sum.map(|s| from(s.into(), 1));
    let list = |of: [Option<Range<usize>>; 3]| of.into_iter().flatten().collect();
    (list([a, m, b]), list([result, max, sum]))
}
