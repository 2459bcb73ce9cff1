//! Results of the vector unit on their way to memory: KV codes, KV scales and logits.
//!
//! ```text
//! in_* --> FIFO --> [s1: operands] --> [s2: products] --> [s3: sums] --> [s4: beat and place] --> FIFO --> merge --> w
//! ```
//!
//! Words that fall into one beat one after the other leave as one beat: those of logits, and those of rows whose tokens share a beat of
//! the KV cache, which come segment by segment. A word of logits that is larger than a beat
//! leaves as several.
//!
//! With a slow clock a word stays in the FIFO until it is placed, so that nothing but what is calculated is in registers: products
//! come within a cycle, pieces go to the merge at once, and a beat is offered from where it is gathered. A word takes four cycles.
//!
//! Ports: `insn` (stable until `empty`), `row_info`, `kv_scale_beats`, `kv_data_beats`, `result_base`, `result_stride`;
//! `in_valid`, `in_kind`, `in_row`, `in_rep`, `in_word`, `in_data` of the vector unit; `hold` back to it, early enough
//! for [`OUT_SLACK`] more words; stream `w` {data 8B, strb B, addr 32}; `empty`.
//!
//! The first id of LOGITS is a multiple of V, so that a word's place is a multiple of its size or of the beat.

mod merge;

use sterna_spec::config::Config;
use sterna_spec::isa::{DstKind, field};

use super::fifo::counted_fifo;
use super::{field_of, place_of, row_word, vector};
use crate::dsl::*;
use merge::merge;

/// Words that may still come out of the vector unit after `hold` rises.
pub const OUT_SLACK: usize = vector::OUT_SLACK as usize;

/// Words of the FIFO: the slack, and as much again to run without stops.
pub(super) const FIFO_WORDS: usize = 2 * OUT_SLACK;

/// Pieces of beats that wait: enough to keep the stages from waiting for the merge.
const PIECES: usize = 4;

/// Sizes, all powers of two.
struct Sizes {
    lanes: u32,
    beat: u32,
    width: u32,
    rows: u32,
    /// Bits of the number of a beat.
    place: u32,
    slow: bool,
}

impl Sizes {
    /// Bits of a piece: data, strobes, place, and whether it may join the one before.
    fn piece(&self) -> u32 {
        9 * self.beat + self.place + 1
    }
}

/// The store unit of a configuration.
pub fn store(config: &Config) -> Module {
    let m = Module::new("store", "KV codes, KV scales and logits, merged into beats for the writer.");
    let (beat, lanes) = (config.beat_bytes() as u32, config.lanes);
    let (place, slow) = (config.place_bits(), !config.fast_clock());
    let z = Sizes { lanes, beat, width: config.attention_width, rows: config.rows, place, slow };
    let valid = m.input("in_valid", u(1), "a word of the vector unit");
    let kind = m.input("in_kind", u(4), "destination of the word");
    let at = [("in_row", 4, "row"), ("in_rep", 8, "repetition"), ("in_word", 16, "word in the repetition")];
    let at: Vec<Sig> = at.iter().map(|(name, width, doc)| m.input(name, u(*width), doc)).collect();
    let data = m.input("in_data", u(32 * lanes), "the word; codes in the low bytes, a scale in lane 0");
    let mine = [DstKind::Kv, DstKind::KvScale, DstKind::Logits].map(|k| kind.eq(k as u32));
    let take = m.node("take", valid & (mine[0] | mine[1] | mine[2]));
    let width = 28 + 32 * lanes;
    let queue = m.instance("u_queue", counted_fifo(config, width, FIFO_WORDS, MemStyle::Block));
    let x = queue.sink("x");
    x.set(take, cat_lsb(&[at[0], at[1], at[2], data]));
    m.unused("hold keeps the queue from filling up", x.ready);
    let waiting = queue.out("count");
    m.output("hold", u(1), "stop: at most OUT_SLACK more words").set(waiting.ge(FIFO_WORDS - OUT_SLACK - 16));

    let inside = if slow {
        let wire = |name: &str, width: u32| m.wire(name, u(width));
        let [valid, ready] = [("piece_valid", 1), ("piece_ready", 1)].map(|(name, width)| wire(name, width));
        let data = wire("piece", z.piece());
        let full = address(&m, &z, queue.source("y"), Sink { valid, data, ready: ready.sig() });
        let held = merge(&m, &z, Source { valid: valid.sig(), data: data.sig(), ready });
        waiting.ne(0) | full.any() | held
    } else {
        let pieces = m.instance("u_pieces", counted_fifo(config, z.piece(), PIECES, MemStyle::Lut));
        let full = address(&m, &z, queue.source("y"), pieces.sink("x"));
        let held = merge(&m, &z, pieces.source("y"));
        waiting.ne(0) | full.any() | pieces.out("count").ne(0) | held
    };
    m.output("empty", u(1), "nothing is held").set(!(take | inside));
    m
}

