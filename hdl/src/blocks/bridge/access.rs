//! Accesses: each goes to the one place that its address names, if it may.
//!
//! ```text
//!   ask ────┐                        ┌─► core        (AXI4-Lite)
//!           ├─► register ─► decode ──┼─► memory      (AXI4), CRC of a range
//!   replay ─┘                        ├─► registers of the bridge
//!   words of a commit                └─► staging area, commit
//! ```
//!
//! A commit is an access that takes long: until it is over, accesses come from `replay`.

use super::registers::Registers;
use super::request::WORD;
use crate::dsl::{Module, Sig, mux, u};
use sterna_spec::bridge::{BRIDGE, MEMORY, MOST_MEMORY, NOTHING, SPACE, STAGE, STAGE_WORDS, offset};
use sterna_spec::registers;

/// Bits of a word address within memory.
pub(super) const MEMORY_WORD: u32 = MOST_MEMORY.trailing_zeros() - 2;

/// Where an address leads, a cycle after it is known.
struct Place<'m> {
    core: Sig<'m>,
    memory: Sig<'m>,
    register: Sig<'m>,
    stage: Sig<'m>,
}

impl<'m> Place<'m> {
    fn new(m: &'m Module, address: Sig<'m>, memory_bytes: u32) -> Place<'m> {
        let within = |at: u32, bytes: u32| {
            let bits = (bytes / 4).trailing_zeros();
            address.bits(bits, WORD - bits).eq((at / 4) >> bits)
        };
        let below = address.bits(0, MEMORY_WORD).zext(MEMORY_WORD + 1).lt(memory_bytes / 4);
        let stage = within(STAGE, 4 * STAGE_WORDS as u32);
        Place {
            core: m.delay("in_core", within(0, registers::SPACE), "a register of the core"),
            memory: m.delay("in_memory", within(MEMORY, MOST_MEMORY) & below, "a word of memory"),
            register: m.delay("in_bridge", within(BRIDGE, SPACE), "a register of the bridge"),
            stage: m.delay("in_stage", stage, "a word of the staging area"),
        }
    }
}

/// The access under way: a request's, or while `replays` one of a commit.
struct Access<'m> {
    taken: Sig<'m>,
    address: Sig<'m>,
    data: Sig<'m>,
    write: Sig<'m>,
}

impl<'m> Access<'m> {
    fn new(m: &'m Module, idle: Sig<'m>, replays: Sig<'m>, slow: bool) -> Access<'m> {
        let ask = m.stream_in("ask", u(WORD + 33), "accesses {word address, word, write}");
        let replay = m.stream_in("replay", u(WORD + 32), "writes of a commit {word address, word}");
        ask.ready.set(idle & !replays);
        replay.ready.set(idle & replays);
        let taken = m.node("taken", idle & mux(replays, replay.valid, ask.valid));
        let next = mux(replays, replay.data, ask.data.bits(0, WORD + 32));
        let address = m.reg("address_q", u(WORD), None, "word address");
        address.when(taken, next.bits(0, WORD));
        let data = m.reg("data_q", u(32), slow.then_some(0), "word to write");
        data.when(taken, next.bits(WORD, 32));
        let write = m.reg("write", u(1), None, "the access writes");
        write.when(taken, replays | ask.data.msb());
        let low = address.q().bits(0, MEMORY_WORD);
        m.output("address", u(MEMORY_WORD), "word address of the access, within its place").set(low);
        m.output("data", u(32), "word to write").set(data.q());
        Access { taken, address: address.q(), data: data.q(), write: write.q() }
    }
}

/// How accesses elsewhere end.
struct Served<'m> {
    done: Sig<'m>,
    failed: Sig<'m>,
    value: Sig<'m>,
}

