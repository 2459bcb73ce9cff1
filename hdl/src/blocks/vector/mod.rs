//! The vector unit: executes VECTOR instructions over all rows, V lanes wide, and holds VMEM, CMEM and SREG.
//!
//! ```text
//!  issue ──┬─[convert]── 1 ──┬─[m]──[function]──┬── 4 ──┬── second operation ── 1 ──┬─[quantize]──
//!  (slot)  │                 │                  │       │                           │
//!        A: address         m: address         b:      F in the lanes           Z: VMEM, SREG, out, max
//!           1, read 2          1, read 2          address 2, read 2             codes: ACT, QUERY, KV
//! ```
//!
//! A slot carries a word's flags; a unit in brackets is passed by when the instruction does not use it. Operands
//! are not delayed, their addresses are: m is read when A is converted, b when the function is computed. At most one of A and b
//! comes from vector memory, which has one read port. Nothing of two
//! instructions is ever in the pipeline at once, so there are no hazards between instructions; inside of one, an operand
//! is read before the result at its place is written (in-place instructions), and no other overlap is legal.
//!
//! The attention unit works beside instructions: a scalar that it asks for is read in a cycle with `s_granted`, one that it offers
//! (`s_we`) is written in a cycle with `s_taken`. Both are 1 in all cycles in which no instruction reads, or writes, a scalar there.
//!
//! ```text
//!  s_rrow, s_rindex ──┬─► SREG, port A ──► s_rdata, a cycle later
//!  A of an instruction┘ first
//!  s_we, s_row, ..    ──┬─► SREG, all copies
//!  sum, maximum, result ┘ first
//! ```
//!
//! Ports: `docs/architecture.md`; accumulators as in [`matmul`]. `done` comes in the cycle in which the last write is made. At most [`OUT_SLACK`]
//! words come out after `hold` rises.

mod cycles;
mod insn;
mod issue;
mod lane;
mod max;
mod operands;
mod out;
mod path;
mod scalars;
mod sum;
mod tag;
#[cfg(test)]
mod tests;

use super::fp::{self, Pace};
use crate::dsl::{Inst, Module, Sig, cat_lsb, u};
pub use cycles::Cycles;
use insn::Insn;
use operands::Operands;
use path::Path;
use std::rc::Rc;
use sterna_spec::config::Config;
use sterna_spec::numbers::INT_BITS;
use tag::{Flags, Tag, Widths};

use super::attention;
pub use super::attention::ATT_LATENCY;
use super::matmul;
pub use super::matmul::ACC_LATENCY;
/// Most words that come out after `hold` has risen.
pub const OUT_SLACK: u32 = 64;

/// Cycles from a slot to its operand: one for the address, two for the memory.
const READ_LATENCY: u32 = 1 + ACC_LATENCY;
const _: () = assert!(ACC_LATENCY == ATT_LATENCY);
const _: () =
    assert!(Cycles::at(Pace::Fast).depth() < OUT_SLACK && Cycles::at(Pace::Slow).depth() < OUT_SLACK);

/// The modules inside of the unit that tests replace by faulty ones.
struct Parts {
    issue: Module,
    shared: Shared,
}

impl Parts {
    fn new(c: &Config) -> Self {
        let pace = Pace::of(c);
        let shared = Shared {
            mul: Rc::new(fp::mul(pace)),
            add: Rc::new(fp::add(pace)),
            sfu: Rc::new(fp::sfu(pace)),
            convert: Rc::new(fp::int_to_f32(integer_bits(c), pace)),
            quantize: Rc::new(fp::f32_to_int(16, pace)),
        };
        Parts { issue: issue::issue(c, Widths::new(c)), shared }
    }
}

/// Bits of the integers that a lane converts: accumulators and attention's sums, of the [`INT_BITS`] of which it needs no more.
fn integer_bits(c: &Config) -> u32 {
    let lent = if c.lends_units() { attention::lent_bits(c) } else { 0 };
    c.acc_bits().max(attention::sum_bits(c)).max(lent).max(fp::LEAST_INT_BITS)
}

