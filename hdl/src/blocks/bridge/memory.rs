//! Memory: words one at a time, and the CRC of ranges, read in bursts.
//!
//! ```text
//!   write ─────────────────────────────────► AW, W ─► B
//!   read ──► one beat ───┐
//!                        ├─► AR   R ─► queue ─► beat, shifted by bytes ─┬─► word of a read
//!   crc ───► bursts ─────┘                                             └─► CRC32, a byte a cycle
//! ```
//!
//! A burst is asked for when the queue has room for all of it, so the bus never waits for the CRC. Where the clock is slow, beats
//! come one by one and are used where they are ([`Beats`]).

use super::access::MEMORY_WORD;
use super::beats::Beats;
use super::crc::Sum;
use super::range::{Bursts, QUEUE};
use crate::blocks::axi::{self, ReadMaster, WriteMaster};
use crate::blocks::fifo::fifo;
use crate::dsl::{Fsm, MemStyle, Module, Sig, cat_lsb, count_width, mux, u};
use sterna_spec::config::Config;

/// `read`, `write` (of `data`) begin an access to the word at `address`, `crc` that of the bytes from `crc_address` on; `done` ends it,
/// with `value` and `failed`. What they need is constant until then.
pub(super) fn memory(config: &Config, memory_bytes: u32) -> Module {
    let m = Module::new("bridge_memory", "AXI4 master: words, and the CRC of ranges.");
    let bits = 8 * config.port_bytes;
    let [read, write, crc] = [("read", "read"), ("write", "write"), ("crc", "compute")]
        .map(|(name, what)| m.input(name, u(1), &format!("one cycle: {what}")));
    let address = m.input("address", u(MEMORY_WORD), "word address");
    let data = m.input("data", u(32), "word to write");
    let state =
        m.fsm("state", &["IDLE", "WRITE", "FETCH", "SHIFT", "ADD", "FIT", "RANGE", "DONE"], "what is done");
    let r = axi::read_master(&m, "mem", config.address_bits, bits);
    let w = axi::write_master(&m, "mem", config.address_bits, bits);
    let idle = state.is("IDLE");
    let lane_bits = config.port_bytes.trailing_zeros() - 2;
    let beat_address = address.bits(lane_bits, MEMORY_WORD - lane_bits);
    let lane = if lane_bits > 0 { Some(address.bits(0, lane_bits)) } else { None };
    write_beat(&m, &w, write, beat_address, data, lane);
    let ranging = state.is("RANGE");
    let fetch = state.is("FETCH");
    let beats = if config.fast_clock() {
        let beat = Beat::new(&m, &r, [fetch, ranging], lane);
        let bursts = Bursts::new(&m, config, memory_bytes, [idle & crc, ranging, beat.popped]);
        let drained = m.delay("drained", bursts.drained & !beat.shifts, "every byte of the range was taken");
        bursts.ask(&m, &r, read, beat_address);
        let (value, byte) = (beat.value.bits(0, 32), beat.value.bits(0, 8));
        Beats { value, byte, fetched: beat.popped, shifts: beat.shifts, whole: bursts.whole, drained }
    } else {
        let when = [read, idle & crc, ranging, state.is("DONE")];
        Beats::new(&m, config, memory_bytes, &r, when, beat_address, lane)
    };
    let whole = beats.whole;
    let sum = Sum::new(&m, "crc_unit", !config.fast_clock());
    sum.clear(idle, crc);
    sum.feed(ranging & beats.shifts, beats.byte);

    moves(state, [read, write, crc], [w.b_valid, beats.fetched, !beats.shifts, whole, beats.drained]);
    let bad = m.reg("bad", u(1), None, "an answer was an error, or the range is none");
    bad.when(idle, 0);
    let refused = state.is("FIT") & !whole;
    bad.when((r.r_valid & r.r_resp.bit(1)) | (w.b_valid & w.b_resp.bit(1)) | refused, 1);
    m.unused(
        "only the error bit matters, and beats are counted",
        cat_lsb(&[r.r_resp.bit(0), w.b_resp.bit(0), r.r_last]),
    );
    m.output("done", u(1), "one cycle: the access has ended").set(state.is("DONE"));
    m.output("failed", u(1), "an answer was an error, or the range is none").set(bad.q());
    let value = if config.fast_clock() {
        let summed = m.reg("summed", u(1), None, "the value is a CRC");
        summed.when(idle, crc);
        mux(summed.q(), sum.sum, beats.value)
    } else {
        m.unused("it is stored by whoever shares the unit", sum.sum);
        beats.value
    };
    m.output("value", u(32), "the word, or the CRC").set(value);
    m
}

