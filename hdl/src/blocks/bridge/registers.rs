//! The registers of the bridge: what is counted, the lock, and what commits and ranges need.

use crate::dsl::{Module, Reg, Sig, cat_lsb, mux, u};
use sterna_spec::bridge::{self, LOCK, OPEN, offset};

/// The registers, and where they are read.
pub(super) struct Registers<'m> {
    index: Sig<'m>,
    data: Sig<'m>,
    lock: Reg<'m>,
    target: Reg<'m>,
    tag: Reg<'m>,
    crc_address: Reg<'m>,
    crc_bytes: Reg<'m>,
    crc_value: Reg<'m>,
    /// The register that `index` names, a cycle later.
    pub word: Sig<'m>,
}

/// What a write to a register does besides.
pub(super) struct Wrote<'m> {
    /// There is a register that it may write.
    pub any: Sig<'m>,
    /// It begins a commit.
    pub commit: Sig<'m>,
    /// It computes the CRC of a range.
    pub range: Sig<'m>,
}

impl<'m> Registers<'m> {
    /// Registers that are chosen by `index` and written with `data`. Events, one cycle each: `dropped`, input, a request was dropped;
    /// `refused`, an access was refused.
    pub fn new(
        m: &'m Module,
        [memory_bytes, clock_hz]: [u32; 2],
        index: Sig<'m>,
        data: Sig<'m>,
        refused: Sig<'m>,
    ) -> Registers<'m> {
        let held = |name: &str, doc: &str| m.reg(&format!("{name}_q"), u(32), Some(0), doc);
        let lock = m.reg("lock", u(1), Some(0), "locked");
        let target = held("target", "byte address for the staged words");
        let tag = held("tag", "{staged words 16, sequence number 16}");
        let crc_address = held("crc_address", "first byte of the range");
        let crc_bytes = held("crc_bytes", "bytes of the range");
        let crc_value = held("crc_value", "CRC32 of the range");

        let cycles = m.reg("cycles", u(32), Some(0), "clock cycles");
        cycles.set(cycles.q().wrapping_add(1));
        let dropped =
            counter(m, "requests_dropped", m.input("dropped", u(1), "one cycle: a request was dropped"));
        let refused = counter(m, "accesses_refused", refused);
        let own = |at: u32, value: Sig<'m>| (at / 4, value.zext(32));
        let given = |at: u32, name: &str, doc: &str| own(at, m.input(name, u(32), doc));
        let words = [
            own(offset::ID, m.u(32, bridge::ID)),
            own(offset::VERSION, m.u(32, bridge::VERSION)),
            own(offset::MEMORY_BYTES, m.u(32, memory_bytes)),
            own(offset::CLOCK_HZ, m.u(32, clock_hz)),
            own(offset::CYCLES, cycles.q()),
            given(offset::LINE_ERRORS, "line_errors", "{stop bits that were low 16, bytes without room 16}"),
            own(offset::DROPPED, cat_lsb(&[dropped, refused])),
            given(offset::READ_CRC, "read_crc", "CRC32 of the last read"),
            own(offset::LOCK, lock.q()),
            own(offset::STAGE_TARGET, target.q()),
            own(offset::STAGE_TAG, tag.q()),
            given(offset::STAGE_STATUS, "stage_status", "what became of the last commit"),
            own(offset::CRC_ADDRESS, crc_address.q()),
            own(offset::CRC_BYTES, crc_bytes.q()),
            own(offset::CRC_VALUE, crc_value.q()),
        ];
        let word = m.delay("word", index.case(&words, m.u(32, 0)), "the register");
        for (name, reg) in
            [("target", target), ("tag", tag), ("crc_address", crc_address), ("crc_bytes", crc_bytes)]
        {
            m.output(name, u(32), "as the register holds it").set(reg.q());
        }
        Registers { index, data, lock, target, tag, crc_address, crc_bytes, crc_value, word }
    }

    /// High while it is locked.
    pub fn locked(&self) -> Sig<'m> {
        self.lock.q()
    }

    /// A write by a request (`plain`), or one that is not kept out by the lock (`opened`).
    pub fn write(&self, m: &'m Module, plain: Sig<'m>, opened: Sig<'m>) -> Wrote<'m> {
        let at = |offset: u32| self.index.eq(offset / 4);
        let [lock, unlock] = [LOCK, OPEN].map(|word| self.data.eq(word));
        let key = m.delay("key", cat_lsb(&[lock, unlock]), "the word {locks, unlocks}");
        let asked = plain & at(offset::LOCK);
        self.lock.when(asked & key.bit(0), 1);
        self.lock.when(asked & key.bit(1), 0);
        let [target, tag, commit] =
            [offset::STAGE_TARGET, offset::STAGE_TAG, offset::STAGE_CRC].map(|o| plain & at(o));
        let [address, range] = [offset::CRC_ADDRESS, offset::CRC_BYTES].map(|o| opened & at(o));
        for (reg, when) in
            [(self.target, target), (self.tag, tag), (self.crc_address, address), (self.crc_bytes, range)]
        {
            reg.when(when, self.data);
        }
        Wrote { any: asked | target | tag | commit | address | range, commit, range }
    }

    /// The CRC of the range is known.
    pub fn computed(&self, when: Sig<'m>, value: Sig<'m>) {
        self.crc_value.when(when, value);
    }
}

fn counter<'m>(m: &'m Module, name: &str, event: Sig<'m>) -> Sig<'m> {
    let count = m.reg(name, u(16), Some(0), "since reset, wraps");
    count.set(mux(event, count.q().wrapping_add(1), count.q()));
    count.q()
}
