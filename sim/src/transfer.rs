//! What must pass from block to block in a step, compared with what did: the block that a wrong passage leaves made the mistake, as long
//! as what came to it was right.
//!
//! ```text
//!   memory ─program, data─► reader ─program─► sequencer ─begun, vector─► units
//!                              └──data─► loader ─loaded─► vector ─► store ─stored─► writer ─► memory
//! ```

use std::collections::HashSet;

use sterna_hdl::observe::PASSAGES;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::{Golden, Stored, Write};
use sterna_spec::isa::Instruction;
use sterna_spec::layout::stripe;
use sterna_spec::registers::offset;

use crate::memory::Memory;
use crate::passages::{All, Passed};
use crate::report::Place;
use crate::stored::stored_beat;
use crate::walk;

/// The first mistake of one kind.
pub(crate) struct Wrong {
    /// Instruction and row, where they are known; none is before all.
    pub instruction: Option<u32>,
    pub row: Option<u32>,
    pub place: Place,
    pub expected: String,
    pub got: String,
    pub cycle: u64,
}

/// Both sides of a step. `whole`: it came to its end, so that what is missing is a mistake, too.
pub(crate) struct Step<'s> {
    pub golden: &'s mut Golden,
    pub memory: &'s Memory,
    pub loads: &'s [Write],
    pub stores: &'s [Stored],
    pub passed: &'s All,
    pub whole: bool,
}