/// The arithmetic modules, shared by all lanes.
struct Shared {
    mul: Rc<Module>,
    add: Rc<Module>,
    sfu: Rc<Module>,
    convert: Rc<Module>,
    quantize: Rc<Module>,
}

/// What the parts of the unit are built from.
struct Unit<'m> {
    m: &'m Module,
    c: &'m Config,
    w: Widths,
    io: Io<'m>,
    insn: Insn<'m>,
}

/// Input ports.
struct Io<'m> {
    restart: Sig<'m>,
    start: Sig<'m>,
    insn: Sig<'m>,
    rows: Sig<'m>,
    row_info: Sig<'m>,
    hold: Sig<'m>,
    acc_data: Sig<'m>,
    att_data: Sig<'m>,
    ld_vmem: Sig<'m>,
    ld_cmem: Sig<'m>,
    ld_row: Sig<'m>,
    ld_word: Sig<'m>,
    ld_mask: Sig<'m>,
    ld_data: Sig<'m>,
    s_we: Sig<'m>,
    s_row: Sig<'m>,
    s_index: Sig<'m>,
    s_wdata: Sig<'m>,
    s_rrow: Sig<'m>,
    s_rindex: Sig<'m>,
}

impl<'m> Io<'m> {
    fn new(m: &'m Module, c: &Config) -> Self {
        Io {
            restart: m.input("restart", u(1), "forgets reductions that would go on: a step begins"),
            start: tag::pipe("started", m.input("start", u(1), "begins the instruction"), 1, true),
            insn: m.input("insn", u(256), "instruction, stable until done"),
            rows: m.input("rows", u(5), "rows of the step"),
            row_info: m.input("row_info", u(128 * c.rows), "descriptors of the rows"),
            hold: tag::pipe("held", m.input("hold", u(1), "stop issuing words"), 1, true),
            acc_data: m.input("acc_data", u(c.lanes * c.acc_bits()), "accumulators, 2 cycles after acc_row"),
            att_data: m.input("att_data", u(c.lanes * INT_BITS), "attention sums, 2 cycles after att_word"),
            ld_vmem: m.input("ld_vmem", u(1), "the loader writes vector memory"),
            ld_cmem: m.input("ld_cmem", u(1), "the loader writes shared memory"),
            ld_row: m.input("ld_row", u(4), "row"),
            ld_word: m.input("ld_word", u(16), "word"),
            ld_mask: m.input("ld_mask", u(c.lanes), "lanes"),
            ld_data: m.input("ld_data", u(32 * c.lanes), "binary32 of each lane"),
            s_we: m.input("s_we", u(1), "the attention unit offers a scalar"),
            s_row: m.input("s_row", u(4), "row"),
            s_index: m.input("s_index", u(8), "scalar"),
            s_wdata: m.input("s_wdata", u(32), "binary32"),
            s_rrow: m.input("s_rrow", u(4), "row of the scalar that the attention unit asks for"),
            s_rindex: m.input("s_rindex", u(8), "its index"),
        }
    }
}

/// Module `vector`: the vector unit.
pub fn vector(config: &Config) -> Module {
    let m = Module::new(
        "vector",
        "The vector unit: element-wise work on all rows, and the memories that it works on.",
    );
    build(&m, config, Parts::new(config));
    m
}

fn build<'m>(m: &'m Module, c: &'m Config, parts: Parts) {
    let (io, w) = (Io::new(m, c), Widths::new(c));
    let insn = Insn::new(m, io.insn, c);
    let unit = Unit { m, c, w, io, insn };
    let takes_part = takes_part(&unit);
    let (issue, slot) = issue_slot(&unit, parts.issue, takes_part);
    let path = Path::new(m, c, &unit.insn, slot, w);
    let lane = Rc::new(lane::lane(c, w, &parts.shared));
    let lanes: Vec<Inst> = (0..c.lanes).map(|l| m.instance(&format!("lane{l}"), &lane)).collect();
    let z = m.node("z", cat_lsb(&lanes.iter().map(|l| l.out("z")).collect::<Vec<_>>()));
    let scalars = m.instance("scalars", scalars::scalars(c, w));
    let operands = operands::read(&unit, issue, &path, scalars, z);
    if c.lends_units() {
        m.export(lanes[0], "lent", "lent");
    }
    connect_lanes(&unit, &lanes, &operands);
    let sum = connect_sum(&unit, &lanes, &path);
    let open = m.reg("open", u(1), Some(0), "maxima go on");
    let max = connect_max(&unit, &path, z, open.q());
    let settled = m.delay("part_settled", takes_part, "rows that the instruction works on");
    let total = (lanes[0].out("sum"), settled);
    operands::scalars(&unit, issue, &path, scalars, z, [max, sum], total);
    out::drive(&unit, &path, &lanes, z);
    let done = settle(&unit, &path, sum);
    open.when(done & unit.insn.reduce_max, unit.insn.part);
    open.when(unit.io.restart, 0);
}

