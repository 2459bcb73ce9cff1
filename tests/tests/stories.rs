//! The shipped model on the simulated Verilog of `tiny`: equal to the golden model in every result, and limited by memory.

use std::path::Path;

use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::model::Model;
use sterna_host::session::{Output, Session};
use sterna_host::text::Tokenizer;
use sterna_sim::{Lockstep, SimDevice};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_tests::tiny;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/stories"))
}

fn shipped(config: &Config) -> Image {
    let model = Model::load(folder()).unwrap();
    compile(&model, config, &Options { context: 64, ..Options::default() }).unwrap()
}

fn session<'d>(device: impl Device + 'd, image: &Image) -> Session<'d> {
    Session::new(Box::new(device), image.clone()).unwrap()
}

/// Prefill, then greedy decode of `n` tokens.
fn greedy(session: &mut Session<'_>, prompt: &[u32], n: usize) -> Vec<Output> {
    session.rewind(0);
    let mut outputs = vec![session.prefill(prompt).unwrap()];
    for _ in 0..n {
        let token = outputs[outputs.len() - 1].top_k[0].0;
        outputs.push(session.prefill(&[token]).unwrap());
    }
    outputs
}

#[test]
fn lockstep_finds_no_difference() {
    let config = tiny();
    let image = shipped(&config);
    let mut both = session(Lockstep::new(&config, &sterna_sim::Options::default()).unwrap(), &image);
    let prompt = Tokenizer::load(folder()).unwrap().encode("Once upon a time").unwrap();
    greedy(&mut both, &prompt, 4);
}

#[test]
fn twenty_prompts_give_the_golden_tokens_in_as_many_steps() {
    let config = tiny();
    let image = shipped(&config);
    let mut golden = session(Golden::new(&config), &image);
    let mut design = session(SimDevice::new(&config, &sterna_sim::Options::default()).unwrap(), &image);
    for case in 0..20u32 {
        let prompt: Vec<u32> = (0..1 + case % 5).map(|i| 2 + (case * 37 + i * 101) % 440).collect();
        let (want, have) = (greedy(&mut golden, &prompt, 2), greedy(&mut design, &prompt, 2));
        for (want, have) in want.iter().zip(&have) {
            assert_eq!(want.top_k, have.top_k, "prompt {prompt:?}");
            assert_eq!(want.steps, have.steps, "prompt {prompt:?}");
        }
    }
}

#[test]
fn decode_reads_every_weight_byte_once_and_keeps_memory_busy() {
    let config = tiny();
    let image = shipped(&config);
    let mut design = session(SimDevice::new(&config, &sterna_sim::Options::default()).unwrap(), &image);
    let outputs = greedy(&mut design, &[0, 5, 9, 30, 31], 4);
    for output in &outputs[1..] {
        let counters = output.counters;
        assert_eq!(counters.get("STREAM_BEATS"), image.map.step.beats as u64, "each beat of the step once");
        let busy = counters.beats_read() as f64 / counters.get("CYCLES") as f64;
        assert!(busy >= 0.8, "memory is busy {busy:.3} of the cycles: {counters:?}");
        let causes: u64 = counters.causes().map(|(_, cycles)| cycles).sum();
        assert_eq!(causes, counters.get("CYCLES"), "every cycle has one cause");
    }
}
