//! How long a full-size model takes from a TQ2_0 file to a ready device image: `cargo run --release -p sterna-host
//! --no-default-features --example loading [SHAPE]`. The file is made first, in the folder for temporary files, from random weights.

use std::path::Path;
use std::time::Instant;
use sterna_host::compile::{Options, compile};
use sterna_host::config::Activation;
use sterna_host::convert::{Format, write};
use sterna_host::model::{Model, Overrides};
use sterna_host::shapes::Shape;
use sterna_spec::config::Config;

fn main() {
    if let Err(problem) = run() {
        eprintln!("error: {problem}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or("bitnet_b1_58-large".into());
    let folder = tempfile::tempdir()?;
    let shape = Shape::find(&name)?.model(0);
    let started = Instant::now();
    let out = folder.path().join("model");
    write(&shape, &["tq2_0".parse::<Format>()?], &out, false, |_, _| {})?;
    let activation = Some(shape.config.activation);
    println!("{name}: file made in {:.1} s", started.elapsed().as_secs_f64());
    drop(shape);
    measure(&out.join("model-TQ2_0.gguf"), activation)
}

fn measure(path: &Path, activation: Option<Activation>) -> Result<(), Box<dyn std::error::Error>> {
    let megabytes = std::fs::metadata(path)?.len() as f64 / 1e6;
    let started = Instant::now();
    let model = Model::load_with(path, &Overrides { activation, ..Overrides::default() }, |_, _| {})?;
    let loaded = started.elapsed().as_secs_f64();
    let device = device()?;
    let image = compile(&model, &device, &Options { context: 1024, ..Options::default() })?;
    let compiled = started.elapsed().as_secs_f64();
    println!("{megabytes:.0} MB of GGUF file, loaded and checked in {loaded:.2} s");
    println!("{:.0} MB of image, compiled in {:.2} s", image.bytes.len() as f64 / 1e6, compiled - loaded);
    println!("{compiled:.2} s in all on {} cores", std::thread::available_parallelism()?);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!("peak memory, the mapped file included: {}", peak.trim());
    }
    Ok(())
}

/// A device that is large enough for every shape: four ports of 16 bytes.
fn device() -> Result<Config, String> {
    Ok(Config {
        name: "large".into(),
        rows: 2,
        tables: 105,
        lookups: 1,
        lanes: 16,
        ports: 4,
        port_bytes: 16,
        attention_width: 32,
        head_size: 256,
        heads: 64,
        context: 4096,
        activations: 16_384,
        outputs: 16_384,
        vector_words: 4096,
        shared_words: 4096,
        scalars: 256,
        ..Config::preset("tiny")?
    })
}