/// Rows that the instruction works on.
fn takes_part<'m>(unit: &Unit<'m>) -> Sig<'m> {
    let (m, c, insn, io) = (unit.m, unit.c, &unit.insn, &unit.io);
    let mask = |name: &str, row: &dyn Fn(u32) -> Sig<'m>, doc: &str| {
        m.delay(name, cat_lsb(&(0..c.rows).map(row).collect::<Vec<_>>()), doc)
    };
    // stable from before the first instruction of a step
    let active = mask("active_rows", &|r| io.rows.gt(r), "rows of the step");
    let asking =
        mask("asking_rows", &|r| io.rows.gt(r) & io.row_info.bit(128 * r + 96), "those that ask for logits");
    for r in 0..c.rows {
        m.unused("only the flag that asks for logits", io.row_info.bits(128 * r, 96));
        m.unused("only the flag that asks for logits", io.row_info.bits(128 * r + 97, 31));
    }
    m.node("takes_part", insn.head.mux(asking, active))
}

/// The loop over all words, and the slot that it issues.
fn issue_slot<'m>(unit: &Unit<'m>, issue: Module, takes_part: Sig<'m>) -> (Inst<'m>, Tag<'m>) {
    let (m, c, insn, io) = (unit.m, unit.c, &unit.insn, &unit.io);
    let issue = m.instance("issue", issue);
    let inputs = [
        ("start", io.start),
        ("hold", io.hold),
        ("n", insn.n),
        ("reps", insn.rep),
        ("a", insn.a),
        ("rotate", insn.rotate),
        ("by_row", insn.by_row),
        ("by_segment", if unit.w.piece > 0 { insn.to_kv } else { m.u(1, 0) }),
        ("acc", insn.acc),
        ("sum", insn.reduce_sum),
        ("folds", insn.reduce_sum & !insn.part),
        ("takes_part", takes_part),
    ];
    for (port, x) in inputs {
        issue.connect(port, x);
    }
    let row = issue.out("a_row").zext(4);
    let gathered = tag::pipe("gathered_row", row, matmul::gather_latency(c), false);
    m.output("acc_ask", u(1), "asks for a word of all rows").set(issue.out("a_ask"));
    for (unit, row) in [("acc", gathered), ("att", row)] {
        m.output(&format!("{unit}_row"), u(4), "row that is read").set(row);
        m.output(&format!("{unit}_word"), u(16), "word that is read").set(issue.out("a_word"));
    }
    let slot = |what: &str| issue.out(&format!("slot_{what}"));
    let [valid, turn, last, row_end, end] = ["valid", "turn", "last", "row_end", "end"].map(slot);
    (issue, Tag { flags: Flags { valid, turn, last, row_end, end }, row: slot("row") })
}

/// The integers that the lanes may take as A: the matrix engine's or the attention unit's.
fn integers<'m>(unit: &Unit<'m>) -> Vec<Sig<'m>> {
    let (c, io, bits) = (unit.c, &unit.io, integer_bits(unit.c));
    let pairs = io.acc_data.words(c.acc_bits()).into_iter().zip(io.att_data.words(INT_BITS));
    let choose = |(acc, att): (Sig<'m>, Sig<'m>)| {
        unit.insn.att.mux(tag::low(att, bits).as_signed(), acc.as_signed().sext(bits))
    };
    pairs.map(choose).collect()
}

