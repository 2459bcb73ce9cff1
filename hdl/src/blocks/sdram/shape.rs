//! Numbers of a controller that follow from chip, clock and bus.

use sterna_spec::config::Config;
use sterna_spec::sdram::{Chip, Timing};

use crate::dsl::{Module, Reg, Sig, cat_lsb, u};

/// Beats of a segment at most, as a power of two. A segment never leaves a row.
pub(super) const SEGMENT: u32 = 4;

/// What the parts of a controller share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Words of a beat: the chip's burst length, 1, 2, 4 or 8.
    pub burst: u32,
    /// Bits of the data bus.
    pub data_bits: u32,
    /// Bits of a beat's number within its row.
    pub column_bits: u32,
    pub bank_bits: u32,
    pub row_bits: u32,
    /// Address pins.
    pub address_bits: u32,
    /// Bits of a beat's number as the bus gives it: those above the chip's must be zero.
    pub request_bits: u32,
    pub cas_latency: u32,
    pub pad_cycles: u32,
    pub initial_refreshes: u32,
    /// Content of the mode register.
    pub mode: u32,
    /// The clock is slow: registers that only cut paths are left out.
    pub slow: bool,
    pub t: Timing,
}

impl Shape {
    /// # Errors
    /// One sentence, if chip and bus do not fit together.
    pub fn new(config: &Config, chip: &Chip, clock_hz: u32, pad_cycles: u32) -> Result<Shape, String> {
        let bits = 8 * config.port_bytes;
        let burst = bits / chip.data_bits;
        if config.ports != 1 || !bits.is_multiple_of(chip.data_bits) || ![1, 2, 4, 8].contains(&burst) {
            return Err(format!(
                "{} port(s) of {} bytes on a memory of {} bits: it takes one port whose beat is 1, 2, 4 or 8 words of the memory",
                config.ports, config.port_bytes, chip.data_bits
            ));
        }
        let t = chip.timing(clock_hz);
        if t.refresh < 100 {
            return Err(format!(
                "a clock of {clock_hz} Hz leaves no time between refreshes; 20 MHz and more do"
            ));
        }
        Ok(Shape {
            burst,
            data_bits: chip.data_bits,
            column_bits: (chip.columns / burst).trailing_zeros(),
            bank_bits: chip.bank_bits(),
            row_bits: chip.rows.trailing_zeros(),
            address_bits: chip.address_bits(),
            request_bits: config.address_bits - config.port_bytes.trailing_zeros(),
            cas_latency: chip.cas_latency,
            pad_cycles,
            initial_refreshes: chip.initial_refreshes,
            mode: chip.mode(burst),
            slow: !config.fast_clock(),
            t,
        })
    }

    /// Bits of a beat's number within the chip.
    pub fn beat_bits(&self) -> u32 {
        self.column_bits + self.bank_bits + self.row_bits
    }

    /// Bits of a beat.
    pub fn width(&self) -> u32 {
        self.burst * self.data_bits
    }

    /// Bits of a segment on its stream.
    pub fn segment_bits(&self) -> u32 {
        self.beat_bits() + SEGMENT + 4
    }
}

/// Beats of one direction next to each other in a row.
#[derive(Clone, Copy)]
pub(super) struct Segment<'m> {
    /// Number of the first beat: row, bank, column from the high end.
    pub beat: Sig<'m>,
    /// Beats - 1.
    pub left: Sig<'m>,
    pub write: Sig<'m>,
    /// {last of its burst, id, beyond the chip}.
    pub tag: Sig<'m>,
}

impl<'m> Segment<'m> {
    pub fn pack(self) -> Sig<'m> {
        cat_lsb(&[self.beat, self.left, self.write, self.tag])
    }

    pub fn unpack(shape: &Shape, from: Sig<'m>) -> Segment<'m> {
        let beat = shape.beat_bits();
        Segment {
            beat: from.bits(0, beat),
            left: from.bits(beat, SEGMENT),
            write: from.bit(beat + SEGMENT),
            tag: from.bits(beat + SEGMENT + 1, 3),
        }
    }
}

/// A countdown: `over` when it stands at zero.
pub(super) struct Timer<'m> {
    count: Reg<'m>,
    zero: Reg<'m>,
    /// A register.
    pub over: Sig<'m>,
}

impl<'m> Timer<'m> {
    /// A timer that holds up to `most`.
    pub fn new(m: &'m Module, name: &str, most: u32, doc: &str) -> Timer<'m> {
        let width = crate::dsl::count_width(most.max(1) as usize);
        let count = m.reg(name, u(width), Some(0), doc);
        let zero = m.reg(&format!("{name}_over"), u(1), Some(1), "it stands at zero");
        Timer { count, zero, over: zero.q() }
    }

    /// Starts it; the first condition that holds decides.
    pub fn start(&self, when: Sig<'m>, cycles: u32) {
        let width = self.count.q().width();
        self.count.when(when, when.module().u(width, cycles));
        self.zero.when(when, u32::from(cycles == 0));
    }

    /// To be called once, after the starts.
    pub fn run(&self) {
        self.count.when(!self.over, self.count.q().wrapping_sub(1));
        self.zero.when(!self.over, self.count.q().eq(1));
    }
}
