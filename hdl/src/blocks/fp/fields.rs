//! A binary32 signal taken apart.

use crate::dsl::{Sig, cat_lsb};

/// Sign, exponent and fraction of a binary32 signal.
#[derive(Clone, Copy)]
pub(super) struct Fields<'m> {
    /// Sign, 1 bit.
    pub sign: Sig<'m>,
    /// Biased exponent, 8 bits.
    pub exponent: Sig<'m>,
    /// Fraction, 23 bits.
    pub fraction: Sig<'m>,
}

impl<'m> Fields<'m> {
    pub fn of(x: Sig<'m>) -> Fields<'m> {
        Fields { sign: x.bit(31), exponent: x.bits(23, 8), fraction: x.bits(0, 23) }
    }

    /// Zero or subnormal, which is the same here.
    pub fn is_zero(self) -> Sig<'m> {
        !self.exponent.any()
    }

    /// Infinity or NaN.
    pub fn is_special(self) -> Sig<'m> {
        self.exponent.all()
    }

    pub fn is_nan(self) -> Sig<'m> {
        self.is_special() & self.fraction.any()
    }

    /// Fraction and hidden bit, 24 bits; 0 for a zero.
    pub fn significand(self) -> Sig<'m> {
        let normal = self.exponent.any();
        cat_lsb(&[self.fraction & normal.repeat(23), normal])
    }

    /// That of a normal number.
    pub fn normal_significand(self) -> Sig<'m> {
        cat_lsb(&[self.fraction, self.fraction.module().u(1, 1)])
    }
}
