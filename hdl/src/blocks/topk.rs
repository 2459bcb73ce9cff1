//! The largest logits of each row, as they come out of the vector unit.
//!
//! ```text
//! in_* --> [a0, a1, a2: ids, lanes that count] --> FIFO --> [word: lanes that pass] --> [cand] --> sorted list (registers)
//!                                                                                              | one place a cycle
//!                                                                      rd_* <-- lists of all rows (RAM)
//! ```
//!
//! A logit is compared as a key: IEEE total order as an unsigned number. An empty place has key 0, which only a NaN
//! could have. A word of which no lane reaches the list costs one cycle, another one a cycle for each lane that passes.
//! The registers hold the list of the row in work; when a word of another row comes, or none for `QUIET` cycles, it
//! goes to the RAM. Of equal logits the one that came first stays first.
//!
//! Ports: `clear`; `insn`; `in_valid`, `in_kind`, `in_row`, `in_rep`, `in_word`, `in_data`; `hold`, early enough for
//! [`OUT_SLACK`] more words; `idle`: all lists can be read; `rd_row`, `rd_index` and, two cycles later, `rd_id`,
//! `rd_logit` (empty place: id 0xffffffff, -inf).

use sterna_spec::config::Config;
use sterna_spec::isa::{DstKind, field};

use super::field_of;
use super::fifo::fifo;
use super::store::{FIFO_WORDS, OUT_SLACK};
use crate::dsl::*;

/// Cycles without a word after which the list in work is saved.
const QUIET: u64 = 31;

/// The selection of a configuration.
pub fn topk(config: &Config) -> Module {
    let m = Module::new("topk", "Sorted lists of the largest logits of each row.");
    let lanes = config.lanes;
    let clear = m.input("clear", u(1), "empties all lists; no word is inside");
    let (words, count, entering) = queue_in(&m, lanes);
    m.output("hold", u(1), "stop: at most OUT_SLACK more words").set(count.ge(FIFO_WORDS - OUT_SLACK - 16));
    let swap = m.wire("swapping", u(1));
    let least = m.wire("least", u(32));
    let row = m.wire("row", u(4));
    let candidate = candidates(&m, lanes, words, [swap.sig(), least.sig(), row.sig()]);
    let nothing = m.node("nothing", !(entering | count.ne(0) | candidate.busy));
    lists(&m, config, clear, nothing, &candidate, [swap, least, row]);
    m
}

/// A FIFO of words {row 4, id of lane 0 32, lanes that count V, data 32V}; its output, its count, and 1 while a word is
/// on its way into it.
fn queue_in<'m>(m: &'m Module, lanes: u32) -> (Source<'m>, Sig<'m>, Sig<'m>) {
    let insn = m.input("insn", u(256), "VECTOR, stable while its words come");
    let valid = m.input("in_valid", u(1), "a word of the vector unit");
    let kind = m.input("in_kind", u(4), "destination of the word");
    let row = m.input("in_row", u(4), "row");
    let rep = m.input("in_rep", u(8), "repetition");
    let word = m.input("in_word", u(16), "word in the repetition");
    let data = m.input("in_data", u(32 * lanes), "the word");
    let fields = [field::N, field::IMM_B, field::ADDR];
    super::unused_fields(m, insn, &fields.map(|f| (f.bit(), f.width)));
    let [n, limit, first] = fields.map(|f| field_of(insn, f));

    let take = m.node("take", valid & kind.eq(DstKind::Topk as u32));
    let a0_valid = m.reg("a0_valid", u(1), Some(0), "a word");
    a0_valid.set(take);
    let taken = [
        ("row", row),
        ("rep", rep),
        ("word", word),
        ("data", data),
        ("n", n),
        ("limit", limit),
        ("first", first),
    ];
    let [row, rep, word, data, n, limit, first] =
        taken.map(|(name, sig)| m.delay(&format!("a0_{name}"), sig, ""));
    let a1_valid = m.reg("a1_valid", u(1), Some(0), "a word whose number is known");
    a1_valid.set(a0_valid.q());
    let a1_number = m.delay("a1_number", (rep * n).wrapping_add(word.zext(24)), "word of the instruction");
    let [a1_first, a1_limit] =
        [("a1_first", first), ("a1_limit", limit)].map(|(name, sig)| m.delay(name, sig, ""));
    let [a1_row, a1_data] = [("a1_row", row), ("a1_data", data)].map(|(name, sig)| m.delay(name, sig, ""));
    let a2_valid = m.reg("a2_valid", u(1), Some(0), "a word whose ids are known");
    a2_valid.set(a1_valid.q());
    let id = a1_first.wrapping_add((a1_number << lanes.ilog2()).zext(32));
    let a2_id = m.delay("a2_id", id, "id of lane 0");
    let a2_limit = m.delay("a2_limit", a1_limit, "");
    let [a2_row, a2_data] =
        [("a2_row", a1_row), ("a2_data", a1_data)].map(|(name, sig)| m.delay(name, sig, ""));
    let counts = |l: u32| {
        let bits = a2_data.word(l, 32);
        let nan = bits.bits(23, 8).all() & bits.bits(0, 23).any();
        a2_id.wrapping_add(l).lt(a2_limit) & !nan
    };
    let mask = m.cat_lsb(&(0..lanes).map(counts).collect::<Vec<_>>());
    let queue = m.instance("u_queue", fifo(36 + 33 * lanes, FIFO_WORDS, MemStyle::Block));
    let x = queue.sink("x");
    x.set(a2_valid.q(), cat_lsb(&[a2_row, a2_id, mask, a2_data]));
    m.unused("hold keeps the queue from filling up", x.ready);
    (queue.source("y"), queue.out("count"), take | a0_valid.q() | a1_valid.q() | a2_valid.q())
}

