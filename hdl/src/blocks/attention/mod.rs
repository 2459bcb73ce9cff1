//! ATTN: attention of every row over its int8 KV cache, for up to Q query heads a pass.
//!
//! ```text
//!  w --> passes --> fetch --> req             KS K VS V of pass after pass, ahead of the computation
//!           |
//!  q_* --> query --codes, scale--> +------------- slot, Q of them -------------+
//!  d ---------------- K, V ------> | dot: S*U multipliers, sums --> softmax    |
//!     \--> scales ---------------> |  ^------- weight codes ----------'        |
//!  control --phases, tags--------> +---sums----------------largest, total------+
//!                                        \--> output: ATT memory --> att_data, s_*
//! ```
//!
//! | file | part |
//! |---|---|
//! | `passes.rs` | the pass descriptors |
//! | `fetch.rs` | the KV request generator |
//! | `query.rs` | QUERY memory, loading of the slots |
//! | `scales.rs` | scales of keys and values |
//! | `dot.rs` | integer half of a slot |
//! | `softmax.rs` | binary32 half of a slot |
//! | `control.rs` | order of a pass, tags |
//! | `output.rs` | ATT memory, scalars |
//!
//! A pass over n tokens takes n*segments/S cycles for K, n for the weights and n*segments/S for V, and some seventy more; if
//! there are fewer segments than S, K and V take n cycles each. With a window, n is the number of tokens in it, and up to S - 1
//! more to the start of their group of S. No token outside the window or beyond the row's position counts, and nothing outside
//! their groups is fetched.

mod control;
mod dot;
mod fetch;
mod output;
mod passes;
mod query;
mod scales;
mod shape;
mod softmax;
#[cfg(test)]
mod tests;

use crate::dsl::{Inst, Module, Sig, u};
use shape::{PASS_COUNT_BITS, PAST_BITS, Shape, fields};
use std::rc::Rc;
use sterna_spec::config::Config;
use sterna_spec::isa::field;

/// Cycles from `att_row`, `att_word` to `att_data`.
pub const ATT_LATENCY: u32 = 2;

/// Bits that a sum of `att_data` needs; the rest repeats its sign.
pub fn sum_bits(config: &Config) -> u32 {
    Shape::new(config).sum_bits()
}

/// Fields of the instruction as the parts take them.
struct Insn<'m> {
    start: Sig<'m>,
    rows: Sig<'m>,
    passes: Sig<'m>,
    segments: Sig<'m>,
    /// Tokens before its own that a row attends to; all ones for all.
    past: Sig<'m>,
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
    let passes = m.instance("u_passes", passes::passes(shape));
    let fetch = m.instance("u_fetch", fetch::fetch(shape));
    let query = m.instance("u_query", query::query(shape));
    let control = m.instance("u_control", control::control(shape));
    let output = m.instance("u_output", output::output(shape));
    let scales = m.instance("u_scales", scales::scales(shape));
    passes.connect("start", insn.start);
    passes.connect("passes", insn.passes);
    m.stream_in("w", u(shape.beat_bits()), "pass descriptors").to(passes.sink("w"));
    for (part, reader) in [(fetch, "fetch"), (query, "query"), (control, "step")] {
        part.connect("start", insn.start);
        part.connect("rows", insn.rows);
        part.connect("passes", insn.passes);
        part.connect("loaded", passes.out("loaded"));
        part.connect("segments", insn.segments);
        if reader != "query" {
            part.connect("past", insn.past);
        }
        passes.connect(&format!("{reader}_pass"), part.out("pass"));
    }
    row_info(&m, shape, fetch, control);
    requests(&m, &insn, fetch, passes);
    queries(&m, &insn, query, passes);
    let d = m.stream_in("d", u(shape.beat_bits()), "beats of the KV cache, as requested");
    control.connect("d_valid", d.valid);
    d.ready.set(control.out("d_ready"));
    scales.connect("we", control.out("scale_we"));
    scales.connect("value", control.out("scale_of_value"));
    scales.connect("beat", control.out("scale_beat_at"));
    scales.connect("data", d.data);
    scales.connect("read_value", control.out("weigh"));
    scales.connect("token", control.out("scale_token"));
    let beat = m.delay("beat", d.data, "the beat, a cycle after it was offered");
    let parts = Parts { query, control, output, scales, beat };
    let slots: Vec<[Sig; 3]> = slots(&m, shape, &parts);
    results(&m, &insn, &parts, passes, &slots);
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
    }
}

/// Position and KV base of each row go to those who ask.
fn row_info<'m>(m: &'m Module, shape: &Shape, fetch: Inst<'m>, control: Inst<'m>) {
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
    let positions = m.node("positions", each(32, bits));
    fetch.connect("positions", positions);
    control.connect("positions", positions);
    fetch.connect("kv_bases", each(64, 32));
}

