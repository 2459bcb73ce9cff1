//! The order of a matrix: when tables are made, when beats are taken, and which accumulators each beat goes to.
//!
//! Three places walk through planes, chunks and blocks, each at its own pace: the loader (chunks), the stream (beats),
//! and the accumulators (blocks, as their sums arrive). All that connects them is the number of tables that are free
//! or ready and one valid bit a stage.

use super::dims::Dims;
use crate::dsl::{Module, Sig, cat_lsb, count_width, u};
use sterna_spec::isa::MAX_PLANES;

/// Bits of the counts of blocks, chunks and planes.
pub(super) fn count_bits(d: &Dims) -> [u32; 3] {
    [count_width(d.blocks()), count_width(d.chunks), count_width(MAX_PLANES)]
}

/// A walk over planes and chunks.
struct Walk<'m> {
    /// At the first chunk of a plane.
    first_chunk: Sig<'m>,
    /// Leaves the last chunk of a plane.
    wraps: Sig<'m>,
    /// At the last chunk of the last plane.
    last: Sig<'m>,
}

/// A walk that begins at `start` and advances by a chunk with `next`.
fn walk<'m>(
    m: &'m Module,
    name: &str,
    start: Sig<'m>,
    next: Sig<'m>,
    chunks: Sig<'m>,
    planes: Sig<'m>,
) -> Walk<'m> {
    let reg = |part: &str, width| m.reg(&format!("{name}_{part}"), u(width), None, "");
    let chunks_left = reg("chunks_left", chunks.width());
    let planes_left = reg("planes_left", planes.width());
    let first_chunk = reg("first_chunk", 1);
    let ends = chunks_left.q().eq(1);
    let wraps = m.node(&format!("{name}_wraps"), next & ends);
    chunks_left.when(start | wraps, chunks);
    chunks_left.when(next, chunks_left.q().wrapping_sub(1));
    first_chunk.when(start | wraps, 1);
    first_chunk.when(next, 0);
    planes_left.when(start, planes);
    planes_left.when(wraps, planes_left.q().wrapping_sub(1));
    Walk { first_chunk: first_chunk.q(), wraps, last: ends & planes_left.q().eq(1) }
}

/// A number of table banks.
fn banks<'m>(m: &'m Module, d: &Dims, name: &str, up: Sig<'m>, down: Sig<'m>, doc: &str) -> Sig<'m> {
    let r = m.reg(name, u(count_width(d.banks)), Some(0), doc);
    r.when(up & !down, r.q().wrapping_add(1));
    r.when(down & !up, r.q().wrapping_sub(1));
    r.q()
}

/// A shift register: bit i is `bit` i + 1 cycles ago.
fn pass<'m>(m: &'m Module, name: &str, bit: Sig<'m>, width: u32, doc: &str) -> Sig<'m> {
    let r = m.reg(name, u(width), Some(0), doc);
    r.set(if width == 1 { bit } else { cat_lsb(&[bit, r.q().bits(0, width - 1)]) });
    r.q()
}

