//! The way of a slot through the pipeline: flags for each place at which something is read or written.
//!
//! Words come in order, so a place counts them by their flags instead of being told where they stand; only the row travels along,
//! as rows may be left out. Accumulators take longer to arrive than other operands A, so their slots wait first.

use super::insn::Insn;
use super::tag::{Flags, Place, Tag, Widths, gated, low, next, pipe};
use super::{Cycles, READ_LATENCY, matmul};
use crate::dsl::{Module, Reg, Sig, cat_lsb, u};
use sterna_spec::config::Config;
use sterna_spec::isa::ZOp;

/// Tags by place. A tag stands [`READ_LATENCY`] cycles before the operand that is read for it.
pub(super) struct Path<'m> {
    /// Where the integer A is read.
    pub whole: Tag<'m>,
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
    /// A cycle before the square of A at the adders, only if squares are summed: [`super::tag::Flags::valid`],
    /// [`super::tag::Flags::turn`], [`super::tag::Flags::row_end`].
    pub square: [Sig<'m>; 3],
    /// Its row.
    pub square_row: Sig<'m>,
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

/// Place of a word. In a segment of KV codes each row begins anew.
pub(super) fn count<'m>(m: &'m Module, name: &str, tag: Tag<'m>, insn: &Insn<'m>, w: Widths) -> Place<'m> {
    let flags = tag.flags;
    let counter = |what: &str, width: u32, doc: &str| -> Reg<'m> {
        m.reg(&format!("{name}_{what}"), u(width), Some(0), doc)
    };
    let rep = counter("rep", 8, "repetition");
    let word = counter("word", w.word, "word of the repetition");
    let offset = counter("offset", w.word, "word of the row");
    let turn = flags.turn;
    let on = if w.piece > 0 { turn | flags.valid & insn.to_kv } else { turn };
    rep.when(turn & flags.row_end, 0);
    rep.when(turn & flags.last, rep.q().wrapping_add(1));
    word.when(turn & flags.last, 0);
    word.when(on, next(word.q(), w.piece, turn));
    offset.when(turn & flags.row_end, 0);
    offset.when(on, next(offset.q(), w.piece, turn));
    Place { row: tag.row, rep: rep.q(), word: word.q(), offset: offset.q() }
}

/// The target of a word, a cycle later.
fn target<'m>(m: &'m Module, name: &str, tag: Tag<'m>, insn: &Insn<'m>, w: Widths) -> Target<'m> {
    let at = count(m, &format!("to_{name}"), tag, insn, w);
    let later = |what: &str, x: Sig<'m>, doc: &str| m.delay(&format!("{name}_{what}"), x, doc);
    Target {
        row: later("row", at.row, "row of the word"),
        rep: later("rep", at.rep, "its repetition"),
        word: later("word", at.word, "its word of the repetition"),
        dst: later("dst", insn.dst.wrapping_add(at.offset.zext(16)), "its word at the destination"),
    }
}

impl<'m> Path<'m> {
    /// The path of `slot`.
    pub(super) fn new(m: &'m Module, c: &Config, insn: &Insn<'m>, slot: Tag<'m>, w: Widths) -> Self {
        let Cycles { fp, sum, product, short, .. } = Cycles::of(c);
        let a = slot.detour("gather", insn.acc, matmul::gather_latency(c));
        let whole = a;
        let a = a.detour("convert", insn.integer, fp.int_to_f32);
        let factor = a.later("a", 1);
        let at_factor = count(m, "at_factor", factor, insn, w);
        let part = m.delay("m_part", row_part(m, a.row, insn.m_stride, w), "the row's part of shared memory");
        let m_word = part.wrapping_add(at_factor.word.resize(w.cmem));
        let cycles = READ_LATENCY + fp.mul - 1;
        let square = cat_lsb(&[factor.flags.valid, factor.flags.turn, factor.flags.row_end]);
        let square = gated("square", square, insn.reduce_sum, cycles);
        let square = [0, 1, 2].map(|i| square.bit(i));
        let square_row = pipe("square_row", factor.row, cycles, false);

        let multiplied = factor.detour("multiply", insn.has_m, fp.mul);
        let b = multiplied.detour("function", insn.has_func, fp.sfu);
        let passed = b.later("operand", READ_LATENCY + 1 + short);
        let last = if sum == product {
            passed.detour("second_operation", insn.long_zop, sum - short)
        } else {
            let multiplied = passed.detour("product", insn.long_zop, product - short);
            multiplied.detour("sum", insn.zop.eq(ZOp::Add as u32), sum - product)
        };
        let z_flags = last.flags.through("z_flags", m.u(1, 1), 1);
        let z = target(m, "z", last, insn, w);
        let before = Tag { flags: z_flags, row: z.row };
        let before = before.later_if("quantize", insn.codes, fp.f32_to_int - 1);
        let code_flags = before.flags.through("code_flags", m.u(1, 1), 1);
        let counted = cat_lsb(&[code_flags.last, code_flags.row_end]);
        m.unused("the words of codes are not counted further", counted);
        m.unused("its memory may be smaller", z.dst);
        Path {
            whole,
            factor: at_factor,
            m_word,
            b: count(m, "at_b", b, insn, w),
            z_flags,
            z,
            code_flags,
            code: target(m, "code", before, insn, w),
            square,
            square_row,
        }
    }
}

/// First word of the row's part of shared memory, counted from `m`: row times stride.
fn row_part<'m>(m: &'m Module, row: Sig<'m>, stride: Sig<'m>, w: Widths) -> Sig<'m> {
    let stride = low(stride.zext(16), w.cmem);
    let term = |bit: u32| row.bit(bit).repeat(w.cmem) & (stride << bit).trunc(w.cmem);
    (0..w.row).map(term).reduce(|a, b| a.wrapping_add(b)).unwrap_or(m.u(w.cmem, 0))
}
