//! ATT: the sums of all heads, and the scalars that go with them.
//!
//! ```text
//! hold:  SREG[smax + h], SREG[ssum + h] for each head of the pass, one a cycle
//! drain: the slots' sums, V a cycle --> ATT memory, P rows --> att_data  (ATT_LATENCY)
//! ```
//!
//! Both work beside the next pass; `busy` lasts from `hold` to the last word.

use super::ATT_LATENCY;
use super::query::unread_address;
use super::shape::{COUNT_BITS, Shape, later};
use crate::dsl::{MemStyle, Module, Sig, index_width, u};

/// Bits of a sum in `att_data`.
pub(super) const ATT_BITS: u32 = 40;

/// What stays of the pass while it is written.
struct Job<'m> {
    begin: Sig<'m>,
    row: Sig<'m>,
    heads: Sig<'m>,
    count: Sig<'m>,
}

/// Module `attention_output_*`.
pub(super) fn output(shape: &Shape) -> Module {
    let m = Module::new(
        &shape.name("attention_output"),
        "The ATT memory, its writer, and the scalars of a pass.",
    );
    let begin = m.input("hold", u(1), "largest weights and sums are there");
    let held = |name: &str, bits: u32, doc: &str| {
        let r = m.reg(&format!("held_{name}"), u(bits), None, doc);
        r.when(begin, m.input(name, u(bits), doc));
        r.q()
    };
    let job = Job {
        begin,
        row: held("row", shape.row_bits(), "row of the pass"),
        heads: held("heads", shape.heads_bits(), "query heads of the pass"),
        count: held("count", COUNT_BITS, "number of query heads"),
    };
    let scalars_busy = scalars(&m, shape, &job);
    m.output("scalars_busy", u(1), "the slots' scalars are still to be read").set(scalars_busy);
    drain(&m, shape, &job);
    m
}

fn chosen<'m>(shape: &Shape, words: Sig<'m>, slot: Sig<'m>) -> Sig<'m> {
    if shape.slots == 1 { words } else { words.word_dyn(slot, words.width() / shape.slots as u32) }
}

/// Writes maximum and sum of one head after the other.
fn scalars<'m>(m: &'m Module, shape: &Shape, job: &Job<'m>) -> Sig<'m> {
    let largest = m.input("largest", u(32 * shape.slots as u32), "largest weight of each slot");
    let totals = m.input("totals", u(32 * shape.slots as u32), "sum of each slot");
    let firsts =
        [m.input("first_max", u(8), "SREG of head 0's"), m.input("first_sum", u(8), "SREG of head 0's")];
    let busy = m.reg("writing_scalars", u(1), Some(0), "scalars are being written");
    let sum = m.reg("writes_sum", u(1), Some(0), "the sum's turn, not the largest weight's");
    let slot = m.reg("scalar_slot", u(index_width(shape.slots)), Some(0), "slot whose scalars are written");
    let last = m.node("last_scalar", sum.q() & (slot.q() + 1u8).eq(job.count));
    busy.when(job.begin, 1);
    busy.when(last, 0);
    sum.when(busy.q(), !sum.q());
    slot.when(job.begin, 0);
    slot.when(busy.q() & sum.q(), slot.q().wrapping_add(1));
    let head = chosen(shape, job.heads, slot.q()).zext(8);
    m.output("s_we", u(1), "writes a scalar").set(busy.q());
    m.output("s_row", u(4), "its row").set(job.row);
    m.output("s_index", u(8), "its index").set(sum.q().mux(firsts[1], firsts[0]).wrapping_add(head));
    let data = sum.q().mux(chosen(shape, totals, slot.q()), chosen(shape, largest, slot.q()));
    m.output("s_wdata", u(32), "binary32").set(data);
    busy.q()
}

