//! The order of the beats, and the tags that travel beside the slots' integer halves.
//!
//! ```text
//! PICK    whose turn it is: K of a pass, or V of the one before
//! LOAD    its first and last token
//! SCALES  KS beats, then VS beats
//! KEYS    K beats --> scores
//! VALUES  V beats, codes made ahead of them
//! ```
//!
//! The K of a pass begins when the binary32 halves are done with the pass before, whose V comes next. All slots run alike, so one
//! set of counters and tags serves them. A tag's tap k is the tag k cycles later; which tap is used follows from the latencies
//! that `dot.rs` names.

use super::dot::latencies;
use super::shape::{NUMBER_BITS, Shape, later, taps};
use super::walk::turns;
use crate::dsl::{Fsm, Module, Sig, Wire, count_width, index_width, u};

/// Beats of the turn.
struct Beats<'m> {
    /// A beat of K, of V is taken.
    key: Sig<'m>,
    value: Sig<'m>,
    segment: Sig<'m>,
    first_segment: Sig<'m>,
    last_segment: Sig<'m>,
    first_group: Sig<'m>,
    last_group: Sig<'m>,
}

/// What every part of the control reads.
struct Control<'m> {
    m: &'m Module,
    shape: &'m Shape,
    state: Fsm<'m>,
    /// First and last token of the pass.
    first: Sig<'m>,
    last: Sig<'m>,
}

/// Module `attention_control_*`.
pub(super) fn control(shape: &Shape) -> Module {
    let Shape { beat_bytes, width, head_size, context, .. } = *shape;
    let name = format!("attention_control_b{beat_bytes}_u{width}_d{head_size}_c{context}");
    let m = Module::new(&name, "The order of the beats, and the tags beside the slots' integer halves.");
    let start = m.input("start", u(1), "an instruction starts");
    let ready = m.input("score_ready", u(1), "the scores of a pass can be made");
    let weighed = m.input("weighed", u(1), "the codes of the next V are being made");
    let busy = m.input("output_busy", u(1), "the pass before is being written");
    let state = m.fsm("state", &["IDLE", "PICK", "LOAD", "SCALES", "KEYS", "VALUES"], "see above");
    let [pick, scales_end, codes_end] = ["pick", "scales_end", "codes_end"].map(|name| m.wire(name, u(1)));
    let next = turns(&m, start, pick.sig(), codes_end.sig());
    let can = next.is_key & ready | next.is_value & weighed & !busy;
    pick.set(state.is("PICK") & can);
    let over = m.node("all_over", state.is("PICK") & next.over & !busy);
    state.from("IDLE").goto(start, "PICK");
    state.from("PICK").goto(pick.sig(), "LOAD").goto(over, "IDLE");
    state.from("LOAD").goto(next.of_value, "VALUES").goto(m.u(1, 1), "SCALES");
    state.from("SCALES").goto(scales_end.sig(), "KEYS");
    state.from("KEYS").goto(codes_end.sig(), "PICK");
    state.from("VALUES").goto(codes_end.sig(), "PICK");
    m.output("done", u(1), "all passes of all rows are written").set(over);
    m.output("number", u(NUMBER_BITS), "pass of the turn").set(next.number);
    m.output("over", u(NUMBER_BITS), "passes whose V is over").set(next.value);

    let token = |name: &str, doc: &str| m.input(name, u(shape.token_bits()), doc);
    let (first, last) = (token("first", "first token of the pass"), token("last", "last token of the pass"));
    shape.unread_tokens(&m, [first, last]);
    let c = Control { m: &m, shape, state, first, last };
    let loads = state.is("LOAD");
    c.tell("key_begins", loads & !next.of_value, "the K of a pass begins");
    c.tell("value_begins", loads & next.of_value, "the V of a pass begins");
    let beats = c.beats(scales_end, codes_end);
    c.tell("score_leaves", c.tokens(&beats), "a score leaves the integer half");
    c.values(&beats);
    m
}

impl<'m> Control<'m> {
    fn tell(&self, name: &str, sig: Sig<'m>, doc: &str) {
        self.m.output(name, sig.ty(), doc).set(sig);
    }

