//! From scores to weight codes: what the slots' binary32 halves do, and the tags that travel beside their pipelines.
//!
//! ```text
//! SCORE   scores of the pass as its K comes                                    |
//! WEIGH   scores --> weights, one token a cycle                                |  codes of the pass before, S tokens a word
//! INVERT  the inverse of the largest weight, once the codes before are read    |  of the queue, as its V needs them
//! ```
//!
//! Codes of the pass follow beside SCORE and WEIGH of the next: the other memory, another multiplier. All slots run alike, so one
//! set of counters and tags serves them, over whole groups of S tokens. A tag's tap k is the tag k cycles later; which tap is used
//! follows from the latencies that `cycles.rs` and `scales.rs` name.

use super::cycles::Cycles;
use super::scales;
use super::shape::{Shape, taps};
use crate::dsl::{Fsm, Module, Reg, Sig, Wire, count_width, index_width, u};

/// What every part reads.
struct Weigh<'m> {
    m: &'m Module,
    shape: &'m Shape,
    cycles: Cycles,
    state: Fsm<'m>,
    begins: Sig<'m>,
    /// SCORE to WEIGH, INVERT to IDLE: one cycle.
    to_weigh: Sig<'m>,
    inverted: Sig<'m>,
    /// First token of the first group, last token of the last group.
    first: Sig<'m>,
    last: Sig<'m>,
}

/// Module `attention_weigh_*`.
pub(super) fn weigh(shape: &Shape) -> Module {
    let Shape { side, width, context, .. } = *shape;
    let m = Module::new(
        &format!("attention_weigh_s{side}_u{width}_c{context}"),
        "What the slots' binary32 halves do, and the tags beside their pipelines.",
    );
    let cycles = Cycles::of(shape);
    let begins = m.input("key_begins", u(1), "the K of a pass begins");
    let taken = m.input("value_begins", u(1), "largest weights and sums are taken, the codes have a V");
    let state = m.fsm("state", &["IDLE", "SCORE", "WEIGH", "INVERT"], "see above");
    let complete = m.reg("complete", u(1), Some(0), "the last score or weight was written");
    let weighed = m.reg("pass_weighed", u(1), Some(0), "a pass has been weighed, its V not begun");
    let coding = m.wire("coding", u(1));
    let waited = m.reg("waited", u(count_width(cycles.invert as usize)), Some(0), "cycles of INVERT");
    let inverted = m.node("inverted", waited.q().eq(cycles.invert));
    waited.when(!state.is("INVERT") | inverted, 0);
    waited.when(!coding.sig(), waited.q().wrapping_add(1));
    weighed.when(inverted, 1);
    weighed.when(taken, 0);
    let to_weigh = m.node("to_weigh", state.is("SCORE") & complete.q() & !weighed.q());
    state.from("IDLE").goto(begins, "SCORE");
    state.from("SCORE").goto(to_weigh, "WEIGH");
    state.from("WEIGH").goto(complete.q(), "INVERT");
    state.from("INVERT").goto(inverted, "IDLE");

    let kept = |name: &str, last: bool, doc: &str| {
        let whole = shape.whole(m.input(name, u(shape.token_bits()), doc), last);
        let kept = m.reg(&format!("{name}_kept"), whole.ty(), None, "the same of its whole group");
        kept.when(begins, whole);
        kept.q()
    };
    let first = kept("first", false, "first token of the pass");
    let last = kept("last", true, "last token of the pass");
    let w = Weigh { m: &m, shape, cycles, state, begins, to_weigh, inverted, first, last };
    w.tell("score_ready", state.is("IDLE"), "the scores of a pass can be made");
    w.tell("weighed", weighed.q(), "the codes of the next V are being made");
    w.tell("weigh", state.is("WEIGH"), "scores become weights");
    w.tell("invert", state.is("INVERT"), "the inverse of the largest weight");
    let inverting = m.delay("inverting_q", waited.q().eq(cycles.invert_to_scale - 1), "");
    w.tell("inverting", inverting, "its turn to be multiplied");
    w.tell("inverse_we", inverted, "it is there");
    w.tell("clear_max", begins, "no score yet");
    w.tell("clear_sums", to_weigh, "no weight yet");
    w.tell("next_query", to_weigh, "the query codes are no longer needed");
    let written = w.scores(w.issue());
    complete.when(begins | to_weigh | state.is("INVERT"), 0);
    complete.when(written, 1);
    w.codes(coding);
    m
}

impl<'m> Weigh<'m> {
    fn tell(&self, name: &str, sig: Sig<'m>, doc: &str) {
        self.m.output(name, sig.ty(), doc).set(sig);
    }

