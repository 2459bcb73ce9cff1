//! Devices by name: `golden`, `sim`, each with a preset or a file of its own, as in `sim:tiny` or `golden:my.toml`; boards and recordings.

use crate::error::{Error, Result};
use crate::record::{Player, Recording};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use sterna_spec::config::{Config, PRESETS};
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;

/// What executes a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The definition in plain Rust: bits, but no cycles.
    Golden,
    /// The generated Verilog under Verilator.
    #[cfg(feature = "sim")]
    Sim,
    /// A design on this machine's own bus.
    #[cfg(target_os = "linux")]
    Uio,
    /// A recorded session.
    Replay,
}

impl Kind {
    /// All kinds of this build, with their names and what they are.
    pub const ALL: &'static [(Kind, &'static str, &'static str)] = &[
        (Kind::Golden, "golden", "the device's definition in plain Rust: exact results, no cycles"),
        #[cfg(feature = "sim")]
        (Kind::Sim, "sim", "the generated Verilog, cycle by cycle (Verilator)"),
        #[cfg(target_os = "linux")]
        (Kind::Uio, "uio", "a design on this machine's bus: uio:NAME or uio:NAME,PRESET"),
        (Kind::Replay, "replay", "a session that run --record wrote: replay:FILE"),
    ];

    /// Where its counts of cycles come from.
    pub fn counted(self) -> &'static str {
        match self {
            Kind::Golden => "none",
            #[cfg(feature = "sim")]
            Kind::Sim => "simulated",
            #[cfg(target_os = "linux")]
            Kind::Uio => "cycles counted by the device",
            Kind::Replay => "recorded",
        }
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }
}

/// A kind of device and its configuration.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What executes.
    pub kind: Kind,
    /// The hardware's dimensions.
    pub config: Config,
    /// The recording that is played back, or the name of the UIO device.
    pub file: Option<PathBuf>,
    /// True if the device counts cycles; a recording has those of the device that was recorded.
    pub has_cycles: bool,
}

/// What runs when nothing is said.
pub const DEFAULT: &str = if cfg!(feature = "sim") { "sim:tiny" } else { "golden:tiny" };

/// Preset when none is named.
const PRESET: &str = "tiny";

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, preset) = text.split_once(':').unwrap_or((text, PRESET));
        let Some((kind, ..)) = Kind::ALL.iter().find(|(_, n, _)| *n == name) else {
            let names: Vec<_> = Kind::ALL.iter().map(|(_, n, _)| *n).collect();
            return Err(format!(
                "there is no device `{name}` in this build; choose one of: {}",
                names.join(", ")
            ));
        };
        if *kind == Kind::Replay {
            let recording = Recording::open(preset.as_ref()).map_err(|e| e.to_string())?;
            let has_cycles = recording.device != Kind::Golden.name();
            return Ok(Choice {
                kind: *kind,
                config: recording.config,
                file: Some(preset.into()),
                has_cycles,
            });
        }
        #[cfg(target_os = "linux")]
        if *kind == Kind::Uio {
            return uio(text);
        }
        let has_cycles = *kind != Kind::Golden;
        Ok(Choice { kind: *kind, config: configuration(preset)?, file: None, has_cycles })
    }
}

/// `uio:NAME`, with the configuration behind a comma if it is no preset.
#[cfg(target_os = "linux")]
fn uio(text: &str) -> std::result::Result<Choice, String> {
    let name = text.split_once(':').map_or("", |(_, name)| name);
    let (name, config) = match name.split_once(',') {
        _ if name.is_empty() => return Err("the name of the UIO device is missing; say uio:NAME".into()),
        Some((name, preset)) => (name, configuration(preset)?),
        None => {
            (name, crate::uio::configuration(std::path::Path::new("/"), name).map_err(|e| e.to_string())?)
        }
    };
    Ok(Choice { kind: Kind::Uio, config, file: Some(name.into()), has_cycles: true })
}

/// A preset, or the configuration in a file whose name ends in `.toml`.
fn configuration(name: &str) -> std::result::Result<Config, String> {
    if !name.ends_with(".toml") {
        return Config::preset(name);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|e| format!("cannot read {name}: {e}; give a preset ({}) or a file", PRESETS.join(", ")))?;
    Config::from_toml(&text).map_err(|e| format!("{name}: {e}"))
}

/// How a device is watched while it works. Only the simulation can be watched.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Golden model beside the device, compared after every step.
    pub lockstep: bool,
    /// A waveform file (`.fst`, else VCD) and the cycles it shows.
    pub trace: Option<(PathBuf, Range<u64>)>,
    /// Names of parts of the step, by first instruction, for reports.
    pub names: Vec<(u32, String)>,
    /// The command to see a difference again, without the trace options.
    pub command: String,
}

impl Choice {
    /// Opens the device, with empty memory.
    pub fn open(&self, watch: &Watch) -> Result<Box<dyn Device>> {
        match self.kind {
            Kind::Replay if watch.lockstep || watch.trace.is_some() => Err(Error::Device(
                "a recording has nothing to trace or to compare with; run it on a device with sterna replay"
                    .into(),
            )),
            Kind::Replay => {
                let file = self.file.clone().unwrap_or_default();
                Ok(Box::new(Player::new(Recording::open(&file)?)))
            }
            Kind::Golden if watch.lockstep || watch.trace.is_some() => Err(Error::Device(
                "the golden model has nothing to trace or to compare with; choose --device sim".into(),
            )),
            #[cfg(target_os = "linux")]
            Kind::Uio if watch.lockstep || watch.trace.is_some() => Err(Error::Device(
                "a board cannot be traced or compared step by step; record a session with run --record and replay it".into(),
            )),
            #[cfg(target_os = "linux")]
            Kind::Uio => {
                let name = self.file.clone().unwrap_or_default();
                let name = name.to_string_lossy();
                Ok(Box::new(crate::uio::Uio::open(std::path::Path::new("/"), &name, &self.config)?))
            }
            Kind::Golden => Ok(Box::new(Golden::new(&self.config))),
            #[cfg(feature = "sim")]
            Kind::Sim => self.simulate(watch),
        }
    }

    #[cfg(feature = "sim")]
    fn simulate(&self, watch: &Watch) -> Result<Box<dyn Device>> {
        use sterna_sim::{Format, Lockstep, Options, SimDevice, Trace};
        let trace = watch.trace.clone().map(|(path, cycles)| {
            let fst = path.extension().is_some_and(|e| e == "fst");
            Trace { path, cycles, format: if fst { Format::Fst } else { Format::Vcd } }
        });
        let options = Options { trace, ..Options::default() };
        if !watch.lockstep {
            return Ok(Box::new(SimDevice::new(&self.config, &options)?));
        }
        let mut both = Lockstep::new(&self.config, &options)?;
        both.name_instructions(watch.names.clone());
        let window = "--trace difference.fst --trace-from {from} --trace-to {to}";
        both.reproduce_with(format!("{} {window}", watch.command));
        Ok(Box::new(both))
    }
}

impl From<String> for Error {
    fn from(sentence: String) -> Self {
        Error::Device(sentence)
    }
}
