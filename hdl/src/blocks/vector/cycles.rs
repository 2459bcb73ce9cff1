//! Cycles of the unit's parts, which follow from the clock.

use super::super::fp::{Latency, Pace};
use super::READ_LATENCY;
use sterna_spec::config::Config;

/// Cycles of the parts.
#[derive(Clone, Copy, Debug)]
pub struct Cycles {
    /// Of the arithmetic modules.
    pub fp: Latency,
    /// Of the adder and, at a fast clock, the registers of its operands.
    pub add: u32,
    /// From a partial sum's read to that of what the adder made of it; at a slow clock a block memory holds it, which takes one more.
    pub round: u32,
    /// Of the second operation: the longer of the multiplier and the adder.
    pub zop: u32,
    /// Of a second operation that needs neither.
    pub short: u32,
}

impl Cycles {
    /// Those of a configuration.
    pub fn of(c: &Config) -> Cycles {
        Cycles::at(Pace::of(c))
    }

    /// Those at a pace.
    pub(super) const fn at(pace: Pace) -> Cycles {
        let fp = Latency::at(pace);
        let (operands, read, short) = match pace {
            Pace::Fast => (1, 0, 3),
            Pace::Slow => (0, 1, 0),
        };
        let add = operands + fp.add;
        Cycles { fp, add, round: add + read, zop: if add > fp.mul { add } else { fp.mul }, short }
    }

    /// From a slot to the result Z of an instruction that only passes its operand on.
    pub const fn pass(self) -> u32 {
        2 + READ_LATENCY + 1 + self.short
    }

    /// Slots between issue and the last output.
    pub(super) const fn depth(self) -> u32 {
        let fp = self.fp;
        fp.int_to_f32 + 1 + fp.mul + fp.sfu + READ_LATENCY + self.zop + 2 + fp.f32_to_int
    }
}
