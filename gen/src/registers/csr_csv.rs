//! The register table as LiteX's `csr.csv`, which `litex_server` with `RemoteClient` and `wishbone-tool` read.
//!
//! Lines: kind, name, address, size, mode. Registers are 32 bits wide, so each is one word.

use std::fmt::Write;

use super::whole_table;
use sterna_spec::config::Config;
use sterna_spec::registers::Access;

/// The file.
pub fn text(config: &Config) -> String {
    let mut text = "#kind,name,address,size,mode\ncsr_base,sterna,0x00000000,,\n".to_string();
    for r in whole_table(config) {
        // LiteX knows no write-one: such a register may be written, and reads as 0
        let mode = if r.access == Access::ReadOnly { "ro" } else { "rw" };
        let _ = writeln!(text, "csr_register,sterna_{},{:#010x},1,{mode}", r.name.to_lowercase(), r.offset);
    }
    let (name, hash) = (&config.name, config.hash());
    text + &format!(
        "constant,config_csr_data_width,32,,\nconstant,config_bus_standard,wishbone,,\nconstant,config_bus_data_width,32,,\n\
         constant,config_bus_address_width,32,,\nconstant,sterna_preset,{name},,\nconstant,sterna_config_hash,{hash:#018x},,\n"
    )
}
