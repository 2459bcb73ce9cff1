//! Words: verified reads, and staged writes that are carried out once. Longer at a time on a good line, shorter on a bad one.

use super::fault::Fault;
use super::link::{Link, TRIES};
use super::{Result, Serial, State, frame};
use sterna_spec::bridge::{self, offset as at, status};

/// Words of an access on the worst line.
const LEAST: usize = 8;
/// Attempts at an access before it is made shorter.
const PATIENCE: u32 = 2;

impl Serial {
    /// Reads any number of words.
    pub(super) fn read_words(&mut self, address: u32, words: &mut [u32]) -> Result<()> {
        self.in_bursts(words.len(), |link, done, count, attempt| {
            link.read(address + 4 * done as u32, &mut words[done..done + count], attempt)
        })
    }

    /// Calls `once(line, words done, words to do, attempt)` until `all` words are done: more at once on a good line, fewer on a bad one.
    fn in_bursts(
        &mut self,
        all: usize,
        mut once: impl FnMut(&mut Link, usize, usize, u32) -> std::result::Result<(), Fault>,
    ) -> Result<()> {
        let (mut done, mut tries) = (0, 0..PATIENCE);
        while done < all {
            let (count, before) = (self.burst.min(all - done), self.link.stats().failures());
            match self.link.attempt(tries.clone(), |link, attempt| once(link, done, count, attempt))? {
                Ok(()) => (done, tries) = (done + count, 0..PATIENCE),
                Err(fault) if tries.end >= TRIES.end => return Err(self.link.give_up(&fault, TRIES.end)),
                Err(_) => tries = tries.end..tries.end + PATIENCE,
            }
            let good = self.link.stats().failures() == before;
            self.burst = if good { self.burst * 2 } else { self.burst / 4 }.clamp(LEAST, frame::MOST);
        }
        Ok(())
    }

    /// Writes words to one target, as many as can be staged: committed once, and known to be carried out.
    pub(super) fn stage(&mut self, target: u32, words: &[u32], work: usize) -> Result<()> {
        let sequence = self.sequence.wrapping_add(1);
        self.link.insist(TRIES, |link, attempt| commit(link, sequence, target, words, work, attempt))?;
        self.sequence = sequence;
        Ok(())
    }

    /// Writes any number of words to memory. One that was carried out and is repeated as a shorter one does no harm there.
    pub(super) fn write_words(
        &mut self,
        address: u32,
        words: &[u32],
        progress: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let mut sequence = self.sequence;
        let outcome = self.in_bursts(words.len(), |link, done, count, attempt| {
            let next = sequence.wrapping_add(1);
            commit(link, next, address + 4 * done as u32, &words[done..done + count], 0, attempt)?;
            sequence = next;
            progress(done + count);
            Ok(())
        });
        self.sequence = sequence;
        outcome
    }
}

/// One staged write, and whether it was carried out.
fn commit(
    link: &mut Link,
    sequence: u16,
    target: u32,
    words: &[u32],
    work: usize,
    attempt: u32,
) -> std::result::Result<(), Fault> {
    let tag = u32::from(sequence) << 16 | words.len() as u32;
    let mut sum = crc32fast::Hasher::new();
    [target, tag].iter().chain(words).for_each(|word| sum.update(&word.to_le_bytes()));
    let commit = frame::write(bridge::BRIDGE + at::STAGE_TARGET, &[target, tag, sum.finalize()]);
    let before = [frame::write(bridge::STAGE, words), commit].concat();
    let mut state = State::default();
    link.transact(&before, &mut [(bridge::BRIDGE + at::LOCK, &mut state)], work, attempt)?;
    match state {
        [0, ..] => Err(Fault::Reset),
        [.., status] if status == u32::from(sequence) << 16 | status::CARRIED_OUT => Ok(()),
        _ => Err(Fault::Refused),
    }
}
