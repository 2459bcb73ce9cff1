//! Accumulators of one row: a read-modify-write loop of five cycles, and the words that the vector unit reads.
//!
//! ```text
//! cycle   0 address   1 [word]   2 [word_q]   3 [base] = 0 | acc | 3*acc   4 [total] = base + sums   5 readable
//! ```
//!
//! R accumulators side by side make a word of a bank; with V > R, V/R banks lie side by side, so that the vector unit
//! reads V accumulators at one address.
//!
//! Ports: `read`, `read_address` (also the vector unit's); `bank`, `restart`, `triple` with word_q, `stage` (base and
//! total take their value), `sums`; `write` (banks), `write_address`; `word` two cycles after the address.

use super::dims::Dims;
use crate::dsl::{MemStyle, Module, Sig, index_width, mux, u};

/// The accumulators of a row.
pub(super) fn accumulator(d: &Dims) -> Module {
    let m = Module::new("matmul_accumulator", "Accumulators of one row.");
    let (banks, lookups, bits) = (d.acc_banks() as u32, d.lookups as u32, d.acc_bits);
    let address = u(index_width(d.acc_words()));
    let read = m.input("read", u(1), "read a word");
    let read_address = m.input("read_address", address, "word to read");
    let bank = (banks > 1)
        .then(|| m.input("bank", u(index_width(banks as usize)), "bank of the block, with word_q"));
    let restart = m.input("restart", u(1), "the sum begins at zero, with word_q");
    let triple = m.input("triple", u(1), "a new plane begins, with word_q");
    let stage = m.input("stage", u(2), "base and total take their value");
    let sum_bits = d.sum_bits(d.tables);
    let sums = m.input("sums", u(sum_bits * lookups), "sums of the block, with base");
    let write = m.input("write", u(banks), "banks to write");
    let write_address = m.input("write_address", address, "word to write");

    let total = m.reg("total", u(bits * lookups), None, "accumulators to write");
    let read_q = m.reg("read_q", u(1), Some(0), "a word was read");
    read_q.set(read);
    let word_of = |b: u32| {
        let ram = m.mem(&format!("acc_{b}"), bits * lookups, d.acc_words(), MemStyle::Block, "");
        ram.write(write.bit(b), write_address, total.q());
        let word = ram.read(&format!("word_{b}"), read_address, read);
        let word_q = m.reg(&format!("word_q_{b}"), word.ty(), None, "");
        word_q.when(read_q.q(), word);
        word_q.q()
    };
    let words: Vec<Sig> = (0..banks).map(word_of).collect();
    let all = m.cat_lsb(&words);
    m.output("word", all.ty(), "max(R, V) accumulators").set(all);

    let block = bank.map_or(all, |bank| all.word_dyn(bank, bits * lookups).named("block"));
    let base_of = |r: u32| {
        let acc = block.word(r, bits).as_signed();
        let tripled = (acc << 1).trunc(bits).wrapping_add(acc);
        let base = m.reg(&format!("base_{r}"), acc.ty(), None, "what the sum is added to");
        base.when(stage.bit(0), mux(restart, m.s(bits, 0), mux(triple, tripled, acc)));
        base.q().wrapping_add(sums.word(r, sum_bits).as_signed().resize(bits)).as_unsigned()
    };
    total.when(stage.bit(1), m.cat_lsb(&(0..lookups).map(base_of).collect::<Vec<_>>()));
    m
}