impl<'m> Served<'m> {
    fn new(m: &'m Module) -> Served<'m> {
        let [core, memory] = ["core", "memory"].map(|name| {
            let done = m.input(&format!("{name}_done"), u(1), "one cycle: the access has ended");
            let failed = m.input(&format!("{name}_failed"), u(1), "the answer was an error");
            let value = m.input(&format!("{name}_value"), u(32), "what was read, or the CRC of a range");
            (done, done & failed, value)
        });
        let failed = core.1 | memory.1;
        let value = m.node("value", mux(core.0, core.2, memory.2) | failed.repeat(32));
        Served { done: core.0 | memory.0, failed, value }
    }
}

/// Output `name`, high for a cycle behind one with `when`.
fn start(m: &Module, name: &str, when: Sig<'_>, doc: &str) {
    let pulse = m.reg(&format!("{name}_q"), u(1), Some(0), doc);
    pulse.set(when);
    m.output(name, u(1), &format!("one cycle: {doc}")).set(pulse.q());
}

/// Streams `ask` {word address, word, write} and `replay` {word address, word}; each ends with `done` or `replayed`, and `answer`.
///
/// `address` and `data` are those of the access under way; `core_*`, `memory_*`, `put` and `commit` are high for one cycle to start
/// it, `core_done`, `memory_done` and `committed` end it. With a `slow` clock `put` also writes registers, of which `stored` is the one
/// named `look`; `data` is 0 until the first access.
pub(super) fn access(memory_bytes: u32, clock_hz: u32, slow: bool) -> Module {
    let m = Module::new("bridge_access", "Where an access goes, and whether it may.");
    let state = m.fsm("state", &["IDLE", "LOOK", "ACT", "WAIT", "DONE"], "what happens to the access");
    let [idle, act, waits, over] = ["IDLE", "ACT", "WAIT", "DONE"].map(|name| state.is(name));
    let committing = m.reg("committing", u(1), Some(0), "a commit is under way");
    let replays = committing.q();
    let committed = m.input("committed", u(1), "one cycle: the commit is over");
    let Access { taken, address, data, write } = Access::new(&m, idle, replays, slow);
    let served = Served::new(&m);

    let refused = m.reg("refused", u(1), Some(0), "the access found nothing, or an error");
    let index = address.bits(0, SPACE.trailing_zeros() - 2);
    let refusal = m.node("refusal", over & refused.q());
    let stored = slow.then(|| {
        // a write may begin a range, which needs its address
        let range = m.u(index.width(), offset::CRC_ADDRESS / 4);
        m.output("look", u(index.width()), "register to read").set(mux(write, range, index));
        m.input("stored", u(32), "the register of a cycle ago")
    });
    let registers = Registers::new(&m, [memory_bytes, clock_hz], index, data, refusal, stored);
    let place = Place::new(&m, address, memory_bytes);
    // a commit reaches what the lock keeps others from, and nothing of what makes a commit
    let open = m.delay("open", replays | !registers.locked(), "core, memory and CRC unit may be written");
    let read = m.node("read", act & !write);
    let plain = m.node("plain", act & write & !replays);
    let opened = m.node("opened", act & write & open);
    let wrote = registers.write(&m, plain & place.register, opened & place.register);
    start(&m, "core_read", read & place.core, "read a register of the core");
    start(&m, "core_write", opened & place.core, "write a register of the core");
    start(&m, "memory_read", read & place.memory, "read a word of memory");
    start(&m, "memory_write", opened & place.memory, "write a word of memory");
    start(&m, "memory_crc", wrote.range, "compute the CRC of a range");
    start(&m, "commit", wrote.commit, "carry out the staged words");
    let put = m.node("stages", plain & place.stage);
    let puts = if slow { put | wrote.kept } else { put };
    m.output("put", u(1), "one cycle: write a word of the staging area").set(puts);

    let away = m.node("away", (read | opened) & (place.core | place.memory) | wrote.range);
    let looked = m.node("looked", read & place.register);
    let ranged = m.reg("ranged", u(1), None, "the CRC of a range is computed");
    ranged.when(act, wrote.range);
    committing.when(act & wrote.commit, 1);
    committing.when(committed, 0);
    state.from("IDLE").goto(taken, "LOOK").goto(committed, "DONE");
    state.from("LOOK").goto(m.u(1, 1), "ACT");
    state.from("ACT").goto(away, "WAIT").goto(wrote.commit, "IDLE").goto(act, "DONE");
    state.from("WAIT").goto(served.done, "DONE");
    state.from("DONE").goto(over, "IDLE");

    refused.when(act, !(away | looked | wrote.any | put));
    refused.when(waits, served.failed);
    refused.when(idle, 0);
    registers.computed(&m, waits & ranged.q() & served.done, served.value, served.failed);
    let answer = m.reg("answer_q", u(32), None, "the word read");
    answer.when(waits, served.value);
    answer.when(act, mux(place.register, registers.word, m.u(32, NOTHING)));
    m.output("answer", u(32), "the word read").set(answer.q());
    m.output("done", u(1), "one cycle: the access has ended").set(over & !replays);
    m.output("replayed", u(1), "one cycle: the write of a commit has ended").set(over & replays);
    m
}
