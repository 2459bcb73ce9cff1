//! A seeded set of random legal configurations: each elaborates, passes Verilator's lint without a warning, and computes what
//! the golden model computes on a random model, bit for bit: selected logits and the whole KV cache, prefill and decode.

use std::process::Command;

use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_sim::evaluator::Evaluated;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_tests::{random_config, random_model};

/// Configurations in the set.
const CASES: u64 = 30;
/// Those of a night, behind them; `STERNA_SEEDS` asks for another number.
const NIGHTLY: u64 = 100;

/// Prefill of five tokens and one more token; the selections and the KV cache.
fn play<'d>(device: impl Device + 'd, image: &Image, vocab: u32) -> (Vec<Vec<(u32, u32)>>, Vec<u8>) {
    let mut session = Session::new(Box::new(device), image.clone()).unwrap();
    let tokens: Vec<u32> = (0..5).map(|i| (i * 7 + 3) % vocab).collect();
    let mut outputs = Vec::new();
    for piece in [&tokens[..], &[1 % vocab]] {
        let top = session.prefill(piece).unwrap().top_k;
        outputs.push(top.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect());
    }
    let kv = image.map.kv;
    let len = kv.beats * image.config.beat_bytes();
    (outputs, session.driver().read_beats(kv.base, len).unwrap())
}

fn lint(config: &Config) {
    let folder = tempfile::tempdir().unwrap();
    let files = sterna_hdl::top::verilog(config).unwrap_or_else(|e| panic!("{config:?}: {e}"));
    for (name, text) in &files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new("verilator");
    command
        .args(["--lint-only", "-Wall", "--top-module", "sterna"])
        .args(files.keys())
        .current_dir(folder.path());
    let output = command.output().expect("verilator runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{config:?}:\n{said}");
}

fn check(seed: u64) {
    check_of(seed, random_config(seed));
}

fn check_of(seed: u64, config: Config) {
    let model = random_model(seed, &config, 1 + (seed % 2) as usize);
    let shape = format!("seed {seed}: {config:?}\n{:?}", model.config);
    let image = compile(&model, &config, &Options { context: 32, ..Options::default() })
        .unwrap_or_else(|e| panic!("{shape}: {e}"));
    let vocab = model.config.vocab as u32;
    let golden = play(Golden::new(&config), &image, vocab);
    let pause = [0.0, 0.2, 0.5][seed as usize % 3];
    let design =
        play(Evaluated::new(&config, seed, pause).unwrap_or_else(|e| panic!("{shape}: {e}")), &image, vocab);
    assert!(golden.0 == design.0, "logits differ: {shape}\ngolden {:x?}\ndesign {:x?}", golden.0, design.0);
    let first = golden.1.iter().zip(&design.1).position(|(a, b)| a != b);
    assert_eq!(first, None, "the KV cache differs at this byte: {shape}");
    lint(&config);
}

macro_rules! cases {
    ($($name:ident: $part:literal),*) => {$(
        #[test]
        fn $name() {
            (0..CASES).filter(|seed| seed % 4 == $part).for_each(check);
        }
    )*};
}
// four tests, so that they share the cores
cases!(first_quarter: 0, second_quarter: 1, third_quarter: 2, last_quarter: 3);

/// The design that saves area where timing is easy; the last is as small as it gets.
#[test]
fn with_a_slow_clock() {
    for seed in 0..6 {
        check_of(seed, Config { clock_mhz: 54, address_bits: 24, ..random_config(seed) });
    }
    let small = Config::preset("tang-nano-20k").unwrap();
    check_of(6, Config { context: 64, heads: 6, ..small });
}

#[test]
#[ignore = "takes an hour"]
fn configurations_of_a_night() {
    let wanted = std::env::var("STERNA_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(NIGHTLY);
    (CASES..CASES + wanted).for_each(|seed| {
        println!("seed {seed}");
        check(seed);
    });
}
