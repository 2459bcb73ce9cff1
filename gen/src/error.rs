//! What can go wrong, each case one sentence with the remedy.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Any failure of the generator.
#[derive(Debug, Error)]
pub enum Error {
    /// No preset and no file of this name.
    #[error("{0}, or name a file that ends in .toml")]
    Name(String),
    /// A configuration file that is not legal.
    #[error("{}: {why}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// All that is wrong.
        why: String,
    },
    /// The hardware cannot be made from a legal configuration.
    #[error("the Verilog of '{name}' cannot be emitted: {why}")]
    Emit {
        /// Name of the configuration.
        name: String,
        /// What the elaboration said.
        why: String,
    },
    /// A configuration that is legal but not for this package.
    #[error("'{name}' cannot be packaged for {flow}: {why}")]
    Package {
        /// Name of the configuration.
        name: String,
        /// What the package is for.
        flow: &'static str,
        /// What does not fit, and the remedy.
        why: String,
    },
    /// There is no such model shape, or the model cannot be compiled for any device.
    #[error("{0}")]
    Shape(String),
    /// There is no such board.
    #[error("{0}")]
    Board(String),
    /// A design that does not go with its board: too large for the part, or other ports than pins.
    #[error("{0}")]
    Unfit(String),
    /// A program of a build failed, or cannot be installed.
    #[error("{tool} failed: {why}")]
    Tool {
        /// What was to be done.
        tool: String,
        /// What it said.
        why: String,
    },
    /// Vectors or operands that cannot be used.
    #[error("{0}")]
    Vectors(String),
    /// Hardware and reference give different numbers.
    #[error("{0}")]
    Different(String),
    /// The routed design is slower than its clock.
    #[error("timing is not met and there is no bitstream: {0}")]
    Timing(String),
    /// There are no proofs of this block.
    #[error("{0}")]
    Block(String),
    /// A proof that does not stand.
    #[error("a proof fails or a mutant survives: see the lines with FAILS and SURVIVES")]
    Unproved,
    /// The folder holds something that this program did not write.
    #[error("{} is not replaced: {why}; move it away or choose another folder", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What is in the way.
        why: String,
    },
    /// The committed output is old.
    #[error("{} {what}; update with `sterna-gen check --update` and commit the result", path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// `differs from what the generator makes now`, ...
        what: String,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: an [`Error::Io`] about `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// 2 for what the command line got wrong, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        let misspelt = matches!(self, Error::Name(_) | Error::Board(_) | Error::Shape(_) | Error::Block(_));
        if misspelt { 2 } else { 1 }
    }
}
