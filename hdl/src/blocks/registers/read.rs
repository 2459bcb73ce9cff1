//! Reads of the register block.
//!
//! ```text
//!             fast clock                                      slow clock
//!   address ─► choice ─► choice ─► choice ─► data     memory ───────┬─► choice ─► data
//!              ^ every register, status, counters     status, turn ─┘      a counter when it has its turn
//! ```
//!
//! With a slow clock a block memory gives what the host wrote, and what never changes: it is written together with the registers. After
//! reset it is filled with what it begins with, a word a cycle; nothing is read or written before.

use std::collections::{BTreeMap, BTreeSet};

use sterna_spec::config::Config;
use sterna_spec::registers::{self, COUNTERS, offset};

use super::{ADDRESS_BITS, LiteSlave, Writable};
use crate::blocks::counters::TURN_BITS;
use crate::dsl::{Mem, MemStyle, Module, Reg, Sig, mux, u};

/// Cycles from the address of a read to its data.
const READ_CYCLES: u32 = SELECTION_CYCLES + CHOOSING.len() as u32;

/// Cycles from the place of a selected pair to the pair.
const SELECTION_CYCLES: u32 = 2;

/// Bits of a word address that choose in a cycle, lowest first. The first ones choose among words that lie all over the device.
const CHOOSING: [u32; 3] = [2, 2, ADDRESS_BITS - 2 - 4];

/// The memory behind reads with a slow clock: the registers below [`offset::COUNTER`] but for those that change by themselves.
pub(super) struct Kept<'m> {
    memory: Mem<'m>,
    /// Word to fill, then all is.
    filled: Reg<'m>,
    /// What it begins with.
    begins: Sig<'m>,
}

impl<'m> Kept<'m> {
    pub(super) fn new(m: &'m Module, config: &Config) -> Kept<'m> {
        let words = offset::COUNTER as usize / 4;
        let memory = m.mem("kept", 32, words, MemStyle::Block, "constants, and what the host wrote");
        let filled = m.reg("filled", u(memory.addr_width() + 1), Some(0), "word to fill, then all is");
        filled.when(!filled.q().msb(), filled.q().wrapping_add(1));
        let constants = registers::identity(config).map(|(at, value)| (at / 4, m.u(32, value)));
        let begins = filled.q().case(&constants, m.u(32, 0)).named("begins");
        Kept { memory, filled, begins }
    }

    /// The memory is filled.
    pub(super) fn ready(&self) -> Sig<'m> {
        self.filled.q().msb()
    }

    /// Writes what the registers take.
    pub(super) fn write(&self, writable: &[Writable<'m>], address: Sig<'m>, [data, mask]: [Sig<'m>; 2]) {
        let m = data.module();
        let bits = self.memory.addr_width();
        let own = writable.iter().map(|w| address.eq(w.offset / 4)).reduce(|a, b| a | b).unwrap_or(m.u(1, 0));
        let bytes: Vec<_> = (0..4).map(|i| !self.ready() | own & mask.bit(8 * i)).collect();
        let at = mux(self.ready(), address.bits(0, bits), self.filled.q().bits(0, bits));
        self.memory.write_lanes(m.cat_lsb(&bytes), at, mux(self.ready(), data, self.begins));
    }

    /// The word at `address` of these and the `others`.
    fn word(&self, m: &'m Module, address: Sig<'m>, counter: Sig<'m>, others: &[(u32, Sig<'m>)]) -> Sig<'m> {
        let bits = self.memory.addr_width();
        let high = address.bits(bits, address.width() - bits);
        let kept = self.memory.read("kept_word", address.bits(0, bits), m.u(1, 1));
        let low = address.bits(0, bits).case(others, kept);
        let counts =
            address.bits(TURN_BITS, address.width() - TURN_BITS).eq((offset::COUNTER / 4) >> TURN_BITS);
        mux(counts, counter, low & (!high.any()).repeat(32))
    }
}

