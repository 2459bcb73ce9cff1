//! Control of the sum of squares: which partial sums meet in the lanes' adders, and when.
//!
//! While words arrive, each lane adds the square to slot `word mod slots`. After the row's last word the partial sums are
//! folded as `docs/architecture.md` says: partial `i` is slot `i / V` of lane `i mod V`, so the distances 32 .. V fold slots
//! inside of each lane, and V/2 .. 1 lanes with one another, straight from adder to adder.

use super::ADD_LATENCY;
use super::lane::{slot_bits, slots};
use super::tag::pipe;
use crate::dsl::{Module, Reg, Sig, cat_lsb, count_width, u};
use sterna_spec::config::Config;

/// One distance of the fold.
struct Step {
    /// Slots that are added in each lane; 0 for a fold of lanes.
    half: u32,
    /// Cycles until the next step can start.
    cycles: u32,
}

/// The steps of the fold, the longest distance first.
fn steps(c: &Config) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut half = slots(c) / 2;
    while half > 0 {
        // The next step reads slot half/2 after its half/2 sums are written; lanes take the sums from the adders.
        let cycles = if half > 1 { half.max(half / 2 + ADD_LATENCY + 1) } else { ADD_LATENCY };
        steps.push(Step { half, cycles });
        half /= 2;
    }
    let lanes = c.lanes.ilog2();
    steps.extend((0..lanes).map(|_| Step { half: 0, cycles: ADD_LATENCY }));
    steps
}

/// Number of the first step that folds lanes.
pub(super) fn first_cross(c: &Config) -> u32 {
    slots(c).ilog2()
}

/// Bits of a step's number.
pub(super) fn step_bits(c: &Config) -> u32 {
    count_width(steps(c).len() - 1)
}

/// The state of a fold.
struct Fold<'m> {
    on: Sig<'m>,
    step: Sig<'m>,
    at: Sig<'m>,
    done: Sig<'m>,
}

/// Module `vector_sum`.
pub(super) fn sum(c: &Config) -> Module {
    let m = Module::new("vector_sum", "Which partial sums of squares meet in the lanes' adders, and when.");
    let bits = slot_bits(c);
    let square = m.input("square", u(1), "a cycle later the multipliers give the squares of a word");
    let row_end = m.input("row_end", u(1), "they are the last of the row");
    // The last sum is written ADD_LATENCY cycles after its square came; the fold reads from the cycle after that.
    let begin = pipe("fold_begin", square & row_end, ADD_LATENCY, true);
    let fold = fold(&m, c, begin);
    let count = m.reg("count", u(bits + 1), Some(0), "next slot; the top bit: all slots hold sums");
    let full = m.node("full", count.q().msb());
    let slot = m.node("slot", count.q().bits(0, bits));
    count.when(fold.done, 0);
    count.when(square, cat_lsb(&[slot.wrapping_add(1), full | slot.all()]));

    let half = half(&m, c, fold.step);
    let left = m.node("left", fold.on.mux(fold.at.bits(0, bits), slot));
    let right = m.node("right", fold.at.bits(0, bits) | half);
    let first = m.node("first_fold", fold.on & fold.step.eq(0) & !full);
    let cross = m.node("is_cross", fold.on & fold.step.ge(first_cross(c)));
    let keep = m.node("keep", square | fold.on & !cross & fold.at.lt(half));
    // all leaves through registers, with the squares
    let out = |name: &str, x: Sig, doc: &str| {
        m.output(name, x.ty(), doc).set(pipe(&format!("{name}_now"), x, 1, true));
    };
    out("fold", fold.on, "partial sums are folded");
    out("across", cross, "lanes are folded");
    out("step", fold.step, "distance of the fold");
    out("slot_left", left, "slot of the left operand");
    out("slot_right", right, "slot of the right operand");
    out("left_zero", fold.on.mux(first & left.ge(slot), !full), "no square has come to it");
    out("right_zero", first & right.ge(slot), "no square has come to it");
    out("slot_we", pipe("keep_pipe", keep, ADD_LATENCY, true), "the adders give sums to keep");
    out("slot_write", pipe("slot_pipe", left, ADD_LATENCY, false), "where");
    out("done", fold.done, "the adder of lane 0 gives the sum");
    m
}

/// Half of the slots that take part in a step.
fn half<'m>(m: &'m Module, c: &Config, step: Sig<'m>) -> Sig<'m> {
    let bits = slot_bits(c);
    let steps = steps(c);
    let arms: Vec<(u32, Sig)> =
        steps.iter().enumerate().map(|(i, s)| (i as u32, m.u(bits, s.half))).filter(|a| a.0 > 0).collect();
    m.node("half", step.case(&arms, m.u(bits, steps[0].half)))
}

fn fold<'m>(m: &'m Module, c: &Config, begin: Sig<'m>) -> Fold<'m> {
    let steps = steps(c);
    let longest = steps.iter().map(|s| s.cycles).max().unwrap_or(1);
    let at_bits = count_width(longest as usize - 1).max(slot_bits(c));
    let flag = |name: &str, doc: &str| -> Reg<'m> { m.reg(name, u(1), Some(0), doc) };
    let on = flag("folding", "partial sums are folded");
    let done = flag("done_q", "the sum is there");
    let step = m.reg("step_q", u(step_bits(c)), Some(0), "distance of the fold, the longest first");
    let at = m.reg("at", u(at_bits), Some(0), "cycle of the step: the slot");
    let arms: Vec<(u32, Sig)> =
        steps.iter().enumerate().map(|(i, s)| (i as u32, m.u(at_bits, s.cycles - 1))).collect();
    let last = m.node("last_cycle", at.q().eq(step.q().case(&arms[1..], arms[0].1)));
    let over = m.node("fold_over", on.q() & last & step.q().eq(steps.len() - 1));
    on.when(begin, 1);
    on.when(over, 0);
    step.when(over, 0);
    step.when(on.q() & last, step.q().wrapping_add(1));
    at.when(on.q() & last, 0);
    at.when(on.q(), at.q().wrapping_add(1));
    done.set(over);
    Fold { on: on.q(), step: step.q(), at: at.q(), done: done.q() }
}
