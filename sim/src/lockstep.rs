//! Golden model and Verilog side by side: compared after every step, stopped at the first difference.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::{Golden, Write};
use sterna_spec::isa::DstKind;
use sterna_spec::registers::{Access, TOPK_ROW_BYTES, control, offset, status, table};

use crate::blame::blame;
use crate::device::{Options, SimDevice};
use crate::probe::{Event, Observed};
use crate::report::{Mismatch, Place, describe, value, words_of};
use crate::transfer::{Step, Wrong};
use crate::walk;

/// Cycles before and after a difference that the reproducing command traces.
const BEFORE: u64 = 2000;
const AFTER: u64 = 100;

/// Runs a golden model and the Verilog of the same configuration with the same inputs. After each step, compares what passed between
/// blocks: beats of the reader, instructions, loaded words, every word of integers that matrix engine and attention unit delivered,
/// every word and scalar that vector and attention units wrote, bytes on their way to memory; then status and error, the selection,
/// and all of memory.
///
/// Words are compared in their order, and the scalars of each row in theirs, those of reductions and those of attention: the hardware may
/// write a reduction's scalar before or after the words that follow it, attention takes a pass of several rows before their next one, and
/// vectors run beside it.
pub struct Lockstep {
    golden: Golden,
    rtl: SimDevice,
    seed: u64,
    /// Steps completed.
    step: u64,
    /// A step was started and not yet compared.
    started: bool,
    names: Vec<(u32, String)>,
    reproduce: Option<String>,
    mismatch: Option<Box<Mismatch>>,
    /// Where the difference is left for whoever cannot reach this value any more.
    shared: Option<Arc<Mutex<Option<Mismatch>>>>,
}

impl Lockstep {
    /// Builds both. The Verilog gets the observation port, whatever the configuration says.
    ///
    /// # Errors
    /// As [`SimDevice::new`].
    pub fn new(config: &Config, options: &Options) -> Result<Self, DeviceError> {
        let config = Config { probe: true, ..config.clone() };
        let rtl = SimDevice::new(&config, options)?;
        Ok(Lockstep::from_parts(rtl, options.seed))
    }

    /// From a device whose configuration has `probe`.
    pub fn from_parts(mut rtl: SimDevice, seed: u64) -> Self {
        rtl.watch();
        let mut golden = Golden::new(rtl.config());
        golden.record(true);
        let (names, reproduce, mismatch, shared) = (Vec::new(), None, None, None);
        Lockstep { golden, rtl, seed, step: 0, started: false, names, reproduce, mismatch, shared }
    }

    /// Names parts of the step stream for reports: each name holds from its instruction number on.
    pub fn name_instructions(&mut self, mut names: Vec<(u32, String)>) {
        names.sort_by_key(|(first, _)| *first);
        self.names = names;
    }

    /// The command that reproduces a run with a waveform; `{seed}`, `{from}` and `{to}` are replaced by seed and cycles.
    pub fn reproduce_with(&mut self, template: impl Into<String>) {
        self.reproduce = Some(template.into());
    }

    /// Leaves the difference that stops the run here, too.
    pub fn share_mismatch(&mut self, place: Arc<Mutex<Option<Mismatch>>>) {
        self.shared = Some(place);
    }

