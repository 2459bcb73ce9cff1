//! Which rows take a pass together: neighbours of one sequence, as many as there are slots for.
//!
//! ```text
//! passes, row_info --> row after row --> joins those before it, or begins a planned pass
//!                                            \--> LUT RAM of planned passes --> fetch, control, query
//! ```
//!
//! | state | |
//! |---|---|
//! | PASS | the descriptor is there: its KV head, the rows that fit |
//! | READ | the next row's position and KV base |
//! | JUDGE | the row joins if it has the same KV base and the next position |
//! | EMIT | the pass is planned |
//!
//! A pass is planned for all rows before the next. K and V come once for the rows that are together, from the first token that the
//! first of them attends to up to the last row's own.

use super::passes::KV_HEAD_BITS;
use super::shape::{
    COUNT_BITS, NUMBER_BITS, PASS_BITS, PASS_COUNT_BITS, PAST_BITS, PLAN_BITS, PLANNED, Shape,
};
use crate::blocks::place_of;
use crate::dsl::{MemStyle, Module, Sig, cat_lsb, u};

/// Module `attention_plan_*`.
pub(super) fn plan(shape: &Shape) -> Module {
    let Shape { rows, slots, context, .. } = *shape;
    let m = Module::new(
        &format!("attention_plan_p{rows}_q{slots}_c{context}"),
        "Which rows take a pass together.",
    );
    let start = m.input("start", u(1), "an instruction starts");
    let active = m.input("rows", u(5), "active rows");
    let passes = m.input("passes", u(PASS_COUNT_BITS), "passes of each row");
    let loaded = m.input("loaded", u(PASS_COUNT_BITS), "descriptors that can be read");
    let some = passes.ne(0) & active.ne(0);

    let state = m.fsm("state", &["IDLE", "PASS", "READ", "JUDGE", "EMIT"], "see above");
    let pass = m.reg("pass_now", u(PASS_BITS), None, "pass");
    m.output("pass", u(PASS_BITS), "descriptor wanted").set(pass.q());
    let cursor = m.reg("cursor", u(5), None, "row that is next");
    let all_rows = m.node("all_rows", cursor.q().eq(active));
    let last_pass = m.node("last_pass", (pass.q() + 1u8).eq(passes));
    let begins = m.node("begins", state.is("PASS") & loaded.gt(pass.q()));
    let (joins, emits) = (m.wire("joins", u(1)), m.wire("emits", u(1)));
    pass.when(start, 0);
    pass.when(emits.sig() & all_rows, pass.q().wrapping_add(1));
    cursor.when(begins, 0);
    cursor.when(joins.sig(), cursor.q().wrapping_add(1));
    state.from("IDLE").goto(start & some, "PASS");
    state.from("PASS").goto(begins, "READ");
    state.from("READ").goto(all_rows, "EMIT").goto(m.u(1, 1), "JUDGE");
    state.from("JUDGE").goto(joins.sig(), "READ").goto(m.u(1, 1), "EMIT");
    let emit = state.from("EMIT").goto(emits.sig() & !all_rows, "JUDGE");
    emit.goto(emits.sig() & !last_pass, "PASS").goto(emits.sig(), "IDLE");

    // the row that is next
    let at = cursor.q().bits(0, shape.row_bits());
    let only = rows == 1;
    let read = |name: &str, [bits, used]: [u32; 2], doc: &str| {
        let all = m.input(name, u(bits * rows as u32), doc);
        let now = place_of(all.word_dyn(at, bits), used);
        if only {
            return now;
        }
        let one = m.reg(&format!("{name}_read"), u(used), None, doc);
        one.when(state.is("READ"), now);
        one.q()
    };
    let position = read("positions", [shape.token_bits(); 2], "position of each row");
    let base = read("kv_bases", [32, shape.place], "first beat of each row's cache");
    // the rows that are together
    let joined = m.reg("rows_joined", u(shape.group_rows_bits()), None, "rows that are together");
    let none = m.node("no_rows_yet", joined.q().eq(0));
    let kept = |name: &str, when: Sig<'_>, value: Sig<'_>, doc: &str| {
        let r = m.reg(name, value.ty(), None, doc);
        r.when(when, value);
        r.q()
    };
    let opens = joins.sig() & none;
    let opens = if only { opens } else { m.node("opens", opens) };
    // an only row is the first and the last
    let of_row = |name: &str, when, value, doc: &str| {
        if only { value } else { kept(name, when, value, doc) }
    };
    let row = of_row("first_row", opens, if only { m.u(at.width(), 0) } else { at }, "the first of them");
    let begin = of_row("first_position", opens, position, "its position");
    let same_base = of_row("base", opens, base, "its KV base");
    let end = of_row("last_position", joins.sig(), position, "the last one's position");
    let count = m.input("count", u(COUNT_BITS), "query heads of the pass");
    let fit = kept("fitting", begins, fitting(&m, shape, count), "rows that there are slots for");
    let follows = base.eq(same_base) & position.ext(shape.token_bits() + 1).eq(end + 1u8);
    joins.set(state.is("JUDGE") & (none | follows & joined.q().ne(fit)));
    joined.when(begins | emits.sig(), 0);
    joined.when(joins.sig(), joined.q().wrapping_add(1));

    let past = m.input("past", u(PAST_BITS), "tokens of the window before the row's own");
    let first = m.delay("first", shape.first_token(begin, past), "first token of the first of them");
    let kv_head = m.input("kv_head", u(KV_HEAD_BITS), "KV head of the pass");
    let kv_head = kept("kept_kv_head", begins, kv_head, "KV head of the pass");
    let count = kept("kept_count", begins, count, "query heads of the pass");
    let word = [same_base, kv_head, first, end, pass.q(), row, joined.q(), count];
    let over = m.input("over", u(NUMBER_BITS), "passes whose V is over");
    let planned = m.reg("planned_count", u(NUMBER_BITS), Some(0), "passes planned so far");
    emits.set(state.is("EMIT") & planned.q().wrapping_sub(over).ne(PLANNED));
    planned.when(start, 0);
    planned.when(emits.sig(), planned.q().wrapping_add(1));
    m.output("planned", u(NUMBER_BITS), "passes that are planned").set(planned.q());
    let complete = m.reg("all_planned", u(1), Some(0), "no more passes will be planned");
    complete.when(start, !some);
    complete.when(emits.sig() & all_rows & last_pass, 1);
    m.output("complete", u(1), "no more passes will be planned").set(complete.q());
    memory(&m, emits.sig(), planned.q().bits(0, PLAN_BITS), &word);
    m
}

