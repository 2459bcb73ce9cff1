//! Icarus Verilog as a second simulator: the core computes what the golden model computes, every answer of a register and all of memory.
//! Registers and memories start with random bits, as on a board: with unknown ones, which Icarus Verilog has too, the selection stays
//! unknown, because it does not see that any value would give the same.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::registers::{offset, status};

use crate::bench::{Bench, Row, one_row};
use crate::program::layer;

/// Words of a script that are no writes.
const WAIT: u32 = 0xffff_ffff;
const READ: u32 = 0xffff_fffe;
const END: u32 = 0xffff_fffd;
/// Beats of the test bench's memory.
const BEATS: usize = 1 << 16;

/// The golden model, what it was asked, and what registers it answered.
struct Scribe {
    golden: Golden,
    script: Vec<[u32; 2]>,
    answers: Vec<u32>,
}

impl Device for Scribe {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        let value = self.golden.read_register(at)?;
        self.script.push([READ, at]);
        self.answers.push(value);
        Ok(value)
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.script.push([at, value]);
        self.golden.write_register(at, value)
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.golden.read_memory(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.golden.write_memory(address, bytes)
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        self.script.push([WAIT, 0]);
        self.golden.wait()
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.golden.reserve_memory(bytes)
    }
}

/// Beats of 8 bytes as `$readmemh` reads them.
fn hex(bytes: &[u8]) -> String {
    let (beats, _) = bytes.as_chunks();
    beats.iter().fold(String::new(), |mut text, beat| {
        writeln!(text, "{:016x}", u64::from_le_bytes(*beat)).unwrap();
        text
    })
}

/// Verilog whose registers and memories start with random bits.
fn started(text: &str) -> String {
    let started = |line: &str| {
        let declared = line.trim_start().strip_prefix("reg ").and_then(|rest| rest.strip_suffix(';'));
        let Some(rest) = declared.filter(|rest| !rest.contains([',', '='])) else {
            return format!("{line}\n");
        };
        let last_word = |text: &str| text.rsplit(' ').next().unwrap_or(text).to_string();
        match rest.split_once(" [0:") {
            None => format!("{line}\ninitial {} = $random;\n", last_word(rest)),
            Some((name, last)) => {
                let (name, last) = (last_word(name), last.trim_end_matches(']'));
                let each = format!("at_{name} = 0; at_{name} <= {last}; at_{name} = at_{name} + 1");
                format!("{line}\ninteger at_{name};\ninitial for ({each}) {name}[at_{name}] = $random;\n")
            }
        }
    };
    text.lines().map(started).collect()
}

fn tool(folder: &Path, name: &str, args: &[&str]) -> String {
    let output =
        Command::new(name).args(args).current_dir(folder).output().unwrap_or_else(|e| panic!("{name}: {e}"));
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && error.is_empty(), "{name}: {out}{error}");
    out.into_owned()
}

/// What Icarus Verilog prints and leaves in memory for a script.
fn icarus(verilog: &[(String, String)], before: &[u8], script: &[[u32; 2]]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    verilog.iter().for_each(|(name, text)| put(name, &started(text)));
    put("bench.v", include_str!("second.v"));
    put("before.hex", &hex(before));
    let lines = script.iter().chain(&[[END, 0]]).map(|[at, value]| format!("{at:08x}{value:08x}\n"));
    put("script.hex", &lines.collect::<String>());
    let names: Vec<&str> = verilog.iter().map(|(name, _)| name.as_str()).collect();
    let (at, words) = (format!("-DSTATUS={}", offset::STATUS), format!("-DWORDS={}", script.len() + 1));
    let args = [&["-g2001", &at, &words, "-o", "bench.vvp", "-s", "bench", "bench.v"], &names[..]].concat();
    tool(folder.path(), "iverilog", &args);
    let shown = tool(folder.path(), "vvp", &["-n", "bench.vvp"]);
    println!("{}", shown.lines().last().unwrap_or_default());
    let after = fs::read_to_string(folder.path().join("after.hex")).unwrap();
    let words = |text: &str, end: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("//") && !line.ends_with(end));
        lines.map(|line| line.to_lowercase()).collect()
    };
    (words(&shown, "cycles"), words(&after, "cycles"))
}

#[test]
fn a_second_simulator_agrees_with_the_golden_model() {
    agrees(&[(3, 9, true)]);
}

#[test]
#[ignore = "some hundred cycles a second"]
fn a_second_simulator_agrees_step_by_step() {
    agrees(&[(5, 10, false), (3, 9, true), (7, 11, true)]);
}

/// Steps of one row: token, position, and whether it asks for logits.
fn agrees(steps: &[(u32, u32, bool)]) {
    assert_eq!(status::BUSY, 1, "the bit that the test bench looks at");
    let config = Config { probe: false, ..one_row() };
    let bench = Bench::new(&config);
    let mut scribe = Scribe { golden: Golden::new(&config), script: Vec::new(), answers: Vec::new() };
    bench.prepare(&mut scribe, 41).unwrap();
    bench.load(&mut scribe, &layer(&config, 41)).unwrap();
    let mut before = vec![0; bench.memory_bytes() as usize];
    scribe.read_memory(0, &mut before).unwrap();
    let mut selections = 0;
    for &(token, position, logits) in steps {
        let error = bench.step(&mut scribe, &[Row { token, position, logits }]).unwrap();
        assert_eq!(error, 0);
        for i in 0..if logits { 2 * config.top_k } else { 0 } {
            scribe.read_register(offset::TOPK + 4 * i).unwrap();
            selections += 1;
        }
    }
    let mut after = before.clone();
    scribe.read_memory(0, &mut after).unwrap();
    assert!(after != before && selections > 0);
    // nothing unknown is read behind the end
    before.resize(8 * BEATS, 0);
    after.resize(8 * BEATS, 0);

    let files = sterna_hdl::emit(&config).unwrap().into_iter();
    let verilog: Vec<(String, String)> = files.filter(|(name, _)| name.ends_with(".v")).collect();
    let (answers, memory) = icarus(&verilog, &before, &scribe.script);
    let wanted: Vec<String> = scribe.answers.iter().map(|answer| format!("{answer:08x}")).collect();
    assert_eq!(answers, wanted, "registers");
    let wanted = hex(&after);
    let differ = memory.iter().zip(wanted.lines()).position(|(have, want)| have != want);
    assert_eq!((differ, memory.len()), (None, BEATS), "the first beat of memory that differs");
}
