//! The doctor at the end of a line: a device with one thing wrong fails in one check, and in no other.

use super::broken::Broken;
use super::line::{AT_ONCE, Line, Rates};
use super::{MEMORY, tiny};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use sterna_host::doctor::device::{Thoroughness, serial};
use sterna_host::doctor::{Check, Outcome};
use sterna_host::serial::Serial;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_spec::golden::bridge::Bridge;
use sterna_spec::registers::{VERSION, offset};

const CLOCK: f64 = 50e6;

/// A device in order.
fn stand(config: &Config) -> Bridge<Broken> {
    let mut stand = Bridge::new(Broken::new(Golden::new(config)), MEMORY);
    stand.cycles = Some(counter(CLOCK));
    stand
}

/// Counts cycles of this machine's time.
fn counter(hz: f64) -> Box<dyn FnMut() -> u32 + Send> {
    let start = Instant::now();
    Box::new(move || (start.elapsed().as_secs_f64() * hz) as u64 as u32)
}

/// All checks of a device; its memory must be as it was but for what the self-test overwrites.
fn examine(mut stand: Bridge<Broken>, rates: Rates, named: Option<&Config>, whole: bool) -> Vec<Check> {
    let before: Vec<u8> = (0..MEMORY).map(|i| ((i * 5) >> 3) as u8).collect();
    stand.device.golden.write_memory(0, &before).unwrap();
    let board = Arc::new(Mutex::new(stand));
    let mut device = Serial::over(Box::new(Line::new(&board, rates, 3)), "line", AT_ONCE).unwrap();
    board.lock().unwrap().line_errors = 0x0002_0003; // seen before: not ours
    let mut windows = 0;
    let progress = &mut |_, all| windows = all;
    let all = serial(&mut device, named, &mut Thoroughness { whole, progress });
    assert_eq!(windows, if whole { 1024 } else { 8 });
    let mut after = vec![0; before.len()];
    board.lock().unwrap().device.golden.read_memory(0, &mut after).unwrap();
    let first = before.iter().zip(&after).rposition(|(a, b)| a != b).map_or(0, |at| at + 1);
    assert!(first < 60_000, "changed up to {first:#x}");
    all
}

/// The names of the checks that did not pass, and what the first of them says.
fn troubles(all: &[Check]) -> (Vec<&str>, String) {
    let bad: Vec<_> = all.iter().filter(|check| check.outcome != Outcome::Pass).collect();
    (
        bad.iter().map(|check| &*check.name).collect(),
        bad.first().map_or(String::new(), |check| check.to_string()),
    )
}

#[test]
fn a_device_in_order_passes() {
    for config in [tiny(), Config { rows: 3, ..tiny() }] {
        let named = (config != tiny()).then_some(&config);
        let all = examine(stand(&config), Rates::default(), named, named.is_some());
        let names: Vec<_> = all.iter().map(|check| &*check.name).collect();
        assert_eq!(names, ["device", "configuration", "clock", "memory", "self-test", "line"]);
        assert_eq!(troubles(&all), (vec![], String::new()));
    }
}

#[test]
fn a_wrong_bitstream_is_named() {
    let other = Config { rows: 3, ..tiny() };
    let all = examine(stand(&other), Rates::default(), Some(&tiny()), false);
    let (names, said) = troubles(&all);
    assert_eq!(names, ["configuration", "self-test"]);
    let hashes =
        format!("hash {:016x}, but `tiny` has {:016x}; load the bitstream", other.hash(), tiny().hash());
    assert!(said.contains(&hashes), "{said}");
    let all = examine(stand(&other), Rates::default(), None, false);
    let (names, said) = troubles(&all);
    assert!(
        names == ["configuration", "self-test"] && said.contains("that of no preset; name its file"),
        "{said}"
    );
    let mut foreign = stand(&tiny());
    foreign.device.wrong = Some(offset::ID);
    let said = troubles(&examine(foreign, Rates::default(), None, false)).1;
    let wanted =
        format!("the core has id 0x4e525452 and version {VERSION} instead of 0x4e525453 and {VERSION}");
    assert!(said.contains(&wanted), "{said}");
}

#[test]
fn a_slow_clock_is_measured() {
    for share in [0.2, 5.0] {
        let mut slow = stand(&tiny());
        slow.cycles = Some(counter(CLOCK * share));
        let all = examine(slow, Rates::default(), None, false);
        let (names, said) = troubles(&all);
        assert_eq!(names, ["clock"], "{said}");
        assert!(
            said.contains("CYCLES counts at ") && said.contains("built for 50.000 MHz; check oscillator"),
            "{said}"
        );
    }
}