/// Answers reads: from `writable` and `status`, with `kept` from there.
pub(super) fn read_channel<'m>(
    m: &'m Module,
    config: &Config,
    bus: &LiteSlave<'m>,
    writable: &[Writable<'m>],
    status: &[(u32, Sig<'m>)],
    kept: Option<&Kept<'m>>,
) {
    let width = if kept.is_some() { 32 } else { 32 * COUNTERS.len() as u32 };
    let counters = m.input("counters", u(width), "the counters");
    let id = m.input("rd_id", u(32), "id of the selected pair");
    let logit = m.input("rd_logit", u(32), "logit of the selected pair");
    // address, some cycles of choosing while the selection memory is read, one to choose between the two
    let address = m.reg("read_address", u(ADDRESS_BITS - 2), None, "word to read");
    let cycles = if kept.is_some() { SELECTION_CYCLES + 1 } else { READ_CYCLES };
    let steps = m.reg("reading", u(cycles), Some(0), "cycles since the address, as a bit");
    let offered = m.reg("offered", u(1), Some(0), "read data is offered");
    let data = m.reg("read_data", u(32), None, "read data");
    let ready = !steps.q().any() & !offered.q();
    let ready = m.node("read_ready", kept.map_or(ready, |kept| ready & kept.ready()));
    bus.ar_ready.set(ready);
    let taken = m.node("read_taken", ready & bus.ar_valid);
    m.unused("word addresses", bus.ar_addr.bits(0, 2));
    address.when(taken, bus.ar_addr.bits(2, ADDRESS_BITS - 2));
    let step = m.cat_lsb(&[taken, steps.q().bits(0, cycles - 1)]);
    let now = if kept.is_some() {
        let turn = m.input("turn", u(TURN_BITS), "the counter that has its turn");
        let waits = m.node("waits", steps.q().msb() & turn.ne(address.q().bits(0, TURN_BITS)));
        steps.set(mux(waits, steps.q(), step));
        steps.q().msb() & !waits
    } else {
        steps.set(step);
        steps.q().msb()
    };
    offered.when(now, 1);
    offered.when(bus.r_ready, 0);
    bus.r_valid.set(offered.q());
    bus.r_data.set(data.q());

    let place = address.q().bits(1, 10);
    m.output("rd_index", u(6), "pair to read").set(place.bits(0, 6));
    m.output("rd_row", u(4), "row of the pair").set(place.bits(6, 4));
    let status: Vec<_> = status.iter().map(|&(at, value)| (at / 4, value.zext(32))).collect();
    if let Some(kept) = kept {
        let pair = mux(address.q().bit(0), logit, id);
        let word = kept.word(m, address.q(), counters, &status);
        data.when(now, mux(address.q().msb(), pair, word));
        return;
    }
    let constants = registers::identity(config);
    let mut arms: Vec<(u32, Sig<'m>)> = constants.map(|(at, value)| (at / 4, m.u(32, value))).to_vec();
    arms.extend(status);
    arms.extend(writable.iter().map(|w| (w.offset / 4, w.reg.q())));
    arms.extend((0..COUNTERS.len() as u32).map(|i| (offset::COUNTER / 4 + i, counters.word(i, 32))));
    let word = word_of(m, address.q(), &arms);
    let pair = m.delay("pair", mux(address.q().bit(0), logit, id), "selection of the address");
    // kept while it waits: what it was read from may change
    data.when(now, mux(address.q().msb(), pair, word));
}

/// The word at `address`, with a register behind each part of the choice.
fn word_of<'m>(m: &'m Module, mut address: Sig<'m>, arms: &[(u32, Sig<'m>)]) -> Sig<'m> {
    let mut words: BTreeMap<u32, Sig<'m>> = arms.iter().copied().collect();
    for (stage, bits) in CHOOSING.into_iter().enumerate() {
        let groups: BTreeSet<u32> = words.keys().map(|at| at >> bits).collect();
        let choose = |of: u32| {
            let own = words.range(of << bits..(of + 1) << bits);
            let own: Vec<_> = own.map(|(at, word)| (at & ((1 << bits) - 1), *word)).collect();
            let word = address.bits(0, bits).case(&own, m.u(32, 0));
            (of, m.delay(&format!("word_{stage}_{of}"), word, "word of a group of addresses"))
        };
        words = groups.into_iter().map(choose).collect();
        if address.width() > bits {
            let rest = address.bits(bits, address.width() - bits);
            address = m.delay(&format!("rest_{stage}"), rest, "bits of the address that have yet to choose");
        }
    }
    words[&0]
}
