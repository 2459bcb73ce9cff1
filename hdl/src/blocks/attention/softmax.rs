//! The binary32 half of a slot: scores, weights and weight codes of one query head of one row, one token a cycle.
//!
//! ```text
//! score:   int -> float -> * key scale -> * query scale  -> one memory, maximum
//! weigh:   that memory -> - maximum -> exp2 -> * value scale -> the same, largest magnitude
//!                                        \-> fix24 -> sum
//! invert:  1 / max(largest, 2^-100) ---------> * 32767 -> inverse
//! code:    the other memory -----------------> * inverse -> int16 -> queue of codes, S tokens a word
//! ```
//!
//! Score, weigh and invert exclude each other; codes of the pass before are made beside the former two. Then the memories change
//! places. Nothing stalls: the `*_we` tags, which come from `weigh.rs` for all slots alike, say when a result is on its way past. A
//! token that the slot's row does not attend to has a marked score, a weight of zero and therefore a code of zero.
//!
//! In the smallest design all units but the third multiplier and `fix24` are those of the vector unit's lane
//! ([`lends_units`](sterna_spec::config::Config::lends_units)), behind ports.

use super::cycles::Cycles;
use super::scores::{READ, SCORE_BITS};
use super::shape::{Shape, later};
use crate::blocks::fp;
use crate::dsl::{Inst, MemStyle, Module, Sig, index_width, mux, s, u};
use sterna_spec::isa::{Func, TINY};

/// Bits of the narrowest integer that is converted.
const LEAST_INT: u32 = 26;
/// 32767, what the largest weight becomes.
const FULL_SCALE: f32 = 32767.0;

/// Ports with operands of units that the vector unit lends.
pub const OPERANDS: [&str; 10] = [
    "lent_sfu_x",
    "lent_sfu_func",
    "lent_add_a",
    "lent_add_b",
    "lent_first_a",
    "lent_first_b",
    "lent_second_a",
    "lent_second_b",
    "lent_float_value",
    "lent_quantize_x",
];
/// Ports with their results.
pub const RESULTS: [&str; 6] = [
    "lent_sfu_result",
    "lent_add_sum",
    "lent_first_product",
    "lent_second_product",
    "lent_float_result",
    "lent_quantize_value",
];

/// A binary32 unit: the slot's own, or one that is lent, behind ports `lent_<name>_<port of the unit>`.
enum Unit<'m> {
    Own(Inst<'m>),
    Lent(&'m Module, &'static str),
}

impl<'m> Unit<'m> {
    fn new(m: &'m Module, shape: &Shape, name: &'static str, module: impl Fn() -> Module) -> Self {
        match shape.lent_units {
            true => Unit::Lent(m, name),
            false => Unit::Own(m.instance(&format!("u_{name}"), module())),
        }
    }

    fn connect(&self, port: &str, x: Sig<'m>) {
        match self {
            Unit::Own(unit) => unit.connect(port, x),
            Unit::Lent(m, name) => {
                m.output(&format!("lent_{name}_{port}"), x.ty(), "operand of a lent unit").set(x);
            }
        }
    }

    fn out(&self, port: &str, bits: u32) -> Sig<'m> {
        match self {
            Unit::Own(unit) => unit.out(port),
            Unit::Lent(m, name) => m.input(&format!("lent_{name}_{port}"), u(bits), "result of a lent unit"),
        }
    }
}

