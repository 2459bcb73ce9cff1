//! The largest magnitude of a repetition: a tree over the lanes, then a maximum over the words of each row.

use super::tag::{Widths, pipe};
use crate::dsl::{MemStyle, Module, Sig, u};
use sterna_spec::config::Config;

/// Cycles from the result of the lanes to the write of the scalar.
pub(super) fn latency(c: &Config) -> u32 {
    c.lanes.ilog2() + 1
}

/// Module `vector_max`: magnitudes compare as 31-bit integers, so that a NaN survives.
pub(super) fn max(c: &Config, w: Widths) -> Module {
    let m = Module::new("vector_max", "The largest magnitude of a repetition, as a scalar.");
    let depth = c.lanes.ilog2();
    let valid = m.input("valid", u(1), "a word of results");
    let first =
        m.input("first", u(1), "what was the largest does not count: it is the first of the repetition");
    let last = m.input("last", u(1), "it is the last of the repetition");
    let row = m.input("row", u(w.row), "its row");
    let index = m.input("index", u(8), "scalar that takes the maximum");
    let one = m.input("one_lane", u(1), "only lane 0 counts");
    let z = m.input("z", u(32 * c.lanes), "results");
    for lane in 0..c.lanes {
        m.unused("magnitudes have no sign", z.bit(32 * lane + 31));
    }
    let mut level: Vec<Sig> = z.words(32).into_iter().map(|z| z.bits(0, 31)).collect();
    if depth == 0 {
        m.unused("there is but one", one);
    }
    for x in &mut level[1..] {
        *x = *x & (!one).repeat(31);
    }
    for stage in 1..=depth {
        let larger = |i: usize| {
            let (a, b) = (level[2 * i], level[2 * i + 1]);
            m.delay(&format!("level{stage}_{i}"), a.gt(b).mux(a, b), "larger of two")
        };
        level = (0..level.len() / 2).map(larger).collect();
    }
    let valid = pipe("valid_pipe", valid, depth, true);
    let first = pipe("first_pipe", first, depth, false);
    let last = pipe("last_pipe", last, depth, true);
    let row = pipe("row_pipe", row, depth, false);
    let peaks = m.mem("peaks", 31, 1 << w.row, MemStyle::Lut, "largest so far of each row");
    let peak = peaks.read_async("peak", row);
    let larger = m.node("larger", (!first & peak.gt(level[0])).mux(peak, level[0]));
    peaks.write(valid, row, larger);
    let we = m.reg("we_q", u(1), Some(0), "the maximum is known");
    we.set(valid & last);
    m.output("we", u(1), "the maximum is known").set(we.q());
    m.output("value", u(32), "the maximum").set(m.delay("value_q", larger, "the maximum").zext(32));
    m.output("write_row", u(w.row), "its row").set(m.delay("write_row_q", row, ""));
    m.output("write_index", u(8), "its scalar").set(pipe("index_pipe", index, depth + 1, false));
    m
}
