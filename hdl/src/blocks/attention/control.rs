//! The order of a pass, and the tags that travel beside the slots' pipelines.
//!
//! ```text
//! PASS        descriptor and position                VALUES   V beats, codes made ahead of them
//! KEY_SCALES  KS beats                               INVERT   the largest weight's inverse
//! KEYS        K beats --> scores                     WEIGH    scores --> weights
//! SCORES      the last scores are on their way (VS beats are taken here and in WEIGH)
//! ```
//!
//! All slots run alike, so one set of counters and tags serves them. A tag's tap k is the tag k cycles later; which tap is
//! used follows from the latencies that `dot.rs`, `softmax.rs` and `scales.rs` name.

use super::dot::{PRODUCTS, tree_latency};
use super::shape::{PASS_BITS, PASS_COUNT_BITS, PAST_BITS, Shape, later, taps, walk};
use super::{scales, softmax};
use crate::dsl::{Fsm, Module, Reg, Sig, Wire, count_width, index_width, u};

/// Beats of the pass.
struct Beats<'m> {
    /// A beat of K, of V is taken.
    key: Sig<'m>,
    value: Sig<'m>,
    segment: Sig<'m>,
    first_segment: Sig<'m>,
    last_segment: Sig<'m>,
    first_group: Sig<'m>,
    last_group: Sig<'m>,
    /// Beats of VS that are there.
    value_scales: Sig<'m>,
    value_scales_done: Sig<'m>,
}

/// What every part of the control reads.
struct Control<'m> {
    m: &'m Module,
    shape: &'m Shape,
    state: Fsm<'m>,
    position: Sig<'m>,
    /// First token of the window, already in PASS.
    first: Sig<'m>,
    /// SCORES to WEIGH, INVERT to VALUES: one cycle.
    to_weigh: Sig<'m>,
    to_value: Sig<'m>,
}

/// Module `attention_control_*`.
pub(super) fn control(shape: &Shape) -> Module {
    let Shape { rows, beat_bytes, width, head_size, context, .. } = *shape;
    let name = format!("attention_control_p{rows}_b{beat_bytes}_u{width}_d{head_size}_c{context}");
    let m = Module::new(&name, "The order of a pass, and the tags beside the slots' pipelines.");
    let start = m.input("start", u(1), "an instruction starts");
    let active = m.input("rows", u(5), "active rows");
    let passes = m.input("passes", u(PASS_COUNT_BITS), "passes of each row");
    let loaded = m.input("loaded", u(PASS_COUNT_BITS), "descriptors that can be read");
    let busy = m.input("output_busy", u(1), "the pass before is being written");
    let scalars_busy = m.input("scalars_busy", u(1), "the slots' scalars are still to be read");
    let states = ["IDLE", "PASS", "KEY_SCALES", "KEYS", "SCORES", "WEIGH", "INVERT", "VALUES", "FINISH"];
    let state = m.fsm("state", &states, "phase of the pass");
    let complete = m.reg("complete", u(1), Some(0), "the last score or weight was written");
    let waited = m.reg("waited", u(count_width(softmax::INVERT as usize)), Some(0), "cycles of INVERT");
    let inverted = waited.q().eq(softmax::INVERT);
    waited.when(!state.is("INVERT"), 0);
    waited.when(!inverted, waited.q().wrapping_add(1));
    let to_weigh = m.node("to_weigh", state.is("SCORES") & complete.q() & !scalars_busy);
    let to_value = m.node("to_value", state.is("INVERT") & inverted & !busy);
    let (scales_end, codes_end) = (m.wire("scales_end", u(1)), m.wire("codes_end", u(1)));
    // the state lasts a cycle longer than the beats of V, in which nothing is queued
    let advance = taps(&m, "advance", state.is("VALUES") & codes_end.sig(), 1)[1];
    let place = walk(&m, shape, start, advance, [active, passes]);
    let some = passes.ne(0) & active.ne(0);
    state.from("IDLE").goto(start & some, "PASS").goto(start, "FINISH");
    state.from("PASS").goto(loaded.gt(place.pass), "KEY_SCALES");
    state.from("KEY_SCALES").goto(scales_end.sig(), "KEYS");
    state.from("KEYS").goto(codes_end.sig(), "SCORES");
    state.from("SCORES").goto(to_weigh, "WEIGH");
    state.from("WEIGH").goto(complete.q(), "INVERT");
    state.from("INVERT").goto(to_value, "VALUES");
    state.from("VALUES").goto(advance & place.last, "FINISH").goto(advance, "PASS");
    state.from("FINISH").goto(!busy, "IDLE");
    m.output("done", u(1), "all passes of all rows are written").set(state.is("FINISH") & !busy);
    m.output("pass", u(PASS_BITS), "descriptor wanted").set(place.pass);
    m.output("row", u(shape.row_bits()), "row of the pass").set(place.row);

    let (position, first) = tokens(&m, shape, place.row, state.is("PASS"));
    let c = Control { m: &m, shape, state, position, first, to_weigh, to_value };
    c.phases();
    let queued = m.wire("codes_queued", u(1));
    let beats = c.beats(queued.sig(), scales_end, codes_end);
    let issue = c.issue(&beats, queued);
    let written = c.scores(&beats, issue);
    complete.when(written, 1);
    complete.when(to_weigh | state.is("WEIGH"), 0);
    c.values(&beats);
    m
}

