//! The register table as LiteX's `csr.csv`, which `litex_server` with `RemoteClient` and `wishbone-tool` read.
//!
//! Lines: kind, name, address, size, mode. Registers are 32 bits wide, so each is one word.

use std::fmt::Write;

use super::{bridge_table, short, whole_table};
use sterna_spec::bridge::{BRIDGE, MEMORY};
use sterna_spec::config::Config;
use sterna_spec::registers::{Access, Register};

/// The file; with the bridge's registers and the memory, if there is a board.
pub fn text(config: &Config, memory: Option<u32>) -> String {
    let mut text = "#kind,name,address,size,mode\ncsr_base,sterna,0x00000000,,\n".to_string();
    if memory.is_some() {
        let _ = writeln!(text, "csr_base,sterna_bridge,{BRIDGE:#010x},,");
    }
    let mut add = |prefix: &str, r: &Register| {
        // LiteX knows no write-one: such a register may be written, and reads as 0
        let mode = if r.access == Access::ReadOnly { "ro" } else { "rw" };
        let name = short(&r.name).to_lowercase();
        let _ = writeln!(text, "csr_register,{prefix}_{name},{:#010x},1,{mode}", r.offset);
    };
    whole_table(config).iter().for_each(|r| add("sterna", r));
    if let Some(bytes) = memory {
        bridge_table().iter().for_each(|r| add("sterna_bridge", r));
        let _ = writeln!(text, "memory_region,sterna_memory,{MEMORY:#010x},{bytes},cached");
    }
    let (name, hash) = (&config.name, config.hash());
    text + &format!(
        "constant,config_csr_data_width,32,,\nconstant,config_bus_standard,wishbone,,\nconstant,config_bus_data_width,32,,\n\
         constant,config_bus_address_width,32,,\nconstant,sterna_preset,{name},,\nconstant,sterna_config_hash,{hash:#018x},,\n"
    )
}
