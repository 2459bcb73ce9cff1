//! The shipped model on the golden model of the device: agrees with the definition of BitNet in f32, and prefill of n tokens is
//! n steps of one token, bit for bit.

use std::path::Path;
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::model::Model;
use sterna_host::reference::Reference;
use sterna_host::sample::{Sampler, Settings};
use sterna_host::session::Session;
use sterna_host::text::Tokenizer;
use sterna_spec::config::Config;
use sterna_spec::golden::Golden;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/stories"))
}

fn image(model: &Model, config: &Config, planes: u8) -> Image {
    compile(model, config, &Options { context: 256, sequences: 1, planes }).unwrap()
}

fn session(image: &Image) -> Session<'static> {
    Session::new(Box::new(Golden::new(&image.config)), image.clone()).unwrap()
}

fn tell(image: &Image, prompt: &[u32], count: usize, settings: Settings) -> Vec<u32> {
    let (mut session, mut sampler) = (session(image), Sampler::new(settings).unwrap());
    let mut tokens = prompt.to_vec();
    let mut output = session.prefill(prompt).unwrap();
    for _ in 0..count {
        let token = sampler.next(&output.top_k).unwrap();
        tokens.push(token);
        output = session.prefill(&[token]).unwrap();
    }
    tokens
}

fn log_softmax(logits: impl Iterator<Item = f32> + Clone) -> Vec<f64> {
    let largest = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.clone().map(|l| f64::from(l - largest).exp()).sum();
    logits.map(|l| f64::from(l - largest) - total.ln()).collect()
}

/// Mean KL divergence of the device from the reference in nats, and the share of equal best tokens.
fn compare(model: &Model, image: &Image, tokens: &[u32]) -> (f64, f64) {
    let logits = session(image).logits(tokens).unwrap();
    let mut reference = Reference::new(model);
    let (mut divergence, mut equal) = (0.0, 0);
    for (&token, row) in tokens.iter().zip(logits.outer_iter()) {
        let want = log_softmax(reference.forward(token).into_iter());
        let got = log_softmax(row.iter().copied());
        divergence += want.iter().zip(&got).map(|(w, g)| w.exp() * (w - g)).sum::<f64>();
        let best = |p: &[f64]| (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b]));
        equal += usize::from(best(&want) == best(&got));
    }
    (divergence / tokens.len() as f64, equal as f64 / tokens.len() as f64)
}

#[test]
fn the_device_agrees_with_the_reference() {
    let model = Model::load(folder()).unwrap();
    let tokenizer = Tokenizer::load(folder()).unwrap();
    let config = Config::preset("tiny").unwrap();
    let prompt = tokenizer.encode("").unwrap();
    let image = image(&model, &config, 5);
    let tokens = tell(&image, &prompt, 150, Settings { temperature: 0.8, seed: 1, ..Settings::default() });
    println!("{}", tokenizer.decode(&tokens).unwrap());
    for planes in [5, 4] {
        let (divergence, equal) = compare(&model, &self::image(&model, &config, planes), &tokens);
        println!("{planes} planes: KL {divergence:.2e} nats a token, equal best token {:.1} %", 100.0 * equal);
    }
}
