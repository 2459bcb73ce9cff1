//! Faults in the Verilog of `tiny`: the report names the block, and waveform and markers show the place.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sterna_host::compile::{Options, compile};
use sterna_host::debug;
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_host::trace::Names;
use sterna_sim::{Activity, Format, Lockstep, Mismatch, SimDevice, Trace};
use sterna_spec::config::Config;
use sterna_tests::{random_model, tiny};
use verilated::Source;

/// A fault: module file, what stands there, what stands there instead, and the block that is to be named.
type Fault = (&'static str, &'static str, &'static str, &'static str);

const FAULTS: [Fault; 7] = [
    ("matmul_accumulator", "total_q <= base_0 +", "total_q <= base_0 -", "engine"),
    ("attention_softmax", "sum <= sum +", "sum <= sum -", "attend"),
    ("store", "s4_data <= s3_data", "s4_data <= ~s3_data", "keep"),
    ("topk", "32'h80000000", "32'h80000001", "select"),
    ("attention_dot", "key_s0_t1_0} +", "key_s0_t1_0} -", "attend"),
    ("f32_to_int16", "s2_sign <= s1_sign", "s2_sign <= ~s1_sign", "lanes"),
    ("matmul_negatives", "signs_q <= negative", "signs_q <= ~negative", "engine"),
];

/// The Verilog of `config` with the first such place of a module changed.
fn with(config: &Config, &(module, from, to, _): &Fault) -> Source {
    let mut files = sterna_hdl::emit(config).unwrap();
    let (_, text) = files.iter_mut().find(|(name, _)| name.starts_with(module)).unwrap();
    let at = text.find("endmodule").and_then(|_| text.find(");")).unwrap();
    let place = text[at..].find(from).unwrap_or_else(|| panic!("{module} has no `{from}`")) + at;
    text.replace_range(place..place + from.len(), to);
    let verilog = files.into_iter().filter(|(name, _)| name.ends_with(".v"));
    verilog.fold(Source::new("sterna"), |source, (name, text)| source.file(name, text))
}

/// A few tokens; the difference that stopped them.
fn difference(image: &Image, device: SimDevice) -> Option<Mismatch> {
    let place = Arc::new(Mutex::new(None));
    let mut both = Lockstep::from_parts(device, 0);
    both.share_mismatch(place.clone());
    let mut session = Session::new(Box::new(both), image.clone()).unwrap();
    let stopped = [&[1, 2, 3][..], &[4], &[5]].iter().any(|tokens| session.prefill(tokens).is_err());
    let found = place.lock().unwrap().take();
    assert_eq!(stopped, found.is_some());
    found
}

fn names_the_block(faults: &[Fault]) {
    let config = Config { probe: true, ..tiny() };
    let image =
        compile(&random_model(5, &config, 2), &tiny(), &Options { context: 64, ..Options::default() })
            .unwrap();
    for fault in faults {
        let options = sterna_sim::Options::default();
        let device = SimDevice::from_source(&config, &with(&config, fault), &options).unwrap();
        let mismatch = difference(&image, device).unwrap_or_else(|| panic!("{fault:?} is not found"));
        assert_eq!(mismatch.block, fault.3, "{fault:?}\n{mismatch}");
    }
}

#[test]
fn a_fault_is_found_in_its_block() {
    names_the_block(&FAULTS[..2]);
}

#[test]
#[ignore = "takes some minutes"]
fn more_faults_are_found_in_their_blocks() {
    names_the_block(&FAULTS[2..]);
}

/// What `sterna debug` shows of a fault.
#[test]
fn a_fault_is_shown() {
    let config = Config { probe: true, ..tiny() };
    let image =
        compile(&random_model(5, &config, 2), &tiny(), &Options { context: 64, ..Options::default() })
            .unwrap();
    let source = with(&config, &FAULTS[0]);
    let device = |trace, activity| {
        let options = sterna_sim::Options { trace, activity, ..sterna_sim::Options::default() };
        SimDevice::from_source(&config, &source, &options).unwrap()
    };
    let mismatch = difference(&image, device(None, None)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("difference.fst");
    let about = |before: u64, after: u64| -> Range<u64> {
        mismatch.cycle.saturating_sub(before)..mismatch.cycle + after
    };
    let activity = Arc::new(Mutex::new(Activity::with_timeline()));
    let trace = Trace { path: path.clone(), format: Format::Fst, cycles: about(1000, 20) };
    assert_eq!(difference(&image, device(Some(trace), Some(activity.clone()))).as_ref(), Some(&mismatch));
    shown(&image, &mismatch, &path, about(1000, 20), &activity.lock().unwrap());
}

fn shown(image: &Image, mismatch: &Mismatch, path: &Path, window: Range<u64>, activity: &Activity) {
    let cycles = mismatch.cycle - 10..mismatch.cycle + 4;
    let signals = debug::signals(path, mismatch, cycles.clone()).unwrap();
    let named = |end: &str| signals.iter().find(|s| s.path.split('[').next().unwrap().ends_with(end));
    // the signal of the report holds the wrong value at the report's cycle, or a few before: it was observed behind registers
    let data = named("engine.acc_data").unwrap_or_else(|| panic!("{signals:?}"));
    assert!(data.width > 32 && data.values.windows(2).any(|v| v[0] != v[1]), "{data:?}");
    assert!(named("engine.start").is_some_and(|s| s.width == 1 && s.values.len() == 14), "{signals:?}");
    let text = debug::waveform(&signals, cycles, mismatch.cycle);
    assert!(text.contains('!') && text.contains("engine.acc_data"), "{text}");
    let spans = activity.timeline.as_ref().unwrap();
    let save = debug::gtkw("difference.fst", &signals, &Names::new(image), spans, window, mismatch.cycle);
    assert!(save.contains("[markername] A") && save.contains("matmul, layer "), "{save}");
    println!("{mismatch}\n{text}\n{save}");
}
