//! Segments to commands.
//!
//! ```text
//!   segment ─► prepare ─► next ─► current ─► READ, WRITE     one command a cycle
//!                 │     (fast clock)     ┌─► ACTIVE, PRECHARGE
//!                 └─ opens its row ──────┘
//!   sequence: power up, refresh ───────────► PRECHARGE all, REFRESH, LOAD MODE
//! ```
//!
//! READ and WRITE go first, as bursts of several words leave room for other commands; where a beat is one word they go last.
//! A segment moves on from `prepare` only when its row is open, so `next` and `current` never wait for a row, and a row is closed
//! only when neither needs it. A refresh that is due stops `prepare`, waits for the other two to finish, closes all rows
//! and refreshes; the segment in `prepare` then opens its row again.

use super::prepare::Prepare;
use super::sequence::Sequence;
use super::shape::{SEGMENT, Shape, Timer};
use crate::dsl::{Module, Reg, Sig, cat_lsb, mux, u};

/// A segment whose row is open.
pub(super) struct Stage<'m> {
    pub valid: Reg<'m>,
    pub column: Reg<'m>,
    pub bank: Reg<'m>,
    pub left: Reg<'m>,
    pub write: Reg<'m>,
    pub tag: Reg<'m>,
}

impl<'m> Stage<'m> {
    fn new(m: &'m Module, shape: &Shape, name: &str) -> Stage<'m> {
        let reg =
            |part: &str, width, reset, doc: &str| m.reg(&format!("{name}_{part}"), u(width), reset, doc);
        Stage {
            valid: reg("valid", 1, Some(0), "there is a segment"),
            column: reg("column", shape.column_bits, None, "its next beat in the row"),
            bank: reg("bank", shape.bank_bits, None, "its bank"),
            left: reg("left", SEGMENT, None, "its beats still to come - 1"),
            write: reg("write", 1, None, "it is written"),
            tag: reg("tag", 3, None, "{last of its burst, id, beyond the chip}"),
        }
    }

    /// Takes over {column, bank, left, write, tag}.
    fn load(&self, when: Sig<'m>, from: [Sig<'m>; 5]) {
        let parts = [self.column, self.bank, self.left, self.write, self.tag];
        parts.into_iter().zip(from).for_each(|(reg, value)| reg.when(when, value));
    }

    fn all(&self) -> [Sig<'m>; 5] {
        [self.column, self.bank, self.left, self.write, self.tag].map(Reg::q)
    }
}

/// A beat commanded in this cycle.
pub(super) struct Beat<'m> {
    pub any: Sig<'m>,
    pub read: Sig<'m>,
    pub write: Sig<'m>,
    pub bank: Sig<'m>,
}

/// Stream `segment`; outputs `read`, `write`, `tag`: a beat is commanded in this cycle, and {last of its burst, id, beyond the
/// chip}; `ready`: initialized; the command pins, a cycle after the command was decided.
pub(super) fn control(shape: &Shape) -> Module {
    let m = Module::new("sdram_control", "Segments of rows to commands of an SDRAM.");
    let segment = m.stream_in("segment", u(shape.segment_bits()), "segments");
    let next = (!shape.slow).then(|| Stage::new(&m, shape, "next"));
    let current = Stage::new(&m, shape, "current");
    let claimed = m.wire("claimed", u(1)).doc("the command pins are wanted for a row");
    let (beat, done) = beats(&m, shape, &current, claimed.sig());
    let free = !current.valid.q() | done;
    let advance = next.as_ref().map(|next| m.node("advance", next.valid.q() & free));
    let quiet = m.wire("quiet", u(1));
    let sequence = Sequence::new(&m, shape, quiet.sig());
    let ahead: Vec<&Stage<'_>> = next.iter().chain([&current]).collect();
    let room = next.as_ref().map_or(free, |next| !next.valid.q());
    let prepare = Prepare::new(&m, shape, segment, (&ahead, room), &beat, &sequence);
    claimed.set(if shape.burst > 1 { m.u(1, 0) } else { prepare.close | prepare.activate });
    let (enter, parts) = match (&next, advance) {
        (Some(next), Some(advance)) => {
            next.valid.when(prepare.go, 1);
            next.valid.when(advance, 0);
            next.load(prepare.go, prepare.parts);
            (advance, next.all())
        }
        _ => (prepare.go, prepare.parts),
    };
    current.valid.when(enter, 1);
    current.valid.when(done, 0);
    current.load(enter, parts);
    current.column.when(beat.any, current.column.q().wrapping_add(1));
    current.left.when(beat.any, current.left.q().wrapping_sub(1));
    let idle =
        m.reg("idle", u(1), Some(0), "everything behind `prepare` is finished, all rows may be closed");
    idle.set(ahead.iter().fold(sequence.hold, |all, stage| all & !stage.valid.q()) & prepare.rested);
    quiet.set(idle.q());

    m.output("read", u(1), "a READ in this cycle").set(beat.read);
    m.output("write", u(1), "a WRITE in this cycle").set(beat.write);
    let last = current.tag.q().bit(0) & !current.left.q().any();
    let tag = cat_lsb(&[last, current.tag.q().bits(1, 2)]);
    m.output("tag", u(3), "{last of its burst, id, beyond the chip}").set(tag);
    pins(&m, shape, &beat, &current, &prepare, &sequence);
    m
}

