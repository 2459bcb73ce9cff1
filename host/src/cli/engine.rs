//! What gives logits on the command line: the float32 reference, or a device.

use super::progress::Progress;
use ndarray::Array2;
use std::str::FromStr;
use sterna_host::compile::{Options, compile_with};
use sterna_host::devices::{Choice, Name, Watch};
use sterna_host::error::{Error, Result};
use sterna_host::model::Model;
use sterna_host::reference::Reference;
use sterna_host::session::Session;

/// The name of the float32 reference among the devices.
const REFERENCE: &str = "reference";

/// The reference or a device, by name.
#[derive(Debug, Clone)]
pub enum SourceName {
    /// The model as `transformers` defines it.
    Reference,
    /// A device.
    Device(Name),
}

impl FromStr for SourceName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == REFERENCE { Ok(SourceName::Reference) } else { text.parse().map(SourceName::Device) }
    }
}

impl SourceName {
    /// Finds out what the device is.
    pub fn find(&self) -> Result<Source> {
        match self {
            SourceName::Reference => Ok(Source::Reference),
            SourceName::Device(name) => Ok(Source::Device(Box::new(name.find()?))),
        }
    }
}

/// The reference or a device.
pub enum Source {
    /// The model as `transformers` defines it.
    Reference,
    /// A device.
    Device(Box<Choice>),
}

impl Source {
    /// `reference`, or device and preset.
    pub fn name(&self) -> String {
        match self {
            Source::Reference => REFERENCE.into(),
            Source::Device(choice) => format!("{}:{}", choice.kind.name(), choice.config.name),
        }
    }

    /// Positions of a sequence: as asked for, else the model's, bounded by the device's and by `most`.
    pub fn context(&self, model: &Model, asked: Option<usize>, most: usize) -> usize {
        let device = match self {
            Source::Reference => usize::MAX,
            Source::Device(choice) => choice.config.context as usize,
        };
        asked.unwrap_or(model.config.context.min(device).min(most))
    }
}

/// The reference or a device with a model.
pub enum Engine<'m> {
    /// The reference.
    Reference(&'m Model),
    /// A device.
    Device(Box<Session<'static>>),
}

impl<'m> Engine<'m> {
    /// Opens it for sequences of up to `context` tokens.
    pub fn open(source: &Source, model: &'m Model, context: usize, planes: Option<u8>) -> Result<Self> {
        let Source::Device(choice) = source else { return Ok(Engine::Reference(model)) };
        let mut progress = Progress::new("compiling");
        let options = Options { context, planes, ..Options::default() };
        let image = compile_with(model, &choice.config, &options, |done, all| progress.at(done, all))?;
        drop(progress);
        let building = Progress::spinner("preparing the device");
        let device = choice.open(&Watch::default())?;
        drop(building);
        let mut progress = Progress::new("loading");
        let session = Session::with_progress(device, image, |done, all| progress.at(done, all))?;
        Ok(Engine::Device(Box::new(session)))
    }

    /// All logits after each of `tokens`, a sequence of its own: `[tokens, vocab]`.
    pub fn logits(&mut self, tokens: &[u32]) -> Result<Array2<f32>> {
        match self {
            Engine::Reference(model) => {
                check(tokens, model.config.vocab)?;
                Ok(Reference::new(model).forward(tokens))
            }
            Engine::Device(session) => {
                session.rewind(0);
                session.logits(tokens)
            }
        }
    }
}

/// Refuses tokens that the model does not have.
pub fn check(tokens: &[u32], vocab: usize) -> Result<()> {
    match tokens.iter().find(|&&t| t as usize >= vocab) {
        Some(&token) => Err(Error::Token { token, vocab }),
        None if tokens.is_empty() => Err(Error::EmptyPrompt),
        None => Ok(()),
    }
}
