//! What every cycle of a step was spent on: causes by instruction, and the ports' traffic over time.
//!
//! ```text
//!   activity_index, activity_count ─► causes of each instruction
//!   traffic of the memory's ports  ─► windows of equal length, as many as a drawing can show
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use sterna_spec::registers::COUNTERS;
use verilated::{Error, Model, Port};

use crate::memory::Memory;

/// Windows that are kept at most; with the last of them, each two become one.
const WINDOWS: usize = 512;
/// Cycles of a window in the beginning.
const FIRST_WINDOW: u64 = 256;

/// Counters of one instruction, in the order of [`COUNTERS`].
pub type Counts = [u64; COUNTERS.len()];

/// Traffic of a window of cycles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Busy cycles of the device in it.
    pub cycles: u64,
    /// Bytes that each port read.
    pub read: Vec<u64>,
    /// Bytes that each port wrote.
    pub written: Vec<u64>,
}

/// Busy cycles that follow each other and belong to one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First beat of its program.
    pub program: u32,
    /// Number of the instruction in the step.
    pub index: u32,
    /// Cycles since the start of the model, reset included.
    pub cycles: Range<u64>,
}

/// What was seen since the last [`Activity::clear`].
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// What each busy cycle belonged to, in order; `None`: not kept.
    pub timeline: Option<Vec<Span>>,
    /// Counters by instruction of each program, by the program's first beat; runs that follow each other add up.
    programs: BTreeMap<u32, Vec<Counts>>,
    /// The program that runs or comes next.
    program: u32,
    /// Traffic over time; all windows but the last have the same length.
    pub windows: Vec<Window>,
    length: u64,
    now: Window,
    /// Bytes read and written by each port up to the present window.
    before: Vec<(u64, u64)>,
}

impl Activity {
    /// One that keeps a timeline.
    pub fn with_timeline() -> Activity {
        Activity { timeline: Some(Vec::new()), ..Activity::default() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let (before, program) = (std::mem::take(&mut self.before), self.program);
        let timeline = self.timeline.is_some().then(Vec::new);
        *self = Activity { timeline, before, program, ..Activity::default() };
    }

    /// Counters by instruction of the program that begins at beat `base`.
    pub fn program(&self, base: u32) -> &[Counts] {
        self.programs.get(&base).map_or(&[], Vec::as_slice)
    }

    /// From here on the program at beat `base` runs.
    pub(crate) fn set_program(&mut self, base: u32) {
        self.program = base;
    }

    /// Cycles of a full window.
    pub fn window(&self) -> u64 {
        self.length
    }

    /// Remembers whom `cycle` belonged to.
    fn mark(&mut self, cycle: u64, index: u32) {
        let (program, Some(timeline)) = (self.program, &mut self.timeline) else { return };
        match timeline.last_mut() {
            Some(Span { program: p, index: i, cycles })
                if (*p, *i, cycles.end) == (program, index, cycle) =>
            {
                cycles.end += 1;
            }
            _ => timeline.push(Span { program, index, cycles: cycle..cycle + 1 }),
        }
    }

    /// A busy cycle of instruction `index` in which the counters of `bits` advance.
    fn count(&mut self, index: usize, mut bits: u64) {
        let instructions = self.programs.entry(self.program).or_default();
        if instructions.len() <= index {
            instructions.resize(index + 1, [0; COUNTERS.len()]);
        }
        while bits != 0 {
            instructions[index][bits.trailing_zeros() as usize] += 1;
            bits &= bits - 1;
        }
        self.now.cycles += 1;
    }

    /// Ends the present window; `traffic` is what each port has read and written since the beginning.
    fn end_window(&mut self, traffic: impl Iterator<Item = (u64, u64)>) {
        let traffic: Vec<_> = traffic.collect();
        self.before.resize(traffic.len(), (0, 0));
        let since =
            traffic.iter().zip(&self.before).map(|(now, before)| (now.0 - before.0, now.1 - before.1));
        (self.now.read, self.now.written) = since.unzip();
        self.before = traffic;
        self.windows.push(std::mem::take(&mut self.now));
        if self.windows.len() == WINDOWS {
            self.windows = self.windows.chunks(2).map(merge).collect();
            self.length *= 2;
        }
    }
}

/// Windows as one.
fn merge(windows: &[Window]) -> Window {
    let mut all = windows[0].clone();
    for window in &windows[1..] {
        all.cycles += window.cycles;
        all.read.iter_mut().zip(&window.read).for_each(|(sum, more)| *sum += more);
        all.written.iter_mut().zip(&window.written).for_each(|(sum, more)| *sum += more);
    }
    all
}

/// The pins that say it.
pub(crate) struct ActivityPins {
    index: Port,
    count: Port,
}

impl ActivityPins {
    pub fn new(model: &Model) -> Result<Self, Error> {
        Ok(ActivityPins { index: model.port("activity_index")?, count: model.port("activity_count")? })
    }

    /// Looks at the cycle that has just begun; bit 0 of the counters says that the device is busy.
    #[inline]
    pub fn sample(&self, model: &Model, memory: &Memory, kept: &Arc<Mutex<Activity>>) {
        let bits = model.get(self.count);
        if bits & 1 == 0 {
            return;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.length = kept.length.max(FIRST_WINDOW);
        let index = model.get(self.index) as u32;
        kept.mark(model.cycle(), index);
        kept.count(index as usize, bits);
        if kept.now.cycles == kept.length {
            kept.end_window(memory.traffic().map(|t| (t.read_bytes, t.write_bytes)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_joins_the_cycles_of_an_instruction() {
        let mut activity = Activity { program: 5, ..Activity::with_timeline() };
        for (cycle, index) in [(3, 0), (4, 0), (5, 1), (6, 0), (9, 0)] {
            activity.mark(cycle, index);
        }
        activity.set_program(6);
        activity.mark(10, 0);
        let spans = activity.timeline.take().unwrap();
        let spans: Vec<_> = spans.into_iter().map(|s| (s.program, s.index, s.cycles)).collect();
        assert_eq!(spans, [(5, 0, 3..5), (5, 1, 5..6), (5, 0, 6..7), (5, 0, 9..10), (6, 0, 10..11)]);
    }

    #[test]
    fn causes_are_kept_by_instruction_and_windows_stay_few() {
        let mut activity = Activity { length: 1, ..Activity::default() };
        for cycle in 0..2000u64 {
            activity.count((cycle / 1500) as usize, 0b101);
            if activity.now.cycles == activity.length {
                activity.end_window([(8 * (cycle + 1), cycle / 2)].into_iter());
            }
        }
        assert_eq!(
            activity.program(0).iter().map(|c| (c[0], c[1], c[2])).collect::<Vec<_>>(),
            [(1500, 0, 1500), (500, 0, 500)]
        );
        assert!(activity.windows.len() < WINDOWS && activity.length == 4, "{}", activity.length);
        let cycles: u64 = activity.windows.iter().map(|w| w.cycles).sum();
        assert_eq!(activity.windows.iter().map(|w| w.read[0]).sum::<u64>(), 8 * cycles);
        assert!(activity.windows.iter().all(|w| w.cycles == 4 && w.read == [32]), "{:?}", activity.windows);
    }
}
