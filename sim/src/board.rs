//! A board, simulated from pin to pin: the top that is synthesized, the SDRAM chip on its pins, a serial port in software.
//!
//! ```text
//!   bytes ─► noise ─► line ─► uart_rx ┐ harness.v                        ┌ commands, words ─► chip
//!   bytes ◄─ noise ◄─ line ◄─ uart_tx ┘ pads and PLL as simple cells     └ words ◄─────────── rules
//! ```
//!
//! One tick is one cycle of the clock that the board's PLL makes. The chip's clock comes 5/8 or 6/8 of a cycle behind it:
//!
//! ```text
//!   core      ┌──┐  ┌──┐  ┌──┐      edge n: a command leaves the registers of the pads
//!          ───┘n └──┘n+1──┘n+2──    the chip takes it as much later, and its word of that edge is there 5.4 ns
//!   chip   ──┐  ┌──┐  ┌──┐  ┌──     (tAC) and the delays of two pads behind, which is after edge n + 1, and stays until 1.8 ns
//!            └──┘n └──┘n+1└──┘      (tOH) and the same delays behind the chip's next edge: edge n + 2 takes it
//! ```
//!
//! Every edge of the chip's clock is checked against the rules of its data sheet; a broken one ends the simulation.

mod harness;
mod line;
mod noise;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::board::bit_cycles;
use sterna_spec::boards::Board;
use sterna_spec::config::Config;
use thiserror::Error;
use verilated::{Design, Init, Model, Port};

use crate::sdram::{Counts, Sdram, Violation};
use harness::Fields;
use line::Line;
use noise::Noise;
pub use noise::Rates;

/// Cycles of a bit on a line that is as fast as the board's serial port can be.
pub const FAST_BIT: u32 = 4;
/// Cycles after which memory must be ready: reset takes 2^16, the chip 200 us and some.
const BOOT: u64 = 500_000;
/// Cycles without a byte on the line or a word in memory after which nothing is going on.
const QUIET: u64 = 20_000;

/// Why a board can no longer be simulated.
#[derive(Debug, Error)]
pub enum Fault {
    /// The board or its configuration cannot be.
    #[error("{0}")]
    Design(String),
    /// Building or running the Verilog failed.
    #[error("{0}")]
    Model(#[from] verilated::Error),
    /// A rule of the memory chip was broken.
    #[error("{0}; the design must not do that: report it with the command that led here")]
    Rule(#[from] Violation),
    /// Some data pins are driven and some are not.
    #[error("cycle {cycle}: the board drives the data pins {drives:#x} of its memory and not the others")]
    Halves {
        /// When.
        cycle: u64,
        /// The pins that are driven.
        drives: u32,
    },
    /// Memory does not come to life.
    #[error("the memory is not ready {0} cycles after power up; check reset and PLL of the board's top")]
    Dead(u64),
}

/// How to simulate a board.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The line takes [`FAST_BIT`] cycles a bit instead of those of the board's baud rate.
    pub fast: bool,
    /// What the line does to bytes.
    pub noise: Rates,
    /// Seed of that, and of what memory holds at first.
    pub seed: u64,
    /// How the Verilog is built; the clock is set here.
    pub build: verilated::Options,
}

/// Ports of the harness, looked up once.
struct Ports {
    rx: Port,
    tx: Port,
    led: Port,
    command: Port,
    drives: Port,
    to_chip: Port,
    from_chip: Port,
}

impl Ports {
    fn new(model: &Model) -> Result<Ports, verilated::Error> {
        Ok(Ports {
            rx: model.port("uart_rx")?,
            tx: model.port("uart_tx")?,
            led: model.port("led")?,
            command: model.port("command")?,
            drives: model.port("drives")?,
            to_chip: model.port("to_chip")?,
            from_chip: model.port("from_chip")?,
        })
    }
}

/// A board with power on.
pub struct BoardSim {
    model: Model,
    ports: Ports,
    fields: Fields,
    chip: Sdram,
    clock_hz: u32,
    bit: u32,
    line: Line,
    noise: Noise,
    /// Level of uart_rx.
    level: bool,
    /// The chip's words of the last edge and of the one before, which the next edge of the core takes.
    word: u32,
    arriving: u32,
    /// Cycle in which the line or memory last had something to do, and the words of memory until then.
    active: u64,
    words: u64,
}

impl BoardSim {
    /// Builds the top of a board with a configuration, and lets it come to life.
    ///
    /// # Errors
    /// If there is no such design, the build fails, or the memory's rules are broken.
    pub fn new(board: &Board, config: &Config, options: &Options) -> Result<BoardSim, Fault> {
        let problems = config.check();
        if !problems.is_empty() {
            return Err(Fault::Design(problems.join("; ")));
        }
        let clock_hz = config.clock_mhz * 1_000_000;
        let fast = Board { baud: clock_hz / FAST_BIT, ..*board };
        let board = if options.fast { &fast } else { board };
        let build = verilated::Options { clock: Some("clk".into()), ..options.build.clone() };
        let source = harness::source(board, config).map_err(Fault::Design)?;
        // registers of these parts start at 0
        let model = Design::build(&source, &build)?.model(Init::Zero)?;
        let mut chip = Sdram::new(board.memory, clock_hz);
        ChaCha8Rng::seed_from_u64(options.seed).fill_bytes(chip.bytes_mut());
        let bit = bit_cycles(board, config);
        let mut sim = BoardSim {
            ports: Ports::new(&model)?,
            model,
            fields: Fields::new(board.memory),
            chip,
            clock_hz,
            bit,
            line: Line::new(bit),
            noise: Noise::new(options.noise, options.seed),
            level: true,
            word: 0,
            arriving: 0,
            active: 0,
            words: 0,
        };
        sim.model.set(sim.ports.rx, 1)?;
        sim.boot()?;
        Ok(sim)
    }

