//! The sequencer: fetches instructions from the step stream, starts the units, hands them their payload, and tells where
//! every cycle went.
//!
//! ```text
//!            ┌─► next instruction ─┬─► insn, start_load, _matmul, _attention ◄─ *_done
//!   p ─► route                     └─► queue ─► vector_insn, start_vector    ◄─ vector_done
//!            └─► load_p, matmul_p, attention_p
//! ```
//!
//! With a slow clock no instruction is held twice: its beats go where they belong as they arrive, to the queue, a block memory, or to
//! `insn`, for which all but the first wait for the unit at work; the next instruction is only what is looked at of it.
//!
//! VECTORs execute one after the other out of a queue. A MATMUL or a LOAD with `BESIDE` starts while they are at work, and a VECTOR
//! while an ATTN with `BESIDE` is, once that is done with the heads that the VECTOR names; everything else waits for the units and the
//! queue, and a VECTOR for the MATMUL before it and what that runs beside. The next instruction is fetched while no unit takes
//! payload. Memory runs ahead of all this in the reader.

mod fetch;
mod queue;

use sterna_spec::config::Config;
use sterna_spec::isa::{MAX_PLANES, MIN_BLOCKS, Op, field};
use sterna_spec::registers::{COUNTERS, ErrorCode};

use super::field_of;
use crate::dsl::{Fsm, Module, Sig, Source, mux, u};
use fetch::{fetch, replace};
use queue::vectors;

/// 1 if a field of the instruction lies outside what the hardware has; `other`: what it is unless VECTOR.
fn illegal<'m>(m: &'m Module, config: &Config, insn: Sig<'m>, other: Sig<'m>) -> Sig<'m> {
    let f = |field| field_of(insn, field);
    let is = |op: Op| f(field::OP).eq(op as u32);
    let empty = !is(Op::End) & !f(field::N).any();
    let planes = field_of(other, field::B);
    let matmul =
        f(field::N).lt(MIN_BLOCKS) | !field_of(other, field::A).any() | !planes.any() | planes.gt(MAX_PLANES);
    let kinds = f(field::A_KIND).gt(3) | f(field::M_KIND).gt(3) | f(field::FN).gt(4) | f(field::ZOP).gt(4);
    let vector = kinds | f(field::B_KIND).gt(2) | f(field::DST_KIND).gt(8) | !f(field::REP).any();
    let unknown = f(field::OP).gt(Op::Attn as u32);
    let wrong = unknown | empty | (is(Op::Matmul) & matmul) | (is(Op::Vector) & vector);
    m.node("illegal", if config.lends_units() { wrong | is(Op::Attn) & f(field::BESIDE) } else { wrong })
}

/// The first error of a step's descriptors, as a code, 0 if there is none.
fn check_rows<'m>(m: &'m Module, config: &Config, rows: Sig<'m>, row_info: Sig<'m>) -> Sig<'m> {
    let wrong = m.node("rows_wrong", !rows.any() | rows.gt(config.rows));
    let row = |r: u32| rows.gt(r) & row_info.bits(128 * r + 32, 32).ge(config.context);
    let far = (0..config.rows).map(row).reduce(|a, b| a | b).unwrap_or(m.u(1, 0));
    let far = m.node("position_wrong", far);
    mux(wrong, m.u(8, ErrorCode::Rows as u32), mux(far, m.u(8, ErrorCode::Position as u32), 0))
}

