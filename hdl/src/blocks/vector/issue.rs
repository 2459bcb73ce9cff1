//! The loop over rows, repetitions and words: one word a cycle, and the addresses of A.
//!
//! Rows are taken one after the other, a row that does not take part costs one cycle. A word's slot leaves in the cycle
//! in which it is issued, its addresses of A one cycle later. The counters rest at zero, so that the first word leaves in
//! the cycle of `start`.

use super::tag::{Widths, low, pipe};
use crate::dsl::{Module, Reg, Sig, u};
use sterna_spec::config::Config;
use sterna_spec::numbers::PARTIAL_SUMS;

/// Cycles from one word to the next of an instruction that sums squares: the adder's loop must be shorter than the time
/// after which a lane comes to the same partial sum.
pub(super) fn interval(c: &Config) -> u32 {
    let slots = PARTIAL_SUMS as u32 / c.lanes;
    (super::ADD_LATENCY + 1).div_ceil(slots)
}

struct Inputs<'m> {
    start: Sig<'m>,
    hold: Sig<'m>,
    n: Sig<'m>,
    reps: Sig<'m>,
    a: Sig<'m>,
    rotate: Sig<'m>,
    m_stride: Sig<'m>,
    drain: Sig<'m>,
    sum: Option<Sig<'m>>,
    rows: Sig<'m>,
    takes_part: Sig<'m>,
    row_done: Sig<'m>,
}

/// What happens in this cycle.
struct Now<'m> {
    /// An instruction is being issued; before, its fields settle.
    busy: Sig<'m>,
    /// A place is left: a word is issued or a row is skipped.
    step: Sig<'m>,
    valid: Sig<'m>,
    rep_end: Sig<'m>,
    row_end: Sig<'m>,
    /// The next row begins.
    next_row: Sig<'m>,
    /// The instruction's last row is left.
    finish: Sig<'m>,
}

/// Module `vector_issue`.
pub(super) fn issue(c: &Config, w: Widths) -> Module {
    let m = Module::new("vector_issue", "The loop over rows, repetitions and words, and the addresses of A.");
    let x = inputs(&m, c);
    let row = m.reg("row", u(w.row), Some(0), "row of the step");
    let word = m.reg("word", u(w.word), Some(0), "word of the repetition");
    let offset = m.reg("offset", u(w.word), Some(0), "word of the row");
    let words_left = m.reg("words_left", u(16), None, "words of the repetition behind this one");
    let reps_left = m.reg("reps_left", u(8), None, "repetitions of the row behind this one");
    let next_row = m.node("following_row", row.q().wrapping_add(1));
    let word_ends = m.reg("word_ends", u(1), None, "no word of the repetition is left");
    let rep_ends = m.reg("rep_ends", u(1), None, "no repetition of the row is left");
    let row_ends = m.reg("row_ends", u(1), None, "no row of the step is left");
    let now = control(&m, c, &x, row.q(), next_row, [word_ends, rep_ends, row_ends].map(Reg::q));

    let (step, rep_end, row_end) = (now.step, now.rep_end, now.row_end);
    row.when(now.finish, 0);
    row.when(now.next_row, next_row);
    word.when(step & (rep_end | row_end), 0);
    word.when(step, word.q().wrapping_add(1));
    // what is left is counted, and whether that is nothing stands in a register
    let refill = m.node("refill", !now.busy | step & (rep_end | row_end));
    words_left.when(refill, x.n.wrapping_sub(1));
    words_left.when(step, words_left.q().wrapping_sub(1));
    word_ends.when(refill, x.n.eq(1));
    word_ends.when(step, words_left.q().eq(1));
    let refill = m.node("refill_reps", !now.busy | step & row_end);
    reps_left.when(refill, x.reps.wrapping_sub(1));
    reps_left.when(step & rep_end, reps_left.q().wrapping_sub(1));
    rep_ends.when(refill, x.reps.eq(1));
    rep_ends.when(step & rep_end, reps_left.q().eq(1));
    row_ends.when(!now.busy, x.rows.eq(1));
    row_ends.when(now.next_row, (row.q() + 2).eq(x.rows));
    offset.when(step & row_end, 0);
    offset.when(step, offset.q().wrapping_add(1));
    let m_word = factor_word(&m, w, &x, &now);
    addresses(&m, c, w, &x, &now, [row, word, offset]);

    let out = |name: &str, x: Sig, doc: &str| m.output(name, x.ty(), doc).set(x);
    let flag = |name: &str, x: Sig, doc: &str| out(name, pipe(&format!("{name}_q"), x, 1, true), doc);
    flag("slot_valid", now.valid, "a word is issued");
    flag("slot_last", now.valid & rep_end, "it is the last of a repetition");
    flag("slot_row_end", now.valid & row_end, "it is the last of a row");
    flag("slot_end", now.finish & !x.drain, "nothing follows");
    let place = |name: &str, x: Sig, doc: &str| out(name, pipe(&format!("{name}_q"), x, 1, false), doc);
    place("slot_row", row.q(), "its row");
    place("slot_m_word", m_word, "its word in the row's part of shared memory");
    out("drained", now.finish & x.drain, "the instruction is over, and everything is written");
    m
}

