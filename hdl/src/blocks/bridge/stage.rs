//! The staging area, and commits: staged words are carried out once, and only if their CRC is right.
//!
//! ```text
//!   put ─► 256 words ─► byte by byte ─► CRC ─► equal? ─► new? ─► replay, word by word
//!          target, tag ─┘                        │ no     │ no: it had been carried out before
//!                                                └► refused
//! ```
//!
//! With a slow clock the memory of the words also holds registers, target and tag among them, and all is fed from there:
//!
//! ```text
//!   0 .. 15   registers, by index: what was written, READ_CRC, CRC_VALUE; 0 from the 16th cycle after reset on
//!   256 ..    staged words
//! ```

use super::crc::Sum;
use super::request::WORD;
use crate::dsl::{MemStyle, Module, Sig, cat_lsb, mux, u};
use sterna_spec::bridge::{SPACE, STAGE_WORDS, offset, status};

/// Bits of a count of words.
const COUNT: u32 = STAGE_WORDS.trailing_zeros() + 1;

/// `commit` begins with the CRC in `data`, `committed` ends it; in between words go out on `replay` {word address, word}, each until
/// `replayed`. `put` writes `data` to word `index`. `shared`: its CRC unit is outside.
pub(super) fn stage(shared: bool) -> Module {
    let m = Module::new("bridge_stage", "Staged words: carried out once, if their CRC is right.");
    let put = m.input("put", u(1), "write a word");
    let index = m.input("index", u(if shared { COUNT } else { COUNT - 1 }), "which word");
    let data = m.input("data", u(32), "the word, or with `commit` the CRC");
    let commit = m.input("commit", u(1), "one cycle: carry out the words");
    let target = m.input("target", u(32), "byte address of the first word");
    let tag = m.input("tag", u(32), "{number of words 16, sequence number 16}");
    let replay = m.stream_out("replay", u(WORD + 32), "writes {word address, word}");
    let replayed = m.input("replayed", u(1), "one cycle: the write has ended");
    let (count, sequence) = (tag.bits(0, COUNT), tag.bits(16, 16));

    let states = ["IDLE", "LOAD", "FEED", "SUM", "JUDGE", "FETCH", "READ", "OFFER", "BUSY"];
    let state = m.fsm("state", &states, "what happens to the commit");
    let [idle, load, feed, judge, busy] =
        ["IDLE", "LOAD", "FEED", "JUDGE", "BUSY"].map(|name| state.is(name));

    let at = m.reg("at", u(COUNT), None, "the next staged word");
    let next = m.node("next", at.q().wrapping_add(1));
    let later =
        |name: &str, value, doc: &str| if shared { m.node(name, value) } else { m.delay(name, value, doc) };
    let alone = (!shared).then(|| {
        let ram = m.mem("words", 32, STAGE_WORDS, MemStyle::Block, "the staged words");
        ram.write(put, index, data);
        let fetched = ram.read("fetched", at.q().bits(0, COUNT - 1), m.u(1, 1));
        m.delay("word", fetched, "the staged word at `at`, two cycles later")
    });
    let all = later("all", at.q().eq(count), "no word is left");

    // target, tag, then the words, each least significant byte first
    let part = m.reg("part", u(2), None, "what is fed: 0 target, 1 tag, 2 words");
    let bytes = m.reg("bytes", u(2), None, "bytes of it that were fed");
    let words = part.q().bit(1);
    let rest = alone.map(|word| {
        let rest = m.reg("rest", u(32), None, "what is left of it");
        rest.when(load, mux(words, word, mux(part.q().bit(0), tag, target)));
        rest.when(feed, rest.q().bits(8, 24).zext(32));
        rest.q()
    });
    bytes.set(mux(feed, bytes.q().wrapping_add(1), m.u(2, 0)));
    let fed = m.node("fed", feed & bytes.q().all());
    part.when(idle, 0);
    part.when(fed & !words, part.q().wrapping_add(1));
    let sum = Sum::new(&m, "crc", shared);
    sum.clear(idle, commit);
    let word = alone.unwrap_or_else(|| {
        m.unused("words are whole, and it is read where it is stored", target.bits(0, 2));
        let own = m.node("own", !(idle | busy)).doc("the commit reads the memory");
        with_registers(&m, [put, index, data, sum.sum], [own, part.q(), at.q()])
    });
    sum.feed(feed, rest.map_or_else(|| word.word_dyn(bytes.q(), 8), |rest| rest.bits(0, 8)));

    let given = if shared {
        data // until the first replay
    } else {
        let given = m.reg("given", u(32), None, "the CRC that it must have");
        given.when(commit, data);
        given.q()
    };
    let equal = later("equal", sum.sum.eq(given), "the CRC is right");
    let many = tag.bits(COUNT - 1, 16 - COUNT + 1);
    let most = many.eq(1) & !tag.bits(0, COUNT - 1).any();
    let legal = later("legal", mux(many.any(), most, tag.bits(0, COUNT - 1).any()), "1 to 256 words");
    let last = m.reg("last", u(16), Some(0), "sequence number of the last commit carried out");
    let any = m.reg("any", u(1), Some(0), "there was one");
    let again = later("again", any.q() & last.q().eq(sequence), "it had been carried out before");

    let right = m.node("right", equal & legal);
    let ended = m.node("ended", busy & replayed & all);
    let bits = m.reg("outcome", u(2), Some(0), "of the last commit tried: {carried out, refused}");
    bits.when(judge & !right, status::REFUSED);
    bits.when((judge & again) | ended, status::CARRIED_OUT);
    last.when(ended, sequence);
    any.when(ended, 1);
    m.output("status", u(32), "STAGE_STATUS").set(cat_lsb(&[bits.q(), m.u(14, 0), last.q()]));
    let over = m.reg("over", u(1), Some(0), "the commit is over");
    over.set((judge & (!right | again)) | ended);
    m.output("committed", u(1), "one cycle: the commit is over").set(over.q());

    at.when(idle | judge, 0);
    let used = if shared { fed } else { load };
    at.when((used & words) | (state.is("OFFER") & replay.ready), next);
    state.from("IDLE").goto(commit, "LOAD");
    state.from("LOAD").goto(words & (all | !legal), "SUM").goto(load, "FEED");
    state.from("FEED").goto(fed, "LOAD");
    state.from("SUM").goto(m.u(1, 1), "JUDGE");
    state.from("JUDGE").goto(!right | again, "IDLE").goto(judge, "FETCH");
    state.from("FETCH").goto(m.u(1, 1), "READ");
    state.from("READ").goto(m.u(1, 1), "OFFER");
    state.from("OFFER").goto(replay.ready, "BUSY");
    state.from("BUSY").goto(ended, "IDLE").goto(replayed, if shared { "FETCH" } else { "OFFER" });
    let offset = m.node("offset", at.q().zext(WORD));
    let address = m.node("address", target.bits(2, WORD).wrapping_add(offset));
    replay.set(state.is("OFFER"), cat_lsb(&[address, word]));
    m
}

