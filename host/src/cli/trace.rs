//! `sterna trace`: what a run spends its cycles on, for Perfetto.

use super::args::TraceArgs;
use super::case::Case;
#[cfg(feature = "sim")]
use std::sync::{Arc, Mutex, PoisonError};
use sterna_host::devices::Watch;
use sterna_host::error::{Error, Result};
use sterna_host::trace::Trace;
use sterna_host::whole;
#[cfg(feature = "sim")]
use sterna_sim::{Activity, Span};

/// The command `trace`.
pub fn trace(args: &TraceArgs) -> Result<()> {
    let case = Case::new(&args.case)?;
    if !case.choice.has_cycles {
        let kind = case.choice.kind.name();
        return Err(Error::Device(format!("{kind} has no cycles to show; choose --device sim or a board")));
    }
    #[cfg(feature = "sim")]
    let activity = timeline();
    let watch = Watch {
        #[cfg(feature = "sim")]
        activity: Some(activity.clone()),
        ..Watch::default()
    };
    let mut trace = Trace::new(case.choice.config.clock_mhz);
    let (mut number, mut at) = (0, 0);
    case.run(&watch, |tokens, counters| {
        #[cfg(feature = "sim")]
        trace.operations(&case.names, &spans(&activity), at);
        at = trace.step(number, tokens, at, counters);
        number += 1;
    })?;
    whole::write(&args.output, format!("{}\n", trace.json())).map_err(Error::at(&args.output))?;
    eprintln!("{number} steps, {at} cycles in {}; open it at https://ui.perfetto.dev", args.output.display());
    Ok(())
}

#[cfg(feature = "sim")]
/// Where the timeline of a run is kept.
pub fn timeline() -> Arc<Mutex<Activity>> {
    Arc::new(Mutex::new(Activity::with_timeline()))
}

#[cfg(feature = "sim")]
/// Takes what was kept so far.
pub fn spans(activity: &Mutex<Activity>) -> Vec<Span> {
    let mut activity = activity.lock().unwrap_or_else(PoisonError::into_inner);
    activity.timeline.as_mut().map(std::mem::take).unwrap_or_default()
}
