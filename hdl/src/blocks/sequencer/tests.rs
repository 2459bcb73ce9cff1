//! The sequencer against mock units: order, payload, causes, errors.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::isa::{Instruction, Pass, Vector};
use sterna_spec::stream::StreamBuilder;

use super::*;
use crate::dsl::{Bits, Sim};

/// What the units saw: the unit's name, its instruction, its payload.
type Seen = Vec<(&'static str, Vec<u8>, Vec<u8>)>;

const UNITS: [&str; 4] = ["load", "matmul", "vector", "attention"];

/// A random step: the stream, and what the units must see. The last END follows `body` ones.
fn program(config: &Config, rng: &mut impl Rng) -> (Vec<u8>, Seen) {
    let mut stream = StreamBuilder::new(config);
    let mut seen = Seen::new();
    for _ in 0..30 {
        let before = stream.bytes().len();
        let n = rng.random_range(1..4u16);
        let unit = match rng.random_range(0..5) {
            0 => {
                stream.load(n, &vec![1.5; usize::from(n) * 4 * config.lanes as usize]);
                "load"
            }
            1 => {
                stream.matmul(9, 20, 2, |p, n, k| ((usize::from(p) + n + k) % 3) as i8 - 1);
                "matmul"
            }
            2 => {
                stream.attention(&[Pass { kv_head: 1, heads: vec![3] }], n, n - 1, [1, 2, 3], 4);
                "attention"
            }
            3 => {
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
                stream.vector(Vector { n, addr: rng.random(), ..Vector::default() });
                "vector"
            }
        };
        let slot = before + INSTRUCTION_BYTES.next_multiple_of(config.beat_bytes());
        let insn = stream.bytes()[before..before + INSTRUCTION_BYTES].to_vec();
        seen.push((unit, insn, stream.bytes()[slot..].to_vec()));
    }
    stream.push(Instruction::End { body: true });
    (stream.into_bytes(), seen)
}

struct Run {
    seen: Seen,
    error: u64,
    causes: Vec<u64>,
    cycles: u64,
}

/// Feeds the stream with pauses; units take their payload and are done some cycles later.
fn run(config: &Config, stream: &[u8], want: &Seen, logits: bool, seed: u64) -> Run {
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sim = Sim::seeded(&sequencer(config), seed).unwrap();
    sim.reset();
    ["store_empty", "topk_idle", "writer_idle", "reader_idle"].iter().for_each(|port| sim.set(port, 1));
    sim.set("rows", 1);
    sim.set(
        "row_info",
        Bits::from_bytes(128 * config.rows, &{
            let mut info = vec![0u8; 16 * config.rows as usize];
            info[12] = u8::from(logits);
            info
        }),
    );
    sim.set("start", 1);
    let beats: Vec<&[u8]> = stream.chunks(config.beat_bytes()).collect();
    let (mut at, mut seen, mut error, mut cycles) = (0, Seen::new(), 0, 0);
    let (mut left, mut delay) = (0, None);
    let mut causes = vec![0; COUNTERS.len()];
    loop {
        let offered = at < beats.len() && rng.random_bool(0.7);
        sim.set("p_valid", offered);
        if offered {
            sim.set("p_data", Bits::from_bytes(config.beat_bits(), beats[at]));
        }
        sim.set("stream_idle", at == beats.len());
        let ready = rng.random_bool(0.6) && left > 0;
        ["load_p", "matmul_p", "attention_p"].iter().for_each(|p| sim.set(&format!("{p}_ready"), ready));
        for (name, port) in UNITS.iter().zip(["load_p", "matmul_p", "vector", "attention_p"]) {
            let done = delay == Some(0) && seen.last().is_some_and(|(unit, ..)| unit == name);
            sim.set(&format!("{name}_done"), done);
            if sim.is_high(&format!("start_{name}")) {
                let insn = sim.bits("insn");
                let bytes = (0..32).map(|i| insn.slice(8 * i, 8).to_u64() as u8).collect();
                left = want.get(seen.len()).map_or(0, |(_, _, p)| p.len() / config.beat_bytes());
                seen.push((name, bytes, Vec::new()));
                delay = (left == 0).then(|| rng.random_range(1..5));
            } else if port != "vector" && ready && sim.is_high(&format!("{port}_valid")) {
                let data = sim.bits(&format!("{port}_data"));
                let bytes = (0..config.beat_bytes()).map(|i| data.slice(8 * i as u32, 8).to_u64() as u8);
                let last = seen.last_mut().unwrap();
                assert_eq!(last.0, *name, "payload went to the wrong unit");
                last.2.extend(bytes);
                left -= 1;
                delay = (left == 0).then(|| rng.random_range(1..5));
            }
        }
        at += usize::from(offered && sim.is_high("p_ready"));
        if sim.is_high("error_valid") && error == 0 {
            error = sim.get("error_code") & 0xff;
        }
        let count = sim.get("count");
        (0..causes.len()).for_each(|i| causes[i] += count >> i & 1);
        cycles += sim.get("busy");
        let done = sim.is_high("done");
        sim.tick();
        sim.set("start", 0);
        delay = match delay {
            Some(0) | None => None,
            Some(n) => Some(n - 1),
        };
        if done {
            return Run { seen, error, causes, cycles };
        }
        assert!(sim.cycle() < 50_000, "the sequencer hangs");
    }
}

fn shapes() -> impl Iterator<Item = Config> {
    [4, 8, 32, 64].into_iter().map(|port_bytes| Config {
        port_bytes,
        tables: 2,
        ..Config::preset("tiny").unwrap()
    })
}

#[test]
fn units_start_in_order_with_their_payload() {
    for (seed, config) in shapes().enumerate() {
        let seed = seed as u64;
        let (stream, want) = program(&config, &mut ChaCha8Rng::seed_from_u64(seed));
        let run = run(&config, &stream, &want, false, seed);
        assert!(run.seen == want, "a unit saw something else");
        assert_eq!(run.error, 0);
        assert_eq!(run.causes[0], run.cycles);
        assert_eq!(run.causes[4..].iter().sum::<u64>(), run.cycles, "every cycle has one cause");
    }
}

#[test]
fn a_stream_without_end_and_an_illegal_instruction_are_errors() {
    for (seed, config) in shapes().enumerate() {
        let seed = seed as u64;
        let (mut stream, want) = program(&config, &mut ChaCha8Rng::seed_from_u64(seed));
        // the body's END goes on when a row asks for logits, and nothing follows
        let cut = run(&config, &stream, &want, true, seed);
        assert_eq!((cut.error, cut.seen.len()), (ErrorCode::StreamEnd as u64, want.len()));
        stream[0] = 9;
        let bad = run(&config, &stream, &want, false, seed);
        assert_eq!((bad.error, bad.seen.len()), (ErrorCode::IllegalInstruction as u64, 0));
    }
}

#[test]
fn one_flipped_bit_of_payload_is_seen() {
    let config = shapes().nth(1).unwrap();
    let (mut stream, want) = program(&config, &mut ChaCha8Rng::seed_from_u64(5));
    let end = stream.len() - 64;
    stream[end] ^= 1;
    assert!(run(&config, &stream, &want, false, 5).seen != want);
}
