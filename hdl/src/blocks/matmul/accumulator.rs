//! Accumulators: one memory whose words are the blocks of all rows, a read-modify-write loop of five cycles, and words of V
//! outputs that the vector unit reads.
//!
//! ```text
//! cycle   0 address   1 [word]   2 [word_q]   3 [base] = 0 | acc | 3*acc   4 [total] = base + sums   5 readable
//!                                     '------ 3 [gather]: V/R blocks, one after the other --> row --> acc_data
//! ```
//!
//! The vector unit's reads take the place of beats, so they meet no other in this pipeline.

use std::rc::Rc;

use super::dims::Dims;
use crate::dsl::{Inst, MemStyle, Module, Sig, index_width, u};

/// The sums of one row: what a block's accumulators become.
fn accumulator(d: &Dims) -> Module {
    let m = Module::new("matmul_accumulator", "The new accumulators of a block in one row.");
    let (lookups, bits) = (d.lookups as u32, d.acc_bits);
    let block = m.input("block", u(bits * lookups), "accumulators of the block");
    let restart = m.input("restart", u(1), "the sum begins at zero, with the block");
    let triple = m.input("triple", u(1), "a new plane begins, with the block");
    let stage = m.input("stage", u(2), "base and total take their value");
    let clears = m.node("clears", stage.bit(0) & restart);
    let sum_bits = d.sum_bits(d.tables);
    let sums = m.input("sums", u(sum_bits * lookups), "sums of the block, with base");
    let total = m.reg("total_q", u(bits * lookups), None, "accumulators to write");
    let base_of = |r: u32| {
        let acc = block.word(r, bits).as_signed();
        // in front of an adder the choice takes no look-up tables of its own
        let twice = ((acc << 1).trunc(bits).as_unsigned() & triple.repeat(bits)).as_signed();
        let base = m.reg(&format!("base_{r}"), acc.ty(), None, "what the sum is added to");
        base.when(clears, 0);
        base.when(stage.bit(0), acc.wrapping_add(twice));
        base.q().wrapping_add(sums.word(r, sum_bits).as_signed().resize(bits)).as_unsigned()
    };
    total.when(stage.bit(1), m.cat_lsb(&(0..lookups).map(base_of).collect::<Vec<_>>()));
    m.output("total", total.q().ty(), "accumulators to write").set(total.q());
    m
}

/// The accumulators of all rows; `sums`: those of each row.
pub(super) fn accumulators<'m>(m: &'m Module, d: &Dims, c: Inst<'m>, sums: &[Sig<'m>]) {
    let width = d.acc_bits * d.lookups as u32;
    let ram = m.mem(
        "accumulators",
        width * d.rows as u32,
        1 << d.block_bits(),
        MemStyle::Block,
        "a block of R outputs of all rows at an address",
    );
    let word = ram.read("word", c.out("read_address"), c.out("read"));
    let word_q = m.reg("word_q", word.ty(), None, "second register of the block RAM");
    word_q.when(c.out("word_read"), word);
    let child = Rc::new(accumulator(d));
    let stage = c.out("stage").bits(d.sum_stage() as u32 - 2, 2);
    let total_of = |(r, sums): (usize, &Sig<'m>)| {
        let a = m.instance(&format!("u_accumulator{r}"), &child);
        a.connect("block", word_q.q().word(r as u32, width));
        for port in ["restart", "triple"] {
            a.connect(port, c.out(port));
        }
        a.connect("stage", stage);
        a.connect("sums", *sums);
        a.out("total")
    };
    let totals: Vec<Sig> = sums.iter().enumerate().map(total_of).collect();
    ram.write(c.out("write"), c.out("write_address"), m.cat_lsb(&totals));
    gather(m, d, c, word_q.q());
}

/// The word of all rows that was asked for last, and of it the row that the vector unit reads.
fn gather<'m>(m: &'m Module, d: &Dims, c: Inst<'m>, word: Sig<'m>) {
    let row = m.input("acc_row", u(4), "row to read, of the word asked for");
    let (block, bits) = (d.acc_bits * d.lookups as u32, d.acc_bits * d.lanes as u32);
    let parts: Vec<Sig> = (0..d.word_blocks() as u32)
        .map(|j| {
            let part = m.reg(&format!("gather_{j}"), word.ty(), None, "block of the word, all rows");
            part.when(c.out("arrives").bit(j), word);
            part.q()
        })
        .collect();
    let of_row = |r: u32| {
        let all = m.cat_lsb(&parts.iter().map(|p| p.word(r, block)).collect::<Vec<_>>());
        if d.block_words() == 1 { all } else { all.word_dyn(c.out("part"), bits) }
    };
    let rows = m.cat_lsb(&(0..d.rows as u32).map(of_row).collect::<Vec<_>>());
    let row = m.delay("acc_row_q", row, "");
    let index = index_width(d.rows);
    let data = match d.rows {
        1 => rows,
        _ => rows.word_dyn(row.bits(0, index), bits),
    };
    let unread = if d.rows == 1 { row } else { row.bits(index.min(3), 4 - index.min(3)) };
    m.unused("rows beyond the hardware's", unread);
    let data = m.delay("acc_data_q", data, "accumulators of the row");
    m.output("acc_data", u(bits), "V accumulators, two cycles after acc_row").set(data);
}