#[test]
fn a_bad_bit_of_memory_is_found() {
    let mut bad = stand(&tiny());
    bad.device.stuck = u64::from(MEMORY) - 100;
    let all = examine(bad, Rates::default(), None, false);
    let (names, said) = troubles(&all);
    assert_eq!(names, ["memory"], "{said}");
    assert!(said.contains("data: byte 0xfff9c reads") && said.contains("(bits 0x01, seed 1)"), "{said}");
    // between the windows only the whole test sees it
    let between = |whole| {
        let mut bad = stand(&tiny());
        bad.device.stuck = 400_003; // its bit is 1, and can be put back
        troubles(&examine(bad, Rates::default(), None, whole)).0.len()
    };
    assert_eq!((between(false), between(true)), (0, 1));
    let mut bad = stand(&tiny());
    bad.device.aliased = Some(18);
    let all = examine_without_looking(bad);
    let (names, said) = troubles(&all);
    assert_eq!(names, ["memory"], "{said}");
    assert!(said.contains("address lines: byte 0x0 reads"), "{said}");
}

/// A device whose memory cannot be put back as it was.
fn examine_without_looking(stand: Bridge<Broken>) -> Vec<Check> {
    let board = Arc::new(Mutex::new(stand));
    let mut device = Serial::over(Box::new(Line::new(&board, Rates::default(), 3)), "line", AT_ONCE).unwrap();
    serial(&mut device, None, &mut Thoroughness { whole: false, progress: &mut |_, _| {} })
}

#[test]
fn a_wrong_result_is_found() {
    let mut wrong = stand(&tiny());
    wrong.device.wrong = Some(offset::TOPK + 4);
    let all = examine(wrong, Rates::default(), None, false);
    let (names, said) = troubles(&all);
    assert_eq!(names, ["self-test"], "{said}");
    assert!(said.contains("word of the selections 1 is 0x"), "{said}");
}

#[test]
fn a_lossy_line_is_measured() {
    let all = examine(stand(&tiny()), Rates::all(5e-5), None, false);
    let (names, said) = troubles(&all);
    assert_eq!(names, ["line"], "{said}");
    assert!(said.contains("requests, repeated: ") && said.contains("take a better cable"), "{said}");
}

#[test]
fn a_line_that_breaks_off_ends_the_examination() {
    let board = Arc::new(Mutex::new(stand(&tiny())));
    let mut line = Line::new(&board, Rates::default(), 3);
    line.length = 20_000;
    let mut device = Serial::over(Box::new(line), "line", AT_ONCE).unwrap();
    let all = serial(&mut device, None, &mut Thoroughness { whole: false, progress: &mut |_, _| {} });
    let (names, said) = troubles(&all);
    assert_eq!(names, ["memory", "self-test", "line"]);
    assert!(said.contains("line is gone (broken pipe); plug it in"), "{said}");
}

/// Exit code, checks by name, standard error.
fn doctor(device: Option<&str>) -> (i32, serde_json::Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sterna"));
    command.args(["doctor", "--json"]).args(device.iter().flat_map(|device| ["--device", device]));
    let output = command.output().unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), value, String::from_utf8(output.stderr).unwrap())
}

/// The outcomes of the checks of a device.
fn outcomes(value: &serde_json::Value) -> Vec<String> {
    let all = value["checks"].as_array().unwrap();
    let own = all.iter().skip_while(|check| check["name"] != "device");
    own.map(|check| format!("{} {}", check["outcome"].as_str().unwrap(), check["name"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_command_examines_devices_here() {
    let mut devices = vec!["golden:tiny", "golden:kv260"];
    devices.extend(cfg!(feature = "sim").then_some("sim:tiny"));
    for device in devices {
        let (_, value, error) = doctor(Some(device));
        assert_eq!(
            outcomes(&value),
            ["pass device", "pass configuration", "skip clock", "pass memory", "pass self-test", "skip line"],
            "{error}"
        );
        assert!(value["checks"].as_array().unwrap().len() >= 13, "tools and ports stand before");
    }
}

#[test]
fn the_command_examines_boards_and_says_what_is_absent() {
    let board = Arc::new(Mutex::new(stand(&tiny())));
    let place = format!("tcp:{}", super::ends::socket(&board, super::ends::Script::default()));
    let (_, value, error) = doctor(Some(&place));
    assert_eq!(
        outcomes(&value),
        ["pass device", "pass configuration", "pass clock", "pass memory", "pass self-test", "pass line"],
        "{error}"
    );
    let (code, value, error) = doctor(Some("uart:/dev/no"));
    let skipped =
        ["configuration", "clock", "memory", "self-test", "line"].map(|name| format!("skip {name}"));
    assert_eq!(outcomes(&value), [&["fail device".to_string()][..], &skipped].concat());
    assert!(code == 1 && error.contains("checks failed: "), "{error}");
    assert_eq!(value["failed"].as_array().unwrap().last().unwrap(), "device");
    let (code, _, error) = doctor(Some("replay:no"));
    assert!(code == 1 && error.starts_with("error: a recording is no device to examine"), "{error}");
    let (_, value, _) = doctor(None);
    assert!(outcomes(&value).is_empty() && value["checks"][0]["name"] == "verilator");
}