/// Module `attention_softmax_*`.
pub(super) fn softmax(shape: &Shape) -> Module {
    let Shape { side, context, head_size, .. } = *shape;
    let m = Module::new(
        &format!("attention_softmax_s{side}_c{context}_d{head_size}"),
        "Scores, weights and weight codes of one query head of one row.",
    );
    let (pace, latency) = (shape.pace, shape.latency());
    let weigh = m.input("weigh", u(1), "scores become weights");
    let invert = m.input("invert", u(1), "the inverse of the largest weight");
    let (score, score_we) = (m.wire("score_float", u(32)), m.input("score_we", u(1), "a score arrives"));
    let (weight, weight_we) = (m.wire("weight", u(32)), m.input("weight_we", u(1), "a weight arrives"));
    let write = token(&m, shape, "write_token", "token whose score or weight arrives");
    let real = real(&m, shape, write);
    let word = m.cat_lsb(&[mux(weigh, weight.sig(), score.sig()), real]);
    m.output("word", u(SCORE_BITS), "score or weight that arrives, and whether the token counts").set(word);
    let old =
        m.input("old_score", u(SCORE_BITS), "score of the token that is weighed, and whether it counts");
    let old_weight = m.input("old_weight", u(32), "weight of the token whose code is made");

    // whether the token counts, beside its power of two, fixed-point weight and weight
    let real_power = later(&m, "real_power", old.bit(32), Cycles::of(shape).weigh_to_scale - READ);
    let real_fixed = later(&m, "real_fixed", real_power, latency.fix24);
    let real_weight = later(&m, "real_weight", real_fixed, latency.mul - latency.fix24);
    let clear_sums = m.input("clear_sums", u(1), "no weight yet");
    let largest = largest(&m, clear_sums, weight_we, weight.sig());
    let sfu = Unit::new(&m, shape, "sfu", || fp::sfu(pace));
    let power = sfu.out("result", 32);
    let difference = Unit::new(&m, shape, "add", || fp::add(pace));
    difference.connect("a", old.bits(0, 32));
    difference.connect("b", maximum(&m, score_we & real, score.sig()));
    let bound = m.delay("bound", fp::max_num(largest, m.u(32, TINY.to_bits())), "what is inverted");
    sfu.connect("x", mux(invert, bound, difference.out("sum", 32)));
    sfu.connect("func", mux(invert, m.u(3, Func::Recip as u32), m.u(3, Func::Exp2 as u32)));
    let total = sum(&m, shape, clear_sums, power, real_fixed);

    let first = Unit::new(&m, shape, "first", || fp::mul(pace));
    let float = convert(&m, shape, invert, total);
    first.connect("a", mux(weigh, power, float));
    first.connect("b", m.input("scale", u(32), "scale of the token's key or value"));
    let (once, twice) = (first.out("product", 32), Unit::new(&m, shape, "second", || fp::mul(pace)));
    weight.set(once & real_weight.repeat(32));
    twice.connect("a", once);
    twice.connect("b", query_scale(&m));
    score.set(twice.out("product", 32));
    let third = m.instance("u_third", fp::mul(pace));
    let inverting = m.input("inverting", u(1), "the reciprocal's turn to be multiplied");
    let inverse = m.reg("inverse", u(32), None, "what a weight is multiplied by to become a code");
    let inverted = m.input("inverse_we", u(1), "the inverse is there");
    inverse.when(inverted, third.out("product"));
    if shape.lent_units {
        // the sum was its operand for as long
        let total = m.reg("total_float", u(32), None, "sum of the weights");
        total.when(inverted, float);
        m.output("total", u(32), "sum of the weights, binary32").set(total.q());
    }
    third.connect("a", mux(inverting, power, old_weight));
    third.connect("b", mux(inverting, m.u(32, FULL_SCALE.to_bits()), inverse.q()));
    codes(&m, shape, third.out("product"));
    m
}

fn token<'m>(m: &'m Module, shape: &Shape, name: &str, doc: &str) -> Sig<'m> {
    m.input(name, u(shape.token_bits()), doc)
}

/// 1 when the slot's row attends to `token`.
fn real<'m>(m: &'m Module, shape: &Shape, token_now: Sig<'m>) -> Sig<'m> {
    let we = m.input("span_we", u(1), "writes the tokens that the row attends to");
    let kept = |name: &str, doc: &str| {
        let kept = m.reg(&format!("{name}_kept"), u(shape.token_bits()), None, doc);
        kept.when(we, token(m, shape, name, doc));
        kept.q()
    };
    let (first, last) = (kept("span_first", "first of them"), kept("span_last", "last of them"));
    (token_now.ge(first) & token_now.le(last)).named("counts")
}

/// Bits of `total`.
pub(super) fn total_bits(shape: &Shape) -> u32 {
    if shape.lent_units { 32 } else { fixed_sum_bits(shape) }
}

/// Bits of the integers that are converted.
pub(super) fn float_bits(shape: &Shape) -> u32 {
    let total = if shape.lent_units { fixed_sum_bits(shape) } else { 0 };
    shape.score_bits().max(total).max(LEAST_INT)
}

/// Bits of the sum of the fixed-point weights, as a signed number.
fn fixed_sum_bits(shape: &Shape) -> u32 {
    26 + shape.token_bits()
}

