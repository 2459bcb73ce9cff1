//! The loop over repetitions, words and rows: one word a cycle, and the addresses of A.
//!
//! Rows are the innermost loop, so that a word of all rows' accumulators is gathered once; for logits they are
//! the outermost, so that those of a row stay together. Of KV codes a row's words of one segment follow each other, then come the other
//! rows', which may lie in the same beat. Only rows that take part are visited. A word's slot leaves in the cycle in
//! which it is issued, its addresses of A one cycle later. The counters rest at zero, so that the first word leaves in the cycle of
//! `start`.

use super::super::matmul;
use super::tag::{Widths, next, pipe, previous, row_base};
use crate::dsl::{Module, Reg, Sig, cat_lsb, count_width, u};
use sterna_spec::config::Config;
use sterna_spec::numbers::PARTIAL_SUMS;

/// Cycles from one word of a row to the next in an instruction that sums squares: the adder's loop must be shorter than the time
/// after which a lane comes to the same partial sum.
pub(super) fn interval(c: &Config) -> u32 {
    let slots = PARTIAL_SUMS as u32 / c.lanes;
    (super::Cycles::of(c).round + 1).div_ceil(slots)
}

struct Inputs<'m> {
    start: Sig<'m>,
    hold: Sig<'m>,
    n: Sig<'m>,
    reps: Sig<'m>,
    a: Sig<'m>,
    rotate: Sig<'m>,
    by_row: Sig<'m>,
    by_segment: Sig<'m>,
    acc: Sig<'m>,
    sum: Sig<'m>,
    folds: Sig<'m>,
    takes_part: Sig<'m>,
}

/// What happens in this cycle.
struct Now<'m> {
    /// An instruction is being issued; before, its fields settle.
    busy: Sig<'m>,
    /// A word is issued, or it turns out that there is none.
    step: Sig<'m>,
    /// Another row's turn.
    row_turn: Sig<'m>,
    /// Another word's turn, in a segment of KV codes of the row alone.
    word_step: Sig<'m>,
    /// It is the last row's.
    word_turn: Sig<'m>,
    /// The last word of the repetition, of the row.
    ends: [Sig<'m>; 2],
    /// The instruction's last word is issued.
    finish: Sig<'m>,
}

/// Module `vector_issue`.
pub(super) fn issue(c: &Config, w: Widths) -> Module {
    let m = Module::new("vector_issue", "The loop over repetitions, words and rows, and the addresses of A.");
    let x = inputs(&m, c);
    let word = m.reg("word", u(w.word), Some(0), "word of the repetition");
    let offset = m.reg("offset", u(w.word), Some(0), "word of the row");
    let words_left = m.reg("words_left", u(16), None, "words of the repetition behind this one");
    let reps_left = m.reg("reps_left", u(8), None, "repetitions of the row behind this one");
    let word_ends = m.reg("word_ends", u(1), None, "no word of the repetition is left");
    let rep_ends = m.reg("rep_ends", u(1), None, "no repetition of the row is left");
    let row_ends = m.reg("row_ends", u(1), None, "no row is left");
    let some = m.node("some", x.takes_part.any()).doc("some row takes part");
    // inside of a segment of KV codes that does not end with this word
    let inside = match w.piece {
        0 => m.u(1, 0),
        bits => x.by_segment & !word.q().bits(0, bits).all(),
    };
    let inside = m.node("in_segment", inside);
    let over = m.node("word_over", x.by_row | row_ends.q()).doc("no row follows with the word");
    let now = control(&m, c, &x, [some, inside, over], [word_ends, rep_ends, row_ends].map(Reg::q));
    let row = rows(&m, w, &x, &now, row_ends);

    let (on, turn, [rep_end, row_end]) = (now.word_step, now.word_turn, now.ends);
    let refill = m.node("refill", !now.busy | turn & rep_end);
    word.when(refill, 0);
    word.when(on, next(word.q(), w.piece, over));
    // what is left is counted, and whether that is nothing stands in a register
    words_left.when(refill, x.n.wrapping_sub(1));
    words_left.when(on, previous(words_left.q(), w.piece, over));
    word_ends.when(refill, x.n.eq(1));
    word_ends.when(on, words_left.q().eq(1));
    let refill = m.node("refill_reps", !now.busy | turn & row_end);
    reps_left.when(refill, x.reps.wrapping_sub(1));
    reps_left.when(turn & rep_end, reps_left.q().wrapping_sub(1));
    rep_ends.when(refill, x.reps.eq(1));
    rep_ends.when(turn & rep_end, reps_left.q().eq(1));
    offset.when(refill, 0);
    offset.when(on, next(offset.q(), w.piece, over));
    addresses(&m, c, w, &x, row, [word.q(), offset.q()]);

    let out = |name: &str, x: Sig, doc: &str| m.output(name, x.ty(), doc).set(x);
    let flag = |name: &str, x: Sig, doc: &str| out(name, pipe(&format!("{name}_q"), x, 1, true), doc);
    let valid = m.node("issued", now.step & some);
    flag("slot_valid", valid, "a word is issued");
    flag(
        "slot_turn",
        valid & turn,
        "the next word is another than this one in another row; of KV codes: the last row",
    );
    flag("slot_last", valid & rep_end, "it is the last of a repetition");
    flag("slot_row_end", valid & row_end, "it is the last of a row");
    flag("slot_end", now.finish & !(x.folds & some), "nothing follows, not even a sum");
    out("slot_row", pipe("slot_row_q", row, 1, false), "its row");

    let fresh = m.reg("fresh", u(1), None, "no row has been issued of the word");
    fresh.when(!now.busy | turn, 1);
    fresh.when(now.step, 0);
    out("a_valid", pipe("a_valid_q", valid, 2, true), "A is read");
    out("a_ask", pipe("a_ask_q", valid & fresh.q() & x.acc, 2, true), "accumulators are asked for");
    m
}

