//! Packages: a configuration's Verilog and what a flow needs to use it, as one folder of text files.
//!
//! ```text
//!             ┌─► vivado/   wrapper with interface attributes, IP, block design, build, overlay for the KV260
//!   Config ───┼─► fusesoc/  one CAPI2 core with a lint target
//!             └─► litex/    a LiteX module and an example SoC
//! ```
//!
//! Files with fixed text are templates beside the code; `@NAME@` in them stands for a value of the configuration.

mod fusesoc;
mod litex;
mod ports;
mod vivado;

use std::collections::BTreeMap;

use clap::ValueEnum;
use sterna_spec::config::Config;

use crate::error::Error;
use crate::output::files;

/// What a package is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flow {
    /// Vivado: the KV260.
    Vivado,
    /// FuseSoC: a core for other designs.
    Fusesoc,
    /// LiteX: a module for its SoCs.
    Litex,
}

/// Files of a package by name, folders included. The probe of lockstep simulation is left out.
///
/// # Errors
/// If the hardware cannot be elaborated, or does not fit what the flow is for.
pub fn package(config: &Config, flow: Flow) -> Result<BTreeMap<String, String>, Error> {
    let config = &Config { probe: false, ..config.clone() };
    let mut all = BTreeMap::new();
    let mut sources = Vec::new();
    for (name, text) in files(config)? {
        if name.ends_with(".v") {
            sources.push(format!("rtl/{name}"));
            all.insert(format!("rtl/{name}"), text);
        } else {
            all.insert(name, text);
        }
    }
    let own = match flow {
        Flow::Vivado => vivado::files(config, &sources)?,
        Flow::Fusesoc => fusesoc::files(config, &sources),
        Flow::Litex => litex::files(config, &sources),
    };
    all.extend(own.into_iter().map(|(name, text)| (name.to_string(), text)));
    Ok(all)
}

/// A template with its values.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_string(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna_spec::config::PRESETS;

    #[test]
    fn every_template_is_filled() {
        for name in PRESETS {
            for flow in Flow::value_variants() {
                let files = package(&Config::preset(name).unwrap(), *flow).unwrap();
                for (file, text) in files.iter().filter(|(file, _)| !file.starts_with("rtl/")) {
                    let left = text.split('@').find(|word| {
                        word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
                    });
                    assert_eq!(left, None, "{name} {flow:?} {file}");
                }
                assert!(files.contains_key("README.md") && files.contains_key("rtl/sterna.v"));
            }
        }
    }
}
