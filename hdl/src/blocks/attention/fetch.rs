//! Requests of K/V data: for each row, each pass the beats of KS, K, VS, V from the first token of
//! the window up to the row's position, in this order.
//!
//! ```text
//! READY  the pass's descriptor is there: multiply
//! AREA   first beat of the KV head's area, beats of the arrays
//! LOOK   address and beats of the next array
//! ISSUE  the request, in several pieces if it is very long
//! ```
//!
//! It runs ahead of the computation over passes and rows; only the reader's data FIFO holds it.

use super::passes::KV_HEAD_BITS;
use super::shape::{PASS_BITS, PASS_COUNT_BITS, PAST_BITS, Shape, walk};
use crate::dsl::{Module, Reg, Sig, Sink, count_width, u};

/// Bits of the number of beats of a request.
const BEATS_BITS: u32 = 16;
/// Beats of a piece of a request that does not fit [`BEATS_BITS`].
const PIECE: usize = 1 << (BEATS_BITS - 1);
/// Arrays of a pass.
const ARRAYS: u32 = 4;

/// Module `attention_fetch_*`.
pub(super) fn fetch(shape: &Shape) -> Module {
    let Shape { rows, beat_bytes, width, head_size, context, .. } = *shape;
    let name = format!("attention_fetch_p{rows}_b{beat_bytes}_u{width}_d{head_size}_c{context}");
    let m = Module::new(&name, "Requests of K/V data, ahead of the computation.");
    let start = m.input("start", u(1), "an instruction starts");
    let active = m.input("rows", u(5), "active rows");
    let passes = m.input("passes", u(PASS_COUNT_BITS), "passes of each row");
    let loaded = m.input("loaded", u(PASS_COUNT_BITS), "descriptors that can be read");
    let pass = m.output("pass", u(PASS_BITS), "descriptor wanted");
    let req = m.stream_out("req", u(32 + BEATS_BITS), "requests: beat address, then number of beats");

    let state = m.fsm("state", &["IDLE", "READY", "SETTLE", "AREA", "LOOK", "ISSUE"], "see above");
    let kind = m.reg("kind", u(2), Some(0), "0 to 3: KS, K, VS, V");
    let sent = m.wire("sent", u(1));
    let last_array = kind.q().eq(ARRAYS - 1);
    let advance = m.node("advance", sent.sig() & last_array);
    let place = walk(&m, shape, start, advance, [active, passes]);
    pass.set(place.pass);
    let begin = start & passes.ne(0) & active.ne(0);
    state.from("IDLE").goto(begin, "READY");
    state.from("READY").goto(loaded.gt(place.pass), "SETTLE");
    state.from("SETTLE").goto(m.u(1, 1), "AREA");
    state.from("AREA").goto(m.u(1, 1), "LOOK");
    state.from("LOOK").goto(m.u(1, 1), "ISSUE");
    let issue = state.from("ISSUE").goto(sent.sig() & !last_array, "LOOK");
    issue.goto(advance & !place.last, "READY").goto(advance, "IDLE");
    kind.when(sent.sig(), kind.q().wrapping_add(1));

    let (address, beats) = arrays(&m, shape, place.row, kind.q(), state.is("AREA"));
    sent.set(pieces(&m, state.is("LOOK"), state.is("ISSUE"), [address, beats], req));
    m
}

