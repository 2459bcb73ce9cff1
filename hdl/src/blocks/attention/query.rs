//! QUERY: the int16 codes of the queries, and their way to the slots.
//!
//! ```text
//! q_* --> QUERY memory, P rows --> word of V codes + slot, segment, part --> the slots' own small memories
//!  \--> there: words of a row that are there, for those read to wait for
//! SREG[m + head], with the head's first word, when granted -------------> the slots' query scale
//! last token of the pass, window --------------------------------------> first and last token of the slot's row
//! ```
//!
//! The slots of the next pass are loaded as soon as the present pass has all its scores (`next`): while it is weighed. The words
//! from `awaited` on come after `start`, in order, each in all rows before the next (`q_whole`); a head's scale is in SREG before
//! its first word comes.

use super::shape::{COUNT_BITS, HEAD_BITS, NUMBER_BITS, PAST_BITS, Shape};
use super::walk::{Pass, slots};
use crate::dsl::{Module, Sig, u};

/// Module `attention_query_*`.
pub(super) fn query(shape: &Shape) -> Module {
    let m =
        Module::new(&shape.name("attention_query"), "Query codes of all rows, and their way to the slots.");
    let word_bits = 16 * shape.lanes as u32;
    let start = m.input("start", u(1), "an instruction starts");
    let planned = m.input("planned", u(NUMBER_BITS), "passes that are planned");
    let next = m.input("next", u(1), "the present pass's codes and scales are no longer needed");

    let states = ["WANTED", "HEAD", "BASE", "READ", "FLUSH", "READY"];
    let state = m.fsm("state", &states, "HEAD: the slot's head is read; FLUSH: the last word is on its way");
    let slot_done = m.wire("slot_done", u(1));
    let number = m.reg("number_now", u(NUMBER_BITS), Some(0), "pass that is loaded next");
    m.output("number", u(NUMBER_BITS), "pass that is loaded next").set(number.q());
    let begin = m.node("begins", state.is("WANTED") & number.q().ne(planned));
    let input = |name: &str, bits: u32, doc: &str| m.input(name, u(bits), doc);
    let pass = Pass {
        row: input("row", shape.row_bits(), "first row of the pass"),
        rows: input("rows", shape.group_rows_bits(), "rows of the pass"),
        count: input("count", COUNT_BITS, "query heads of each row"),
    };
    let now = slots(&m, shape, &pass, begin, slot_done.sig());
    let all_done = m.node("all_done", slot_done.sig() & now.last);
    number.when(start, 0);
    number.when(all_done, number.q().wrapping_add(1));
    state.from("WANTED").goto(begin, "HEAD");
    state.from("HEAD").goto(m.u(1, 1), "BASE");
    state.from("BASE").goto(m.u(1, 1), "READ");
    state.from("READ").goto(all_done, "FLUSH").goto(slot_done.sig(), "HEAD");
    state.from("FLUSH").goto(m.u(1, 1), "READY");
    state.from("READY").goto(next, "WANTED");
    m.output("ready", u(1), "the pass's codes and scales are in the slots").set(state.is("READY"));

    let (base, read) = (state.is("BASE").named("base"), state.is("READ").named("read"));
    let head = head_of(&m, shape, now.column);
    let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
    let word = m.reg("word_of_row", u(shape.address_bits()), None, "word of the head in its row");
    let moves = m.wire("moves", u(1));
    word.when(base, shape.head_word(&m, head, segments));
    word.when(moves.sig(), word.q().wrapping_add(1));
    let at = Counters::new(&m, shape, base, moves.sig(), segments);
    let is_there = m.node("is_there", read & word.q().lt(there(&m, shape, start)));
    let one_hot = one_hot(&m, now.slot, shape.slots);
    let scaled = scales(&m, [base, is_there], now.row, head, one_hot);
    moves.set(is_there & (!at.last | scaled));
    let moves = moves.sig();
    slot_done.set(moves & at.last);
    let style = shape.style(word_bits, shape.row_depth());
    let memory = m.mem("query", word_bits, shape.row_depth(), style, "V codes a word, row by row");
    store(&m, shape, memory);
    let data = memory.read("word", shape.address(&m, now.row, word.q()), moves);
    m.output("code_data", u(word_bits), "V codes").set(data);
    let code_we = m.reg("code_slot", one_hot.ty(), Some(0), "slot of the word that was read");
    code_we.set(moves.mux(one_hot, 0));
    m.output("code_we", one_hot.ty(), "writes the codes of these slots").set(code_we.q());
    m.output("code_segment", at.segment.ty(), "segment").set(m.delay("read_segment", at.segment, ""));
    m.output("code_part", at.part.ty(), "part of the segment, one-hot").set(m.delay(
        "read_part",
        at.part,
        "",
    ));
    spans(&m, shape, now.left);
    m
}

fn head_of<'m>(m: &'m Module, shape: &Shape, column: Sig<'m>) -> Sig<'m> {
    let heads = m.input("heads", u(shape.heads_bits()), "query heads of the pass wanted");
    m.delay("head", heads.word_dyn(column.bits(0, shape.slot_bits()), HEAD_BITS), "query head of the slot")
}

