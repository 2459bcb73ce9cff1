//! The way of a slot through the pipeline: flags for each place at which something is read or written.
//!
//! Words come in order, so a place counts them by their flags instead of being told where they stand; only the row travels along,
//! as rows may be left out.

use super::insn::Insn;
use super::tag::{Flags, Place, Tag, Widths, gated};
use super::{READ_LATENCY, SHORT_LATENCY, ZOP_LATENCY, fp};
use crate::dsl::{Module, Sig, cat_lsb, u};

/// Tags by place. A tag stands [`READ_LATENCY`] cycles before the operand that is read for it.
pub(super) struct Path<'m> {
    /// Where the factor is read.
    pub factor: Place<'m>,
    /// Word of shared memory without `m`, with `factor`.
    pub m_word: Sig<'m>,
    /// Where b is read.
    pub b: Place<'m>,
    /// With the result Z.
    pub z_flags: Flags<'m>,
    pub z: Target<'m>,
    /// With the codes; the flags are only set if the instruction makes codes.
    pub code_flags: Flags<'m>,
    pub code: Target<'m>,
    /// A cycle before the square of A at the adders, only if squares are summed: [`super::tag::Flags::valid`], [`super::tag::Flags::row_end`].
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

/// Place of a word.
fn count<'m>(m: &'m Module, name: &str, tag: Tag<'m>, w: Widths) -> Place<'m> {
    let flags = tag.flags;
    let counter =
        |what: &str, width: u32, doc: &str| m.reg(&format!("{name}_{what}"), u(width), Some(0), doc);
    let rep = counter("rep", 8, "repetition");
    let word = counter("word", w.word, "word of the repetition");
    let offset = counter("offset", w.word, "word of the row");
    rep.when(flags.row_end, 0);
    rep.when(flags.last, rep.q().wrapping_add(1));
    word.when(flags.last, 0);
    word.when(flags.valid, word.q().wrapping_add(1));
    offset.when(flags.row_end, 0);
    offset.when(flags.valid, offset.q().wrapping_add(1));
    Place { row: tag.place, rep: rep.q(), word: word.q(), offset: offset.q() }
}

/// The target of a word, a cycle later.
fn target<'m>(m: &'m Module, name: &str, tag: Tag<'m>, insn: &Insn<'m>, w: Widths) -> Target<'m> {
    let at = count(m, &format!("to_{name}"), tag, w);
    let later = |what: &str, x: Sig<'m>, doc: &str| m.delay(&format!("{name}_{what}"), x, doc);
    Target {
        row: later("row", at.row, "row of the word"),
        rep: later("rep", at.rep, "its repetition"),
        word: later("word", at.word, "its word of the repetition"),
        dst: later("dst", insn.dst.wrapping_add(at.offset.zext(16)), "its word at the destination"),
    }
}

impl<'m> Path<'m> {
    /// The path of `slot`, whose place carries the row and above it the word of shared memory.
    pub(super) fn new(m: &'m Module, insn: &Insn<'m>, slot: Tag<'m>, w: Widths) -> Self {
        let wide = slot.detour("convert", insn.integer, fp::INT_TO_F32_LATENCY).later("a", 1);
        let factor = Tag { flags: wide.flags, place: wide.place.bits(0, w.row) };
        let m_word = wide.place.bits(w.row, w.cmem);
        let cycles = READ_LATENCY + fp::MUL_LATENCY - 1;
        let square = cat_lsb(&[factor.flags.valid, factor.flags.row_end]);
        let square = gated("square", square, insn.reduce_sum, cycles);
        let square = [0, 1].map(|i| square.bit(i));

        let multiplied = factor.detour("multiply", insn.has_m, fp::MUL_LATENCY);
        let b = multiplied.detour("function", insn.has_func, fp::SFU_LATENCY);
        let short = b.later("operand", READ_LATENCY + 1 + SHORT_LATENCY);
        let last = short.detour("second_operation", insn.long_zop, ZOP_LATENCY - SHORT_LATENCY);
        let z_flags = last.flags.through("z_flags", m.u(1, 1), 1);
        let z = target(m, "z", last, insn, w);
        let before = Tag { flags: z_flags, place: z.row };
        let before = before.later_if("quantize", insn.codes, fp::F32_TO_INT_LATENCY - 1);
        let code_flags = before.flags.through("code_flags", m.u(1, 1), 1);
        m.unused("the words of codes are not counted further", code_flags.last);
        m.unused("its memory may be smaller", z.dst);
        Path {
            factor: count(m, "at_factor", factor, w),
            m_word,
            b: count(m, "at_b", b, w),
            z_flags,
            z,
            code_flags,
            code: target(m, "code", before, insn, w),
            square,
        }
    }
}