    /// The difference that stopped the run, if there was one.
    pub fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_deref()
    }

    /// The Verilog's side: cycles, traffic.
    pub fn rtl(&mut self) -> &mut SimDevice {
        &mut self.rtl
    }

    /// Steps compared so far.
    pub fn steps(&self) -> u64 {
        self.step
    }

    fn stopped(&self) -> Result<(), DeviceError> {
        self.mismatch.as_ref().map_or(Ok(()), |m| Err(DeviceError::Other(m.to_string())))
    }

    /// Fills in a report and stops.
    fn stop(&mut self, wrong: Wrong) -> DeviceError {
        let Wrong { instruction, row, place, expected, got, cycle } = wrong;
        let decoded = instruction.and_then(|i| walk::instruction(&mut self.golden, i).ok().flatten());
        let named =
            |i: u32| self.names.iter().rev().find(|(first, _)| *first <= i).map(|(_, name)| name.clone());
        let from = cycle.saturating_sub(BEFORE);
        let replace = |template: &String| {
            let pairs = [("{seed}", self.seed), ("{from}", from), ("{to}", cycle + AFTER)];
            pairs.iter().fold(template.clone(), |text, (key, value)| text.replace(key, &value.to_string()))
        };
        let (block, signal) = blame(&place, decoded.as_ref());
        let mismatch = Mismatch {
            seed: self.seed,
            preset: self.rtl.config().name.clone(),
            step: self.step,
            layer: instruction.and_then(named),
            instruction,
            disassembly: decoded.map(|i| i.to_string()),
            row,
            block,
            signal,
            place,
            expected,
            got,
            cycle,
            reproduce: self.reproduce.as_ref().map(replace),
        };
        let error = DeviceError::Other(mismatch.to_string());
        if let Some(shared) = &self.shared {
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(mismatch.clone());
        }
        self.mismatch = Some(Box::new(mismatch));
        error
    }

    /// Compares everything that a step left behind.
    fn compare(&mut self) -> Result<(), DeviceError> {
        let reads = self.golden.take_reads();
        let (loads, stores) = self.golden.take_transfers();
        let log = self.golden.take_log();
        let seen = self.rtl.observed();
        let passed = self.rtl.passed();
        let end = self.compare_end()?;
        if let Ok(true) = end {
            // both stopped with the same error; how far the hardware had come is its own affair
            self.step += 1;
            return Ok(());
        }
        let whole = end.is_ok();
        let of = |kind: u8| log.iter().filter(move |w| w.kind == kind);
        let other = |w: &&Write| ![Write::SCALAR, Write::WEIGHTS].contains(&w.kind);
        let words: Vec<_> = log.iter().filter(other).collect();
        let of_row = |(row, (kind, got)): (u32, (u8, &Vec<Event>))| {
            let want: Vec<_> = of(kind).filter(|w| w.row == row).collect();
            let got: Vec<_> = got.iter().filter(|e| u32::from(e.row) == row).copied().collect();
            self.compare_writes(&want, &got, &seen, whole)
        };
        let scalars = [(Write::SCALAR, &seen.scalars), (Write::WEIGHTS, &seen.weights)];
        let scalars = (0..self.rtl.config().rows).flat_map(|row| scalars.map(|of| (row, of)));
        let reads: Vec<_> = reads.iter().collect();
        let writes = [(&reads, &seen.reads), (&words, &seen.words)].into_iter();
        let writes = writes.filter_map(|(want, got)| self.compare_writes(want, got, &seen, whole));
        let found: Vec<Wrong> = writes.chain(scalars.filter_map(of_row)).collect();
        let memory = self.rtl.memory();
        let (loads, stores, passed) = (&loads[..], &stores[..], &passed);
        let transfers = Step { golden: &mut self.golden, memory, loads, stores, passed, whole }.mistakes()?;
        // the earliest by program, then by time: what follows may be its consequence
        let all = transfers.into_iter().chain(found);
        let first = all.min_by_key(|wrong| (wrong.instruction, wrong.cycle)).or(end.err().map(|end| *end));
        if let Some(first) = first {
            let settings = self.compare_settings()?;
            return Err(self.stop(settings.unwrap_or(first)));
        }
        self.compare_memory()?;
        if words.iter().any(|w| w.kind == DstKind::Topk as u8) {
            self.compare_selection()?;
        }
        self.step += 1;
        Ok(())
    }

    /// STATUS and the error's code; `true` if both report an error, `Err` if they differ.
    fn compare_end(&mut self) -> Result<Result<bool, Box<Wrong>>, DeviceError> {
        let state = self.both(offset::STATUS)?;
        let error = self.both(offset::ERROR)?;
        let code = error.map(|e| e & 0xff);
        for (name, [want, got]) in [("STATUS", state), ("ERROR", code)] {
            if want != got {
                let text = |x: u32| format!("{name} {x:#x}");
                let wrong = register(offset::ERROR, text(want), text(got), self.rtl.cycles());
                let place = Place::End { block: (error[1] >> 8) as u8 };
                return Ok(Err(Box::new(Wrong { place, ..wrong })));
            }
        }
        Ok(Ok(state[0] & status::ERROR != 0))
    }

    fn both(&mut self, at: u32) -> Result<[u32; 2], DeviceError> {
        Ok([self.golden.read_register(at)?, self.rtl.read_register(at)?])
    }

    /// The first difference between two sequences of writes; `whole`: none may be missing, or too many.
    fn compare_writes(&self, want: &[&Write], got: &[Event], seen: &Observed, whole: bool) -> Option<Wrong> {
        let of = |w: &Write, place, expected, got, cycle| {
            Some(Wrong { instruction: Some(w.instruction), row: Some(w.row), place, expected, got, cycle })
        };
        for (&w, g) in want.iter().zip(got) {
            if (w.kind, w.row, w.address) != (g.kind, g.row.into(), g.address) {
                let (expected, got) =
                    (describe(w.kind, w.row, w.address), describe(g.kind, g.row.into(), g.address));
                return of(w, Place::Order, expected, got, g.cycle);
            }
            let data = seen.data(g);
            let mut lanes = w.data.chunks(words_of(w.kind)).zip(data.chunks(words_of(w.kind)));
            if let Some(lane) = lanes.clone().position(|(want, got)| want != got) {
                let place = Place::Write { kind: w.kind, address: w.address, lane };
                let (expected, got) = lanes.nth(lane).unwrap_or_default();
                return of(w, place, value(w.kind, expected), value(w.kind, got), g.cycle);
            }
        }
        if !whole {
            return None;
        }
        if let Some(&w) = want.get(got.len()) {
            let (expected, got) =
                (describe(w.kind, w.row, w.address), format!("no more writes after {}", got.len()));
            return of(w, Place::Order, expected, got, seen.last_cycle().unwrap_or(self.rtl.cycles()));
        }
        let extra = got.get(want.len())?;
        let got = describe(extra.kind, extra.row.into(), extra.address);
        let (expected, cycle) = (format!("no more writes after {}", want.len()), extra.cycle);
        let (instruction, row) = want.last().map(|w| (w.instruction, w.row)).unzip();
        Some(Wrong { instruction, row, place: Place::Order, expected, got, cycle })
    }

    /// The first setting that the two do not share: everything else may follow from it.
    fn compare_settings(&mut self) -> Result<Option<Wrong>, DeviceError> {
        let settings = table(self.rtl.config()).into_iter().filter(|r| r.access == Access::ReadWrite);
        for at in settings.map(|r| r.offset).filter(|at| *at != offset::IRQ_ENABLE) {
            let [want, got] = self.both(at)?;
            if want != got {
                let cycle = self.rtl.cycles();
                return Ok(Some(register(at, format!("{want:#x}"), format!("{got:#x}"), cycle)));
            }
        }
        Ok(None)
    }

    fn compare_memory(&mut self) -> Result<(), DeviceError> {
        let mut mine = vec![0; 1 << 16];
        let mut found = None;
        let bytes = self.rtl.memory().bytes();
        for (i, theirs) in bytes.chunks(1 << 16).enumerate() {
            let mine = &mut mine[..theirs.len()];
            self.golden.read_memory((i << 16) as u64, mine)?;
            if mine != theirs {
                found = (0..mine.len())
                    .find(|&j| mine[j] != theirs[j])
                    .map(|j| ((i << 16) + j, mine[j], theirs[j]));
                break;
            }
        }
        let Some((address, want, got)) = found else { return Ok(()) };
        let (place, cycle) = (Place::Memory { address: address as u64 }, self.rtl.cycles());
        let (expected, got) = (format!("{want:#04x}"), format!("{got:#04x}"));
        Err(self.stop(Wrong { instruction: None, row: None, place, expected, got, cycle }))
    }

    fn compare_selection(&mut self) -> Result<(), DeviceError> {
        let (rows, pairs) = (self.golden.read_register(offset::ROWS)?, self.rtl.config().top_k);
        for row in 0..rows {
            for word in 0..2 * pairs {
                let at = offset::TOPK + row * TOPK_ROW_BYTES + 4 * word;
                self.compare_register(at)?;
            }
        }
        Ok(())
    }

    /// Reads a register of both; differing values are a mismatch.
    fn compare_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        let [want, got] = self.both(at)?;
        if want != got {
            let text = |x: u32| format!("{x:#010x} ({:e})", f32::from_bits(x));
            let cycle = self.rtl.cycles();
            return Err(self.stop(register(at, text(want), text(got), cycle)));
        }
        Ok(got)
    }

    /// Whether both devices must read the same here: not counters, not how far a step is, not the error's detail.
    fn comparable(&self, at: u32) -> bool {
        let own = [offset::CONTROL, offset::STATUS, offset::ERROR].contains(&at);
        let listed = table(self.rtl.config()).iter().any(|r| r.offset == at && r.access != Access::WriteOne);
        listed && !own && at < offset::COUNTER
    }
}

