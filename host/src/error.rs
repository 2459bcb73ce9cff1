//! What can go wrong between a model's files and the last token, one sentence each: the thing, the numbers, the remedy.

use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Every failure that a file, a setting or a device can cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the model folder is absent.
    #[error("{path} is missing; {remedy}", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The operating system refused to read or write a file.
    #[error("cannot access {path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file does not parse.
    #[error("{path} cannot be read at `{field}`: {problem}; correct that field or fetch the file again", path = .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The field, as a path from the root.
        field: String,
        /// What the parser said.
        problem: String,
    },
    /// A configuration asks for something that the program compiler cannot express.
    #[error("`{field}` is {found} in {path}, which is not supported; {remedy}", path = .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What is supported.
        remedy: String,
    },
    /// Numbers of a configuration contradict each other.
    #[error("{path} is inconsistent: {problem}; {remedy}", path = .path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The container of the tensors is damaged.
    #[error("{path} ({bytes} bytes) is not a whole safetensors file: {problem}; fetch it again", path = .path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
        /// What the parser said.
        problem: String,
    },
    /// A GGUF file cannot be used.
    #[error("{path}: {problem}", path = .path.display())]
    Gguf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do, from [`crate::gguf::Error`].
        problem: String,
    },
    /// A tensor that the architecture needs is absent.
    #[error("tensor `{name}` is missing from {path}, which holds {count} tensors; convert the model again with all layers", path = .path.display())]
    MissingTensor {
        /// The tensor's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Number of tensors that the file does hold.
        count: usize,
    },
    /// A name stands for two tensors.
    #[error("tensor `{name}` appears twice in {path}; convert the model again", path = .path.display())]
    DuplicateTensor {
        /// The tensor's name.
        name: String,
        /// The file or folder.
        path: PathBuf,
    },
    /// A tensor that the family does not know, and that may change results.
    #[error("tensor `{name}` in {path} is not part of {family}, so results would be wrong without it; use a model of a supported family", path = .path.display())]
    UnknownTensor {
        /// The tensor's name.
        name: String,
        /// The file or folder.
        path: PathBuf,
        /// The family as which the model was read.
        family: String,
    },
    /// A tensor's shape does not follow from the configuration.
    #[error(
        "tensor `{name}` has shape {found:?} but the configuration asks for {expected:?}; use the configuration that belongs to these weights"
    )]
    Shape {
        /// The tensor's name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor's element type is of no use here.
    #[error("tensor `{name}` has type {found} but must be {expected}; convert it to one of these")]
    Dtype {
        /// The tensor's name.
        name: String,
        /// Its type.
        found: String,
        /// Types that are read.
        expected: &'static str,
    },
    /// A scale is not a positive number.
    #[error(
        "the scale of `{name}` is {value}, which is no positive finite number; the weights are damaged, fetch or convert them again"
    )]
    Scale {
        /// The matrix.
        name: String,
        /// The value found.
        value: f32,
    },
    /// A tensor holds a number that is not finite.
    #[error(
        "tensor `{name}` holds {value} at element {index}; the weights are damaged, fetch or convert them again"
    )]
    NotFinite {
        /// The tensor's name.
        name: String,
        /// Position in row-major order.
        index: usize,
        /// The value found.
        value: f32,
    },
    /// Packed weights hold the unused fourth code.
    #[error(
        "tensor `{name}` holds the code 3 at byte {index} (codes are 0, 1, 2); it is not packed ternary or is damaged, convert it again"
    )]
    Code {
        /// The tensor's name.
        name: String,
        /// Position of the byte in the tensor.
        index: usize,
    },
    /// Something about a tensor, and the file or folder that it is in.
    #[error("{path}: {problem}", path = .path.display())]
    In {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: Box<Error>,
    },
    /// A block format's bytes cannot be decoded.
    #[error("tensor `{name}`: {problem}")]
    Encoding {
        /// The tensor's name.
        name: String,
        /// What is wrong, and the remedy.
        problem: crate::ggml::Error,
    },
    /// Numbers in the place of ternary weights that are not ternary.
    #[error(
        "tensor `{name}` holds {value} beside {scale}, so its values are not 0 and one magnitude: the model is not ternary or was quantized again; get it as I2_S, TQ2_0 or safetensors"
    )]
    NotTernary {
        /// The tensor's name.
        name: String,
        /// A value that does not fit.
        value: f32,
        /// The largest magnitude.
        scale: f32,
    },
    /// A folder that would be overwritten.
    #[error("{path} exists; choose another name or say --force", path = .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A matrix that an encoding has no room for.
    #[error("{format} needs {needs}, but tensor `{name}` is {} x {}; write --format safetensors", .shape[0], .shape[1])]
    CannotHold {
        /// The tensor.
        name: String,
        /// Outputs and inputs.
        shape: [usize; 2],
        /// The encoding.
        format: String,
        /// What shapes it holds.
        needs: &'static str,
    },
    /// A model that a format has no words for.
    #[error("{format} cannot say what {family} with these settings is; {remedy}")]
    NotExpressible {
        /// The family.
        family: String,
        /// The format.
        format: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// tokenizer.json cannot be used.
    #[error("{path} is no usable tokenizer: {problem}; fetch the model's own tokenizer.json", path = .path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        problem: String,
    },
    /// The vocabulary of a GGUF file cannot be used.
    #[error("the vocabulary of the GGUF file cannot be used: {problem}; {remedy}")]
    Vocabulary {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A chat template cannot be used, or refuses the conversation.
    #[error("the chat template of {origin} {problem}")]
    Template {
        /// The file that it comes from.
        origin: String,
        /// What is wrong, where, and what to do about it.
        problem: String,
    },
    /// The tokenizer failed on a text or on ids.
    #[error("the tokenizer failed: {0}; check that tokenizer.json belongs to the model")]
    Tokenize(String),
    /// Text was given to a model that has no tokenizer, such as a shape.
    #[error("{path} has no tokenizer; give ids with --tokens or a tokenizer.json with --tokenizer", path = .path.display())]
    NoTokenizer {
        /// The model.
        path: PathBuf,
    },
    /// A conversation was asked for from a model without a chat template.
    #[error("{path} has no chat template; give the prompt with -p as the model expects it", path = .path.display())]
    NoTemplate {
        /// The model.
        path: PathBuf,
    },
    /// A recording of a device cannot be used.
    #[error("{path}: {problem}; record it again with run --record", path = .path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A sampling setting is out of range.
    #[error("{name} is {value} but must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// Its legal range.
        range: String,
    },
    /// The model does not fit the device: every limit that it breaks.
    #[error("the model does not fit this device: {}", .0.join("; "))]
    Limits(Vec<String>),
    /// A prompt without tokens.
    #[error("the prompt has no tokens; give at least one with -p")]
    EmptyPrompt,
    /// The session's positions are used up.
    #[error(
        "the context is full: {used} of {context} positions are used and {asked} more were asked for; start a session with a larger context (-c)"
    )]
    ContextFull {
        /// Positions in use.
        used: usize,
        /// Positions of the session.
        context: usize,
        /// Positions asked for.
        asked: usize,
    },
    /// A token id that the model does not know.
    #[error(
        "token {token} is not below the vocabulary of {vocab}; use the tokenizer that belongs to the model"
    )]
    Token {
        /// The id.
        token: u32,
        /// Size of the vocabulary.
        vocab: usize,
    },
    /// What was loaded into a device is not there any more.
    #[error(
        "device memory changed: the {bytes} bytes at {address:#x} (port {port}) are not those that were loaded; load the model again, and \
         check memory with `sterna doctor` if it happens twice"
    )]
    Scrub {
        /// First byte.
        address: u64,
        /// Bytes that share a checksum.
        bytes: usize,
        /// Port that reads them.
        port: usize,
    },
    /// The device reported a failure or cannot be reached.
    #[error("{0}")]
    Device(String),
}

impl Error {
    /// Adds the file or folder to an error about a tensor that names none.
    pub(crate) fn within(self, path: &Path) -> Self {
        match self {
            Error::Shape { .. }
            | Error::Dtype { .. }
            | Error::Scale { .. }
            | Error::NotFinite { .. }
            | Error::Code { .. }
            | Error::Encoding { .. }
            | Error::NotTernary { .. } => Error::In { path: path.into(), problem: Box::new(self) },
            other => other,
        }
    }

    /// For `map_err`: an error of the file system about `path`.
    pub fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    }

    /// Wraps an I/O error; an absent file becomes [`Error::Missing`] with the given remedy.
    pub(crate) fn io(path: &Path, remedy: &'static str, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        if source.kind() == std::io::ErrorKind::NotFound {
            Error::Missing { path, remedy }
        } else {
            Error::Io { path, source }
        }
    }
}
