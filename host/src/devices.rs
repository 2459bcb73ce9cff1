//! Devices by name: `golden`, `sim`, each with a preset or a file of its own, as in `sim:tiny` or `golden:my.toml`.

use crate::error::{Error, Result};
use std::str::FromStr;
use sterna_spec::config::{Config, PRESETS};
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;

/// What executes a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The definition in plain Rust: bits, but no cycles.
    Golden,
}

impl Kind {
    /// All kinds of this build, with their names and what they are.
    pub const ALL: &'static [(Kind, &'static str, &'static str)] =
        &[(Kind::Golden, "golden", "the device's definition in plain Rust: exact results, no cycles")];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }

    /// True if the device counts cycles.
    pub fn has_cycles(self) -> bool {
        self != Kind::Golden
    }
}

/// A kind of device and its configuration.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What executes.
    pub kind: Kind,
    /// The hardware's dimensions.
    pub config: Config,
}

/// What runs when nothing is said.
pub const DEFAULT: &str = "golden:tiny";

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
        Ok(Choice { kind: *kind, config: configuration(preset)? })
    }
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

impl Choice {
    /// Opens the device, with empty memory.
    pub fn open(&self) -> Result<Box<dyn Device>> {
        match self.kind {
            Kind::Golden => Ok(Box::new(Golden::new(&self.config))),
        }
    }
}

impl From<String> for Error {
    fn from(sentence: String) -> Self {
        Error::Device(sentence)
    }
}
