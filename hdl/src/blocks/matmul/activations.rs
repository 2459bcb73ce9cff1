//! Activation codes of the rows and the making of tables from them.
//!
//! ```text
//! loader (shared):  byte by byte --> groups --> K steps, each counts through the entries of one table
//! rows:             act RAM --[word]--+--[word_q]--> byte --[late]--> [group]--> K builders --[entry]--> tables   row 0
//!                                     +------[word_q]--> byte -[late]-> ..                                        row 1
//! ```
//!
//! Codes leave the RAM one a cycle and row. When the G codes of table t have arrived, builder t mod K takes them and makes one
//! entry a cycle, while the codes of the next tables arrive: K builders of a row suffice for any number of tables, and
//! all tables of a chunk take T*G + entries cycles and a few.
//!
//! A word feeds a row for V cycles, so several rows can share a RAM: row i of them reads its word i cycles later than row 0, and
//! its codes pass through as many registers fewer.

use super::super::memory_style;
use super::dims::Dims;
use super::table::opposite;
use crate::dsl::{Bits, Module, Sig, cat_lsb, count_width, index_width, u};

/// Codes of the rows that share a RAM, and their builders.
pub(super) fn activations(d: &Dims) -> Module {
    let m = Module::new("matmul_activations", "Activation codes of rows, and builders of table entries.");
    let (lanes, group, builders) = (d.lanes as u32, d.group as u32, d.builders() as u32);
    let word_bits = index_width(d.act_words);
    let words = if d.share == 1 { d.act_words } else { d.share << word_bits };
    let style = memory_style(d.wide_adders, 8 * lanes, words);
    let ram = m.mem("codes", 8 * lanes, words, style, "int8 codes, a word of V at an address");
    let write = m.input("write", u(1), "write a word");
    let write_word = m.input("write_word", u(ram.addr_width()), "word to write, above it its row");
    let write_data = m.input("write_data", u(8 * lanes), "V codes");
    let read = m.input("read", u(3), "stages of the read that take their value");
    let read_word = m.input("read_word", u(word_bits), "word to read");
    let lane_bits = index_width(d.lanes);
    let select =
        m.input("select", u(lane_bits * d.share as u32), "code of each row's word, two cycles later");
    let load = m.input("load", u(builders), "builder takes the group");
    let digits = m.input("digits", u(step_bits(d) * builders), "entry of each builder");
    let active = m.input("active", u(builders), "builder makes an entry");
    ram.write(write, write_word, write_data);

    let (turn, word) = if d.share == 1 {
        (None, ram.read("word", read_word, read.bit(0)))
    } else {
        // the row's turn is the code's place in the word
        let lane = m.input("lane", u(lane_bits), "code whose time it is in the word that is read");
        let turn = m.delay("turn", lane, "row whose word is in the first register");
        let place = cat_lsb(&[read_word, lane.bits(0, d.share.ilog2())]);
        (Some(turn), ram.read("word", place, read.bit(0)))
    };
    let builder = std::rc::Rc::new(builder(d));
    let entries = |i: usize| {
        let name = |part: &str| if d.share == 1 { part.to_string() } else { format!("{part}_{i}") };
        let word_q = m.reg(&name("word_q"), u(8 * lanes), None, "second register of the RAM, the row's own");
        word_q.when(turn.map_or(read.bit(1), |turn| read.bit(1) & turn.eq(i)), word);
        let code = word_q.q().word_dyn(select.word(i as u32, lane_bits), 8).named(&name("code"));
        let code = (i + 1..d.share)
            .fold(code, |code, k| m.delay(&name(&format!("late{k}")), code, "with the others"));
        let codes = m.reg(&name("group"), u(8 * group), None, "the last G codes, the oldest lowest");
        codes.when(read.bit(2), cat_lsb(&[codes.q().bits(8, 8 * group - 8), code]));
        let entry = |k: u32| {
            let b = m.instance(&name(&format!("u_builder{k}")), &builder);
            b.connect("load", load.bit(k));
            b.connect("group", codes.q());
            b.connect("active", active.bit(k));
            b.connect("digits", digits.word(k, step_bits(d)));
            b.out("entry")
        };
        m.cat_lsb(&(0..builders).map(entry).collect::<Vec<_>>())
    };
    let out = m.cat_lsb(&(0..d.share).map(entries).collect::<Vec<_>>());
    m.output("entries", out.ty(), "entry of each builder of each row, one cycle after its digits").set(out);
    m
}

/// Bits that describe an entry: a factor of two bits for each code, and how many factors are negative.
fn step_bits(d: &Dims) -> u32 {
    2 * d.group as u32 + count_width(d.group)
}

