//! Requests out, answers in: checked, repeated, and the line brought back into step after a failure.
//!
//! ```text
//!   request ─► send ─► receive ─► CRC right? ─► answer
//!      ▲                  │            │ no
//!      └── resynchronize ◄┴────────────┘        a few times, then one sentence
//! ```

use super::fault::Fault;
use super::frame;
use super::transport::Transport;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};
use sterna_spec::bridge;
use sterna_spec::device::DeviceError;

/// Zero bytes that end whatever request is under way.
const ZEROS: usize = 1026;
/// Bytes without end: more than any answer.
const BABBLE: usize = 1 << 16;

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// For the next byte of an answer, before what the bytes themselves take.
    pub least: Duration,
    /// The same at most, however slow the line has been.
    pub most: Duration,
    /// Until a line counts as silent, in the same way.
    pub silence: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Timing { least: ms(250), most: ms(5000), silence: ms(20) }
    }
}

/// Where to read from, and the words read.
pub type Read<'a> = (u32, &'a mut [u32]);

const LOCK: u32 = bridge::BRIDGE + bridge::offset::LOCK;
const READ_CRC: u32 = bridge::BRIDGE + bridge::offset::READ_CRC;

/// What happened on a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests that were answered as they should be.
    pub good: u64,
    /// Requests that were not answered in full.
    pub lost: u64,
    /// Answers with a wrong CRC.
    pub damaged: u64,
    /// Writes that arrived damaged.
    pub refused: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

impl Stats {
    /// Requests that had to be repeated.
    pub fn failures(&self) -> u64 {
        self.lost + self.damaged + self.refused
    }
}

/// A line to a bridge.
pub struct Link {
    name: String,
    transport: Box<dyn Transport>,
    timing: Timing,
    /// What a byte takes, all delays included: the slowest lately.
    byte: Duration,
    stats: Stats,
    /// CRC of the last read.
    last_crc: u32,
    broken: Option<String>,
}

/// Attempts at a request.
pub const TRIES: Range<u32> = 0..8;
/// Attempts at the first request: fewer, with more patience.
pub const FIRST: Range<u32> = 2..5;

impl Link {
    /// A line that errors call `name`.
    pub fn new(transport: Box<dyn Transport>, name: String, timing: Timing) -> Self {
        let byte = transport.byte();
        Link { name, transport, timing, byte, stats: Stats::default(), last_crc: 0, broken: None }
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// What errors call the line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads words, at most [`frame::MOST`], and accepts them only with their CRC, from a device that has been locked all the time.
    pub fn read(&mut self, address: u32, words: &mut [u32], attempt: u32) -> Result<(), Fault> {
        let mut lock = [0];
        self.transact(&[], &mut [(address, words), (LOCK, &mut lock)], 0, attempt)?;
        if lock == [1] { Ok(()) } else { Err(Fault::Reset) }
    }

    /// Calls `once(line, attempt)` until it succeeds; gives up with a sentence.
    pub fn insist<T>(
        &mut self,
        tries: Range<u32>,
        once: impl FnMut(&mut Link, u32) -> Result<T, Fault>,
    ) -> Result<T, DeviceError> {
        let count = tries.end - tries.start;
        self.attempt(tries, once)?.map_err(|fault| self.give_up(&fault, count))
    }

    /// The same, but does not give up: says what went wrong the last time.
    pub fn attempt<T>(
        &mut self,
        tries: Range<u32>,
        mut once: impl FnMut(&mut Link, u32) -> Result<T, Fault>,
    ) -> Result<Result<T, Fault>, DeviceError> {
        if let Some(sentence) = &self.broken {
            return Err(DeviceError::Other(sentence.clone()));
        }
        let mut last = Fault::Silent;
        for attempt in tries {
            let fault = match once(self, attempt) {
                Ok(value) => return Ok(Ok(value)),
                Err(fault) => fault,
            };
            self.count(&fault);
            last = match fault.is_final() {
                true => fault,
                false => self.resynchronize(attempt).err().unwrap_or(fault),
            };
            if last.is_final() {
                return Err(self.give_up(&last, 1));
            }
        }
        Ok(Err(last))
    }

    /// Nothing works on this line from now on.
    pub fn give_up(&mut self, fault: &Fault, tries: u32) -> DeviceError {
        let sentence = fault.sentence(&self.name, tries);
        self.broken = Some(sentence.clone());
        DeviceError::Other(sentence)
    }

    fn count(&mut self, fault: &Fault) {
        match fault {
            Fault::Damaged => self.stats.damaged += 1,
            Fault::Refused => self.stats.refused += 1,
            _ => self.stats.lost += 1,
        }
    }

    /// Requests without answers, then reads, each with its CRC, in one piece. The device works as long as a line on `work` bytes.
    pub fn transact(
        &mut self,
        before: &[u8],
        reads: &mut [Read],
        work: usize,
        attempt: u32,
    ) -> Result<(), Fault> {
        let check = frame::read(READ_CRC, 1);
        let (mut request, mut want) = (before.to_vec(), 0);
        for (address, words) in reads.iter() {
            request.extend([frame::read(*address, words.len()), check.clone()].concat());
            want += 4 * words.len() + 4;
        }
        let answer = self.exchange(&request, want, work, attempt)?;
        let mut rest = &answer[..];
        for (address, words) in reads {
            let (data, next) = rest.split_at(4 * words.len());
            let mut sum = crc32fast::Hasher::new();
            sum.update(&frame::read(*address, words.len()));
            sum.update(data);
            self.last_crc = sum.finalize();
            if self.last_crc != frame::word(next) {
                return Err(Fault::Damaged);
            }
            for (word, bytes) in words.iter_mut().zip(data.chunks_exact(4)) {
                *word = frame::word(bytes);
            }
            rest = &next[4..];
        }
        self.stats.good += 1;
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stats.sent += bytes.len() as u64;
        self.transport.send(bytes).map_err(|e| match e.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Fault::Silent,
            _ => Fault::Gone(e),
        })
    }