/// The memory of words and registers. It is written by `put` with `data` at `index`, and with the CRC unit's `sum`; the word read is
/// that of `part` and `at` in a commit (`own`), else the register `look`.
fn with_registers<'m>(
    m: &'m Module,
    [put, index, data, sum]: [Sig<'m>; 4],
    [own, part, at]: [Sig<'m>; 3],
) -> Sig<'m> {
    let bits = SPACE.trailing_zeros() - 2;
    let look = m.input("look", u(bits), "register to read");
    let summed = m.input("summed", u(1), "one cycle: the sum is READ_CRC");
    let computed = m.input("computed", u(1), "one cycle: the sum is CRC_VALUE");
    let failed = m.input("failed", u(1), "it could not be computed");
    let register = |offset: u32| m.u(COUNT, offset / 4);

    let cleared = m.reg("cleared", u(bits + 1), Some(0), "registers that have their first value");
    let clears = m.node("clears", !cleared.q().msb());
    cleared.when(clears, cleared.q().wrapping_add(1));
    let ram = m.mem("words", 32, 2 * STAGE_WORDS, MemStyle::Block, "registers and staged words");
    let to = mux(summed, register(offset::READ_CRC), mux(computed, register(offset::CRC_VALUE), index));
    let to = mux(clears, cleared.q().zext(COUNT), to);
    let what = mux(summed | computed, sum | (failed & computed).repeat(32), data);
    ram.write(put | summed | computed | clears, to, what);

    let fed = mux(part.bit(0), register(offset::STAGE_TAG), register(offset::STAGE_TARGET));
    let fed = mux(part.bit(1), cat_lsb(&[at.bits(0, COUNT - 1), m.u(1, 1)]), fed);
    let word = ram.read("word", mux(own, fed, look.zext(COUNT)), m.u(1, 1));
    m.output("stored", u(32), "the register of a cycle ago").set(word);
    word
}
