//! The queue of VECTORs, which execute one after the other.

use sterna_spec::config::Config;
use sterna_spec::isa::{DstKind, VECTORS_AT_WORK, field};

use super::fetch::Next;
use super::late;
use crate::blocks::field_of;
use crate::dsl::{MemStyle, Module, Sig, Source, u};

/// Entries of the queue of VECTORs. All but one may be taken, and one VECTOR is at work.
const QUEUE: usize = 8;
const _: () = assert!(QUEUE <= VECTORS_AT_WORK);

/// The vector unit's side.
pub(super) struct Vectors<'m> {
    /// The queue takes another one.
    pub room: Sig<'m>,
    /// No VECTOR waits or is under way.
    pub idle: Sig<'m>,
    /// The vector unit is at work.
    pub works: Sig<'m>,
    /// Its results are on their way.
    pub finishing: Sig<'m>,
    /// Number in the step of the VECTOR under way, with `probe`.
    pub number: Option<Sig<'m>>,
}

/// The queue of VECTORs, of which one enters when `enters` says so. `taken`: everything that left the unit has been taken, a
/// cycle ago; results that leave are awaited.
pub(super) fn vectors<'m>(
    m: &'m Module,
    config: &Config,
    start: Sig<'m>,
    p: &Source<'m>,
    (enters, next, index): (Sig<'m>, &Next<'m>, Sig<'m>),
    taken: Sig<'m>,
) -> Vectors<'m> {
    let insn = next.insn;
    let style = if next.beats.is_some() { MemStyle::Block } else { MemStyle::Lut };
    let queue = m.mem("queue", insn.width(), QUEUE, style, "VECTORs that wait");
    let bits = queue.addr_width();
    let at = |name: &str, doc: &str| m.reg(name, u(bits + 1), Some(0), doc);
    let (write, read) = (at("queue_write", "entry to write"), at("queue_read", "entry to read"));
    let last = write.q().bits(0, bits);
    match next.beats {
        // of a VECTOR or not: the entry counts from `enters` on
        Some(each) => queue.write_lanes(each, last, p.data.repeat(each.width())),
        None => queue.write(enters, last, insn),
    }
    write.when(start, 0);
    write.when(enters, write.q().wrapping_add(1));
    let held = m.node("queue_held", write.q().wrapping_sub(read.q()));

    let works = m.reg("vector_works", u(1), Some(0), "the vector unit is at work");
    let finishing = m.reg("finishing", u(1), Some(0), "its results are on their way");
    let begin = m.node("vector_launch", held.any() & !works.q() & !finishing.q());
    read.when(start, 0);
    read.when(begin, read.q().wrapping_add(1));
    let first = read.q().bits(0, bits);
    // a register, or that of the block memory
    let vector = if next.beats.is_some() {
        queue.read("vector_instruction", first, begin)
    } else {
        let current = m.reg("vector_instruction", insn.ty(), None, "the VECTOR under way");
        current.when(begin, queue.read_async("queue_first", first));
        current.q()
    };
    m.output("vector_insn", vector.ty(), "the VECTOR under way").set(vector);
    let begins = late(m, "vector_begins", begin, "the unit starts");
    m.output("start_vector", u(1), "one cycle: start the unit").set(begins);
    let done = m.input("vector_done", u(1), "the unit is complete");
    let ended = late(m, "vector_ended", done, "the unit was complete a cycle ago");
    let away = field_of(vector, field::DST_KIND).ge(DstKind::Kv as u32);
    let codes = |insn: Sig<'m>| field_of(insn, field::DST_KIND).eq(DstKind::Act as u32);
    let coding =
        m.reg("coding_q", u(1), Some(0), "a VECTOR that makes activation codes waits or is under way");
    coding.when(ended & codes(vector) | start, 0);
    coding.when(enters & codes(insn), 1);
    m.output("coding", u(1), "activation codes are not complete").set(coding.q());
    works.when(begin, 1);
    works.when(ended | start, 0);
    finishing.when(ended & away, 1);
    finishing.when(taken | start, 0);
    let number = config.probe.then(|| {
        let numbers = m.mem("queue_numbers", index.width(), QUEUE, MemStyle::Lut, "their numbers");
        numbers.write(enters, last, index);
        numbers.read("vector_number", first, begin)
    });
    let idle = late(m, "vector_idle", !(held.any() | enters | works.q() | finishing.q()), "nothing is left");
    let room = late(m, "queue_room", held.lt(QUEUE - 2), "for the next one, too");
    Vectors { room, idle, works: works.q(), finishing: finishing.q(), number }
}
