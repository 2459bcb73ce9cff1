//! Cycles of the binary32 half of a slot.

use super::scores::READ;
use super::shape::Shape;

/// From one thing to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cycles {
    /// From a score's integer to the multiplication by the key scale.
    pub score_to_scale: u32,
    /// From a score's integer to the score.
    pub score: u32,
    /// From reading a score to its power of two, which is multiplied by the value scale.
    pub weigh_to_scale: u32,
    /// From reading a score to the fixed-point weight.
    pub weigh_to_sum: u32,
    /// From reading a score to the weight.
    pub weigh: u32,
    /// From the largest weight to its reciprocal.
    pub invert_to_scale: u32,
    /// From the largest weight to its inverse.
    pub invert: u32,
    /// From reading a weight to its code.
    pub code: u32,
}

impl Cycles {
    pub fn of(shape: &Shape) -> Cycles {
        let fp = shape.latency();
        let (weigh_to_scale, invert_to_scale) = (READ + fp.add + fp.sfu, 1 + fp.sfu);
        Cycles {
            score_to_scale: fp.int_to_f32,
            score: fp.int_to_f32 + 2 * fp.mul,
            weigh_to_scale,
            weigh_to_sum: weigh_to_scale + fp.fix24,
            weigh: weigh_to_scale + fp.mul,
            invert_to_scale,
            invert: invert_to_scale + fp.mul,
            code: READ + fp.mul + fp.f32_to_int,
        }
    }

    /// Words of the queue of codes: as many as are on their way, and some.
    pub fn queue(&self) -> usize {
        (self.code as usize + 4).next_power_of_two()
    }
}
