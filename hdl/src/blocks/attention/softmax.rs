//! The binary32 half of a slot: scores, weights and weight codes of one query head, one token a cycle.
//!
//! ```text
//! score:   int -> float -> * key scale -> * query scale  -> score memory, maximum
//! weigh:   score memory -> - maximum -> exp2 -> * value scale -> the same memory, largest magnitude
//!                                        \-> fix24 -> sum
//! invert:  32767 * recip(max(largest, 2^-100)); float(sum)
//! code:    weight memory -> * inverse -> int16 -> queue of codes, S tokens a word
//! ```
//!
//! The phases exclude each other, so two multipliers, one converter and one function unit serve all of them. Nothing stalls:
//! the `*_we` tags, which come from `control.rs` for all slots alike, say when a result is on its way past.

use super::shape::Shape;
use crate::blocks::fp;
use crate::dsl::{MemStyle, Module, Sig, index_width, mux, s, u};
use sterna_spec::isa::{Func, TINY};

/// Cycles from a score's integer to the multiplication by the key scale.
pub(super) const SCORE_TO_SCALE: u32 = fp::INT_TO_F32_LATENCY;
/// Cycles from a score's integer to the score.
pub(super) const SCORE: u32 = SCORE_TO_SCALE + 2 * fp::MUL_LATENCY;
/// Cycles from reading a score or weight to its register.
const READ: u32 = 2;
/// Cycles from reading a score to its power of two, which is multiplied by the value scale.
pub(super) const WEIGH_TO_SCALE: u32 = READ + fp::ADD_LATENCY + fp::SFU_LATENCY;
/// Cycles from reading a score to the fixed-point weight.
pub(super) const WEIGH_TO_SUM: u32 = WEIGH_TO_SCALE + fp::FIX24_LATENCY;
/// Cycles from reading a score to the weight.
pub(super) const WEIGH: u32 = WEIGH_TO_SCALE + fp::MUL_LATENCY;
/// Cycles from the largest weight to its inverse.
pub(super) const INVERT: u32 = 1 + fp::SFU_LATENCY + fp::MUL_LATENCY;
/// Cycles from reading a weight to its code.
pub(super) const CODE: u32 = READ + fp::MUL_LATENCY + fp::F32_TO_INT_LATENCY;
/// Words of the queue of codes: as many as are on their way, and some.
pub(super) const QUEUE: usize = (CODE as usize + 4).next_power_of_two();

/// 32767, what the largest weight becomes.
const FULL_SCALE: f32 = 32767.0;

/// Module `attention_softmax_*`.
pub(super) fn softmax(shape: &Shape) -> Module {
    let Shape { side, context, head_size, .. } = *shape;
    let m = Module::new(
        &format!("attention_softmax_s{side}_c{context}_d{head_size}"),
        "Scores, weights and weight codes of one query head.",
    );
    let phases = Phases {
        weigh: m.input("weigh", u(1), "phase: scores become weights"),
        invert: m.input("invert", u(1), "phase: the inverse of the largest weight"),
        value: m.input("value", u(1), "phase: weights become codes"),
    };
    let (score, score_we) = (m.wire("score_float", u(32)), m.input("score_we", u(1), "a score arrives"));
    let (weight, weight_we) = (m.wire("weight", u(32)), m.input("weight_we", u(1), "a weight arrives"));
    let read = m.input("read_token", u(shape.token_bits()), "token whose score or weight is read");
    let write = m.input("write_token", u(shape.token_bits()), "token whose score or weight arrives");
    let memory = m.mem("tokens", 32, shape.context, MemStyle::Block, "scores, then weights");
    memory.write(score_we | weight_we, write, mux(phases.weigh, weight.sig(), score.sig()));
    let old = memory.read("token", read, m.u(1, 1));
    let old = m.delay("old", old, "score or weight of the token");

    let clear_sums = m.input("clear_sums", u(1), "no weight yet");
    let largest = largest(&m, clear_sums, weight_we, weight.sig());
    let sfu = m.instance("u_sfu", fp::sfu());
    let power = sfu.out("result");
    let difference = m.instance("u_add", fp::add());
    difference.connect("a", old);
    difference.connect("b", maximum(&m, score_we, score.sig()));
    let bound = m.delay("bound", fp::max_num(largest, m.u(32, TINY.to_bits())), "what is inverted");
    sfu.connect("x", mux(phases.invert, bound, difference.out("sum")));
    sfu.connect("func", mux(phases.invert, m.u(3, Func::Recip as u32), m.u(3, Func::Exp2 as u32)));

    let sum = sum(&m, shape, clear_sums, power);
    let first = m.instance("u_first", fp::mul());
    first.connect("a", mux(phases.weigh, power, convert(&m, shape, phases.invert, sum)));
    first.connect("b", m.input("scale", u(32), "scale of the token's key or value"));
    let (once, twice) = (first.out("product"), m.instance("u_second", fp::mul()));
    weight.set(once);
    score.set(twice.out("product"));
    let inverse = m.reg("inverse", u(32), None, "what a weight is multiplied by to become a code");
    inverse.when(phases.invert, twice.out("product"));
    let factor = mux(phases.value, inverse.q(), query_scale(&m));
    twice.connect("a", mux(phases.invert, power, mux(phases.value, old, once)));
    twice.connect("b", mux(phases.invert, m.u(32, FULL_SCALE.to_bits()), factor));
    codes(&m, shape, twice.out("product"));
    m
}

