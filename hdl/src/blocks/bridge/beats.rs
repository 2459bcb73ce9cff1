//! Memory where the clock is slow: a beat at a time, without a queue.
//!
//! ```text
//!   word of a read ─┬─► AR     R ─┬─► its word
//!   next of a range ┘  (one beat) └─► byte after byte ─► CRC32; the last one takes the beat
//! ```
//!
//! The answer stands on the bus until it is used.

use super::memory::on_the_bus;
use crate::blocks::axi::ReadMaster;
use crate::dsl::{Module, Sig, cat_lsb, mux, u};
use sterna_spec::config::Config;

/// The beat that is on the bus, and the range.
pub(super) struct Beats<'m> {
    /// Its word.
    pub value: Sig<'m>,
    /// Its next byte.
    pub byte: Sig<'m>,
    /// It is there, for an access that waits for it.
    pub fetched: Sig<'m>,
    /// That byte is there, and used in a range.
    pub shifts: Sig<'m>,
    /// The range is whole beats, and lies in memory.
    pub whole: Sig<'m>,
    /// No beat of the range is left.
    pub drained: Sig<'m>,
}

impl<'m> Beats<'m> {
    /// `one`: ask for `beat`; `load`: the inputs `crc_address` and `crc_bytes` are the range; `run`: read it; `over`: the access ends.
    pub fn new(
        m: &'m Module,
        config: &Config,
        memory_bytes: u32,
        r: &ReadMaster<'m>,
        [one, load, run, over]: [Sig<'m>; 4],
        beat: Sig<'m>,
        lane: Option<Sig<'m>>,
    ) -> Beats<'m> {
        let address = m.input("crc_address", u(32), "first byte of the range");
        let bytes = m.input("crc_bytes", u(32), "bytes of the range");
        let low = config.port_bytes.trailing_zeros();
        let end = m.node("range_end", address + bytes).doc("the byte behind the range");
        let odd = (address | bytes).bits(0, low).any();
        let whole = m.node("whole", end.le(memory_bytes) & !odd);

        // a bit more than a beat's number takes: the end of memory is one
        let bits = memory_bytes.next_power_of_two().trailing_zeros() - low + 1;
        let next = m.reg("next", u(bits), None, "the next beat of the range");
        let more = m.node("more", next.q().ne(end.bits(low, bits)));
        let held = m.reg("ar_held", u(1), Some(0), "an address is offered");
        let waits = m.reg("waits", u(1), Some(0), "a beat was asked for, and not taken");
        let ask = m.node("ask", one | (run & more & !waits.q()));
        let position = m.reg("position", u(low), Some(0), "byte of the beat");
        let shifts = m.node("shifts", run & r.r_valid);
        position.when(shifts, position.q().wrapping_add(1));
        let takes = m.node("takes", over | (run & position.q().all()));
        let popped = m.node("popped", r.r_valid & takes);
        r.r_ready.set(takes);
        held.when(ask, 1);
        held.when(r.ar_ready, 0);
        waits.when(ask, 1);
        waits.when(popped, 0);
        next.when(load, address.bits(low, bits));
        next.when(popped, next.q().wrapping_add(1));

        let at = m.node("ar_beat", mux(run, next.q().resize(beat.width()), beat));
        r.ar_valid.set(held.q());
        r.ar_addr.set(on_the_bus(cat_lsb(&[m.u(low, 0), at]), r.ar_addr.sig().width()));
        r.ar_len.set(m.u(8, 0));
        let value = lane.map_or(r.r_data.bits(0, 32), |lane| r.r_data.word_dyn(lane, 32));
        let value = m.node("value_read", value);
        let byte = m.node("next_byte", r.r_data.word_dyn(position.q(), 8));
        Beats { value, byte, fetched: r.r_valid, shifts, whole, drained: !more & !waits.q() }
    }
}
