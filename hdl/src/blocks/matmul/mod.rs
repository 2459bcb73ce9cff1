//! The matrix engine: ternary planes times int8 codes of P rows by table look-up, in exact integers.
//!
//! ```text
//! act_* --> codes of each row --> builders --> T tables of each row (1 or 2 banks)
//!                                                   |
//! w (beats) --> unpack (shared) --[index]--> R look-ups of T tables --> adder trees --> accumulators --> acc_data
//! ```
//!
//! The stream brings planes x chunks x blocks beats, each with the trits of R outputs and T*G inputs. For each chunk,
//! tables of all sums of G codes with factors -1, 0, +1 are made; a look-up then replaces G multiplications. With two
//! banks the tables of the next chunk are made while this chunk streams, and a matrix takes one cycle a beat as long as
//! a chunk has at least `Config::build_cycles` blocks.
//!
//! Codes may still be on their way when a matrix begins: tables of a chunk are made once its codes are there.
//!
//! Ports: `start`, `insn`, `done`; stream `w`; `act_we`, `act_row`, `act_word`, `act_data` (V codes); `act_whole`, `coding`;
//! `acc_ask`, `acc_word`: asks for a word of all rows, at any time, [`word_cycles`] after the one before at the earliest;
//! from [`gather_latency`] cycles later on, until as long after the next, `acc_row` and, [`ACC_LATENCY`] cycles later,
//! `acc_data` (V accumulators); `stall_stream`: a beat would be taken, none is offered.

mod accumulator;
mod activations;
mod control;
mod dims;
mod table;
#[cfg(test)]
mod tests;
mod unpack;

use std::rc::Rc;

use sterna_spec::config::Config;
use sterna_spec::isa::field;

use crate::dsl::{Inst, Module, Sig, cat_lsb, index_width, u};
use dims::Dims;

/// Cycles from `acc_row` to `acc_data`.
pub const ACC_LATENCY: u32 = 2;

/// Cycles that reading a word of V accumulators takes.
pub fn word_cycles(config: &Config) -> u32 {
    Dims::new(config).word_blocks() as u32
}

/// Cycles from `acc_ask` to the first `acc_row`.
pub fn gather_latency(config: &Config) -> u32 {
    let d = Dims::new(config);
    (d.word_blocks() + d.read_stage() + 2) as u32
}

/// The matrix engine of a configuration.
pub fn matmul(config: &Config) -> Module {
    engine(&Dims::new(config))
}

fn engine(d: &Dims) -> Module {
    let m = Module::new("matmul", "Ternary matrix times int8 codes of all rows, by table look-up.");
    let start = m.input("start", u(1), "begins the instruction");
    let insn = m.input("insn", u(256), "MATMUL, stable until done");
    let w = m.stream_in("w", u(8 * d.beat_bytes as u32), "beats of trits");
    let c = m.instance("u_control", control::control(d));
    c.connect("start", start);
    let counts = [("blocks", field::N), ("chunks", field::A), ("planes", field::B)];
    let mut read = vec![];
    for ((port, field), width) in counts.into_iter().zip(control::count_bits(d)) {
        c.connect(port, insn.bits(field.bit(), width));
        read.push((field.bit(), width));
    }
    let inner = d.block_words().ilog2();
    let (lo, width) = (field::DST.bit() + inner, d.word_bits() - inner);
    read.push((lo, width));
    c.connect("dst", insn.bits(lo, width) << d.word_blocks().ilog2());
    c.connect("ask", m.input("acc_ask", u(1), "the vector unit asks for a word of all rows"));
    c.connect("ask_word", m.input("acc_word", u(16), "word of V outputs"));
    super::unused_fields(&m, insn, &read);
    c.connect("valid", w.valid);
    w.ready.set(c.out("ready"));
    m.output("done", u(1), "the instruction is over, one cycle").set(c.out("done"));
    m.output("stall_stream", u(1), "a beat would be taken, none is offered").set(c.out("ready") & !w.valid);

    let loader = m.instance("u_loader", activations::loader(d));
    loader.join("go", c, "go");
    loader.join("rewind", c, "rewind");
    c.connect("coded", loader.out("coded"));
    loader.connect(
        "coding",
        m.input("coding", u(1), "codes for the matrix are still being written, from the first word on"),
    );
    loader.connect("wrote", m.input("act_whole", u(1), "with act_we: a word is complete, in all rows"));
    m.output("stall_codes", u(1), "the codes of the next tables are not there").set(c.out("stall_codes"));
    c.connect("built", loader.out("built"));
    let unpack = m.instance("u_unpack", unpack::unpack(d));
    unpack.connect("beat", c.out("beat"));
    unpack.connect("stage", c.out("stage").bits(0, 3));
    unpack.connect("data", w.data);
    let trees = c.out("stage").bits(3, d.sum_stage() as u32 - 4);
    let counted = d.signed.then(|| {
        let counted = m.instance("u_negatives", table::negatives(d));
        counted.join("negative", unpack, "negative");
        counted.connect("stage", trees.bits(0, trees.width() - 1));
        counted
    });
    let sums = look_ups(&m, d, [c, loader, unpack], counted, trees);
    accumulator::accumulators(&m, d, c, &sums);
    m
}

/// Codes and tables of all rows; the sums of each row.
fn look_ups<'m>(
    m: &'m Module,
    d: &Dims,
    [c, loader, unpack]: [Inst<'m>; 3],
    counted: Option<Inst<'m>>,
    trees: Sig<'m>,
) -> Vec<Sig<'m>> {
    let act_we = m.input("act_we", u(1), "write activation codes");
    let act_row = m.input("act_row", u(4), "row of the codes");
    let act_word = m.input("act_word", u(16), "word of the codes");
    let act_data = m.input("act_data", u(8 * d.lanes as u32), "V int8 codes");
    let word_bits = index_width(d.act_words);
    if word_bits < 16 {
        m.unused("words beyond the buffer", act_word.bits(word_bits, 16 - word_bits));
    }
    let (codes, shared) = (Rc::new(activations::activations(d)), d.share.ilog2());
    let groups: Vec<Inst> = (0..d.rows / d.share)
        .map(|g| {
            let a = m.instance(&format!("u_codes{g}"), &codes);
            a.connect("write", act_we & act_row.bits(shared, 4 - shared).eq(g));
            let word = act_word.bits(0, word_bits);
            let row = (shared > 0).then(|| act_row.bits(0, shared));
            a.connect("write_word", row.map_or(word, |row| cat_lsb(&[word, row])));
            a.connect("write_data", act_data);
            for port in ["read", "read_word", "select", "load", "digits", "active"] {
                a.connect(port, loader.out(port));
            }
            if d.share > 1 {
                a.connect("lane", loader.out("lane"));
            }
            a
        })
        .collect();
    let tables = Rc::new(table::tables(d));
    let row = |r: usize| {
        let t = m.instance(&format!("u_tables{r}"), &tables);
        let entries = groups[r / d.share].out("entries");
        t.connect("data", entries.word((r % d.share) as u32, entries.width() / d.share as u32));
        t.connect("write", loader.out("write"));
        t.connect("address", loader.out("address"));
        t.connect("index", unpack.out("index"));
        t.connect("stage", trees);
        if d.banks == 2 {
            t.connect("bank", c.out("bank"));
        }
        if let Some(counted) = counted {
            t.connect("signs", counted.out("signs"));
            t.connect("count", counted.out("count"));
        }
        t.out("sums")
    };
    (0..d.rows).map(row).collect()
}
