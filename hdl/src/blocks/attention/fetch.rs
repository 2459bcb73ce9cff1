//! Requests of K/V data: for each planned pass the beats of KS, VS, K, and later V, from the first token that a row attends to up
//! to the last. Those of V come after the K of the next pass, in the order that `walk.rs` gives.
//!
//! ```text
//! PICK    whose turn it is: KS, VS, K of a pass, or V of the one before
//! LOAD    its area, its first and last token
//! SETTLE  multiply
//! ADD     the parts of the product
//! AREA    first beat of the KV head's area, beats of the arrays
//! LOOK    address and beats of the next array
//! ISSUE   the request, in several pieces if it is very long
//! ```
//!
//! It runs ahead of the computation over passes; only the reader's data FIFO and the plan hold it.

use super::passes::KV_HEAD_BITS;
use super::shape::{NUMBER_BITS, Shape};
use super::walk::turns;
use crate::blocks::{place_of, staged};
use crate::dsl::{Module, Reg, Sig, Sink, count_width, u};

/// Bits of the number of beats of a request.
const BEATS_BITS: u32 = 16;
/// Beats of a piece of a request that does not fit [`BEATS_BITS`].
const PIECE: usize = 1 << (BEATS_BITS - 1);

/// Module `attention_fetch_*`.
pub(super) fn fetch(shape: &Shape) -> Module {
    let Shape { beat_bytes, width, head_size, context, .. } = *shape;
    let name = format!("attention_fetch_b{beat_bytes}_u{width}_d{head_size}_c{context}");
    let m = Module::new(&name, "Requests of K/V data, ahead of the computation.");
    let start = m.input("start", u(1), "an instruction starts");
    let req = m.stream_out("req", u(32 + BEATS_BITS), "requests: beat address, then number of beats");

    let state =
        m.fsm("state", &["IDLE", "PICK", "LOAD", "SETTLE", "ADD", "AREA", "LOOK", "ISSUE"], "see above");
    let kind = m.reg("kind", u(2), Some(0), "0 to 3: KS, VS, K, V");
    let sent = m.wire("sent", u(1));
    // the last array of a turn is K, or V
    let ends = m.node("turn_ends", sent.sig() & kind.q().bit(1));
    let next = turns(&m, start, state.is("PICK"), ends);
    m.output("number", u(NUMBER_BITS), "pass wanted").set(next.number);
    m.unused("the plan goes by those who take the beats", next.value);
    kind.when(state.is("LOAD"), next.of_value.repeat(2));
    kind.when(sent.sig(), kind.q().wrapping_add(1));
    state.from("IDLE").goto(start, "PICK");
    state.from("PICK").goto(next.is_key | next.is_value, "LOAD").goto(next.over, "IDLE");
    state.from("LOAD").goto(m.u(1, 1), "SETTLE");
    state.from("SETTLE").goto(m.u(1, 1), "ADD");
    state.from("ADD").goto(m.u(1, 1), "AREA");
    state.from("AREA").goto(m.u(1, 1), "LOOK");
    state.from("LOOK").goto(m.u(1, 1), "ISSUE");
    state.from("ISSUE").goto(ends, "PICK").goto(sent.sig(), "LOOK");

    let (address, beats) = arrays(&m, shape, kind.q(), state.is("AREA"));
    sent.set(pieces(&m, state.is("LOOK"), state.is("ISSUE"), [address, beats], req));
    m
}

