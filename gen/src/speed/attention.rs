//! Cycles of an ATTN: K of a pass, V of the one before, weights beside it.
//!
//! ```text
//! beats     K(0)                 K(1)   V(0)        K(2)   V(1)      ..  V(n-1)
//! weights         weights(0)            weights(1)         weights(2)
//! ```

use sterna_hdl::blocks::attention::sum_latencies;

use super::Row;
use super::machine::Machine;
use super::supply::Supply;

/// Cycles from the start to the first request, and from the last descriptor's beat: a row is planned in two.
const PLAN: f64 = 16.0;
/// Cycles of a pass's turn beside its beats.
const TURN: f64 = 2.0;
/// Cycles of the weights of a pass beside its tokens and the sums of its last ones: score, exponential, inverse.
const WEIGHTS: f64 = 71.0;
/// Cycles around the words that the slots leave behind.
const DRAIN: f64 = 8.0;
/// Cycles from a head's last code to the slots.
const READ: f64 = 3.0;
/// Cycles beside the words of a slot that is emptied.
const SLOT: f64 = 3.0;

/// A planned pass.
struct Pass {
    /// Tokens of whole groups, beats of K (as many as of V) and of both scales.
    tokens: f64,
    beats: f64,
    scales: f64,
    slots: f64,
    /// Query heads of this pass and those before it, and whether it is the last with them.
    heads: usize,
    last: bool,
}

/// An ATTN under way.
pub(super) struct Begun {
    passes: Vec<Pass>,
    /// Words of a head.
    words: f64,
    /// Cycles from the last beat of K, of V, to its sums.
    sums: [f64; 2],
    /// When the first K is asked for.
    pub asked: f64,
}

/// When an ATTN's first heads are done, so many of them at each time, and when all of it is over.
pub(super) struct Over {
    pub heads: Vec<(usize, f64)>,
    pub end: f64,
}

/// Passes as the unit plans them: rows of one sequence that follow each other share one.
fn plan(m: &Machine, heads: &[u8], rows: &[Row], segments: u16, window: u16) -> Vec<Pass> {
    let c = &m.config;
    let (side, scales) = (c.tokens_per_beat(), c.beat_bytes() / 4);
    let mut passes = Vec::new();
    let mut before = 0;
    for &heads in heads {
        before += usize::from(heads);
        let fit = (c.slots as usize / usize::from(heads).max(1)).max(1);
        let mut at = 0;
        while at < rows.len() {
            let mut count = 1;
            while count < fit && at + count < rows.len() && rows[at + count].follows(&rows[at + count - 1]) {
                count += 1;
            }
            let last = rows[at + count - 1].position;
            let past = if window == 0 { usize::MAX } else { usize::from(window) - 1 };
            let first = rows[at].position.saturating_sub(past);
            let groups = last / side - first / side + 1;
            let scale_beats = last / scales - first / scales + 1;
            passes.push(Pass {
                tokens: (groups * side) as f64,
                beats: (groups * usize::from(segments)) as f64,
                scales: 2.0 * scale_beats as f64,
                slots: (usize::from(heads) * count) as f64,
                heads: before,
                last: at + count == rows.len(),
            });
            at += count;
        }
    }
    passes
}

/// What the data stream carries for an ATTN, beats.
pub(super) fn beats(m: &Machine, heads: &[u8], rows: &[Row], segments: u16, window: u16) -> f64 {
    plan(m, heads, rows, segments, window).iter().map(|p| 2.0 * p.beats + p.scales).sum()
}

/// An ATTN that starts at `start`, and when the last of its descriptors has come from `stream`.
pub(super) fn begin(
    m: &Machine,
    (stream, data): (&mut Supply, &mut Supply),
    start: f64,
    (heads, rows): (&[u8], &[Row]),
    (segments, window): (u16, u16),
) -> (Begun, f64) {
    let words = f64::from(segments) * f64::from(m.config.attention_width / m.config.lanes);
    let passes = plan(m, heads, rows, segments, window);
    let loaded = stream.take(start + 1.0, m.instruction() * heads.len() as f64, 1.0, 1.0);
    let first = (start + 1.0 + m.instruction()).min(loaded);
    let asked = first + PLAN + 2.0 * rows.len() as f64;
    let beats = passes.iter().map(|p| 2.0 * p.beats + p.scales).sum();
    let others = stream.under_way(asked, m.ahead_of(beats));
    data.ask(asked, beats, others);
    let sums = sum_latencies(&m.config).map(f64::from);
    (Begun { passes, words, sums, asked }, loaded)
}

/// When it is over; `coded`: when so many words of query codes are there.
pub(super) fn over(data: &mut Supply, begun: &Begun, coded: impl Fn(f64) -> f64) -> Over {
    let Begun { passes, words, sums: [key, value], asked } = begun;
    let (words, asked) = (*words, *asked);
    let mut heads = Vec::new();
    let queries = |p: &Pass| p.slots * (words + 2.0);
    let written = |p: &Pass, end: f64| end + value + DRAIN + p.slots * (words + SLOT);
    let mut done = |p: &Pass, end: f64| {
        if p.last {
            heads.push((p.heads, written(p, end)));
        }
    };
    let take = |data: &mut Supply, at: f64, beats: f64, cycles: f64| {
        if beats == 0.0 { at } else { data.take(at, beats, beats / cycles.max(beats), 1.0) }
    };
    let mut now = asked;
    let first = |p: &Pass| (asked + queries(p)).max(coded(p.heads as f64 * words) + READ);
    let mut ready = passes.first().map_or(now, first);
    let mut weighed = now;
    for (i, pass) in passes.iter().enumerate() {
        now = take(data, now + TURN, pass.scales, pass.scales);
        now = take(data, now.max(ready), pass.beats, pass.tokens);
        let weights = now.max(weighed) + pass.tokens + key + WEIGHTS;
        ready =
            passes.get(i + 1).map_or(now, |p| (now + queries(p)).max(coded(p.heads as f64 * words) + READ));
        if i > 0 {
            let before = &passes[i - 1];
            now = take(data, now + TURN, before.beats, before.tokens);
            done(before, now);
        }
        now = now.max(weights);
        weighed = weights;
    }
    let Some(last) = passes.last() else { return Over { heads, end: now } };
    now = take(data, now.max(weighed) + TURN, last.beats, last.tokens);
    done(last, now);
    Over { end: written(last, now), heads }
}
