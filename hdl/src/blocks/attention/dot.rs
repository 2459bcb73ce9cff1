//! The integer half of a slot: S x U multipliers that serve K and V, the sums of scores and the sums of values.
//!
//! ```text
//! cycle 0    beat taken: operands looked up    query codes of the segment (K), the tokens' weight codes (V)
//!       1    operands, beat                    int16, int8
//!       3+G  sums of chains of G products
//!       .    adder tree over U/G               sum of a segment   --> + --> score of each of the S tokens
//!       .    adder tree over S/G               sum of side tokens --> + --> sum[segment][u]
//! ```
//!
//! At a slow clock neither the operands that were looked up nor the products wait in registers: all of it is two cycles less.
//! The trees hold a register after every second level. A sum of values is read, added to and written in one cycle, so any
//! number of segments goes at full speed.

use super::chain::{self, Chain, chains};
use super::shape::Shape;
use crate::blocks::staged;
use crate::dsl::{MemStyle, Module, Sig, index_width, s, u};

/// Cycles from a beat of K to the sums of its tokens, of V to those of its bytes.
pub(super) fn latencies(shape: &Shape) -> [u32; 2] {
    let links = chain::links(shape);
    [shape.width, shape.side].map(|terms| chain::latency(shape) + tree_latency(terms / links))
}

/// Registers of an adder tree over `terms`.
fn tree_latency(terms: usize) -> u32 {
    terms.ilog2().div_ceil(2)
}

/// Module `attention_dot_*`.
pub(super) fn dot(shape: &Shape) -> Module {
    let Shape { beat_bytes, width, lanes, head_size, context, .. } = *shape;
    let name = format!("attention_dot_b{beat_bytes}_u{width}_v{lanes}_d{head_size}_c{context}");
    let m = Module::new(&name, "Multipliers and integer sums of one query head.");
    let sums = chain::sums(&m, shape, operands(&m, shape));
    scores(&m, shape, &sums);
    values(&m, shape, &sums);
    m
}

/// A query code for each byte and a weight code for each token, a cycle after the beat was taken; those that it does not need are zero.
fn operands<'m>(m: &'m Module, shape: &Shape) -> [Vec<Sig<'m>>; 2] {
    let segment = m.input("segment", u(shape.segment_bits()), "segment of the beat");
    let value = m.input("value", u(1), "the beat is one of V");
    let codes = m.input("weight_codes", u(16 * shape.side as u32), "codes of the beat's S tokens");
    let query = query_codes(m, shape, segment);
    let each = |name: &str, of: Sig<'m>, none: Sig<'m>| -> Vec<Sig<'m>> {
        let code = |(i, x): (usize, &Sig<'m>)| {
            staged(m, shape.slow(), &format!("{name}_s{i}"), none.mux(m.s(16, 0), x.as_signed()), "")
        };
        of.words(16).iter().enumerate().map(code).collect()
    };
    [each("query_code", query, value), each("weight_code", codes, !value)]
}

/// The query codes of a segment, from the slot's own memory.
fn query_codes<'m>(m: &'m Module, shape: &Shape, segment: Sig<'m>) -> Sig<'m> {
    let parts = shape.parts() as u32;
    let we = m.input("code_we", u(1), "writes query codes");
    let at = m.input("code_segment", u(shape.segment_bits()), "their segment");
    let part = m.input("code_part", u(parts), "their place in the segment, one-hot");
    let data = m.input("code_data", u(16 * shape.lanes as u32), "V int16 codes");
    let bits = 16 * shape.width as u32;
    let memory = m.mem("query", bits, shape.segments().max(2), MemStyle::Lut, "query codes by segment");
    memory.write_lanes(part & we.repeat(parts), at, data.repeat(parts));
    memory.read_async("query_codes", segment)
}

