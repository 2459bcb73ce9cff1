//! The complete design of a board: the core with its memory controller and serial bridge ([`soc`]), and around it the part's own
//! cells ([`files`]): clock, reset, pads.
//!
//! ```text
//!  pins ─┬─ clk ──► PLL ──► clock, reset
//!        ├─ uart ─────────► bridge ─┬─ registers ──► core
//!        │                          └─ memory ─► arbiter ◄─ memory ─┘
//!        └─ sdram ◄─ registers in the pads ◄─ controller ◄──┘
//! ```

pub mod pads;
mod pll;
mod soc;

use std::collections::BTreeMap;

use sterna_spec::boards::{Board, Family};
use sterna_spec::config::Config;

use crate::blocks::sdram::fits;
use crate::dsl::emit;
pub use pll::{Ecp5, Gowin};
pub use soc::{PAD_CYCLES, bit_cycles, soc};

/// The Verilog of a board, file name to text: `<board>.v` with the part's cells, and everything below it.
///
/// # Errors
/// One sentence: if no setting of the PLL makes the configuration's clock, no phase of it suits the memory, or the memory does not go with its ports.
pub fn files(board: &Board, config: &Config) -> Result<BTreeMap<String, String>, String> {
    fits(config, board.memory, config.clock_mhz * 1_000_000)?;
    let mut files = emit(&soc(board, config, bit_cycles(board, config))).map_err(|e| e.to_string())?;
    files.insert(format!("{}.v", top(board)), shell(board, config)?);
    Ok(files)
}

/// Name of a board's top module.
pub fn top(board: &Board) -> String {
    board.name.replace('-', "_")
}

fn shell(board: &Board, config: &Config) -> Result<String, String> {
    let mut values = common(board, config);
    let template = match board.family {
        Family::Ecp5 => {
            let clock = config.clock_mhz * 1_000_000;
            let pll = Ecp5::find(board.oscillator_hz, clock)?;
            values.extend(pll.values(pads::phase(clock, pll.steps())?));
            include_str!("ecp5.v")
        }
        Family::Gowin => {
            values.extend(Gowin::find(board.oscillator_hz, config.clock_mhz * 1_000_000)?.values());
            include_str!("gowin.v")
        }
    };
    Ok(values
        .iter()
        .fold(template.to_string(), |text, (name, value)| text.replace(&format!("@{name}@"), value)))
}

/// What every template may name.
fn common(board: &Board, config: &Config) -> Vec<(&'static str, String)> {
    let chip = board.memory;
    let (banks, address, data) = (chip.bank_bits(), chip.address_bits(), chip.data_bits);
    let masks = data / 8;
    let slice = |low: u32, bits: u32| format!("{}:{low}", low + bits - 1);
    let ports: String = board.high.iter().map(|pin| format!("    output wire {pin},\n")).collect();
    let assigns: String = board.high.iter().map(|pin| format!("    assign {pin} = 1'b1;\n")).collect();
    vec![
        ("top", top(board)),
        ("title", board.title.into()),
        ("oscillator", megahertz(board.oscillator_hz)),
        ("clock", config.clock_mhz.to_string()),
        ("button_port", if board.button { "    input  wire button,  // high: reset\n" } else { "" }.into()),
        ("button", if board.button { " & ~button" } else { "" }.into()),
        ("led_msb", (board.leds - 1).to_string()),
        ("led_not", if board.leds_low { "~" } else { "" }.into()),
        ("high_ports", ports),
        ("high_assigns", assigns),
        ("ba_msb", (banks - 1).to_string()),
        ("a_msb", (address - 1).to_string()),
        ("dqm_msb", (masks - 1).to_string()),
        ("dq_msb", (data - 1).to_string()),
        ("dq_bits", data.to_string()),
        ("commands_msb", (5 + masks + banks + address - 1).to_string()),
        ("dqm_slice", slice(5, masks)),
        ("ba_slice", slice(5 + masks, banks)),
        ("a_slice", slice(5 + masks + banks, address)),
    ]
}

/// Hz in MHz, with as many decimals as it takes.
fn megahertz(hz: u32) -> String {
    format!("{}", f64::from(hz) / 1e6)
}
