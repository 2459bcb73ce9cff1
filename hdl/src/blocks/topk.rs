//! The largest logits of each row, as they come out of the vector unit.
//!
//! ```text
//! in_* --> FIFO --> [word: ids, keys, lanes that pass] --> [candidate] --> walk --> lists of all rows (RAM) --> rd_*
//!                                    ^------ least -------------------------------------'
//! ```
//!
//! A logit is compared as a key: IEEE total order as an unsigned number. A word of which no lane reaches its row's list costs
//! one cycle. Of the others each lane that does becomes a candidate, which walks up the list from its end, one place a cycle:
//! what is smaller moves down a place, until the candidate finds its own. So one comparison serves a list of any length, and few
//! walk: of a random vocabulary of n some k * (1 + ln(n/k)). Of equal logits the one that came first stays first.
//!
//! Ports: `clear`; `insn`; `in_valid`, `in_kind`, `in_row`, `in_rep`, `in_word`, `in_data`, all words of a row in order; `hold`,
//! early enough for [`OUT_SLACK`] more words; `idle`: all lists can be read; `rd_row`, `rd_index` and, two cycles later (one with a slow clock),
//! `rd_id`, `rd_logit` (empty place: id 0xffffffff, -inf).

use sterna_spec::config::Config;
use sterna_spec::isa::{DstKind, field};

use super::fifo::counted_fifo;
use super::store::{FIFO_WORDS, OUT_SLACK};
use super::{field_of, staged, unused_fields};
use crate::dsl::*;

/// The selection of a configuration.
pub fn topk(config: &Config) -> Module {
    let m = Module::new("topk", "Sorted lists of the largest logits of each row.");
    let insn = m.input("insn", u(256), "VECTOR, stable until idle");
    let fields = [field::ADDR, field::IMM_B];
    unused_fields(&m, insn, &fields.map(|f| (f.bit(), f.width)));
    let [first, limit] = fields.map(|f| field_of(insn, f));
    let (words, waiting) = queue_in(&m, config);
    let lists = Lists::new(&m, config);
    let drained = candidates(&m, config.lanes, words, &lists, [first, limit]);
    m.output("idle", u(1), "all lists can be read").set(drained & !waiting);
    m
}

/// A FIFO of words {row 4, first of its row, data 32V}; and 1 while it holds some or one enters.
fn queue_in<'m>(m: &'m Module, config: &Config) -> (Source<'m>, Sig<'m>) {
    let lanes = config.lanes;
    let valid = m.input("in_valid", u(1), "a word of the vector unit");
    let kind = m.input("in_kind", u(4), "destination of the word");
    let row = m.input("in_row", u(4), "row");
    let rep = m.input("in_rep", u(8), "repetition");
    let word = m.input("in_word", u(16), "word in the repetition");
    let data = m.input("in_data", u(32 * lanes), "the word");
    let take = m.node("take", valid & kind.eq(DstKind::Topk as u32));
    let queue = m.instance("u_queue", counted_fifo(config, 5 + 32 * lanes, FIFO_WORDS, MemStyle::Block));
    let x = queue.sink("x");
    x.set(take, cat_lsb(&[row, !(rep.any() | word.any()), data]));
    m.unused("hold keeps the queue from filling up", x.ready);
    let count = queue.out("count");
    m.output("hold", u(1), "stop: at most OUT_SLACK more words").set(count.ge(FIFO_WORDS - OUT_SLACK - 16));
    (queue.source("y"), take | count.ne(0))
}

/// Key of a logit: the unsigned order of keys is the total order of logits.
fn key(bits: Sig) -> Sig {
    let m = bits.module();
    bits ^ mux(bits.msb(), m.u(32, u32::MAX), 1u32 << 31)
}

/// Logit of a key.
fn logit(key: Sig) -> Sig {
    let m = key.module();
    key ^ mux(key.msb(), m.u(32, 1u32 << 31), u32::MAX)
}

/// A logit that enters.
struct Candidate<'m> {
    key: Sig<'m>,
    id: Sig<'m>,
}