/// The sum of all terms, `tree_latency` cycles later.
fn tree<'m>(m: &'m Module, name: &str, terms: &[Sig<'m>]) -> Sig<'m> {
    let pairs = |terms: &[Sig<'m>]| -> Vec<Sig<'m>> {
        terms.chunks(2).map(|c| if c.len() == 2 { c[0] + c[1] } else { c[0] }).collect()
    };
    let mut terms = terms.to_vec();
    for level in 1..=tree_latency(terms.len()) {
        let sums = pairs(&pairs(&terms));
        let register = |(i, sum): (usize, &Sig<'m>)| m.delay(&format!("{name}_t{level}_{i}"), *sum, "");
        terms = sums.iter().enumerate().map(register).collect();
    }
    terms[0]
}

/// `x`, but zero with `zero`: in front of an adder it takes no look-up tables of its own.
fn unless<'m>(zero: Sig<'m>, x: Sig<'m>) -> Sig<'m> {
    (x.as_unsigned() & (!zero).repeat(x.width())).as_signed()
}

/// Sums of the chains that `chosen` chooses.
fn of<'m>(shape: &Shape, sums: &[Sig<'m>], chosen: impl Fn(&Chain) -> bool) -> Vec<Sig<'m>> {
    let all = chains(shape).into_iter().zip(sums);
    all.filter(|(chain, _)| chosen(chain)).map(|(_, sum)| *sum).collect()
}

fn scores(m: &Module, shape: &Shape, sums: &[Sig]) {
    let ty = s(shape.score_bits());
    let we = m.input("key_we", u(1), "adds a segment to the scores");
    let first = m.input("key_first", u(1), "it is the first segment");
    let serial = (shape.side > 1).then(|| m.input("score_load", u(1), "the scores are complete"));
    let score = m.output("score", ty, "score of one token after the other");
    let total = |side: usize| {
        let terms = of(shape, sums, |chain| chain.side == side);
        let sum = tree(m, &format!("key_s{side}"), &terms).resize(ty.width);
        let total = m.reg(&format!("score_s{side}"), ty, None, "sum over the segments");
        total.when(we, sum.wrapping_add(unless(first, total.q())));
        total.q()
    };
    let totals: Vec<Sig> = (0..shape.side).map(total).collect();
    let Some(load) = serial else {
        score.set(totals[0]);
        return;
    };
    // tokens leave lane by lane
    let mut behind: Option<Sig> = None;
    for (side, total) in totals.iter().enumerate().rev() {
        let lane = m.reg(&format!("lane_s{side}"), ty, None, "score on its way out");
        lane.set(load.mux(*total, behind.unwrap_or(*total)));
        behind = Some(lane.q());
    }
    if let Some(front) = behind {
        score.set(front);
    }
}

fn values(m: &Module, shape: &Shape, sums: &[Sig]) {
    let (parts, lanes) = (shape.parts(), shape.lanes);
    let we = m.input("value_we", u(1), "adds to the sums");
    let first = m.input("value_first", u(1), "of the first tokens");
    let segment = m.input("value_segment", u(shape.segment_bits()), "segment added to, or read");
    let word = m.output(
        "sum_word",
        u(shape.sum_bits() * lanes as u32),
        "V sums, a cycle after their segment and part",
    );
    let sum = |byte: usize| {
        let terms = of(shape, sums, |chain| chain.byte == byte);
        let addend = tree(m, &format!("value_u{byte}"), &terms).resize(shape.sum_bits());
        let name = format!("sums_u{byte}");
        let memory =
            m.mem(&name, shape.sum_bits(), shape.segments().max(2), MemStyle::Lut, "sums by segment");
        let old = memory.read_async(&format!("old_u{byte}"), segment);
        let new = addend.wrapping_add(unless(first, old.as_signed()));
        memory.write(we, segment, m.node(&format!("new_u{byte}"), new));
        old
    };
    let sums: Vec<Sig> = (0..shape.width).map(sum).collect();
    let words: Vec<Sig> = sums.chunks(lanes).map(|c| m.cat_lsb(c)).collect();
    let chosen = if parts == 1 {
        words[0]
    } else {
        let part = m.input("sum_part", u(index_width(parts)), "part of the segment read");
        let arms: Vec<(usize, Sig)> = words.iter().copied().enumerate().skip(1).collect();
        part.case(&arms, words[0])
    };
    word.set(m.delay("chosen_sums", chosen, "on their way to the ATT memory"));
}
