//! Bursts of the bus to segments: cut so that none leaves a row, reserved room for what comes back, directions in groups.
//!
//! ```text
//!   ar ─► burst ─► cut ─► segment with room ──┐           cut: no register with a slow clock
//!   aw ─► burst ─► beats whose data is here ──┴─► one direction at a time ─► segment
//! ```

use super::shape::{SEGMENT, Segment, Shape};
use crate::dsl::{Module, Reg, Sig, Sink, Source, Wire, count_width, index_width, mux, u};

/// Cycles without work in one direction after which the other has its turn.
const IDLE: u32 = 7;
/// Cycles that one direction waits at most while the other has work.
const PATIENCE: u32 = 63;
/// Written beats that may be counted before their segments are made.
const WRITTEN: u32 = 31;

/// One burst under way.
struct Burst<'m> {
    valid: Reg<'m>,
    beat: Reg<'m>,
    left: Reg<'m>,
    id: Reg<'m>,
    bad: Reg<'m>,
}

impl<'m> Burst<'m> {
    /// Takes a burst of `from` whenever none is under way.
    fn new(m: &'m Module, shape: &Shape, name: &str, from: Source<'m>) -> Burst<'m> {
        let reg =
            |part: &str, width, reset, doc: &str| m.reg(&format!("{name}_{part}"), u(width), reset, doc);
        let burst = Burst {
            valid: reg("valid", 1, Some(0), "a burst is under way"),
            beat: reg("beat", shape.beat_bits(), None, "its next beat"),
            left: reg("left", 8, None, "its beats still to come - 1"),
            id: reg("id", 1, None, "its id"),
            bad: reg("bad", 1, None, "it lies beyond the chip"),
        };
        let taken = m.node(&format!("{name}_taken"), from.valid & !burst.valid.q());
        from.ready.set(!burst.valid.q());
        burst.valid.when(taken, 1);
        let (all, own) = (shape.request_bits, shape.beat_bits());
        burst.beat.when(taken, from.data.bits(0, own));
        burst.left.when(taken, from.data.bits(all, 8));
        burst.id.when(taken, from.data.bit(all + 8));
        let bad = if all > own { from.data.bits(own, all - own).any() } else { m.u(1, 0) };
        burst.bad.when(taken, bad);
        burst
    }
}

/// Streams `ar`, `aw` {beat, beats - 1, id}, `b` {id, beyond the chip}, `segment`; `written`: a beat of data entered its queue;
/// `read`: a beat left the queue of what was read, which holds `room` beats.
pub(super) fn front(shape: &Shape, room: usize) -> Module {
    let m = Module::new("sdram_front", "Bursts of the bus to segments of rows.");
    let request = u(shape.request_bits + 9);
    let ar = m.stream_in("ar", request, "reads {beat, beats - 1, id}");
    let aw = m.stream_in("aw", request, "writes {beat, beats - 1, id}");
    let written = m.input("written", u(1), "a beat of data entered its queue");
    let popped = m.input("read", u(1), "a beat left the queue of what was read");
    let b = m.stream_out("b", u(2), "answers to writes {id, beyond the chip}");
    let out = m.stream_out("segment", u(shape.segment_bits()), "segments");

    let writing = m.reg("writing", u(1), Some(0), "writes have their turn");
    let reads = Reads::new(&m, shape, ar, room);
    let writes = Writes::new(&m, shape, aw, b.ready);
    let valid = m.node("available", mux(writing.q(), writes.available, reads.available));
    out.set(valid, mux(writing.q(), writes.segment.pack(), reads.segment.pack()));
    let go = m.node("go", valid & out.ready);
    let read_go = m.node("read_go", go & !writing.q());
    let write_go = m.node("write_go", go & writing.q());
    reads.run(&m, read_go, popped);
    writes.run(write_go, written);
    writes.answer(write_go, b);

    let other = m.node("other", mux(writing.q(), reads.available, writes.available));
    let idle = m.reg("idle", u(index_width(IDLE as usize + 1)), Some(0), "cycles without a segment");
    let waited = m.reg("waited", u(index_width(PATIENCE as usize + 1)), Some(0), "cycles the other waits");
    let (idle_over, waited_over) = (idle.q().eq(IDLE), waited.q().eq(PATIENCE));
    let turn = m.node("turn", other & (!valid & idle_over | waited_over & (go | !valid)));
    writing.when(turn, !writing.q());
    idle.when(valid | turn, 0);
    idle.when(out.ready & !idle_over, idle.q().wrapping_add(1));
    waited.when(turn | !other, 0);
    waited.when(!waited_over, waited.q().wrapping_add(1));
    m
}

/// The reads: a burst, and the segment cut from it.
struct Reads<'m> {
    end: Cut<'m>,
    free: Reg<'m>,
    segment: Segment<'m>,
    available: Sig<'m>,
}