    /// A counter of tokens that starts at `begin` with the token `first`.
    fn counter(&self, name: &str, begin: Sig<'m>, first: Sig<'m>, step: Sig<'m>, doc: &str) -> Sig<'m> {
        let token = self.m.reg(name, u(self.shape.token_bits()), None, doc);
        token.when(begin, first);
        token.when(step, token.q().wrapping_add(1));
        self.tell(&format!("{name}_token"), token.q(), doc);
        token.q()
    }

    /// Reads the scores; gives the tag of that.
    fn issue(&self) -> Sig<'m> {
        let all = self.m.reg("all_read", u(1), Some(0), "all scores were read");
        let weigh = self.m.node("weigh_token", self.state.is("WEIGH") & !all.q());
        let read = self.counter("read", self.to_weigh, self.first, weigh, "token whose score is read");
        all.when(self.to_weigh, 0);
        all.when(weigh & read.eq(self.last), 1);
        weigh
    }

    /// Tags of scores and weights; 1 when the last of them is written.
    fn scores(&self, weigh: Sig<'m>) -> Sig<'m> {
        let (m, cycles) = (self.m, &self.cycles);
        let leaves = m.input("score_leaves", u(1), "a score leaves the integer half");
        let score = taps(m, "score_tags", leaves, cycles.score);
        let weight = taps(m, "weigh_tags", weigh, cycles.weigh);
        let tap = |tags: &[Sig<'m>], at: u32| tags[at as usize];
        let (score_we, weight_we) = (tap(&score, cycles.score), tap(&weight, cycles.weigh));
        self.tell("score_we", score_we, "a score arrives");
        self.tell("weight_we", weight_we, "a weight arrives");
        self.tell("fixed_we", tap(&weight, cycles.weigh_to_sum), "a fixed-point weight arrives");
        let ask = tap(&score, cycles.score_to_scale - scales::READ_LATENCY)
            | tap(&weight, cycles.weigh_to_scale - scales::READ_LATENCY);
        // a cycle after the pass begins its first token is known
        let begin = m.delay("begun", self.begins, "a pass began") | self.to_weigh;
        self.counter("scale", begin, self.first, ask, "token whose scale is wanted");
        let arrives = score_we | weight_we;
        let doc = "token whose score or weight arrives";
        arrives & self.counter("write", begin, self.first, arrives, doc).eq(self.last)
    }

    /// Reads weights as fast as the queue of codes has room.
    fn codes(&self, coding: Wire<'m>) {
        let m = self.m;
        let busy = m.reg("weights_left", u(1), Some(0), "weights are to be read");
        let room = m.wire("queue_room", u(1));
        let issue = m.node("code_issue", busy.q() & room.sig());
        let last = m.reg("last_code", self.last.ty(), None, "last token of the pass whose codes are made");
        last.when(self.inverted, self.last);
        let token = self.counter("code", self.inverted, self.first, issue, "token whose weight is read");
        busy.when(self.inverted, 1);
        busy.when(issue & token.eq(last.q()), 0);
        coding.set(busy.q());
        let bank = m.reg("bank", u(1), Some(0), "memory whose weights are read");
        bank.when(self.inverted, !bank.q());
        self.tell("code_bank", bank.q(), "memory whose weights are read, the other one is written");
        self.tell("queued", self.queue(token, issue, room), "codes are there for a group of V");
    }

    /// Keeps the queue of codes; 1 when it holds some.
    fn queue(&self, token: Sig<'m>, issue: Sig<'m>, room: Wire<'m>) -> Sig<'m> {
        let (m, shape, code) = (self.m, self.shape, self.cycles.code);
        let words = self.cycles.queue();
        let arrives = taps(m, "code_tags", issue, code)[code as usize];
        let (issued, we) = if shape.side == 1 {
            (issue, arrives)
        } else {
            let low = shape.side_bits();
            let lane = m.reg("code_lane", u(low), Some(0), "which of the S tokens the code belongs to");
            lane.when(arrives, lane.q().wrapping_add(1));
            (issue & token.bits(0, low).all(), arrives & lane.q().all())
        };
        let pop = m.input("group_end", u(1), "the last beat of V of a group is taken");
        let pointer = |name: &str, step: Sig<'m>| {
            let at = m.reg(name, u(index_width(words)), Some(0), "place in the queue of codes");
            at.when(step, at.q().wrapping_add(1));
            at.q()
        };
        self.tell("code_we", we, "the codes of S tokens are complete");
        self.tell("code_write", pointer("write_place", we), "their place in the queue");
        self.tell("code_read", pointer("read_place", pop), "place of the codes wanted");
        let level = |name: &str, up: Sig<'m>, doc: &str| -> Sig<'m> {
            let level: Reg = m.reg(name, u(count_width(words)), Some(0), doc);
            level.when(up & !pop, level.q().wrapping_add(1));
            level.when(pop & !up, level.q().wrapping_sub(1));
            level.q()
        };
        room.set(level("under_way", issued, "words read for or held by the queue").ne(words));
        level("held", we, "words that the queue holds").ne(0)
    }
}