/// The tokens that the slot's row attends to, beside its scale; `left`: rows from it to the last.
fn spans<'m>(m: &'m Module, shape: &Shape, left: Sig<'m>) {
    let bits = shape.token_bits();
    let last = m.input("last", u(bits), "last token of the pass");
    let past = m.input("past", u(PAST_BITS), "tokens of the window before the row's own");
    let before = left.wrapping_sub(1).resize(bits);
    let position = m.delay("position", last.wrapping_sub(before), "last token of the slot's row");
    let first = m.delay("first", shape.first_token(position, past), "first token of the slot's row");
    m.output("span_first", u(bits), "first token of the slot's row").set(first);
    m.output("span_last", u(bits), "last token of the slot's row").set(position);
}

fn store(m: &Module, shape: &Shape, memory: crate::dsl::Mem) {
    let we = m.input("q_we", u(1), "writes a word of codes");
    let row = m.input("q_row", u(4), "row");
    let word = m.input("q_word", u(16), "word");
    let data = m.input("q_data", u(16 * shape.lanes as u32), "V int16 codes");
    unread_address(m, shape, row, word);
    let word = word.bits(0, shape.address_bits().min(16)).resize(shape.address_bits());
    memory.write(we, shape.address(m, row, word), data);
}

/// Declares the bits of a row and a word that this shape has no use for.
pub(super) fn unread_address(m: &Module, shape: &Shape, row: Sig, word: Sig) {
    if shape.rows == 1 {
        m.unused("there is one row", row);
    }
    let used = shape.address_bits();
    if used < 16 {
        m.unused("words are fewer", word.bits(used, 16 - used));
    }
}

/// Words of QUERY that are there, in all rows; all ones for all.
fn there<'m>(m: &'m Module, shape: &Shape, start: Sig<'m>) -> Sig<'m> {
    let bits = shape.words_bits();
    let awaited = m.input("awaited", u(bits), "first word that is still to come, 0 for none");
    let whole = m.input("q_whole", u(1), "with q_we: the word is complete, in all rows");
    let there = m.reg("there", u(bits), Some(0), "words that are there, all ones for all");
    there.when(start, awaited | (!awaited.any()).repeat(bits));
    there.when(whole & !there.q().all(), there.q().wrapping_add(1));
    there.q()
}

/// SREG[m + head] goes to the slot a cycle after it is granted, which it may be from the head's first word on; 1 when it was or is.
fn scales<'m>(
    m: &'m Module,
    [base, may]: [Sig<'m>; 2],
    row: Sig<'m>,
    head: Sig<'m>,
    slot: Sig<'m>,
) -> Sig<'m> {
    let first = m.input("first_scale", u(8), "SREG of the query scale of head 0");
    let granted = m.input("s_granted", u(1), "the scalar asked for is read");
    m.output("s_rrow", u(4), "row of the scale").set(row);
    m.output("s_rindex", u(8), "index of the scale").set(first.wrapping_add(head.zext(8)));
    let wanted = m.reg("scale_wanted", u(1), None, "the slot's scale has not been read");
    let taken = m.node("scale_taken", may & wanted.q() & granted);
    wanted.when(base, 1);
    wanted.when(taken, 0);
    let we = m.reg("scale_slot", slot.ty(), Some(0), "slot of the scale that was read");
    we.set(taken.mux(slot, 0));
    m.output("slot_we", slot.ty(), "writes query scale and span of these slots").set(we.q());
    !wanted.q() | granted
}

/// Bit `index` of `n` bits.
pub(super) fn one_hot<'m>(m: &'m Module, index: Sig<'m>, n: usize) -> Sig<'m> {
    if n == 1 {
        m.unused("there is but one", index);
        return m.u(1, 1);
    }
    m.cat_lsb(&(0..n).map(|i| index.eq(i)).collect::<Vec<_>>())
}

/// Segment and part of a head, counted together.
struct Counters<'m> {
    segment: Sig<'m>,
    part: Sig<'m>,
    last: Sig<'m>,
}

impl<'m> Counters<'m> {
    fn new(m: &'m Module, shape: &Shape, clear: Sig<'m>, step: Sig<'m>, segments: Sig<'m>) -> Self {
        let segment = m.reg("segment", u(shape.segment_bits()), None, "segment of the head");
        let (part, wrap) = if shape.parts() == 1 {
            (m.u(1, 1), step)
        } else {
            let bits = shape.parts() as u32;
            let part = m.reg("part", u(bits), None, "part of the segment, one-hot");
            part.when(clear, 1);
            part.when(step, m.cat_lsb(&[part.q().msb(), part.q().bits(0, bits - 1)]));
            (part.q(), step & part.q().msb())
        };
        segment.when(clear, 0);
        segment.when(wrap, segment.q().wrapping_add(1));
        let last = (segment.q() + 1u8).eq(segments);
        let last = if shape.parts() == 1 { last } else { last & part.msb() };
        Counters { segment: segment.q(), part, last }
    }
}