/// The beat that was read last, with its next byte lowest.
struct Beat<'m> {
    value: Sig<'m>,
    /// It is shifted by a byte.
    shifts: Sig<'m>,
    /// It is taken from the queue.
    popped: Sig<'m>,
}

impl<'m> Beat<'m> {
    /// Takes one beat in state `fetch` and shifts it to the word at `lane`; in state `range` one after the other, and shifts all bytes.
    fn new(
        m: &'m Module,
        r: &ReadMaster<'m>,
        [fetch, range]: [Sig<'m>; 2],
        lane: Option<Sig<'m>>,
    ) -> Beat<'m> {
        let bits = r.r_data.width();
        let queue = m.instance("queue", fifo(bits, QUEUE as usize, MemStyle::Lut));
        let arrived = queue.sink("x");
        arrived.set(r.r_valid, r.r_data);
        m.unused("room was reserved before the burst was issued", arrived.ready);
        r.r_ready.set(1);
        let count = count_width(bits as usize / 8);
        let left = m.reg("bytes", u(count), Some(0), "bytes to shift");
        let shifts = m.node("shifts", left.q().any());
        let next = queue.source("y");
        let free = !left.q().bits(1, count - 1).any();
        let popped = m.node("popped", next.valid & (fetch | (range & free)));
        next.ready.set(popped);
        let beat = m.reg("beat", u(bits), None, "the beat, its next byte lowest");
        beat.when(popped, next.data);
        beat.when(shifts, beat.q().bits(8, bits - 8).zext(bits));
        let skip = lane.map_or(m.u(1, 0), |lane| cat_lsb(&[m.u(2, 0), lane]));
        let skip = m.node("skip", skip.zext(count)).doc("bytes before the word");
        left.when(popped, mux(range, m.u(count, bits / 8), skip));
        left.when(shifts, left.q().wrapping_sub(1));
        Beat { value: beat.q(), shifts, popped }
    }
}

/// From state to state; `what` is asked for, `events` end it.
fn moves<'m>(state: Fsm<'m>, what: [Sig<'m>; 3], events: [Sig<'m>; 5]) {
    let [read, write, crc] = what;
    let [written, popped, shifted, whole, drained] = events;
    let always = state.q().module().u(1, 1);
    state.from("IDLE").goto(write, "WRITE").goto(read, "FETCH").goto(crc, "ADD");
    state.from("WRITE").goto(written, "DONE");
    state.from("FETCH").goto(popped, "SHIFT");
    state.from("SHIFT").goto(shifted, "DONE");
    state.from("ADD").goto(always, "FIT");
    state.from("FIT").goto(whole, "RANGE").goto(always, "DONE");
    state.from("RANGE").goto(drained, "DONE");
    state.from("DONE").goto(always, "IDLE");
}

/// Writes a word as a beat of which only its lane is valid.
fn write_beat<'m>(
    m: &'m Module,
    w: &WriteMaster<'m>,
    write: Sig<'m>,
    beat: Sig<'m>,
    data: Sig<'m>,
    lane: Option<Sig<'m>>,
) {
    for (name, valid, ready) in [("aw_held", w.aw_valid, w.aw_ready), ("w_held", w.w_valid, w.w_ready)] {
        let held = m.reg(name, u(1), Some(0), "offered, and not yet taken");
        held.when(write, 1);
        held.when(ready, 0);
        valid.set(held.q());
    }
    let (bytes, bits) = (w.w_strb.sig().width(), w.aw_addr.sig().width());
    let zeros = m.u(bytes.trailing_zeros(), 0);
    w.aw_addr.set(on_the_bus(cat_lsb(&[zeros, beat]), bits));
    w.w_data.set(data.repeat(bytes / 4));
    w.b_ready.set(1);
    let Some(lane) = lane else { return w.w_strb.set(m.u(bytes, 15)) };
    let own = |i: u32| lane.eq(i).repeat(4);
    let strobes: Vec<_> = (0..bytes / 4).map(own).collect();
    w.w_strb.set(m.delay("strobes", cat_lsb(&strobes), "the bytes of the word"));
}

/// A byte address of any memory that a bridge takes, as wide as the bus.
pub(super) fn on_the_bus<'m>(address: Sig<'m>, bits: u32) -> Sig<'m> {
    if address.width() > bits {
        let beyond = address.bits(bits, address.width() - bits);
        address.module().unused("accesses beyond the memory are refused", beyond);
    }
    address.resize(bits)
}