fn inputs<'m>(m: &'m Module, c: &Config) -> Inputs<'m> {
    let flag = |name: &str, doc: &str| m.input(name, u(1), doc);
    Inputs {
        start: flag("start", "begins an instruction"),
        hold: flag("hold", "no word may be issued"),
        n: m.input("n", u(16), "words of a repetition"),
        reps: m.input("reps", u(8), "repetitions"),
        a: m.input("a", u(16), "first word of A"),
        rotate: flag("rotate", "A with its halves exchanged"),
        by_row: flag("by_row", "rows are the outermost loop"),
        by_segment: flag("by_segment", "words of a segment are the innermost loop"),
        acc: flag("acc", "A is accumulators"),
        sum: flag("sum", "squares are summed"),
        folds: flag("folds", "their sums are folded in the end"),
        takes_part: m.input("takes_part", u(c.rows), "rows that the instruction works on"),
    }
}

/// `ends`: this word is the repetition's last, this repetition is the row's, this row is the last.
fn control<'m>(
    m: &'m Module,
    c: &Config,
    x: &Inputs<'m>,
    [some, inside, over]: [Sig<'m>; 3],
    [rep_end, last_rep, last_row]: [Sig<'m>; 3],
) -> Now<'m> {
    let busy = m.reg("busy", u(1), Some(0), "an instruction is being issued");
    let mut go = busy.q() & !x.hold;
    let row_end = m.node("row_end", rep_end & last_rep);
    // cycles that a word takes beside those of its rows
    let [gather, loops] = [matmul::word_cycles(c), interval(c)].map(|n| n - 1);
    if gather.max(loops) > 0 {
        let width = count_width(gather.max(loops) as usize);
        let gap = m.reg("gap", u(width), Some(0), "cycles until the next word");
        go = go & !gap.q().any();
        let cycles = x.acc.mux(m.u(width, gather), x.sum.mux(m.u(width, loops), 0));
        gap.when(go & last_row & !x.by_row, cycles);
        gap.when(gap.q().any(), gap.q().wrapping_sub(1));
    } else {
        m.unused("the adder is over before a lane comes to the same partial sum", x.sum);
    }
    let step = m.node("step", go);
    let finish = m.node("finish", step & (last_row & row_end | !some));
    busy.when(finish, 0);
    busy.when(x.start, 1);
    Now {
        busy: busy.q(),
        step,
        row_turn: m.node("row_turn", step & x.by_row.mux(row_end, !inside)),
        word_step: m.node("word_step", step & (x.by_segment | over)),
        word_turn: m.node("word_turn", step & over),
        ends: [rep_end, row_end],
        finish,
    }
}

/// The row that is issued.
fn rows<'m>(m: &'m Module, w: Widths, x: &Inputs<'m>, now: &Now<'m>, ends: Reg<'m>) -> Sig<'m> {
    let row = m.reg("row", u(w.row), Some(0), "row of the word");
    let rest = m.reg("rest", x.takes_part.ty(), None, "rows that follow it");
    let [first, others] = lowest(m, "first", w, x.takes_part);
    let [next, fewer] = lowest(m, "next", w, rest.q());
    let again = m.node("first_row", !now.busy | now.row_turn & ends.q());
    row.when(again, first);
    row.when(now.row_turn, next);
    rest.when(again, others);
    rest.when(now.row_turn, fewer);
    ends.when(again, !others.any());
    ends.when(now.row_turn, !fewer.any());
    row.q()
}

/// The lowest of some rows, and the others.
fn lowest<'m>(m: &'m Module, name: &str, w: Widths, rows: Sig<'m>) -> [Sig<'m>; 2] {
    let others = m.node(&format!("{name}_others"), rows & rows.wrapping_sub(1));
    let lowest = m.node(&format!("{name}_lowest"), rows & !others);
    m.unused("the index of row 0 has no bits", lowest.bit(0));
    let bit = |b: u32| {
        let own = (0..rows.width()).filter(|r| r >> b & 1 == 1).map(|r| lowest.bit(r));
        own.reduce(|a, b| a | b).unwrap_or(m.u(1, 0))
    };
    [m.node(&format!("{name}_index"), cat_lsb(&(0..w.row).map(bit).collect::<Vec<_>>())), others]
}

/// The addresses of A, a cycle after the slot.
fn addresses<'m>(
    m: &'m Module,
    c: &Config,
    w: Widths,
    x: &Inputs<'m>,
    row: Sig<'m>,
    [word, offset]: [Sig<'m>; 2],
) {
    let half = m.node("half", x.n >> 1);
    let back = m.node("second_half", word.ge(half));
    let turned = back.mux(x.a.wrapping_sub(half), x.a.wrapping_add(half));
    let first = m.node("first_word", x.rotate.mux(turned, x.a));
    let word = m.delay("a_word1", first.wrapping_add(offset.zext(16)), "word of A in its row");
    let base = row_base(m, row, c.rows, c.vector_words, w.vmem);
    let base = m.delay("row_base", base, "first word of the row in vector memory");
    let row = m.delay("a_row1", row, "");
    let out = |name: &str, x: Sig, doc: &str| {
        m.output(name, x.ty(), doc).set(m.delay(&format!("{name}_q"), x, ""));
    };
    out("a_row", row, "row of A, a cycle after the word's slot");
    out("a_word", word, "word (or scalar) of A");
    out("a_address", base.wrapping_add(word.resize(w.vmem)), "word of A in vector memory");
}
