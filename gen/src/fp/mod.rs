//! Checks the binary32 hardware, and its definition, against answers from elsewhere.
//!
//! ```text
//!   vectors of TestFloat ──┐
//!   random pairs, corners ─┼─► operands ─► golden | evaluator | Verilog ─► compared bit by bit ─► report
//!   all 2^32 words ────────┘          └──► vector's answer, else the definition's ─────┘
//! ```
//!
//! Vectors are lines of hexadecimal words: operands, result, exceptions, as `testfloat_gen -rnear_even -tininessbefore OP` prints them
//! (Berkeley TestFloat 3e, `doc/testfloat_gen.html`). A subnormal result, or one with the underflow flag, means a zero of its sign
//! here; vectors with a subnormal operand say nothing about a device that takes it as zero, and are counted apart.

mod engines;
mod ops;
#[cfg(test)]
mod tests;

use std::io::BufRead;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::Serialize;
use sterna_hdl::blocks::fp::operands;

use crate::error::Error;
use crate::scratch::Progress;
pub use engines::Engine;
use engines::Running;
pub use ops::Op;

/// Operands of a batch.
const BATCH: usize = 1 << 16;
/// Differences that are shown.
const SHOWN: usize = 10;
/// Time between two lines of progress.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where operands come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// This many seeded random ones, after all pairs of corner cases.
    Random {
        /// How many.
        count: u64,
        /// Where they start.
        seed: u64,
    },
    /// Each word once; for operations of one operand.
    All,
}

/// What came out.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The operation.
    pub op: String,
    /// Who answered.
    pub engine: &'static str,
    /// Answers compared.
    pub compared: u64,
    /// Vectors with an operand that the device takes as zero.
    pub outside: u64,
    /// Answers that differ.
    pub different: u64,
    /// The first of them.
    pub first: Vec<Difference>,
}

/// An answer that differs.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Operands, hexadecimal.
    pub operands: Vec<String>,
    /// What is right.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl Report {
    fn new(op: Op, engine: Engine) -> Report {
        Report { op: op.name(), engine: engine.name(), ..Report::default() }
    }

    fn compare(&mut self, op: Op, batch: &[[u32; 2]], expected: &[u32], got: &[u32]) {
        self.compared += batch.len() as u64;
        for ((operands, expected), got) in batch.iter().zip(expected).zip(got) {
            if expected != got {
                self.different += 1;
                if self.first.len() < SHOWN {
                    let hex = |word: &u32| format!("{word:08x}");
                    let operands = operands[..op.arity()].iter().map(hex).collect();
                    self.first.push(Difference { operands, expected: hex(expected), got: hex(got) });
                }
            }
        }
    }

    fn add(&mut self, other: Report) {
        self.compared += other.compared;
        self.different += other.different;
        self.first.extend(other.first);
        self.first.truncate(SHOWN);
    }

    fn text(&self) -> String {
        let Report { op, engine, compared, different, outside, .. } = self;
        let mut text = format!("{op} on {engine}: {compared} compared, {different} differ");
        if *outside > 0 {
            text += &format!(", {outside} with a subnormal operand left out");
        }
        text.push('\n');
        for d in &self.first {
            text += &format!("  {}: expected {}, got {}\n", d.operands.join(" "), d.expected, d.got);
        }
        text
    }

    /// The report as lines or as JSON.
    ///
    /// # Errors
    /// The same text, if an answer differs.
    pub fn result(&self, json: bool) -> Result<String, Error> {
        let text =
            if json { serde_json::to_string_pretty(self).unwrap_or_default() + "\n" } else { self.text() };
        if self.different == 0 { Ok(text) } else { Err(Error::Different(text)) }
    }
}