    /// Counts the beats that are taken and says when one can be.
    fn beats(&self, scales_end: Wire<'m>, codes_end: Wire<'m>) -> Beats<'m> {
        let (m, shape, state) = (self.m, self.shape, self.state);
        let (d_valid, loads) = (m.input("d_valid", u(1), "a beat is offered"), state.is("LOAD"));
        self.scales(d_valid, scales_end);
        let segment = m.reg("segment", u(shape.segment_bits()), None, "segment of the tokens");
        let group = m.reg("group", u(shape.group_bits()), None, "group of S tokens");
        let segments = m.input("segments", u(shape.segment_count_bits()), "segments of a head");
        let last_segment = m.node("last_segment", (segment.q() + 1u8).eq(segments));
        let last_group = m.node("last_group", group.q().eq(shape.group_of(self.last)));
        let query_ready = m.input("query_ready", u(1), "the query codes are in the slots");
        let paced = self.pace(last_segment, d_valid & query_ready);
        let takes_keys = m.node("takes_keys", state.is("KEYS") & query_ready & paced);
        let queued = m.input("queued", u(1), "codes are there for a group of V");
        let takes_values = m.node("takes_values", state.is("VALUES") & queued);
        let moves = m.node("codes_move", (takes_keys | takes_values) & d_valid);
        let group_done = m.node("group_done", moves & last_segment);
        segment.when(loads | group_done, 0);
        segment.when(moves, segment.q().wrapping_add(1));
        group.when(loads, shape.group_of(self.first));
        group.when(group_done, group.q().wrapping_add(1));
        let first_group = m.reg("first_group", u(1), None, "it is the first group of the pass");
        first_group.when(loads, 1);
        first_group.when(group_done, 0);
        codes_end.set(group_done & last_group);
        let ready = m.node("ready", state.is("SCALES") | takes_keys | takes_values);
        self.tell("d_ready", ready, "a beat is taken if one is offered");
        self.tell("stall_data", ready & !d_valid, "waits for K/V data");
        self.tell("segment_at", segment.q(), "segment of the beat of K or V");
        self.tell("group_end", group_done & state.is("VALUES"), "the last beat of V of a group is taken");
        Beats {
            key: m.node("key_moves", takes_keys & d_valid),
            value: m.node("value_moves", takes_values & d_valid),
            segment: segment.q(),
            first_segment: segment.q().eq(0),
            last_segment,
            first_group: first_group.q(),
            last_group,
        }
    }

    /// Counts the beats of scales, KS and then VS.
    fn scales(&self, d_valid: Sig<'m>, end: Wire<'m>) {
        let (m, shape, loads) = (self.m, self.shape, self.state.is("LOAD"));
        let moves = m.node("scales_move", self.state.is("SCALES") & d_valid);
        let beat = m.reg("scale_beat", u(shape.scale_beat_bits()), None, "beat of the array of scales");
        let last = m.node("last_scale_beat", beat.q().eq(shape.scale_beat_of(self.last)));
        beat.when(loads | moves & last, shape.scale_beat_of(self.first));
        beat.when(moves, beat.q().wrapping_add(1));
        let of_value = m.reg("scales_of_value", u(1), None, "VS beats");
        of_value.when(loads, 0);
        of_value.when(moves & last, 1);
        end.set(moves & last & of_value.q());
        self.tell("scale_we", moves, "a beat of scales is taken");
        self.tell("scale_of_value", of_value.q(), "it is one of VS");
        self.tell("scale_beat_at", beat.q(), "its number");
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

    /// Tags of the beats of K; 1 when a token's score leaves the integer half.
    fn tokens(&self, beats: &Beats<'m>) -> Sig<'m> {
        let (m, shape) = (self.m, self.shape);
        let [sums, _] = latencies(shape);
        let at = |name: &str, bit: Sig<'m>, cycles: u32| taps(m, name, bit, cycles)[cycles as usize];
        self.tell("key_we", at("key_tags", beats.key, sums), "adds a segment to the scores");
        self.tell("key_first", at("key_first_tags", beats.first_segment, sums), "of the first segment");
        let complete = at("key_last_tags", beats.key & beats.last_segment, sums + 1);
        if shape.side == 1 {
            return complete;
        }
        self.tell("score_load", complete, "the scores of S tokens are complete");
        let left = u(count_width(shape.side));
        let left = m.reg("tokens_left", left, Some(0), "tokens of the group that have not left");
        left.when(complete, shape.side);
        left.when(left.q().ne(0), left.q().wrapping_sub(1));
        left.q().ne(0)
    }

    /// Tags of the beats of V.
    fn values(&self, beats: &Beats<'m>) {
        let m = self.m;
        let [_, sums] = latencies(self.shape);
        let at = |name: &str, bit: Sig<'m>, cycles: u32| taps(m, name, bit, cycles)[cycles as usize];
        self.tell("value", self.state.is("VALUES"), "the beat is one of V");
        self.tell("value_we", at("value_tags", beats.value, sums), "adds to the sums of values");
        self.tell("value_first", at("value_first_tags", beats.first_group, sums), "of the first tokens");
        let segment = later(m, "value_segment_tag", beats.segment, sums - 1);
        self.tell("value_segment", segment, "segment added to, a cycle before");
        let last = beats.value & beats.last_segment & beats.last_group;
        self.tell("drain", at("value_last_tags", last, sums + 1), "the sums are complete");
    }
}
