//! Devices by name: `golden`, `sim`, each with a preset or a file of its own, as in `sim:tiny` or `golden:my.toml`; boards and recordings.

use crate::error::{Error, Result};
use crate::record::{Player, Recording};
use crate::serial::{Place, Serial};
use std::cell::RefCell;
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::path::Path;
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
    /// A board at a serial port.
    Uart,
    /// A board, or a simulated one, behind a socket.
    Tcp,
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
        (Kind::Uart, "uart", "a board at a serial port: uart:PATH, uart:PATH@BAUD, uart:PATH@BAUD,PRESET"),
        (
            Kind::Tcp,
            "tcp",
            "a board behind a socket: tcp:HOST:PORT, tcp:HOST:PORT@BAUD, tcp:HOST:PORT@BAUD,PRESET",
        ),
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
            Kind::Uart | Kind::Tcp => "cycles counted by the device",
            Kind::Replay => "recorded",
        }
    }

    /// What the kind is.
    pub fn about(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., about)| about)
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }
}

/// A device as it is named; what it is, [`Name::find`] finds out.
#[derive(Debug, Clone)]
pub struct Name {
    kind: Kind,
    target: Target,
    /// The configuration, if the name says which.
    config: Option<Config>,
}

/// Where a device is.
#[derive(Debug, Clone)]
enum Target {
    /// In this process.
    Here,
    /// A recording.
    File(PathBuf),
    /// A UIO device.
    #[cfg(target_os = "linux")]
    Uio(String),
    /// At the end of a line.
    Line(Place),
}

/// A device and its configuration.
pub struct Choice {
    /// What executes.
    pub kind: Kind,
    /// The hardware's dimensions.
    pub config: Config,
    /// True if the device counts cycles; a recording has those of the device that was recorded.
    pub has_cycles: bool,
    target: Target,
    /// A line that had to be opened to find the configuration.
    line: RefCell<Option<Serial>>,
}

/// What runs when nothing is said.
pub const DEFAULT: &str = if cfg!(feature = "sim") { "sim:tiny" } else { "golden:tiny" };

/// Preset when none is named.
const PRESET: &str = "tiny";

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let Some((kind, ..)) = Kind::ALL.iter().find(|(_, n, _)| *n == name) else {
            let names: Vec<_> = Kind::ALL.iter().map(|(_, n, _)| *n).collect();
            return Err(format!(
                "there is no device `{name}` in this build; choose one of: {}",
                names.join(", ")
            ));
        };
        let place = rest.unwrap_or_default();
        // where boards are, the configuration stands behind a comma
        let (board, preset) = match place.split_once(',') {
            Some((board, preset)) => (board, Some(preset)),
            None => (place, None),
        };
        let (target, preset) = match kind {
            Kind::Replay => (Target::File(place.into()), None),
            #[cfg(target_os = "linux")]
            Kind::Uio if board.is_empty() => {
                return Err("the name of the UIO device is missing; say uio:NAME".into());
            }
            #[cfg(target_os = "linux")]
            Kind::Uio => (Target::Uio(board.into()), preset),
            Kind::Uart => (Target::Line(Place::uart(board)?), preset),
            Kind::Tcp => (Target::Line(Place::tcp(board)?), preset),
            _ => (Target::Here, Some(rest.unwrap_or(PRESET))),
        };
        Ok(Name { kind: *kind, target, config: preset.map(configuration).transpose()? })
    }
}

impl Name {
    /// Finds out what the device is. One that is not named with its configuration is asked.
    ///
    /// # Errors
    /// If it cannot be reached, or has a configuration that is not known.
    pub fn find(&self) -> Result<Choice> {
        let Name { kind, target, config } = self.clone();
        let (mut has_cycles, mut line) = (kind != Kind::Golden, None);
        let config = match (&target, config) {
            (_, Some(config)) => config,
            (Target::Here, None) => Config::preset(PRESET)?,
            (Target::File(path), None) => {
                let recording = Recording::open(path)?;
                has_cycles = recording.device != Kind::Golden.name();
                recording.config
            }
            #[cfg(target_os = "linux")]
            (Target::Uio(name), None) => crate::uio::configuration(Path::new("/"), name)?,
            (Target::Line(place), None) => {
                let mut device = Serial::open(place)?;
                let config = device.configuration()?;
                line = Some(device);
                config
            }
        };
        Ok(Choice { kind, config, has_cycles, target, line: line.into() })
    }

    /// What executes.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The configuration, if the name says which.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// Where the device is, if it is at the end of a line.
    pub fn place(&self) -> Option<&Place> {
        match &self.target {
            Target::Line(place) => Some(place),
            _ => None,
        }
    }
}

/// A preset, or the configuration in a file whose name ends in `.toml`.
///
/// # Errors
/// One sentence, if there is no such preset, or the file cannot be read or is not a legal configuration.
pub fn configuration(name: &str) -> std::result::Result<Config, String> {
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
    /// Where to leave the first difference.
    #[cfg(feature = "sim")]
    pub mismatch: Option<std::sync::Arc<std::sync::Mutex<Option<sterna_sim::Mismatch>>>>,
    /// Where to keep what every cycle was spent on.
    #[cfg(feature = "sim")]
    pub activity: Option<std::sync::Arc<std::sync::Mutex<sterna_sim::Activity>>>,
}

impl Choice {
    /// Opens the device, with empty memory.
    pub fn open(&self, watch: &Watch) -> Result<Box<dyn Device>> {
        if watch.lockstep || watch.trace.is_some() {
            let refused = match &self.target {
                Target::File(_) => {
                    "a recording has nothing to trace or to compare with; run it on a device with sterna replay"
                }
                Target::Here if self.kind == Kind::Golden => {
                    "the golden model has nothing to trace or to compare with; choose --device sim"
                }
                Target::Here => "",
                _ => {
                    "a board cannot be traced or compared step by step; record a session with run --record and replay it"
                }
            };
            if !refused.is_empty() {
                return Err(Error::Device(refused.into()));
            }
        }
        match &self.target {
            Target::File(path) => Ok(Box::new(Player::new(Recording::open(path)?))),
            #[cfg(target_os = "linux")]
            Target::Uio(name) => Ok(Box::new(crate::uio::Uio::open(Path::new("/"), name, &self.config)?)),
            Target::Line(place) => Ok(Box::new(match self.line.take() {
                Some(device) => device,
                None => Serial::open(place)?,
            })),
            #[cfg(feature = "sim")]
            Target::Here if self.kind == Kind::Sim => self.simulate(watch),
            Target::Here => Ok(Box::new(Golden::new(&self.config))),
        }
    }

    #[cfg(feature = "sim")]
    fn simulate(&self, watch: &Watch) -> Result<Box<dyn Device>> {
        use sterna_sim::{Format, Lockstep, Options, SimDevice, Trace};
        let trace = watch.trace.clone().map(|(path, cycles)| {
            let fst = path.extension().is_some_and(|e| e == "fst");
            Trace { path, cycles, format: if fst { Format::Fst } else { Format::Vcd } }
        });
        let options = Options { trace, activity: watch.activity.clone(), ..Options::default() };
        if !watch.lockstep {
            let probe = self.config.probe || watch.activity.is_some();
            return Ok(Box::new(SimDevice::new(&Config { probe, ..self.config.clone() }, &options)?));
        }
        let mut both = Lockstep::new(&self.config, &options)?;
        both.name_instructions(watch.names.clone());
        if let Some(place) = &watch.mismatch {
            both.share_mismatch(place.clone());
        }
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
