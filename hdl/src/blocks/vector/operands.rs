//! The operands: vector memory, shared memory, and the read ports of the scalars.

use super::Unit;
use super::path::Path;
use super::tag::{Place, low, row_base, scalar_address};
use crate::blocks::memory_style;
use crate::dsl::{Inst, Sig, u};
use sterna_spec::isa::DstKind;

/// The operands as the lanes take them.
pub(super) struct Operands<'m> {
    /// A or b of vector memory, all lanes.
    pub words: Sig<'m>,
    /// A of the scalars, for lane 0.
    pub scalar: Sig<'m>,
    /// Factor from shared memory, all lanes.
    pub m_words: Sig<'m>,
    /// Factor for all lanes: scalar or immediate.
    pub m_scalar: Sig<'m>,
    /// b for all lanes: scalar or immediate.
    pub b_scalar: Sig<'m>,
}

/// Reads all operands; `z` is written to vector memory.
pub(super) fn read<'m>(
    unit: &Unit<'m>,
    issue: Inst<'m>,
    path: &Path<'m>,
    scalars: Inst<'m>,
    z: Sig<'m>,
) -> Operands<'m> {
    let (m, c, w, insn) = (unit.m, unit.c, unit.w, &unit.insn);
    let on = m.u(1, 1);
    let b_word = low(insn.b, w.vmem).wrapping_add(path.b.offset.resize(w.vmem));
    let b_word = m.delay("b_word", b_word, "word of b in its row");
    let b_row = m.delay("b_row", path.b.row, "its row");
    let base = row_base(m, b_row, c.rows, c.vector_words, w.vmem);
    let b_address = m.delay("b_address", base.wrapping_add(b_word), "word of b");
    let address = insn.vector.mux(issue.out("a_address"), b_address);
    let words = vector_memory(unit, path, address, z);

    let m_address = low(insn.m, w.cmem).wrapping_add(path.m_word);
    let m_address = m.delay("m_address", m_address, "word of the factor in shared memory");
    let (width, depth) = (32 * c.lanes, c.shared_words as usize);
    let cmem = m.mem("cmem", width, depth, memory_style(c.ultrascale(), width, depth), "shared memory");
    let (io, mask) = (&unit.io, unit.io.ld_cmem.repeat(c.lanes));
    cmem.write_lanes(io.ld_mask & mask, low(io.ld_word, w.cmem), io.ld_data);
    let m_words = m.delay("m_words", cmem.read("cmem_q", m_address, on), "factors from shared memory");

    let late = |name: &str, port: &str, is_scalar: Sig<'m>, imm: Sig<'m>| {
        m.delay(name, is_scalar.mux(scalars.out(port), imm), "the same for all lanes: a scalar or immediate")
    };
    Operands {
        words,
        scalar: m.delay("a_scalar", scalars.out("a_data"), "A as a scalar"),
        m_words,
        m_scalar: late("m_scalar", "m_data", insn.m_sreg, insn.imm_m),
        b_scalar: late("b_scalar", "b_data", insn.b_sreg, insn.imm_b),
    }
}

/// Vector memory of all rows: a read, of A or of b, and a write in each cycle.
fn vector_memory<'m>(unit: &Unit<'m>, path: &Path<'m>, read: Sig<'m>, z: Sig<'m>) -> Sig<'m> {
    let (m, c, w, io) = (unit.m, unit.c, unit.w, &unit.io);
    let to = path.z;
    let store = path.z_flags.valid & unit.insn.to(DstKind::Vmem);
    let load = io.ld_vmem;
    let row = load.mux(low(io.ld_row, w.row), to.row);
    let word = load.mux(low(io.ld_word, w.vmem), to.dst.resize(w.vmem));
    let base = row_base(m, row, c.rows, c.vector_words, w.vmem);
    let address = m.node("vmem_address", base.wrapping_add(word));
    let mask = m.node("vmem_mask", load.mux(io.ld_mask, store.repeat(c.lanes)));
    let data = m.node("vmem_data", load.mux(io.ld_data, z));
    let depth = (c.rows * c.vector_words) as usize;
    let width = 32 * c.lanes;
    let mem =
        m.mem("vmem", width, depth, memory_style(c.ultrascale(), width, depth), "vector memory of all rows");
    mem.write_lanes(mask, address, data);
    m.delay("words", mem.read("vmem_q", read, m.u(1, 1)), "A or b from vector memory")
}

