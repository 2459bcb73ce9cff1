//! LOAD and GATHER: beats to words of vector memory.
//!
//! ```text
//!   p (LOAD payload) ─┐
//!                     ├─► beats ─► word and lanes ─► ld_*
//!   d (GATHER data)  ─┘
//!   row_info ─► beat = addr + index * stride ─► req
//! ```
//!
//! A word of V binary32 takes 4V / B beats, or a beat gives B / 4V words; both are powers of two. GATHER asks for the
//! rows one after the other and takes their data in the same order, so that the requests run ahead. With a fast clock words leave
//! through registers, so that no path leads from memory's beats to vector memory: the last is written in the cycle after `done`.
//!
//! Ports: see `loader`; parameters: `rows`, `lanes`, B.

use sterna_spec::config::Config;
use sterna_spec::isa::{DstKind, Op, field};

use super::{field_of, place_of, row_word, staged};
use crate::dsl::{Module, Sig, Source, index_width, mux, u};

/// The loader.
pub fn loader(config: &Config) -> Module {
    let m = Module::new("loader", "LOAD and GATHER: beats from memory to words of vector memory.");
    let start = m.input("start", u(1), "one cycle: execute the instruction");
    let insn = m.input("insn", u(256), "the instruction");
    let rows = m.input("rows", u(5), "rows of the step");
    let row_info = m.input("row_info", u(128 * config.rows), "row descriptors");
    let p = m.stream_in("p", u(config.beat_bits()), "payload of LOAD");
    let d = m.stream_in("d", u(config.beat_bits()), "data of GATHER");
    let f = |name| field_of(insn, name);
    let gathers = m.node("gathers", f(field::OP).eq(Op::Gather as u32));
    let gather = m.delay("gather", gathers, "a cycle late, while it is busy");
    let busy = m.reg("busy", u(1), Some(0), "an instruction is under way");
    let last_row = m.node("last_row", mux(gather, rows.wrapping_sub(1).trunc(4), 0));
    m.unused("at most 16 rows", rows);

    requests(&m, config, start & gathers, insn, row_info, last_row);
    let row = m.reg("row", u(4), None, "row whose words arrive");
    let done =
        m.node("done_now", words(&m, config, start, insn, &[p, d], [gather, busy.q()], (row, last_row)));
    busy.when(start, 1);
    busy.when(done, 0);
    m.output("done", u(1), "one cycle: the instruction is complete").set(done);
    m.unused("the loader reads few fields", insn);
    m
}

/// Asks for the table row of each row of the step: beat addr + index * stride.
fn requests<'m>(
    m: &'m Module,
    config: &Config,
    start: Sig<'m>,
    insn: Sig<'m>,
    row_info: Sig<'m>,
    last: Sig<'m>,
) {
    let req = m.stream_out("req", u(48), "{beat 32, beats 16}");
    let asking = m.reg("asking", u(1), Some(0), "rows are left to ask for");
    let index_known = m.reg("index_known", u(1), Some(0), "the row's index is there");
    let parts_known = m.reg("parts_known", u(1), Some(0), "the row's offset is multiplied, in parts");
    let product_known = m.reg("product_known", u(1), Some(0), "the parts are summed");
    let offered = m.reg("offered", u(1), Some(0), "a request is offered");
    let row = m.reg("ask_row", u(4), None, "row to ask for");
    let info = row_word(m, row_info, row.q(), config.rows);
    let index = mux(field_of(insn, field::A).any(), info.bits(32, 32), info.bits(0, 32));
    let index = m.delay("index", index, "row of the table");
    m.unused("only token and position choose", info);
    let stride = field_of(insn, field::IMM_M);
    let (place, slow) = (config.place_bits(), !config.fast_clock());
    if place < 32 {
        m.unused("rows of the table beyond the address bus", index);
    }
    let part = |name: &str, a: u32, b: u32| {
        let product = index.bits(a, 16) * stride.bits(b, 16);
        staged(m, slow, name, product.trunc(place - a - b), "part of index * stride")
    };
    let [low, high, higher] = [part("low_part", 0, 0), part("high_part", 16, 0), part("higher_part", 0, 16)];
    let high = high.wrapping_add(higher);
    let product = m.reg("product", u(place), None, "index * stride");
    product.set(low.wrapping_add(m.cat_lsb(&[m.u(16, 0), high])));
    let words = field_of(insn, field::N);
    let (beat, word) = (config.beat_bytes() as u32, 4 * config.lanes);
    let beats = match word >= beat {
        true => (words << (word / beat).trailing_zeros()).resize(32).trunc(16),
        false => ((words + (beat / word - 1)) >> (beat / word).trailing_zeros()).resize(16),
    };
    let taken = m.node("taken", offered.q() & req.ready);
    let first = product.q().wrapping_add(place_of(field_of(insn, field::ADDR), place));
    req.set(offered.q(), m.cat_lsb(&[first.zext(32), beats]));
    asking.when(start, 1);
    asking.when(taken & row.q().eq(last), 0);
    row.when(start, 0);
    row.when(taken, row.q().wrapping_add(1));
    let at_work = index_known.q() | parts_known.q() | product_known.q() | offered.q();
    index_known.set(asking.q() & !at_work);
    parts_known.set(index_known.q());
    product_known.set(parts_known.q());
    offered.when(taken, 0);
    offered.when(product_known.q(), 1);
}