/// First beat and number of beats of array `kind` of the pass; valid a cycle after `latch`.
fn arrays<'m>(m: &'m Module, shape: &Shape, kind: Sig<'m>, latch: Sig<'m>) -> (Sig<'m>, Sig<'m>) {
    let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
    let (place, slow) = (shape.place, shape.slow());
    let beats = |name: &str, doc: &str| place_of(m.input(name, u(32), doc), place);
    let layer = beats("layer", "offset of the layer in beats");
    let scale_beats = beats("kv_scale_beats", "beats of an array of scales");
    let data_beats = beats("kv_data_beats", "beats of an array of codes");
    // the registers settle in LOAD, SETTLE and ADD
    let input = |name: &str, bits: u32, doc: &str| {
        staged(m, slow, &format!("{name}_q"), m.input(name, u(bits), doc), doc)
    };
    let first = input("first", shape.token_bits(), "first token of the pass");
    let last = input("last", shape.token_bits(), "last token of the pass");
    let kv_head = input("kv_head", KV_HEAD_BITS, "KV head of the pass");
    let head_beats =
        m.delay("head_beats", (scale_beats.wrapping_add(data_beats) << 1).trunc(place), "beats of a head");
    let part = |name: &str, lo: u32| {
        let product = (kv_head * head_beats.bits(lo, 16.min(place - lo))).resize(place - lo);
        staged(m, slow, name, product, "KV head times a half of its beats")
    };
    let (low, high) = (part("low_part", 0), part("high_part", 16));
    let offset = low.wrapping_add(m.cat_lsb(&[m.u(16, 0), high]));
    let offset = m.delay("head_offset", offset, "from the layer's first head");
    let base = m.input("base", u(place), "KV base of the pass");
    let base = m.delay("layer_base", base.wrapping_add(layer), "first beat of the layer");
    shape.unread_tokens(m, [first, last]);
    let [first_group, first_scales] = [shape.group_of(first), shape.scale_beat_of(first)];
    let groups = shape.group_of(last).wrapping_sub(first_group) + 1u8;
    let groups = m.delay("groups", groups, "groups of tokens of the pass");
    let area = m.reg("area", u(place), None, "first beat of the KV head");
    area.when(latch, base.wrapping_add(offset));
    let most = count_width(shape.context / shape.side * shape.segments());
    let codes = m.reg("code_beats", u(most), None, "beats of K, and of V");
    codes.when(latch, (groups * segments).resize(most));
    let skipped = m.reg("skipped_codes", u(most), None, "beats of K, and of V, before the first token");
    skipped.when(latch, (first_group * segments).resize(most));
    let scales = m.reg("scales", u(shape.scale_beat_bits() + 1), None, "beats of KS, and of VS");
    scales.when(latch, shape.scale_beat_of(last).wrapping_sub(first_scales) + 1u8);

    let twice = (scale_beats << 1).trunc(place);
    let from_area = kind.case(&[(1, scale_beats), (2, twice), (3, twice.wrapping_add(data_beats))], 0);
    let wide = most.max(shape.scale_beat_bits() + 1);
    let of_kind = |codes: Sig<'m>, scales: Sig<'m>| kind.bit(1).mux(codes.resize(wide), scales.resize(wide));
    let begin = area.q().wrapping_add(of_kind(skipped.q(), first_scales));
    (begin.trunc(place).wrapping_add(from_area), of_kind(codes.q(), scales.q()))
}

/// Sends an array's request; 1 when its last piece leaves.
fn pieces<'m>(
    m: &'m Module,
    look: Sig<'m>,
    issue: Sig<'m>,
    [address, beats]: [Sig<'m>; 2],
    req: Sink<'m>,
) -> Sig<'m> {
    let cursor = m.reg("cursor", address.ty(), None, "first beat not yet asked for");
    let left: Reg = m.reg("beats_left", beats.ty(), None, "beats not yet asked for");
    cursor.when(look, address);
    left.when(look, beats);
    let (now, rest) = if beats.width() <= BEATS_BITS {
        (left.q(), m.u(1, 0))
    } else {
        let rest = m.node("more_pieces", left.q().gt(PIECE));
        (rest.mux(m.u(beats.width(), PIECE), left.q()).trunc(BEATS_BITS), rest)
    };
    req.set(issue, m.cat_lsb(&[cursor.q().zext(32), now.resize(BEATS_BITS)]));
    let fires = m.node("request_moves", req.fires());
    if beats.width() > BEATS_BITS {
        cursor.when(fires, cursor.q().wrapping_add(PIECE));
        left.when(fires, left.q().wrapping_sub(PIECE));
    }
    fires & !rest
}
