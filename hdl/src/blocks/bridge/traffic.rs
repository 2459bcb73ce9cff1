//! Random bytes for a bridge: requests of every kind, good, damaged, cut off; commits and ranges that are right and wrong; garbage.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sterna_spec::bridge::{BRIDGE, LOCK, MEMORY, OPEN, STAGE, crc32, offset};
use sterna_spec::registers::SPACE;

/// What happens on the line.
#[derive(Clone, Debug)]
pub enum Event {
    /// Bytes, one behind the other.
    Bytes(Vec<u8>),
    /// Nothing, for longer than a request may stand still.
    Silence,
    /// Nothing, for not so long.
    Pause,
    /// A frame whose stop bit is low.
    Broken,
}

pub fn request(command: u8, at: u32, count: usize, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![command, count as u8];
    bytes.extend((at / 4).to_be_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    bytes
}

pub fn write(at: u32, words: &[u32]) -> Vec<u8> {
    request(1, at, words.len(), words)
}

pub fn read(at: u32, count: usize) -> Vec<u8> {
    request(2, at, count, &[])
}

/// The requests of a staged write.
pub fn commit(target: u32, sequence: u16, words: &[u32]) -> Vec<u8> {
    let tag = u32::from(sequence) << 16 | words.len() as u32;
    let all = [target, tag].into_iter().chain(words.iter().copied());
    let sum = crc32(&all.flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    [write(STAGE, words), write(BRIDGE + offset::STAGE_TARGET, &[target, tag, sum])].concat()
}

pub struct Traffic {
    rng: ChaCha8Rng,
    /// Bytes of memory and of a beat.
    memory: u32,
    beat: u32,
    sequence: u16,
    /// What has to come next, last first.
    rest: Vec<Event>,
}

impl Traffic {
    pub fn new(rng: ChaCha8Rng, memory: u32, beat: u32) -> Traffic {
        Traffic { rng, memory, beat, sequence: 0, rest: Vec::new() }
    }

    fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    /// An address of any kind, now and then close to an end of something.
    fn place(&mut self) -> u32 {
        let near = self.rng.random_range(0..12) * 4;
        match self.rng.random_range(0..11) {
            0 | 1 => self.rng.random_range(0..SPACE / 4) * 4,
            2 => SPACE - 24 + near,
            3..=5 => MEMORY + self.rng.random_range(0..self.memory / 4) * 4,
            6 => MEMORY + self.memory - 24 + near,
            7 | 8 => BRIDGE + self.rng.random_range(0..18) * 4,
            9 => STAGE + 4 * 256 - 24 + near,
            _ => self.rng.random(),
        }
    }

    fn words(&mut self, most: usize) -> Vec<u32> {
        let count = self.rng.random_range(1..=most);
        (0..count).map(|_| self.rng.random()).collect()
    }

    fn access(&mut self) -> Vec<u8> {
        let (at, fixed) = (self.place(), if self.chance(0.25) { 2 } else { 0 });
        if self.chance(0.5) {
            let count = if self.chance(0.02) { 255 } else { self.rng.random_range(0..7) };
            return request(2 + fixed, at, count, &[]);
        }
        let words = self.words(6);
        let words = if self.chance(0.1) { vec![] } else { words };
        request(1 + fixed, at, words.len(), &words)
    }

    fn lock(&mut self) -> Vec<u8> {
        let word = [LOCK, OPEN, OPEN, OPEN ^ 1, LOCK ^ 0x8000_0000][self.rng.random_range(0..5)];
        [write(BRIDGE + offset::LOCK, &[word]), read(BRIDGE + offset::LOCK, 1)].concat()
    }

    /// A staged write and its status; now and then one of the past, of no words or too many, or with a wrong CRC.
    fn commit(&mut self) -> Vec<u8> {
        let target = match self.rng.random_range(0..4) {
            0 => BRIDGE + self.rng.random_range(7..16) * 4,
            1 => self.place(),
            _ => self.place() & !3,
        };
        if self.chance(0.7) {
            self.sequence = self.sequence.wrapping_add(1);
        }
        let most = if self.chance(0.1) { 30 } else { 5 };
        let words = self.words(most);
        let mut bytes = commit(target, self.sequence, &words);
        if self.chance(0.4) {
            // another count; the CRC is that of as many words as its low bits say
            let have = words.len() as u32;
            let count = [0, have + 1, 256, 257, 0x200 + have, 0x8001][self.rng.random_range(0..6)];
            let tag = u32::from(self.sequence) << 16 | count;
            let all = [target, tag].into_iter().chain(words.into_iter().take(count as usize & 0x1ff));
            let sum = crc32(&all.flat_map(u32::to_le_bytes).collect::<Vec<_>>());
            bytes.extend(write(BRIDGE + offset::STAGE_TARGET, &[target, tag, sum]));
        }
        if self.chance(0.2) {
            let at = bytes.len() - 1;
            bytes[at] ^= 1 << self.rng.random_range(0..8);
        }
        bytes.extend(read(BRIDGE + offset::LOCK, 5));
        bytes
    }

    /// A range of memory, by a request or by a commit, and its CRC.
    fn range(&mut self) -> Vec<u8> {
        let beats = self.memory / self.beat;
        let at = self.rng.random_range(0..beats) * self.beat;
        let most = if self.chance(0.3) { 100 } else { 6 };
        let mut range = [at, self.rng.random_range(0..most) * self.beat];
        match self.rng.random_range(0..10) {
            0 => {
                range[self.rng.random_range(0..2)] ^=
                    1 << self.rng.random_range(0..self.beat.trailing_zeros())
            }
            1 => range[self.rng.random_range(0..2)] ^= 1 << self.rng.random_range(0..32),
            2 => range[1] = self.memory - at,
            3 => range[1] = self.memory - at + self.beat,
            4 => range[0] = 4096 - self.rng.random_range(1..15) * self.beat,
            _ => {}
        }
        let at = BRIDGE + offset::CRC_ADDRESS;
        let mut bytes = if self.chance(0.5) {
            self.sequence = self.sequence.wrapping_add(1);
            commit(at, self.sequence, &range)
        } else {
            write(at, &range)
        };
        bytes.extend(read(at, 3));
        bytes
    }

    /// A request with a pause in it that it survives.
    fn halting(&mut self) -> Event {
        let mut bytes = self.access();
        let tail = bytes.split_off(self.rng.random_range(1..6));
        self.rest = vec![Event::Bytes(tail), Event::Pause];
        Event::Bytes(bytes)
    }

    pub fn next(&mut self) -> Event {
        if let Some(event) = self.rest.pop() {
            return event;
        }
        let bytes = match self.rng.random_range(0..29) {
            0..=11 => self.access(),
            12..=15 => self.commit(),
            16..=19 => self.range(),
            20 | 21 => self.lock(),
            22 => {
                let [sum, dropped] = [offset::READ_CRC, offset::DROPPED].map(|at| read(BRIDGE + at, 1));
                [self.access(), sum.clone(), sum, dropped].concat()
            }
            23 => vec![0; self.rng.random_range(0..20)],
            24 => (0..self.rng.random_range(0..9)).map(|_| self.rng.random()).collect(),
            25 => return self.halting(),
            26 => return Event::Broken,
            _ => return Event::Silence,
        };
        Event::Bytes(self.damaged(bytes))
    }

    /// Now and then flips a bit, drops a byte, or cuts the end off.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() || !self.chance(0.08) {
            return bytes;
        }
        let at = self.rng.random_range(0..bytes.len());
        match self.rng.random_range(0..3) {
            0 => bytes[at] ^= 1 << self.rng.random_range(0..8),
            1 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
        bytes
    }
}
