//! What to build and how: the source texts and the options.

use std::path::{Component, Path, PathBuf};

use crate::error::Error;

/// A design: Verilog texts and the name of the top module.
#[derive(Clone, Debug)]
pub struct Source {
    pub(crate) top: String,
    pub(crate) files: Vec<(String, String)>,
}

impl Source {
    /// A design with no file yet.
    pub fn new(top: impl Into<String>) -> Self {
        Source { top: top.into(), files: Vec::new() }
    }

    /// Adds a file. Files that end in `.v` or `.sv` are given to Verilator in the order added (packages first); others can be
    /// reached with `` `include ``. Messages name the file as `src/<name>`.
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.push((name.into(), text.into()));
        self
    }

    /// The names given to Verilator on its command line.
    pub(crate) fn compiled(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| name.ends_with(".v") || name.ends_with(".sv"))
    }

    /// Names become paths below the build folder and words of a command line.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let bad = |name: &str, why| Err(Error::SourceName { name: name.into(), why });
        if self.compiled().next().is_none() {
            return bad("", "the source has no file that ends in .v or .sv");
        }
        for (index, (name, _)) in self.files.iter().enumerate() {
            let normal = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if name.is_empty() || !normal || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return bad(name, "it must be a relative path without `..` and without spaces");
            }
            if self.files[..index].iter().any(|(other, _)| other == name) {
                return bad(name, "it was added twice");
            }
        }
        Ok(())
    }
}

/// The kind of a trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Value change dump, text (IEEE 1364).
    Vcd,
    /// GTKWave's FST: slower to write, several times smaller, needs zlib's headers to build.
    Fst,
}

/// What registers, memories and undriven bits hold before anything assigns them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// Zero.
    #[default]
    Zero,
    /// Random bits, the same for the same seed and the same build.
    Random(u64),
}

impl Init {
    /// Verilator's seed: 1 to 2^31 - 1; 0 stands for [`Init::Zero`].
    pub(crate) fn seed(self) -> i32 {
        match self {
            Init::Zero => 0,
            // Fibonacci hashing spreads neighbouring seeds; the top 31 bits always fit.
            Init::Random(seed) => {
                ((seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as i32).max(1)
            }
        }
    }
}

/// What Verilator's warnings do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Warnings {
    /// They are written to the log only (`-Wno-fatal`).
    #[default]
    Log,
    /// Any warning that is on by default fails the build.
    Deny,
    /// Any warning, those of style included, fails the build (`-Wall`).
    DenyAll,
}

/// How to build and run a design. `Options::default()` builds the fast model: no trace, `-O2`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The 1-bit input that [`Model::tick`](crate::Model::tick) toggles; `None` for a design without a clock.
    pub clock: Option<String>,
    /// Build with tracing for this format: a different, slower build.
    pub trace: Option<Format>,
    /// Initial values, used by [`Model::load`](crate::Model::load).
    pub init: Init,
    /// What warnings do.
    pub warnings: Warnings,
    /// Check assertions (`--assert`).
    pub assertions: bool,
    /// Count how often each line ran and each bit toggled, and leave the counts in this folder when a model is dropped; otherwise
    /// the environment's VERILATED_COVERAGE names it. Each design has a folder of its own there, with its sources.
    pub coverage: Option<PathBuf>,
    /// `-O<n>` for the model's fast code and the runtime, 0 to 3; code that runs once is always compiled with `-O0`.
    pub opt_level: u8,
    /// Further arguments of Verilator, such as `-GWIDTH=8` or `-DNAME`.
    pub verilator_args: Vec<String>,
    /// The Verilator to run; otherwise the environment's VERILATOR, `verilator`, `verilator_bin`.
    pub verilator: Option<PathBuf>,
    /// The C++ compiler to run, with leading arguments if any; otherwise the environment's CXX, `g++`, `c++`, `clang++`.
    pub cxx: Option<String>,
    /// Where builds are kept; otherwise the environment's VERILATED_CACHE, `$CARGO_TARGET_DIR/verilated-cache`,
    /// `$XDG_CACHE_HOME/verilated`, `$HOME/.cache/verilated`.
    pub cache: Option<PathBuf>,
    /// Compilers to run at a time; 0 for one per processor.
    pub jobs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: None,
            trace: None,
            init: Init::Zero,
            warnings: Warnings::Log,
            assertions: true,
            coverage: None,
            opt_level: 2,
            verilator_args: Vec::new(),
            verilator: None,
            cxx: None,
            cache: None,
            jobs: 0,
        }
    }
}

impl Options {
    /// Where counts go, if they are wanted.
    pub(crate) fn coverage_folder(&self) -> Option<PathBuf> {
        self.coverage.clone().or_else(|| std::env::var_os("VERILATED_COVERAGE").map(PathBuf::from))
    }

    /// The arguments of Verilator that depend on the options.
    pub(crate) fn verilator_flags(&self) -> Vec<String> {
        let mut flags: Vec<String> =
            ["--no-timing", "--x-assign", "unique", "--x-initial", "unique"].map(String::from).into();
        flags.push(if self.assertions { "--assert" } else { "--no-assert" }.into());
        flags.extend(match self.warnings {
            Warnings::Log => Some("-Wno-fatal".into()),
            Warnings::Deny => None,
            Warnings::DenyAll => Some("-Wall".into()),
        });
        flags.extend(self.trace.map(|format| match format {
            Format::Vcd => "--trace".into(),
            Format::Fst => "--trace-fst".into(),
        }));
        if self.coverage_folder().is_some() {
            flags.extend(["--coverage-line", "--coverage-toggle"].map(String::from));
        }
        flags.extend(self.verilator_args.iter().cloned());
        flags
    }

    /// Flags of the C++ compiler for both the model and the runtime, without the optimisation level.
    pub(crate) fn cxx_flags(&self) -> Vec<String> {
        // Hidden symbols keep the statics of several loaded models (and several Verilator versions) apart.
        let mut flags: Vec<String> =
            ["-std=gnu++17", "-fPIC", "-fvisibility=hidden", "-w", "-pthread"].map(String::from).into();
        flags.extend(["FATAL", "STOP", "FINISH"].map(|name| format!("-DVL_USER_{name}")));
        let bit = |on: bool| u8::from(on);
        flags.push("-DVERILATOR=1".into());
        flags.push(format!("-DVM_COVERAGE={}", bit(self.coverage_folder().is_some())));
        flags.push("-DVM_SC=0".into());
        flags.push(format!("-DVM_TRACE={}", bit(self.trace.is_some())));
        flags.push(format!("-DVM_TRACE_VCD={}", bit(self.trace == Some(Format::Vcd))));
        flags.push(format!("-DVM_TRACE_FST={}", bit(self.trace == Some(Format::Fst))));
        flags
    }

    /// `-O0` to `-O3`.
    pub(crate) fn opt_flag(&self) -> String {
        format!("-O{}", self.opt_level.min(3))
    }
}
