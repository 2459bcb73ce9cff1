//! The sequencer against mock units: order, payload, causes, errors.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::isa::{DstKind, INSTRUCTION_BYTES, Instruction, Pass, Vector};
use sterna_spec::stream::StreamBuilder;

use super::fetch::in_beats;
use super::*;
use crate::dsl::{Bits, Sim};

/// What a unit sees: its name, its instruction, its payload.
type Work = (&'static str, Vec<u8>, Vec<u8>);

const UNITS: [&str; 4] = ["load", "matmul", "vector", "attention"];
/// Heads that an attention is done with, one after the other.
const HEADS: usize = 4;

/// A random step: the stream, and what the units must see. The last END follows `body` ones.
fn program(config: &Config, rng: &mut impl Rng) -> (Vec<u8>, Vec<Work>) {
    let mut stream = StreamBuilder::new(config);
    let mut work = Vec::new();
    // an ATTN that VECTORs may run beside came last but for these
    let mut attending = false;
    for _ in 0..40 {
        let before = stream.bytes().len();
        let n = rng.random_range(1..4u16);
        let unit = match rng.random_range(0..14) {
            0 => {
                stream.load(n, &vec![1.5; usize::from(n) * 4 * config.lanes as usize]);
                "load"
            }
            1..=3 => {
                stream.matmul(9, 20, 2, |p, n, k| ((usize::from(p) + n + k) % 3) as i8 - 1);
                "matmul"
            }
            4..=6 => {
                let (beside, queries) = (rng.random_bool(0.5), 0);
                let pass = Pass { kv_head: 1, heads: (0..HEADS as u8).collect() };
                let (segments, window, addr) = (n, n - 1, 4);
                let [scale, smax, ssum] = [1, 2, 3];
                let attention = Instruction::Attn {
                    passes: 0,
                    segments,
                    window,
                    scale,
                    smax,
                    ssum,
                    addr,
                    beside,
                    queries,
                };
                stream.attention_of(&[pass.clone(), pass][..usize::from(n).min(2)], attention);
                attending = beside;
                "attention"
            }
            7 => {
                let gather = Instruction::Gather {
                    words: n,
                    by_position: false,
                    shared: false,
                    dst: 0,
                    row_stride: 0,
                    addr: 5,
                    stride: 1,
                };
                stream.push(gather);
                "load"
            }
            _ => {
                let dst_kind =
                    [DstKind::Vmem, DstKind::Vmem, DstKind::Act, DstKind::Kv][rng.random_range(0..4)];
                let after = if attending { rng.random_range(0..=HEADS as u8) } else { 0 };
                stream.vector(Vector { n, addr: rng.random(), dst_kind, after, ..Vector::default() });
                "vector"
            }
        };
        attending &= matches!(unit, "attention" | "vector");
        let slot = before + INSTRUCTION_BYTES.next_multiple_of(config.beat_bytes());
        let insn = stream.bytes()[before..before + INSTRUCTION_BYTES].to_vec();
        work.push((unit, insn, stream.bytes()[slot..].to_vec()));
    }
    stream.push(Instruction::End { body: true });
    (stream.into_bytes(), work)
}

/// Whether an instruction may start before an earlier one is done: a MATMUL or a LOAD with `BESIDE` before the VECTORs since the last
/// VECTOR that had to wait for a MATMUL before it; a VECTOR before the ATTN with `BESIDE` before it, if that is done with so many heads
/// as it names.
fn may_pass(work: &[Work], earlier: usize, later: usize, heads: usize) -> bool {
    if work[earlier].0 == "attention" {
        let vectors = work[earlier + 1..=later].iter().all(|w| w.0 == "vector");
        return work[earlier].1[1] & 2 != 0 && vectors && heads >= usize::from(work[later].1[1] >> 2);
    }
    let beside = |w: &Work| matches!(w.0, "matmul" | "load") && w.1[1] & 2 != 0;
    let between = &work[earlier..later];
    let vectors_end = between.iter().position(|w| w.0 == "matmul").unwrap_or(between.len());
    let waits = between[vectors_end..].iter().any(|w| w.0 == "vector");
    let others = between.iter().all(|w| w.0 == "vector" || beside(w));
    work[earlier].0 == "vector" && beside(&work[later]) && others && !waits
}

struct Run {
    /// What the units saw, in the order of the program.
    seen: Vec<Option<Work>>,
    error: u64,
    causes: Vec<u64>,
    cycles: u64,
    /// Cycles in which matrix engine, attention unit and the vector unit were at work.
    both: [u64; 2],
}

/// A unit at work: place in the program, beats of payload that it still takes, cycles until it is done after that.
struct Busy {
    at: usize,
    left: usize,
    delay: u32,
}

/// Feeds the stream with pauses; units take their payload and are done some cycles later. Fails when an instruction starts that
/// has to wait, or is not the unit's next one.
fn run(
    module: &Module,
    config: &Config,
    stream: &[u8],
    want: &[Work],
    logits: bool,
    seed: u64,
) -> Result<Run, String> {
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sim = Sim::seeded(module, seed).unwrap();
    sim.reset();
    ["store_empty", "topk_idle", "writer_idle", "reader_idle"].iter().for_each(|port| sim.set(port, 1));
    sim.set("rows", 1);
    let mut info = vec![0u8; 16 * config.rows as usize];
    info[12] = u8::from(logits);
    sim.set("row_info", Bits::from_bytes(128 * config.rows, &info));
    sim.set("start", 1);
    let beats: Vec<&[u8]> = stream.chunks(config.beat_bytes()).collect();
    let mut busy: [Option<Busy>; 4] = [const { None }; 4];
    let mut next = [0; 4];
    let mut done = vec![false; want.len()];
    let mut at = 0;
    let (mut heads, mut heads_next, mut vector_done) = (0, 0, 0);
    let causes = vec![0; COUNTERS.len()];
    let mut run = Run { seen: vec![None; want.len()], error: 0, causes, cycles: 0, both: [0; 2] };
    loop {
        let offered = at < beats.len() && rng.random_bool(0.7);
        sim.set("p_valid", offered);
        if offered {
            sim.set("p_data", Bits::from_bytes(config.beat_bits(), beats[at]));
        }
        sim.set("stream_idle", at == beats.len());
        let ready = rng.random_bool(0.6);
        for event in ["matmul_beat", "matmul_stream", "matmul_codes", "attention_data"] {
            sim.set(event, rng.random_bool(0.3));
        }
        for (u, name) in UNITS.iter().enumerate() {
            let payload = busy[u].as_ref().is_some_and(|b| b.left > 0);
            if *name != "vector" {
                sim.set(&format!("{name}_p_ready"), ready && payload);
            }
            sim.set(&format!("{name}_done"), busy[u].as_ref().is_some_and(|b| b.left == 0 && b.delay == 0));
        }
        for (both, unit) in run.both.iter_mut().zip([1, 3]) {
            *both += u64::from(busy[unit].is_some() && busy[2].is_some());
        }
        if let Some(attention) = &mut busy[3] {
            sim.set("attention_loaded", attention.left == 0);
            sim.set("attention_heads", heads);
            let more = attention.left == 0 && heads < HEADS && rng.random_bool(0.02);
            heads_next = heads + usize::from(more);
        }
        for (u, name) in UNITS.iter().enumerate() {
            if sim.is_high(&format!("start_{name}")) {
                let i =
                    (next[u]..want.len()).find(|i| want[*i].0 == *name).ok_or("nothing is left to start")?;
                if let Some(j) = (0..i).find(|j| !done[*j] && !may_pass(want, *j, i, heads)) {
                    return Err(format!("{i} {name} starts before {j} {} is done", want[j].0));
                }
                next[u] = i + 1;
                let codes = |j: &usize| {
                    let kind = Instruction::decode(&want[*j].1[..32].try_into().expect("32 bytes"));
                    matches!(kind, Ok(Instruction::Vector(v)) if v.dst_kind == DstKind::Act)
                };
                let told = sim.is_high("coding");
                let wrong = told != (0..i).any(|j| !done[j] && codes(&j));
                // the end of a VECTOR is told two cycles later
                if *name == "matmul" && wrong && !(told && sim.cycle() < vector_done + 2) {
                    return Err(format!("{i}: codes that are not complete are not told of"));
                }
                let insn = sim.bits(if *name == "vector" { "vector_insn" } else { "insn" });
                let bytes = (0..32).map(|i| insn.slice(8 * i, 8).to_u64() as u8).collect();
                run.seen[i] = Some((name, bytes, Vec::new()));
                if *name == "attention" {
                    heads_next = 0;
                }
                let left = want[i].2.len() / config.beat_bytes();
                let delay = rng.random_range(1..if *name == "vector" { 200 } else { 5 });
                busy[u] = Some(Busy { at: i, left, delay });
                continue;
            }
            let Some(b) = &mut busy[u] else { continue };
            let insn = sim.bits(if *name == "vector" { "vector_insn" } else { "insn" });
            if run.seen[b.at].as_ref().is_some_and(|seen| insn != Bits::from_bytes(256, &seen.1)) {
                return Err(format!("{} {name} lost its instruction", b.at));
            }
            if b.left > 0 {
                if ready && sim.is_high(&format!("{name}_p_valid")) {
                    let data = sim.bits(&format!("{name}_p_data"));
                    let bytes = (0..config.beat_bytes()).map(|i| data.slice(8 * i as u32, 8).to_u64() as u8);
                    run.seen[b.at].as_mut().ok_or("no start")?.2.extend(bytes);
                    b.left -= 1;
                }
            } else if b.delay > 0 {
                // an attention is over when it is done with all heads
                b.delay -= u32::from(*name != "attention" || heads == HEADS);
            } else {
                done[b.at] = true;
                vector_done = if *name == "vector" { sim.cycle() } else { vector_done };
                busy[u] = None;
            }
        }
        at += usize::from(offered && sim.is_high("p_ready"));
        if sim.is_high("error_valid") && run.error == 0 {
            run.error = sim.get("error_code") & 0xff;
        }
        let count = sim.get("count");
        (0..run.causes.len()).for_each(|i| run.causes[i] += count >> i & 1);
        run.cycles += sim.get("busy");
        let over = sim.is_high("done");
        heads = heads_next;
        sim.tick();
        sim.set("start", 0);
        if over {
            return Ok(run);
        }
        if sim.cycle() > 50_000 {
            return Err("the sequencer hangs".into());
        }
    }
}

/// Everything the units saw is what they had to see.
fn compare(run: &Run, want: &[Work]) -> Result<(), String> {
    match (0..want.len()).find(|i| run.seen[*i].as_ref() != Some(&want[*i])) {
        Some(i) => Err(format!("{i} {} saw something else", want[i].0)),
        None => Ok(()),
    }
}

/// Beats of all kinds, with a fast clock and a slow one.
fn shapes() -> impl Iterator<Item = Config> {
    [100, 54].into_iter().flat_map(|clock_mhz| {
        [4, 8, 16, 32, 64].into_iter().map(move |port_bytes| shape(port_bytes, clock_mhz))
    })
}

fn shape(port_bytes: u32, clock_mhz: u32) -> Config {
    Config { clock_mhz, port_bytes, tables: 2, ..Config::preset("tiny").unwrap() }
}

#[test]
fn units_start_in_order_with_their_payload() {
    let mut both = [0; 2];
    for (seed, config) in shapes().enumerate() {
        let seed = seed as u64;
        let (stream, want) = program(&config, &mut ChaCha8Rng::seed_from_u64(seed));
        let run = run(&sequencer(&config), &config, &stream, &want, false, seed).unwrap();
        compare(&run, &want).unwrap();
        assert_eq!(run.error, 0);
        assert_eq!(run.causes[0], run.cycles);
        assert_eq!(run.causes[4..].iter().sum::<u64>(), run.cycles, "every cycle has one cause");
        both.iter_mut().zip(run.both).for_each(|(all, run)| *all += run);
    }
    let [matrices, attention] = both;
    assert!(matrices > 50, "matrices run beside vectors in {matrices} cycles");
    assert!(attention > 50, "vectors run beside attention in {attention} cycles");
}

#[test]
fn a_stream_without_end_and_an_illegal_instruction_are_errors() {
    for (seed, config) in shapes().enumerate() {
        let seed = seed as u64;
        let (mut stream, want) = program(&config, &mut ChaCha8Rng::seed_from_u64(seed));
        // the body's END goes on when a row asks for logits, and nothing follows
        let module = sequencer(&config);
        let cut = run(&module, &config, &stream, &want, true, seed).unwrap();
        assert_eq!(cut.error, ErrorCode::StreamEnd as u64);
        compare(&cut, &want).unwrap();
        stream[0] = 9;
        let bad = run(&module, &config, &stream, &want, false, seed).unwrap();
        assert_eq!(bad.error, ErrorCode::IllegalInstruction as u64);
        assert!(bad.seen.iter().all(Option::is_none));
    }
}

#[test]
fn one_flipped_bit_of_payload_is_seen() {
    let config = shape(8, 100);
    let (mut stream, want) = program(&config, &mut ChaCha8Rng::seed_from_u64(5));
    let last = want.iter().rposition(|w| !w.2.is_empty()).unwrap();
    let behind: usize =
        want[last + 1..].iter().map(|w| w.1.len().next_multiple_of(config.beat_bytes())).sum();
    let end = stream.len() - INSTRUCTION_BYTES - behind - 1;
    stream[end] ^= 1;
    let run = run(&sequencer(&config), &config, &stream, &want, false, 5).unwrap();
    assert!(compare(&run, &want).is_err());
}

/// An instruction that does not wait for the vectors, a VECTOR that does not wait for what a matrix ran beside, a queue that forgets,
/// codes that nobody is told of.
#[test]
fn an_order_that_is_not_kept_is_seen() {
    [100, 54].into_iter().for_each(|clock_mhz| faults_are_seen(&shape(8, clock_mhz)));
}

fn faults_are_seen(config: &Config) {
    let verdict = |signal: &str, value: u32| {
        let module = sequencer(config);
        module.plant(signal, |x| x.module().u(x.width(), value));
        (0..6).try_for_each(|seed| {
            let (stream, want) = program(config, &mut ChaCha8Rng::seed_from_u64(seed));
            compare(&run(&module, config, &stream, &want, false, seed)?, &want)
        })
    };
    assert_eq!(verdict("cut", 0), Ok(()), "a fault that changes nothing here");
    for (signal, value) in
        [("free", 1), ("vector_idle", 1), ("behind", 0), ("vector_launch", 0), ("coding_q", 0), ("after", 1)]
    {
        assert!(verdict(signal, value).is_err(), "{signal}");
    }
    if in_beats(config) {
        assert!(verdict("goes", 1).is_err(), "an instruction at work is overwritten");
    }
    for (signal, value) in
        [("attending", 1), ("attending", 0), ("attention_loads", 0), ("descriptors_taken", 1)]
    {
        let seen = verdict(signal, value).is_err();
        assert_eq!(
            seen,
            (signal, value) != ("attending", 0),
            "{signal} {value}: a VECTOR that waits for all is none too early"
        );
    }
}