/// The pipeline that finds the place of each word and gives it as pieces of beats: data, strobes, address, and 1 if that is
/// the address of the piece before; the pipeline's valid bits.
fn address<'m>(m: &'m Module, z: &Sizes, y: Source<'m>, x: Sink<'m>) -> Sig<'m> {
    let insn = m.input("insn", u(256), "VECTOR, stable until empty");
    let info = m.input("row_info", u(128 * z.rows), "row r at 128r: token, position, kv_base, flags");
    let register = |name: &str, doc: &str| place_of(m.input(name, u(32), doc), z.place);
    let scale_beats = register("kv_scale_beats", "beats of one array of scales");
    let data_beats = register("kv_data_beats", "beats of one array of codes");
    let base = register("result_base", "first beat of the logits");
    let stride = register("result_stride", "beats from one row's logits to the next");
    let n = field_of(insn, field::N);
    let value = field_of(insn, field::DST).any().named("value");
    let first = field_of(insn, field::ADDR);
    let first_beat = place_of(first, z.place);
    let kind = field_of(insn, field::DST_KIND);
    let is = |k: DstKind| kind.eq(k as u32);
    // its words come many cycles after the instruction
    let [codes, scale] =
        [("codes", DstKind::Kv), ("scale", DstKind::KvScale)].map(|(name, k)| m.delay(name, is(k), ""));
    let used = [field::N, field::DST, field::DST_KIND, field::ADDR].map(|f| (f.bit(), f.width));
    super::unused_fields(m, insn, &used);

    let accept = m.wire("accept", u(1)).doc("the last piece of the word leaves");
    let (v, moves) = if z.slow {
        let v = m.reg("full", u(3), Some(0), "cycles since the word came");
        y.ready.set(v.q().msb() & accept.sig());
        v.when(y.ready.sig(), 0);
        v.when(!v.q().msb(), cat_lsb(&[y.valid, v.q().bits(0, 2)]));
        (v, m.u(1, 1))
    } else {
        let v = m.reg("full", u(4), Some(0), "stages that hold a word");
        let moves = m.node("moves", !v.q().msb() | accept.sig());
        v.when(moves, cat_lsb(&[y.valid, v.q().bits(0, 3)]));
        y.ready.set(moves);
        (v, moves)
    };
    let stage = |name: &str, d: Sig<'m>| {
        let r = m.reg(name, d.ty(), None, "");
        r.when(moves, d);
        r.q()
    };
    // of what the FIFO still has
    let carry = |name: &str, d: Sig<'m>| if z.slow { d } else { stage(name, d) };
    let (row, rep, word) = (y.data.bits(0, 4), y.data.bits(4, 8), y.data.bits(12, 16));
    let data = y.data.bits(28, 32 * z.lanes);
    let of_row = row_word(m, info, row, z.rows).named("of_row");
    m.unused("of no use here", cat_lsb(&[of_row.bits(0, 32), of_row.bits(96, 32)]));
    let (position, kv_base) = (of_row.bits(32, 32), place_of(of_row.bits(64, 32), z.place));

    // operands: area or row times its size, tokens or repetitions times theirs
    let tokens = (z.beat / z.width).ilog2();
    let side = (z.width / z.lanes).ilog2();
    let area = ((scale_beats.wrapping_add(data_beats) << 1).bits(0, z.place)).named("area");
    let s1_count = stage("s1_count", mux(codes, rep, mux(scale, word.bits(0, 8), row.zext(8))));
    let s1_size = stage("s1_size", mux(codes | scale, area, stride));
    let s1_outer = stage("s1_outer", mux(codes, (position >> tokens).bits(0, 16), rep.zext(16)));
    let s1_inner = stage("s1_inner", mux(codes, (n >> side).zext(16), n));
    // what lies before the array in its area; stable long before a word comes
    let kv = is(DstKind::Kv);
    let own = m.delay("own", mux(value, mux(kv, data_beats, scale_beats), 0), "beats of K, in front of V");
    let scales = mux(kv, (scale_beats << 1).bits(0, z.place), 0);
    let scales = m.delay("both_scales", scales, "beats of scales, in front of codes");
    let offset = m.delay("offset", own.wrapping_add(scales), "from the layer to the array");
    let origin = m.delay("origin", first_beat.wrapping_add(offset), "first beat of the layer's array");
    let s1_start = stage("s1_start", mux(codes | scale, kv_base.wrapping_add(origin), base));
    let s1_word = carry("s1_word", word);
    let s1_position = carry("s1_position", position);
    let s1_data = carry("s1_data", data);

    let s2_low = carry("s2_low", s1_count * s1_size.bits(0, 16));
    let s2_high = carry("s2_high", (s1_count * s1_size.bits(16, z.place - 16)).bits(0, z.place - 16));
    let s2_start = carry("s2_start", s1_start);
    let s2_inner = carry("s2_inner", (s1_outer * s1_inner).bits(0, 32));
    let s2_word = carry("s2_word", s1_word);
    let s2_position = carry("s2_position", s1_position);
    let s2_data = carry("s2_data", s1_data);

    // beats beyond the start, and the place in the beat in units of the word's size
    let id = (first >> z.lanes.ilog2()).zext(32).wrapping_add(s2_inner).wrapping_add(s2_word.zext(32));
    let scales = (z.beat / 4).ilog2();
    let id_beat = match (4 * z.lanes).cmp(&z.beat) {
        std::cmp::Ordering::Greater => (id << (4 * z.lanes / z.beat).ilog2()).bits(0, 32),
        _ => (id >> (z.beat / (4 * z.lanes)).ilog2()).zext(32),
    };
    let code_beat = s2_inner.wrapping_add((s2_word >> side).zext(32));
    let beats = mux(codes, code_beat, mux(scale, (s2_position >> scales).zext(32), id_beat));
    if z.place < 32 {
        m.unused("words beyond the address bus", cat_lsb(&[position, first]));
    }
    let beats = beats.bits(0, z.place);
    let s3_beats = stage("s3_beats", beats);
    let high = s2_high.wrapping_add(s2_start.bits(16, z.place - 16));
    let s3_start =
        stage("s3_start", s2_low.resize(z.place).wrapping_add(m.cat_lsb(&[s2_start.bits(0, 16), high])));
    let s4_beat = stage("s4_beat", s3_start.wrapping_add(s3_beats));
    let slot = |parts: &[(Sig<'m>, u32)]| {
        let parts: Vec<Sig> = parts.iter().filter(|p| p.1 > 0).map(|p| p.0.bits(0, p.1)).collect();
        if parts.is_empty() { m.u(1, 0) } else { m.cat_lsb(&parts) }
    };
    let logit_slots = (z.beat / (4 * z.lanes)).max(1);
    let code_strb = spread(m, slot(&[(s2_word, side), (s2_position, tokens)]), z.beat / z.lanes, z.lanes);
    let scale_strb = spread(m, slot(&[(s2_position, scales)]), z.beat / 4, 4);
    let logit_strb = spread(m, slot(&[(id, logit_slots.ilog2())]), logit_slots, z.beat / logit_slots);
    let s3_strb = stage("s3_strb", mux(codes, code_strb, mux(scale, scale_strb, logit_strb)));
    let s3_data = carry("s3_data", s2_data);
    let s4_strb = carry("s4_strb", s3_strb);
    let s4_data = carry("s4_data", s3_data);
    let ready = x.ready;
    let last = pieces(
        m,
        z,
        [codes, scale, is(DstKind::Kv) | is(DstKind::KvScale)],
        [s4_beat, s4_strb, s4_data],
        v.q().msb(),
        x,
    );
    accept.set(ready & last);
    v.q()
}

