//! What can go wrong, each case one sentence with the numbers and the remedy.

use std::path::PathBuf;

use crate::options::Format;

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No Verilator could be started.
    #[error(
        "cannot start Verilator (tried {tried}): install it with `apt-get install verilator`, or name it in VERILATOR"
    )]
    NoVerilator {
        /// The programs that were tried.
        tried: String,
    },
    /// The Verilator found is older than 5.0.
    #[error(
        "found {found}, but 5.0 or newer is needed: `apt-get install verilator`, or name a newer one in VERILATOR"
    )]
    OldVerilator {
        /// The line that it printed for `--version`.
        found: String,
    },
    /// Verilator's folder `include` could not be found.
    #[error(
        "{program} does not say where its include folder is: set VERILATOR_ROOT to the folder that holds include/verilated.h"
    )]
    NoRoot {
        /// The Verilator that was asked.
        program: String,
    },
    /// No C++ compiler could be started.
    #[error(
        "cannot start a C++ compiler (tried {tried}): install one with `apt-get install g++`, or name it in CXX"
    )]
    NoCompiler {
        /// The programs that were tried.
        tried: String,
    },
    /// Verilator refused the source.
    #[error("Verilator refused the design: {first}\n  command: {command}\n  log: {}", log.display())]
    Verilator {
        /// The first line of an error (or of a warning, where warnings are errors).
        first: String,
        /// The full command line.
        command: String,
        /// The file that holds all output; sources and generated files are in its folder.
        log: PathBuf,
    },
    /// The C++ compiler or the linker failed.
    #[error("the C++ compiler failed: {first}\n  command: {command}\n  log: {}", log.display())]
    Compile {
        /// The first line of an error.
        first: String,
        /// The full command line.
        command: String,
        /// The file that holds all output; sources and generated files are in its folder.
        log: PathBuf,
    },
    /// FST traces need the headers of compression libraries.
    #[error("FST traces need {library}: install it with `apt-get install {package}`, or trace to VCD\n  log: {}", log.display())]
    NoFstLibrary {
        /// `zlib`, or `lz4`, which newer Verilators use too.
        library: &'static str,
        /// Debian's package with its headers.
        package: &'static str,
        /// The file that holds all output.
        log: PathBuf,
    },
    /// A source file's name cannot be used.
    #[error("source file name {name:?} is not usable: {why}")]
    SourceName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A port of a type that is not a vector of bits.
    #[error(
        "module {top}: cannot bind the port declared as `{declaration}`: ports must be packed vectors, not real, string or unpacked arrays"
    )]
    UnsupportedPort {
        /// The top module.
        top: String,
        /// The line of Verilator's header.
        declaration: String,
    },
    /// There is no port of this name.
    #[error("module {top} has no port {name:?}{near}")]
    UnknownPort {
        /// The top module.
        top: String,
        /// The name that was asked for.
        name: String,
        /// `; near: a, b`, or nothing.
        near: String,
    },
    /// A value has more bits than its port.
    #[error("port {port} is {width} bits wide: the value {value} does not fit")]
    Width {
        /// The port.
        port: String,
        /// Its width in bits.
        width: u32,
        /// The value in hexadecimal.
        value: String,
    },
    /// A slice of words has the wrong length.
    #[error("port {port} is {width} bits wide and takes {expected} words of 32 bits: got {got}")]
    Words {
        /// The port.
        port: String,
        /// Its width in bits.
        width: u32,
        /// Words that the port takes.
        expected: usize,
        /// Words that were given.
        got: usize,
    },
    /// An output cannot be set.
    #[error("port {port} is an output: it cannot be set")]
    NotInput {
        /// The port.
        port: String,
    },
    /// The port named as clock is not a 1-bit input.
    #[error("port {port} cannot be the clock: it must be a 1-bit input")]
    BadClock {
        /// The port.
        port: String,
    },
    /// `tick` without a clock.
    #[error("module {top}: no clock was named: set Options::clock to tick")]
    NoClock {
        /// The top module.
        top: String,
    },
    /// The model ran `$stop`, `$error`, `$fatal`, a failing assertion, or a fatal error of Verilator's runtime.
    #[error("module {top} stopped in cycle {cycle}: {message}")]
    Stopped {
        /// The top module.
        top: String,
        /// Cycles since the start.
        cycle: u64,
        /// File, line and cause.
        message: String,
    },
    /// The design was not built for this kind of trace.
    #[error(
        "a {asked:?} trace was asked for, but the design was built {built}: set Options::trace to Some(Format::{asked:?})"
    )]
    TraceFormat {
        /// The format asked for.
        asked: Format,
        /// `without tracing`, `for Vcd` or `for Fst`.
        built: String,
    },
    /// A trace file or window cannot be used.
    #[error("cannot trace to {}: {why}", path.display())]
    Trace {
        /// The trace file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The shared object could not be opened.
    #[error("cannot load {}: {why}: delete the cache folder and build again", path.display())]
    Load {
        /// The shared object.
        path: PathBuf,
        /// What the loader said.
        why: String,
    },
    /// Reading or writing a file failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: an [`Error::Io`] about `path`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}