/// The largest score in IEEE total order, negated.
fn maximum<'m>(m: &'m Module, we: Sig<'m>, score: Sig<'m>) -> Sig<'m> {
    let clear = m.input("clear_max", u(1), "no score yet");
    // unsigned order of the keys is total order of the numbers; key 0 lies below all scores
    let magnitude = score.bits(0, 31);
    let key = m.cat_lsb(&[magnitude ^ score.msb().repeat(31), !score.msb()]).named("score_key");
    let max = m.reg("max_key", u(32), None, "key of the largest score");
    max.when(clear, 0);
    max.when(we & key.gt(max.q()), key);
    let positive = max.q().msb();
    let negative = m.cat_lsb(&[max.q().bits(0, 31) ^ (!positive).repeat(31), positive]);
    // complete before the first score is read
    m.delay("negative_max", negative, "the largest score, negated")
}

/// The largest magnitude of a weight.
fn largest<'m>(m: &'m Module, clear: Sig<'m>, we: Sig<'m>, weight: Sig<'m>) -> Sig<'m> {
    let magnitude = weight.bits(0, 31);
    let largest = m.reg("largest_magnitude", u(31), None, "largest magnitude of a weight");
    largest.when(clear, 0);
    largest.when(we & magnitude.gt(largest.q()), magnitude);
    let out = largest.q().zext(32);
    m.output("largest", u(31), "largest magnitude of a weight, binary32").set(largest.q());
    out
}

/// The sum of the fixed-point weights.
fn sum<'m>(m: &'m Module, shape: &Shape, clear: Sig<'m>, power: Sig<'m>, real: Sig<'m>) -> Sig<'m> {
    let we = m.input("fixed_we", u(1), "a fixed-point weight arrives");
    let fixed = m.instance("u_fix24", fp::fix24(shape.pace));
    fixed.connect("p", power);
    let bits = fixed_sum_bits(shape);
    let sum = m.reg("sum", u(bits), None, "sum of the fixed-point weights");
    sum.when(clear, 0);
    sum.when(we & real, sum.q().wrapping_add(fixed.out("fixed").zext(bits)));
    if !shape.lent_units {
        m.output("total", u(bits), "sum of the fixed-point weights").set(sum.q());
    }
    sum.q()
}

/// Scores as binary32; in the smallest design the sum of weights too, while the largest is inverted.
fn convert<'m>(m: &'m Module, shape: &Shape, invert: Sig<'m>, total: Sig<'m>) -> Sig<'m> {
    let score = m.input("score", s(shape.score_bits()), "sum of products of query and key");
    let bits = float_bits(shape);
    let int = Unit::new(m, shape, "float", || fp::int_to_f32(bits, shape.pace));
    let score = score.resize(bits);
    int.connect(
        "value",
        if shape.lent_units { mux(invert, total.resize(bits).as_signed(), score) } else { score },
    );
    int.out("result", 32)
}

fn query_scale(m: &Module) -> Sig<'_> {
    let we = m.input("query_scale_we", u(1), "writes the query scale");
    let scale = m.reg("query_scale", u(32), None, "scale of the query");
    scale.when(we, m.input("query_scale_data", u(32), "scale of the query, binary32"));
    scale.q()
}

/// Codes of weights, S a word, waiting for their beats of V.
fn codes(m: &Module, shape: &Shape, scaled: Sig) {
    let words = Cycles::of(shape).queue();
    let at_bits = index_width(words);
    let we = m.input("code_we", u(1), "the codes of S tokens are complete");
    let write = m.input("code_write", u(at_bits), "their place in the queue");
    let read = m.input("code_read", u(at_bits), "place of the codes wanted");
    let quantize = Unit::new(m, shape, "quantize", || fp::f32_to_int(16, shape.pace));
    quantize.connect("x", scaled);
    let code = quantize.out("value", 16).as_unsigned();
    let word = if shape.side == 1 {
        code
    } else {
        let bits = 16 * shape.side as u32;
        let before = m.reg("codes_before", u(bits - 16), None, "codes of the tokens before");
        let word = m.cat_lsb(&[before.q(), code]);
        before.set(word.bits(16, bits - 16));
        word
    };
    let queue = m.mem("queue", 16 * shape.side as u32, words, MemStyle::Lut, "codes of S tokens");
    queue.write(we, write, word);
    m.output("codes", u(16 * shape.side as u32), "codes of S tokens").set(queue.read_async("front", read));
}
