//! ATTN: attention of every row over its int8 KV cache, for up to Q pairs of a row and a query head a pass.
//!
//! ```text
//!  w --> passes --> plan --> fetch --> req    KS VS K of pass after pass, V of the one before, ahead of the computation
//!                    |
//!  q_* --> query --codes, scale, span--> +------------- slot, Q of them -------------+
//!  d ---------------- K, V ------------> | dot: S*U multipliers, sums --> softmax    |
//!     \--> scales ---------------------> |  ^------- weight codes ----------'        |
//!  control --turns, tags--> weigh -tags> +---sums----------------largest, total------+
//!                                              \--> output: ATT memory --> att_data, s_*, heads_done
//! ```
//!
//! | file | part |
//! |---|---|
//! | `passes.rs` | the pass descriptors |
//! | `plan.rs` | which rows take a pass together |
//! | `walk.rs` | the order of K and V, and of a pass's slots |
//! | `fetch.rs` | the KV request generator |
//! | `query.rs` | QUERY memory, loading of the slots |
//! | `scales.rs` | scales of keys and values |
//! | `dot.rs` | integer half of a slot |
//! | `chain.rs` | its multipliers |
//! | `scores.rs` | scores and weights of all slots |
//! | `softmax.rs` | binary32 half of a slot |
//! | `control.rs` | order of the beats, tags of the integer halves |
//! | `weigh.rs` | from scores to weight codes, tags of the binary32 halves |
//! | `output.rs` | ATT memory, scalars |
//!
//! Rows that follow each other in one sequence take a pass together, as many as there are slots for: K and V come once for all of
//! them. Passes overlap: beats come as K(0) K(1) V(0) K(2) V(1) .., and while V(p-1) comes, the scores of p become weights.
//!
//! ```text
//! beats     K(p)        V(p-1)           K(p+1)        V(p)
//! binary32  scores(p)   weights(p), 1/x  scores(p+1)   weights(p+1)
//!                       codes(p-1)                     codes(p)
//! ```
//!
//! So a pass takes the cycles of its beats and four more, or, if V takes less than n + 75 for n tokens, those in place of V. Some
//! n + 130 cycles of an instruction are hidden by nothing. With fewer segments than S, K and V take n cycles each. No token outside
//! a row's window or beyond its position counts, and nothing outside the groups of S tokens of those that count is fetched.
//!
//! VECTORs may run beside an instruction, unless the vector unit lends its units ([`OPERANDS`], [`RESULTS`]). `loaded`, `heads_done` say how far it is; both are 0 from the cycle after `start` on.
//! DST names the first word of QUERY that VECTORs write after `start` (0: none): a head waits for its words. A scalar is read in
//! a cycle with `s_granted` and comes a cycle later; one is written in a cycle with `s_we` and `s_taken`.

mod chain;
mod control;
mod cycles;
mod dot;
mod fetch;
mod output;
mod passes;
mod plan;
mod query;
mod scales;
mod scores;
mod shape;
mod softmax;
#[cfg(test)]
mod tests;
mod walk;
mod weigh;

use crate::dsl::{Inst, Module, Sig, u};
use shape::{PASS_COUNT_BITS, PAST_BITS, Shape, fields};
pub use softmax::{OPERANDS, RESULTS};
use std::rc::Rc;
use sterna_spec::config::Config;
use sterna_spec::isa::field;

/// Cycles from `att_row`, `att_word` to `att_data`.
pub const ATT_LATENCY: u32 = 2;

/// Bits that a sum of `att_data` needs; the rest repeats its sign.
pub fn sum_bits(config: &Config) -> u32 {
    Shape::new(config).sum_bits()
}

/// Bits of the integers whose conversion is lent.
pub fn lent_bits(config: &Config) -> u32 {
    softmax::float_bits(&Shape::new(config))
}

/// Cycles from a beat of K to the sums of its tokens, of V to those of its bytes.
pub fn sum_latencies(config: &Config) -> [u32; 2] {
    dot::latencies(&Shape::new(config))
}