/// Bits of the sum of the fixed-point weights, as a signed number.
fn fixed_sum_bits(shape: &Shape) -> u32 {
    26 + shape.token_bits()
}

struct Phases<'m> {
    weigh: Sig<'m>,
    invert: Sig<'m>,
    value: Sig<'m>,
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
    m.cat_lsb(&[max.q().bits(0, 31) ^ (!positive).repeat(31), positive]).named("negative_max")
}

/// The largest magnitude of a weight.
fn largest<'m>(m: &'m Module, clear: Sig<'m>, we: Sig<'m>, weight: Sig<'m>) -> Sig<'m> {
    let magnitude = weight.bits(0, 31);
    let largest = m.reg("largest_magnitude", u(31), None, "largest magnitude of a weight");
    largest.when(clear, 0);
    largest.when(we & magnitude.gt(largest.q()), magnitude);
    let out = largest.q().zext(32);
    m.output("largest", u(32), "largest magnitude of a weight, binary32").set(out);
    out
}

/// The sum of the fixed-point weights.
fn sum<'m>(m: &'m Module, shape: &Shape, clear: Sig<'m>, power: Sig<'m>) -> Sig<'m> {
    let we = m.input("fixed_we", u(1), "a fixed-point weight arrives");
    let fixed = m.instance("u_fix24", fp::fix24());
    fixed.connect("p", power);
    let sum = m.reg("sum", s(fixed_sum_bits(shape)), None, "sum of the fixed-point weights");
    sum.when(clear, 0);
    sum.when(we, sum.q().wrapping_add(fixed.out("fixed").zext(fixed_sum_bits(shape)).as_signed()));
    sum.q()
}

/// Scores, and in the phase `invert` the sum, as binary32.
fn convert<'m>(m: &'m Module, shape: &Shape, invert: Sig<'m>, sum: Sig<'m>) -> Sig<'m> {
    let score = m.input("score", s(shape.score_bits()), "sum of products of query and key");
    let bits = shape.score_bits().max(fixed_sum_bits(shape));
    let int = m.instance("u_float", fp::int_to_f32(bits));
    int.connect("value", mux(invert, sum.resize(bits), score.resize(bits)));
    let sum = m.reg("sum_float", u(32), None, "sum of the weights");
    sum.when(invert, int.out("result"));
    m.output("total", u(32), "sum of the weights, binary32").set(sum.q());
    int.out("result")
}

fn query_scale(m: &Module) -> Sig<'_> {
    let we = m.input("query_scale_we", u(1), "writes the query scale");
    let scale = m.reg("query_scale", u(32), None, "scale of the query");
    scale.when(we, m.input("query_scale_data", u(32), "scale of the query, binary32"));
    scale.q()
}

/// Codes of weights, S a word, waiting for their beats of V.
fn codes(m: &Module, shape: &Shape, scaled: Sig) {
    let at_bits = index_width(QUEUE);
    let we = m.input("code_we", u(1), "the codes of S tokens are complete");
    let write = m.input("code_write", u(at_bits), "their place in the queue");
    let read = m.input("code_read", u(at_bits), "place of the codes wanted");
    let quantize = m.instance("u_quantize", fp::f32_to_int(16));
    quantize.connect("x", scaled);
    let code = quantize.out("value").as_unsigned();
    let word = if shape.side == 1 {
        code
    } else {
        let real = m.input("code_real", u(1), "the token is in the window");
        let bits = 16 * shape.side as u32;
        let before = m.reg("codes_before", u(bits - 16), None, "codes of the tokens before");
        let word = m.cat_lsb(&[before.q(), code & real.repeat(16)]);
        before.set(word.bits(16, bits - 16));
        word
    };
    let queue = m.mem("queue", 16 * shape.side as u32, QUEUE, MemStyle::Lut, "codes of S tokens");
    queue.write(we, write, word);
    m.output("codes", u(16 * shape.side as u32), "codes of S tokens").set(queue.read_async("front", read));
}
