//! Trace files hold the signals and the cycles asked for, and no others.

mod common;

use std::path::Path;

use common::{probe, traced};
use verilated::{Format, Init, Model};

/// The time stamps of a VCD file.
fn times(path: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| line.strip_prefix('#')?.parse().ok()).collect()
}

/// Two time stamps for each cycle.
fn stamps(cycles: std::ops::Range<u64>) -> Vec<u64> {
    cycles.flat_map(|cycle| [10 * cycle, 10 * cycle + 5]).collect()
}

#[test]
fn a_vcd_holds_the_window_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut model = traced(Format::Vcd).model(Init::Zero).unwrap();
    model.trace(path("first.vcd"), Format::Vcd, 3..7).unwrap();
    model.tick(20).unwrap();
    let text = std::fs::read_to_string(path("first.vcd")).unwrap();
    for signal in ["clk", "d600 [599:0]", "q33 [32:0]", "cycles [31:0]", "never [63:0]"] {
        assert!(text.contains(&format!(" {signal} $end")), "no signal {signal} in {text}");
    }
    // Closed at the end of the window, while the model lives.
    assert_eq!(times(&path("first.vcd")), stamps(3..7));

    // A window that has begun starts now; one that is not over ends with trace_end, the next trace or drop.
    model.trace(path("second.vcd"), Format::Vcd, 0..22).unwrap();
    model.tick(1).unwrap();
    model.trace(path("third.vcd"), Format::Vcd, 0..100).unwrap();
    model.tick(1).unwrap();
    model.trace_end();
    model.tick(1).unwrap();
    model.trace(path("fourth.vcd"), Format::Vcd, 24..100).unwrap();
    model.tick(3).unwrap();
    drop(model);
    assert_eq!(times(&path("second.vcd")), stamps(20..21));
    assert_eq!(times(&path("third.vcd")), stamps(21..22));
    assert_eq!(times(&path("fourth.vcd")), stamps(24..26));
}

/// Runs 2000 cycles with changing inputs and traces the window.
fn fst_bytes(path: &Path, window: std::ops::Range<u64>) -> Vec<u8> {
    let mut model: Model = traced(Format::Fst).model(Init::Zero).unwrap();
    let d64 = model.port("d64").unwrap();
    model.trace(path, Format::Fst, window).unwrap();
    for cycle in 0..2000_u64 {
        model.set(d64, cycle.wrapping_mul(0x9E37_79B9_7F4A_7C15)).unwrap();
        model.tick(1).unwrap();
    }
    std::fs::read(path).unwrap()
}

#[test]
fn an_fst_holds_the_window_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let short = fst_bytes(&folder.path().join("short.fst"), 100..110);
    let long = fst_bytes(&folder.path().join("long.fst"), 100..1900);
    // FST's header block: type 0, length 329, then the first and the last time, all big-endian 64 bits.
    let number = |bytes: &[u8], at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
    for (bytes, first, last) in [(&short, 1000, 1095), (&long, 1000, 18995)] {
        assert_eq!((bytes[0], number(bytes, 1)), (0, 329), "not an FST file");
        assert_eq!((number(bytes, 9), number(bytes, 17)), (first, last));
    }
    assert!(long.len() > 4 * short.len(), "{} and {} bytes", long.len(), short.len());
}

#[test]
fn mistakes_with_traces_are_named() {
    let mut fast = probe().model(Init::Zero).unwrap();
    let said = |result: Result<(), verilated::Error>| result.unwrap_err().to_string();
    assert_eq!(
        said(fast.trace("x.vcd", Format::Vcd, 0..1)),
        "a Vcd trace was asked for, but the design was built without tracing: set Options::trace to Some(Format::Vcd)"
    );
    let mut model = traced(Format::Vcd).model(Init::Zero).unwrap();
    assert_eq!(
        said(model.trace("x.fst", Format::Fst, 0..1)),
        "a Fst trace was asked for, but the design was built for Vcd: set Options::trace to Some(Format::Fst)"
    );
    model.tick(5).unwrap();
    assert_eq!(
        said(model.trace("x.vcd", Format::Vcd, 2..5)),
        "cannot trace to x.vcd: the window 2..5 holds no cycle from the current one, 5, on"
    );
    let nowhere = said(model.trace("/nowhere/x.vcd", Format::Vcd, 5..6));
    assert_eq!(nowhere, "cannot trace to /nowhere/x.vcd: No such file or directory (os error 2)");
}