/// A register that differs.
fn register(offset: u32, expected: String, got: String, cycle: u64) -> Wrong {
    Wrong { instruction: None, row: None, place: Place::Register { offset }, expected, got, cycle }
}

impl Device for Lockstep {
    /// Reads the Verilog's register; identity and settings must equal the golden model's.
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        self.stopped()?;
        if self.comparable(at) { self.compare_register(at) } else { self.rtl.read_register(at) }
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.stopped()?;
        let starts = at == offset::CONTROL && value & control::START != 0;
        if starts && self.started {
            self.wait()?;
        }
        self.rtl.write_register(at, value)?;
        self.golden.write_register(at, value)?;
        self.started |= starts;
        Ok(())
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.stopped()?;
        self.rtl.read_memory(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.stopped()?;
        self.rtl.write_memory(address, bytes)?;
        self.golden.write_memory(address, bytes)
    }

    /// Waits for the Verilog and compares.
    fn wait(&mut self) -> Result<(), DeviceError> {
        self.stopped()?;
        self.rtl.wait()?;
        if std::mem::take(&mut self.started) { self.compare() } else { Ok(()) }
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.stopped()?;
        self.rtl.reserve_memory(bytes)?;
        self.golden.reserve_memory(bytes)
    }

    fn allow_writes(&mut self, region: Range<u64>) {
        self.rtl.allow_writes(region);
    }
}
