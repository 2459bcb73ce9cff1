//! What travels along with a word through the pipeline, and its place in the instruction.

use crate::dsl::{Module, Sig, cat_lsb, index_width, u};
use sterna_spec::config::Config;

/// Widths of the indices inside the unit.
#[derive(Clone, Copy)]
pub(super) struct Widths {
    /// Row of the step.
    pub row: u32,
    /// Word of an instruction in a row: as many as the largest source of A holds.
    pub word: u32,
    /// Word in the vector memory of all rows.
    pub vmem: u32,
    /// Word in shared memory.
    pub cmem: u32,
    /// Scalar in the scalar memory of all rows.
    pub scalar: u32,
    /// Word in a segment of KV codes.
    pub piece: u32,
}

impl Widths {
    pub(super) fn new(c: &Config) -> Widths {
        let words = [c.vector_words, c.outputs / c.lanes, c.heads * c.head_size / c.lanes, c.scalars];
        let longest = words.into_iter().max().unwrap_or(1);
        let width = |n: u32| index_width(n as usize);
        Widths {
            row: width(c.rows),
            word: width(longest),
            vmem: width(c.rows * c.vector_words),
            cmem: width(c.shared_words),
            scalar: width(c.rows * c.scalars),
            piece: (c.attention_width / c.lanes).ilog2(),
        }
    }
}

/// The flags of a pipeline slot.
#[derive(Clone, Copy)]
pub(super) struct Flags<'m> {
    /// The slot holds a word.
    pub valid: Sig<'m>,
    /// The next word is another than this one in another row; of KV codes: it is the segment's last row.
    pub turn: Sig<'m>,
    /// The last word of a repetition.
    pub last: Sig<'m>,
    /// The last word of a row.
    pub row_end: Sig<'m>,
    /// Nothing of the instruction follows; the slot itself may be empty.
    pub end: Sig<'m>,
}

impl<'m> Flags<'m> {
    fn pack(self) -> Sig<'m> {
        cat_lsb(&[self.valid, self.turn, self.last, self.row_end, self.end])
    }

    fn unpack(x: Sig<'m>) -> Self {
        let [valid, turn, last, row_end, end] = [0, 1, 2, 3, 4].map(|i| x.bit(i));
        Flags { valid, turn, last, row_end, end }
    }

    /// `cycles` later; enters only when `used`, so that nothing stale is left for a later instruction.
    pub(super) fn through(self, name: &str, used: Sig<'m>, cycles: u32) -> Self {
        Flags::unpack(gated(name, self.pack(), used, cycles))
    }
}

/// A pipeline slot.
#[derive(Clone, Copy)]
pub(super) struct Tag<'m> {
    pub flags: Flags<'m>,
    /// Its row.
    pub row: Sig<'m>,
}

impl<'m> Tag<'m> {
    /// `cycles` later.
    pub(super) fn later(self, name: &str, cycles: u32) -> Self {
        self.later_if(name, self.row.module().u(1, 1), cycles)
    }

    /// `cycles` later, its flags only if `used`.
    pub(super) fn later_if(self, name: &str, used: Sig<'m>, cycles: u32) -> Self {
        let flags = self.flags.through(&format!("{name}_flags"), used, cycles);
        Tag { flags, row: pipe(&format!("{name}_row"), self.row, cycles, false) }
    }

    /// `cycles` later if `used`, else at once: a unit that an instruction may leave out.
    pub(super) fn detour(self, name: &str, used: Sig<'m>, cycles: u32) -> Self {
        let m = self.row.module();
        let slow = self.flags.through(&format!("{name}_flags"), used, cycles).pack();
        let row = pipe(&format!("{name}_row"), self.row, cycles, false);
        let flags = Flags::unpack(m.node(&format!("after_{name}_flags"), used.mux(slow, self.flags.pack())));
        Tag { flags, row: m.node(&format!("after_{name}_row"), used.mux(row, self.row)) }
    }
}

/// Where a word stands: row, repetition, word in the repetition, word in the row.
#[derive(Clone, Copy)]
pub(super) struct Place<'m> {
    pub row: Sig<'m>,
    pub rep: Sig<'m>,
    pub word: Sig<'m>,
    pub offset: Sig<'m>,
}

/// `x` + 1; the bits from `low` on only if `carry`.
pub(super) fn next<'m>(x: Sig<'m>, low: u32, carry: Sig<'m>) -> Sig<'m> {
    if low == 0 || low >= x.width() {
        return x.wrapping_add(1);
    }
    let (lower, upper) = (x.bits(0, low), x.bits(low, x.width() - low));
    let carry = (lower.all() & carry).zext(upper.width());
    cat_lsb(&[lower.wrapping_add(1), upper.wrapping_add(carry)])
}

/// `x` - 1, likewise.
pub(super) fn previous<'m>(x: Sig<'m>, low: u32, borrow: Sig<'m>) -> Sig<'m> {
    if low == 0 || low >= x.width() {
        return x.wrapping_sub(1);
    }
    let (lower, upper) = (x.bits(0, low), x.bits(low, x.width() - low));
    let borrow = (!lower.any() & borrow).zext(upper.width());
    cat_lsb(&[lower.wrapping_sub(1), upper.wrapping_sub(borrow)])
}

/// `x` delayed by `cycles`, from zero after reset; enters only when `used`.
pub(super) fn gated<'m>(name: &str, x: Sig<'m>, used: Sig<'m>, cycles: u32) -> Sig<'m> {
    pipe(name, x & used.repeat(x.width()), cycles, true)
}

/// `x` delayed by `cycles`: one shift register.
pub(super) fn pipe<'m>(name: &str, x: Sig<'m>, cycles: u32, reset: bool) -> Sig<'m> {
    let (m, width) = (x.module(), x.width());
    if cycles == 0 {
        return x;
    }
    let reg = m.reg(name, u(width * cycles), reset.then_some(0), "shift register, the newest lowest");
    match cycles {
        1 => reg.set(x),
        _ => reg.set(cat_lsb(&[x, reg.q().bits(0, width * (cycles - 1))])),
    }
    reg.q().bits(width * (cycles - 1), width)
}

/// First word of `row` in a memory of `words` words a row.
pub(super) fn row_base<'m>(m: &'m Module, row: Sig<'m>, rows: u32, words: u32, width: u32) -> Sig<'m> {
    if rows == 1 {
        m.unused("the only row", row);
        return m.u(width, 0);
    }
    let arms: Vec<(u32, Sig<'m>)> = (1..rows).map(|r| (r, m.u(width, r * words))).collect();
    row.case(&arms, 0)
}

/// The low `width` bits; the rest is never set in a legal instruction.
pub(super) fn low(x: Sig<'_>, width: u32) -> Sig<'_> {
    if x.width() <= width {
        return x.resize(width);
    }
    x.module().unused("beyond the memory", x.bits(width, x.width() - width));
    x.trunc(width)
}

/// Address of a scalar of a row in the scalar memory of all rows.
pub(super) fn scalar_address<'m>(row: Sig<'m>, index: Sig<'m>, c: &Config, w: Widths) -> Sig<'m> {
    let index = low(index, index_width(c.scalars as usize));
    if c.rows == 1 {
        row.module().unused("the only row", row);
        return index;
    }
    cat_lsb(&[index, row]).trunc(w.scalar)
}