/// Compares an engine with vectors in TestFloat's format.
///
/// # Errors
/// If a line is not a vector of this operation, none is there, or the hardware cannot be made.
pub fn check_vectors(op: Op, engine: Engine, input: impl BufRead) -> Result<Report, Error> {
    if !op.has_vectors() {
        let why = format!("TestFloat has no vectors of {}; use --all or --random", op.name());
        return Err(Error::Vectors(why));
    }
    let (mut report, mut running) = (Report::new(op, engine), Running::new(engine, op)?);
    let (mut batch, mut expected) = (Vec::new(), Vec::new());
    for (number, line) in input.lines().enumerate() {
        let at = |why: &str| Error::Vectors(format!("line {}: {why}", number + 1));
        let line = line.map_err(|e| at(&format!("cannot be read: {e}")))?;
        let Some((operands, answer)) = vector(op, &line).map_err(|why| at(&why))? else { continue };
        match answer {
            Some(answer) => (batch.push(operands), expected.push(answer)).0,
            None => report.outside += 1,
        }
        if batch.len() == BATCH {
            report.compare(op, &batch, &expected, &running.answers(&batch)?);
            (batch.clear(), expected.clear()).0
        }
    }
    report.compare(op, &batch, &expected, &running.answers(&batch)?);
    if report.compared + report.outside == 0 {
        let how = format!("testfloat_gen -rnear_even -tininessbefore {}", op.name());
        return Err(Error::Vectors(format!("no vector on standard input; pipe the output of `{how}`")));
    }
    Ok(report)
}

/// Operands, and the answer that a device with these rules gives, if the line says something about it; none for an empty line.
#[allow(clippy::type_complexity, reason = "of use here alone")]
fn vector(op: Op, line: &str) -> Result<Option<([u32; 2], Option<u32>)>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.is_empty() {
        return Ok(None);
    }
    let expected = op.arity() + 2;
    if words.len() != expected {
        return Err(format!("{} words, but a vector of {} has {expected}", words.len(), op.name()));
    }
    let hex = |word: &&str| {
        u32::from_str_radix(word, 16).map_err(|_| format!("'{word}' is no hexadecimal word of 32 bits"))
    };
    let words: Vec<u32> = words.iter().map(hex).collect::<Result<_, _>>()?;
    let operands = [words[0], if op.arity() == 2 { words[1] } else { 0 }];
    let [result, exceptions] = [words[op.arity()], words[op.arity() + 1]];
    Ok(Some((operands, op.expected(operands, result, exceptions))))
}

/// Compares an engine with the definition, on all cores.
///
/// # Errors
/// If there are more operands than words, or the hardware cannot be made.
pub fn check_operands(op: Op, engine: Engine, from: Operands, progress: &Progress) -> Result<Report, Error> {
    if engine == Engine::Golden {
        return Err(Error::Vectors(
            "the definition would be compared with itself; add --rtl or --evaluator".into(),
        ));
    }
    let total = match from {
        Operands::Random { count, .. } => count,
        Operands::All if op.arity() == 1 => 1 << 32,
        Operands::All => {
            return Err(Error::Vectors(format!("{} has 2^64 pairs of operands; use --random", op.name())));
        }
    };
    let batches = total.div_ceil(BATCH as u64);
    let next = AtomicU64::new(0);
    let report = Mutex::new(Report::new(op, engine));
    // builds what all threads find in the cache
    drop(Running::new(engine, op)?);
    let work = || -> Result<(), Error> {
        let mut running = Running::new(engine, op)?;
        loop {
            let index = next.fetch_add(1, Relaxed);
            if index >= batches {
                return Ok(());
            }
            let start = index * BATCH as u64;
            let batch = operands_of(from, start..total.min(start + BATCH as u64));
            let expected: Vec<u32> = batch.iter().map(|&operands| op.golden(operands)).collect();
            let mut part = Report::default();
            part.compare(op, &batch, &expected, &running.answers(&batch)?);
            report.lock().unwrap_or_else(|e| e.into_inner()).add(part);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut told = Instant::now();
        while !threads.iter().all(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
            if told.elapsed() > PATIENCE {
                told = Instant::now();
                progress.say(&format!("  {} of {batches} batches", next.load(Relaxed).min(batches)));
            }
        }
        let done = threads.into_iter().map(|thread| thread.join());
        done.into_iter().try_for_each(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(report.into_inner().unwrap_or_else(|e| e.into_inner()))
}

/// Operands number `span`.
fn operands_of(from: Operands, span: Range<u64>) -> Vec<[u32; 2]> {
    match from {
        Operands::All => span.map(|word| [word as u32, 0]).collect(),
        Operands::Random { seed, .. } => {
            let count = (span.end - span.start) as usize;
            let seed = seed.wrapping_add(span.start);
            match span.start {
                0 => operands::pairs(count, seed),
                _ => operands::random_pairs(count, seed),
            }
        }
    }
}