/// Fields of the instruction as the parts take them.
struct Insn<'m> {
    start: Sig<'m>,
    rows: Sig<'m>,
    passes: Sig<'m>,
    segments: Sig<'m>,
    /// Tokens before its own that a row attends to; all ones for all.
    past: Sig<'m>,
    /// First word of QUERY that comes after `start`, 0 for none.
    awaited: Sig<'m>,
    layer: Sig<'m>,
    scale: Sig<'m>,
    largest: Sig<'m>,
    total: Sig<'m>,
}

/// The attention unit. The instruction's fields, the rows and the pass descriptors must be legal (architecture, ATTN), with
/// at most 64 passes; `insn`, `rows` and `row_info` are stable from `start` to `done`.
pub fn attention(config: &Config) -> Module {
    let shape = &Shape::new(config);
    let m = Module::new("attention", "Attention of every row over its int8 KV cache.");
    let insn = instruction(&m, shape);
    let parts = Parts {
        passes: m.instance("u_passes", passes::passes(shape)),
        plan: m.instance("u_plan", plan::plan(shape)),
        fetch: m.instance("u_fetch", fetch::fetch(shape)),
        query: m.instance("u_query", query::query(shape)),
        scales: m.instance("u_scales", scales::scales(shape)),
        control: m.instance("u_control", control::control(shape)),
        weigh: m.instance("u_weigh", weigh::weigh(shape)),
        output: m.instance("u_output", output::output(shape)),
    };
    planning(&m, shape, &insn, &parts);
    row_info(&m, shape, parts.plan);
    sources(&m, &insn, &parts);
    let bytes = beats(&m, shape, &parts);
    let slots = slots(&m, shape, &parts, bytes);
    results(&m, &insn, &parts, &slots);
    m
}

fn instruction<'m>(m: &'m Module, shape: &Shape) -> Insn<'m> {
    let start = m.input("start", u(1), "the instruction starts");
    let insn = m.input("insn", u(256), "the instruction, stable until done");
    let wanted = [
        (field::N, PASS_COUNT_BITS),
        (field::A, shape.segment_count_bits()),
        (field::B, PAST_BITS),
        (field::M, 8),
        (field::SMAX, 8),
        (field::SSUM, 8),
        (field::ADDR, 32),
        (field::DST, shape.words_bits()),
    ];
    let f = fields(m, insn, &wanted);
    let rows = m.input("rows", u(5), "active rows");
    // window 0 becomes all ones: more than any position
    let past = m.delay("past", f[2].wrapping_sub(1), "tokens of the window before the row's own");
    Insn {
        start,
        rows,
        passes: f[0],
        segments: f[1],
        past,
        scale: f[3],
        largest: f[4],
        total: f[5],
        layer: f[6],
        awaited: f[7],
    }
}

/// The parts that serve all slots.
struct Parts<'m> {
    passes: Inst<'m>,
    plan: Inst<'m>,
    fetch: Inst<'m>,
    query: Inst<'m>,
    scales: Inst<'m>,
    control: Inst<'m>,
    weigh: Inst<'m>,
    output: Inst<'m>,
}

/// Connects outputs of one part to inputs of another, of the same names.
fn wire<'m>(from: Inst<'m>, to: Inst<'m>, ports: &[&str]) {
    ports.iter().for_each(|port| to.connect(port, from.out(port)));
}

/// Connects what the plan has for `reader`.
fn tell<'m>(plan: Inst<'m>, reader: &str, to: Inst<'m>, fields: &[&str]) {
    fields.iter().for_each(|field| to.connect(field, plan.out(&format!("{reader}_{field}"))));
}