/// The sequencer.
///
/// Inputs beside the streams: `start`, `rows` (32), `row_info`, `stream_idle`, `reader_idle`, `*_done`,
/// `store_empty`, `topk_idle`, `writer_idle`, `read_error`, `write_error`, and what the counters need. Outputs:
/// `insn`, `vector_insn`, `start_*`, `program_start`, `flush`, `busy`, `done`, `error_valid`, `error_code`, `count`.
pub fn sequencer(config: &Config) -> Module {
    let m =
        Module::new("sequencer", "Runs the step stream: units one after the other, vectors beside matrices.");
    let input = |name: &str, doc: &str| m.input(name, u(1), doc);
    let start = input("start", "one cycle: start a step");
    let rows = m.input("rows", u(32), "rows of the step");
    let row_info = m.input("row_info", u(128 * config.rows), "row descriptors");
    let p = m.stream_in("p", u(config.beat_bits()), "the step stream");
    let stream_idle = input("stream_idle", "nothing of the stream is left");
    let reader_idle = input("reader_idle", "no read is left or in flight");
    // a cycle late, as is the end of the unit that feeds them
    let [store_empty, topk_idle, writer_idle] = ["store_empty", "topk_idle", "writer_idle"]
        .map(|name| late(&m, &format!("{name}_q"), input(name, "nothing is waiting there"), "a cycle ago"));
    let [read_error, write_error] =
        ["read_error", "write_error"].map(|name| input(name, "memory answered with an error"));

    let state = m.fsm("state", &["IDLE", "CHECK", "PRIME", "RUN", "FINISH"], "where the step is");
    let running = m.node("running", state.is("RUN"));
    let active = m.reg("active", u(1), Some(0), "a unit other than the vector unit is at work");
    let insn = m.reg("instruction", u(256), None, "its instruction");
    let index = m.reg("index", u(16), None, "instructions of the step that have begun");
    let units = [Op::Load, Op::Gather, Op::Matmul, Op::Attn]
        .map(|op| (op, m.reg(&format!("is_{op:?}").to_lowercase(), u(1), Some(0), "at work")));
    let current = |op: Op| units.iter().find(|(of, _)| *of == op).map_or(m.u(1, 0), |(_, reg)| reg.q());
    let loads = m.reg("attention_loads", u(1), Some(0), "the attention unit takes its descriptors");
    let attending = m.reg("attending", u(1), Some(0), "VECTORs may run beside the attention unit");
    let owners = [current(Op::Load), current(Op::Matmul), loads.q()];
    let payload = m.node("payload", owners[0] | owners[1] | owners[2]).doc("the stream belongs to the unit");
    let dispatch = m.wire("dispatch", u(1)).doc("the next instruction becomes the current one");
    let next = fetch(&m, config, &p, [running & !payload, active.q()], [start, dispatch.sig()]);
    // where the fields are that are looked at of all but VECTOR
    let other = if next.beats.is_some() { insn.q() } else { next.insn };
    let ops = [Op::End, Op::Load, Op::Gather, Op::Matmul, Op::Vector, Op::Attn].map(|op| {
        let is = field_of(next.insn, field::OP).eq(op as u32);
        m.delay(&format!("coming_{op:?}").to_lowercase(), is, "operation of the next instruction")
    });
    let coming = |op: Op| ops[op as usize];

    let drained = m.node("drained", store_empty & writer_idle);
    let bad = m.delay("bad", illegal(&m, config, next.insn, other), "the next instruction is none");
    let open = !active.q() | attending.q() & coming(Op::Vector) & !bad;
    let ready = m.node("ready", running & next.known & open);
    let taken = m.node("taken", store_empty & topk_idle);
    let enters = m.wire("enters", u(1)).doc("a VECTOR enters the queue");
    let vector = vectors(&m, config, start, &p, (enters.sig(), &next, index.q()), taken);
    let behind = m.reg("behind", u(1), Some(0), "a matrix came since the last VECTOR");
    behind.when(dispatch.sig() & !coming(Op::Load), coming(Op::Matmul));
    let beside = m.delay(
        "beside",
        field_of(next.insn, field::BESIDE),
        "if it is MATMUL or LOAD: vectors do not matter",
    );
    let heads = m.input("attention_heads", u(7), "heads that the attention unit is done with");
    let after = heads.ge(field_of(next.insn, field::AFTER).zext(7));
    let after = m.delay("after", after, "if it is VECTOR: the heads that it waits for are done");
    let room = vector.room & (vector.idle | !behind.q()) & (after | !attending.q());
    let free = mux(coming(Op::Vector), room, vector.idle);
    let free = m.node("free", free | (coming(Op::Matmul) | coming(Op::Load)) & beside & !bad);
    let wait_store = m.node("wait_store", ready & free & coming(Op::Attn) & !drained);
    let wait_store = wait_store.doc("the KV cache is being written");
    dispatch.set(ready & free & !wait_store);
    let good = m.node("good", dispatch.sig() & !bad);
    enters.set(good & coming(Op::Vector));
    let begin = m.node("launch", good & !coming(Op::End) & !coming(Op::Vector));
    let asks = (0..config.rows).map(|r| rows.gt(r) & row_info.bit(128 * r + 96)).reduce(|a, b| a | b);
    let more = field_of(other, field::ADDR).any() & asks.unwrap_or(m.u(1, 0));
    let more = m.delay("more", more, "if it is END: the head follows, and a row asks for it");
    let over = m.node("over", good & coming(Op::End) & !more);
    let cut = m.node("cut", running & !next.valid & stream_idle).doc("the stream ended without END");
    if let Some(each) = next.beats {
        // the first with the second: only then is it known to be for a unit that is free
        let queued = field_of(next.insn, field::OP).eq(Op::Vector as u32);
        let parts = each.width();
        let mask = m.cat_lsb(&[each.bit(1), each.bits(1, parts - 1)]) & (!queued).repeat(parts);
        replace(
            &m,
            insn,
            mask,
            m.cat_lsb(&[next.insn.bits(0, config.beat_bits()), p.data.repeat(parts - 1)]),
        );
    } else {
        // from before it begins, so that 256 registers do not wait for what decides that
        insn.when(ready & !coming(Op::Vector), next.insn);
    }
    let done =
        ["load_done", "matmul_done", "attention_done"].map(|name| m.input(name, u(1), "it is complete"));
    let ended = late(&m, "ended", done[0] | done[1] | done[2], "a unit was complete a cycle ago");
    active.when(begin, 1);
    active.when(ended | start, 0);
    for (op, unit) in &units {
        unit.when(begin, coming(*op));
        unit.when(ended | start, 0);
    }
    index.when(start, 0);
    index.when(dispatch.sig() & !over, index.q().wrapping_add(1));
    m.output("insn", u(256), "the instruction under way, or that waits, other than VECTOR").set(insn.q());
    m.unused("descriptors hold more than the sequencer reads", row_info);

    let starts =
        [("load", [Op::Load, Op::Gather]), ("matmul", [Op::Matmul; 2]), ("attention", [Op::Attn; 2])];
    let [_, _, attention_begins] = starts.map(|(name, ops)| {
        let pulse = m.reg(&format!("{name}_begins"), u(1), Some(0), "the unit starts");
        let either = if ops[0] == ops[1] { coming(ops[0]) } else { coming(ops[0]) | coming(ops[1]) };
        pulse.set(begin & either);
        m.output(&format!("start_{name}"), u(1), "one cycle: start the unit").set(pulse.q());
        pulse.q()
    });
    let loaded =
        m.input("attention_loaded", u(1), "no descriptor is left, from the cycle after the start on");
    let loaded = m.node("descriptors_taken", loads.q() & loaded & !attention_begins);
    loads.when(loaded, 0);
    loads.when(begin & coming(Op::Attn), 1);
    attending.when(loaded, field_of(insn.q(), field::BESIDE));
    attending.when(ended | start, 0);
    loads.when(ended | start, 0);
    if config.lends_units() {
        m.output("attention_works", u(1), "the attention unit is at work").set(current(Op::Attn));
    }
    route(&m, &p, owners, next.fetching);

    let row_error = m.delay("row_error", check_rows(&m, config, rows, row_info), "of the descriptors");
    let quiet = m.node("quiet", reader_idle & drained & topk_idle & vector.idle);
    state.from("IDLE").goto(start, "CHECK");
    state.from("CHECK").goto(row_error.any(), "FINISH").goto(m.u(1, 1), "PRIME");
    state.from("PRIME").goto(m.u(1, 1), "RUN");
    state.from("RUN").goto(over | cut | (dispatch.sig() & bad), "FINISH");
    state.from("FINISH").goto(quiet, "IDLE");
    m.output("program_start", u(1), "starts the step stream").set(state.is("CHECK") & !row_error.any());
    m.output("flush", u(1), "forgets the rest of the stream").set(state.is("FINISH"));
    m.output("busy", u(1), "a step is running").set(!state.is("IDLE"));
    m.output("done", u(1), "one cycle: the step has ended").set(state.is("FINISH") & quiet);

    let own = mux(
        state.is("CHECK"),
        row_error,
        mux(
            cut,
            m.u(8, ErrorCode::StreamEnd as u32),
            mux(dispatch.sig() & bad, m.u(8, ErrorCode::IllegalInstruction as u32), 0),
        ),
    );
    let own = m.node("own_error", own).doc("the sequencer's own error");
    let code = |code: ErrorCode, block: u32| m.u(16, code as u32 | block << 8);
    let memory = mux(read_error, code(ErrorCode::ReadResponse, 2), code(ErrorCode::WriteResponse, 3));
    let error = mux(own.any(), m.cat_lsb(&[own, m.u(8, 1)]), memory);
    let any = own.any() | read_error | write_error;
    m.output("error_valid", u(1), "one cycle: an error").set(late(&m, "error_known", any, "an error"));
    let error = m.delay("error", m.cat_lsb(&[error, index.q()]), "what and where");
    m.output("error_code", u(32), "code, block, instruction").set(error);
    count(&m, state, active.q(), [vector.works, vector.finishing | wait_store], current);
    if let Some(number) = vector.number {
        let number = mux(vector.works | vector.finishing, number, index.q());
        let unit = m.reg("unit_index", u(16), None, "instruction of the unit other than the vector unit");
        unit.when(begin, index.q());
        let number = mux(active.q(), unit.q(), number);
        m.output("activity_index", u(16), "instruction that this cycle belongs to").set(number);
    }
    m
}

