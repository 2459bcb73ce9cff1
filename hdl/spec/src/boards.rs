//! Boards as data: one row here, one file of pins in `constraints/`, and a preset that fits. `docs/boards.md` shows how to add one.

use crate::sdram::{self, Chip};

/// What the parts of a family have in common: primitives and tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Lattice ECP5: `synth_ecp5`, `nextpnr-ecp5`, `ecppack`.
    Ecp5,
    /// Gowin GW2A: `synth_gowin`, `nextpnr-himbaechel`, `gowin_pack`.
    Gowin,
}

/// One board.
#[derive(Debug)]
pub struct Board {
    /// Name of the board.
    pub name: &'static str,
    /// The preset that is built for it.
    pub preset: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Family of its part.
    pub family: Family,
    /// Arguments that name the part to the place-and-route tool.
    pub part: &'static [&'static str],
    /// Name of the part for the packer, if that wants one.
    pub device: &'static str,
    /// Which port is at which pin, as the place-and-route tool reads it: the board's file in `constraints/`.
    pub pins: &'static str,
    /// Hz of the oscillator on pin `clk`.
    pub oscillator_hz: u32,
    /// Baud rate of the serial port.
    pub baud: u32,
    /// Its SDRAM.
    pub memory: &'static Chip,
    /// A button on pin `button`, high while pressed: reset.
    pub button: bool,
    /// Number of light-emitting diodes.
    pub leds: u32,
    /// A low level lights the diodes.
    pub leds_low: bool,
    /// Pins that must be held high.
    pub high: &'static [&'static str],
    /// Its name for `openFPGALoader -b`; empty if that does not know it.
    pub loader: &'static str,
}

/// All boards.
pub const BOARDS: &[Board] = &[
    Board {
        name: "ulx3s-85f",
        preset: "ulx3s-85f",
        title: "Radiona ULX3S with LFE5U-85F",
        family: Family::Ecp5,
        part: &["--85k", "--package", "CABGA381", "--speed", "6"],
        device: "",
        pins: include_str!("../../../constraints/ulx3s-85f.lpf"),
        oscillator_hz: 25_000_000,
        // the most that its FT231X does
        baud: 3_000_000,
        memory: &sdram::SDR_256M_X16,
        button: true,
        leds: 8,
        leds_low: false,
        // keeps the ESP32 beside it from taking the part over
        high: &["wifi_gpio0"],
        loader: "ulx3s",
    },
    Board {
        name: "schoko-45f",
        preset: "ulx3s-85f",
        title: "Machdyne Schoko with LFE5U-45F",
        family: Family::Ecp5,
        part: &["--45k", "--package", "CABGA256", "--speed", "6"],
        device: "",
        pins: include_str!("../../../constraints/schoko-45f.lpf"),
        oscillator_hz: 48_000_000,
        baud: 3_000_000,
        memory: &sdram::SDR_256M_X16,
        button: false,
        leds: 3,
        leds_low: true,
        high: &[],
        loader: "",
    },
    Board {
        name: "tang-nano-20k",
        preset: "tang-nano-20k",
        title: "Sipeed Tang Nano 20K with GW2AR-18",
        family: Family::Gowin,
        part: &["--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"],
        device: "GW2A-18C",
        pins: include_str!("../../../constraints/tang-nano-20k.cst"),
        oscillator_hz: 27_000_000,
        baud: 1_000_000,
        memory: &sdram::GW2AR_18,
        button: true,
        leds: 6,
        leds_low: true,
        high: &[],
        loader: "tangnano20k",
    },
];

impl Board {
    /// The board of a name.
    ///
    /// # Errors
    /// One sentence that names the boards, if there is none of this name.
    pub fn find(name: &str) -> Result<&'static Board, String> {
        let names = || BOARDS.iter().map(|board| board.name).collect::<Vec<_>>().join(", ");
        let found = BOARDS.iter().find(|board| board.name == name);
        found.ok_or_else(|| format!("there is no board '{name}'; choose one of: {}", names()))
    }
}
