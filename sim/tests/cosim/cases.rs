//! Small programs for what the layer of `program.rs` does not reach: steps without logits, requests that wait, counts and addresses
//! beyond eight and sixteen bits, a matrix that waits for memory, many passes of attention.

use sterna_sim::{Lockstep, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::isa::{AKind, BKind, DstKind, Instruction, MKind, Pass, Vector, ZOp};
use sterna_spec::layout::KvLayout;
use sterna_spec::registers::{COUNTERS, offset};
use sterna_spec::stream::StreamBuilder;

use crate::bench::{Bench, Row};
use crate::program::{CONTEXT, HEAD_SIZE, HEADS, INPUTS, KV_HEADS, KV_OFFSET, layer, program};

/// A program, and what is around it.
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// Pauses of memory.
    pub stalls: Stalls,
    program: Vec<u8>,
    /// Number of rows, and those that ask for logits, of each step.
    steps: Vec<(u32, u32)>,
    /// Registers that are not as [`Bench::prepare`] sets them.
    settings: Vec<(u32, u32)>,
    /// Token of the first row.
    token: u32,
}

/// Beats from one row of a table to the next, more than sixteen bits count.
const STRIDE: u32 = 70_000;

/// Beats behind the program that [`cases`] store to.
pub const ROOM: u32 = 460_000;

/// All of them. `bench` has [`ROOM`].
pub fn cases(config: &Config, bench: &Bench) -> Vec<Case> {
    let stores = [(offset::RESULT_BASE, bench.far), (offset::RESULT_STRIDE, words(config, 512))];
    let far_keys = [(offset::KV_SCALE_BEATS, 40_000), (offset::KV_DATA_BEATS, 70_000)];
    let far = [(offset::RESULT_BASE, bench.far + 40_000), (offset::RESULT_STRIDE, 70_000)];
    let strides = [(offset::RESULT_BASE, bench.far + STRIDE), (offset::RESULT_STRIDE, 5 * STRIDE)];
    let case = |name, stalls, program| Case {
        name,
        stalls,
        program,
        steps: vec![(config.rows, !0)],
        settings: Vec::new(),
        token: 1,
    };
    let asks =
        (1..=config.rows).flat_map(|rows| (0..=rows).map(move |row| (rows, (1 << row) & ((1 << rows) - 1))));
    let asks = asks.collect();
    // the last row asks in a step, and in the next it is not there
    let none = vec![(config.rows, 0), (1, 0), (config.rows, !0), (config.rows.max(2) - 1, 0)];
    let slow = Stalls { ar: 200, r: 100, ..Stalls::NONE };
    vec![
        Case { steps: none, ..case("no logits", Stalls::NONE, layer(config, 8)) },
        Case { steps: asks, ..case("one row asks", Stalls::NONE, head(config)) },
        case("gathers", slow, gathers(config)),
        case("scalars", Stalls::NONE, scalars(config)),
        case("a matrix waits", Stalls { r: 190, ..Stalls::NONE }, matrix(config)),
        // without vector work beside it, attention would wait for ever
        case("late queries", Stalls::NONE, program(config, 8, HEADS / 2)),
        case("many passes", Stalls { r: 250, ..Stalls::NONE }, passes(config)),
        Case { settings: stores.into(), ..case("many words", Stalls::NONE, many(config, bench)) },
        Case {
            settings: [far, far_keys].concat(),
            // the second reads what the first stored
            steps: vec![(config.rows, !0); 2],
            ..case("far places", Stalls { w: 128, ..Stalls::NONE }, distant(config, bench))
        },
        Case {
            settings: far_keys.into(),
            steps: vec![(config.rows, !0); 2],
            ..case("far keys", Stalls::NONE, layer(config, 8))
        },
        Case { token: 1 << 16, ..case("far tokens", Stalls::NONE, token(config)) },
        Case {
            settings: strides.into(),
            steps: vec![(config.rows.min(2), !0); 2],
            ..case("long strides", Stalls::NONE, apart(config, bench))
        },
    ]
}

/// Runs a case; returns the counters of its last step.
///
/// # Errors
/// If the device fails, or differs.
pub fn run(case: &Case, bench: &Bench, device: &mut Lockstep) -> Result<Vec<u32>, DeviceError> {
    bench.load(device, &case.program)?;
    case.settings.iter().try_for_each(|&(at, value)| device.write_register(at, value))?;
    let told = |error| match error {
        0 => Ok(()),
        _ => Err(DeviceError::Other(format!("error {error:#x} in a step without one"))),
    };
    for (rows, asks) in &case.steps {
        let row = |r: u32| Row { token: 5 * r + case.token, position: 7 * r + 3, logits: asks >> r & 1 == 1 };
        told(bench.step(device, &(0..*rows).map(row).collect::<Vec<_>>())?)?;
    }
    let count = |i: usize| device.read_register(offset::COUNTER + 4 * i as u32);
    let counters = (0..COUNTERS.len()).map(count).collect::<Result<Vec<_>, _>>()?;
    let causes = COUNTERS.iter().position(|c| c.0 == "FETCH").unwrap_or(0);
    if counters[causes..].iter().sum::<u32>() != counters[0] {
        return Err(DeviceError::Other("the causes do not add up to the cycles".into()));
    }
    Ok(counters)
}