    fn exchange(&mut self, request: &[u8], want: usize, work: usize, attempt: u32) -> Result<Vec<u8>, Fault> {
        let weight = request.len() + want + work;
        let limit = self.patience(self.timing.least, weight, attempt);
        let start = Instant::now();
        self.send(request)?;
        let (mut answer, mut have) = (vec![0; want], 0);
        while have < want {
            match self.transport.receive(&mut answer[have..], limit).map_err(Fault::Gone)? {
                0 if have == 0 => return Err(Fault::Silent),
                0 => return Err(Fault::Short { have, want }),
                count => have += count,
            }
        }
        self.stats.received += have as u64;
        let byte = start.elapsed() / weight as u32;
        self.byte = byte.max(self.byte - self.byte / 8).max(self.transport.byte());
        Ok(answer)
    }

    /// Time to wait for something that takes as long as `weight` bytes.
    fn patience(&self, least: Duration, weight: usize, attempt: u32) -> Duration {
        ((least + self.byte * 4 * weight as u32) * (1 << attempt.min(8))).min(self.timing.most)
    }

    /// Ends whatever request is under way, and waits until nothing comes any more.
    fn resynchronize(&mut self, attempt: u32) -> Result<(), Fault> {
        self.send(&[0; ZEROS])?;
        let limit = self.patience(self.timing.silence, ZEROS, attempt);
        let (mut dropped, mut waste) = (0, [0; 1024]);
        loop {
            match self.transport.receive(&mut waste, limit).map_err(Fault::Gone)? {
                0 => return Ok(()),
                _ if dropped > BABBLE => return Err(Fault::Babble(dropped)),
                count => dropped += count,
            }
        }
    }

    /// Starts anew: brings the line into step, then reads the first words of the bridge.
    pub fn greet(&mut self, words: &mut [u32]) -> Result<(), DeviceError> {
        if let Err(fault) = self.resynchronize(0) {
            return Err(self.give_up(&fault, 1));
        }
        self.insist(FIRST, |link, attempt| link.transact(&[], &mut [(bridge::BRIDGE, words)], 0, attempt))
    }

    /// True if the last read that the device has seen is ours: nobody else is using it.
    pub fn is_ours(&mut self) -> bool {
        match self.exchange(&frame::read(READ_CRC, 1), 4, 0, 0) {
            Ok(crc) => frame::word(&crc) == self.last_crc,
            Err(_) => {
                // whatever is wrong will show at the next request
                let _ = self.resynchronize(0);
                false
            }
        }
    }

    /// Opens the device's lock at the end, if that can still be done.
    pub fn release(&mut self) {
        let open = frame::write(LOCK, &[bridge::OPEN]);
        let mut lock = [1];
        for attempt in 0..2 {
            if self.broken.is_some() || lock == [0] {
                return;
            }
            if self.transact(&open, &mut [(LOCK, &mut lock)], 0, attempt).is_err()
                && self.resynchronize(attempt).is_err()
            {
                return;
            }
        }
    }
}
