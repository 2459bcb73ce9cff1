//! For Vivado and the KV260: wrapper, IP, block design, build, device-tree overlay.
//!
//! ```text
//!   PS  M_AXI_HPM0_FPD ─► SmartConnect ─► s_axi ┌──────┐ m0_axi ─► S_AXI_HP0_FPD  PS
//!       pl_clk0, pl_resetn0 ──► aclk, aresetn   │ core │   ...
//!       pl_ps_irq0 ◄─────────────────────── irq └──────┘ m3_axi ─► S_AXI_HP3_FPD
//! ```

use std::fmt::Write;

use sterna_spec::config::Config;
use sterna_spec::registers::SPACE;

use super::fill;
use super::ports::{REGISTERS, masters, ports};
use crate::error::Error;

/// The widest that a port of the processing system is.
const PORT_BYTES: u32 = 16;
/// Where the first 256 MB of M_AXI_HPM0_FPD begin (UG1085, system address map).
const REGISTER_BASE: u32 = 0xa000_0000;
/// Memory of the u-dma-buf: BitNet 0.73B with 2048 positions needs 601 MB.
const MEMORY_BYTES: u32 = 640 << 20;

const TEMPLATES: [(&str, &str); 8] = [
    ("README.md", include_str!("vivado/README.md")),
    ("package_ip.tcl", include_str!("vivado/package_ip.tcl")),
    ("bd.tcl", include_str!("vivado/bd.tcl")),
    ("build.tcl", include_str!("vivado/build.tcl")),
    ("kv260.xdc", include_str!("vivado/kv260.xdc")),
    ("overlay/sterna.dtso", include_str!("vivado/sterna.dtso")),
    ("overlay/sterna.bif", include_str!("vivado/sterna.bif")),
    ("overlay/shell.json", include_str!("vivado/shell.json")),
];

/// The files, by name.
///
/// # Errors
/// If the ports are wider than those of the processing system.
pub fn files(config: &Config, sources: &[String]) -> Result<Vec<(&'static str, String)>, Error> {
    if config.port_bytes > PORT_BYTES {
        let why = format!(
            "its ports have {} bytes but those of the Zynq UltraScale+ have at most {PORT_BYTES}; lower port_bytes to {PORT_BYTES}",
            config.port_bytes
        );
        return Err(Error::Package { name: config.name.clone(), flow: "Vivado", why });
    }
    let list = sources.iter().fold(String::new(), |text, file| text + "    " + file + "\n");
    let names = masters(config);
    let values = [
        ("NAME", config.name.clone()),
        ("IP", format!("sterna_{}", config.name.replace('-', "_"))),
        ("HASH", format!("{:016x}", config.hash())),
        ("MHZ", config.clock_mhz.to_string()),
        ("HZ", format!("{}", u64::from(config.clock_mhz) * 1_000_000)),
        ("PORT_BITS", (8 * config.port_bytes).to_string()),
        ("PORTS", config.ports.to_string()),
        ("MASTERS", names.join(" ")),
        ("SOURCES", list),
        ("REGISTER_BASE", format!("{REGISTER_BASE:#x}")),
        ("REGISTER_NODE", format!("{REGISTER_BASE:x}")),
        ("REGISTER_BYTES", format!("{SPACE:#x}")),
        ("MEMORY_BYTES", format!("{MEMORY_BYTES:#x}")),
        ("AFI", afi(config)),
    ];
    let mut all: Vec<_> = TEMPLATES.iter().map(|(name, text)| (*name, fill(text, &values))).collect();
    all.push(("rtl/sterna_ip.v", wrapper(config)));
    Ok(all)
}