/// The last token of the row, a cycle after `latch`, and the first of its window, from `latch` on.
fn tokens<'m>(m: &'m Module, shape: &Shape, row: Sig<'m>, latch: Sig<'m>) -> (Sig<'m>, Sig<'m>) {
    let positions = m.input("positions", u(shape.token_bits() * shape.rows as u32), "position of each row");
    let of_row = if shape.rows == 1 { positions } else { positions.word_dyn(row, shape.token_bits()) };
    let position = m.reg("position", of_row.ty(), None, "position of the row: its last token");
    position.when(latch, of_row);
    let past = m.input("past", u(PAST_BITS), "tokens of the window before the row's own");
    let now = m.node("first_now", shape.first_token(of_row, past));
    let first = m.reg("first_kept", now.ty(), None, "first token of the window");
    first.when(latch, now);
    (position.q(), m.node("first", latch.mux(now, first.q())))
}

impl<'m> Control<'m> {
    fn tell(&self, name: &str, sig: Sig<'m>, doc: &str) {
        self.m.output(name, sig.ty(), doc).set(sig);
    }

    fn phases(&self) {
        self.tell("weigh", self.state.is("WEIGH"), "phase: scores become weights");
        self.tell("invert", self.state.is("INVERT"), "phase: the inverse of the largest weight");
        self.tell("value", self.state.is("VALUES"), "phase: values are summed");
        self.tell("clear_max", self.state.is("PASS"), "no score yet");
        self.tell("clear_sums", self.to_weigh, "no weight yet");
        self.tell("next_query", self.to_weigh, "the query codes are no longer needed");
        self.tell("hold_output", self.to_value, "largest weights and sums are there");
    }

    /// Counts the beats that are taken and says when one can be.
    fn beats(&self, queued: Sig<'m>, scales_end: Wire<'m>, codes_end: Wire<'m>) -> Beats<'m> {
        let (m, shape, state) = (self.m, self.shape, self.state);
        let d_valid = m.input("d_valid", u(1), "a beat is offered");
        let query_ready = m.input("query_ready", u(1), "the query codes are in the slots");
        let done = m.reg("value_scales_done", u(1), Some(0), "all beats of VS were taken");
        let waits = state.is("SCORES") | state.is("WEIGH");
        let takes_scales = m.node("takes_scales", state.is("KEY_SCALES") | waits & !done.q());
        let scales = m.node("scales_move", takes_scales & d_valid);
        let beat = m.reg("scale_beat", u(shape.scale_beat_bits()), None, "beat of the array of scales");
        let last_beat = m.node("last_scale_beat", beat.q().eq(shape.scale_beat_of(self.position)));
        beat.when(state.is("PASS") | scales & last_beat, shape.scale_beat_of(self.first));
        beat.when(scales, beat.q().wrapping_add(1));
        done.when(state.is("PASS"), 0);
        done.when(scales & last_beat & !state.is("KEY_SCALES"), 1);
        scales_end.set(scales & last_beat);

        let segment = m.reg("segment", u(shape.segment_bits()), None, "segment of the tokens");
        let group = m.reg("group", u(shape.group_bits()), None, "group of S tokens");
        let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
        let last_segment = m.node("last_segment", (segment.q() + 1u8).eq(segments));
        let last_group = m.node("last_group", group.q().eq(shape.group_of(self.position)));
        let paced = self.pace(last_segment, d_valid & query_ready);
        let takes_keys = m.node("takes_keys", state.is("KEYS") & query_ready & paced);
        let takes_values = m.node("takes_values", state.is("VALUES") & queued);
        let moves = m.node("codes_move", (takes_keys | takes_values) & d_valid);
        let group_done = moves & last_segment;
        segment.when(state.is("PASS") | group_done, 0);
        segment.when(moves, segment.q().wrapping_add(1));
        let first_group = shape.group_of(self.first);
        group.when(state.is("PASS") | group_done & last_group, first_group);
        group.when(group_done, group.q().wrapping_add(1));
        codes_end.set(group_done & last_group);
        let ready = m.node("ready", takes_scales | takes_keys | takes_values);
        self.tell("d_ready", ready, "a beat is taken if one is offered");
        self.tell("stall_data", ready & !d_valid & !state.is("SCORES"), "waits for K/V data");
        self.tell("scale_we", scales, "a beat of scales is taken");
        self.tell("scale_of_value", !state.is("KEY_SCALES"), "it is one of VS");
        self.tell("scale_beat_at", beat.q(), "its number");
        self.tell("segment_at", segment.q(), "segment of the beat of K or V");
        Beats {
            key: m.node("key_moves", takes_keys & d_valid),
            value: m.node("value_moves", takes_values & d_valid),
            segment: segment.q(),
            first_segment: segment.q().eq(0),
            last_segment,
            first_group: group.q().eq(first_group),
            last_group,
            value_scales: beat.q(),
            value_scales_done: done.q(),
        }
    }

    /// S tokens leave a slot one by one, so a group's last beat of K may come S cycles after that of the group before.
    fn pace(&self, last_segment: Sig<'m>, offered: Sig<'m>) -> Sig<'m> {
        if self.shape.side == 1 {
            return self.m.u(1, 1);
        }
        let pause =
            self.m.reg("pause", u(index_width(self.shape.side)), Some(0), "cycles to the next last beat");
        let paced = pause.q().eq(0) | !last_segment;
        pause.when(self.state.is("KEYS") & offered & last_segment & pause.q().eq(0), self.shape.side - 1);
        pause.when(pause.q().ne(0), pause.q().wrapping_sub(1));
        paced
    }

