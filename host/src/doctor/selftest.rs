//! A small random model of one layer, made to the device's configuration: every integer that it leaves behind must be the golden model's.

use super::Check;
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::image::Image;
use crate::session::Session;
use crate::shapes::Shape;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;

/// The seed of the weights.
const SEED: u64 = 1;
/// Positions.
const CONTEXT: usize = 16;

/// What a run leaves behind.
#[derive(PartialEq)]
struct Results {
    /// Ids and logits that were selected, as bits.
    selected: Vec<[u32; 2]>,
    /// All logits of two tokens, as bits.
    logits: Vec<u32>,
    /// The KV cache.
    cache: Vec<u8>,
}

/// Runs the model on `device` and on the golden model.
pub fn selftest(device: &mut dyn Device, config: &Config) -> Check {
    const NAME: &str = "self-test";
    match results(device, config) {
        Ok((want, have, image)) => {
            let bytes = image.memory_bytes();
            let found = format!(
                "{} selections, {} logits and {} bytes of KV cache (seed {SEED}; overwrote the first {bytes} bytes of memory)",
                want.selected.len(),
                want.logits.len(),
                want.cache.len()
            );
            match difference(&want, &have) {
                None => Check::pass(NAME, format!("a layer gives what the golden model gives: {found}")),
                Some(what) => Check::fail(
                    NAME,
                    format!("{what}, of {found}"),
                    "load the bitstream again, check its timing report, and see `sterna replay` for the first difference",
                ),
            }
        }
        Err(e) => Check::error(NAME, &e.to_string()),
    }
}

fn results(device: &mut dyn Device, config: &Config) -> Result<(Results, Results, Image)> {
    let model = Shape::small(config).model(SEED);
    let mut image = compile(&model, config, &Options { context: CONTEXT, ..Options::default() })?;
    // the cache is compared, so it begins as zeros
    image.bytes.resize(image.map.kv.end() * config.beat_bytes(), 0);
    let want = run(&mut Golden::new(config), &image)?;
    let have = run(device, &image)?;
    Ok((want, have, image))
}

fn run(device: &mut dyn Device, image: &Image) -> Result<Results> {
    let mut session = Session::new(Box::new(device), image.clone())?;
    // more than a step's rows, and one row alone
    let prompt: Vec<u32> = (0..image.config.rows + 1).map(|i| i * 7 % image.vocab as u32).collect();
    let prompt = &prompt[..prompt.len().min(CONTEXT - 3)];
    let mut selected = session.prefill(prompt)?.top_k;
    selected.extend(session.prefill(&[1])?.top_k);
    let logits = session.logits(&[2, 3])?;
    let driver = session.driver();
    let cache = driver.read_beats(image.map.kv.base, image.map.kv.beats * image.config.beat_bytes())?;
    Ok(Results {
        selected: selected.into_iter().map(|(id, logit)| [id, logit.to_bits()]).collect(),
        logits: logits.iter().map(|logit| logit.to_bits()).collect(),
        cache,
    })
}

/// The first difference, in words.
fn difference(want: &Results, have: &Results) -> Option<String> {
    let first = |what: &str, want: &[u32], have: &[u32]| {
        let at = want.iter().zip(have).position(|(a, b)| a != b)?;
        Some(format!("{what} {at} is {:#010x} instead of {:#010x}", have[at], want[at]))
    };
    let bytes = |bytes: &[u8]| bytes.iter().map(|&byte| byte.into()).collect::<Vec<u32>>();
    if want.selected.len() != have.selected.len() {
        return Some(format!("{} selections instead of {}", have.selected.len(), want.selected.len()));
    }
    first("word of the selections", want.selected.as_flattened(), have.selected.as_flattened())
        .or_else(|| first("logit", &want.logits, &have.logits))
        .or_else(|| first("byte of the KV cache", &bytes(&want.cache), &bytes(&have.cache)))
}
