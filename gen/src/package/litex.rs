//! For LiteX: a module with the core, and an example SoC.
//!
//! ```text
//!   SoC bus ─► AXI4-Lite ─► s_axi ┌──────┐ m*_axi ─► LiteDRAM port, or an adapter to the SoC bus
//!   event manager ◄────────── irq └──────┘
//! ```

use sterna_spec::config::Config;
use sterna_spec::registers::SPACE;

use super::fill;
use super::ports::masters;

const TEMPLATES: [(&str, &str); 4] = [
    ("README.md", include_str!("litex/README.md")),
    ("requirements.txt", include_str!("litex/requirements.txt")),
    ("sterna.py", include_str!("litex/sterna.py")),
    ("soc.py", include_str!("litex/soc.py")),
];

/// The files, by name.
pub fn files(config: &Config, sources: &[String]) -> Vec<(&'static str, String)> {
    let list = |names: &[String]| {
        let quoted: Vec<_> = names.iter().map(|name| format!("    \"{name}\",\n")).collect();
        quoted.concat()
    };
    let values = [
        ("NAME", config.name.clone()),
        ("HASH", format!("{:016x}", config.hash())),
        ("SOURCES", list(sources)),
        ("MASTERS", list(&masters(config))),
        ("PORT_BITS", (8 * config.port_bytes).to_string()),
        ("PORTS", config.ports.to_string()),
        ("ADDRESS_BITS", config.address_bits.to_string()),
        ("REGISTER_BYTES", format!("{SPACE:#x}")),
        ("REGISTER_BITS", SPACE.trailing_zeros().to_string()),
    ];
    TEMPLATES.iter().map(|(name, text)| (*name, fill(text, &values))).collect()
}
