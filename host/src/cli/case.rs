//! A model on a device with a prompt: what `debug` and `trace` run.

use super::args::Watched;
use super::engine::check;
use super::progress::Progress;
use super::run::{load, model_folder, prompt};
use sterna_host::compile::{Options, compile_with};
use sterna_host::devices::{Choice, Watch};
use sterna_host::driver::Counters;
use sterna_host::error::Result;
use sterna_host::image::Image;
use sterna_host::model::Model;
use sterna_host::session::{Output, Session};
#[cfg(feature = "sim")]
use sterna_host::trace::Names;

/// A model on a device, and what is asked of it.
pub struct Case<'a> {
    pub args: &'a Watched,
    pub choice: Choice,
    pub image: Image,
    #[cfg(feature = "sim")]
    pub names: Names,
    prompt: Vec<u32>,
}

impl<'a> Case<'a> {
    /// Reads and compiles.
    pub fn new(args: &'a Watched) -> Result<Self> {
        let choice = args.device.find()?;
        let model: Model = load(&model_folder(args.model.model.as_deref())?, &args.model.reading)?;
        let (prompt, _) = prompt(&model.path, &args.input)?;
        check(&prompt, model.config.vocab)?;
        let context = model.config.context.min(choice.config.context as usize);
        let mut progress = Progress::new("compiling");
        let options = Options { context, ..Options::default() };
        let image = compile_with(&model, &choice.config, &options, |done, all| progress.at(done, all))?;
        Ok(Case {
            args,
            choice,
            #[cfg(feature = "sim")]
            names: Names::new(&image),
            image,
            prompt,
        })
    }

    /// Prefill row by row of a step, then the likeliest tokens; `step` is told of each step's tokens and counters.
    pub fn run(&self, watch: &Watch, mut step: impl FnMut(usize, &Counters)) -> Result<()> {
        let building = Progress::spinner("preparing the device");
        let device = self.choice.open(watch)?;
        drop(building);
        let mut progress = Progress::new("loading");
        let image = self.image.clone();
        let mut session = Session::with_progress(device, image, |done, all| progress.at(done, all))?;
        drop(progress);
        let rows = self.choice.config.rows as usize;
        let mut output: Option<Output> = None;
        let mut progress = Progress::new("running");
        let steps = self.prompt.len().div_ceil(rows) + self.args.number.saturating_sub(1);
        let mut done = 0;
        let mut take = |session: &mut Session, tokens: &[u32]| -> Result<Output> {
            let output = session.prefill(tokens)?;
            done += 1;
            progress.at(done, steps);
            step(tokens.len(), &output.counters);
            Ok(output)
        };
        for piece in self.prompt.chunks(rows) {
            output = Some(take(&mut session, piece)?);
        }
        for _ in 1..self.args.number {
            let Some(&(token, _)) = output.as_ref().and_then(|o| o.top_k.first()) else { break };
            output = Some(take(&mut session, &[token])?);
        }
        Ok(())
    }
}
