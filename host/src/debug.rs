//! What is shown of a difference beside the report: a text waveform of the streams concerned, and markers for GTKWave.
//!
//! ```text
//!   difference.fst ─► signals of the block ─► cycle by cycle, as text
//!   timeline ───────► beginnings of operations ─► difference.gtkw
//! ```
//!
//! In a trace, cycle `n` spans the times `10 n` to `10 n + 9`, with the rising edge at `10 n + 5` ([`verilated`](https://docs.rs/verilated)
//! here: `sim/verilated`); a cycle's value is the one before that edge.

use crate::error::{Error, Result};
use crate::trace::Names;
use fst_reader::{FstFilter, FstHierarchyEntry, FstReader, FstSignalHandle, FstSignalValue, ReaderError};
use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;
use sterna_sim::{Mismatch, Span};

/// Time units of a cycle, and the last one before its rising edge.
const CYCLE: u64 = 10;
const BEFORE_EDGE: u64 = 4;
/// Markers that GTKWave names by a letter.
const MARKERS: usize = 26;
/// Changes of a wide signal that are shown.
const CHANGES: usize = 6;

/// A signal over the cycles shown.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Full path, as GTKWave calls it.
    pub path: String,
    /// Bits.
    pub width: u32,
    /// Its bits in each cycle, the highest first.
    pub values: Vec<String>,
}

/// Whether a signal of a block is worth showing beside a difference there: handshakes of its streams, and what the report names.
fn concerns(name: &str, signal: &str) -> bool {
    let handshake = ["_valid", "_ready", "_we", "start", "done"].iter().any(|end| name.ends_with(end));
    handshake || signal.rsplit('.').next() == Some(name)
}

/// The signals of a waveform that concern a difference, over `cycles`.
///
/// # Errors
/// If the file is no waveform.
pub fn signals(path: &Path, mismatch: &Mismatch, cycles: Range<u64>) -> Result<Vec<Signal>> {
    let failed = |e: String| Error::Device(format!("{} cannot be read back: {e}", path.display()));
    let file = File::open(path).map_err(|e| failed(e.to_string()))?;
    let mut reader = FstReader::open(BufReader::new(file)).map_err(|e| failed(e.to_string()))?;
    let mut scopes: Vec<String> = Vec::new();
    let mut found: Vec<(usize, Signal)> = Vec::new();
    // the block itself, and the instance in it that the report names
    let parents: Vec<&str> =
        mismatch.signal.rmatch_indices('.').map(|(at, _)| &mismatch.signal[..at]).collect();
    let wanted = |scopes: &[String]| {
        let path = scopes.join(".");
        parents.iter().any(|parent| parent.contains('.') && path.ends_with(parent))
    };
    reader
        .read_hierarchy(|entry| match entry {
            FstHierarchyEntry::Scope { name, .. } => scopes.push(name),
            FstHierarchyEntry::UpScope => drop(scopes.pop()),
            FstHierarchyEntry::Var { name, length, handle, .. } => {
                let plain = name.split([' ', '[']).next().unwrap_or_default();
                let seen = found.iter().any(|(other, _)| *other == handle.get_index());
                if !seen && wanted(&scopes) && concerns(plain, &mismatch.signal) {
                    let path = format!("{}.{}", scopes.join("."), name.replace(' ', ""));
                    found.push((handle.get_index(), Signal { path, width: length, values: Vec::new() }));
                }
            }
            _ => {}
        })
        .map_err(|e| failed(e.to_string()))?;
    let handles: Vec<FstSignalHandle> =
        found.iter().map(|(index, _)| FstSignalHandle::from_index(*index)).collect();
    let mut changes: HashMap<usize, Vec<(u64, String)>> = HashMap::new();
    let filter = FstFilter::new(0, cycles.end * CYCLE, handles);
    reader
        .read_signals(&filter, |time, handle, value| {
            if let FstSignalValue::String(bits) = value {
                let bits = String::from_utf8_lossy(bits).into_owned();
                changes.entry(handle.get_index()).or_default().push((time, bits));
            }
            Ok::<(), ReaderError>(())
        })
        .map_err(|e| failed(e.to_string()))?;
    let at = |index: usize, cycle: u64| {
        let changes = changes.get(&index).map_or(&[][..], Vec::as_slice);
        let before = changes.partition_point(|(time, _)| *time <= cycle * CYCLE + BEFORE_EDGE);
        before.checked_sub(1).map_or("x".into(), |i| changes[i].1.clone())
    };
    let fill = |(index, signal): (usize, Signal)| Signal {
        values: cycles.clone().map(|cycle| at(index, cycle)).collect(),
        ..signal
    };
    Ok(found.into_iter().map(fill).collect())
}

