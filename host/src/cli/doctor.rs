//! `sterna doctor`: what is wrong with this machine, and with a device.

use super::args::DoctorArgs;
use super::progress::Progress;
use super::{print, print_json};
use serde_json::json;
use std::path::Path;
use sterna_host::doctor::device::{Thoroughness, device};
use sterna_host::doctor::{Check, Outcome, ports, tools};
use sterna_host::error::{Error, Result};

/// The command. Fails if a check does.
pub fn doctor(args: &DoctorArgs) -> Result<()> {
    let mut all = tools::tools(&std::env::var_os("PATH").unwrap_or_default());
    all.extend(ports::ports(Path::new("/"), ports::may));
    if let Some(name) = &args.device {
        let mut progress = Progress::new("examining memory");
        let progress = &mut |done, all| progress.at(done, all);
        all.extend(device(name, &mut Thoroughness { whole: args.whole, progress })?);
    }
    let failed: Vec<_> =
        all.iter().filter(|check| check.outcome == Outcome::Fail).map(|check| &*check.name).collect();
    if args.json {
        print_json(&json!({"checks": all, "failed": failed}))?;
    } else {
        print(&all.iter().map(|check: &Check| format!("{check}\n")).collect::<String>())?;
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Error::Device(format!(
            "{} of {} checks failed: {}",
            failed.len(),
            all.len(),
            failed.join(", ")
        ))),
    }
}
