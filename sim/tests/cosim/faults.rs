//! Faults at run time: each ends in a documented error that names who raised it, and the device works after it.

use sterna_sim::{Lockstep, SimDevice, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_spec::registers::{ErrorCode, control, offset, status};

use crate::bench::{Bench, Row, four_rows, one_row, options};
use crate::program::layer;

const FINE: Row = Row { token: 1, position: 4, logits: true };

/// A device with a program in it.
fn ready(config: &Config, seed: u64) -> (Bench, SimDevice) {
    let config = Config { probe: true, ..config.clone() };
    let bench = Bench::new(&config);
    let mut device = SimDevice::new(&config, &options(seed, Stalls::all(20))).unwrap();
    bench.prepare(&mut device, seed).unwrap();
    bench.load(&mut device, &layer(&config, seed)).unwrap();
    (bench, device)
}

/// The KV caches, results and selection that a good step leaves.
fn result(bench: &Bench, device: &mut impl Device) -> (Vec<u8>, Vec<u32>) {
    let width = u64::from(bench.config.port_bytes);
    let mut bytes = Vec::new();
    for base in &bench.bases {
        let mut part = vec![0; (u64::from(bench.program - bench.kv) * width) as usize];
        device.read_memory(base + u64::from(bench.kv) * width, &mut part).unwrap();
        bytes.extend(part);
    }
    let pairs = (0..2 * bench.config.top_k).map(|i| device.read_register(offset::TOPK + 4 * i).unwrap());
    (bytes, pairs.collect())
}

/// Reset at many moments of a step; what follows is a step like any other.
#[test]
fn a_reset_in_the_middle_of_a_step_leaves_a_usable_device() {
    let (bench, mut device) = ready(&one_row(), 21);
    let mut golden = Golden::new(&bench.config);
    bench.prepare(&mut golden, 21).unwrap();
    bench.load(&mut golden, &layer(&bench.config, 21)).unwrap();
    assert_eq!(bench.step(&mut golden, &[FINE]).unwrap(), 0);
    let wanted = result(&bench, &mut golden);
    for moment in [1, 40, 333, 900, 1500, 2700] {
        device.write_register(offset::ROWS, 1).unwrap();
        device.write_register(offset::CONTROL, control::START).unwrap();
        device.run(moment).unwrap();
        assert_eq!(
            device.read_register(offset::STATUS).unwrap(),
            status::BUSY,
            "the step is over after {moment} cycles"
        );
        device.reset().unwrap();
        assert_eq!(device.read_register(offset::STATUS).unwrap(), 0);
        bench.prepare(&mut device, 21).unwrap();
        bench.load(&mut device, &layer(&bench.config, 21)).unwrap();
        assert_eq!(bench.step(&mut device, &[FINE]).unwrap(), 0, "after a reset in cycle {moment}");
        assert!(result(&bench, &mut device) == wanted, "a reset in cycle {moment} changed the step after it");
    }
}

/// A memory that refuses reads in the middle of a program, or writes.
#[test]
fn refused_accesses_have_codes_and_the_device_goes_on() {
    for (region, code) in [("program", ErrorCode::ReadResponse), ("results", ErrorCode::WriteResponse)] {
        let (bench, mut device) = ready(&one_row(), 22);
        let first = if region == "program" { bench.program + 100 } else { bench.results };
        let at = u64::from(first) * bench.config.beat_bytes() as u64;
        device.memory().refuse(at..at + 64);
        let error = bench.step(&mut device, &[FINE]).unwrap();
        assert_eq!(error & 0xff, code as u32, "{region}");
        let block = error >> 8 & 0xff;
        assert_eq!(block, if region == "program" { 2 } else { 3 }, "block of {region}");
        device.memory().serve_all();
        assert_eq!(bench.step(&mut device, &[FINE]).unwrap(), 0, "after a refusal in {region}");
    }
}

/// A port that stops answering: the report says who waits, and for whom.
#[test]
fn a_port_that_stops_is_named() {
    let (bench, mut device) = ready(&four_rows(), 23);
    device.memory().stop_port(2);
    let error = bench.step(&mut device, &[FINE]).unwrap_err().to_string();
    println!("{error}");
    assert!(error.contains("watchdog") && error.contains("port 2 has stopped and owes"), "{error}");
    assert!(error.contains("it counts ") && !error.contains("no cause"), "{error}");
}

/// Writes stay where KV caches and results lie; with a smaller region the first other one stops the run.
#[test]
fn writes_stay_in_their_regions() {
    let config = one_row();
    let bench = Bench::new(&config);
    let beat = config.beat_bytes() as u64;
    let region = |from: u32, to: u32| u64::from(from) * beat..u64::from(to) * beat;
    let run = |from: u32| {
        let mut both = Lockstep::new(&config, &options(24, Stalls::NONE)).unwrap();
        bench.prepare(&mut both, 24).unwrap();
        bench.load(&mut both, &layer(&config, 24)).unwrap();
        both.allow_writes(region(from, bench.program));
        bench.step(&mut both, &[FINE])
    };
    assert_eq!(run(bench.kv).unwrap(), 0);
    let error = run(bench.results).unwrap_err().to_string();
    assert!(error.contains("outside the regions that may be written"), "{error}");
}