/// Key of a logit: the unsigned order of keys is the total order of logits.
fn key(bits: Sig) -> Sig {
    let m = bits.module();
    bits ^ mux(bits.msb(), m.u(32, u32::MAX), 1u32 << 31)
}

/// Logit of a key; -inf of the key of an empty place.
fn logit(key: Sig) -> Sig {
    let m = key.module();
    mux(key.any(), key ^ mux(key.msb(), m.u(32, 1u32 << 31), u32::MAX), 0xff80_0000u32)
}

/// A logit on its way into the list, and the word behind it.
struct Candidate<'m> {
    valid: Sig<'m>,
    key: Sig<'m>,
    id: Sig<'m>,
    /// A word or candidate has not reached the list.
    busy: Sig<'m>,
    /// A word of another row waits, and nothing is before it.
    other: Sig<'m>,
    other_row: Sig<'m>,
}

/// From words to candidates, one lane a cycle.
fn candidates<'m>(
    m: &'m Module,
    lanes: u32,
    y: Source<'m>,
    [swap, least, row]: [Sig<'m>; 3],
) -> Candidate<'m> {
    let [of_row, id, mask, data] =
        [(0, 4), (4, 32), (36, lanes), (36 + lanes, 32 * lanes)].map(|(lo, w)| y.data.bits(lo, w));
    let keys: Vec<Sig> = (0..lanes).map(|l| m.node(&format!("key_{l}"), key(data.word(l, 32)))).collect();
    let passes = m.cat_lsb(&keys.iter().map(|k| k.gt(least)).collect::<Vec<_>>());

    let left = m.reg("word_left", u(lanes), Some(0), "lanes that are still to enter");
    let word_id = m.reg("word_id", u(32), None, "id of lane 0");
    let word_keys = m.reg("word_keys", u(32 * lanes), None, "keys of the lanes");
    let rest = m.node("rest", left.q() & left.q().wrapping_sub(1));
    let same = m.node("same_row", of_row.eq(row));
    y.ready.set(!swap & same & !rest.any());
    let moves = m.node("moves", y.fires());
    left.when(moves, mask & passes);
    left.set(rest);
    word_id.when(moves, id);
    word_keys.when(moves, m.cat_lsb(&keys));

    let chosen = m.node("chosen", left.q() & !rest);
    let pick = |of: &dyn Fn(u32) -> Sig<'m>| {
        (0..lanes).map(|l| of(l) & chosen.bit(l).repeat(32)).reduce(|a, b| a | b).unwrap_or(m.u(32, 0))
    };
    let valid = m.reg("cand_valid", u(1), Some(0), "a candidate");
    valid.set(left.q().any());
    let cand_key = m.reg("cand_key", u(32), None, "its key");
    let cand_id = m.reg("cand_id", u(32), None, "its id");
    cand_key.when(left.q().any(), pick(&|l| word_keys.q().word(l, 32)));
    cand_id.when(left.q().any(), pick(&|l| word_id.q().wrapping_add(l)));
    let drained = !left.q().any() & !valid.q();
    Candidate {
        valid: valid.q(),
        key: cand_key.q(),
        id: cand_id.q(),
        busy: !drained | y.valid,
        other: y.valid & !same & drained,
        other_row: of_row,
    }
}