/// For each code: bit 0 it counts, bit 1 it is complemented; above them the number of complements.
fn step_word(d: &Dims, entry: usize) -> u64 {
    let digits = d.entry_digits(entry);
    let negative = digits.iter().filter(|v| **v < 0).count() as u64;
    let factors =
        digits.iter().enumerate().map(|(g, v)| (u64::from(*v != 0) | (u64::from(*v < 0) << 1)) << (2 * g));
    factors.sum::<u64>() | (negative << (2 * d.group))
}

/// Makes the entries of one table after the other.
fn builder(d: &Dims) -> Module {
    let m = Module::new("matmul_builder", "Sum of codes with factors -1, 0, +1: one table entry a cycle.");
    let group = d.group as u32;
    let load = m.input("load", u(1), "take the codes");
    let codes_in = m.input("group", u(8 * group), "codes of a group");
    let active = m.input("active", u(1), "make an entry");
    let digits =
        m.input("digits", u(step_bits(d)), "for each code: counts, complemented; number of complements");
    let codes = m.reg("codes", u(8 * group), None, "codes of the table in work");
    codes.when(load, codes_in);
    let term = |g: u32| {
        let (counts, complemented) = (digits.bit(2 * g).repeat(8), digits.bit(2 * g + 1).repeat(8));
        ((codes.q().word(g, 8) & counts) ^ complemented).as_signed()
    };
    let negative = digits.bits(2 * group, count_width(d.group)).zext(count_width(d.group) + 1).as_signed();
    let sum = (0..group).fold(negative, |sum, g| sum + term(g));
    let entry = m.reg("entry_q", u(d.entry_bits), None, "the sum, its sign inverted for packed sums");
    let sum = sum.resize(d.entry_bits).as_unsigned();
    entry.when(active, if d.packed() { opposite(sum) } else { sum });
    m.output("entry", u(d.entry_bits), "entry, one cycle after its digits").set(entry.q());
    m
}

/// Counts one builder of every row through the entries of a table.
fn step(d: &Dims) -> Module {
    let m =
        Module::new("matmul_build_step", "Counts one builder of every row through the entries of a table.");
    let bits = d.index_bits();
    let rounds = index_width(d.rounds());
    let load = m.input("load", u(1), "the codes of a table are taken");
    let round_in = m.input("next_round", u(rounds), "which of the builder's tables");
    let active = m.reg("active_q", u(1), Some(0), "entries are being made");
    let entry = m.reg("entry_q", u(bits), None, "entry in work");
    let round = m.reg("round_q", u(rounds), None, "table in work");
    active.when(load, 1);
    active.when(entry.q().eq(d.entries - 1), 0);
    entry.when(load, 0);
    entry.when(active.q(), entry.q().wrapping_add(1));
    round.when(load, round_in);
    let words: Vec<Bits> = (0..d.entries).map(|e| Bits::from_u64(step_bits(d), step_word(d, e))).collect();
    let rom = m.rom("factors", step_bits(d), &words, "factors of the codes, and how many are -1");
    m.output("active", u(1), "entries are being made").set(active.q());
    m.output("entry", u(bits), "entry in work").set(entry.q());
    m.output("round", u(rounds), "table in work").set(round.q());
    m.output("digits", u(step_bits(d)), "factors of the entry").set(rom.read_async("digits_now", entry.q()));
    m
}

