//! Finds a configuration by name or file; lists presets; documents their fields.

use std::fs;
use std::path::Path;

use serde::Serialize;
use sterna_spec::config::{Config, FIELDS, PRESETS};

use crate::error::Error;

/// The preset of this name, or the configuration in this file (a name that ends in `.toml`).
///
/// # Errors
/// If there is none, or it is not legal.
pub fn configuration(name: &str) -> Result<Config, Error> {
    if !name.ends_with(".toml") {
        return Config::preset(name).map_err(Error::Name);
    }
    let path = Path::new(name);
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    Config::from_toml(&text).map_err(|why| Error::Config { path: path.into(), why })
}

/// A configuration as TOML, each field under its documentation.
pub fn schema(config: &Config) -> String {
    // serialization of a struct of numbers and names cannot fail; an empty text would fail every test
    let text = toml::to_string(config).unwrap_or_default();
    let documented = FIELDS.iter().zip(text.lines()).map(|((_, doc), line)| format!("# {doc}\n{line}\n"));
    documented.collect::<Vec<_>>().join("\n")
}

/// A preset and the numbers that follow from it.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    config: Config,
    beat_bytes: usize,
    trits_per_cycle: u32,
    config_hash: String,
}

fn presets() -> Vec<Listed> {
    let listed = |config: Config| Listed {
        beat_bytes: config.beat_bytes(),
        trits_per_cycle: config.lookups * config.tables * config.group,
        config_hash: format!("{:016x}", config.hash()),
        config,
    };
    PRESETS.iter().filter_map(|name| Config::preset(name).ok()).map(listed).collect()
}

/// All presets as a JSON array: every field of the configuration, and what follows from it.
pub fn json() -> String {
    serde_json::to_string_pretty(&presets()).unwrap_or_default() + "\n"
}

/// All presets as an aligned table.
pub fn table() -> String {
    let head =
        ["preset", "rows", "trits/cycle", "lanes", "ports", "beat", "head", "context", "memory", "clock"];
    let row = |p: &Listed| {
        let c = &p.config;
        [
            c.name.clone(),
            c.rows.to_string(),
            format!("{} = {}x{}x{}", p.trits_per_cycle, c.lookups, c.tables, c.group),
            c.lanes.to_string(),
            format!("{} x {} B", c.ports, c.port_bytes),
            format!("{} B", p.beat_bytes),
            c.head_size.to_string(),
            c.context.to_string(),
            c.memory.clone(),
            format!("{} MHz", c.clock_mhz),
        ]
    };
    let lines: Vec<_> = [head.map(String::from)].into_iter().chain(presets().iter().map(row)).collect();
    let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let print = |line: &[String; 10]| {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    lines.iter().map(print).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_the_configuration() {
        for name in PRESETS {
            let config = Config::preset(name).unwrap();
            let text = schema(&config);
            assert_eq!(Config::from_toml(&text).unwrap(), config);
            assert!(FIELDS.iter().all(|(field, doc)| text.contains(&format!("# {doc}\n{field} = "))));
        }
    }

    #[test]
    fn the_list_as_json_is_complete() {
        let value: serde_json::Value = serde_json::from_str(&json()).unwrap();
        let list = value.as_array().unwrap();
        assert_eq!(list.len(), PRESETS.len());
        for (entry, name) in list.iter().zip(PRESETS) {
            assert_eq!(entry["name"], *name);
            assert!(FIELDS.iter().all(|(field, _)| !entry[field].is_null()));
        }
    }
}
