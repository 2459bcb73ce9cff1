//! When words pass between an ECP5 and its SDRAM, and the phase of the memory's clock that suits a clock best.
//!
//! ```text
//!   core's clock  ‾\_/‾‾\_/‾‾\_/‾    a command leaves a register in its pad at an edge
//!   memory's        ‾‾\_/‾‾\_/‾‾\_/  and is taken `phase` later; the word that answers passes D = pads and board
//!   word            ====X=====X====  and is there tAC behind the chip's edge until tOH behind the next one
//! ```
//!
//! All that leaves or enters does so at a register in its pad, so routing has no part in it. A word is taken two edges of the core's
//! behind the one before the chip's: at `2T - phase` behind the chip's edge.

/// Picoseconds from the least to the most.
struct Span(i64, i64);

/// From the clock to the clock's pad, and to a register's: ODDRX1F and OREG in Project Trellis's `cell_timing_6.html`.
const CLOCK_OUT: i64 = 985;
const REGISTER_OUT: i64 = 1_200;
/// Through a pad of LVCMOS33, out and in: PIO there.
const PAD_OUT: Span = Span(1_988, 2_674);
const PAD_IN: Span = Span(990, 1_140);
/// Setup and hold of the register in the pad: IREG there.
const SETUP: i64 = 439;
const HOLD: i64 = 311;
/// Traces both ways, and what a driver weaker than the usual 8 mA adds; assumed.
const BOARD: Span = Span(0, 400);
const WEAK: i64 = 1_000;
/// Percent of those delays in the fastest part; assumed, as no figures are published.
const FAST: i64 = 60;
/// The memory: tIS, tIH, tAC at CAS latency 3, and tOH, the slowest of each number in the data sheets that `spec::sdram` names
/// (MT48LC16M16A2-75, whose words stay shortest without a load).
const CHIP_SETUP: i64 = 1_500;
const CHIP_HOLD: i64 = 1_000;
const ACCESS: i64 = 5_400;
const STAY: i64 = 1_800;

/// What is left of each time, in picoseconds: commands before and behind the chip's edge, words before and behind the core's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// Commands before the chip's edge.
    pub command_setup: i64,
    /// Commands behind it.
    pub command_hold: i64,
    /// Words before the edge of the register in the pad.
    pub word_setup: i64,
    /// Words behind it.
    pub word_hold: i64,
}

impl Margins {
    /// With a cycle of `period` picoseconds, and the memory's clock `phase` picoseconds behind the core's.
    pub fn of(period: i64, phase: i64) -> Margins {
        let spread = PAD_OUT.1 - PAD_OUT.0;
        let later = CLOCK_OUT - REGISTER_OUT;
        let least = (CLOCK_OUT + PAD_OUT.0 + PAD_IN.0) * FAST / 100 + BOARD.0;
        let most = CLOCK_OUT + PAD_OUT.1 + PAD_IN.1 + BOARD.1 + WEAK;
        Margins {
            command_setup: phase + later - spread - CHIP_SETUP,
            command_hold: period - phase - later - spread - CHIP_HOLD,
            word_setup: 2 * period - phase - ACCESS - SETUP - most,
            word_hold: least - (period - phase - STAY + HOLD),
        }
    }

    /// The least of them.
    pub fn least(self) -> i64 {
        self.command_setup.min(self.command_hold).min(self.word_setup).min(self.word_hold)
    }
}

/// The steps, of `steps` in a cycle, by which the memory's clock best comes after the core's.
///
/// # Errors
/// One sentence, if nothing is left with any.
pub fn phase(clock_hz: u32, steps: u32) -> Result<u32, String> {
    let period = 1_000_000_000_000 / i64::from(clock_hz.max(1));
    let least = |later: u32| Margins::of(period, period * i64::from(later) / i64::from(steps)).least();
    let best = (1..steps).max_by_key(|later| least(*later)).unwrap_or(1);
    if least(best) >= 0 {
        return Ok(best);
    }
    Err(format!(
        "at {} MHz no phase of the memory's clock gives its words and commands their time; 40 to 100 MHz do",
        clock_hz / 1_000_000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::pll::Ecp5;
    use sterna_spec::boards::{BOARDS, Family};
    use sterna_spec::config::Config;

    #[test]
    fn all_clocks_in_reach_have_a_phase_and_others_say_so() {
        for mhz in 40..=100 {
            phase(mhz * 1_000_000, 8).unwrap();
        }
        assert_eq!((phase(50_000_000, 8), phase(80_000_000, 8)), (Ok(7), Ok(6)));
        insta::assert_snapshot!(phase(133_000_000, 8).unwrap_err(), @"at 133 MHz no phase of the memory's clock gives its words and commands their time; 40 to 100 MHz do");
        assert!(phase(20_000_000, 8).is_err());
    }

    #[test]
    fn each_time_is_missed_with_some_phase() {
        let margins = |eighths: i64| Margins::of(12_500, 12_500 * eighths / 8);
        assert!(margins(1).command_setup < 0 && margins(8).command_hold < 0);
        assert!(margins(4).word_hold < 0 && Margins::of(10_000, 10_000).word_setup < 0);
    }

    #[test]
    fn the_boards_have_half_a_nanosecond() {
        for board in BOARDS.iter().filter(|board| board.family == Family::Ecp5) {
            let hz = Config::preset(board.preset).unwrap().clock_mhz * 1_000_000;
            let steps = Ecp5::find(board.oscillator_hz, hz).unwrap().steps();
            let period = 1_000_000_000_000 / i64::from(hz);
            let later = period * i64::from(phase(hz, steps).unwrap()) / i64::from(steps);
            let margins = Margins::of(period, later);
            assert!(margins.least() >= 500, "{}: {margins:?}", board.name);
        }
    }
}