/// First beat and number of beats of array `kind` of the pass; valid a cycle after `latch`.
fn arrays<'m>(
    m: &'m Module,
    shape: &Shape,
    row: Sig<'m>,
    kind: Sig<'m>,
    latch: Sig<'m>,
) -> (Sig<'m>, Sig<'m>) {
    let rows = shape.rows as u32;
    let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
    let layer = m.input("layer", u(32), "offset of the layer in beats");
    let past = m.input("past", u(PAST_BITS), "tokens of the window before the row's own");
    let positions = m.input("positions", u(shape.token_bits() * rows), "position of each row");
    let kv_bases = m.input("kv_bases", u(32 * rows), "first beat of each row's cache");
    let scale_beats = m.input("kv_scale_beats", u(32), "beats of an array of scales");
    let data_beats = m.input("kv_data_beats", u(32), "beats of an array of codes");
    let kv_head = m.input("kv_head", u(KV_HEAD_BITS), "KV head of the pass wanted");
    if rows == 1 {
        m.unused("there is one row", row);
    }
    // the registers settle in READY and SETTLE
    let kv_head = m.delay("kv_head_q", kv_head, "KV head of the pass");
    let head_beats =
        m.delay("head_beats", (scale_beats.wrapping_add(data_beats) << 1).trunc(32), "beats of a head");
    let offset = m.delay("head_offset", (kv_head * head_beats).trunc(32), "from the layer's first head");
    let base =
        m.delay("layer_base", word_of(kv_bases, row, 32).wrapping_add(layer), "first beat of the layer");
    let position = word_of(positions, row, shape.token_bits()).named("position");
    let first = m.delay("first", shape.first_token(position, past), "first token of the window");
    let low = shape.side_bits().min(shape.scale_bits());
    if low > 0 {
        m.unused("beats of scales and groups of tokens are whole", first.bits(0, low));
    }
    let [first_group, first_scales] = [shape.group_of(first), shape.scale_beat_of(first)];
    let groups = shape.group_of(position).wrapping_sub(first_group) + 1u8;
    let groups = m.delay("groups", groups, "groups of tokens in the window");
    let area = m.reg("area", u(32), None, "first beat of the KV head");
    area.when(latch, base.wrapping_add(offset));
    let most = count_width(shape.context / shape.side * shape.segments());
    let codes = m.reg("code_beats", u(most), None, "beats of K, and of V");
    codes.when(latch, (groups * segments).resize(most));
    let skipped = m.reg("skipped_codes", u(most), None, "beats of K, and of V, before the window");
    skipped.when(latch, (first_group * segments).resize(most));
    let scales = m.reg("scales", u(shape.scale_beat_bits() + 1), None, "beats of KS, and of VS");
    scales.when(latch, shape.scale_beat_of(position).wrapping_sub(first_scales) + 1u8);

    let twice = (scale_beats << 1).trunc(32);
    let from_area = kind.case(&[(1, twice), (2, scale_beats), (3, twice.wrapping_add(data_beats))], 0);
    let wide = most.max(shape.scale_beat_bits() + 1);
    let of_kind = |codes: Sig<'m>, scales: Sig<'m>| kind.bit(0).mux(codes.resize(wide), scales.resize(wide));
    let begin = area.q().wrapping_add(of_kind(skipped.q(), first_scales));
    (begin.trunc(32).wrapping_add(from_area), of_kind(codes.q(), scales.q()))
}

fn word_of<'m>(words: Sig<'m>, index: Sig<'m>, width: u32) -> Sig<'m> {
    if words.width() == width { words } else { words.word_dyn(index, width) }
}

/// Sends an array's request; 1 when its last piece leaves.
fn pieces<'m>(
    m: &'m Module,
    look: Sig<'m>,
    issue: Sig<'m>,
    [address, beats]: [Sig<'m>; 2],
    req: Sink<'m>,
) -> Sig<'m> {
    let cursor = m.reg("cursor", u(32), None, "first beat not yet asked for");
    let left: Reg = m.reg("beats_left", beats.ty(), None, "beats not yet asked for");
    cursor.when(look, address);
    left.when(look, beats);
    let (now, rest) = if beats.width() <= BEATS_BITS {
        (left.q(), m.u(1, 0))
    } else {
        let rest = m.node("more_pieces", left.q().gt(PIECE));
        (rest.mux(m.u(beats.width(), PIECE), left.q()).trunc(BEATS_BITS), rest)
    };
    req.set(issue, m.cat_lsb(&[cursor.q(), now.resize(BEATS_BITS)]));
    let fires = m.node("request_moves", req.fires());
    if beats.width() > BEATS_BITS {
        cursor.when(fires, cursor.q().wrapping_add(PIECE));
        left.when(fires, left.q().wrapping_sub(PIECE));
    }
    fires & !rest
}