impl Step<'_> {
    /// The first mistake of every passage.
    pub(crate) fn mistakes(&mut self) -> Result<Vec<Wrong>, DeviceError> {
        let config = self.golden.config().clone();
        let bases = walk::bases(self.golden)?;
        let mut found = Vec::new();
        found.extend(self.program(&config, &bases)?);
        found.extend(self.takers(&config)?);
        found.extend(self.data(&config, &bases)?);
        found.extend(self.begun()?);
        found.extend(self.loaded(&config));
        found.extend(self.stored(&config, &bases)?);
        Ok(found)
    }

    pub(crate) fn passed(&self, name: &str) -> &Passed {
        let at = PASSAGES.iter().position(|passage| *passage == name).unwrap_or(0);
        &self.passed[at]
    }

    /// A beat as the device's memory or the golden model's has it: a fault of memory itself is none of the reader's.
    fn beat(
        &mut self,
        config: &Config,
        bases: &[u64],
        beat: u64,
    ) -> Result<[Option<Vec<u32>>; 2], DeviceError> {
        let bytes = config.beat_bytes();
        let (mut theirs, mut mine, mut there) = (vec![0; bytes], vec![0; bytes], true);
        stripe(config, bases, beat * bytes as u64, bytes, |address, at, len| {
            there &= self.memory.read(address, &mut theirs[at..at + len]).is_ok();
            there &= self.golden.read_memory(address, &mut mine[at..at + len]).is_ok();
        });
        Ok([theirs, mine].map(|bytes| there.then(|| words(&bytes))))
    }

    /// Beats of a stream of the reader against memory: `beats` are those that were asked for.
    fn beats(
        &mut self,
        name: &'static str,
        (config, bases): (&Config, &[u64]),
        beats: impl Iterator<Item = u64>,
    ) -> Result<Option<Wrong>, DeviceError> {
        let passed = self.passed(name).clone();
        // what such a beat held when it was read is not known
        let written: HashSet<u64> =
            self.passed("stored").all().map(|(_, data)| stored_beat(config, data)).collect();
        let (mut got, mut cycle) = (passed.all(), 0);
        for (number, beat) in (0..).zip(beats) {
            let Some((when, data)) = got.next() else {
                let none = || "no more beats".to_string();
                return Ok(self.whole.then(|| wrong(name, number, format!("beat {beat:#x}"), none(), cycle)));
            };
            cycle = when;
            let held = self.beat(config, bases, beat)?;
            let data = &data[..config.beat_bits() as usize / 32];
            if !written.contains(&beat) && held.iter().flatten().all(|words| words != data) {
                let expected = held.into_iter().flatten().next().map_or("nothing".into(), |w| hex(&w));
                return Ok(Some(wrong(name, number, expected, hex(data), when)));
            }
        }
        Ok(None)
    }

    fn program(&mut self, config: &Config, bases: &[u64]) -> Result<Option<Wrong>, DeviceError> {
        let first = u64::from(self.golden.read_register(offset::PROGRAM_BASE)?);
        let taken = self.passed("program").cycles.len() as u64;
        self.beats("program", (config, bases), first..first + taken)
    }

    /// Who takes the beats of the step stream: a unit that ends too early, or takes more than its payload.
    fn takers(&mut self, config: &Config) -> Result<Option<Wrong>, DeviceError> {
        let at = config.beat_bits() as usize / 32;
        let slots = walk::slots(self.golden)?;
        let mut got = self.passed("program").all();
        let mut before = None;
        for (number, slot) in (0..).zip(slots) {
            let taker = Instruction::decode(&slot.bytes).ok().and_then(|i| unit(&i)).unwrap_or(0);
            let beats = [(0, config.instruction_beats() as u64), (taker, slot.payload)];
            for (due, count) in beats {
                for _ in 0..count {
                    let Some((cycle, data)) = got.next() else { return Ok(None) };
                    // of an instruction's beat that a unit takes, the unit; of payload, whose it is
                    let taken = data[at] & 7;
                    let unit = if due == 0 { taken } else { due };
                    if taken != due {
                        let name = ["load", "engine", "attend"][unit.ilog2() as usize % 3];
                        let instruction = if due == 0 { before } else { Some(number) };
                        let text = |unit: u32| match unit {
                            0 => "an instruction's beat".to_string(),
                            _ => format!("payload of unit {}", unit.ilog2()),
                        };
                        let wrong = wrong("payload", 0, text(due), text(taken), cycle);
                        let place = Place::Payload { block: name };
                        return Ok(Some(Wrong { instruction, place, ..wrong }));
                    }
                }
            }
            before = Some(number);
        }
        Ok(None)
    }

    fn data(&mut self, config: &Config, bases: &[u64]) -> Result<Option<Wrong>, DeviceError> {
        let asked: Vec<(u64, u64)> = self
            .passed("asked")
            .all()
            .map(|(_, data)| (u64::from(data[0]), u64::from(data[1] & 0xffff)))
            .collect();
        self.beats("data", (config, bases), asked.into_iter().flat_map(|(beat, beats)| beat..beat + beats))
    }

    /// Instructions that the sequencer hands out.
    fn begun(&mut self) -> Result<Option<Wrong>, DeviceError> {
        let all = walk::slots(self.golden)?;
        let rows = self.golden.read_register(offset::ROWS)?;
        let mut asks = false;
        for r in 0..rows {
            let flags =
                self.golden.read_register(offset::ROW + sterna_spec::registers::ROW_BYTES * r + 12)?;
            asks |= flags & sterna_spec::registers::ROW_LOGITS != 0;
        }
        let mut due: [Vec<(u32, Vec<u32>)>; 2] = Default::default();
        for (number, slot) in (0..).zip(&all) {
            let mut data = words(&slot.bytes);
            let unit = match Instruction::decode(&slot.bytes) {
                Ok(Instruction::End { body }) if body && asks => continue,
                Ok(Instruction::End { .. }) | Err(_) => break,
                Ok(instruction) => unit(&instruction),
            };
            data.extend(unit);
            due[usize::from(unit.is_none())].push((number, data));
        }
        let one = |(due, name): (&Vec<(u32, Vec<u32>)>, &'static str)| {
            let passed = self.passed(name);
            let mut got = passed.all();
            for (at, (number, data)) in (0..).zip(due) {
                let (what, cycle) = match got.next() {
                    Some((_, got)) if got == data => continue,
                    Some((cycle, got)) => (hex(got), cycle),
                    None if self.whole => ("no more instructions".into(), passed.last()),
                    None => return None,
                };
                let wrong = wrong(name, at, hex(data), what, cycle);
                return Some(Wrong { instruction: Some(*number), ..wrong });
            }
            let (cycle, data) = got.next().filter(|_| self.whole)?;
            let number = due.last().map(|(number, _)| *number);
            let wrong = wrong(name, due.len() as u64, "no more instructions".into(), hex(data), cycle);
            Some(Wrong { instruction: number, ..wrong })
        };
        Ok(due.iter().zip(["begun", "vector"]).filter_map(one).min_by_key(|w| w.instruction))
    }

    /// Words that LOAD and GATHER put into memories, lane by lane: narrow beats bring parts of them.
    fn loaded(&self, config: &Config) -> Option<Wrong> {
        let lanes = config.lanes as usize;
        let (name, passed) = ("loaded", self.passed("loaded"));
        let lane = |(cycle, data): (u64, &'_ [u32])| {
            let [place, more] = [data[lanes], data.get(lanes + 1).copied().unwrap_or(0)];
            let (word, row, shared) = (place & 0xffff, place >> 16 & 15, place >> 20 & 1);
            let mask = (u64::from(place) | u64::from(more) << 32) >> 21;
            let values = data[..lanes].to_vec();
            let there = (0..lanes).filter(move |l| mask >> l & 1 == 1);
            there.map(move |l| (cycle, (shared, row, word, l), values[l])).collect::<Vec<_>>()
        };
        let mut got = passed.all().flat_map(lane);
        let text = |(shared, row, word, l): (u32, u32, u32, usize), value: u32| {
            let memory = if shared == 1 { "c" } else { "v" };
            format!("{memory}[{word}] of row {row}, element {l}: {value:#010x} ({:e})", f32::from_bits(value))
        };
        for (number, write) in (0..).zip(self.loads) {
            let shared = u32::from(write.kind == Write::SHARED);
            for (l, &value) in write.data.iter().enumerate() {
                let place = (shared, write.row, write.address, l);
                let (what, cycle) = match got.next() {
                    Some((_, at, data)) if (at, data) == (place, value) => continue,
                    Some((cycle, at, data)) => (text(at, data), cycle),
                    None if self.whole => ("no more words".into(), passed.last()),
                    None => return None,
                };
                let wrong = wrong(name, number, text(place, value), what, cycle);
                return Some(Wrong { instruction: Some(write.instruction), row: Some(write.row), ..wrong });
            }
        }
        let (cycle, at, data) = got.next().filter(|_| self.whole)?;
        let wrong = wrong(name, self.loads.len() as u64, "no more words".into(), text(at, data), cycle);
        Some(Wrong { instruction: self.loads.last().map(|w| w.instruction), ..wrong })
    }
}

pub(crate) fn wrong(name: &'static str, number: u64, expected: String, got: String, cycle: u64) -> Wrong {
    Wrong { instruction: None, row: None, place: Place::Passage { name, number }, expected, got, cycle }
}

/// The unit that runs an instruction, as a bit of loader, matrix engine and attention unit; the sequencer and the vector unit are none.
fn unit(instruction: &Instruction) -> Option<u32> {
    match instruction {
        Instruction::Load { .. } | Instruction::Gather { .. } => Some(1),
        Instruction::Matmul { .. } => Some(2),
        Instruction::Attn { .. } => Some(4),
        Instruction::Vector(_) | Instruction::End { .. } => None,
    }
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let word = |part: &[u8]| part.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
    bytes.chunks(4).map(word).collect()
}

/// Words as one number.
fn hex(words: &[u32]) -> String {
    let digits: String = words.iter().rev().map(|word| format!("{word:08x}")).collect();
    format!("{digits:.64}")
}
