//! What the tests share: few models, one cache, C++ compiled with `-O0` as only behaviour is tested.

// Each test binary uses a part.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use verilated::{Design, Format, Options, Source};

/// Ports of every storage, registered and combinational, memories for initial values, and ways to stop.
pub const PROBE: &str = include_str!("probe.v");

/// The cache of all tests, kept between runs.
pub fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("verilated-cache")
}

pub fn source() -> Source {
    Source::new("probe").file("probe.v", PROBE)
}

pub fn options() -> Options {
    Options { clock: Some("clk".into()), opt_level: 0, cache: Some(cache()), ..Options::default() }
}

/// The design that most tests use.
pub fn probe() -> Design {
    Design::build(&source(), &options()).unwrap()
}

/// The design built for a trace.
pub fn traced(format: Format) -> Design {
    Design::build(&source(), &Options { trace: Some(format), ..options() }).unwrap()
}

/// Writes a shell script that can be run. A process of its own writes it: a file that this one had open for writing could still be
/// open in a child that another test thread has just forked, and then cannot be run.
pub fn script(path: &Path, text: &str) {
    let write = "printf '%s' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let done = Command::new("sh").args(["-c", write]).arg(path).arg(format!("#!/bin/sh\n{text}\n")).status();
    assert!(done.unwrap().success());
}
