//! The registers of the bridge: what is counted, the lock, and what commits and ranges need. With a slow clock those that are written,
//! and the sums, are read where the staged words are.

use super::HEARTBEAT;
use crate::dsl::{Module, Reg, Sig, cat_lsb, mux, u};
use sterna_spec::bridge::{self, LOCK, OPEN, offset};

/// The registers, and where they are read.
pub(super) struct Registers<'m> {
    index: Sig<'m>,
    data: Sig<'m>,
    lock: Reg<'m>,
    target: Reg<'m>,
    tag: Reg<'m>,
    /// CRC_ADDRESS, CRC_BYTES, CRC_VALUE, if they are here.
    range: Option<[Reg<'m>; 3]>,
    /// The register that `index` names, a cycle later.
    pub word: Sig<'m>,
}

/// What a write to a register does besides.
pub(super) struct Wrote<'m> {
    /// There is a register that it may write.
    pub any: Sig<'m>,
    /// And that keeps the word.
    pub kept: Sig<'m>,
    /// It begins a commit.
    pub commit: Sig<'m>,
    /// It computes the CRC of a range.
    pub range: Sig<'m>,
}

impl<'m> Registers<'m> {
    /// Registers that are chosen by `index` and written with `data`. Events, one cycle each: `dropped`, input, a request was dropped;
    /// `refused`, an access was refused. `stored`: the word of a register that is not here, a cycle after `index`.
    pub fn new(
        m: &'m Module,
        [memory_bytes, clock_hz]: [u32; 2],
        index: Sig<'m>,
        data: Sig<'m>,
        refused: Sig<'m>,
        stored: Option<Sig<'m>>,
    ) -> Registers<'m> {
        let held = |name: &str, doc: &str| m.reg(&format!("{name}_q"), u(32), Some(0), doc);
        let lock = m.reg("lock", u(1), Some(0), "locked");
        let target = held("target", "byte address for the staged words");
        let tag = held("tag", "{staged words 16, sequence number 16}");
        let range = stored.is_none().then(|| {
            [
                held("crc_address", "first byte of the range"),
                held("crc_bytes", "bytes of the range"),
                held("crc_value", "CRC32 of the range"),
            ]
        });

        let cycles = m.reg("cycles", u(32), Some(0), "clock cycles");
        cycles.set(cycles.q().wrapping_add(1));
        if stored.is_some() {
            let beat = cycles.q().bit(HEARTBEAT - 1);
            m.output("heartbeat", u(1), "a bit of the counter of cycles").set(beat);
        }
        let dropped =
            counter(m, "requests_dropped", m.input("dropped", u(1), "one cycle: a request was dropped"));
        let refused = counter(m, "accesses_refused", refused);
        let own = |at: u32, value: Sig<'m>| (at / 4, value.zext(32));
        let given = |at: u32, name: &str, doc: &str| own(at, m.input(name, u(32), doc));
        let mut words = vec![
            own(offset::ID, m.u(32, bridge::ID)),
            own(offset::VERSION, m.u(32, bridge::VERSION)),
            own(offset::MEMORY_BYTES, m.u(32, memory_bytes)),
            own(offset::CLOCK_HZ, m.u(32, clock_hz)),
            own(offset::CYCLES, cycles.q()),
            given(offset::LINE_ERRORS, "line_errors", "{stop bits that were low 16, bytes without room 16}"),
            own(offset::DROPPED, cat_lsb(&[dropped, refused])),
        ];
        let read_crc = || given(offset::READ_CRC, "read_crc", "CRC32 of the last read");
        words.extend(range.map(|_| read_crc()));
        words.push(own(offset::LOCK, lock.q()));
        if range.is_some() {
            words.extend([own(offset::STAGE_TARGET, target.q()), own(offset::STAGE_TAG, tag.q())]);
        }
        words.push(given(offset::STAGE_STATUS, "stage_status", "what became of the last commit"));
        let mut shown = vec![("target", target), ("tag", tag)];
        if let Some(range) = range {
            let offsets = [offset::CRC_ADDRESS, offset::CRC_BYTES, offset::CRC_VALUE];
            words.extend(offsets.into_iter().zip(range).map(|(at, reg)| own(at, reg.q())));
            shown.extend([("crc_address", range[0]), ("crc_bytes", range[1])]);
        }
        let word = match stored {
            None => m.delay("word", index.case(&words, m.u(32, 0)), "the register"),
            Some(stored) => m.node("word", index.case(&words, stored)),
        };
        for (name, reg) in shown {
            m.output(name, u(32), "as the register holds it").set(reg.q());
        }
        Registers { index, data, lock, target, tag, range, word }
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
        self.target.when(target, self.data);
        self.tag.when(tag, self.data);
        if let Some([at, bytes, _]) = self.range {
            at.when(address, self.data);
            bytes.when(range, self.data);
        }
        let kept = target | tag | address | range;
        Wrote { any: asked | target | tag | commit | address | range, kept, commit, range }
    }

    /// The CRC of the range is known, or could not be computed.
    pub fn computed(&self, m: &'m Module, when: Sig<'m>, value: Sig<'m>, failed: Sig<'m>) {
        if let Some([.., sum]) = self.range {
            sum.when(when, value);
        } else {
            m.output("computed", u(1), "one cycle: the sum is CRC_VALUE").set(when);
            m.output("failed", u(1), "it could not be computed").set(failed);
        }
    }
}

fn counter<'m>(m: &'m Module, name: &str, event: Sig<'m>) -> Sig<'m> {
    let count = m.reg(name, u(16), Some(0), "since reset, wraps");
    count.set(mux(event, count.q().wrapping_add(1), count.q()));
    count.q()
}
