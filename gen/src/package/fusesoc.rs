//! For FuseSoC: one core description (CAPI2) over the Verilog.

use sterna_spec::config::Config;

use super::fill;

const TEMPLATES: [(&str, &str); 2] =
    [("README.md", include_str!("fusesoc/README.md")), ("sterna.core", include_str!("fusesoc/sterna.core"))];

/// The files, by name.
pub fn files(config: &Config, sources: &[String]) -> Vec<(&'static str, String)> {
    let list = sources.iter().fold(String::new(), |text, file| text + "      - " + file + "\n");
    let values = [
        ("NAME", config.name.clone()),
        ("CORE", format!("sterna-{}", config.name)),
        ("HASH", format!("{:016x}", config.hash())),
        ("SOURCES", list),
    ];
    TEMPLATES.iter().map(|(name, text)| (*name, fill(text, &values))).collect()
}
