//! ATT: the sums of all slots, and the scalars that go with them.
//!
//! ```text
//! LARGEST, SUM  a slot's largest weight; its sum of weights --> int -> float --> FIFO --> SREG[smax + h], SREG[ssum + h]
//! WORDS         its sums, V a cycle --> ATT memory, P rows --> att_data  (ATT_LATENCY)
//! ROOM          for the next slot's scalars is awaited
//! FLUSH         the last word and scalar are on their way; then the descriptor's heads are done, if the pass has the last row
//! ```
//!
//! Largest weights and sums are kept from `hold` on, as V begins, and everything is written from `drain` on, when V has ended:
//! beside a later pass's K. `busy` lasts from `hold` to the last word and the last scalar, which waits until it is taken. A slot
//! begins when the FIFO has room for its scalars and those before them, so nothing stalls ahead of it. Of an only slot nothing changes
//! meanwhile, so that nothing of it is delayed. With lent units the sum comes as binary32, and no VECTOR is in the way of a scalar:
//! there is neither converter nor FIFO.

use super::ATT_LATENCY;
use super::query::unread_address;
use super::shape::{COUNT_BITS, HEAD_BITS, HEADS_BITS, Shape, later, taps};
use super::softmax::total_bits;
use super::walk::{Pass, Slots, slots};
use crate::blocks::fifo::fifo;
use crate::blocks::fp;
use crate::dsl::{MemStyle, Module, Sig, Wire, count_width, index_width, u};

/// Bits of a sum in `att_data`.
pub(super) const ATT_BITS: u32 = 40;
/// Cycles from the slots' sums to the ATT memory: one of them chooses the slot.
fn write_cycles(shape: &Shape) -> u32 {
    if shape.slots == 1 { 2 } else { 3 }
}
/// Scalars that wait to be taken at most.
const WAITING: usize = 8;

/// Module `attention_output_*`.
pub(super) fn output(shape: &Shape) -> Module {
    let m = Module::new(
        &shape.name("attention_output"),
        "The ATT memory, its writer, and the scalars of a pass.",
    );
    let begin = m.input("hold", u(1), "largest weights and sums of weights are there");
    let held = |name: &str, bits: u32, doc: &str| {
        let r = m.reg(&format!("held_{name}"), u(bits), None, doc);
        r.when(begin, m.input(name, u(bits), doc));
        r.q()
    };
    let pass = Pass {
        row: held("row", shape.row_bits(), "first row of the pass"),
        rows: held("rows", shape.group_rows_bits(), "rows of the pass"),
        count: held("count", COUNT_BITS, "query heads of each row"),
    };
    let heads = held("heads", shape.heads_bits(), "query heads of the pass");
    let slots_wide = shape.slots as u32;
    let largest = held("largest", 31 * slots_wide, "largest weight of each slot");
    let totals = held("totals", total_bits(shape) * slots_wide, "sum of weights of each slot");

    let start = m.input("drain", u(1), "the slots' sums are complete");
    let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
    let state = m.fsm("state", &["IDLE", "LARGEST", "SUM", "WORDS", "ROOM", "FLUSH"], "see above");
    let [slot_done, room] = ["slot_done", "room"].map(|name| m.wire(name, u(1)));
    let now = slots(&m, shape, &pass, start, slot_done.sig());
    let flushed = m.wire("flushed", u(1));
    state.from("IDLE").goto(start, "LARGEST");
    state.from("LARGEST").goto(m.u(1, 1), "SUM");
    state.from("SUM").goto(m.u(1, 1), "WORDS");
    let words = state.from("WORDS").goto(slot_done.sig() & now.last, "FLUSH");
    words.goto(slot_done.sig() & room.sig(), "LARGEST").goto(slot_done.sig(), "ROOM");
    state.from("ROOM").goto(room.sig(), "LARGEST");
    state.from("FLUSH").goto(flushed.sig(), "IDLE");
    let written = m.node("written", state.is("FLUSH") & flushed.sig());
    let busy = m.reg("pass_is_held", u(1), Some(0), "a pass is being written, or about to be");
    busy.when(begin, 1);
    busy.when(written, 0);
    m.output("busy", u(1), "a pass is being written, or about to be").set(busy.q());

    let head = heads.word_dyn(now.column.bits(0, shape.slot_bits()), HEAD_BITS);
    let head = m.delay("head", head, "query head of the slot, a cycle after LARGEST");
    let turn = [state.is("LARGEST"), state.is("SUM")];
    let row = if shape.slots == 1 { pass.row } else { now.row };
    let scalars = scalars(&m, shape, &now, [head, row], turn, [largest, totals], room);
    let words = drain(&m, shape, &now, head, [state.is("SUM"), state.is("WORDS")], segments, slot_done);
    flushed.set(!(scalars | words));
    progress(&m, shape, now.row, pass.count, written);
    m
}