fn fitting<'m>(m: &'m Module, shape: &Shape, heads: Sig<'m>) -> Sig<'m> {
    let bits = shape.group_rows_bits();
    let arms: Vec<_> = (1..=shape.slots).map(|n| (n, m.u(bits, shape.slots / n))).collect();
    heads.case(&arms, m.u(bits, 1))
}

/// The planned passes: a word's fields, and who reads which of them.
fn memory<'m>(m: &'m Module, we: Sig<'m>, at: Sig<'m>, word: &[Sig<'m>]) {
    let fields = [
        ("base", "KV base", "fetch"),
        ("kv_head", "KV head", "fetch"),
        ("first", "first token", "fetch step"),
        ("last", "last token", "fetch step query"),
        ("pass", "descriptor", "step query"),
        ("row", "first row", "step query"),
        ("rows", "number of rows", "step query"),
        ("count", "query heads of each row", "step query"),
    ];
    let whole = cat_lsb(word);
    let memory = m.mem("planned_passes", whole.width(), PLANNED, MemStyle::Lut, "planned passes");
    memory.write(we, at, whole);
    for reader in ["fetch", "step", "query"] {
        let number = m.input(&format!("{reader}_number"), u(NUMBER_BITS), "number of the pass to read");
        m.unused("the plan is a ring", number.msb());
        let read = memory.read_async(&format!("{reader}_word"), number.bits(0, PLAN_BITS));
        let mut lo = 0;
        for ((name, doc, readers), field) in fields.iter().zip(word) {
            let part = read.bits(lo, field.width());
            lo += field.width();
            if readers.contains(reader) {
                m.output(&format!("{reader}_{name}"), field.ty(), doc).set(part);
            } else {
                m.unused("others read this", part);
            }
        }
    }
}
