//! The cells that synthesis makes: what each takes of a part, and which of its pins lie between registers.
//!
//! A level is a look-up table, a carry chain (however many cells it has), a multiplier without a register, or the read of a
//! look-up table memory. The multiplexers that join the look-up tables of one slice (`MUXF7`, ...) are none.

use super::netlist::{Cell, Pin};
use crate::parts::Cost;

/// What a cell is for timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Lut,
    Mux,
    Carry,
    Register,
    /// Memory in look-up tables: written at the clock, read within the cycle.
    LutMemory,
    /// Registers in a look-up table, one behind the other.
    Shift,
    /// Memory of its own, read at the clock.
    Memory,
    Multiplier,
}

/// Names, role and how much of it: look-up tables, but halves of 36 kbit for memories (16: one of 288 kbit).
const KINDS: &[(&[&str], Role, u64)] = &[
    (&["LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV"], Role::Lut, 1),
    (&["MUXF7", "MUXF8", "MUXF9", "PFUMX", "L6MUX21"], Role::Mux, 0),
    (&["MUX2_LUT5", "MUX2_LUT6", "MUX2_LUT7", "MUX2_LUT8"], Role::Mux, 0),
    (&["CARRY4", "CARRY8"], Role::Carry, 0),
    (&["CCU2C"], Role::Carry, 2),
    (&["ALU"], Role::Carry, 1),
    (&["FDRE", "FDSE", "FDCE", "FDPE", "TRELLIS_FF"], Role::Register, 0),
    (&["DFF", "DFFE", "DFFS", "DFFSE", "DFFR", "DFFRE"], Role::Register, 0),
    (&["RAM32M16", "RAM64M8"], Role::LutMemory, 8),
    (&["RAM32M", "RAM64M", "RAM128X1D", "RAM256X1S"], Role::LutMemory, 4),
    (&["RAM32X1D", "RAM64X1D", "RAM128X1S"], Role::LutMemory, 2),
    (&["RAM32X1S", "RAM64X1S"], Role::LutMemory, 1),
    (&["RAM256X1D", "RAM512X1S"], Role::LutMemory, 8),
    // four hold data; the write address takes the inputs of two
    (&["TRELLIS_DPR16X4", "RAM16SDP4"], Role::LutMemory, 6),
    (&["SRL16E", "SRLC32E"], Role::Shift, 1),
    (&["RAMB18E2", "DP16KD", "PDPW16KD"], Role::Memory, 1),
    (&["SDPB", "SDPX9B", "DPB", "DPX9B", "SP", "SPX9", "pROM", "pROMX9"], Role::Memory, 1),
    (&["RAMB36E2"], Role::Memory, 2),
    (&["URAM288", "URAM288_BASE"], Role::Memory, 16),
    // two of 9 x 9 bits are one of 18 x 18, but need not share a place
    (&["DSP48E2", "MULT18X18D", "MULT36X36", "MULT18X18", "MULT9X9"], Role::Multiplier, 0),
];

/// Role and cost of a cell; nothing if it is not known.
pub fn find(kind: &str) -> Option<(Role, Cost)> {
    let &(_, role, size) = KINDS.iter().find(|(names, ..)| names.contains(&kind))?;
    let lut = Cost { lut: size, ..Cost::default() };
    let cost = match role {
        Role::Lut | Role::Mux | Role::Carry => lut,
        Role::LutMemory | Role::Shift => Cost { lut_memory: size, ..lut },
        Role::Register => Cost { ff: 1, ..Cost::default() },
        Role::Multiplier => Cost { dsp: 1, ..Cost::default() },
        Role::Memory if size == 16 => Cost { uram: 1, ..Cost::default() },
        Role::Memory => Cost { bram18: size, ..Cost::default() },
    };
    Some((role, cost))
}

const CLOCKS: [&str; 9] = ["C", "CLK", "WCLK", "WCK", "CLKA", "CLKB", "CLKARDCLK", "CLKBWRCLK", "CLK0"];

/// The registers inside a multiplier, as the families call them: of an input, behind the product, of the output.
const INPUTS: [(&str, [&str; 2]); 4] = [
    ("A", ["AREG", "REG_INPUTA_CLK"]),
    ("B", ["BREG", "REG_INPUTB_CLK"]),
    ("C", ["CREG", "REG_INPUTC_CLK"]),
    ("D", ["DREG", ""]),
];
const PRODUCT: [&str; 3] = ["MREG", "REG_PIPELINE_CLK", "PIPE_REG"];
const OUTPUT: [&str; 3] = ["PREG", "REG_OUTPUT_CLK", "OUT_REG"];

