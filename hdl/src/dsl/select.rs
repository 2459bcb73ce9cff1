//! Parts of signals, and signals joined from parts.

use super::bits::{Bits, index_width, u};
use super::error::Error;
use super::ir::{Id, Inner, Op};
use super::sig::Sig;

impl<'m> Sig<'m> {
    /// Bits `lo .. lo + width`, unsigned.
    pub fn bits(self, lo: u32, width: u32) -> Sig<'m> {
        let ty = self.ty();
        if width == 0 || u64::from(lo) + u64::from(width) > u64::from(ty.width) {
            let hi = lo.saturating_add(width).saturating_sub(1);
            let e = Error::Slice { module: self.m.name(), sig: self.describe(), ty, lo, hi };
            return self.m.fail(e, u(width));
        }
        if width == ty.width {
            return self.as_unsigned();
        }
        let inside = self.m.get().within(self.id, lo, width);
        match inside {
            Some(Op::Cast(id)) => self.m.sig(id).as_unsigned(),
            Some(op) => self.m.op(op, u(width)),
            None => self.m.op(Op::Slice(self.id, lo), u(width)),
        }
    }
    /// Bit `i`.
    pub fn bit(self, i: u32) -> Sig<'m> {
        self.bits(i, 1)
    }
    /// The most significant bit: the sign of a signed value.
    pub fn msb(self) -> Sig<'m> {
        self.bit(self.width() - 1)
    }
    /// Word `i` of `width` bits; word 0 is the least significant.
    pub fn word(self, i: u32, width: u32) -> Sig<'m> {
        self.bits(i * width, width)
    }
    /// All words of `width` bits, least significant first.
    pub fn words(self, width: u32) -> Vec<Sig<'m>> {
        (0..self.width() / width.max(1)).map(|i| self.word(i, width)).collect()
    }
    /// Bit number `index`. An index beyond the top is undefined in hardware, and reads 0 in the evaluator.
    pub fn bit_dyn(self, index: Sig<'m>) -> Sig<'m> {
        self.word_dyn(index, 1)
    }
    /// Word number `index` of `width` bits, unsigned. `width` divides the signal's width.
    /// An index beyond the top is undefined in hardware, and reads 0 in the evaluator.
    pub fn word_dyn(self, index: Sig<'m>, width: u32) -> Sig<'m> {
        let (ty, index) = (self.ty(), self.m.sig(self.m.own(index)));
        if width == 0 || ty.width % width != 0 {
            let what = format!("words of {width} bits do not divide `{}`, which is {ty}", self.describe());
            return self.m.fail(Error::Shape { module: self.m.name(), what }, u(width));
        }
        if width == ty.width {
            self.m.unused("the only word is chosen", index);
            return self.as_unsigned();
        }
        let want = index_width((ty.width / width) as usize);
        if index.width() > want || index.ty().signed {
            let what = format!("unsigned index of words of `{}`", self.describe());
            let (sig, have) = (index.describe(), index.width());
            let e = Error::Exact { module: self.m.name(), what, sig, have, want };
            return self.m.fail(e, u(width));
        }
        let known = self.m.get().constant(index.id).map(Bits::to_u64);
        if let Some(i) = known {
            return self.word(i as u32, width);
        }
        self.m.op(Op::Word(self.id, index.id), u(width))
    }

    /// `n` copies, unsigned.
    pub fn repeat(self, n: u32) -> Sig<'m> {
        match n {
            0 => self.m.fail(Error::Zero { module: self.m.name(), what: "`.repeat(0)`".into() }, u(1)),
            1 => self.as_unsigned(),
            _ => self.m.op(Op::Repeat(self.id, n), u(self.width() * n)),
        }
    }
}

/// Parts joined into one unsigned signal, the **least significant part first**. Takes at least one part.
pub fn cat_lsb<'m>(parts: &[Sig<'m>]) -> Sig<'m> {
    parts[0].m.cat_lsb(parts)
}

impl Inner {
    /// Bits `lo ..` of a node that are themselves a simpler node: part of a literal, a slice or a part of a
    /// concatenation (`Cast` stands for that part itself).
    fn within(&self, id: Id, lo: u32, width: u32) -> Option<Op> {
        match &self.node(id).op {
            Op::Lit(b) => Some(Op::Lit(b.slice(lo, width))),
            Op::Slice(a, base) => Some(Op::Slice(*a, base + lo)),
            Op::Cast(a) => self.within(*a, lo, width).or(Some(Op::Slice(*a, lo))),
            Op::Cat(parts) => {
                let mut at = 0;
                for p in parts {
                    let w = self.ty(*p).width;
                    if lo >= at && lo + width <= at + w {
                        if w == width {
                            return Some(Op::Cast(*p));
                        }
                        return self.within(*p, lo - at, width).or(Some(Op::Slice(*p, lo - at)));
                    }
                    at += w;
                }
                None
            }
            _ => None,
        }
    }
}
