//! Words on the data pins.
//!
//! ```text
//!   w ─► beat and its mask ─► word by word ─► registers ─► dq_out, dq_oe, dqm
//!   dq_in ─► register ─► words so far ─► beat ─► r {data, last, id, beyond the chip}
//!   tag of a READ ──────► as many cycles later ───┘
//! ```
//!
//! With a slow clock the registers at the pins are left out: those in the pads are enough, and a beat of one word comes from its queue.

use super::shape::Shape;
use crate::blocks::staged;
use crate::dsl::{Module, Sig, Source, cat_lsb, mux, u};

/// Inputs `read`, `write`, `tag` as [`super::control::control`] gives them; stream `w` {data, bytes to write}, of which a beat is taken with each
/// WRITE; stream `r` {data, last, id, beyond the chip}, which must have room; the data pins.
pub(super) fn data(shape: &Shape) -> Module {
    let m = Module::new("sdram_data", "Beats to words of an SDRAM and back.");
    let (word, bits) = (shape.data_bits, shape.width());
    let masks = word / 8;
    let read = m.input("read", u(1), "a READ was decided in this cycle");
    let write = m.input("write", u(1), "a WRITE was decided in this cycle");
    let tag = m.input("tag", u(3), "{last of its burst, id, beyond the chip}");
    let ready = m.input("ready", u(1), "the chip is initialized");
    let w = m.stream_in("w", u(bits + bits / 8), "beats to write {data, bytes to write}");
    let r = m.stream_out("r", u(bits + 3), "beats read {data, last, id, beyond the chip}");
    m.unused("room was reserved before the segment was made", r.ready);
    m.unused("the data was there before the segment was made", w.valid);

    let Words { beat, mask, now } = Words::new(&m, shape, &w, write, tag.bit(2));
    let out = staged(&m, shape.slow, "dq_pins", beat.bits(0, word), "registers of the data pins");
    m.output("dq_out", u(word), "data to the chip").set(out);
    let (mask, rest) = (mask.bits(0, masks), (!ready).repeat(masks));
    let (drive, dqm) = if shape.slow {
        (now, mux(now, mask, rest))
    } else {
        let drive = m.reg("drive", u(1), Some(0), "the data pins are driven");
        drive.set(now);
        let all = (1i128 << masks) - 1;
        let dqm = m.reg("dqm_pins", u(masks), Some(all), "registers of the mask pins");
        dqm.when(now, mask);
        dqm.set(rest);
        (drive.q(), dqm.q())
    };
    m.output("dq_oe", u(1), "the data pins are driven").set(drive);
    m.output("dqm", u(masks), "bytes that the chip ignores").set(dqm);

    // a READ's words come this many cycles after it, the last one here
    let input = m.input("dq_in", u(word), "data from the chip");
    let dq = staged(&m, shape.slow, "dq", input, "registers of the data pins, incoming");
    let words = if shape.burst > 1 {
        let before = m.reg("words", u(bits - word), None, "words before it, the first one lowest");
        before.set(cat_lsb(&[before.q(), dq]).bits(word, bits - word));
        cat_lsb(&[before.q(), dq])
    } else {
        dq
    };
    // a fast clock adds a register on the way to the pins and one on the way back
    let latency = if shape.slow { 0 } else { 2 } + shape.cas_latency + shape.burst + shape.pad_cycles;
    let valid = m.reg("coming", u(latency), Some(0), "READs on their way, a bit for each cycle");
    valid.set(cat_lsb(&[read, valid.q()]).bits(0, latency));
    let arrived = delayed(&m, "tag", tag, latency);
    r.set(valid.q().msb(), cat_lsb(&[words, arrived]));
    m
}

/// What is written.
struct Words<'m> {
    /// Words, the next one lowest, and their bytes that are not written.
    beat: Sig<'m>,
    mask: Sig<'m>,
    /// The lowest is written.
    now: Sig<'m>,
}

impl<'m> Words<'m> {
    /// A WRITE's words leave with its command and the cycles behind it.
    fn new(m: &'m Module, shape: &Shape, w: &Source<'m>, write: Sig<'m>, beyond: Sig<'m>) -> Words<'m> {
        let (word, bits) = (shape.data_bits, shape.width());
        let masks = word / 8;
        let kept = |beyond| mux(beyond, m.u(bits / 8, 0), w.data.bits(bits, bits / 8));
        if shape.slow && shape.burst == 1 {
            let now = m.reg("sending", u(1), Some(0), "a word to write stands at the queue");
            now.set(write);
            w.ready.set(now.q());
            let beyond = m.delay("beyond", beyond, "it is not written");
            return Words { beat: w.data.bits(0, bits), mask: !kept(beyond), now: now.q() };
        }
        w.ready.set(write);
        let beat = m.reg("beat", u(bits), None, "words to write, the next one lowest");
        let mask = m.reg("mask", u(bits / 8), None, "bytes of them that are not written");
        let sending = m.reg("sending", u(shape.burst), Some(0), "words left to write, a bit each");
        beat.when(write, w.data.bits(0, bits));
        mask.when(write, !kept(beyond));
        sending.when(write, (1u32 << shape.burst) - 1);
        if shape.burst > 1 {
            beat.set(beat.q().bits(word, bits - word).zext(bits));
            mask.set(mask.q().bits(masks, bits / 8 - masks).zext(bits / 8));
            sending.set(sending.q().bits(1, shape.burst - 1).zext(shape.burst));
        } else {
            sending.set(0);
        }
        Words { beat: beat.q(), mask: mask.q(), now: sending.q().bit(0) }
    }
}

/// `x`, `cycles` cycles later, each bit through a register as wide as that.
fn delayed<'m>(m: &'m Module, name: &str, x: Sig<'m>, cycles: u32) -> Sig<'m> {
    let line = |i: u32| {
        let reg = m.reg(&format!("{name}{i}"), u(cycles), None, "on its way");
        reg.set(cat_lsb(&[x.bit(i), reg.q()]).bits(0, cycles));
        reg.q().msb()
    };
    cat_lsb(&(0..x.width()).map(line).collect::<Vec<_>>())
}