/// Copies the slots' sums to the ATT memory.
fn drain<'m>(m: &'m Module, shape: &Shape, job: &Job<'m>) {
    let start = m.input("drain", u(1), "the slots' sums are complete");
    let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
    let words = m.input(
        "sum_words",
        u(shape.slots as u32 * shape.sum_bits() * shape.lanes as u32),
        "V sums of each slot",
    );
    let state = m.fsm("state", &["IDLE", "HEAD", "WORDS", "FLUSH"], "where the drain is");
    let (head_state, move_on) = (state.is("HEAD").named("at_head"), state.is("WORDS").named("moving"));
    let slot = m.reg("slot", u(index_width(shape.slots)), Some(0), "slot being drained");
    let segment = m.reg("segment", u(shape.segment_bits()), None, "segment of the head");
    let (part, part_last) = parts(m, shape, move_on);
    let head_done = m.node("head_done", move_on & part_last & (segment.q() + 1u8).eq(segments));
    let last_slot = m.node("last_slot", (slot.q() + 1u8).eq(job.count));
    segment.when(head_state, 0);
    segment.when(move_on & part_last, segment.q().wrapping_add(1));
    slot.when(start, 0);
    slot.when(head_done, slot.q().wrapping_add(1));
    state.from("IDLE").goto(start, "HEAD");
    state.from("HEAD").goto(m.u(1, 1), "WORDS");
    state.from("WORDS").goto(head_done & last_slot, "FLUSH").goto(head_done, "HEAD");
    let flushed = m.wire("flushed", u(1));
    state.from("FLUSH").goto(flushed.sig(), "IDLE");
    m.output("draining", u(1), "the slots' sums are being read").set(move_on);
    m.output("drain_segment", segment.q().ty(), "segment read").set(segment.q());
    if let Some(part) = part {
        m.output("drain_part", part.ty(), "part of the segment read").set(part);
    }

    // cycle 1: the slot's words, cycle 2: the chosen slot's word
    let word = m.reg("word", u(shape.address_bits()), None, "word of the row");
    word.when(head_state, shape.head_word(m, chosen(shape, job.heads, slot.q()), segments));
    word.when(move_on, word.q().wrapping_add(1));
    let we = m.reg("write_tags", u(2), Some(0), "words on their way");
    we.set(m.cat_lsb(&[move_on, we.q().bit(0)]));
    flushed.set(!we.q().any());
    let address = later(m, "address", shape.address(m, job.row, word.q()), 2);
    let data = m.delay(
        "data",
        if shape.slots == 1 { words } else { chosen(shape, words, later(m, "word_slot", slot.q(), 1)) },
        "",
    );
    memory(m, shape, we.q().bit(1), address, data);
    busy(m, job.begin, state.is("FLUSH") & flushed.sig());
}

fn busy(m: &Module, begin: Sig, end: Sig) {
    let busy = m.reg("pass_is_held", u(1), Some(0), "a pass is being written, or about to be");
    busy.when(begin, 1);
    busy.when(end, 0);
    m.output("busy", u(1), "a pass is being written, or about to be").set(busy.q());
}

/// The part of the segment, if there are several, and whether it is the last.
fn parts<'m>(m: &'m Module, shape: &Shape, step: Sig<'m>) -> (Option<Sig<'m>>, Sig<'m>) {
    if shape.parts() == 1 {
        return (None, m.u(1, 1));
    }
    // a power of two: it wraps by itself
    let part = m.reg("part", u(index_width(shape.parts())), Some(0), "part of the segment");
    part.when(step, part.q().wrapping_add(1));
    (Some(part.q()), part.q().all())
}

/// ATT_LATENCY cycles from an address to its sums.
fn memory<'m>(m: &'m Module, shape: &Shape, we: Sig<'m>, address: Sig<'m>, data: Sig<'m>) {
    let (row, word) = (m.input("att_row", u(4), "row read"), m.input("att_word", u(16), "word read"));
    unread_address(m, shape, row, word);
    let memory = m.mem("att", data.width(), shape.row_depth(), MemStyle::Block, "V sums a word, row by row");
    memory.write(we, address, data);
    let word = word.bits(0, shape.address_bits().min(16)).resize(shape.address_bits());
    let read = memory.read("att_read", shape.address(m, row, word), m.u(1, 1));
    let read = later(m, "att_word_read", read, ATT_LATENCY - 1);
    let wide: Vec<Sig> =
        read.words(shape.sum_bits()).iter().map(|w| w.sext(ATT_BITS).as_unsigned()).collect();
    m.output("att_data", u(ATT_BITS * shape.lanes as u32), "V sums of 40 bits").set(m.cat_lsb(&wide));
}
