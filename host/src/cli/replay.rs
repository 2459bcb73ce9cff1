//! `sterna replay`: a recorded session on another device, every answer compared.

use super::args::ReplayArgs;
use super::progress::Progress;
use super::{print, print_json};
use serde_json::json;
use sterna_host::devices::Watch;
use sterna_host::error::{Error, Result};
use sterna_host::record::{Recording, rerun};

/// The command.
pub fn replay(args: &ReplayArgs) -> Result<()> {
    let mut recording = Recording::open(&args.file)?;
    let choice = args.device.find()?;
    let (recorded, own) = (recording.config.hash(), choice.config.hash());
    if recorded != own {
        let (name, preset) = (&recording.config.name, &choice.config.name);
        return Err(Error::Device(format!(
            "the session was recorded on `{name}`, {recorded:016x}, but `{preset}` is {own:016x}; choose the preset that was recorded"
        )));
    }
    let building = Progress::spinner("preparing the device");
    let mut device = choice.open(&Watch::default())?;
    drop(building);
    let outcome = rerun(&mut recording, &mut *device, |_| {})?;
    if args.json {
        print_json(&json!({
            "file": args.file.display().to_string(), "recorded": recording.device, "device": choice.kind.name(),
            "calls": outcome.calls, "compared": outcome.compared, "counters": outcome.passed_over, "difference": outcome.difference,
        }))?;
    } else if outcome.difference.is_none() {
        print(&format!(
            "{} calls, recorded on {}: {} answers are the same on {}; {} counters were not compared\n",
            outcome.calls,
            recording.device,
            outcome.compared,
            choice.kind.name(),
            outcome.passed_over
        ))?;
    }
    match outcome.difference {
        None => Ok(()),
        Some(difference) => Err(Error::Device(difference)),
    }
}