    /// Reads scores (WEIGH) and weights (VALUES); gives the tag of the former.
    fn issue(&self, beats: &Beats<'m>, queued: Wire<'m>) -> Sig<'m> {
        let (m, shape, state) = (self.m, self.shape, self.state);
        let token = m.reg("read", u(shape.token_bits()), None, "token whose score or weight is read");
        let all = m.reg("all_read", u(1), Some(0), "all were read");
        let scale_there = beats.value_scales_done | shape.scale_beat_of(token.q()).lt(beats.value_scales);
        let weigh = m.node("weigh_token", state.is("WEIGH") & !all.q() & scale_there);
        let room = m.wire("queue_room", u(1));
        let code = m.node("code_token", state.is("VALUES") & !all.q() & room.sig());
        // codes come in whole groups
        let (start, end) = if shape.side == 1 {
            (self.first, self.position)
        } else {
            let low = shape.side_bits();
            let zeros = self.first.bits(0, low) & self.to_weigh.repeat(low);
            let ones = self.position.bits(0, low) | state.is("VALUES").repeat(low);
            let whole = |low: Sig<'m>, token: Sig<'m>| m.cat_lsb(&[low, shape.group_of(token)]);
            (whole(zeros, self.first), whole(ones, self.position))
        };
        let begin = self.to_weigh | self.to_value;
        token.when(begin, start);
        token.when(weigh | code, token.q().wrapping_add(1));
        all.when(begin, 0);
        all.when((weigh | code) & token.q().eq(end), 1);
        self.tell("read_token", token.q(), "token whose score or weight is read");
        queued.set(self.queue(beats, token.q(), code, room));
        weigh
    }

    /// Keeps the queue of codes; 1 when it holds some.
    fn queue(&self, beats: &Beats<'m>, token: Sig<'m>, issue: Sig<'m>, room: Wire<'m>) -> Sig<'m> {
        let (m, shape) = (self.m, self.shape);
        let arrives = taps(m, "code_tags", issue, softmax::CODE)[softmax::CODE as usize];
        let (issued, we) = if shape.side == 1 {
            (issue, arrives)
        } else {
            let low = shape.side_bits();
            let lane = m.reg("code_lane", u(low), Some(0), "which of the S tokens the code belongs to");
            lane.when(arrives, lane.q().wrapping_add(1));
            let real = token.le(self.position) & token.ge(self.first);
            self.tell("code_real", later(m, "code_real_tag", real, softmax::CODE), "in the window");
            (issue & token.bits(0, low).all(), arrives & lane.q().all())
        };
        let pop = beats.value & beats.last_segment;
        let pointer = |name: &str, step: Sig<'m>| {
            let at = m.reg(name, u(index_width(softmax::QUEUE)), Some(0), "place in the queue of codes");
            at.when(step, at.q().wrapping_add(1));
            at.q()
        };
        self.tell("code_we", we, "the codes of S tokens are complete");
        self.tell("code_write", pointer("write_place", we), "their place in the queue");
        self.tell("code_read", pointer("read_place", pop), "place of the codes wanted");
        let level = |name: &str, up: Sig<'m>, doc: &str| -> Sig<'m> {
            let level: Reg = m.reg(name, u(count_width(softmax::QUEUE)), Some(0), doc);
            level.when(up & !pop, level.q().wrapping_add(1));
            level.when(pop & !up, level.q().wrapping_sub(1));
            level.q()
        };
        room.set(level("under_way", issued, "words read for or held by the queue").ne(softmax::QUEUE));
        level("held", we, "words that the queue holds").ne(0)
    }

    /// Tags of scores and weights; 1 when the last of them is written.
    fn scores(&self, beats: &Beats<'m>, weigh: Sig<'m>) -> Sig<'m> {
        let m = self.m;
        let score = taps(m, "score_tags", self.tokens(beats), softmax::SCORE);
        let weight = taps(m, "weigh_tags", weigh, softmax::WEIGH);
        let tap = |tags: &[Sig<'m>], at: u32| tags[at as usize];
        let (score_we, weight_we) = (tap(&score, softmax::SCORE), tap(&weight, softmax::WEIGH));
        self.tell("score_we", score_we, "a score arrives");
        self.tell("weight_we", weight_we, "a weight arrives");
        self.tell("fixed_we", tap(&weight, softmax::WEIGH_TO_SUM), "a fixed-point weight arrives");
        let ask = tap(&score, softmax::SCORE_TO_SCALE - scales::READ_LATENCY)
            | tap(&weight, softmax::WEIGH_TO_SCALE - scales::READ_LATENCY);
        let begin = self.to_weigh | self.state.is("PASS");
        let counter = |name: &str, step: Sig<'m>, doc: &str| {
            let token = m.reg(name, u(self.shape.token_bits()), None, doc);
            token.when(begin, self.first);
            token.when(step, token.q().wrapping_add(1));
            self.tell(&format!("{name}_token"), token.q(), doc);
            token.q()
        };
        counter("scale", ask, "token whose scale is wanted");
        let arrives = score_we | weight_we;
        arrives & counter("write", arrives, "token whose score or weight arrives").eq(self.position)
    }

    /// Tags of the beats of K; 1 when a token's score leaves the integer half.
    fn tokens(&self, beats: &Beats<'m>) -> Sig<'m> {
        let (m, shape) = (self.m, self.shape);
        let sums = PRODUCTS + tree_latency(shape.width);
        let at = |name: &str, bit: Sig<'m>, cycles: u32| taps(m, name, bit, cycles)[cycles as usize];
        self.tell("key_we", at("key_tags", beats.key, sums), "adds a segment to the scores");
        self.tell("key_first", at("key_first_tags", beats.first_segment, sums), "of the first segment");
        let complete = at("key_last_tags", beats.key & beats.last_segment, sums + 1);
        if shape.side == 1 {
            return complete;
        }
        self.tell("score_load", complete, "the scores of S tokens are complete");
        let last = at("key_group_tags", beats.last_group, sums + 1);
        let tokens = self.position.bits(0, shape.side_bits()) + 1u8;
        let left =
            m.reg("tokens_left", u(shape.side_bits() + 1), Some(0), "tokens of the group that have not left");
        left.when(complete, last.mux(tokens, shape.side));
        left.when(left.q().ne(0), left.q().wrapping_sub(1));
        let skip = m.reg("tokens_skipped", u(shape.side_bits()), None, "tokens before the window to leave");
        let before = skip.q().ne(0);
        skip.when(self.state.is("PASS"), self.first.bits(0, shape.side_bits()));
        skip.when(left.q().ne(0) & before, skip.q().wrapping_sub(1));
        left.q().ne(0) & !before
    }

    /// Tags of the beats of V.
    fn values(&self, beats: &Beats<'m>) {
        let m = self.m;
        let sums = PRODUCTS + tree_latency(self.shape.side);
        let at = |name: &str, bit: Sig<'m>, cycles: u32| taps(m, name, bit, cycles)[cycles as usize];
        self.tell("value_we", at("value_tags", beats.value, sums), "adds to the sums of values");
        self.tell("value_first", at("value_first_tags", beats.first_group, sums), "of the first tokens");
        self.tell("value_segment", later(m, "value_segment_tag", beats.segment, sums), "segment added to");
        let last = beats.value & beats.last_segment & beats.last_group;
        self.tell("drain", at("value_last_tags", last, sums + 1), "the sums are complete");
    }
}
