//! The way of a slot through the pipeline: one tag for each place at which something is read or written.

use super::insn::Insn;
use super::tag::{Place, Tag, Widths, gated, pipe};
use super::{READ_LATENCY, SHORT_LATENCY, ZOP_LATENCY, fp};
use crate::dsl::{Module, Sig, cat_lsb};

/// Tags by place. A tag stands [`READ_LATENCY`] cycles before the operand that is read for it.
pub(super) struct Path<'m> {
    /// Where the factor is read.
    pub factor: Tag<'m>,
    /// Word of shared memory without `m`, with `factor`.
    pub m_word: Sig<'m>,
    /// Where b is read.
    pub b: Tag<'m>,
    /// A cycle later.
    pub b_next: Tag<'m>,
    /// With the result Z; its place is a [`Target`].
    pub z: Tag<'m>,
    /// With the codes: its place; the flags are only set if the instruction makes codes.
    pub code_place: Sig<'m>,
    /// With the codes: [`super::tag::Flags::valid`], [`super::tag::Flags::row_end`], [`super::tag::Flags::end`].
    pub code: [Sig<'m>; 3],
    /// With the square of A at the adders, only if squares are summed: [`super::tag::Flags::valid`], [`super::tag::Flags::row_end`].
    pub square: [Sig<'m>; 2],
}

/// Where a result goes.
#[derive(Clone, Copy)]
pub(super) struct Target<'m> {
    pub row: Sig<'m>,
    pub rep: Sig<'m>,
    /// Word of the repetition.
    pub word: Sig<'m>,
    /// `dst` + word of the row.
    pub dst: Sig<'m>,
}

impl<'m> Target<'m> {
    pub(super) fn of(x: Sig<'m>, w: Widths) -> Self {
        let at = w.row + 8;
        Target {
            row: x.bits(0, w.row),
            rep: x.bits(w.row, 8),
            word: x.bits(at, w.word),
            dst: x.bits(at + w.word, 16),
        }
    }
}

impl<'m> Path<'m> {
    /// The path of `slot`, whose place carries the word of shared memory above the [`Place`].
    pub(super) fn new(m: &'m Module, insn: &Insn<'m>, slot: Tag<'m>, w: Widths) -> Self {
        let wide = slot.detour("convert", insn.integer, fp::INT_TO_F32_LATENCY).later("a", 1);
        let factor = Tag { flags: wide.flags, place: wide.place.bits(0, Place::width(w)) };
        let m_word = wide.place.bits(Place::width(w), w.cmem);
        let cycles = READ_LATENCY + fp::MUL_LATENCY;
        let square = cat_lsb(&[factor.flags.valid, factor.flags.row_end]);
        let square = gated("square", square, insn.reduce_sum, cycles);

        let multiplied = factor.detour("multiply", insn.has_m, fp::MUL_LATENCY);
        let b = multiplied.detour("function", insn.has_func, fp::SFU_LATENCY);
        let b_next = b.later("b", 1);
        let read = b_next.later("operand", READ_LATENCY - 1);
        let place = Place::of(read.place, w);
        let dst = m.node("dst_word", insn.dst.wrapping_add(place.offset.zext(16)));
        let target = cat_lsb(&[place.row, place.rep, place.word, dst]);
        let f = Tag { flags: read.flags, place: target }.later("f", 1);
        let short = f.later("short", SHORT_LATENCY);
        let z = short.detour("second_operation", insn.long_zop, ZOP_LATENCY - SHORT_LATENCY).later("z", 1);
        let flags = cat_lsb(&[z.flags.valid, z.flags.row_end, z.flags.end]);
        let code = gated("code_flags", flags, insn.codes, fp::F32_TO_INT_LATENCY);
        let code_place = pipe("code_place", z.place, fp::F32_TO_INT_LATENCY, false);
        let (code, square) = ([0, 1, 2].map(|i| code.bit(i)), [0, 1].map(|i| square.bit(i)));
        Path { factor, m_word, b, b_next, z, code_place, code, square }
    }
}