/// What ends when a segment goes.
enum Cut<'m> {
    /// The register that holds it.
    Held(Reg<'m>),
    /// Only then the burst goes on.
    Direct(Wire<'m>),
}

impl<'m> Reads<'m> {
    fn new(m: &'m Module, shape: &Shape, from: Source<'m>, room: usize) -> Reads<'m> {
        let burst = Burst::new(m, shape, "r", from);
        let register = (!shape.slow).then(|| {
            let held = m.reg("cut_valid", u(1), Some(0), "a read segment is there");
            let beat = m.reg("cut_beat", u(shape.beat_bits()), None, "its first beat");
            let left = m.reg("cut_left", u(SEGMENT), None, "its beats - 1");
            (held, [beat, left, m.reg("cut_tag", u(3), None, "{last, id, beyond the chip}")])
        });
        let free =
            m.reg("free", u(count_width(room)), Some(room as i128), "room for beats that is not spoken for");

        let to_end = m.node("to_end", !burst.beat.q().bits(0, SEGMENT)).doc("beats to the segment's end - 1");
        let beyond = burst.left.q().bits(SEGMENT, 8 - SEGMENT).any();
        let last = m.node("r_last", !beyond & burst.left.q().bits(0, SEGMENT).le(to_end));
        let length = mux(last, burst.left.q().bits(0, SEGMENT), to_end);
        let tag = m.cat_lsb(&[last, burst.id.q(), burst.bad.q()]);
        let now = [burst.beat.q(), length, tag];
        let (end, cut, valid, [beat, left, tag]) = if let Some((held, parts)) = register {
            let cut = m.node("cut", burst.valid.q() & !held.q());
            held.when(cut, 1);
            parts.iter().zip(now).for_each(|(part, value)| part.when(cut, value));
            (Cut::Held(held), cut, held.q(), parts.map(Reg::q))
        } else {
            let cut = m.wire("cut", u(1)).doc("the segment goes");
            (Cut::Direct(cut), cut.sig(), burst.valid.q(), now)
        };
        let high = shape.beat_bits() - SEGMENT;
        let next = burst.beat.q().bits(SEGMENT, high).wrapping_add(1);
        burst.beat.when(cut, m.cat_lsb(&[m.u(SEGMENT, 0), next]));
        burst.left.when(cut, burst.left.q().wrapping_sub(to_end).wrapping_sub(1));
        burst.valid.when(cut & last, 0);

        let available = m.node("read_available", valid & free.q().gt(left));
        let segment = Segment { beat, left, write: m.u(1, 0), tag };
        Reads { end, free, segment, available }
    }

    fn run(&self, m: &'m Module, go: Sig<'m>, popped: Sig<'m>) {
        match self.end {
            Cut::Held(held) => held.when(go, 0),
            Cut::Direct(cut) => cut.set(go),
        }
        let free = self.free.q();
        let width = free.width();
        let spent = m.node("spent", mux(go, self.segment.left + m.u(1, 1), m.u(SEGMENT + 1, 0)));
        self.free.set(free.wrapping_add(popped.zext(width)).wrapping_sub(spent.zext(width)));
    }
}

/// The writes: a burst, a segment for each of its beats.
struct Writes<'m> {
    burst: Burst<'m>,
    here: Reg<'m>,
    last: Sig<'m>,
    segment: Segment<'m>,
    available: Sig<'m>,
}

impl<'m> Writes<'m> {
    fn new(m: &'m Module, shape: &Shape, from: Source<'m>, answerable: Sig<'m>) -> Writes<'m> {
        let burst = Burst::new(m, shape, "w", from);
        let here =
            m.reg("here", u(count_width(WRITTEN as usize)), Some(0), "beats of data without a segment");
        let last = m.node("w_last", !burst.left.q().any());
        let tag = m.cat_lsb(&[last, burst.id.q(), burst.bad.q()]);
        let segment = Segment { beat: burst.beat.q(), left: m.u(SEGMENT, 0), write: m.u(1, 1), tag };
        let available = m.node("write_available", burst.valid.q() & here.q().any() & answerable);
        Writes { burst, here, last, segment, available }
    }

    fn run(&self, go: Sig<'m>, written: Sig<'m>) {
        self.here.when(written & !go, self.here.q().wrapping_add(1));
        self.here.when(go & !written, self.here.q().wrapping_sub(1));
        self.burst.beat.when(go, self.burst.beat.q().wrapping_add(1));
        self.burst.left.when(go, self.burst.left.q().wrapping_sub(1));
        self.burst.valid.when(go & self.last, 0);
    }

    fn answer(&self, go: Sig<'m>, b: Sink<'m>) {
        let m = go.module();
        b.set(go & self.last, m.cat_lsb(&[self.burst.id.q(), self.burst.bad.q()]));
    }
}