fn requests<'m>(m: &'m Module, insn: &Insn<'m>, fetch: Inst<'m>, passes: Inst<'m>) {
    for (port, doc) in
        [("kv_scale_beats", "beats of an array of scales"), ("kv_data_beats", "beats of an array of codes")]
    {
        fetch.connect(port, m.input(port, u(32), doc));
    }
    fetch.connect("layer", insn.layer);
    fetch.connect("kv_head", passes.out("fetch_kv_head"));
    fetch.source("req").to(m.stream_out("req", u(48), "requests: beat address, then number of beats"));
}

fn queries<'m>(m: &'m Module, insn: &Insn<'m>, query: Inst<'m>, passes: Inst<'m>) {
    m.export(query, "q_", "q_");
    m.export(query, "s_rrow", "s_rrow");
    m.export(query, "s_rindex", "s_rindex");
    query.connect("first_scale", insn.scale);
    query.connect("count", passes.out("query_count"));
    query.connect("heads", passes.out("query_heads"));
}

/// The parts that the slots talk to.
struct Parts<'m> {
    query: Inst<'m>,
    control: Inst<'m>,
    output: Inst<'m>,
    scales: Inst<'m>,
    beat: Sig<'m>,
}

/// The slots' results: a word of sums, the largest weight, the sum of weights.
fn slots<'m>(m: &'m Module, shape: &Shape, parts: &Parts<'m>) -> Vec<[Sig<'m>; 3]> {
    let Parts { query, control, output, scales, beat } = *parts;
    query.connect("next", control.out("next_query"));
    control.connect("query_ready", query.out("ready"));
    let (dots, softmaxes) = (Rc::new(dot::dot(shape)), Rc::new(softmax::softmax(shape)));
    let scalar = m.input("s_rdata", u(32), "the scalar asked for a cycle before");
    let segment = output.out("draining").mux(output.out("drain_segment"), control.out("value_segment"));
    let segment = m.node("sum_segment", segment);
    let dot_tags = ["value", "key_we", "key_first", "value_we", "value_first"];
    let tags = [
        "weigh",
        "invert",
        "value",
        "clear_max",
        "clear_sums",
        "score_we",
        "weight_we",
        "fixed_we",
        "code_we",
    ];
    let slot = |i: usize| {
        let dot = m.instance(&format!("u_dot_{i}"), &dots);
        let softmax = m.instance(&format!("u_softmax_{i}"), &softmaxes);
        dot_tags.iter().for_each(|tag| dot.connect(tag, control.out(tag)));
        tags.iter().for_each(|tag| softmax.connect(tag, control.out(tag)));
        for port in ["read_token", "write_token", "code_write", "code_read"] {
            softmax.connect(port, control.out(port));
        }
        if shape.side > 1 {
            dot.connect("score_load", control.out("score_load"));
            softmax.connect("code_real", control.out("code_real"));
        }
        if shape.parts() > 1 {
            dot.connect("sum_part", output.out("drain_part"));
        }
        dot.connect("beat", beat);
        dot.connect("segment", control.out("segment_at"));
        dot.connect("value_segment", segment);
        dot.connect("weight_codes", softmax.out("codes"));
        dot.connect("code_we", query.out("code_we").bit(i as u32));
        for port in ["code_segment", "code_part", "code_data"] {
            dot.connect(port, query.out(port));
        }
        softmax.connect("score", dot.out("score"));
        softmax.connect("scale", scales.out("scale"));
        softmax.connect("query_scale_we", query.out("scale_we").bit(i as u32));
        softmax.connect("query_scale_data", scalar);
        [dot.out("sum_word"), softmax.out("largest"), softmax.out("total")]
    };
    (0..shape.slots).map(slot).collect()
}

fn results<'m>(m: &'m Module, insn: &Insn<'m>, parts: &Parts<'m>, passes: Inst<'m>, slots: &[[Sig<'m>; 3]]) {
    let Parts { control, output, .. } = *parts;
    let joined = |at: usize| m.cat_lsb(&slots.iter().map(|s| s[at]).collect::<Vec<_>>());
    output.connect("sum_words", joined(0));
    output.connect("largest", joined(1));
    output.connect("totals", joined(2));
    output.connect("segments", insn.segments);
    output.connect("first_max", insn.largest);
    output.connect("first_sum", insn.total);
    output.connect("hold", control.out("hold_output"));
    output.connect("drain", control.out("drain"));
    output.connect("row", control.out("row"));
    output.connect("heads", passes.out("step_heads"));
    output.connect("count", passes.out("step_count"));
    control.connect("output_busy", output.out("busy"));
    control.connect("scalars_busy", output.out("scalars_busy"));
    m.export(output, "att_", "att_");
    for port in ["s_we", "s_row", "s_index", "s_wdata"] {
        m.export(output, port, port);
    }
    m.output("done", u(1), "all passes of all rows are written").set(control.out("done"));
    m.output("stall_data", u(1), "waits for K/V data").set(control.out("stall_data"));
}
