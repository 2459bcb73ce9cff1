//! The bursts of a range: planned one after the other, issued when the queue has room for the longest.
//!
//! ```text
//!   address, bytes ─► beats from `next` on, `left` ─► min(left, up to a multiple of 16 beats) ─► AR
//!                                                      free = room of the queue that is not spoken for
//! ```
//!
//! Bursts end at multiples of 16 beats and so never cross 4 KiB.

use crate::blocks::axi::ReadMaster;
use crate::dsl::{Module, Reg, Sig, cat_lsb, count_width, mux, u};
use sterna_spec::bridge::MOST_MEMORY;
use sterna_spec::config::Config;

/// Beats of the longest burst.
const BURST: u32 = 16;
/// Beats that the queue holds: while one burst is used up the next one is under way.
pub(super) const QUEUE: u32 = 2 * BURST;

/// The bursts of a range.
pub(super) struct Bursts<'m> {
    next: Reg<'m>,
    left: Reg<'m>,
    free: Reg<'m>,
    planned: Reg<'m>,
    length: Reg<'m>,
    popped: Sig<'m>,
    /// Two cycles after the range is known: it is whole beats, and lies in memory.
    pub whole: Sig<'m>,
    /// Nothing is left to ask for, under way, or in the queue.
    pub drained: Sig<'m>,
}

impl<'m> Bursts<'m> {
    /// `load`: the inputs `crc_address` and `crc_bytes` are the range; `run`: ask for it; `popped`: a beat has left the queue.
    pub fn new(
        m: &'m Module,
        config: &Config,
        memory_bytes: u32,
        [load, run, popped]: [Sig<'m>; 3],
    ) -> Bursts<'m> {
        let address = m.input("crc_address", u(32), "first byte of the range");
        let bytes = m.input("crc_bytes", u(32), "bytes of the range");
        let low = config.port_bytes.trailing_zeros();
        let end = m.delay("range_end", address + bytes, "the byte behind the range");
        let odd = m.delay("odd", (address | bytes).bits(0, low).any(), "it is no number of beats");
        let whole = m.delay("whole", end.le(memory_bytes) & !odd, "the range is beats in memory");

        let bits = MOST_MEMORY.trailing_zeros() - low;
        let next = m.reg("next", u(bits), None, "the next beat to ask for");
        let left = m.reg("left", u(bits + 1), None, "beats not yet asked for");
        let free =
            m.reg("free", u(count_width(QUEUE as usize)), Some(QUEUE.into()), "room that is not spoken for");
        let planned = m.reg("planned", u(1), Some(0), "the next burst is known");
        let length = m.reg("length", u(count_width(BURST as usize)), None, "its beats");
        let lengths = length.q().width();
        let room = m.u(lengths, BURST).wrapping_sub(next.q().bits(0, lengths - 1).zext(lengths));
        let room = m.node("room", room).doc("beats up to a multiple of 16");
        let (few, many) = (left.q().bits(0, lengths), left.q().bits(lengths, bits + 1 - lengths).any());
        length.set(mux(many | few.ge(room), room, few));
        planned.set(run & left.q().any());
        next.when(load, address.bits(low, bits));
        left.when(load, bytes.bits(low, bits + 1));
        let drained = !left.q().any() & free.q().eq(QUEUE);
        Bursts { next, left, free, planned, length, popped, whole, drained }
    }

    /// Asks for the beat `beat` when `one` is high, else for bursts.
    pub fn ask(&self, m: &'m Module, r: &ReadMaster<'m>, one: Sig<'m>, beat: Sig<'m>) {
        let (free, length) = (self.free.q(), self.length.q());
        let held = m.reg("ar_held", u(1), Some(0), "an address is offered");
        let roomy = free.bits(BURST.trailing_zeros(), 2).any();
        let burst = m.node("burst", self.planned.q() & roomy & !held.q());
        let at = m.reg("ar_beat", u(beat.width()), None, "the beat asked for");
        let more = m.reg("ar_more", u(4), None, "beats of the burst - 1");
        held.when(one | burst, 1);
        held.when(r.ar_ready, 0);
        at.when(one, beat);
        at.when(burst, self.next.q());
        more.when(one, 0);
        more.when(burst, length.wrapping_sub(1).trunc(4));
        let bits = r.ar_addr.sig().width();
        let low = MOST_MEMORY.trailing_zeros() - beat.width();
        r.ar_valid.set(held.q());
        r.ar_addr.set(super::memory::on_the_bus(cat_lsb(&[m.u(low, 0), at.q()]), bits));
        r.ar_len.set(more.q().zext(8));
        self.next.when(burst, self.next.q().wrapping_add(length.zext(beat.width())));
        self.left.when(burst, self.left.q().wrapping_sub(length.zext(beat.width() + 1)));
        let spent = mux(burst, length.zext(free.width()), one.zext(free.width()));
        self.free.set(free.wrapping_add(self.popped.zext(free.width())).wrapping_sub(spent));
    }
}