/// The list in work, the lists of all rows, and their ports.
fn lists<'m>(
    m: &'m Module,
    config: &Config,
    clear: Sig<'m>,
    nothing: Sig<'m>,
    c: &Candidate<'m>,
    [swap, least, row]: [Wire<'m>; 3],
) {
    let (rows, places) = (config.rows, config.top_k as usize);
    let place_bits = index_width(places);
    let dirty = m.reg("dirty", u(1), Some(0), "the list in work is newer than the RAM");
    let quiet = m.reg("quiet", u(count_width(QUIET as usize)), Some(0), "cycles without a word");
    quiet.when(!nothing, 0);
    quiet.when(quiet.q().ne(QUIET), quiet.q().wrapping_add(1));
    let running = m.reg("swap_q", u(1), Some(0), "the list goes to the RAM, and another one comes");
    let keep = m.reg("swap_keep", u(1), None, "the same one comes back");
    let at = m.reg("swap_at", u(count_width(places)), None, "place that is read; the one before is written");
    let saves = dirty.q() & quiet.q().eq(QUIET);
    let begins = m.node("swap_begins", !running.q() & (c.other | saves));
    let ends = running.q() & at.q().eq(places);
    running.when(begins, 1);
    running.when(ends, 0);
    keep.when(begins, !c.other);
    at.when(begins, 0);
    at.when(running.q(), at.q().wrapping_add(1));
    let shift = m.node("shift", running.q() & at.q().ne(0));
    let now = m.reg("row_q", u(4), Some(0), "row in work");
    let next = m.reg("next_row", u(4), None, "row that comes");
    next.when(begins, mux(c.other, c.other_row, now.q()));
    now.when(ends, next.q());
    swap.set(running.q() | saves); // a word that moves now would meet the swap
    row.set(now.q());
    dirty.when(clear | ends, 0);
    dirty.when(c.valid, 1);
    m.output("idle", u(1), "all lists can be read").set(nothing & !dirty.q() & !running.q());

    let filled = m.reg("filled", u(rows), Some(0), "rows whose list is in the RAM");
    let bit = |row: Sig<'m>| m.cat_lsb(&(0..rows).map(|r| row.eq(r)).collect::<Vec<_>>());
    filled.when(clear, 0);
    filled.when(ends, filled.q() | bit(now.q()));

    let row_bits = index_width(rows as usize);
    let ram = m.mem("lists", 64, 1 << (place_bits + row_bits), MemStyle::Block, "key and id, all rows");
    let rd_row = m.input("rd_row", u(4), "row to read");
    let rd_index = m.input("rd_index", u(6), "place to read, 0 the largest");
    let wanted = cat_lsb(&[at.q().bits(0, place_bits), next.q().bits(0, row_bits)]);
    let asked = cat_lsb(&[rd_index.bits(0, place_bits), rd_row.bits(0, row_bits)]);
    let word = ram.read("list_word", mux(running.q(), wanted, asked), m.u(1, 1));
    let beyond = if places < 64 { !running.q() & rd_index.ge(places) } else { m.u(1, 0) };
    let there = (filled.q() & bit(mux(running.q(), next.q(), rd_row))).any() & !beyond;
    let known = m.delay("list_known", there, "the place holds something");
    let empty = m.u(64, 0xffff_ffff_0000_0000u64);
    let found = m.node("found", mux(known, word, empty));
    m.output("rd_logit", u(32), "logit of the place").set(m.delay(
        "rd_logit_q",
        logit(found.bits(0, 32)),
        "",
    ));
    m.output("rd_id", u(32), "id of the place").set(m.delay("rd_id_q", found.bits(32, 32), ""));

    let keys: Vec<Reg> = (0..places).map(|i| m.reg(&format!("list_key_{i}"), u(32), Some(0), "")).collect();
    let ids: Vec<Reg> =
        (0..places).map(|i| m.reg(&format!("list_id_{i}"), u(32), Some(0xffff_ffff), "")).collect();
    let above: Vec<Sig> =
        keys.iter().enumerate().map(|(i, k)| m.node(&format!("above_{i}"), c.key.gt(k.q()))).collect();
    let first = cat_lsb(&[keys[0].q(), ids[0].q()]);
    let comes = m.node("comes", mux(keep.q(), first, found));
    let write_at = at.q().wrapping_sub(1).bits(0, place_bits);
    ram.write(shift, cat_lsb(&[write_at, now.q().bits(0, row_bits)]), first);
    least.set(keys[places - 1].q());
    for i in 0..places {
        let (key_after, id_after) = match keys.get(i + 1) {
            Some(k) => (k.q(), ids[i + 1].q()),
            None => (comes.bits(0, 32), comes.bits(32, 32)),
        };
        let (key_here, id_here) = match i {
            0 => (c.key, c.id),
            _ => (mux(above[i - 1], keys[i - 1].q(), c.key), mux(above[i - 1], ids[i - 1].q(), c.id)),
        };
        let enters = m.node(&format!("enters_{i}"), c.valid & above[i]);
        for (reg, empty, after, here) in
            [(keys[i], 0, key_after, key_here), (ids[i], 0xffff_ffff_u32, id_after, id_here)]
        {
            reg.when(clear, empty);
            reg.when(shift, after);
            reg.when(enters, here);
        }
    }
}

#[cfg(test)]
mod tests;