    fn boot(&mut self) -> Result<(), Fault> {
        while !self.chip.ready() {
            if self.cycles() > BOOT {
                return Err(Fault::Dead(BOOT));
            }
            self.run(1000)?;
        }
        Ok(())
    }

    /// The clock that the board's PLL makes.
    pub fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// Cycles of a bit on the line.
    pub fn bit_cycles(&self) -> u32 {
        self.bit
    }

    /// Cycles since power up.
    pub fn cycles(&self) -> u64 {
        self.model.cycle()
    }

    /// What the memory chip did.
    pub fn memory_counts(&self) -> Counts {
        self.chip.counts()
    }

    /// What the memory chip holds, by address.
    pub fn memory(&mut self) -> &mut [u8] {
        self.chip.bytes_mut()
    }

    /// The light-emitting diodes, as the part drives them.
    pub fn leds(&self) -> u32 {
        self.model.get(self.ports.led) as u32
    }

    /// Bytes for the board, which leave one after the other.
    pub fn send(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.noise.carry(*byte).for_each(|byte| self.line.send(byte));
        }
    }

    /// Bytes from the board since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        let bytes = self.line.take();
        bytes.into_iter().flat_map(|byte| self.noise.carry(byte)).collect()
    }

    /// Bytes that wait for the line.
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }

    /// Bytes that the noise spoiled.
    pub fn spoiled(&self) -> u64 {
        self.noise.spoiled()
    }

    /// Frames from the board whose stop bit was low.
    pub fn framing(&self) -> u64 {
        self.line.framing()
    }

    /// Cycles in which neither the line nor memory had anything to do. A step never leaves memory alone for long.
    pub fn idle(&self) -> u64 {
        self.cycles() - self.active
    }

    /// Nothing is going on, and no byte will come.
    pub fn is_quiet(&self) -> bool {
        self.idle() > QUIET
    }

    /// Runs cycles.
    ///
    /// # Errors
    /// If a rule of the memory is broken; the board is of no use from then on.
    pub fn run(&mut self, cycles: u64) -> Result<(), Fault> {
        (0..cycles).try_for_each(|_| self.cycle())?;
        let Counts { read, written, .. } = self.chip.counts();
        if self.line.busy() || self.words != read + written {
            (self.active, self.words) = (self.cycles(), read + written);
        }
        Ok(())
    }

    #[inline]
    fn cycle(&mut self) -> Result<(), Fault> {
        let level = self.line.next();
        if level != self.level {
            self.level = level;
            self.model.set(self.ports.rx, level.into())?;
        }
        self.model.set(self.ports.from_chip, (self.arriving & self.fields.data).into())?;
        self.model.tick(1)?;
        self.line.sample(self.model.get(self.ports.tx) != 0);
        let drives = self.model.get(self.ports.drives) as u32;
        if drives != 0 && drives != self.fields.data {
            return Err(Fault::Halves { cycle: self.cycles(), drives });
        }
        let command = self.model.get(self.ports.command) as u32;
        let pins = self.fields.pins(command, drives, self.model.get(self.ports.to_chip) as u32);
        self.arriving = self.word;
        self.word = self.chip.edge(&pins)?;
        Ok(())
    }
}