/// The control of an engine.
pub(super) fn control(d: &Dims) -> Module {
    let m = Module::new("matmul_control", "Walks through planes, chunks and blocks.");
    let [block_bits, chunk_bits, plane_bits] = count_bits(d);
    let start = m.input("start", u(1), "begins a matrix");
    let blocks = m.input("blocks", u(block_bits), "blocks of R outputs");
    let chunks = m.input("chunks", u(chunk_bits), "chunks of T*G inputs");
    let planes = m.input("planes", u(plane_bits), "ternary planes");
    let dst = m.input("dst", u(d.block_bits()), "first block of the accumulators");
    let asked = m.input("ask", u(1), "the vector unit asks for a word");
    let asked_word = m.input("ask_word", u(16), "which");
    let valid = m.input("valid", u(1), "a beat is offered");
    let built = m.input("built", u(1), "the tables of a chunk are complete");
    let coded = m.input("coded", u(1), "the codes of the next chunk are there");
    let beat = m.wire("take", u(1));
    let chunk_end = m.wire("chunk_end", u(1));

    // tables: made while a bank is free
    let go = m.wire("build", u(1));
    let build = walk(&m, "build", start, go.sig(), chunks, planes);
    let wanted = m.reg("wanted", u(1), Some(0), "chunks are left whose tables are not begun");
    wanted.when(start, 1);
    wanted.when(go.sig() & build.last, 0);
    let building = m.reg("building", u(1), Some(0), "tables are being made");
    building.when(go.sig(), 1);
    building.when(built, 0);
    let begun = banks(&m, d, "begun", go.sig(), chunk_end.sig(), "banks in use");
    let complete = banks(&m, d, "complete", built, chunk_end.sig(), "banks to look up in");
    let next = m.node("next_tables", wanted.q() & !building.q() & begun.ne(d.banks));
    go.set(next & coded);
    let doc = "no tables, as the codes for them are not there";
    m.output("stall_codes", u(1), doc).set(next & !coded & !complete.any());
    m.output("go", u(1), "make the tables of the next chunk").set(go.sig());
    m.output("rewind", u(1), "with go: the first chunk of a plane").set(build.first_chunk);

    // beats: taken while tables are complete
    let ask = ask(&m, d, asked, asked_word);
    // whether tables are complete stands in a register of its own: what is made of it goes far
    let some = m.reg("some_complete", u(1), Some(0), "a bank is complete");
    some.when(built, 1);
    some.when(chunk_end.sig(), complete.gt(1));
    let ready = m.node("beats_taken", some.q() & !ask.reads);
    beat.set(valid & ready);
    let left = m.reg("blocks_left", u(block_bits), None, "beats left of the chunk");
    // stands in a register, as the beats of a chunk are counted by it: a chunk has more blocks than one
    let last = m.reg("last_block", u(1), None, "the next beat is the chunk's last");
    last.when(start | chunk_end.sig(), 0);
    last.when(beat.sig(), left.q().eq(2));
    let last = last.q();
    chunk_end.set(beat.sig() & last);
    left.when(start | chunk_end.sig(), blocks);
    left.when(beat.sig(), left.q().wrapping_sub(1));
    m.output("ready", u(1), "tables are complete: beats are taken").set(ready);
    m.output("beat", u(1), "a beat is taken").set(beat.sig());

    let stages = d.sum_stage() as u32 + 1;
    let stage = pass(&m, "stage_q", beat.sig(), stages, "bit i: a beat is in stage i + 1");
    m.output("stage", u(stages - 1), "stages that hold a beat").set(stage.bits(0, stages - 1));
    let at = stages - 4;
    let ends = pass(&m, "ends", last, at, "the last block of a chunk, on its way").bit(at - 1);
    if d.banks == 2 {
        let bank = m.reg("bank0", u(1), Some(0), "bank that beats look up in");
        bank.when(chunk_end.sig(), !bank.q());
        let bank = (1..=4).fold(bank.q(), |b, i| m.delay(&format!("bank{i}"), b, ""));
        m.output("bank", u(1), "bank of the indices").set(bank);
    }
    addresses(&m, d, [start, dst], [stage.bit(at - 1), stage.msb(), ends], [chunks, planes], &ask);
    m
}

/// A read of the vector unit.
struct Ask<'m> {
    /// It takes the place of a beat.
    reads: Sig<'m>,
    block: Sig<'m>,
    /// Block of the word, one-hot.
    place: Sig<'m>,
    /// Word of the block.
    part: Option<Sig<'m>>,
}

