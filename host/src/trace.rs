//! A run as events of the Trace Event Format, which Perfetto and Chrome's tracing page show.
//!
//! ```text
//!   cycles of each instruction (simulation) ─┬─► rows: steps | parts of the model | operations
//!   counters of each step (any device) ──────┘
//! ```
//!
//! Source of the format: "Trace Event Format", Google (complete events `X`, metadata `M`). Times are cycles over the clock.

use crate::driver::Counters;
use crate::image::Image;
use serde_json::{Map, Value, json};
use sterna_spec::registers::COUNTERS;

/// Rows of the picture.
const STEPS: u32 = 1;
const PARTS: u32 = 2;
const OPERATIONS: u32 = 3;

/// What a program's instructions are called.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// First beat of the step's program.
    program: u32,
    /// Instructions of the step in words.
    instructions: Vec<String>,
    /// Parts of the step, by first instruction.
    parts: Vec<(u32, String)>,
}

impl Names {
    /// Those of an image that still has its bytes.
    pub fn new(image: &Image) -> Names {
        Names {
            program: image.map.step.base as u32,
            instructions: image.listing().iter().map(|(_, instruction)| instruction.to_string()).collect(),
            parts: image.instruction_names(),
        }
    }

    /// Part of the model, instruction in words.
    pub fn of(&self, program: u32, index: u32) -> (&str, &str) {
        if program != self.program {
            return ("second pass of the head", "second pass of the head");
        }
        let part = self.parts.partition_point(|(first, _)| *first <= index);
        let part = part.checked_sub(1).map_or("step", |i| &self.parts[i].1);
        (part, self.instructions.get(index as usize).map_or("fetch", String::as_str))
    }
}

/// Events, in the making.
pub struct Trace {
    clock_mhz: u32,
    events: Vec<Value>,
}

impl Trace {
    /// An empty one of a device with this clock.
    pub fn new(clock_mhz: u32) -> Trace {
        let mut trace = Trace { clock_mhz, events: Vec::new() };
        for (row, name) in [(STEPS, "steps"), (PARTS, "parts of the model"), (OPERATIONS, "operations")] {
            let args = json!({ "name": name });
            trace
                .events
                .push(json!({ "ph": "M", "name": "thread_name", "pid": 1, "tid": row, "args": args }));
        }
        trace
    }

    fn push(&mut self, row: u32, name: &str, [from, to]: [u64; 2], args: Value) {
        let time = |cycles: u64| cycles as f64 / f64::from(self.clock_mhz);
        self.events.push(json!({
            "ph": "X", "name": name, "pid": 1, "tid": row, "ts": time(from), "dur": time(to - from), "args": args,
        }));
    }

    /// A step that began at cycle `from`, with all that the device counted of it; returns the cycle of its end.
    pub fn step(&mut self, number: usize, tokens: usize, from: u64, counters: &Counters) -> u64 {
        let to = from + counters.get("CYCLES");
        let counted = COUNTERS.iter().zip(counters.0).map(|((name, _), n)| (name.to_lowercase(), n.into()));
        let mut args: Map<String, Value> = counted.collect();
        args.insert("tokens".into(), tokens.into());
        self.push(STEPS, &format!("step {number}"), [from, to], args.into());
        to
    }

    /// The cycles of the instructions of some steps, moved so that the first one lies at `from`.
    #[cfg(feature = "sim")]
    pub fn operations(&mut self, names: &Names, spans: &[sterna_sim::Span], from: u64) {
        let Some(first) = spans.first().map(|span| span.cycles.start) else { return };
        let moved = |cycle: u64| cycle - first + from;
        let mut part: Option<(&str, [u64; 2])> = None;
        for span in spans {
            let [begin, end] = [moved(span.cycles.start), moved(span.cycles.end)];
            let (name, text) = names.of(span.program, span.index);
            let operation = text.split(' ').next().unwrap_or(text);
            self.push(
                OPERATIONS,
                operation,
                [begin, end],
                json!({ "instruction": span.index, "text": text }),
            );
            match &mut part {
                Some((before, [_, until])) if *before == name => *until = end,
                _ => {
                    if let Some((name, cycles)) = part.replace((name, [begin, end])) {
                        self.push(PARTS, name, cycles, json!({}));
                    }
                }
            }
        }
        if let Some((name, cycles)) = part {
            self.push(PARTS, name, cycles, json!({}));
        }
    }

    /// The file.
    pub fn json(self) -> Value {
        json!({ "displayTimeUnit": "ns", "traceEvents": self.events })
    }
}
