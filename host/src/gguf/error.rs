//! What can be wrong with a GGUF file, one sentence each; [`Error::of`] puts the file in front.

use std::path::Path;

/// Every failure that the bytes of a file can cause.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another kind of file.
    #[error(
        "it starts with {found:?}, not with GGUF, so it is no GGUF file; give a .gguf file or a model folder"
    )]
    Magic {
        /// The first bytes as text.
        found: String,
    },
    /// A version that is not read.
    #[error(
        "its GGUF version is {version}, but 2 and 3 are read; convert the model again with a current converter"
    )]
    Version {
        /// The version.
        version: u32,
    },
    /// A file for big-endian machines.
    #[error(
        "it is a big-endian GGUF file (version {version}) and only little-endian ones are read; turn it with `gguf-convert-endian FILE little`"
    )]
    BigEndian {
        /// The version.
        version: u32,
    },
    /// The file ends too early.
    #[error(
        "{what} needs {needed} bytes at byte {at} of {size}; the file is damaged or cut short, fetch it again"
    )]
    Truncated {
        /// What was being read.
        what: String,
        /// Its size.
        needed: u64,
        /// Where it starts.
        at: usize,
        /// Size of the file.
        size: usize,
    },
    /// A count that the rest of the file cannot hold.
    #[error(
        "{what} claims {count} entries, more than the {left} bytes left can hold; the file is damaged, fetch it again"
    )]
    Count {
        /// What has the entries.
        what: String,
        /// Number of entries.
        count: u64,
        /// Bytes left.
        left: usize,
    },
    /// Text that is not UTF-8.
    #[error(
        "{what} is not UTF-8 text at byte {at}; the file is damaged or badly converted, fetch or convert it again"
    )]
    Utf8 {
        /// The text.
        what: String,
        /// Position in the file.
        at: usize,
    },
    /// An unknown type of value.
    #[error("{what} has value type {id}, but types are 0 to 12; the file is damaged, fetch it again")]
    ValueType {
        /// What has the value.
        what: String,
        /// The type.
        id: u32,
    },
    /// A truth value that is neither.
    #[error(
        "{what} holds the truth value {value}, but 0 and 1 are defined; the file is damaged, fetch it again"
    )]
    Bool {
        /// What has the value.
        what: String,
        /// The byte.
        value: u8,
    },
    /// Arrays of arrays of arrays...
    #[error("{what} nests arrays deeper than {limit}; the file is damaged, fetch it again")]
    Depth {
        /// What has the arrays.
        what: String,
        /// Levels that are read.
        limit: usize,
    },
    /// The same key twice.
    #[error("key `{key}` occurs twice; convert the model again")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The same tensor twice.
    #[error("tensor `{name}` occurs twice; convert the model again")]
    DuplicateTensor {
        /// The tensor.
        name: String,
    },
    /// An alignment that is none.
    #[error(
        "general.alignment is {found}, but must be a power of two up to {limit}; convert the model again"
    )]
    Alignment {
        /// The value.
        found: String,
        /// Largest value.
        limit: usize,
    },
    /// A file of several.
    #[error(
        "it is part {number} of a model in {count} files; join them with `llama-gguf-split --merge FIRST-PART OUTPUT` and give the result"
    )]
    Split {
        /// Number of the part, from 1.
        number: u64,
        /// Number of parts.
        count: u64,
    },
    /// A tensor with an unusable shape.
    #[error("tensor `{name}` has {problem}; the file is damaged, fetch it again")]
    Dimensions {
        /// The tensor.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A tensor that does not start where one may.
    #[error(
        "tensor `{name}` starts at {offset}, which is no multiple of the alignment {alignment}; convert the model again"
    )]
    Misaligned {
        /// The tensor.
        name: String,
        /// Its offset in the data.
        offset: u64,
        /// The alignment.
        alignment: usize,
    },
    /// A tensor that reaches past the end of the file.
    #[error(
        "tensor `{name}` takes {bytes} bytes from byte {start}, but the file ends at {size}; the file is cut short, fetch it again"
    )]
    OutOfRange {
        /// The tensor.
        name: String,
        /// Its size.
        bytes: usize,
        /// Its start in the file.
        start: u64,
        /// Size of the file.
        size: usize,
    },
    /// Two tensors on the same bytes.
    #[error("tensors `{first}` and `{second}` share byte {at}; the file is damaged, fetch it again")]
    Overlap {
        /// One tensor.
        first: String,
        /// The other, which starts later.
        second: String,
        /// First byte of the second.
        at: usize,
    },
    /// A tensor whose type or data cannot be used.
    #[error("tensor `{name}`: {problem}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        problem: crate::ggml::Error,
    },
    /// A key that is needed and absent.
    #[error("key `{key}` is missing among {count} keys; convert the model again with a current converter")]
    MissingKey {
        /// The key.
        key: String,
        /// Number of keys that the file has.
        count: usize,
    },
    /// A value of the wrong kind.
    #[error("key `{key}` is {found} but must be {wanted}; convert the model again")]
    WrongValue {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
}

impl Error {
    /// As an error of this crate, about the file at `path`.
    pub fn of(self, path: &Path) -> crate::error::Error {
        crate::error::Error::Gguf { path: path.into(), problem: self.to_string() }
    }
}
