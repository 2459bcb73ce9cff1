//! `sterna run`: continue a prompt and say what it cost.

use super::args::{Input, Reading, RunArgs};
use super::engine::check;
use super::progress::Progress;
use super::report::{Part, Report};
use super::{print, print_json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use sterna_host::compile::compile_with;
use sterna_host::devices::Watch;
use sterna_host::error::{Error, Result};
use sterna_host::image::Image;
use sterna_host::model::{Model, Overrides};
use sterna_host::record::{Recorder, Tape};
use sterna_host::sample::Sampler;
use sterna_host::session::{Output, Session};
use sterna_host::shapes::Shape;
use sterna_host::text::{ChatTemplate, Detokenizer, Message, Tokenizer};
use sterna_spec::config::Config;

/// The model's folder: as given, or the shipped one, below the current directory or beside this crate's sources.
pub fn model_folder(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = given {
        return Ok(folder.into());
    }
    let places =
        [Path::new("models/stories"), Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/stories"))];
    let found = places.iter().find(|p| p.join("config.json").exists());
    found.map(|p| p.to_path_buf()).ok_or(Error::Missing {
        path: places[0].into(),
        remedy: "start in the root of the Sterna sources or name a model with -m",
    })
}

/// Reads the model with a progress bar; what was found rather than read goes to standard error.
pub fn load(path: &Path, reading: &Reading) -> Result<Model> {
    let mut progress = Progress::new("reading");
    let model = match &reading.shape {
        Some(name) => Shape::find(name)?.model(0),
        None => {
            let overrides = Overrides { layout: reading.i2s_layout, activation: reading.activation };
            Model::load_with(path, &overrides, |done, total| progress.at(done, total))?
        }
    };
    drop(progress);
    for note in &model.notes {
        eprintln!("note: {}: {note}", model.path.display());
    }
    Ok(model)
}

/// The command.
pub fn run(args: &RunArgs) -> Result<()> {
    let started = Instant::now();
    let sampler = Sampler::new((&args.sampling).into())?;
    let choice = args.device.find()?;
    let folder = model_folder(args.model.model.as_deref())?;
    let model = load(&folder, &args.model.reading)?;
    let (prompt, tokenizer) = prompt(&model.path, &args.input)?;
    let ends = ends(&model, tokenizer.as_ref());
    check(&prompt, model.config.vocab)?;
    let image = compile_for(&model, &choice.config, args)?;
    let watch = watch(args, &image);
    let building = Progress::spinner("preparing the device");
    let mut device = choice.open(&watch)?;
    drop(building);
    let tape = match &args.record {
        Some(path) => Some(Tape::start(path, choice.kind.name(), &choice.config)?),
        None => None,
    };
    if let Some(tape) = &tape {
        device = Box::new(Recorder::new(device, tape.clone()));
    }
    let mut progress = Progress::new("loading");
    let session = Session::with_progress(device, image, |done, all| progress.at(done, all))?;
    drop(progress);
    let mut talk = Talk { args, ends, tokenizer: tokenizer.as_ref(), session, sampler, text: String::new() };
    let (tokens, prefill, decode) = talk.talk(&prompt)?;
    if args.scrub {
        let mut progress = Progress::new("scrubbing");
        talk.session.driver().scrub(|done, all| progress.at(done, all))?;
    }
    if let Some(tape) = &tape {
        tape.finish()?;
    }
    let report = Report {
        device: &choice,
        config: &choice.config,
        prompt_tokens: prompt.len(),
        tokens,
        text: talk.text,
        prefill,
        decode,
        wall: started.elapsed(),
    };
    if args.json {
        return print_json(&report.json());
    }
    eprintln!("\n\n{report}");
    Ok(())
}

/// The tokens to start from, and the tokenizer; with ids instead of text a model may do without one.
pub fn prompt(folder: &Path, input: &Input) -> Result<(Vec<u32>, Option<Tokenizer>)> {
    let tokenizer = Tokenizer::open(input.tokenizer.as_deref().unwrap_or(folder));
    if let Some(ids) = &input.tokens {
        return Ok((ids.clone(), tokenizer.ok()));
    }
    if !folder.exists() && input.tokenizer.is_none() {
        return Err(Error::NoTokenizer { path: folder.into() });
    }
    let tokenizer = tokenizer?;
    let tokens = match &input.chat {
        None => tokenizer.encode(&input.prompt)?,
        Some(message) => {
            let template = ChatTemplate::open(folder)?.ok_or(Error::NoTemplate { path: folder.into() })?;
            let mut messages = Vec::new();
            messages.extend(input.system.iter().map(|system| Message::new("system", system)));
            messages.push(Message::new("user", message));
            tokenizer.encode_with_special(&template.render(&messages, true)?, false)?
        }
    };
    Ok((tokens, Some(tokenizer)))
}

/// Every token that ends a generation: those of the configuration and those that the tokenizer knows.
fn ends(model: &Model, tokenizer: Option<&Tokenizer>) -> Vec<u32> {
    let known = tokenizer.map_or(&[][..], |t| t.end_tokens());
    model.config.eos.iter().chain(known).copied().collect()
}

fn watch(args: &RunArgs, image: &Image) -> Watch {
    let trace = args.trace.clone().map(|path| (path, args.trace_from..args.trace_to));
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    words.retain(|word| word != "--lockstep");
    let command = format!("sterna {}", words.join(" "));
    Watch { lockstep: args.lockstep, trace, names: image.instruction_names(), command, ..Watch::default() }
}

fn compile_for(model: &Model, config: &Config, args: &RunArgs) -> Result<Image> {
    let context = args.ctx.unwrap_or(model.config.context.min(config.context as usize));
    let mut progress = Progress::new("compiling");
    compile_with(model, config, &args.head.options(context, 1), |done, all| progress.at(done, all))
}

/// A text in progress.
struct Talk<'a> {
    args: &'a RunArgs,
    /// Tokens that end the text.
    ends: Vec<u32>,
    /// Absent if the prompt was given as ids and the model has no tokenizer: then ids are shown.
    tokenizer: Option<&'a Tokenizer>,
    session: Session<'static>,
    sampler: Sampler,
    text: String,
}

impl Talk<'_> {
    /// Generates until an end token, the asked number, or the end of the context. Returns tokens, prefill, decode.
    fn talk(&mut self, prompt: &[u32]) -> Result<(Vec<u32>, Part, Part)> {
        let mut progress = Progress::new("prefill");
        let mut output = self.session.prefill_with(prompt, |done| progress.at(done, prompt.len()))?;
        drop(progress);
        if !self.args.json {
            eprint!("{}", self.args.input.prompt);
        }
        let (mut prefill, mut decode, mut tokens) = (Part::default(), Part::default(), Vec::new());
        prefill.add(prompt.len(), &output);
        let mut detokenizer = Detokenizer::default();
        while tokens.len() < self.args.number {
            let token = self.sampler.next(&output.top_k)?;
            if self.ends.contains(&token) {
                break;
            }
            tokens.push(token);
            let piece = match self.tokenizer {
                Some(tokenizer) => detokenizer.push(token, |ids| tokenizer.decode(ids))?,
                None => format!("{token} "),
            };
            self.show(&piece)?;
            if tokens.len() == self.args.number {
                break;
            }
            match self.decode(token)? {
                Some(next) => output = next,
                None => break,
            }
            decode.add(1, &output);
        }
        if let Some(tokenizer) = self.tokenizer {
            self.show(&detokenizer.finish(|ids| tokenizer.decode(ids))?)?;
        }
        Ok((tokens, prefill, decode))
    }

    /// One step; none if the context is full, which ends the text but is no failure.
    fn decode(&mut self, token: u32) -> Result<Option<Output>> {
        match self.session.prefill(&[token]) {
            Ok(output) => Ok(Some(output)),
            Err(Error::ContextFull { context, .. }) => {
                eprintln!(
                    "\nnote: the text ends here because all {context} positions are used; -c gives more"
                );
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn show(&mut self, piece: &str) -> Result<()> {
        self.text.push_str(piece);
        if self.args.json { Ok(()) } else { print(piece) }
    }
}
