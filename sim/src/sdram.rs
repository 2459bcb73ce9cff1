//! An SDR SDRAM chip at the level of its pins: it holds data and checks the rules of its data sheet.
//!
//! ```text
//!   pins of a cycle ─► rules ─► banks ─► bytes ─► words on dq in the cycles to come
//! ```
//!
//! [`Sdram::edge`] is one rising edge of the clock: it samples what the controller drove in the cycle before the edge and returns
//! what the chip drives in the cycle behind it. A broken rule is an error of one sentence with the cycle and the rule.
//!
//! Not modelled, and refused as broken rules: bursts that are cut short, auto precharge, self refresh, power down, clock suspend.

mod rules;

use std::collections::VecDeque;

use sterna_spec::sdram::Chip;
use thiserror::Error;

use rules::{Command, Rules};

/// What the controller drives in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // pins
pub struct Pins {
    pub cke: bool,
    pub cs_n: bool,
    pub ras_n: bool,
    pub cas_n: bool,
    pub we_n: bool,
    pub ba: u32,
    pub a: u32,
    pub dqm: u32,
    pub dq_out: u32,
    pub dq_oe: bool,
}

/// A rule of the data sheet that the controller broke.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{chip}, cycle {cycle}: {rule}")]
pub struct Violation {
    /// Name of the chip.
    pub chip: &'static str,
    /// Number of the clock edge.
    pub cycle: u64,
    /// The rule and the numbers.
    pub rule: String,
}

/// What a chip did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Edges of the clock.
    pub cycles: u64,
    /// Words read.
    pub read: u64,
    /// Words written, those with masked bytes included.
    pub written: u64,
    /// Rows opened.
    pub activates: u64,
    /// Refreshes.
    pub refreshes: u64,
}

/// A burst on the data pins.
#[derive(Clone, Copy, Debug)]
struct Burst {
    /// The cycle of its first word.
    first: u64,
    /// Byte of column 0 of its row.
    row: usize,
    column: u32,
}

/// The chip.
#[derive(Clone)]
pub struct Sdram {
    chip: Chip,
    bytes: Vec<u8>,
    rules: Rules,
    /// Words of a burst, once the mode register says.
    burst: u32,
    reads: VecDeque<Burst>,
    write: Option<Burst>,
    /// The last cycle in which the chip drove dq.
    drove: Option<u64>,
    /// DQM at the edge before.
    mask: u32,
    counts: Counts,
}

impl Sdram {
    /// A chip whose clock runs at `hz`; its bytes are zero.
    pub fn new(chip: &Chip, hz: u32) -> Sdram {
        Sdram {
            chip: *chip,
            bytes: vec![0; chip.bytes() as usize],
            rules: Rules::new(chip, hz),
            burst: 1,
            reads: VecDeque::new(),
            write: None,
            drove: None,
            mask: 0,
            counts: Counts::default(),
        }
    }

    /// Its bytes, in the order of addresses: word, column, bank, row from the low end.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, to be changed behind the controller's back.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// What it did.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Initialization is over.
    pub fn ready(&self) -> bool {
        self.rules.ready()
    }

    /// A rising edge; returns what is on dq until the next one, some noise if the chip does not drive it.
    ///
    /// # Errors
    /// The first rule that is broken.
    #[inline]
    pub fn edge(&mut self, pins: &Pins) -> Result<u32, Violation> {
        let now = self.counts.cycles;
        self.counts.cycles += 1;
        let command = Command::of(pins);
        if command != Command::Nop || !pins.cke || self.rules.pressing(now) {
            let done = self.rules.check(now, command, pins);
            done.map_err(|rule| self.violation(now, rule))?;
            self.obey(now, command, pins);
        }
        if pins.dq_oe || self.write.is_some() {
            self.take(now, pins).map_err(|rule| self.violation(now, rule))?;
        }
        let word = if self.reads.is_empty() { noise(now) } else { self.give(now + 1) };
        self.mask = pins.dqm;
        Ok(word)
    }

    #[cold]
    fn violation(&self, cycle: u64, rule: String) -> Violation {
        Violation { chip: self.chip.name, cycle, rule }
    }

    /// Carries out a command that keeps the rules.
    fn obey(&mut self, now: u64, command: Command, pins: &Pins) {
        match command {
            Command::Read | Command::Write => {
                let row = self.rules.row(pins.ba);
                let row = ((row * self.chip.banks + pins.ba) * self.chip.columns) as usize;
                let word = self.chip.data_bits as usize / 8;
                let burst = Burst { first: now, row: row * word, column: pins.a & (self.chip.columns - 1) };
                if command == Command::Write {
                    self.write = Some(burst);
                } else {
                    let first = now + u64::from(self.chip.cas_latency);
                    self.reads.push_back(Burst { first, ..burst });
                }
            }
            Command::Mode => self.burst = 1 << (pins.a & 7),
            Command::Active => self.counts.activates += 1,
            Command::Refresh => self.counts.refreshes += 1,
            Command::Nop | Command::Precharge | Command::Other => {}
        }
    }

    /// Where word `i` of a burst lies.
    fn place(&self, burst: &Burst, i: u64) -> usize {
        let within = self.burst - 1;
        let column = burst.column & !within | (burst.column + i as u32) & within;
        burst.row + column as usize * (self.chip.data_bits as usize / 8)
    }

    /// The word that the controller drives in cycle `now`.
    fn take(&mut self, now: u64, pins: &Pins) -> Result<(), String> {
        let Some(burst) = self.write else {
            return Err("the controller drives dq and no WRITE is under way".into());
        };
        if !pins.dq_oe {
            return Err("a WRITE is under way and the controller does not drive dq".into());
        }
        if let Some(drove) = self.drove.filter(|drove| drove + 1 >= now) {
            return Err(format!(
                "the controller drives dq, which the chip drove in cycle {drove}; one must lie between"
            ));
        }
        let i = now - burst.first;
        let at = self.place(&burst, i);
        let word = self.chip.data_bits as usize / 8;
        for (j, byte) in self.bytes[at..at + word].iter_mut().enumerate() {
            if pins.dqm >> j & 1 == 0 {
                *byte = (pins.dq_out >> (8 * j)) as u8;
            }
        }
        self.counts.written += 1;
        if i + 1 == u64::from(self.burst) {
            self.write = None;
        }
        Ok(())
    }

    /// What is on dq in cycle `cycle`.
    fn give(&mut self, cycle: u64) -> u32 {
        let Some(burst) = self.reads.front().copied().filter(|burst| burst.first <= cycle) else {
            return noise(cycle);
        };
        let i = cycle - burst.first;
        if i + 1 == u64::from(self.burst) {
            self.reads.pop_front();
        }
        self.drove = Some(cycle);
        self.counts.read += 1;
        let at = self.place(&burst, i);
        let bytes = self.bytes[at..at + self.chip.data_bits as usize / 8].iter().rev();
        let word = bytes.fold(0, |word, byte| word << 8 | u32::from(*byte));
        // DQM takes effect on what is read two cycles later
        let masked = (0..4).filter(|j| self.mask >> j & 1 == 1).fold(0, |all, j| all | 0xff << (8 * j));
        word ^ (masked & (u32::MAX >> (32 - self.chip.data_bits)))
    }
}

/// What a pin that nobody drives reads as; it fits 16 bits.
fn noise(cycle: u64) -> u32 {
    (cycle as u32).wrapping_mul(0x9e37_79b9) >> 16
}

#[cfg(test)]
mod tests;