/// The blocks of a word, one after the other.
fn ask<'m>(m: &'m Module, d: &Dims, asked: Sig<'m>, word: Sig<'m>) -> Ask<'m> {
    let (blocks, inner, word_bits) = (d.word_blocks() as u32, d.block_words().ilog2(), d.word_bits());
    let place = m.reg("ask_place", u(blocks), Some(0), "bit i: block i of the word is read");
    m.unused("words beyond the accumulators", word.bits(word_bits, 16 - word_bits));
    place.set(if blocks == 1 { asked } else { cat_lsb(&[asked, place.q().bits(0, blocks - 1)]) });
    let block = m.reg("ask_block", u(d.block_bits()), None, "block that is read");
    block.when(asked, word.bits(inner, word_bits - inner) << blocks.ilog2());
    block.when(place.q().any(), block.q().wrapping_add(1));
    let part = (inner > 0).then(|| {
        let part = m.reg("ask_part", u(inner), None, "word of the block");
        part.when(asked, word.bits(0, inner));
        part.q()
    });
    let reads = m.reg("ask_reads", u(1), Some(0), "a block is read");
    reads.set(if blocks == 1 { asked } else { asked | place.q().bits(0, blocks - 1).any() });
    Ask { reads: reads.q(), block: block.q(), place: place.q(), part }
}

/// Accumulator addresses, from the cycle in which a block's accumulators are to be read.
fn addresses<'m>(
    m: &'m Module,
    d: &Dims,
    [start, dst]: [Sig<'m>; 2],
    [read, write, ends]: [Sig<'m>; 3],
    [chunks, planes]: [Sig<'m>; 2],
    ask: &Ask<'m>,
) {
    let next = m.node("chunk_read", read & ends);
    let sums = walk(m, "sum", start, next, chunks, planes);
    let first_plane = m.reg("sum_first_plane", u(1), None, "");
    first_plane.when(start, 1);
    first_plane.when(sums.wraps, 0);
    let block = m.reg("block", u(d.block_bits()), None, "block whose accumulators are read");
    block.when(start | next, dst);
    block.when(read, block.q().wrapping_add(1));
    let first = sums.first_chunk;
    let (mut restart, mut triple, mut at) = (first & first_plane.q(), first & !first_plane.q(), block.q());
    let mut finished = next & sums.last;
    // the vector unit's read, as late as a beat that was taken instead
    let late = |name: &str, x: Sig<'m>| {
        (1..=d.read_stage()).fold(x, |x, i| m.delay(&format!("{name}{i}"), x, "on its way"))
    };
    let places = (1..=d.read_stage()).fold(ask.place, |x, i| {
        let r = m.reg(&format!("ask_place{i}"), x.ty(), Some(0), "on its way");
        r.set(x);
        r.q()
    });
    let asks = m.node("asks", places.any());
    let reads = m.node("reads", read | asks);
    m.output("read", u(1), "read accumulators").set(reads);
    let address = asks.mux(late("ask_block", ask.block), at);
    m.output("read_address", at.ty(), "block to read").set(address);
    let word_read = m.reg("word_read_q", u(1), Some(0), "a block was read");
    word_read.set(reads);
    m.output("word_read", u(1), "a block was read").set(word_read.q());
    let arrives = m.delay("arrives2", m.delay("arrives1", places, ""), "");
    m.output("arrives", arrives.ty(), "block of the word asked for, with word_q").set(arrives);
    if let Some(part) = ask.part {
        let part = m.delay("part2", m.delay("part1", late("ask_part", part), ""), "");
        let held = m.reg("part_q", part.ty(), None, "with the block");
        held.when(arrives.any(), part);
        m.output("part", part.ty(), "word of the block").set(held.q());
    }
    for i in 1..=4 {
        at = m.delay(&format!("block{i}"), at, "");
        let r = m.reg(&format!("finished{i}"), u(1), Some(0), "");
        r.set(finished);
        finished = r.q();
        if i <= 2 {
            restart = m.delay(&format!("restart{i}"), restart, "");
            triple = m.delay(&format!("triple{i}"), triple, "");
        }
    }
    m.output("restart", u(1), "the sum begins at zero").set(restart);
    m.output("triple", u(1), "a new plane begins").set(triple);
    m.output("write", u(1), "write accumulators").set(write);
    m.output("write_address", at.ty(), "block to write").set(at);
    let done = m.reg("done_q", u(1), Some(0), "the last accumulators are written");
    done.set(finished);
    m.output("done", u(1), "the last accumulators are written").set(done.q());
}
