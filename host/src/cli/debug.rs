//! `sterna debug`: where a device first differs from the golden model.

use super::args::DebugArgs;
use super::case::Case;
use super::trace::{spans, timeline};
use super::{print, print_json};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use sterna_host::debug;
use sterna_host::devices::Watch;
use sterna_host::error::{Error, Result};
use sterna_host::whole;
use sterna_sim::{Mismatch, Span};

/// Cycles before and after a difference: in the waveform file, and as text.
const WINDOW: [u64; 2] = [2000, 100];
const SHOWN: [u64; 2] = [40, 8];

/// The command `debug`.
pub fn debug(args: &DebugArgs) -> Result<()> {
    let case = Case::new(&args.case)?;
    let mismatch = match find(&case)? {
        Ok(mismatch) => mismatch,
        Err([steps, cycles]) => {
            return match args.json {
                true => print_json(&json!({ "different": false, "steps": steps, "cycles": cycles })),
                false => print(&format!("no difference in {steps} steps, {cycles} cycles\n")),
            };
        }
    };
    fs::create_dir_all(&args.output).map_err(Error::at(&args.output))?;
    let [dump, save] = ["difference.fst", "difference.gtkw"].map(|name| args.output.join(name));
    let about = |[before, after]: [u64; 2]| mismatch.cycle.saturating_sub(before)..mismatch.cycle + after;
    let spans = again(&case, &dump, about(WINDOW))?;
    let signals = debug::signals(&dump, &mismatch, about(SHOWN))?;
    let text = debug::gtkw("difference.fst", &signals, &case.names, &spans, about(WINDOW), mismatch.cycle);
    whole::write(&save, text).map_err(Error::at(&save))?;
    let picture = debug::waveform(&signals, about(SHOWN), mismatch.cycle);
    if args.json {
        print_json(&described(&mismatch, &dump, &picture))?;
    } else {
        print(&format!("{mismatch}\n{picture}\nwaveform {}, markers {}\n", dump.display(), save.display()))?;
    }
    Err(Error::Device(format!("the device differs from the golden model in step {}", mismatch.step)))
}

/// A difference for machines.
fn described(m: &Mismatch, dump: &Path, picture: &str) -> Value {
    json!({
        "different": true, "seed": m.seed, "preset": m.preset, "step": m.step, "layer": m.layer,
        "instruction": m.instruction, "disassembly": m.disassembly, "row": m.row, "where": m.place.to_string(),
        "block": m.block, "signal": m.signal, "expected": m.expected, "got": m.got, "cycle": m.cycle,
        "reproduce": m.reproduce, "waveform": dump, "streams": picture,
    })
}

/// The first difference, if there is one; else steps and cycles.
fn find(case: &Case) -> Result<std::result::Result<Mismatch, [u64; 2]>> {
    let place = Arc::new(Mutex::new(None));
    let watch = Watch {
        lockstep: true,
        names: case.image.instruction_names(),
        mismatch: Some(place.clone()),
        command: command(),
        ..Watch::default()
    };
    let mut counted = [0, 0];
    let ran = case.run(&watch, |_, counters| {
        counted[0] += 1;
        counted[1] += counters.get("CYCLES");
    });
    let found = place.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (found, ran) {
        (Some(mismatch), _) => Ok(Ok(mismatch)),
        (None, Ok(())) => Ok(Err(counted)),
        (None, Err(error)) => Err(error),
    }
}

/// The command that runs the same in lockstep.
fn command() -> String {
    let mut words = std::env::args().skip(2).collect::<Vec<_>>();
    words.retain(|word| word != "--json");
    format!("sterna run --lockstep {}", words.join(" "))
}

/// Runs again up to the difference and writes the waveform; returns what each cycle belonged to.
fn again(case: &Case, path: &Path, window: std::ops::Range<u64>) -> Result<Vec<Span>> {
    let activity = timeline();
    let watch = Watch {
        lockstep: true,
        trace: Some((path.into(), window)),
        activity: Some(activity.clone()),
        ..Watch::default()
    };
    // it stops at the difference, as before
    drop(case.run(&watch, |_, _| ()));
    Ok(spans(&activity))
}
