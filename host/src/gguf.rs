//! GGUF files, versions 2 and 3, little-endian: typed metadata and named tensors over a memory map, and a writer.
//!
//! ```text
//! "GGUF", version u32, tensors u64, pairs u64
//! pairs:    key, type u32, value                        (strings: u64 length and UTF-8)
//! tensors:  name, dimensions u32, each u64 (innermost first), type u32, offset u64 from the start of the data
//! data:     at the next multiple of general.alignment (32), each tensor at a multiple of it
//! ```
//!
//! Nothing in a file is believed before it is checked: counts and lengths against the bytes that are left, offsets against
//! the size, the alignment and each other. Source: `docs/gguf.md` of the ggml project.

mod cursor;
mod error;
mod header;
mod layout;
mod value;
mod writer;

pub use error::Error;
pub use header::{Header, Tensor};
pub use layout::i2s_layout;
pub use value::{Array, Metadata, Value};
pub use writer::Writer;

use crate::error::{Error as HostError, Result};
use crate::tensors::Bytes;
use std::path::{Path, PathBuf};

/// First bytes of every file.
const MAGIC: [u8; 4] = *b"GGUF";
/// The key that sets the alignment of tensors.
const ALIGNMENT_KEY: &str = "general.alignment";
/// The alignment of files that do not set it, in bytes.
const DEFAULT_ALIGNMENT: usize = 32;

/// An open file. Its header has been read and checked; tensor data is read from disk when it is used.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    map: Bytes,
    header: Header,
}

impl Gguf {
    /// Maps `path` and checks its header. Errors name the file.
    pub fn open(path: &Path) -> Result<Self> {
        let remedy = "give a GGUF file or the folder of a Hugging Face model";
        let map = Bytes::open(path, remedy)?;
        let header = Self::parse(&map).map_err(|e| e.of(path))?;
        Ok(Gguf { path: path.into(), map, header })
    }

    /// Reads and checks the header of a file in memory.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Header, Error> {
        Header::parse(bytes)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.header.metadata
    }

    /// All tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.header.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensor `name`, if the file has it.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.header.tensors.get(name)
    }

    /// The data of a tensor of this file.
    pub fn bytes(&self, tensor: &Tensor) -> &[u8] {
        // parsing has checked the range; a tensor of another file yields nothing rather than a panic
        self.map.get(tensor.range.clone()).unwrap_or_default()
    }

    /// The whole file, which [`Tensor::range`] points into.
    pub fn file_bytes(&self) -> &[u8] {
        &self.map
    }

    /// The bytes of one of this file's tensors, which keep the file mapped.
    pub(crate) fn part(&self, tensor: &Tensor) -> Option<Bytes> {
        self.map.part(tensor.range.clone())
    }

    /// An error about a tensor of this file.
    pub fn tensor_error(&self, name: &str, problem: crate::ggml::Error) -> HostError {
        Error::Tensor { name: name.into(), problem }.of(&self.path)
    }
}
