//! Cycles of the unit's parts, which follow from the clock.

use super::super::fp::{Latency, Pace};
use super::READ_LATENCY;
use sterna_spec::config::Config;

/// Cycles of the parts.
#[derive(Clone, Copy, Debug)]
pub struct Cycles {
    /// Of the arithmetic modules.
    pub fp: Latency,
    /// Of the adder and the registers of its operands.
    pub add: u32,
    /// From a partial sum's read to that of what the adder made of it; at a slow clock a block memory holds it, which takes one more.
    pub round: u32,
    /// Of a second operation that adds.
    pub sum: u32,
    /// Of one that multiplies: as many at a fast clock, so that one way of the tags serves both.
    pub product: u32,
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
        let add = 1 + fp.add;
        match pace {
            Pace::Fast => {
                let second = if add > fp.mul { add } else { fp.mul };
                Cycles { fp, add, round: add, sum: second, product: second, short: 3 }
            }
            Pace::Slow => Cycles { fp, add, round: add + 1, sum: add, product: fp.mul, short: 0 },
        }
    }

    /// From a slot to the result Z of an instruction that only passes its operand on.
    pub const fn pass(self) -> u32 {
        2 + READ_LATENCY + 1 + self.short
    }

    /// Slots between issue and the last output.
    pub(super) const fn depth(self) -> u32 {
        let (fp, second) = (self.fp, if self.sum > self.product { self.sum } else { self.product });
        fp.int_to_f32 + 1 + fp.mul + fp.sfu + READ_LATENCY + second + 2 + fp.f32_to_int
    }
}