/// A value that the scalars take.
struct Write<'m> {
    on: Sig<'m>,
    row: Sig<'m>,
    index: Sig<'m>,
    data: Sig<'m>,
}

/// Connects the scalars: reads of all operands and of the attention unit, and the four writers. The attention unit reads and
/// writes in cycles in which the unit itself does not; of its own writers no two write in one cycle.
pub(super) fn scalars<'m>(
    unit: &Unit<'m>,
    issue: Inst<'m>,
    path: &Path<'m>,
    scalars: Inst<'m>,
    z: Sig<'m>,
    [max, sum]: [Inst<'m>; 2],
    (total, takes_part): (Sig<'m>, Sig<'m>),
) {
    let (m, c, w, insn, io) = (unit.m, unit.c, unit.w, &unit.insn, &unit.io);
    let step = |place: Place<'m>, inc: Sig<'m>| {
        let word = place.word.resize(8);
        insn.scalar.mux(word, place.rep) & inc.repeat(8)
    };
    let at = |first: Sig<'m>, row: Sig<'m>, step: Sig<'m>| {
        scalar_address(row, first.trunc(8).wrapping_add(step), c, w)
    };
    let m_at = at(insn.m, path.factor.row, step(path.factor, insn.m_inc));
    scalars.connect("m_address", m.delay("m_scalar_address", m_at, "scalar of the factor"));
    let [b_row, b_step] = [("b_scalar_row", path.b.row), ("b_step", step(path.b, insn.b_inc))]
        .map(|(name, x)| m.delay(name, x, "of b's scalar"));
    let b_at = at(insn.b, b_row, b_step);
    scalars.connect("b_address", m.delay("b_scalar_address", b_at, "scalar of b"));
    let own = scalar_address(issue.out("a_row"), issue.out("a_word").trunc(8), c, w);
    let theirs = scalar_address(low(io.s_rrow, w.row), io.s_rindex, c, w);
    let reads = m.node("reads_scalar", issue.out("a_valid") & insn.scalar);
    scalars.connect("a_address", reads.mux(own, theirs));
    m.output("s_granted", u(1), "the attention unit's scalar is read").set(!reads);
    m.output("s_rdata", u(32), "that scalar, a cycle later").set(scalars.out("a_data"));

    let to = path.z;
    let part = takes_part.zext(1 << w.row);
    let own = part.bit_dyn(sum.out("done_row"));
    let store = path.z_flags.valid & insn.to(DstKind::Sreg);
    let writes = m.node("writes_scalar", sum.out("done") | max.out("we") | store);
    let writers = [
        Write { on: sum.out("done") & own, row: sum.out("done_row"), index: insn.ssum, data: total },
        Write {
            on: max.out("we"),
            row: max.out("write_row"),
            index: max.out("write_index"),
            data: max.out("value"),
        },
        Write { on: store, row: to.row, index: to.dst.trunc(8), data: z.bits(0, 32) },
        Write { on: io.s_we & !writes, row: low(io.s_row, w.row), index: io.s_index, data: io.s_wdata },
    ];
    m.output("s_taken", u(1), "with s_we: the attention unit's scalar is written").set(!writes);
    let [sum, max, result, theirs] = &writers;
    if c.probe {
        probe(unit, "s", &merge(sum, max), "a scalar is written by a reduction");
        probe(unit, "h", theirs, "a scalar that the attention unit writes");
    }
    let write = merge(sum, &merge(max, &merge(result, theirs)));
    scalars.connect("we", write.on);
    scalars.connect("w_address", scalar_address(write.row, write.index, c, w));
    scalars.connect("w_data", write.data);
}

/// `first` if it is on, else `second`.
fn merge<'m>(first: &Write<'m>, second: &Write<'m>) -> Write<'m> {
    Write {
        on: first.on | second.on,
        row: first.on.mux(first.row, second.row),
        index: first.on.mux(first.index, second.index),
        data: first.on.mux(first.data, second.data),
    }
}

/// An observation port of writes.
fn probe<'m>(unit: &Unit<'m>, name: &str, write: &Write<'m>, doc: &str) {
    let out = |what: &str, x: Sig<'m>, width: u32, doc: &str| {
        unit.m.output(&format!("probe_{name}_{what}"), u(width), doc).set(x.zext(width));
    };
    out("valid", write.on, 1, doc);
    out("row", write.row, 4, "its row");
    out("index", write.index, 8, "its index");
    out("data", write.data, 32, "binary32");
}
