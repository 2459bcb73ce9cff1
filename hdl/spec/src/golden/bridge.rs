//! The bridge of `docs/serial.md` in front of any device: bytes in, bytes out.

use std::collections::VecDeque;

use crate::bridge::{
    BRIDGE, ID, LOCK, MEMORY, NOTHING, OPEN, STAGE, STAGE_WORDS, VERSION, crc32, offset, status,
};
use crate::device::Device;
use crate::registers;

/// Cycles that a byte takes, where nobody counts them.
const BYTE_CYCLES: u32 = 400;

/// A device behind a bridge. Time passes only in [`Bridge::idle`].
pub struct Bridge<D> {
    /// What is behind it; reads and writes that it refuses count as errors of the bus.
    pub device: D,
    /// `BRIDGE_ID`.
    pub id: u32,
    /// `BRIDGE_VERSION`.
    pub version: u32,
    /// `MEMORY_BYTES`.
    pub memory: u32,
    /// Bytes of a beat of memory.
    pub beat: u32,
    /// `CLOCK_HZ`.
    pub clock: u32,
    /// Gives `CYCLES`; without it, all bytes take equally long.
    pub cycles: Option<Box<dyn FnMut() -> u32 + Send>>,
    /// `LINE_ERRORS`.
    pub line_errors: u32,
    /// `LOCK`.
    pub lock: u32,
    /// Answers that have not been taken.
    pub out: VecDeque<u8>,
    /// Bytes received.
    pub bytes: usize,
    request: Vec<u8>,
    dropped: u16,
    refused: u16,
    read_crc: u32,
    target: u32,
    tag: u32,
    stage: [u32; STAGE_WORDS],
    /// Sequence number of the last commit carried out.
    last: Option<u16>,
    outcome: u32,
    crc: [u32; 3],
}

impl<D: Device> Bridge<D> {
    /// A device of so many bytes behind a bridge after reset. It reserves them, if it can choose.
    pub fn new(mut device: D, memory: u32) -> Self {
        // a device that has less refuses what lies beyond, as a bus does
        let _ = device.reserve_memory(memory.into());
        Bridge {
            device,
            id: ID,
            version: VERSION,
            memory,
            beat: 4,
            clock: 50_000_000,
            cycles: None,
            line_errors: 0,
            lock: 0,
            out: VecDeque::new(),
            bytes: 0,
            request: Vec::new(),
            dropped: 0,
            refused: 0,
            read_crc: 0,
            target: 0,
            tag: 0,
            stage: [0; STAGE_WORDS],
            last: None,
            outcome: 0,
            crc: [0; 3],
        }
    }

    /// The line has been silent for 100 ms.
    pub fn idle(&mut self) {
        self.dropped = self.dropped.wrapping_add(u16::from(!self.request.is_empty()));
        self.request.clear();
    }

    /// A byte comes in.
    pub fn byte(&mut self, byte: u8) {
        self.bytes += 1;
        self.request.push(byte);
        let known = (1..=4).contains(&self.request[0]);
        if !known {
            self.dropped = self.dropped.wrapping_add(u16::from(byte != 0));
            self.request.clear();
        }
        let Some((&[command, count, a3, a2, a1, a0], data)) = self.request.split_first_chunk() else {
            return;
        };
        let (write, count) = (command % 2 == 1, usize::from(count));
        let step = if command <= 2 { 4 } else { 0 };
        let first = u32::from_be_bytes([a3, a2, a1, a0]).wrapping_mul(4);
        let at = |i: usize| first.wrapping_add(i as u32 * step);
        if !write || count == 0 {
            let request = std::mem::take(&mut self.request);
            let answer: Vec<u8> = (0..count).flat_map(|i| self.read(at(i)).to_be_bytes()).collect();
            if count > 0 && first != BRIDGE + offset::READ_CRC {
                self.read_crc = crc32(&[&request[..], &answer].concat());
            }
            return self.out.extend(answer);
        }
        let (words, rest) = data.as_chunks();
        if let (Some(word), []) = (words.last(), rest) {
            let (have, word) = (words.len(), u32::from_be_bytes(*word));
            self.write(at(have - 1), word);
            if have == count {
                self.request.clear();
            }
        }
    }

    /// An access did not do what it asked for.
    fn refuse(&mut self) -> u32 {
        self.refused = self.refused.wrapping_add(1);
        NOTHING
    }