/// The control of all rows' activation memories and builders.
pub(super) fn loader(d: &Dims) -> Module {
    let m = Module::new(
        "matmul_loader",
        "Reads the codes of a chunk and makes its tables, for all rows in step.",
    );
    let builders = d.builders();
    let (lane_bits, word_bits) = (d.lanes.ilog2(), index_width(d.act_words));
    let go = m.input("go", u(1), "make the tables of the next chunk");
    let rewind = m.input("rewind", u(1), "with go: begin at the first code; stable before it");
    let coding = m.input("coding", u(1), "codes are still being written, from the first word on");
    let wrote = m.input("wrote", u(1), "a word of them is complete, in all rows");
    let loading = m.reg("loading", u(1), Some(0), "codes are being read");
    let left = m.reg("left", u(index_width(d.chunk())), None, "codes still to read, less one");
    let at = m.reg("position", u(word_bits + lane_bits), None, "code to read");
    loading.when(go, 1);
    loading.when(left.q().eq(0), 0);
    left.when(go, d.chunk() - 1);
    left.when(loading.q(), left.q().wrapping_sub(1));
    at.when(go & rewind, 0);
    at.when(loading.q(), at.q().wrapping_add(1));
    coded(&m, d, [coding, wrote, rewind], at.q());
    let read1 = m.reg("read1", u(1), Some(0), "the word is in the first register");
    let read2 = m.reg("read2", u(1), Some(0), "the word is in the second register");
    read1.set(loading.q());
    read2.set(read1.q());
    let arrives = (1..d.share).fold(read2.q(), |x, k| {
        let late = m.reg(&format!("read{}", 2 + k), u(1), Some(0), "the same of a later row");
        late.set(x);
        late.q()
    });
    // a word of one code has no choice
    let lane = if lane_bits == 0 { m.u(1, 0) } else { at.q().bits(0, lane_bits) };
    let mut select = vec![lane];
    for k in 1..2 + d.share {
        select.push(m.delay(&format!("select{k}"), select[k - 1], ""));
    }
    m.output("read", u(3), "stages of the read").set(cat_lsb(&[loading.q(), read1.q(), arrives]));
    m.output("read_word", u(word_bits), "word to read").set(at.q().bits(lane_bits, word_bits));
    if d.share > 1 {
        m.output("lane", u(lane_bits), "code whose time it is in the word that is read").set(lane);
    }
    let select = m.cat_lsb(&select[2..]);
    m.output("select", select.ty(), "code in the second register, row by row").set(select);
    let member = m.reg("member", u(index_width(d.group)), Some(0), "code of its group");
    let last = member.q().eq(d.group - 1);
    member.when(arrives & last, 0);
    member.when(arrives, member.q().wrapping_add(1));
    let full = m.reg("full", u(1), Some(0), "the codes of a group have arrived");
    full.set(arrives & last);
    let turn = m.reg("turn", u(index_width(builders)), None, "builder of the next group");
    let round = m.reg("round", u(index_width(d.rounds())), None, "which of its tables");
    let wraps = full.q() & turn.q().eq(builders - 1);
    turn.when(go | wraps, 0);
    turn.when(full.q(), turn.q().wrapping_add(1));
    round.when(go, 0);
    round.when(wraps, round.q().wrapping_add(1));
    steps(&m, d, go, &[full.q(), turn.q(), round.q()]);
    m
}

/// Whether the codes of the next chunk are there: that which `position` rests at between chunks, or the first.
fn coded<'m>(m: &'m Module, d: &Dims, [coding, wrote, rewind]: [Sig<'m>; 3], position: Sig<'m>) {
    let (lane_bits, width) = (d.lanes.ilog2(), position.width());
    let words = m.reg("words_coded", u(width - lane_bits + 1), Some(0), "words that are complete");
    words.when(wrote, words.q().wrapping_add(1));
    words.when(!coding, 0);
    let last = position.wrapping_add(d.chunk() - 1).bits(lane_bits, width - lane_bits);
    let last = rewind.mux(m.u(last.width(), (d.chunk() - 1) >> lane_bits), last);
    let there = m.reg("coded_q", u(1), Some(0), "they are");
    there.set(
        !coding
            | words.q().gt(m.delay("last_word", last, "last word of the next chunk").zext(words.q().width())),
    );
    m.output("coded", u(1), "the codes of the next chunk are there").set(there.q());
}

/// The steps of a loader, and what they say to tables and builders.
fn steps<'m>(m: &'m Module, d: &Dims, go: Sig<'m>, group: &[Sig<'m>; 3]) {
    let builders = d.builders();
    let [full, turn, round] = *group;
    let bank = (d.banks == 2).then(|| {
        let bank = m.reg("bank", u(1), Some(1), "bank that is written");
        bank.when(go, !bank.q());
        let bank1 = m.delay("bank1", bank.q(), "");
        m.delay("bank2", bank1, "the same, once the last entries of the chunk before are on their way")
    });
    let child = std::rc::Rc::new(step(d));
    let (mut loads, mut address, mut all) = (vec![], vec![], vec![]);
    for k in 0..builders {
        let s = m.instance(&format!("u_step{k}"), &child);
        let load = full & turn.eq(k);
        s.connect("load", load);
        s.connect("next_round", round);
        loads.push(load);
        address.extend([Some(s.out("entry")), bank].into_iter().flatten());
        all.push(s);
    }
    let port = |name: &str, doc: &str, sig: Sig<'m>| m.output(name, sig.ty(), doc).set(sig);
    let of = |name: &str| m.cat_lsb(&all.iter().map(|s| s.out(name)).collect::<Vec<_>>());
    port("load", "builder takes a group", m.cat_lsb(&loads));
    port("active", "builder makes an entry", of("active"));
    port("digits", "entry of each builder", of("digits"));
    let writes = |t: usize| {
        let s = all[t % builders];
        s.out("active") & s.out("round").eq(t / builders)
    };
    let write = m.reg("write_q", u(d.tables as u32), Some(0), "tables that are written");
    write.set(m.cat_lsb(&(0..d.tables).map(writes).collect::<Vec<_>>()));
    port("write", "tables that are written", write.q());
    port(
        "address",
        "address for each builder",
        m.delay("address_q", m.cat_lsb(&address), "with the entries"),
    );
    let last = d.tables - 1;
    let built = writes(last) & all[last % builders].out("entry").eq(d.entries - 4);
    port("built", "a look-up that starts now finds the tables complete", built);
}