/// Beats of `count` words.
fn words(config: &Config, count: u32) -> u32 {
    count * (4 * config.lanes).div_ceil(config.beat_bytes() as u32)
}

/// Rows of the table from beat `addr` on to vector memory.
fn gather(config: &Config, count: u16, dst: u16, addr: u32) -> Instruction {
    let stride = words(config, INPUTS as u32 / config.lanes);
    let (by_position, shared, row_stride) = (false, false, 0);
    Instruction::Gather { words: count, by_position, shared, dst, row_stride, addr, stride }
}

const END: Instruction = Instruction::End { body: false };

/// Words that are written back, so that the observation port shows them.
fn show(n: u16, a: u16) -> Vector {
    Vector { n, a, dst_kind: DstKind::Vmem, dst: a, ..Vector::default() }
}

/// A beat for each token.
fn token(config: &Config) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let (by_position, shared, row_stride) = (false, false, 0);
    s.push(Instruction::Gather { words: 1, by_position, shared, dst: 0, row_stride, addr: 0, stride: 1 });
    s.vector(show(1, 0));
    s.push(END);
    s.into_bytes()
}

/// A body without work, and a head.
fn head(config: &Config) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    s.push(gather(config, 2, 0, 0));
    s.push(Instruction::End { body: true });
    let one = Vector { head: true, ..show(2, 0) };
    s.vector(Vector { dst_kind: DstKind::Topk, imm_b: 8, ..one });
    s.vector(Vector { dst_kind: DstKind::Logits, ..one });
    s.push(END);
    s.into_bytes()
}

/// Single words, requests that wait for each other, bursts up to and over a boundary of 4 KiB, rows of shared memory far apart.
fn gathers(config: &Config) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let boundary = 4096 / config.port_bytes;
    for (at, count) in [(0, 1), (1, 1), (2, 40), (42, 1), (43, 25)] {
        s.push(gather(config, count, at, 0));
    }
    for (at, before) in [(68, 1), (113, 6), (158, 11)] {
        s.push(gather(config, 45, at, boundary - before));
    }
    let (by_position, shared, row_stride, stride) = (true, true, 61, words(config, 3));
    s.push(Instruction::Gather { words: 3, by_position, shared, dst: 2, row_stride, addr: 5, stride });
    s.push(Instruction::Gather { words: 1, by_position, shared, dst: 7, row_stride, addr: 9, stride });
    s.vector(show(203, 0));
    let scaled = Vector { m_kind: MKind::Cmem, m: 2, m_stride: 61, ..show(3, 0) };
    s.vector(scaled);
    s.vector(Vector { m: 7, rep: 20, ..Vector { n: 1, ..scaled } });
    s.push(END);
    s.into_bytes()
}

/// Scalars of every row, different in each, as factor and as summand, one after the other; many of them at once.
fn scalars(config: &Config) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    s.push(gather(config, 60, 0, 0));
    s.vector(Vector { reduce_max: Some(3), rep: 30, ..show(2, 0) });
    s.vector(Vector { reduce_max: Some(40), rep: 60, ..show(1, 0) });
    let step = Vector { rep: 20, ..show(3, 0) };
    let (m_kind, b_kind) = (MKind::Sreg, BKind::Sreg);
    s.vector(Vector { m_kind, m: 5, m_inc: true, zop: ZOp::Add, b_kind, b: 41, b_inc: true, ..step });
    s.vector(Vector { zop: ZOp::Mul, b_kind, b: 11, ..step });
    let one =
        Vector { n: 28, a_kind: AKind::Sreg, a: 3, dst_kind: DstKind::Sreg, dst: 100, ..Vector::default() };
    s.vector(Vector { zop: ZOp::Max, b_kind, b: 41, b_inc: true, ..one });
    s.vector(Vector { m_kind, m: 62, m_inc: true, zop: ZOp::Add, b_kind, b: 9, ..one });
    s.push(END);
    s.into_bytes()
}

/// More beats of weights than are fetched ahead, faster than memory brings them.
fn matrix(config: &Config) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let (inputs, outputs) = (10 * config.chunk(), 64);
    let activations = inputs.div_ceil(config.lanes as usize) as u16;
    s.push(gather(config, activations, 0, 0));
    let (m_kind, dst_kind) = (MKind::Imm, DstKind::Act);
    s.vector(Vector { n: activations, m_kind, imm_m: 100.0, dst_kind, ..Vector::default() });
    s.matmul(outputs, inputs, 2, |plane, n, k| {
        ((7 * n + 5 * k + n * k + 3 * usize::from(plane)) % 3) as i8 - 1
    });
    let sums = Vector { n: outputs as u16 / config.lanes as u16, a_kind: AKind::Acc, ..Vector::default() };
    s.vector(Vector { dst_kind: DstKind::Vmem, ..sums });
    s.push(END);
    s.into_bytes()
}