fn inputs<'m>(m: &'m Module, c: &Config) -> Inputs<'m> {
    Inputs {
        start: m.input("start", u(1), "begins an instruction"),
        hold: m.input("hold", u(1), "no word may be issued"),
        n: m.input("n", u(16), "words of a repetition"),
        reps: m.input("reps", u(8), "repetitions"),
        a: m.input("a", u(16), "first word of A"),
        rotate: m.input("rotate", u(1), "A with its halves exchanged"),
        m_stride: m.input("m_stride", u(8), "words from one row's part of shared memory to the next"),
        drain: m.input("drain", u(1), "a row waits until the one before it is written"),
        sum: (interval(c) > 1).then(|| m.input("sum", u(1), "squares are summed: words are spaced out")),
        rows: m.input("rows", u(5), "rows of the step"),
        takes_part: m.input("takes_part", u(c.rows), "rows that the instruction works on"),
        row_done: m.input("row_done", u(1), "with drain: the row is written"),
    }
}

/// `ends`: this word is the repetition's last, this repetition is the row's, this row is the step's.
fn control<'m>(
    m: &'m Module,
    c: &Config,
    x: &Inputs<'m>,
    row: Sig<'m>,
    next_row: Sig<'m>,
    [rep_end, last_rep, last_row]: [Sig<'m>; 3],
) -> Now<'m> {
    let busy = m.reg("busy", u(1), Some(0), "an instruction is being issued");
    let waiting = m.reg("waiting", u(1), Some(0), "the row is issued but not yet written");
    let mut go = busy.q() & !x.hold & !waiting.q();
    if let Some(sum) = x.sum {
        let width = crate::dsl::count_width(interval(c) as usize - 1);
        let gap = m.reg("gap", u(width), Some(0), "cycles until the next word");
        go = go & !gap.q().any();
        gap.when(go & sum, interval(c) - 1);
        gap.when(gap.q().any(), gap.q().wrapping_sub(1));
    }
    let step = m.node("step", go);
    let registered = m.reg("active", u(1), Some(0), "the row takes part");
    let active = registered.q();
    let valid = m.node("issued", step & active);
    let rep_end = m.node("rep_end", rep_end);
    let row_end = m.node("row_end", !active | rep_end & last_rep);
    let written = waiting.q() & x.row_done;
    let leave = m.node("leave_row", written | step & row_end & !(x.drain & active));
    let finish = m.node("finish", leave & last_row);
    let part = |row: Sig<'m>| if c.rows == 1 { x.takes_part } else { selected(x.takes_part, row) };
    registered.when(leave, part(next_row));
    registered.when(!busy.q(), part(row));
    busy.when(finish, 0);
    busy.when(x.start, 1);
    waiting.when(written, 0);
    waiting.when(valid & row_end & x.drain, 1);
    Now { busy: busy.q(), step, valid, rep_end, row_end, next_row: leave, finish }
}

/// Bit `row` of `rows`; there may be fewer bits than the index can name.
fn selected<'m>(rows: Sig<'m>, row: Sig<'m>) -> Sig<'m> {
    rows.zext(1 << row.width()).bit_dyn(row)
}

/// Word in the row's part of shared memory, counted from `m`.
fn factor_word<'m>(m: &'m Module, w: Widths, x: &Inputs<'m>, now: &Now<'m>) -> Sig<'m> {
    let part = m.reg("part", u(w.cmem), Some(0), "the row's part of shared memory");
    let word = m.reg("part_word", u(w.cmem), Some(0), "word of shared memory, without m");
    let next = m.node("next_part", part.q().wrapping_add(low(x.m_stride, w.cmem)));
    part.when(now.finish, 0);
    part.when(now.next_row, next);
    word.when(now.finish, 0);
    word.when(now.step & now.row_end, next);
    word.when(now.step & now.rep_end, part.q());
    word.when(now.step, word.q().wrapping_add(1));
    word.q()
}

/// The addresses of A, a cycle after the slot.
fn addresses<'m>(m: &'m Module, c: &Config, w: Widths, x: &Inputs<'m>, now: &Now<'m>, at: [Reg<'m>; 3]) {
    let [row, word, offset] = at.map(Reg::q);
    let base = m.reg("row_base", u(w.vmem), Some(0), "first word of the row in vector memory");
    let place = m.reg("row_word", u(w.vmem), Some(0), "word in vector memory, without a");
    let next = m.node("next_base", base.q().wrapping_add(m.u(w.vmem, next_base(c, w))));
    base.when(now.finish, 0);
    base.when(now.next_row, next);
    place.when(now.finish, 0);
    place.when(now.step & now.row_end, next);
    place.when(now.step, place.q().wrapping_add(1));

    let half = m.node("half", x.n >> 1);
    let back = m.node("second_half", word.ge(half));
    let turned = back.mux(x.a.wrapping_sub(half), x.a.wrapping_add(half));
    let first = m.node("first", x.rotate.mux(turned, x.a));
    let out = |name: &str, x: Sig, doc: &str| {
        m.output(name, x.ty(), doc).set(pipe(&format!("{name}_q"), x, 2, false));
    };
    out("a_row", row, "row of A, a cycle after the word's slot");
    out("a_word", first.wrapping_add(offset.zext(16)), "word (or scalar) of A");
    out("a_address", place.q().wrapping_add(first.resize(w.vmem)), "word of A in vector memory");
    m.output("a_valid", u(1), "A is read").set(pipe("a_valid_q", now.valid, 2, true));
}

/// Words from one row to the next; with one row there is no next one.
fn next_base(c: &Config, w: Widths) -> u32 {
    if w.vmem < 32 { c.vector_words & ((1 << w.vmem) - 1) } else { c.vector_words }
}
