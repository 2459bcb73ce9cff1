//! The shipped model on a simulated board, with the memory controller and its refreshes: tokens, cycles, and how much of what the
//! memory can give decode takes. Run by `make board-test`.

use std::path::Path;
use std::time::Instant;

use super::line::{named, open, start};
use super::preload;
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::model::Model;
use sterna_host::session::{Output, Session};
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;

const PROMPT: [u32; 5] = [1, 80, 147, 25, 300];
const DECODE: usize = 4;
/// The share of the memory's words that decode must use.
const GOAL: f64 = 0.85;

fn session<'d>(device: impl Device + 'd, image: &Image) -> Session<'d> {
    Session::new(Box::new(device), image.clone()).unwrap()
}

/// Selections as bits.
fn bits(output: &Output) -> Vec<(u32, u32)> {
    output.top_k.iter().map(|(id, logit)| (*id, logit.to_bits())).collect()
}

#[test]
#[ignore = "takes minutes; make board-test"]
fn the_shipped_model_decodes_at_the_speed_of_the_memory() {
    decodes("ulx3s-85f");
}

#[test]
#[ignore = "takes minutes; make board-test"]
fn the_shipped_model_decodes_at_the_speed_of_the_memory_of_a_small_board() {
    decodes("tang-nano-20k");
}

fn decodes(name: &str) {
    let (row, config) = named(name);
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/stories"));
    let model = Model::load(folder).unwrap();
    let context = model.config.context.min(config.context as usize);
    let image = compile(&model, &config, &Options { context, ..Options::default() }).unwrap();
    let board = start(row, &config, sterna_sim::board::Options { fast: true, ..Default::default() });
    preload(&board, &image);
    let mut golden = session(Golden::new(&config), &image);
    let now = || board.lock().unwrap().cycles();
    let (start, began) = (now(), Instant::now());
    let mut device = session(open(&board).unwrap(), &image);
    println!("{} bytes of model checked in {} cycles", image.bytes.len(), now() - start);
    let mut tokens = PROMPT.to_vec();
    let mut share = 0.0;
    for _ in 0..=DECODE {
        let words = board.lock().unwrap().memory_counts().read;
        let output = device.prefill(&tokens).unwrap();
        assert!(
            bits(&output) == bits(&golden.prefill(&tokens).unwrap()),
            "another selection than the golden model's"
        );
        let cycles = output.counters.get("CYCLES");
        let words = board.lock().unwrap().memory_counts().read - words;
        // the chip gives a word a cycle at most
        let used =
            output.counters.beats_read() * config.port_bytes as u64 * 8 / u64::from(row.memory.data_bits);
        share = used as f64 / cycles as f64;
        println!(
            "{} tokens in {} steps: {cycles} cycles, {words} words read, {used} of them used: {:.1} % of the cycles",
            tokens.len(),
            output.steps,
            100.0 * share
        );
        println!("{:?}", output.counters.causes().collect::<Vec<_>>());
        assert!(used <= words, "more used than read");
        tokens = vec![output.top_k[0].0];
    }
    let rate = (now() - start) as f64 / began.elapsed().as_secs_f64();
    println!("{:?}, {rate:.0} cycles simulated a second", board.lock().unwrap().memory_counts());
    assert!(share > GOAL, "a decode step used {share} words a cycle");
}
