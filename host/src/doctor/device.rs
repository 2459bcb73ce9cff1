//! A device: what it is, and then its clock, memory, arithmetic and line.

use super::{Check, clock, line, memory, selftest};
use crate::devices::{Kind, Name, Watch};
use crate::error::{Error, Result};
use crate::serial::{Place, Serial};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{self, offset};

/// Bytes that are tested where memory grows on request.
const GROWN: u64 = 1 << 16;
/// The remedy when nothing could be opened.
const NOTHING: &str = "not checked, because the device cannot be used";

/// How thorough to be, and whom to tell.
pub struct Thoroughness<'a> {
    /// The whole memory instead of parts of it.
    pub whole: bool,
    /// `progress(windows of memory done, all)`.
    pub progress: &'a mut dyn FnMut(usize, usize),
}

/// All checks of the device of a name.
///
/// # Errors
/// If the name is that of a recording.
pub fn device(name: &Name, thoroughness: &mut Thoroughness) -> Result<Vec<Check>> {
    if name.kind() == Kind::Replay {
        return Err(Error::Device("a recording is no device to examine; name a device".into()));
    }
    if let Some(place) = name.place() {
        return Ok(at_place(place, name.config(), thoroughness));
    }
    let opened = name.find().and_then(|choice| Ok((choice.open(&Watch::default())?, choice)));
    let (mut device, choice) = match opened {
        Ok(opened) => opened,
        Err(e) => return Ok(unusable(Check::error("device", &e.to_string()))),
    };
    let mut all = vec![Check::pass("device", name.kind().about())];
    all.push(identity(&mut device, Some(&choice.config)).0);
    all.push(Check::skip(
        "clock",
        format!("`{}` has no counter that runs between steps", name.kind().name()),
        None,
    ));
    all.push(match device.reserve_memory(GROWN) {
        Ok(()) => memory::memory(&mut device, GROWN, thoroughness.whole, thoroughness.progress),
        Err(e) => Check::error("memory", &e.to_string()),
    });
    all.push(selftest::selftest(&mut device, &choice.config));
    all.push(Check::skip("line", "there is none", None));
    Ok(all)
}

fn at_place(place: &Place, named: Option<&Config>, thoroughness: &mut Thoroughness) -> Vec<Check> {
    match Serial::open(place) {
        Ok(mut device) => serial(&mut device, named, thoroughness),
        Err(e) => unusable(Check::error("device", &e.to_string())),
    }
}

fn unusable(first: Check) -> Vec<Check> {
    let rest = ["configuration", "clock", "memory", "self-test", "line"];
    std::iter::once(first).chain(rest.map(|name| Check::skip(name, NOTHING, None))).collect()
}

/// All checks of a device at the end of a line, whose configuration may have been named.
pub fn serial(device: &mut Serial, named: Option<&Config>, thoroughness: &mut Thoroughness) -> Vec<Check> {
    let facts = device.facts();
    let note = if facts.was_locked { "; an earlier session had left it locked" } else { "" };
    let errors = device.line_errors();
    let mut all =
        vec![Check::pass("device", format!("a bridge with {} bytes of memory{note}", facts.memory))];
    let (check, config) = identity(device, named);
    all.push(check);
    all.push(clock::clock(device));
    all.push(memory::memory(device, facts.memory, thoroughness.whole, thoroughness.progress));
    all.push(match config {
        Some(config) => selftest::selftest(device, &config),
        None => Check::skip("self-test", "the configuration is not known", None),
    });
    all.push(match errors {
        Ok(errors) => line::line(device, errors),
        Err(e) => Check::error("line", &e.to_string()),
    });
    all
}

/// Whether the core is one of ours, and which: the named configuration, else the preset whose hash it has.
fn identity(device: &mut dyn Device, named: Option<&Config>) -> (Check, Option<Config>) {
    const NAME: &str = "configuration";
    let mut read = |at: u32| device.read_register(at);
    let mut words = || {
        Ok::<_, DeviceError>([
            read(offset::ID)?,
            read(offset::VERSION)?,
            read(offset::CONFIG_HASH)?,
            read(offset::CONFIG_HASH + 4)?,
        ])
    };
    let [id, version, low, high] = match words() {
        Ok(words) => words,
        Err(e) => return (Check::error(NAME, &e.to_string()), None),
    };
    if [id, version] != [registers::ID, registers::VERSION] {
        let found = format!(
            "the core has id {id:#010x} and version {version} instead of {:#010x} and {}",
            registers::ID,
            registers::VERSION
        );
        return (Check::fail(NAME, found, "load Sterna's bitstream, made with this version"), None);
    }
    let hash = u64::from(high) << 32 | u64::from(low);
    match (Config::with_hash(hash), named) {
        (_, Some(named)) if named.hash() == hash => {
            (Check::pass(NAME, format!("`{}`, hash {hash:016x}", named.name)), Some(named.clone()))
        }
        (_, Some(named)) => {
            let found = format!("hash {hash:016x}, but `{}` has {:016x}", named.name, named.hash());
            (
                Check::fail(
                    NAME,
                    found,
                    "load the bitstream of this configuration, or name the one that is loaded",
                ),
                None,
            )
        }
        (Some(preset), None) => {
            (Check::pass(NAME, format!("preset `{}`, hash {hash:016x}", preset.name)), Some(preset))
        }
        (None, None) => {
            let found = format!("hash {hash:016x}, which is that of no preset");
            (Check::fail(NAME, found, "name its file behind a comma, as in uart:PATH@BAUD,config.toml"), None)
        }
    }
}