/// `count` masks of `bytes` ones side by side: mask number `slot` is set.
fn spread<'m>(m: &'m Module, slot: Sig<'m>, count: u32, bytes: u32) -> Sig<'m> {
    match count {
        1 => m.u(1, 1).repeat(bytes),
        _ => m.cat_lsb(&(0..count).map(|i| slot.eq(i).repeat(bytes)).collect::<Vec<_>>()),
    }
}

/// The word of the last stage as a piece of a beat: copies of the word side by side, or, of a word of logits larger than
/// a beat, one part after the other. 1 if the piece is the word's last.
fn pieces<'m>(
    m: &'m Module,
    z: &Sizes,
    [codes, scale, whole]: [Sig<'m>; 3],
    [beat, strb, data]: [Sig<'m>; 3],
    there: Sig<'m>,
    x: Sink<'m>,
) -> Sig<'m> {
    let parts = (4 * z.lanes / z.beat).max(1);
    let copies = |bytes: u32| data.bits(0, 8 * bytes).repeat(z.beat / bytes);
    // with a slow clock the merge compares
    let again = if z.slow {
        m.u(1, 1)
    } else {
        let last_word = m.reg("word_before", u(32), None, "address of the word before");
        let again = m.node("again", beat.eq(last_word.q()));
        last_word.when(there & x.ready, beat);
        again
    };
    let (logits, to, again, last) = if parts == 1 {
        (copies(4 * z.lanes), beat, again, m.u(1, 1))
    } else {
        let whole = m.delay("whole", whole, "words are parts of beats");
        let part = m.reg("part", u(parts.ilog2()), Some(0), "part of the word of logits");
        let last = m.node("last_part", whole | part.q().all());
        let sent = there & x.ready;
        part.when(sent & !last, part.q().wrapping_add(1));
        part.when(sent, 0);
        // parts of words fill their beats
        (data.word_dyn(part.q(), 8 * z.beat), beat.wrapping_add(part.q().zext(z.place)), whole & again, last)
    };
    let words = mux(codes, copies(z.lanes), mux(scale, copies(4), logits)).named("placed");
    x.set(there, m.cat_lsb(&[words, strb, to, again]));
    last
}

#[cfg(test)]
mod tests;
