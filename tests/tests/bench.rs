//! `sterna bench`: what it prints agrees with the device's counters, its extrapolation with a whole run, its report with both.

use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sterna_host::bench::page::page;
use sterna_host::bench::report::Report;
use sterna_host::bench::{Bench, Outcome, Test, run};
use sterna_host::compile;
use sterna_sim::{Activity, Options, SimDevice};
use sterna_spec::config::Config;
use sterna_spec::golden::Golden;
use sterna_tests::{programs, random_model, tiny};

fn options(draft: Option<u8>) -> compile::Options {
    compile::Options { context: 12, sequences: 2, planes: None, draft }
}

const TESTS: [Test; 3] = [
    Test { prompt: 5, generate: 0, depth: 0, parallel: 1 },
    Test { prompt: 0, generate: 2, depth: 8, parallel: 1 },
    Test { prompt: 0, generate: 2, depth: 8, parallel: 2 },
];

#[test]
fn sterna_bench_prints_what_the_device_counted() {
    let folder = tempfile::tempdir().unwrap();
    let sterna = |args: &[&str]| {
        let mut command = Command::new(programs::sterna());
        command.args(["bench", "-p", "3", "-n", "1", "-d", "16"]).args(args).current_dir(programs::root());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let report = folder.path().join("report");
    let text = sterna(&["--json", "--check", "--report", &report.to_string_lossy()]);
    let lines: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = lines.as_array().unwrap().iter().map(|line| line["test"].as_str().unwrap()).collect();
    assert_eq!(names, ["pp3", "tg1 @ d16"]);
    for line in lines.as_array().unwrap() {
        let number = |name: &str| line[name].as_f64().unwrap_or_else(|| panic!("{name}"));
        let stalls: f64 = line["stalls"].as_object().unwrap().values().map(|n| n.as_f64().unwrap()).sum();
        assert_eq!(stalls, number("cycles"), "every cycle has one cause");
        let rate = number("tokens") * number("clock_mhz") * 1e6 / number("cycles");
        assert!((number("tokens_per_second") - rate).abs() < 1e-6 * rate);
        let share = (number("bytes_read") + number("bytes_written")) / (8.0 * number("cycles"));
        assert!((number("memory_utilization") - share).abs() < 1e-9, "tiny's memory carries 8 bytes a cycle");
        let bits = number("effective_bits_per_weight");
        assert!(bits > 1.6 && bits < 1.8, "{bits}");
        assert_eq!(line["extrapolated"], Value::Bool(false));
    }
    assert!(lines[0]["seconds_to_first_token"].as_f64() > Some(0.0));
    assert!(lines[1].get("seconds_to_first_token").is_none());
    let html = std::fs::read_to_string(report.join("report.html")).unwrap();
    assert!(html.contains("tg1 @ d16") && !html.contains("<script") && !html.contains("http"));
    let json: Value = serde_json::from_slice(&std::fs::read(report.join("report.json")).unwrap()).unwrap();
    assert_eq!(json[1]["cycles"], lines[1]["cycles"], "observing changes nothing");
}

/// All tests on a device.
fn outcomes(bench: &Bench, device: impl sterna_spec::device::Device) -> Vec<Outcome> {
    let mut driver = bench.load(Box::new(device), |_, _| {}).unwrap();
    TESTS.iter().map(|test| run(&mut driver, test, |_, _| {}).unwrap()).collect()
}

#[test]
fn layers_that_are_left_out_are_extrapolated_well() {
    let config = tiny();
    let bench = |layers| {
        Bench::new(&mut random_model(3, &config, 6), layers, &config, &options(None), |_, _| {}).unwrap()
    };
    let sim = |layers| outcomes(&bench(layers), SimDevice::new(&config, &Options::default()).unwrap());
    let (two, three, six) = (sim(2), sim(3), sim(6));
    for ((few, more), all) in two.iter().zip(&three).zip(&six) {
        let (guess, real) = (more.extrapolate(few, 3).counters(), all.counters());
        for name in ["CYCLES", "STREAM_BEATS", "WRITE_BEATS"] {
            let (guess, real) = (guess.get(name) as f64, real.get(name) as f64);
            assert!((guess - real).abs() <= 0.02 * real, "{name}: {guess} instead of {real}");
        }
    }
    let golden = outcomes(&bench(6), Golden::new(&config));
    assert!(golden.iter().zip(&six).all(|(a, b)| a.tokens == b.tokens), "golden model finds the same tokens");
}

#[test]
fn the_report_accounts_for_every_cycle_and_byte() {
    accounts(None);
    accounts(Some(2));
}

fn accounts(draft: Option<u8>) {
    let config = Config { probe: true, ..tiny() };
    let bench = Bench::new(&mut random_model(3, &config, 2), 2, &config, &options(draft), |_, _| {}).unwrap();
    let activity = Arc::<Mutex<Activity>>::default();
    let options = Options { activity: Some(activity.clone()), ..Options::default() };
    let mut driver = bench.load(Box::new(SimDevice::new(&config, &options).unwrap()), |_, _| {}).unwrap();
    let mut reports = Vec::new();
    for test in &TESTS {
        activity.lock().unwrap().clear();
        let outcome = run(&mut driver, test, |_, _| {}).unwrap();
        let report = Report::new(&bench, "random <&>", test, &outcome, &activity.lock().unwrap());
        let counters = outcome.counters();
        let cycles = counters.get("CYCLES");
        assert_eq!(report.cycles, cycles);
        // the device's counters restart in the first cycle of a step, which is observed too
        let steps = outcome.steps.len() as u64;
        let asking = if test.prompt > 0 { 1 } else { steps };
        let observed = cycles + steps + draft.map_or(0, |_| asking);
        assert_eq!(report.bytes.contains_key("second pass of the head"), draft.is_some());
        assert_eq!(report.operations.iter().map(|of| of.cycles).sum::<u64>(), observed);
        assert_eq!(report.parts.iter().flat_map(|part| &part.cycles).sum::<u64>(), observed);
        assert_eq!(report.causes.values().sum::<u64>(), cycles);
        let bytes: u64 = report.bytes.values().sum();
        let moved = (counters.beats_read() + counters.get("WRITE_BEATS")) * config.beat_bytes() as u64;
        assert!(bytes.abs_diff(moved) <= moved / 50, "{bytes} of {moved} bytes have a name");
        assert!(report.roofline.reached <= report.roofline.compute);
        assert!(report.operations.iter().all(|of| !of.limit.is_empty()));
        let shown: u64 = report.ports.read.iter().flatten().sum();
        assert!(shown <= moved && shown > moved / 2, "{shown} of {moved} bytes are in whole windows");
        reports.push(report);
    }
    let html = page(&reports);
    assert!(html.contains("random &lt;&amp;&gt;") && !html.contains("NaN") && !html.contains("inf"));
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert_eq!(html.matches("<h2>").count(), TESTS.len());
}