/// Widths of the processing system's ports as pairs of register and value (`xlnx,afi-fpga`): HP0 to HP3 are AFIFM 2 to 5, two registers
/// each, 0 for 128 bits, 1 for 64, 2 for 32; register 14 is the width of M_AXI_HPM0_FPD, 0xa00 for 128 bits.
fn afi(config: &Config) -> String {
    let width = match config.port_bytes {
        16 => 0,
        8 => 1,
        _ => 2,
    };
    let ports = (0..2 * config.ports).map(|i| format!("<{} {width}>, ", 4 + i));
    ports.collect::<String>() + "<14 0xa00>"
}

/// A module around the core whose ports tell Vivado's IP packager what they are.
fn wrapper(config: &Config) -> String {
    let mut text = String::from(
        "`default_nettype none\n\n// The core for Vivado's IP packager: every port says which bus it belongs to.\nmodule sterna_ip (\n",
    );
    let mut buses = vec![REGISTERS.to_string()];
    buses.extend(masters(config));
    let clock =
        format!("XIL_INTERFACENAME aclk, ASSOCIATED_BUSIF {}, ASSOCIATED_RESET aresetn", buses.join(":"));
    attribute(&mut text, "X_INTERFACE_INFO", "xilinx.com:signal:clock:1.0 aclk CLK");
    attribute(&mut text, "X_INTERFACE_PARAMETER", &clock);
    text += "    input  wire         aclk,\n";
    attribute(&mut text, "X_INTERFACE_INFO", "xilinx.com:signal:reset:1.0 aresetn RST");
    attribute(&mut text, "X_INTERFACE_PARAMETER", "XIL_INTERFACENAME aresetn, POLARITY ACTIVE_LOW");
    text += "    input  wire         aresetn";
    let mut pins = String::from("        .aclk(aclk),\n        .aresetn(aresetn)");
    let mut known = Vec::new();
    for (port, bus) in ports(config) {
        text += ",\n";
        match &bus {
            Some((bus, signal)) => {
                let info = format!("xilinx.com:interface:aximm:1.0 {bus} {}", signal.to_uppercase());
                attribute(&mut text, "X_INTERFACE_INFO", &info);
                if !known.contains(bus) {
                    known.push(bus.clone());
                    attribute(&mut text, "X_INTERFACE_PARAMETER", &parameters(config, bus));
                }
            }
            None => {
                attribute(&mut text, "X_INTERFACE_INFO", "xilinx.com:signal:interrupt:1.0 irq INTERRUPT");
                attribute(
                    &mut text,
                    "X_INTERFACE_PARAMETER",
                    "XIL_INTERFACENAME irq, SENSITIVITY LEVEL_HIGH",
                );
            }
        }
        let direction = if port.input { "input " } else { "output" };
        let range = if port.ty.width == 1 { String::new() } else { format!("[{}:0]", port.ty.width - 1) };
        let _ = write!(text, "    {direction} wire {range:<7} {}", port.name);
        let _ = write!(pins, ",\n        .{name}({name})", name = port.name);
    }
    text + "\n);\n    sterna core (\n" + &pins + "\n    );\nendmodule\n\n`default_nettype wire\n"
}

fn attribute(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "    (* {name} = \"{value}\" *)");
}

/// What a bus can do, as the IP packager names it.
fn parameters(config: &Config, bus: &str) -> String {
    if bus == REGISTERS {
        let bits = SPACE.trailing_zeros();
        return format!(
            "XIL_INTERFACENAME {bus}, PROTOCOL AXI4LITE, DATA_WIDTH 32, ADDR_WIDTH {bits}, READ_WRITE_MODE READ_WRITE"
        );
    }
    format!(
        "XIL_INTERFACENAME {bus}, PROTOCOL AXI4, DATA_WIDTH {}, ADDR_WIDTH {}, ID_WIDTH 1, READ_WRITE_MODE READ_WRITE, HAS_BURST 1, \
         SUPPORTS_NARROW_BURST 0, MAX_BURST_LENGTH {}, NUM_READ_OUTSTANDING {}",
        8 * config.port_bytes,
        config.address_bits,
        config.burst_beats,
        config.outstanding
    )
}