/// Descriptors and rows become planned passes.
fn planning<'m>(m: &'m Module, shape: &Shape, insn: &Insn<'m>, parts: &Parts<'m>) {
    let Parts { passes, plan, fetch, query, control, weigh, output, .. } = *parts;
    m.stream_in("w", u(shape.beat_bits()), "pass descriptors").to(passes.sink("w"));
    for part in [passes, plan] {
        part.connect("start", insn.start);
        part.connect("passes", insn.passes);
    }
    m.output("loaded", u(1), "all descriptors were taken").set(passes.out("all_loaded"));
    plan.connect("rows", insn.rows);
    output.connect("start", insn.start);
    output.connect("active", insn.rows);
    plan.connect("past", insn.past);
    wire(passes, plan, &["loaded", "kv_head", "count"]);
    wire(control, plan, &["over"]);
    passes.connect("plan_pass", plan.out("pass"));
    for (part, reader) in [(fetch, "fetch"), (query, "query"), (control, "step")] {
        part.connect("start", insn.start);
        part.connect("segments", insn.segments);
        part.connect("planned", plan.out("planned"));
        plan.connect(&format!("{reader}_number"), part.out("number"));
    }
    wire(plan, fetch, &["complete"]);
    wire(plan, control, &["complete"]);
    tell(plan, "fetch", fetch, &["base", "kv_head", "first", "last"]);
    tell(plan, "query", query, &["last", "row", "rows", "count"]);
    tell(plan, "step", control, &["first", "last"]);
    tell(plan, "step", weigh, &["first", "last"]);
    tell(plan, "step", output, &["row", "rows", "count"]);
    for (part, reader) in [(query, "query"), (output, "step")] {
        passes.connect(&format!("{reader}_pass"), plan.out(&format!("{reader}_pass")));
        part.connect("heads", passes.out(&format!("{reader}_heads")));
    }
}

/// Position and KV base of each row.
fn row_info<'m>(m: &'m Module, shape: &Shape, plan: Inst<'m>) {
    let info = m.input("row_info", u(128 * shape.rows as u32), "token, position, KV base, flags of each row");
    let bits = shape.token_bits();
    for row in info.words(128) {
        m.unused("attention needs no tokens", row.word(0, 32));
        m.unused("positions lie below the context", row.bits(32 + bits, 32 - bits));
        m.unused("attention needs no flags", row.word(3, 32));
    }
    let each = |lo: u32, width: u32| {
        let parts: Vec<Sig> = info.words(128).iter().map(|row| row.bits(lo, width)).collect();
        m.cat_lsb(&parts)
    };
    plan.connect("positions", each(32, bits));
    plan.connect("kv_bases", each(64, 32));
}

/// Requests of K and V, codes and scales of queries.
fn sources<'m>(m: &'m Module, insn: &Insn<'m>, parts: &Parts<'m>) {
    let Parts { fetch, query, control, weigh, .. } = *parts;
    for (port, doc) in
        [("kv_scale_beats", "beats of an array of scales"), ("kv_data_beats", "beats of an array of codes")]
    {
        fetch.connect(port, m.input(port, u(32), doc));
    }
    fetch.connect("layer", insn.layer);
    fetch.source("req").to(m.stream_out("req", u(48), "requests: beat address, then number of beats"));
    for ports in ["q_", "s_rrow", "s_rindex", "s_granted"] {
        m.export(query, ports, ports);
    }
    query.connect("first_scale", insn.scale);
    query.connect("past", insn.past);
    query.connect("awaited", insn.awaited);
    query.connect("next", weigh.out("next_query"));
    control.connect("query_ready", query.out("ready"));
}

/// The beats of data, and those who give and follow their order; the beat's bytes.
fn beats<'m>(m: &'m Module, shape: &Shape, parts: &Parts<'m>) -> Sig<'m> {
    let Parts { scales, control, weigh, output, .. } = *parts;
    let d = m.stream_in("d", u(shape.beat_bits()), "beats of the KV cache, as requested");
    control.connect("d_valid", d.valid);
    d.ready.set(control.out("d_ready"));
    scales.connect("we", control.out("scale_we"));
    scales.connect("value", control.out("scale_of_value"));
    scales.connect("beat", control.out("scale_beat_at"));
    scales.connect("data", d.data);
    scales.connect("read_value", weigh.out("weigh"));
    scales.connect("token", weigh.out("scale_token"));
    control.connect("output_busy", output.out("busy"));
    wire(weigh, control, &["score_ready", "weighed", "queued"]);
    wire(control, weigh, &["key_begins", "value_begins", "score_leaves", "group_end"]);
    chain::bytes(m, shape, d.data, control.out("value"))
}