/// Counts the heads that are done; `end`: the row after the pass.
fn progress<'m>(m: &'m Module, shape: &Shape, end: Sig<'m>, count: Sig<'m>, written: Sig<'m>) {
    let start = m.input("start", u(1), "an instruction starts");
    let active = m.input("active", u(5), "active rows");
    let bits = shape.row_bits();
    m.unused("ends of a pass are 1 to P, which differ in the other bits", active.bits(bits, 5 - bits));
    let all_rows = m.node("all_rows", end.eq(active.bits(0, bits)));
    let heads = m.reg("heads_written", u(HEADS_BITS), Some(0), "heads that are done");
    heads.when(start, 0);
    heads.when(written & all_rows, heads.q().wrapping_add(count.zext(HEADS_BITS)));
    let doc = "query heads, as descriptors name them, whose results of all rows are there";
    m.output("heads_done", u(HEADS_BITS), doc).set(heads.q());
}

/// Writes largest weight and sum of a slot, after the turn of each; 1 while one of them is not taken. `room`: for those of a slot.
fn scalars<'m>(
    m: &'m Module,
    shape: &Shape,
    now: &Slots<'m>,
    [head, row]: [Sig<'m>; 2],
    [is_largest, is_sum]: [Sig<'m>; 2],
    [largest, totals]: [Sig<'m>; 2],
    room: Wire<'m>,
) -> Sig<'m> {
    // cycles from a slot's chosen scalars to SREG
    let cycles = if shape.lent_units { 0 } else { shape.latency().int_to_f32 };
    let firsts =
        [m.input("first_max", u(8), "SREG of head 0's"), m.input("first_sum", u(8), "SREG of head 0's")];
    let only = shape.slots == 1;
    let tag = |name: &str, sig: Sig<'m>, cycles: u32| if only { sig } else { later(m, name, sig, cycles) };
    let total = totals.word_dyn(now.slot, total_bits(shape));
    let total = if only { total } else { m.delay("total", total, "the slot's sum of weights") };
    let total = if shape.lent_units {
        total
    } else {
        let float = m.instance("u_float", fp::int_to_f32(total.width(), shape.pace));
        float.connect("value", total.as_signed());
        float.out("result")
    };
    let largest = tag("largest_tag", largest.word_dyn(now.slot, 31), 1 + cycles).zext(32);
    // the head is known a cycle after the largest weight's turn, and still is after the sum's
    let sum_turn = m.delay("sum_turn", is_sum, "the sum's turn, not the largest weight's");
    let index = |sum: Sig<'m>| sum.mux(firsts[1], firsts[0]).wrapping_add(head.zext(8));
    let begins = m.node("scalar_begins", is_largest | is_sum);
    let row = tag("row_tag", row, 1 + cycles);
    let tagged = (!only).then(|| later(m, "index_tag", index(sum_turn), cycles));
    let sum_tag = later(m, "sum_tag", sum_turn, cycles);
    let index = tagged.unwrap_or_else(|| index(sum_tag));
    let data = sum_tag.mux(total, largest);
    let comes = taps(m, "scalar_tags", begins, 1 + cycles)[1 + cycles as usize];
    let scalar = m.cat_lsb(&[data, index, row]);
    let taken = || m.input("s_taken", u(1), "with s_we: the scalar is written in this cycle");
    let (offered, scalar, fires) = if shape.lent_units {
        m.unused("no VECTOR is in its way", taken());
        (comes, scalar, comes)
    } else {
        let queue = m.instance("u_queue", fifo(40 + row.width(), WAITING, MemStyle::Lut));
        let sink = queue.sink("x");
        sink.set(comes, scalar);
        m.unused("there is room", sink.ready);
        let y = queue.source("y");
        y.ready.set(taken());
        (y.valid, y.data, y.fires())
    };
    m.output("s_we", u(1), "offers a scalar").set(offered);
    m.output("s_row", u(4), "its row").set(scalar.bits(40, row.width()).zext(4));
    m.output("s_index", u(8), "its index").set(scalar.bits(32, 8));
    m.output("s_wdata", u(32), "binary32").set(scalar.bits(0, 32));
    waiting(m, begins, m.node("scalar_taken", fires), room)
}

/// Counts the scalars that are not taken; 1 if some are left after this cycle. `room`: for two more.
fn waiting<'m>(m: &'m Module, begins: Sig<'m>, taken: Sig<'m>, room: Wire<'m>) -> Sig<'m> {
    let waiting = m.reg("waiting", u(count_width(WAITING)), Some(0), "scalars that are not taken");
    waiting.when(begins & !taken, waiting.q().wrapping_add(1));
    waiting.when(taken & !begins, waiting.q().wrapping_sub(1));
    room.set(waiting.q().le(WAITING - 2));
    waiting.q().bits(1, count_width(WAITING) - 1).any() | waiting.q().bit(0) & !taken
}

/// Copies the slots' sums to the ATT memory; 1 while a word is on its way.
fn drain<'m>(
    m: &'m Module,
    shape: &Shape,
    now: &Slots<'m>,
    head: Sig<'m>,
    [begins, moves]: [Sig<'m>; 2],
    segments: Sig<'m>,
    slot_done: Wire<'m>,
) -> Sig<'m> {
    let words = m.input(
        "sum_words",
        u(shape.slots as u32 * shape.sum_bits() * shape.lanes as u32),
        "V sums of each slot",
    );
    let segment = m.reg("segment", u(shape.segment_bits()), None, "segment of the head");
    let (part, part_last) = parts(m, shape, moves);
    slot_done.set(moves & part_last & (segment.q() + 1u8).eq(segments));
    segment.when(begins, 0);
    segment.when(moves & part_last, segment.q().wrapping_add(1));
    m.output("draining", u(1), "the slots' sums are being read").set(moves);
    m.output("drain_segment", segment.q().ty(), "segment read").set(segment.q());
    if let Some(part) = part {
        m.output("drain_part", part.ty(), "part of the segment read").set(part);
    }

    // cycle 1: the segment, cycle 2: the slot's words, cycle 3: the chosen slot's word
    let word = m.reg("word", u(shape.address_bits()), None, "word of the row");
    word.when(begins, shape.head_word(m, head, segments));
    word.when(moves, word.q().wrapping_add(1));
    let cycles = write_cycles(shape);
    let we = taps(m, "write_tags", moves, cycles);
    let address = later(m, "address", shape.address(m, now.row, word.q()), cycles);
    let data = if shape.slots == 1 {
        words
    } else {
        let slot = later(m, "word_slot", now.slot, cycles - 1);
        m.delay("data", words.word_dyn(slot, words.width() / shape.slots as u32), "")
    };
    memory(m, shape, we[cycles as usize], address, data);
    we[1..].iter().copied().reduce(|a, b| a | b).unwrap_or(moves)
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
    let style = shape.style(data.width(), shape.row_depth());
    let memory = m.mem("att", data.width(), shape.row_depth(), style, "V sums a word, row by row");
    memory.write(we, address, data);
    let word = word.bits(0, shape.address_bits().min(16)).resize(shape.address_bits());
    let read = memory.read("att_read", shape.address(m, row, word), m.u(1, 1));
    let read = later(m, "att_word_read", read, ATT_LATENCY - 1);
    let wide: Vec<Sig> =
        read.words(shape.sum_bits()).iter().map(|w| w.sext(ATT_BITS).as_unsigned()).collect();
    m.output("att_data", u(ATT_BITS * shape.lanes as u32), "V sums of 40 bits").set(m.cat_lsb(&wide));
}
