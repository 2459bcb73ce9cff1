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
//! a chunk has at least T*G + entries + [`BUILD_SLACK`] blocks.
//!
//! Ports: `start`, `insn`, `done`; stream `w`; `act_we`, `act_row`, `act_word`, `act_data` (V codes);
//! `acc_row`, `acc_word` and, [`ACC_LATENCY`] cycles later, `acc_data` (V accumulators), valid while no matrix is in
//! work; `stall_stream`: a beat would be taken, none is offered.

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

use crate::dsl::{Inst, Module, Sig, index_width, mux, u};
use dims::Dims;

/// Cycles from `acc_row`, `acc_word` to `acc_data`.
pub const ACC_LATENCY: u32 = 2;

/// Cycles beyond T*G + entries that a chunk must stream for the next tables to be ready in time.
pub const BUILD_SLACK: usize = 1;

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
    super::unused_fields(&m, insn, &read);
    c.connect("valid", w.valid);
    w.ready.set(c.out("ready"));
    m.output("done", u(1), "the instruction is over, one cycle").set(c.out("done"));
    m.output("stall_stream", u(1), "a beat would be taken, none is offered").set(c.out("ready") & !w.valid);

    let loader = m.instance("u_loader", activations::loader(d));
    loader.join("go", c, "go");
    loader.join("rewind", c, "rewind");
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
    accumulators(&m, d, start, c, &sums);
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
    let codes = Rc::new(activations::activations(d));
    let tables = Rc::new(table::tables(d));
    let row = |r: usize| {
        let a = m.instance(&format!("u_codes{r}"), &codes);
        a.connect("write", act_we & act_row.eq(r));
        a.connect("write_word", act_word.bits(0, word_bits));
        a.connect("write_data", act_data);
        for port in ["read", "read_word", "select", "load", "digits", "active"] {
            a.connect(port, loader.out(port));
        }
        let t = m.instance(&format!("u_tables{r}"), &tables);
        t.connect("data", a.out("entries"));
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

/// Accumulators of all rows, and the read port of the vector unit.
fn accumulators<'m>(m: &'m Module, d: &Dims, start: Sig<'m>, c: Inst<'m>, sums: &[Sig<'m>]) {
    let acc_row = m.input("acc_row", u(4), "row to read");
    let acc_word = m.input("acc_word", u(16), "word of V accumulators to read");
    let side = (d.acc_word() / d.lanes).ilog2();
    let word_bits = index_width(d.acc_words());
    let read_bits = side + word_bits;
    if read_bits < 16 {
        m.unused("words beyond the accumulators", acc_word.bits(read_bits, 16 - read_bits));
    }
    let running = m.reg("running", u(1), Some(0), "a matrix is in work: it owns the accumulators' read port");
    running.when(start, 1);
    running.when(c.out("done"), 0);
    let address =
        mux(running.q(), c.out("read_address"), acc_word.bits(side, word_bits)).named("acc_address");
    let child = Rc::new(accumulator::accumulator(d));
    let stage = c.out("stage").bits(d.sum_stage() as u32 - 2, 2);
    let words: Vec<Sig> = sums
        .iter()
        .enumerate()
        .map(|(r, sums)| {
            let a = m.instance(&format!("u_accumulator{r}"), &child);
            a.connect("read", mux(running.q(), c.out("read"), acc_row.eq(r)));
            a.connect("read_address", address);
            if d.acc_banks() > 1 {
                a.connect("bank", c.out("acc_bank"));
            }
            for port in ["restart", "triple", "write", "write_address"] {
                a.connect(port, c.out(port));
            }
            a.connect("stage", stage);
            a.connect("sums", *sums);
            a.out("word")
        })
        .collect();
    let mut out = m.cat_lsb(&words);
    let late =
        |name: &str, sig: Sig<'m>| m.delay(&format!("{name}2"), m.delay(&format!("{name}1"), sig, ""), "");
    if d.rows > 1 {
        let row = late("acc_row", acc_row.bits(0, index_width(d.rows)));
        out = m.node("acc_of_row", out.word_dyn(row, d.acc_word() as u32 * d.acc_bits));
    }
    if side > 0 {
        out = out.word_dyn(late("acc_part", acc_word.bits(0, side)), d.lanes as u32 * d.acc_bits);
    }
    m.output("acc_data", out.ty(), "V accumulators, two cycles after the address").set(out);
}