/// The slots' results: a word of sums, the largest weight, the sum of weights.
fn slots<'m>(m: &'m Module, shape: &Shape, parts: &Parts<'m>, bytes: Sig<'m>) -> Vec<[Sig<'m>; 3]> {
    let Parts { query, control, weigh, output, scales, .. } = *parts;
    let (dots, softmaxes) = (Rc::new(dot::dot(shape)), Rc::new(softmax::softmax(shape)));
    let scalar = m.input("s_rdata", u(32), "the scalar that was granted a cycle before");
    let segment = output.out("draining").mux(output.out("drain_segment"), control.out("value_segment"));
    let segment = m.delay("sum_segment", segment, "segment whose sums are added to or read");
    let part =
        (shape.parts() > 1).then(|| m.delay("sum_part", output.out("drain_part"), "its part that is read"));
    let memories = m.instance("u_scores", scores::scores(shape));
    let kept = ["score_we", "weight_we", "read_token", "write_token", "code_token", "code_bank"];
    wire(weigh, memories, &kept);
    let phases = ["weigh", "invert", "inverting", "inverse_we", "clear_max", "clear_sums"];
    let tags = ["score_we", "weight_we", "fixed_we", "code_we"];
    let places = ["write_token", "code_write", "code_read"];
    let mut words = Vec::new();
    let slot = |i: usize| {
        let dot = m.instance(&format!("u_dot_{i}"), &dots);
        let softmax = m.instance(&format!("u_softmax_{i}"), &softmaxes);
        wire(control, dot, &["value", "key_we", "key_first", "value_we", "value_first"]);
        [&phases[..], &tags, &places].into_iter().for_each(|ports| wire(weigh, softmax, ports));
        if shape.side > 1 {
            wire(control, dot, &["score_load"]);
        }
        if let Some(part) = part {
            dot.connect("sum_part", part);
        }
        dot.connect("bytes", bytes);
        dot.connect("segment", control.out("segment_at"));
        dot.connect("value_segment", segment);
        dot.connect("weight_codes", softmax.out("codes"));
        let own = |port: &str| query.out(port).bit(i as u32);
        dot.connect("code_we", own("code_we"));
        wire(query, dot, &["code_segment", "code_part", "code_data"]);
        softmax.connect("score", dot.out("score"));
        softmax.connect("scale", scales.out("scale"));
        softmax.connect("old_score", memories.out("scores").word(i as u32, scores::SCORE_BITS));
        softmax.connect("old_weight", memories.out("weights").word(i as u32, 32));
        softmax.connect("query_scale_we", own("slot_we"));
        softmax.connect("query_scale_data", scalar);
        softmax.connect("span_we", own("slot_we"));
        wire(query, softmax, &["span_first", "span_last"]);
        if shape.lent_units {
            m.export(softmax, "lent_", "lent_");
        }
        words.push(softmax.out("word"));
        [dot.out("sum_word"), softmax.out("largest"), softmax.out("total")]
    };
    let results = (0..shape.slots).map(slot).collect();
    memories.connect("words", m.cat_lsb(&words));
    results
}

fn results<'m>(m: &'m Module, insn: &Insn<'m>, parts: &Parts<'m>, slots: &[[Sig<'m>; 3]]) {
    let Parts { control, output, .. } = *parts;
    let joined = |at: usize| m.cat_lsb(&slots.iter().map(|s| s[at]).collect::<Vec<_>>());
    output.connect("sum_words", joined(0));
    output.connect("largest", joined(1));
    output.connect("totals", joined(2));
    output.connect("segments", insn.segments);
    output.connect("first_max", insn.largest);
    output.connect("first_sum", insn.total);
    output.connect("hold", control.out("value_begins"));
    output.connect("drain", control.out("drain"));
    for ports in ["att_", "s_we", "s_row", "s_index", "s_wdata", "s_taken", "heads_done"] {
        m.export(output, ports, ports);
    }
    m.output("done", u(1), "all passes of all rows are written").set(control.out("done"));
    m.output("stall_data", u(1), "waits for K/V data").set(control.out("stall_data"));
}