/// A cycle later; 0 after reset.
fn late<'m>(m: &'m Module, name: &str, x: Sig<'m>, doc: &str) -> Sig<'m> {
    let reg = m.reg(name, u(1), Some(0), doc);
    reg.set(x);
    reg.q()
}

/// Gives the stream to the unit that owns it, else to the fetcher.
fn route<'m>(m: &'m Module, p: &Source<'m>, owners: [Sig<'m>; 3], fetching: Sig<'m>) {
    let mut ready = fetching;
    for (name, owner) in ["load_p", "matmul_p", "attention_p"].into_iter().zip(owners) {
        let out = m.stream_out(name, p.data.ty(), "payload");
        out.set(p.valid & owner, p.data);
        ready = ready | (owner & out.ready);
    }
    p.ready.set(ready);
}

/// One bit for each counter; from FETCH on exactly one of them in every busy cycle.
fn count<'m>(
    m: &'m Module,
    state: Fsm<'m>,
    active: Sig<'m>,
    [vector, store]: [Sig<'m>; 2],
    at_work: impl Fn(Op) -> Sig<'m>,
) {
    let input = |name: &str| m.input(name, u(1), "for the counters");
    let events = ["stream_beat", "data_beat", "write_beat"].map(input);
    let [matmul_beat, matmul_stream, matmul_codes, attention_data] =
        ["matmul_beat", "matmul_stream", "matmul_codes", "attention_data"].map(input);
    let busy = !state.is("IDLE");
    let (matmul, attention) = (at_work(Op::Matmul), at_work(Op::Attn));
    // a matrix that waits for codes waits for the vector unit
    let codes = m.node("codes_count", matmul & !matmul_beat & !matmul_stream & matmul_codes);
    let vector = m.node("vector_counts", vector & !active | codes);
    let store = m.node("store_counts", (store | state.is("FINISH")) & !vector & !active);
    let idle = busy & !active & !vector & !store;
    let bits = [
        busy,
        events[0],
        events[1],
        events[2],
        idle,
        at_work(Op::Load),
        at_work(Op::Gather),
        matmul & matmul_beat,
        matmul & !matmul_beat & matmul_stream,
        matmul & !matmul_beat & !matmul_stream & !codes,
        vector,
        attention & !attention_data,
        attention & attention_data,
        store,
    ];
    debug_assert_eq!(bits.len(), COUNTERS.len());
    m.output("count", u(bits.len() as u32), "counters that advance").set(m.cat_lsb(&bits));
}

#[cfg(test)]
mod tests;