/// The signals as text: a column a cycle, the cycle of the difference marked.
pub fn waveform(signals: &[Signal], cycles: Range<u64>, cycle: u64) -> String {
    let name = |signal: &Signal| {
        signal.path.rsplit_once("sterna.").map_or(signal.path.clone(), |(_, end)| end.into())
    };
    let width = signals.iter().map(|s| name(s).len()).max().unwrap_or(0);
    let mut text = format!("cycles {} to {}; ! marks cycle {cycle}\n", cycles.start, cycles.end - 1);
    let marks: String = cycles.clone().map(|c| if c == cycle { '!' } else { ' ' }).collect();
    let _ = writeln!(text, "{:width$}  {}", "", marks.trim_end());
    for signal in signals {
        let _ = write!(text, "{:width$}  ", name(signal));
        if signal.width == 1 {
            text.extend(signal.values.iter().map(|v| match v.as_str() {
                "1" => '█',
                "0" => '▁',
                _ => '?',
            }));
        } else {
            let changed = |i: &usize| *i == 0 || signal.values[*i] != signal.values[*i - 1];
            let all: Vec<usize> = (0..signal.values.len()).filter(changed).collect();
            // those at and before the difference say most
            let near = all.partition_point(|&i| cycles.start + i as u64 <= cycle + 1);
            let shown = &all[near.saturating_sub(CHANGES)..near];
            let change = |&i: &usize| format!("{}: {}", cycles.start + i as u64, hex(&signal.values[i]));
            text += &shown.iter().map(change).collect::<Vec<_>>().join("  ");
        }
        text.push('\n');
    }
    text
}

/// Bits, the highest first, as a hexadecimal number; long ones with their middle left out.
fn hex(bits: &str) -> String {
    let padded = format!("{}{bits}", "0".repeat((4 - bits.len() % 4) % 4));
    let digit = |four: &[u8]| {
        let text = std::str::from_utf8(four).unwrap_or_default();
        u8::from_str_radix(text, 2).ok().and_then(|n| char::from_digit(n.into(), 16)).unwrap_or('x')
    };
    let digits: String = padded.as_bytes().chunks(4).map(digit).collect();
    match digits.len() {
        0..=20 => digits,
        n => format!("{}..{}", &digits[..8], &digits[n - 8..]),
    }
}

/// A save file of GTKWave: the waveform, the signals, the beginnings of operations about `cycle` as named markers, the difference under
/// the primary one. Format: lines as GTKWave 3.3 writes them (its `savefile.c`).
pub fn gtkw(
    dump: &str,
    signals: &[Signal],
    names: &Names,
    spans: &[Span],
    window: Range<u64>,
    cycle: u64,
) -> String {
    let mut begins: Vec<&Span> = spans.iter().filter(|s| window.contains(&s.cycles.start)).collect();
    begins.sort_by_key(|span| span.cycles.start.abs_diff(cycle));
    begins.truncate(MARKERS);
    begins.sort_by_key(|span| span.cycles.start);
    let mut text =
        format!("[dumpfile] \"{dump}\"\n[timestart] {}\n*-5.0 {}", window.start * CYCLE, cycle * CYCLE);
    for i in 0..MARKERS {
        let _ = write!(text, " {}", begins.get(i).map_or(-1, |span| (span.cycles.start * CYCLE) as i64));
    }
    text.push('\n');
    for (letter, span) in ('A'..='Z').zip(&begins) {
        let (part, instruction) = names.of(span.program, span.index);
        let operation = instruction.split(' ').next().unwrap_or_default();
        let _ = writeln!(text, "[markername] {letter}{} {operation}, {part}", span.index);
    }
    for signal in signals {
        let _ = writeln!(text, "{}\n{}", if signal.width == 1 { "@28" } else { "@22" }, signal.path);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(path: &str, values: &[&str]) -> Signal {
        Signal {
            path: path.into(),
            width: values[0].len() as u32,
            values: values.iter().map(|v| v.to_string()).collect(),
        }
    }

    #[test]
    fn waveforms_are_text() {
        let signals = [
            signal("TOP.sterna.lanes.out_valid", &["0", "1", "1", "x"]),
            signal("TOP.sterna.lanes.lane0.z[31:0]", &["00000101", "00000101", "11110000", "11111111"]),
        ];
        insta::assert_snapshot!(waveform(&signals, 10..14, 12), @r"
        cycles 10 to 13; ! marks cycle 12
                               !
        lanes.out_valid      ▁██?
        lanes.lane0.z[31:0]  10: 05  12: f0  13: ff
        ");
        assert_eq!(hex("101"), "5");
        assert_eq!(hex(&"10".repeat(64)), "aaaaaaaa..aaaaaaaa");
        assert_eq!(hex("x1"), "x");
    }

    #[test]
    fn markers_are_those_about_the_difference() {
        let spans: Vec<Span> = (0..40)
            .map(|i| Span { program: 0, index: i, cycles: u64::from(10 * i)..u64::from(10 * i + 10) })
            .collect();
        let text = gtkw(
            "d.fst",
            &[signal("TOP.sterna.keep.w_valid", &["0"])],
            &Names::default(),
            &spans,
            5..400,
            300,
        );
        assert!(text.starts_with("[dumpfile] \"d.fst\"\n[timestart] 50\n*-5.0 3000 1400 1500 "), "{text}");
        assert!(
            text.contains("[markername] A14 fetch, step\n") && text.contains("[markername] Z39 "),
            "{text}"
        );
        assert!(text.ends_with("@28\nTOP.sterna.keep.w_valid\n"), "{text}");
    }
}
