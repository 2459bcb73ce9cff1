//! `sterna devices`: what can execute a model in this build.

use super::args::DevicesArgs;
use super::{print, print_json};
use serde_json::json;
use sterna_host::devices::Kind;
use sterna_host::error::Result;
use sterna_spec::config::{Config, PRESETS};

/// The command.
pub fn devices(args: &DevicesArgs) -> Result<()> {
    let presets = PRESETS.iter().map(|name| Ok(Config::preset(name)?)).collect::<Result<Vec<_>>>()?;
    if args.json {
        let kinds: Vec<_> =
            Kind::ALL.iter().map(|(_, name, about)| json!({"name": name, "about": about})).collect();
        return print_json(&json!({"devices": kinds, "presets": presets}));
    }
    let mut text = String::from("device     what it is\n");
    for (_, name, about) in Kind::ALL {
        text += &format!("{name:<10} {about}\n");
    }
    text += "\npreset          clock    rows  bytes a cycle  weights a cycle  context  memory\n";
    for c in &presets {
        let (clock, weights) = (format!("{} MHz", c.clock_mhz), c.chunk() * c.lookups as usize);
        text += &format!(
            "{:<15} {clock:<8} {:<5} {:<14} {weights:<16} {:<8} {}\n",
            c.name,
            c.rows,
            c.beat_bytes(),
            c.context,
            c.memory
        );
    }
    print(&text)
}
