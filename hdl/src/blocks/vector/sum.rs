//! Control of the sums of squares: which partial sums meet in the lanes' adders, and when.
//!
//! While words arrive, each lane adds the square to slot `word mod slots` of the row. After the last word the partial sums are
//! folded as `docs/architecture.md` says: partial `i` is slot `i / V` of lane `i mod V`, so the distances 32 .. V fold slots
//! inside of each lane, and V/2 .. 1 slot 0 of lanes with one another. A step of the fold goes through the rows one a cycle and ends
//! when its last sum is written.

use super::Cycles;
use super::lane::{slot_bits, slots};
use super::tag::{Widths, pipe};
use crate::dsl::{Module, Reg, Sig, cat_lsb, count_width, u};
use sterna_spec::config::Config;

/// Slots of a lane that each step of the fold fills, the longest distance first; 1 for the folds of lanes.
fn steps(c: &Config) -> Vec<u32> {
    let inside = (0..first_cross(c)).map(|step| slots(c) >> (step + 1));
    inside.chain((0..c.lanes.ilog2()).map(|_| 1)).collect()
}

/// Number of the first step that folds lanes.
pub(super) fn first_cross(c: &Config) -> u32 {
    slots(c).ilog2()
}

/// The state of a fold.
struct Fold<'m> {
    /// Sums are folded.
    on: Sig<'m>,
    /// Two of them enter the adders.
    enters: Sig<'m>,
    step: Sig<'m>,
    slot: Sig<'m>,
    row: Sig<'m>,
    /// The last step.
    last: Sig<'m>,
    over: Sig<'m>,
}

/// Module `vector_sum`.
pub(super) fn sum(c: &Config, w: Widths) -> Module {
    let m = Module::new("vector_sum", "Which partial sums of squares meet in the lanes' adders, and when.");
    let bits = slot_bits(c);
    let flag = |name: &str, doc: &str| m.input(name, u(1), doc);
    let square = flag("square", "a cycle later the multipliers give the squares of a word");
    let turn = flag("turn", "it is the last row's");
    let row_end = flag("row_end", "they are the last of the row");
    let part = flag("part", "more squares follow in a later instruction: no fold");
    let restart = flag("restart", "forgets what was summed");
    let square_row = m.input("row", u(w.row), "row of the word");
    // The last sum is written `add` cycles after its square came; the fold reads from the cycle after that, or from a block memory
    // one later.
    let Cycles { add, round, .. } = Cycles::of(c);
    let begin = pipe("fold_begin", square & turn & row_end & !part, round, true);
    let fold = fold(&m, c, w, begin);
    let count = m.reg("count", u(bits + 1), Some(0), "next slot; the top bit: all slots hold sums");
    let full = m.node("full", count.q().msb());
    let slot = m.node("slot", count.q().bits(0, bits));
    count.when(fold.over | restart, 0);
    count.when(square & turn, cat_lsb(&[slot.wrapping_add(1), full | slot.all()]));

    let steps = steps(c);
    let arms: Vec<(u32, Sig)> =
        (1..first_cross(c)).map(|step| (step, m.u(bits, steps[step as usize]))).collect();
    let half = m.node("half", fold.step.case(&arms, m.u(bits, steps[0])));
    let left = m.node("left", fold.on.mux(fold.slot, slot));
    let right = m.node("right", fold.slot | half);
    let row = m.node("row_now", fold.on.mux(fold.row, square_row));
    let first = m.node("first_fold", fold.on & fold.step.eq(0) & !full);
    let cross = m.node("is_cross", fold.on & fold.step.ge(first_cross(c)));
    // all leaves through registers, with the squares
    let out = |name: &str, x: Sig, doc: &str| {
        m.output(name, x.ty(), doc).set(pipe(&format!("{name}_now"), x, 1, true));
    };
    out("fold", fold.on, "partial sums are folded");
    out("across", cross, "lanes are folded");
    out("step", fold.step, "distance of the fold");
    // a block memory takes the cycle itself
    let slot_of = |name: &str, slot: Sig, doc: &str| match round > add {
        true => m.output(name, u(bits + w.row), doc).set(cat_lsb(&[slot, row])),
        false => out(name, cat_lsb(&[slot, row]), doc),
    };
    slot_of("slot_left", left, "slot of the left operand");
    slot_of("slot_right", right, "slot of the right operand");
    out("left_zero", fold.on.mux(first & left.ge(slot), !full), "no square has come to it");
    out("right_zero", first & right.ge(slot), "no square has come to it");
    out("slot_we", pipe("keep_pipe", square | fold.enters, add, true), "the adders give sums to keep");
    let kept = pipe("kept_pipe", cat_lsb(&[left, row]), add, false);
    out("slot_write", kept, "where");
    out("done", pipe("done_pipe", fold.enters & fold.last, add, true), "lane 0 gives a row's sum");
    out("done_row", kept.bits(bits, w.row), "its row");
    out("over", fold.over, "it is the last row's");
    m
}

fn fold<'m>(m: &'m Module, c: &Config, w: Widths, begin: Sig<'m>) -> Fold<'m> {
    let rows = m.input("rows", u(5), "rows of the step");
    let (steps, round) = (steps(c), Cycles::of(c).round);
    let reg = |name: &str, width: u32, doc: &str| -> Reg<'m> { m.reg(name, u(width), Some(0), doc) };
    let enters = reg("enters", 1, "sums enter the adders");
    let leaves = reg("leaves", 1, "the step's last sums leave them");
    let wait = reg("wait_left", count_width(round as usize - 1), "cycles until they are written");
    let step = reg("step_q", count_width(steps.len() - 1), "distance of the fold, the longest first");
    let slot = reg("slot_q", slot_bits(c), "slot of the left operand");
    let row = reg("row_q", w.row, "its row");
    let last_row = m.node("last_row", (row.q().zext(5) + 1u8).eq(rows));
    let arms: Vec<(u32, Sig)> =
        (0..).zip(&steps).skip(1).map(|(i, n)| (i, m.u(slot_bits(c), n - 1))).collect();
    let last_slot = m.node("last_slot", slot.q().eq(step.q().case(&arms, m.u(slot_bits(c), steps[0] - 1))));
    let turn = m.node("row_turns", enters.q() & last_row);
    let issued = m.node("step_issued", turn & last_slot);
    let written = m.node("step_written", leaves.q() & !wait.q().any());
    let last = m.node("last_step", step.q().eq(steps.len() - 1));
    let over = m.node("fold_over", written & last);
    row.when(turn, 0);
    row.when(enters.q(), row.q().wrapping_add(1));
    slot.when(issued, 0);
    slot.when(turn, slot.q().wrapping_add(1));
    enters.when(issued, 0);
    enters.when(begin | written & !last, 1);
    leaves.when(issued, 1);
    leaves.when(written, 0);
    wait.when(issued, round - 1);
    wait.when(leaves.q(), wait.q().wrapping_sub(1));
    step.when(over, 0);
    step.when(written, step.q().wrapping_add(1));
    let on = enters.q() | leaves.q();
    Fold { on, enters: enters.q(), step: step.q(), slot: slot.q(), row: row.q(), last, over }
}