/// KV codes and scales of heads at `addr` behind each row's KV cache.
fn cached(s: &mut StreamBuilder<'_>, config: &Config, heads: u8, addr: u32) {
    for dst in [0, 1] {
        let codes = Vector { n: HEAD_SIZE as u16 / config.lanes as u16, rep: heads, ..Vector::default() };
        s.vector(Vector { m_kind: MKind::Imm, imm_m: 127.0, dst_kind: DstKind::Kv, dst, addr, ..codes });
        let scales = Vector { n: heads.into(), a_kind: AKind::Sreg, a: 3, ..Vector::default() };
        s.vector(Vector { dst_kind: DstKind::KvScale, dst, addr, ..scales });
    }
}

/// More words and heads than eight bits, four bits count; destinations of the vector unit one after the other.
fn many(config: &Config, bench: &Bench) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    s.push(gather(config, 512, 0, 0));
    s.vector(Vector { reduce_max: Some(3), rep: 30, ..show(2, 0) });
    let times = Vector { m_kind: MKind::Imm, imm_m: 90.0, ..Vector::default() };
    s.vector(Vector { n: 1, rep: 40, dst_kind: DstKind::Query, dst: 3, ..times });
    s.vector(Vector { n: 2, rep: 50, dst_kind: DstKind::Act, dst: 1, ..times });
    cached(&mut s, config, 20, bench.far + 10_000 - bench.kv);
    s.vector(Vector { head: true, n: 512, rotate: true, dst_kind: DstKind::Logits, ..times });
    s.vector(Vector { head: true, n: 256, rep: 2, dst_kind: DstKind::Logits, ..times });
    let topk = Vector { head: true, dst_kind: DstKind::Topk, imm_b: 1500, ..times };
    s.vector(Vector { n: 280, ..topk });
    s.vector(Vector { n: 3, rep: 60, addr: 1200, ..topk });
    s.push(END);
    s.into_bytes()
}

/// Places beyond sixteen bits of beats: rows of results, arrays of the KV cache.
fn distant(config: &Config, bench: &Bench) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let (by_position, shared, row_stride, dst) = (true, false, 0, 50);
    // of position 7r + 3 where row r's results lie
    let (addr, stride) = (bench.far + 10_000, 10_000);
    s.push(Instruction::Gather { words: 2, by_position, shared, row_stride, dst, addr, stride });
    s.vector(show(2, 50));
    s.push(gather(config, 40, 0, 0));
    s.vector(Vector { reduce_max: Some(3), rep: 20, ..show(2, 0) });
    cached(&mut s, config, 2, bench.far - bench.kv);
    s.vector(Vector { head: true, n: 40, dst_kind: DstKind::Logits, ..Vector::default() });
    s.push(END);
    s.into_bytes()
}

/// Rows of a table that lie further apart than sixteen bits count: token 5r + 1 where row r's results lie.
fn apart(config: &Config, bench: &Bench) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let (by_position, shared, row_stride, dst) = (false, false, 0, 50);
    let (addr, stride) = (bench.far, STRIDE);
    s.push(Instruction::Gather { words: 2, by_position, shared, row_stride, dst, addr, stride });
    s.vector(show(2, 50));
    s.push(gather(config, 40, 0, 0));
    s.vector(Vector { head: true, n: 40, dst_kind: DstKind::Logits, ..Vector::default() });
    s.push(END);
    s.into_bytes()
}

/// Many passes, whose descriptors come from a slow memory.
fn passes(config: &Config) -> Vec<u8> {
    let mut s = StreamBuilder::new(config);
    let words = (HEADS * HEAD_SIZE / config.lanes as usize) as u16;
    s.push(gather(config, words, 0, 0));
    let times = Vector { n: words, m_kind: MKind::Imm, imm_m: 9000.0, ..Vector::default() };
    s.vector(Vector { dst_kind: DstKind::Query, ..times });
    s.vector(Vector { reduce_max: Some(0), rep: HEADS as u8, ..show(1, 0) });
    let heads = HEADS / KV_HEADS;
    let pass = |nth: usize| {
        let kv_head = nth % KV_HEADS;
        let first = kv_head * heads;
        Pass { kv_head: kv_head as u32, heads: (first..first + heads).map(|head| head as u8).collect() }
    };
    let all: Vec<Pass> = (0..6 * KV_HEADS).map(pass).collect();
    let segments = KvLayout::new(config, HEAD_SIZE, CONTEXT).segments as u16;
    s.attention(&all, segments, 0, [0, 20, 30], KV_OFFSET);
    s.vector(Vector { n: words, a_kind: AKind::Att, dst_kind: DstKind::Vmem, ..Vector::default() });
    s.push(END);
    s.into_bytes()
}