/// From words to candidates: of a word the lanes above the least of its row's list, one after the other, each with a walk.
/// 1 while there is neither.
fn candidates<'m>(
    m: &'m Module,
    lanes: u32,
    y: Source<'m>,
    lists: &Lists<'m>,
    [first, limit]: [Sig<'m>; 2],
) -> Sig<'m> {
    let [of_row, starts, data] = [(0, 4), (4, 1), (5, 32 * lanes)].map(|(lo, w)| y.data.bits(lo, w));
    let left = m.reg("word_left", u(lanes), Some(0), "lanes of the word that are still to enter");
    let takes = lists.state.is("TAKE");
    let free = m.node("free", takes & !left.q().any());
    let same = m.node("same_row", of_row.eq(lists.row.q()));
    lists.turn(m.node("turns", free & y.valid & !same), of_row);
    y.ready.set(free & same);
    let moves = m.node("moves", y.fires());
    let lane = |l: u32| {
        let bits = data.word(l, 32);
        let key = m.node(&format!("key_{l}"), key(bits));
        let nan = bits.bits(23, 8).all() & bits.bits(0, 23).any();
        (key, key.gt(lists.least.q()) & !nan)
    };
    let (keys, passes): (Vec<_>, Vec<_>) = (0..lanes).map(lane).unzip();
    let rest = m.node("rest", left.q() & left.q().wrapping_sub(1));
    let leaves = m.node("leaves", takes & left.q().any());
    left.when(moves, m.cat_lsb(&passes));
    left.when(leaves, rest);
    let word_id = m.reg("word_id", u(32), None, "id of lane 0");
    word_id.when(moves, mux(starts, first, word_id.q().wrapping_add(lanes)));
    let word_keys = m.reg("word_keys", u(32 * lanes), None, "keys of the lanes");
    word_keys.when(moves, m.cat_lsb(&keys));

    let chosen = m.node("chosen", left.q() & !rest);
    let pick = |of: &dyn Fn(u32) -> Sig<'m>| {
        let own = |l| of(l) & chosen.bit(l).repeat(32);
        (0..lanes).map(own).reduce(|a, b| a | b).unwrap_or(m.u(32, 0))
    };
    let key = m.reg("cand_key", u(32), None, "key of the candidate");
    let id = m.reg("cand_id", u(32), None, "its id");
    key.when(leaves, pick(&|l| word_keys.q().word(l, 32)));
    id.when(leaves, pick(&|l| word_id.q().wrapping_add(l)));
    lists.walk(leaves, &Candidate { key: key.q(), id: id.q() }, limit);
    free
}

/// The lists of all rows in RAM, and the walk through one of them.
///
/// ```text
/// cycle  0 TAKE   1 [entry asked for]   2 [entry]   3 [entry_q]: it, or the candidate, goes a place further down
///                                                   2, with a slow clock
/// ```
struct Lists<'m> {
    m: &'m Module,
    places: usize,
    state: Fsm<'m>,
    /// Row in work.
    row: Reg<'m>,
    /// Key in its last place, 0 if that is empty.
    least: Reg<'m>,
    /// Filled places of each row, and of the row in work.
    counts: Vec<Reg<'m>>,
    filled: Sig<'m>,
    ram: Mem<'m>,
    /// The place that is read.
    ask: Reg<'m>,
    entry: Sig<'m>,
    /// The entry first asked for is there.
    there: Sig<'m>,
}

