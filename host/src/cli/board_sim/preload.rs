//! A model in a board's memory from the start, as after an upload.

use crate::cli::args::Reading;
use crate::cli::progress::Progress;
use crate::cli::run::load;
use std::path::Path;
use sterna_host::compile::{Options, compile_with};
use sterna_host::error::{Error, Result};
use sterna_host::image::Image;
use sterna_sim::board::BoardSim;
use sterna_spec::config::Config;
use sterna_spec::layout::stripe;

/// Compiles a model as `sterna run` does.
pub fn image(path: &Path, config: &Config, context: Option<usize>) -> Result<Image> {
    let model = load(path, &Reading::default())?;
    let context = context.unwrap_or(model.config.context.min(config.context as usize));
    let mut progress = Progress::new("compiling");
    compile_with(&model, config, &Options { context, ..Options::default() }, |done, all| {
        progress.at(done, all)
    })
}

/// Puts it into memory.
pub fn preload(sim: &mut BoardSim, image: &Image) -> Result<()> {
    let (need, memory) = (image.memory_bytes(), sim.memory());
    if need > memory.len() as u64 {
        return Err(Error::Device(format!(
            "the model needs {need} bytes but the board has {}; take a smaller model or lower the context (-c)",
            memory.len()
        )));
    }
    let bytes = &image.bytes;
    stripe(&image.config, &image.port_bases, 0, bytes.len(), |address, at, len| {
        memory[address as usize..][..len].copy_from_slice(&bytes[at..at + len]);
    });
    Ok(())
}