impl Cell {
    /// Levels between a register inside and an output, if there is such a register.
    pub fn begins(&self) -> Option<u32> {
        match self.role {
            Role::Lut | Role::Mux | Role::Carry => None,
            Role::Register | Role::LutMemory | Role::Shift | Role::Memory => Some(0),
            Role::Multiplier if self.has(&OUTPUT) => Some(0),
            Role::Multiplier => {
                let inside = self.has(&PRODUCT) || INPUTS.iter().any(|(_, names)| self.has(names));
                inside.then_some(1)
            }
        }
    }

    /// Levels between an input and a register inside, if there is such a register. Clocks end no path.
    pub fn ends(&self, input: &Pin) -> Option<u32> {
        if CLOCKS.contains(&input.name.as_str()) {
            return None;
        }
        match self.role {
            Role::Lut | Role::Mux | Role::Carry => None,
            Role::Register | Role::Memory => Some(0),
            Role::LutMemory => (!read_only(&input.name)).then_some(0),
            Role::Shift => (!input.name.starts_with('A')).then_some(0),
            Role::Multiplier if self.has_own(input) => Some(0),
            Role::Multiplier => (self.has(&PRODUCT) || self.has(&OUTPUT)).then_some(1),
        }
    }

    /// Whether bit `i` of an input reaches bit `o` of an output within the cycle.
    pub fn through(&self, input: &Pin, i: usize, output: &Pin, o: usize) -> bool {
        match self.role {
            Role::Lut | Role::Mux => true,
            Role::Carry => {
                let (from, to) = (position(input, i), position(output, o));
                from < to || from == to && (input.name.as_str(), output.name.as_str()) != ("DI", "O")
            }
            Role::Register | Role::Memory => false,
            Role::LutMemory => reads(&input.name, &output.name),
            Role::Shift => input.name.starts_with('A'),
            Role::Multiplier => !(self.has(&PRODUCT) || self.has(&OUTPUT) || self.has_own(input)),
        }
    }

    /// Levels of a way through the cell; `carried`: what comes in is the carry of another cell.
    pub fn levels(&self, input: &Pin, carried: bool) -> u32 {
        let chained = carried && self.role == Role::Carry && ["CI", "CIN"].contains(&input.name.as_str());
        u32::from(self.role != Role::Mux && !chained)
    }

    fn has_own(&self, input: &Pin) -> bool {
        INPUTS.iter().any(|(name, registers)| input.name.starts_with(name) && self.has(registers))
    }

    fn has(&self, registers: &[&str]) -> bool {
        let used = |value: &String| {
            value != "NONE" && value != "BYPASS" && value.trim_start_matches("1'b").contains(|c| c != '0')
        };
        registers.iter().any(|name| self.parameters.get(*name).is_some_and(used))
    }
}

/// Where in a carry cell a bit enters or leaves the chain.
fn position(pin: &Pin, bit: usize) -> usize {
    match pin.name.as_str() {
        "CI" | "CIN" | "CYINIT" => 0,
        _ if pin.bits.len() > 1 => bit,
        name if pin.output => {
            name.chars().last().and_then(|c| c.to_digit(10)).map_or(usize::MAX, |n| n as usize)
        }
        name => name.chars().last().and_then(|c| c.to_digit(10)).unwrap_or(0) as usize,
    }
}

/// An address that reads and does not write.
fn read_only(pin: &str) -> bool {
    pin.starts_with("DPRA")
        || pin.starts_with("RAD")
        || pin.strip_prefix("ADDR").is_some_and(|port| port < "H")
}

/// Whether an address selects what is at an output of a look-up table memory.
fn reads(address: &str, output: &str) -> bool {
    match (address.strip_prefix("ADDR"), output.strip_prefix("DO")) {
        (Some(port), Some(out)) => port == out,
        _ if address.starts_with("DPRA") => output == "DPO",
        _ if address.starts_with("RAD") => true,
        _ => address.starts_with('A') && (output == "O" || output == "SPO"),
    }
}
