//! What leaves the unit: activation and query codes, words for the store and the selection, and the observation port.

use super::Unit;
use super::path::{Path, Target, count};
use super::tag::pipe;
use super::{READ_LATENCY, integers};
use crate::dsl::{Inst, Sig, cat_lsb, u};
use sterna_spec::isa::DstKind;

/// Drives the output ports; `z` are the results of all lanes.
pub(super) fn drive<'m>(unit: &Unit<'m>, path: &Path<'m>, lanes: &[Inst<'m>], z: Sig<'m>) {
    let (m, c, insn) = (unit.m, unit.c, &unit.insn);
    let out = |name: &str, x: Sig<'m>, width: u32, doc: &str| {
        m.output(name, u(width), doc).set(x.zext(width));
    };
    let codes = |port: &str| cat_lsb(&lanes.iter().map(|l| l.out(port).as_unsigned()).collect::<Vec<_>>());
    let (code8, code16) = (codes("code8"), codes("code16"));
    let code = path.code;
    for (name, kind, data) in [("act", DstKind::Act, code8), ("q", DstKind::Query, code16)] {
        let port = |what: &str| format!("{name}_{what}");
        out(&port("we"), path.code_flags.valid & insn.to(kind), 1, "write a word of codes");
        out(&port("row"), code.row, 4, "its row");
        out(&port("word"), code.dst, 16, "its word");
        out(&port("data"), data, data.width(), "codes of all lanes");
    }

    let whole = m.node("code_whole", path.code_flags.valid & path.code_flags.turn);
    for (name, kind) in [("act", DstKind::Act), ("q", DstKind::Query)] {
        let doc = format!("with {name}_we: the word is complete, in all rows");
        out(&format!("{name}_whole"), whole & insn.to(kind), 1, &doc);
    }
    let kv = insn.to_kv;
    let to = path.z;
    let width = 32 * c.lanes;
    let valid = (path.code_flags.valid & kv) | (path.z_flags.valid & insn.outward);
    out("out_valid", valid, 1, "a word for the store or the selection");
    out("out_kind", insn.dst_kind, 4, "its destination");
    out("out_row", kv.mux(code.row, to.row), 4, "its row");
    out("out_rep", kv.mux(code.rep, to.rep), 8, "its repetition");
    out("out_word", kv.mux(code.word, to.word), 16, "its word in the repetition");
    out("out_data", kv.mux(code8.zext(width), z), width, "results, or int8 codes in the low bits");
    if c.probe {
        probe(unit, path, lanes, z);
        probe_integers(unit, path);
    }
}

/// The observation port: every word that goes anywhere, as the golden model logs it.
fn probe<'m>(unit: &Unit<'m>, path: &Path<'m>, lanes: &[Inst<'m>], z: Sig<'m>) {
    let (m, c, insn) = (unit.m, unit.c, &unit.insn);
    let out = |name: &str, x: Sig<'m>, width: u32, doc: &str| {
        m.output(name, u(width), doc).set(x.zext(width));
    };
    let tag = |pick: fn(Target<'m>) -> Sig<'m>| insn.codes.mux(pick(path.code), pick(path.z));
    let dst = m.node("probe_dst", tag(|t| t.dst));
    let offset = m.node("probe_offset", dst.wrapping_sub(insn.dst));
    let id = insn.addr.wrapping_add((offset << c.lanes.ilog2()).zext(32));
    let arms = [
        (DstKind::Kv as u32, offset.zext(32)),
        (DstKind::KvScale as u32, offset.zext(32)),
        (DstKind::Topk as u32, id),
        (DstKind::Logits as u32, id),
    ];
    let wide = insn.to(DstKind::Query);
    let code = |l: &Inst<'m>| wide.mux(l.out("code16"), l.out("code8").ext(16)).ext(32).as_unsigned();
    let codes = cat_lsb(&lanes.iter().map(code).collect::<Vec<_>>());
    let valid = insn.codes.mux(path.code_flags.valid, path.z_flags.valid);
    out("probe_valid", valid & insn.dst_kind.any(), 1, "a word of results");
    out("probe_kind", insn.dst_kind, 4, "its destination");
    out("probe_row", tag(|t| t.row), 4, "its row");
    out("probe_address", insn.dst_kind.case(&arms, dst.zext(32)), 32, "its word, or first id");
    out("probe_data", insn.codes.mux(codes, z), 32 * c.lanes, "binary32, or codes extended by their sign");
}

/// The observation port of what the matrix engine and the attention unit deliver: a word of integers when the lanes take it.
fn probe_integers<'m>(unit: &Unit<'m>, path: &Path<'m>) {
    let (m, c, insn) = (unit.m, unit.c, &unit.insn);
    let at = count(m, "at_whole", path.whole, insn, unit.w);
    let valid = pipe("whole_valid", path.whole.flags.valid & insn.integer, READ_LATENCY, true);
    let word = insn.a.wrapping_add(at.offset.zext(16));
    m.unused("the word of the row says it", cat_lsb(&[at.rep, at.word]));
    let data: Vec<Sig> = integers(unit).iter().map(|x| x.sext(64).as_unsigned()).collect();
    let out = |name: &str, x: Sig<'m>, width: u32, doc: &str| {
        m.output(name, u(width), doc).set(x.zext(width));
    };
    out("probe_r_valid", valid, 1, "a word of integers is read");
    out("probe_r_attention", insn.att, 1, "from the attention unit, not from the matrix engine");
    out("probe_r_row", pipe("whole_row", at.row, READ_LATENCY, false), 4, "its row");
    out("probe_r_address", pipe("whole_word", word, READ_LATENCY, false), 16, "its word");
    out("probe_r_data", cat_lsb(&data), 64 * c.lanes, "integers, 64 bits each");
}
