//! Cycles of a VECTOR: the words that are issued, the pipeline behind them, the sum of squares, and what leaves the unit.

use sterna_hdl::blocks::matmul;
use sterna_hdl::blocks::vector::Cycles;
use sterna_spec::config::Config;
use sterna_spec::isa::{AKind, DstKind, Func, MKind, Vector, ZOp};
use sterna_spec::numbers::PARTIAL_SUMS;

/// Cycles between two VECTORs beside words and pipeline: the queue, the fields, the first word, the report of the end.
const AROUND: f64 = 5.0;
/// From a slot to its operand.
const OPERAND: u32 = 3;
/// Cycles of the head's codes and keys and values on their way to memory, the quiet cycles of the last beat included.
const STORE: f64 = 21.0;
/// From a selection's last word to its end.
const SELECT: f64 = 6.0;
/// Cycles of a candidate beside the places that it passes.
const WALK: f64 = 4.0;

/// What a VECTOR takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// Cycles in which words are issued.
    pub issue: f64,
    /// Cycles until the next VECTOR can begin.
    pub all: f64,
    /// Share of the cycles of `issue` in which the engine takes no beat, because its accumulators are read.
    pub reads: f64,
    /// Results leave for memory.
    pub stores: bool,
    /// Cycles from the first word to its result, and from then to the next word's.
    pub word: (f64, f64),
}

/// Cycles of `v`; `rows` of the step, of which `asking` ask for logits.
pub(super) fn cost(c: &Config, v: &Vector, rows: usize, asking: usize) -> Cost {
    let taking = (if v.head { asking } else { rows }) as f64;
    let words = f64::from(v.n) * f64::from(v.rep);
    let acc = v.a_kind == AKind::Acc;
    let away = matches!(v.dst_kind, DstKind::Kv | DstKind::KvScale | DstKind::Topk | DstKind::Logits);
    let word_cycles = f64::from(matmul::word_cycles(c));
    let gap = match (away, acc, v.reduce_sum.is_some()) {
        (true, ..) => 0.0,
        (_, true, _) => word_cycles - 1.0,
        (_, _, true) => f64::from(interval(c)) - 1.0,
        _ => 0.0,
    };
    let issue = if taking == 0.0 { 1.0 } else { words * (taking + gap) - gap };
    let behind = if v.reduce_sum.is_some() && !v.part { sum(c, rows as f64) } else { pipeline(c, v) };
    let leaving = match v.dst_kind {
        DstKind::Kv | DstKind::KvScale | DstKind::Logits => STORE,
        DstKind::Topk => SELECT + (candidates(c, v, taking, words) - issue).max(0.0),
        _ => 0.0,
    };
    let reads = if acc { word_cycles / (taking + gap).max(1.0) } else { 0.0 };
    let stores = matches!(v.dst_kind, DstKind::Kv | DstKind::KvScale | DstKind::Logits);
    let word = (front(c, v) + behind, taking + gap);
    Cost { issue, all: issue + AROUND + front(c, v) + behind + leaving, reads, stores, word }
}

/// Cycles from one word of a row to the next while squares are summed.
fn interval(c: &Config) -> u32 {
    (Cycles::of(c).round + 1).div_ceil(PARTIAL_SUMS as u32 / c.lanes)
}

/// Cycles before the factor: accumulators are gathered, integers converted.
fn front(c: &Config, v: &Vector) -> f64 {
    let gather = if v.a_kind == AKind::Acc { matmul::gather_latency(c) } else { 0 };
    let integer = matches!(v.a_kind, AKind::Acc | AKind::Att);
    f64::from(gather + if integer { Cycles::of(c).fp.int_to_f32 } else { 0 })
}

/// Cycles from the factor to the last write.
fn pipeline(c: &Config, v: &Vector) -> f64 {
    let cycles = Cycles::of(c);
    let fp = cycles.fp;
    let factor = if v.m_kind == MKind::None { 0 } else { fp.mul };
    let function = if matches!(v.func, Func::None | Func::Relu) { 0 } else { fp.sfu };
    let second = match v.zop {
        ZOp::Add => cycles.sum - cycles.short,
        ZOp::Mul | ZOp::Square => cycles.product - cycles.short,
        _ => 0,
    };
    let codes = matches!(v.dst_kind, DstKind::Act | DstKind::Query | DstKind::Kv);
    let late = match (v.reduce_max.is_some(), codes) {
        (true, _) => (c.lanes.ilog2() + 1).max(fp.f32_to_int),
        (_, true) => fp.f32_to_int,
        _ => 0,
    };
    f64::from(cycles.pass() + factor + function + late + second)
}

/// Cycles from the last word to the sum of squares: the square, and six steps of the fold, each through all rows and the adder.
fn sum(c: &Config, rows: f64) -> f64 {
    let slots = (PARTIAL_SUMS as u32 / c.lanes) as f64;
    let Cycles { fp, round, .. } = Cycles::of(c);
    let entered = rows * (slots - 1.0 + f64::from(c.lanes.ilog2()));
    let steps = f64::from((PARTIAL_SUMS as u32).ilog2());
    f64::from(OPERAND + fp.mul + round) + entered + steps * f64::from(round)
}

/// Cycles of the logits that enter the lists, as many as of random ones: the `i`-th of a list of `k` enters with `k / i`, and goes half
/// the list up. `words` begin at the id that the instruction names.
fn candidates(c: &Config, v: &Vector, rows: f64, words: f64) -> f64 {
    let k = f64::from(c.top_k);
    let (first, count) = (f64::from(v.addr), words * f64::from(c.lanes));
    let end = (first + count).min(f64::from(v.imm_b));
    let filling = (end.min(k) - first.min(k)).max(0.0);
    let from = first.max(k);
    let later = if end > from { k * (end / from).ln() } else { 0.0 };
    let walk = |places: f64| WALK + places / 2.0;
    rows * (filling * walk(k / 2.0) + later * walk(k))
}
