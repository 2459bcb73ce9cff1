//! Every model family on the simulated Verilog of `tiny`: in lockstep with the golden model, over prefill and decode, every result of
//! every instruction is the same.

use std::path::{Path, PathBuf};

use sterna_host::compile::{Options, compile};
use sterna_host::config::Activation;
use sterna_host::image::Image;
use sterna_host::model::{Model, Overrides};
use sterna_host::session::Session;
use sterna_sim::Lockstep;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_tests::tiny;

/// Tokens of the prefill, two rows a step and one over, and of the decode behind it. A window of 5 is exceeded.
const PREFILL: [u32; 7] = [3, 1, 4, 1, 5, 9, 2];
const DECODE: usize = 3;

fn models() -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/reference"));
    let is_model =
        |path: &PathBuf| path.join("config.json").exists() || path.extension().is_some_and(|e| e == "gguf");
    let list = |folder: &Path| {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut all: Vec<_> =
        [list(folder), list(&folder.join("gguf"))].concat().into_iter().filter(is_model).collect();
    all.sort();
    assert!(all.len() >= 11, "{all:?}");
    all
}

/// Selections of every step, as bits.
fn play<'d>(device: impl Device + 'd, image: &Image) -> Vec<Vec<(u32, u32)>> {
    let mut session = Session::new(Box::new(device), image.clone()).unwrap();
    let bits =
        |top: Vec<(u32, f32)>| top.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect::<Vec<_>>();
    let mut outputs = vec![bits(session.prefill(&PREFILL).unwrap().top_k)];
    for _ in 0..DECODE {
        let token = outputs[outputs.len() - 1][0].0;
        outputs.push(bits(session.prefill(&[token]).unwrap().top_k));
    }
    outputs
}

#[test]
fn every_family_runs_in_lockstep() {
    let config = tiny();
    for path in models() {
        // one file's architecture does not tell its activation function
        let overrides = Overrides {
            activation: path.ends_with("bitnet_b1_58.gguf").then_some(Activation::Silu),
            ..Overrides::default()
        };
        let model = Model::load_with(&path, &overrides, |_, _| {}).unwrap();
        let image = compile(&model, &config, &Options { context: 16, ..Options::default() })
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let golden = play(Golden::new(&config), &image);
        // a lockstep device fails at the first result that differs
        let design = play(Lockstep::new(&config, &sterna_sim::Options::default()).unwrap(), &image);
        assert!(golden == design, "{}: {golden:x?} {design:x?}", path.display());
        println!("{}: {} bytes of program", path.display(), image.bytes.len());
    }
}

#[test]
fn a_window_changes_what_is_computed() {
    let path = models().into_iter().find(|p| p.ends_with("mistral-window")).unwrap();
    let config = tiny();
    let mut model = Model::load(&path).unwrap();
    let options = Options { context: 16, ..Options::default() };
    let with = play(Golden::new(&config), &compile(&model, &config, &options).unwrap());
    model.config.windows.fill(None);
    let without = play(Golden::new(&config), &compile(&model, &config, &options).unwrap());
    assert_ne!(with, without);
}