    fn read(&mut self, at: u32) -> u32 {
        let found = match at {
            0..registers::SPACE => self.device.read_register(at).ok(),
            BRIDGE..STAGE => self.read_own(at - BRIDGE),
            MEMORY.. if at - MEMORY < self.memory => {
                let mut bytes = [0; 4];
                let read = self.device.read_memory((at - MEMORY).into(), &mut bytes);
                read.ok().map(|()| u32::from_le_bytes(bytes))
            }
            _ => None,
        };
        found.unwrap_or_else(|| self.refuse())
    }

    fn read_own(&mut self, at: u32) -> Option<u32> {
        Some(match at {
            offset::ID => self.id,
            offset::VERSION => self.version,
            offset::MEMORY_BYTES => self.memory,
            offset::CLOCK_HZ => self.clock,
            offset::CYCLES => match &mut self.cycles {
                Some(cycles) => cycles(),
                None => (self.bytes as u32).wrapping_mul(BYTE_CYCLES),
            },
            offset::LINE_ERRORS => self.line_errors,
            offset::DROPPED => u32::from(self.refused) << 16 | u32::from(self.dropped),
            offset::READ_CRC => self.read_crc,
            offset::LOCK => self.lock,
            offset::STAGE_TARGET => self.target,
            offset::STAGE_TAG => self.tag,
            offset::STAGE_CRC => 0,
            offset::STAGE_STATUS => u32::from(self.last.unwrap_or(0)) << 16 | self.outcome,
            offset::CRC_ADDRESS => self.crc[0],
            offset::CRC_BYTES => self.crc[1],
            offset::CRC_VALUE => self.crc[2],
            _ => return None,
        })
    }

    /// A write by a request.
    fn write(&mut self, at: u32, value: u32) {
        match at {
            STAGE.. if at < STAGE + 4 * STAGE_WORDS as u32 => self.stage[(at - STAGE) as usize / 4] = value,
            BRIDGE..STAGE => match at - BRIDGE {
                offset::LOCK if value == LOCK => self.lock = 1,
                offset::LOCK if value == OPEN => self.lock = 0,
                offset::LOCK => {}
                offset::STAGE_TARGET => self.target = value,
                offset::STAGE_TAG => self.tag = value,
                offset::STAGE_CRC => self.commit(value),
                _ => self.write_open(at, value),
            },
            _ => self.write_open(at, value),
        }
    }

    fn write_open(&mut self, at: u32, value: u32) {
        if self.lock == 0 {
            return self.carry_out(at, value);
        }
        self.refuse();
    }

    /// A write by a request while the lock is open, or by a commit.
    fn carry_out(&mut self, at: u32, value: u32) {
        const CRC_ADDRESS: u32 = BRIDGE + offset::CRC_ADDRESS;
        const CRC_BYTES: u32 = BRIDGE + offset::CRC_BYTES;
        let done = match at {
            0..registers::SPACE => self.device.write_register(at, value).is_ok(),
            CRC_ADDRESS => {
                self.crc[0] = value;
                true
            }
            CRC_BYTES => {
                self.crc[1] = value;
                let sum = self.range();
                self.crc[2] = sum.unwrap_or(NOTHING);
                sum.is_some()
            }
            MEMORY.. if at - MEMORY < self.memory => {
                self.device.write_memory((at - MEMORY).into(), &value.to_le_bytes()).is_ok()
            }
            _ => false,
        };
        if !done {
            self.refuse();
        }
    }

    /// The CRC of the range, if it is whole beats of memory.
    fn range(&mut self) -> Option<u32> {
        let [address, bytes, _] = self.crc;
        let inside = address.checked_add(bytes).is_some_and(|end| end <= self.memory);
        if !inside || (address | bytes) % self.beat != 0 {
            return None;
        }
        let mut all = vec![0; bytes as usize];
        self.device.read_memory(address.into(), &mut all).ok().map(|()| crc32(&all))
    }

    fn commit(&mut self, crc: u32) {
        let (count, sequence) = ((self.tag & 0xffff) as usize, (self.tag >> 16) as u16);
        let Some(words) = self.stage.get(..count).filter(|words| !words.is_empty()).map(<[u32]>::to_vec)
        else {
            self.outcome = status::REFUSED;
            return;
        };
        let all = [self.target, self.tag].into_iter().chain(words.iter().copied());
        let bytes: Vec<u8> = all.flat_map(u32::to_le_bytes).collect();
        if crc32(&bytes) != crc {
            self.outcome = status::REFUSED;
            return;
        }
        if self.last != Some(sequence) {
            for (i, word) in words.into_iter().enumerate() {
                self.carry_out((self.target & !3).wrapping_add(4 * i as u32), word);
            }
        }
        self.last = Some(sequence);
        self.outcome = status::CARRIED_OUT;
    }
}
