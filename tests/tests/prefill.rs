//! Prefill of n tokens equals n decodes, bit for bit: KV cache and selected logits, for several numbers of rows, in golden model and
//! design.

use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_sim::evaluator::Evaluated;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_tests::{random_model, tiny};

const TOKENS: [u32; 9] = [3, 1, 4, 1, 5, 2, 6, 5, 3];

/// Selected logits as bits, and the KV cache.
fn prefill<'d>(device: impl Device + 'd, image: &Image, rows: usize) -> (Vec<(u32, u32)>, Vec<u8>) {
    let mut session = Session::new(Box::new(device), image.clone()).unwrap();
    // a piece of at most the device's rows is one step
    let tops: Vec<_> = TOKENS.chunks(rows).map(|piece| session.prefill(piece).unwrap().top_k).collect();
    let top = tops[tops.len() - 1].clone();
    let kv = image.map.kv;
    let cache = session.driver().read_beats(kv.base, kv.beats * image.config.beat_bytes()).unwrap();
    (top.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect(), cache)
}

/// A small device.
fn small(rows: u32) -> Config {
    Config {
        rows,
        head_size: 16,
        context: 64,
        activations: 96,
        outputs: 256,
        vector_words: 96,
        shared_words: 128,
        ..tiny()
    }
}

fn check(rows: u32) {
    let config = Config { tables: 4, ..small(rows) };
    let model = random_model(u64::from(rows), &config, 2);
    let image = compile(&model, &config, &Options { context: 16, ..Options::default() }).unwrap();
    let golden = prefill(Golden::new(&config), &image, 1);
    assert!(golden == prefill(Golden::new(&config), &image, rows as usize), "golden, {rows} rows");
    for step in [1, rows as usize] {
        let design = Evaluated::new(&config, u64::from(rows), 0.1).unwrap();
        assert!(golden == prefill(design, &image, step), "design with {rows} rows, steps of {step}");
    }
}

#[test]
fn with_1_row() {
    check(1);
}

#[test]
fn with_2_rows() {
    check(2);
}

#[test]
fn with_3_rows() {
    check(3);
}

#[test]
fn with_4_rows() {
    check(4);
}

#[test]
fn with_8_rows() {
    check(8);
}

/// Keys and values of four tokens, and eight scales, lie in a beat: a step writes each beat once.
#[test]
fn tokens_that_share_a_beat_are_written_together() {
    let config = Config { port_bytes: 32, ..small(8) };
    let model = random_model(5, &config, 1);
    let image = compile(&model, &config, &Options { context: 40, ..Options::default() }).unwrap();
    let (heads, segments) = (model.config.kv_heads as u64, model.config.head_size as u64 / 8);
    let mut session = Session::new(Box::new(Evaluated::new(&config, 5, 0.0).unwrap()), image).unwrap();
    // tokens of the step, and beats of a segment and of a head's scales that it reaches
    for (tokens, codes, scales) in [(8, 2, 1), (1, 1, 1), (8, 3, 2), (3, 1, 1), (4, 1, 1)] {
        let written = session.prefill(&TOKENS[..tokens]).unwrap().counters.get("WRITE_BEATS");
        assert_eq!(written, 2 * heads * (segments * codes + scales), "{tokens} tokens");
    }
}