impl<'m> Lists<'m> {
    fn new(m: &'m Module, config: &Config) -> Lists<'m> {
        let places = config.top_k as usize;
        let state = m.fsm("state", &["TAKE", "WALK", "FIND"], "FIND: the last place of another row is read");
        let row = m.reg("row", u(4), Some(0), "row in work");
        let bits = u(count_width(places));
        let count = |r: u32| m.reg(&format!("count_{r}"), bits, Some(0), "places of the row that are filled");
        let counts: Vec<_> = (0..config.rows).map(count).collect();
        let (place_bits, row_bits) = (index_width(places), index_width(counts.len()));
        let filled_of = |row: Sig<'m>| {
            let all: Vec<_> = counts.iter().map(|c| c.q()).collect();
            m.cat_lsb(&all).word_dyn(row.bits(0, row_bits), bits.width)
        };
        let filled = m.node("filled", filled_of(row.q()));

        let rd_row = m.input("rd_row", u(4), "row to read");
        let rd_index = m.input("rd_index", u(6), "place to read, 0 the largest");
        m.unused("there are fewer rows", rd_row);
        let ram = m.mem("lists", 64, 1 << (place_bits + row_bits), MemStyle::Block, "key and id, all rows");
        let ask = m.reg("ask", u(place_bits), None, "place that is read");
        let takes = m.node("takes", state.is("TAKE"));
        let wanted = cat_lsb(&[ask.q(), row.q().bits(0, row_bits)]);
        let asked = cat_lsb(&[rd_index.bits(0, place_bits), rd_row.bits(0, row_bits)]);
        let entry = ram.read("entry", mux(takes, asked, wanted), m.u(1, 1));
        let slow = !config.fast_clock();
        let entry = staged(m, slow, "entry_q", entry, "second register of the block RAM");
        let since = if slow {
            m.delay("since", !takes, "the first entry that was asked for is there")
        } else {
            let since = m.reg("since", u(2), Some(0), "one, two cycles since the first entry was asked for");
            since.set(cat_lsb(&[!takes, since.q().bit(0) & !takes]));
            since.q()
        };

        let holds =
            m.delay("asked_holds", rd_index.lt(filled_of(rd_row)), "the place asked for holds something");
        let holds = staged(m, slow, "holds", holds, "the same, with the entry");
        let (key, id) = (entry.bits(0, 32), entry.bits(32, 32));
        m.output("rd_logit", u(32), "logit of the place").set(mux(holds, logit(key), 0xff80_0000u32));
        m.output("rd_id", u(32), "id of the place").set(mux(holds, id, u32::MAX));
        let least = m.reg("least", u(32), Some(0), "key in the row's last place, 0 if that is empty");
        Lists { m, places, state, row, least, counts, filled, ram, ask, entry, there: since.msb() }
    }

    /// Makes `row` the row in work.
    fn turn(&self, when: Sig<'m>, row: Sig<'m>) {
        self.row.when(when, row);
        self.ask.when(when, self.places - 1);
        self.state.from("TAKE").goto(when, "FIND");
        self.state.from("FIND").goto(self.there, "TAKE");
    }

    /// A candidate that comes with `leaves` walks from the end of the row's list to its place.
    fn walk(&self, leaves: Sig<'m>, candidate: &Candidate<'m>, limit: Sig<'m>) {
        let (m, places) = (self.m, self.places);
        self.state.from("TAKE").goto(leaves, "WALK");
        self.ask.when(leaves, self.filled.wrapping_sub(1).bits(0, self.ask.q().width()));
        self.ask.set(self.ask.q().wrapping_sub(1));
        let place = m.reg("place", self.filled.ty(), None, "place below the entry");
        let eligible = m.delay("eligible", candidate.id.lt(limit), "the candidate's id is one that counts");
        let now = m.node("now", self.there & self.state.is("WALK"));
        let above = m.node("above", candidate.key.gt(self.entry.bits(0, 32)));
        let passes = m.node("passes_entry", above & place.q().any() & eligible);
        let ends = m.node("ends", now & !passes);
        self.state.from("WALK").goto(ends, "TAKE");
        place.when(leaves, self.filled);
        place.when(now, place.q().wrapping_sub(1));

        let word = mux(passes, self.entry, cat_lsb(&[candidate.key, candidate.id]));
        let word = m.node("written", word);
        let writes = m.node("writes", now & eligible & place.q().ne(places));
        let row_bits = index_width(self.counts.len());
        let at = cat_lsb(&[place.q().bits(0, self.ask.q().width()), self.row.q().bits(0, row_bits)]);
        self.ram.write(writes, at, word);
        let clear = m.input("clear", u(1), "empties all lists; no word is inside");
        let full = m.node("full", self.filled.eq(places));
        let enters = m.node("enters", ends & eligible & !full);
        for (r, count) in self.counts.iter().enumerate() {
            count.when(clear, 0);
            count.when(enters & self.row.q().eq(r), count.q().wrapping_add(1));
        }
        self.least.when(clear, 0);
        self.least.when(writes & place.q().eq(places - 1), word.bits(0, 32));
        let found = m.node("found", self.there & self.state.is("FIND"));
        self.least.when(found, self.entry.bits(0, 32) & full.repeat(32));
    }
}

#[cfg(test)]
mod tests;
