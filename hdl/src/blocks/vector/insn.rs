//! The fields of a VECTOR instruction as registers, and what follows from them.

use crate::dsl::{Module, Sig};
use sterna_spec::config::Config;
use sterna_spec::isa::{AKind, BKind, DstKind, Field, Func, MKind, ZOp, field};

/// A VECTOR instruction. All signals are stable from the cycle after `start` to `done`.
#[allow(clippy::struct_field_names)]
pub(super) struct Insn<'m> {
    pub head: Sig<'m>,
    pub n: Sig<'m>,
    pub rep: Sig<'m>,
    pub a: Sig<'m>,
    pub b: Sig<'m>,
    pub m: Sig<'m>,
    pub dst: Sig<'m>,
    pub smax: Sig<'m>,
    pub ssum: Sig<'m>,
    pub m_stride: Sig<'m>,
    pub imm_m: Sig<'m>,
    pub imm_b: Sig<'m>,
    pub addr: Sig<'m>,
    pub rotate: Sig<'m>,
    pub m_inc: Sig<'m>,
    pub b_inc: Sig<'m>,
    pub func: Sig<'m>,
    pub zop: Sig<'m>,
    pub dst_kind: Sig<'m>,
    pub reduce_max: Sig<'m>,
    pub reduce_sum: Sig<'m>,
    /// Its reductions go on in a later instruction.
    pub part: Sig<'m>,
    /// A comes from vector memory.
    pub vector: Sig<'m>,
    /// A comes from the matrix engine.
    pub acc: Sig<'m>,
    /// A comes from the attention unit.
    pub att: Sig<'m>,
    /// A is a scalar: one element a word.
    pub scalar: Sig<'m>,
    /// A is an integer.
    pub integer: Sig<'m>,
    /// There is a factor m.
    pub has_m: Sig<'m>,
    pub m_sreg: Sig<'m>,
    pub m_cmem: Sig<'m>,
    pub b_sreg: Sig<'m>,
    pub b_vmem: Sig<'m>,
    /// The function is relu.
    pub relu: Sig<'m>,
    /// There is another function.
    pub has_func: Sig<'m>,
    /// The second operation takes the multiplier or the adder.
    pub long_zop: Sig<'m>,
    /// Codes go to memory.
    pub to_kv: Sig<'m>,
    /// Results go to memory or to the selection.
    pub outward: Sig<'m>,
    /// They are logits: those of a row stay together.
    pub by_row: Sig<'m>,
    /// The result is quantized.
    pub codes: Sig<'m>,
}

impl<'m> Insn<'m> {
    /// Reads the fields from the 256 bits.
    pub(super) fn new(m: &'m Module, insn: Sig<'m>, c: &Config) -> Self {
        let (probe, fast) = (c.probe, c.fast_clock());
        let get = |f: Field| insn.bits(f.bit(), f.width);
        let flag = |name: &str, on: Sig<'m>| {
            let of = "of the instruction";
            if fast { m.delay(name, on, of) } else { m.node(name, on).doc(of) }
        };
        let named = |name: &str, f: Field| flag(name, get(f));
        let is_dst = |k: DstKind| get(field::DST_KIND).eq(k as u32);
        let is_a = |k: AKind| get(field::A_KIND).eq(k as u32);
        let is_m = |k: MKind| get(field::M_KIND).eq(k as u32);
        let is_b = |k: BKind| get(field::B_KIND).eq(k as u32);
        let is_z = |z: ZOp| get(field::ZOP).eq(z as u32);
        for (lo, width) in [(0, 8), (9, 7), (171, 1), (175, 1), (179, 1), (187, 5)] {
            m.unused("not a field of VECTOR, or its operation", insn.bits(lo, width));
        }
        if !probe {
            m.unused("only the store and the selection, and the probe, name elements", get(field::ADDR));
        }
        Insn {
            head: named("head", field::HEAD),
            n: named("n", field::N),
            rep: named("rep", field::REP),
            a: named("a", field::A),
            b: named("b", field::B),
            m: named("m", field::M),
            dst: named("dst", field::DST),
            smax: named("smax", field::SMAX),
            ssum: named("ssum", field::SSUM),
            m_stride: named("m_stride", field::M_STRIDE),
            imm_m: named("imm_m", field::IMM_M),
            imm_b: named("imm_b", field::IMM_B),
            addr: if probe { named("addr", field::ADDR) } else { get(field::ADDR) },
            rotate: named("rotate", field::ROTATE),
            m_inc: named("m_inc", field::M_INC),
            b_inc: named("b_inc", field::B_INC),
            func: named("func", field::FN),
            zop: named("zop", field::ZOP),
            dst_kind: named("dst_kind", field::DST_KIND),
            reduce_max: named("reduce_max", field::REDUCE_MAX),
            reduce_sum: named("reduce_sum", field::REDUCE_SUM),
            part: named("part", field::PART),
            vector: flag("a_is_vector", is_a(AKind::Vmem)),
            acc: flag("a_is_acc", is_a(AKind::Acc)),
            att: flag("a_is_att", is_a(AKind::Att)),
            scalar: flag("a_is_scalar", is_a(AKind::Sreg)),
            integer: flag("a_is_integer", is_a(AKind::Acc) | is_a(AKind::Att)),
            has_m: flag("has_m", !is_m(MKind::None)),
            m_sreg: flag("m_is_scalar", is_m(MKind::Sreg)),
            m_cmem: flag("m_is_shared", is_m(MKind::Cmem)),
            b_sreg: flag("b_is_scalar", is_b(BKind::Sreg)),
            b_vmem: flag("b_is_vector", is_b(BKind::Vmem)),
            relu: flag("is_relu", get(field::FN).eq(Func::Relu as u32)),
            has_func: flag("has_func", get(field::FN).gt(Func::Relu as u32)),
            long_zop: flag("long_zop", is_z(ZOp::Add) | is_z(ZOp::Mul) | is_z(ZOp::Square)),
            to_kv: flag("to_kv", is_dst(DstKind::Kv)),
            outward: flag("outward", get(field::DST_KIND).ge(DstKind::KvScale as u32)),
            by_row: flag("by_row", get(field::DST_KIND).ge(DstKind::Topk as u32)),
            codes: flag("codes", is_dst(DstKind::Act) | is_dst(DstKind::Query) | is_dst(DstKind::Kv)),
        }
    }

    /// 1 for this destination.
    pub(super) fn to(&self, kind: DstKind) -> Sig<'m> {
        self.dst_kind.eq(kind as u32)
    }
}