/// When READ and WRITE come; the second value: a segment ends.
fn beats<'m>(m: &'m Module, shape: &Shape, current: &Stage<'m>, claimed: Sig<'m>) -> (Beat<'m>, Sig<'m>) {
    let turn = shape.cas_latency + shape.burst;
    let read_gap = Timer::new(m, "read_gap", shape.burst, "cycles until a READ may follow");
    let write_gap = Timer::new(m, "write_gap", turn, "cycles until a WRITE may follow");
    let free = mux(current.write.q(), write_gap.over, read_gap.over);
    let any = m.node("beat", current.valid.q() & free & !claimed);
    let read = m.node("reads", any & !current.write.q());
    let write = m.node("writes", any & current.write.q());
    read_gap.start(any, shape.burst - 1);
    write_gap.start(read, turn); // then there is a cycle in which nobody drives the pins
    write_gap.start(write, shape.burst - 1);
    [&read_gap, &write_gap].iter().for_each(|gap| gap.run());
    let done = m.node("done", any & !current.left.q().any());
    (Beat { any, read, write, bank: current.bank.q() }, done)
}

/// The command pins, from registers.
fn pins<'m>(
    m: &'m Module,
    shape: &Shape,
    beat: &Beat<'m>,
    current: &Stage<'m>,
    prepare: &Prepare<'m>,
    sequence: &Sequence<'m>,
) {
    let output = |name: &str, value: Sig<'m>, doc: &str| {
        let reg = m.reg(&format!("{name}_out"), u(1), Some(1), doc);
        reg.set(value);
        m.output(name, u(1), doc).set(reg.q());
    };
    let all = sequence.close | sequence.refresh | sequence.mode;
    let all = m.node("of_sequence", all).doc("a command for all banks");
    output("ras_n", !(prepare.close | prepare.activate | all), "row address strobe");
    output("cas_n", !(beat.any | sequence.refresh | sequence.mode), "column address strobe");
    output("we_n", !(beat.write | prepare.close | sequence.close | sequence.mode), "write enable");
    let enable = m.reg("enable", u(1), Some(0), "the chip takes commands");
    enable.set(1);
    m.output("cke", u(1), "clock enable").set(enable.q());
    m.output("cs_n", u(1), "chip select").set(!enable.q());
    m.output("ready", u(1), "initialized").set(sequence.ready);

    let bits = shape.address_bits;
    let column = (current.column.q() << shape.burst.trailing_zeros()).zext(bits);
    let fixed = mux(sequence.mode, m.u(bits, shape.mode), m.u(bits, 1 << 10)); // A10: all banks
    let row = prepare.row.zext(bits);
    let row = mux(prepare.close, row & m.u(bits, (1u32 << bits) - 1 - (1 << 10)), row);
    let address = m.delay("address", mux(beat.any, column, mux(all, fixed, row)), "row, column or mode");
    let bank = mux(beat.any, current.bank.q(), mux(all, m.u(shape.bank_bits, 0), prepare.bank));
    let bank = m.delay("bank_out", bank, "bank");
    m.output("a", u(bits), "address").set(address);
    m.output("ba", u(shape.bank_bits), "bank").set(bank);
}