/// Takes beats and writes words; 1 in the cycle of the last.
fn words<'m>(
    m: &'m Module,
    config: &Config,
    start: Sig<'m>,
    insn: Sig<'m>,
    sources: &[Source<'m>; 2],
    [gather, busy]: [Sig<'m>; 2],
    (row, last_row): (crate::dsl::Reg<'m>, Sig<'m>),
) -> Sig<'m> {
    let (beat, word) = (config.beat_bytes() as u32, 4 * config.lanes);
    let [p, d] = sources;
    let valid = m.node("beat_valid", busy & mux(gather, d.valid, p.valid));
    let data = m.node("beat_data", mux(gather, d.data, p.data));
    let count = m.reg("count", u(16), None, "words of this row that are complete");
    let left = m.reg("words_left", u(16), None, "words of this row behind the present one");
    let parts = (word.max(beat) / word.min(beat)).max(1);
    let part = m.reg("part", u(index_width(parts as usize)), None, "part of the word, or word of the beat");
    let last_part = if parts == 1 { m.u(1, 1) } else { m.node("last_part", part.q().eq(parts - 1)) };
    let word_end = m.node("word_end", valid & if word > beat { last_part } else { m.u(1, 1) });
    let ends = m.reg("row_ends", u(1), None, "that is none");
    let row_end = m.node("row_end", word_end & ends.q()).doc("the row's last word");
    // `ready` does not wait for `valid`
    let taken = if beat > word { last_part | ends.q() } else { m.u(1, 1) };
    let taken = m.node("beat_taken", taken);
    p.ready.set(busy & !gather & taken);
    d.ready.set(busy & gather & taken);
    if parts > 1 {
        part.when(start | row_end, 0);
        part.when(valid, part.q().wrapping_add(1));
    } else {
        part.set(0);
        m.unused("a beat is a word", part.q());
    }
    count.when(start | row_end, 0);
    count.when(word_end, count.q().wrapping_add(1));
    left.when(start | row_end, field_of(insn, field::N).wrapping_sub(1));
    left.when(word_end, left.q().wrapping_sub(1));
    ends.when(start | row_end, field_of(insn, field::N).eq(1));
    ends.when(word_end, left.q().eq(1));
    row.when(start, 0);
    row.when(row_end, row.q().wrapping_add(1));

    let shared = !gather | field_of(insn, field::DST_KIND).eq(DstKind::Sreg as u32);
    let shared = m.node("shared", shared).doc("to shared memory");
    let stride = m.reg("row_offset", u(16), None, "the row's part of shared memory");
    stride.when(start, 0);
    stride.when(row_end, stride.q().wrapping_add(field_of(insn, field::M_STRIDE)));
    let address = field_of(insn, field::DST).wrapping_add(count.q());
    let address = mux(shared & gather, address.wrapping_add(stride.q()), address);
    let lanes = config.lanes;
    let (mask, value) = if word > beat {
        let group = lanes / parts;
        let bits: Vec<_> = (0..lanes).map(|lane| part.q().eq(lane / group)).collect();
        (m.cat_lsb(&bits), data.repeat(parts))
    } else if beat > word {
        (m.u(lanes, (1u64 << lanes) - 1), data.word_dyn(part.q(), 8 * word))
    } else {
        (m.u(lanes, (1u64 << lanes) - 1), data)
    };
    let slow = !config.fast_clock();
    for (name, on, doc) in [
        ("vmem", valid & !shared, "writes vector memory of a row"),
        ("cmem", valid & shared, "writes shared memory"),
    ] {
        let write = if slow {
            on
        } else {
            let write = m.reg(&format!("{name}_q"), u(1), Some(0), doc);
            write.set(on);
            write.q()
        };
        m.output(&format!("ld_{name}"), u(1), doc).set(write);
    }
    for (name, x) in [("row", row.q()), ("word", address), ("mask", mask), ("data", value)] {
        let late = staged(m, slow, &format!("{name}_q"), x, "with the write");
        m.output(&format!("ld_{name}"), x.ty(), "of the write").set(late);
    }
    row_end & row.q().eq(last_row)
}

#[cfg(test)]
mod tests;