fn connect_lanes<'m>(unit: &Unit<'m>, lanes: &[Inst<'m>], operands: &Operands<'m>) {
    let insn = &unit.insn;
    let integers = integers(unit);
    for (l, lane) in lanes.iter().enumerate() {
        let own = |x: Sig<'m>| x.word(l as u32, 32);
        let words = own(operands.words);
        let inputs = [
            ("raw", if l == 0 { insn.scalar.mux(operands.scalar, words) } else { words }),
            ("whole", integers[l]),
            ("m", insn.m_cmem.mux(own(operands.m_words), operands.m_scalar)),
            ("b", insn.b_vmem.mux(words, operands.b_scalar)),
            ("is_integer", insn.integer),
            ("has_m", insn.has_m),
            ("relu", insn.relu),
            ("has_func", insn.has_func),
            ("func", insn.func),
            ("zop", insn.zop),
            ("sum_squares", insn.reduce_sum),
        ];
        for (port, x) in inputs {
            lane.connect(port, x);
        }
    }
}

/// Connects the control of the sum of squares to the lanes.
fn connect_sum<'m>(unit: &Unit<'m>, lanes: &[Inst<'m>], path: &Path<'m>) -> Inst<'m> {
    let (m, c) = (unit.m, unit.c);
    let sum = m.instance("sum", sum::sum(c, unit.w));
    for (port, x) in ["square", "turn", "row_end"].into_iter().zip(path.square) {
        sum.connect(port, x);
    }
    sum.connect("row", path.square_row);
    sum.connect("rows", unit.io.rows);
    sum.connect("part", unit.insn.part);
    sum.connect("restart", unit.io.restart);
    let ports =
        ["fold", "across", "slot_left", "slot_right", "left_zero", "right_zero", "slot_we", "slot_write"];
    for (l, lane) in lanes.iter().enumerate() {
        for port in ports {
            lane.connect(port, sum.out(port));
        }
        // The lane that is a distance of V/2, V/4, .. 1 away.
        let steps = (0..c.lanes.ilog2()).map(|s| (sum::first_cross(c) + s, c.lanes as usize >> (s + 1)));
        let arms: Vec<(u32, Sig)> =
            steps.filter(|(_, far)| l < *far).map(|(s, far)| (s, lanes[l + far].out("left"))).collect();
        lane.connect(
            "other",
            match arms.first() {
                Some(first) => sum.out("step").case(&arms[1..], first.1),
                None => m.u(32, 0),
            },
        );
    }
    if c.lanes <= 2 {
        m.unused("two lanes fold in one step", sum.out("step"));
    }
    sum
}

/// `open`: the maxima go on from an earlier instruction.
fn connect_max<'m>(unit: &Unit<'m>, path: &Path<'m>, z: Sig<'m>, open: Sig<'m>) -> Inst<'m> {
    let (m, insn) = (unit.m, &unit.insn);
    let to = path.z;
    let max = m.instance("max", max::max(unit.c, unit.w));
    max.connect("valid", path.z_flags.valid & insn.reduce_max);
    max.connect("first", !to.word.any() & !(open & !to.rep.any()));
    max.connect("last", path.z_flags.last);
    max.connect("row", to.row);
    max.connect("index", insn.smax.wrapping_add(to.rep));
    max.connect("one_lane", insn.scalar);
    max.connect("z", z);
    max
}

/// When the instruction is written.
fn settle<'m>(unit: &Unit<'m>, path: &Path<'m>, sum: Inst<'m>) -> Sig<'m> {
    let (m, insn) = (unit.m, &unit.insn);
    let cycles = max::latency(unit.c).max(Cycles::of(unit.c).fp.f32_to_int);
    let late = tag::gated("after_max", path.z_flags.end, insn.reduce_max, cycles);
    let end = insn.reduce_max.mux(late, insn.codes.mux(path.code_flags.end, path.z_flags.end));
    let done = m.node("over", end | sum.out("over"));
    m.output("done", u(1), "the instruction is over, its last write is made in this cycle or was").set(done);
    done
}
