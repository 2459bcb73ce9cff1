//! The operators of the language on signals.

use super::bits::{Ty, s};
use super::ir::{Bin, Op, Un};
use super::sig::{IntoSig, Sig};
use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Neg, Not, Shl, Shr, Sub};

impl<'m, T: IntoSig<'m>> Add<T> for Sig<'m> {
    type Output = Sig<'m>;
    /// The exact sum: one bit more than the wider operand.
    fn add(self, other: T) -> Sig<'m> {
        self.arith(Bin::Add, other.small(self), |a, b| Ty { width: a.width.max(b.width) + 1, ..a })
    }
}

impl<'m, T: IntoSig<'m>> Sub<T> for Sig<'m> {
    type Output = Sig<'m>;
    /// The exact difference, always signed: one bit more than the wider operand.
    fn sub(self, other: T) -> Sig<'m> {
        self.arith(Bin::Sub, other.small(self), |a, b| s(a.width.max(b.width) + 1)).as_signed()
    }
}

impl<'m, T: IntoSig<'m>> Mul<T> for Sig<'m> {
    type Output = Sig<'m>;
    /// The exact product: the widths add up.
    fn mul(self, other: T) -> Sig<'m> {
        self.arith(Bin::Mul, other.small(self), |a, b| Ty { width: a.width + b.width, ..a })
    }
}

impl<'m, T: IntoSig<'m>> BitAnd<T> for Sig<'m> {
    type Output = Sig<'m>;
    fn bitand(self, other: T) -> Sig<'m> {
        self.bitwise(Bin::And, other)
    }
}

impl<'m, T: IntoSig<'m>> BitOr<T> for Sig<'m> {
    type Output = Sig<'m>;
    fn bitor(self, other: T) -> Sig<'m> {
        self.bitwise(Bin::Or, other)
    }
}

impl<'m, T: IntoSig<'m>> BitXor<T> for Sig<'m> {
    type Output = Sig<'m>;
    fn bitxor(self, other: T) -> Sig<'m> {
        self.bitwise(Bin::Xor, other)
    }
}

impl<'m> Not for Sig<'m> {
    type Output = Sig<'m>;
    fn not(self) -> Sig<'m> {
        self.un(Un::Not, self.ty())
    }
}

impl<'m> Neg for Sig<'m> {
    type Output = Sig<'m>;
    /// The exact negative, signed and one bit wider.
    fn neg(self) -> Sig<'m> {
        self.un(Un::Neg, s(self.width() + 1))
    }
}

impl<'m> Shl<u32> for Sig<'m> {
    type Output = Sig<'m>;
    /// Times 2 to the `by`: the width grows by `by`.
    fn shl(self, by: u32) -> Sig<'m> {
        if by == 0 {
            return self;
        }
        self.m.op(Op::ShlC(self.id, by), Ty { width: self.width() + by, ..self.ty() })
    }
}

impl<'m> Shr<u32> for Sig<'m> {
    type Output = Sig<'m>;
    /// Drops the low `by` bits: the width shrinks by `by`; the sign stays.
    fn shr(self, by: u32) -> Sig<'m> {
        let (ty, by) = (self.ty(), by.min(self.width()));
        if by == ty.width {
            return if ty.signed { self.msb().as_signed() } else { self.m.u(1, 0) };
        }
        let high = self.bits(by, ty.width - by);
        if ty.signed { high.as_signed() } else { high }
    }
}
