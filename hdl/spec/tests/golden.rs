//! The golden model against independent arithmetic: matrices, attention, selection, errors.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::{Golden, Write};
use sterna_spec::isa::{AKind, BKind, DstKind, Instruction, MKind, Pass, Vector, ZOp};
use sterna_spec::layout::{KvLayout, balanced_digit};
use sterna_spec::registers::{ErrorCode, control, offset, status};
use sterna_spec::stream::StreamBuilder;

fn tiny() -> Config {
    Config::preset("tiny").unwrap()
}

/// A device with a program at beat 0 and one row that asks for logits.
fn device(config: &Config, program: &[u8], memory: u64) -> Golden {
    let mut golden = Golden::new(config);
    golden.reserve_memory(memory).unwrap();
    golden.write_memory(0, program).unwrap();
    let beats = (program.len() / config.beat_bytes()) as u32;
    for (at, value) in [(offset::PROGRAM_BEATS, beats), (offset::ROWS, 1), (offset::ROW + 12, 1)] {
        golden.write_register(at, value).unwrap();
    }
    golden
}

fn run(golden: &mut Golden) -> u32 {
    golden.write_register(offset::CONTROL, control::START).unwrap();
    golden.wait().unwrap();
    golden.read_register(offset::ERROR).unwrap() & 0xff
}

fn drain(words: u16) -> Vector {
    Vector { n: words, a_kind: AKind::Acc, dst_kind: DstKind::Vmem, ..Vector::default() }
}

#[test]
fn matmul_with_planes_is_the_integer_product() {
    let config = tiny();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (outputs, inputs) = (50, 100);
    let weights: Vec<i32> = (0..outputs * inputs).map(|_| rng.random_range(-121..=121)).collect();
    let codes: Vec<f32> = (0..inputs).map(|_| rng.random_range(-128i32..=127) as f32).collect();
    let mut stream = StreamBuilder::new(&config);
    stream.load(0, &codes);
    // the codes pass as A = 1 * CMEM: write ones to vector memory first
    let ones =
        Vector { n: 25, zop: ZOp::Max, imm_b: 1f32.to_bits(), dst_kind: DstKind::Vmem, ..Vector::default() };
    stream.vector(ones);
    stream.vector(Vector { n: 25, m_kind: MKind::Cmem, dst_kind: DstKind::Act, ..Vector::default() });
    stream.matmul(outputs, inputs, 5, |p, n, k| balanced_digit(weights[n * inputs + k], 4 - u32::from(p)));
    stream.vector(drain(13));
    stream.push(Instruction::End { body: false });
    let mut golden = device(&config, stream.bytes(), 1 << 20);
    golden.record(true);
    assert_eq!(run(&mut golden), 0);
    let log = golden.take_log();
    let drained: Vec<f32> =
        log.iter().filter(|w| w.instruction == 4).flat_map(|w| &w.data).map(|&b| f32::from_bits(b)).collect();
    for n in 0..outputs {
        let sum: i32 = (0..inputs).map(|k| weights[n * inputs + k] * codes[k] as i32).sum();
        assert_eq!(drained[n], sum as f32, "output {n}");
    }
    assert!(drained[outputs..].iter().all(|&x| x == 0.0));
}

/// Writes `x` to vector memory word `dst` by way of shared memory.
fn put(stream: &mut StreamBuilder, dst: u16, x: &[f32], lanes: usize) {
    let n = x.len().div_ceil(lanes) as u16;
    stream.load(0, x);
    let one = Vector {
        n,
        a: dst,
        dst,
        zop: ZOp::Max,
        imm_b: 1f32.to_bits(),
        dst_kind: DstKind::Vmem,
        ..Vector::default()
    };
    // max(0 * x, 1) is 1 whatever was there, except a NaN, which loses
    stream.vector(Vector { m_kind: MKind::Imm, imm_m: 0.0, ..one });
    stream.vector(Vector {
        n,
        a: dst,
        dst,
        m_kind: MKind::Cmem,
        dst_kind: DstKind::Vmem,
        ..Vector::default()
    });
}

#[test]
fn attention_is_softmax_over_the_cache() {
    for (width, port, window) in [(8, 8, 0), (4, 8, 0), (4, 16, 0), (4, 16, 3), (8, 8, 1), (4, 8, 6)] {
        let config = Config { attention_width: width, port_bytes: port, ..tiny() };
        let (size, tokens, addr) = (16usize, 11usize, 3u32);
        let kv = KvLayout::new(&config, size, 32);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut value = || rng.random_range(-1.0f32..1.0);
        let query: Vec<f32> = (0..size).map(|_| value()).collect();
        let cache: Vec<[Vec<f32>; 2]> =
            (0..tokens).map(|_| [0, 1].map(|_| (0..size).map(|_| value()).collect())).collect();
        let mut golden = Golden::new(&config);
        golden.reserve_memory(1 << 16).unwrap();
        let base = 4096 / config.beat_bytes() as u32;
        for (t, token) in cache.iter().enumerate() {
            let mut stream = StreamBuilder::new(&config);
            let words = (size / 4) as u16;
            for (which, x) in token.iter().enumerate() {
                put(&mut stream, 0, x, 4);
                let store = Vector {
                    n: words,
                    m_kind: MKind::Imm,
                    imm_m: 127.0,
                    dst: which as u16,
                    addr,
                    ..Vector::default()
                };
                stream.vector(Vector { dst_kind: DstKind::Kv, ..store });
                let scale = Vector {
                    n: 1,
                    a_kind: AKind::Sreg,
                    a: 5,
                    m_kind: MKind::Imm,
                    imm_m: 0.0,
                    zop: ZOp::Max,
                    ..Vector::default()
                };
                stream.vector(Vector {
                    imm_b: (1.0f32 / 127.0).to_bits(),
                    dst_kind: DstKind::KvScale,
                    dst: which as u16,
                    addr,
                    ..scale
                });
            }
            put(&mut stream, 0, &query, 4);
            // query head 1 of KV head 0
            stream.vector(Vector {
                n: words,
                m_kind: MKind::Imm,
                imm_m: 32767.0,
                dst_kind: DstKind::Query,
                dst: words,
                ..Vector::default()
            });
            let scale = Vector {
                n: 1,
                a_kind: AKind::Sreg,
                m_kind: MKind::Imm,
                zop: ZOp::Max,
                dst_kind: DstKind::Sreg,
                dst: 9,
                ..Vector::default()
            };
            stream.vector(Vector { imm_b: (1.0f32 / 32767.0 * std::f32::consts::LOG2_E).to_bits(), ..scale });
            let pass = Pass { kv_head: 0, heads: vec![1] };
            stream.attention(&[pass], kv.segments as u16, window, [8, 16, 24], addr);
            stream.vector(Vector {
                n: words,
                a_kind: AKind::Att,
                a: words,
                dst_kind: DstKind::Vmem,
                ..Vector::default()
            });
            stream.push(Instruction::End { body: false });
            golden.write_memory(0, &vec![0; 4096]).unwrap();
            golden.write_memory(0x8000, stream.bytes()).unwrap();
            let beats = stream.beats() as u32;
            for (at, v) in [
                (offset::PROGRAM_BASE, 0x8000 / config.beat_bytes() as u32),
                (offset::PROGRAM_BEATS, beats),
                (offset::ROWS, 1),
                (offset::ROW + 4, t as u32),
                (offset::ROW + 8, base),
                (offset::KV_SCALE_BEATS, kv.scale_beats as u32),
                (offset::KV_DATA_BEATS, kv.data_beats as u32),
            ] {
                golden.write_register(at, v).unwrap();
            }
            golden.record(true);
            assert_eq!(run(&mut golden), 0);
            let log = golden.take_log();
            let last = log.last().unwrap().instruction;
            let out: Vec<f32> = log
                .iter()
                .filter(|w| w.instruction == last)
                .flat_map(|w| &w.data)
                .map(|&b| f32::from_bits(b))
                .collect();
            let scalar = |i: u32| {
                f32::from_bits(
                    log.iter().find(|w| w.kind == Write::WEIGHTS && w.address == i).unwrap().data[0],
                )
            };
            let (largest, sum) = (f64::from(scalar(17)), f64::from(scalar(25)));
            // plain softmax in f64 over the last `window` tokens
            let seen = &cache[if window == 0 { 0 } else { (t + 1).saturating_sub(window.into()) }..=t];
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>();
            let weights: Vec<f64> = seen.iter().map(|kv| dot(&kv[0], &query).exp()).collect();
            let total: f64 = weights.iter().sum();
            for d in 0..size {
                let want: f64 =
                    seen.iter().zip(&weights).map(|(kv, w)| w * f64::from(kv[1][d])).sum::<f64>() / total;
                let got = f64::from(out[d]) * largest / 32767.0 / (sum / f64::from(1 << 24));
                assert!(
                    (got - want).abs() < 0.02,
                    "width {width}, window {window}, token {t}, element {d}: {got} is not {want}"
                );
            }
        }
    }
}

#[test]
fn selection_orders_by_logit_then_id() {
    let config = Config { top_k: 3, ..tiny() };
    let mut stream = StreamBuilder::new(&config);
    put(&mut stream, 0, &[1.0, 5.0, -3.0, 5.0, 0.0, 9.0, f32::NAN, 5.0], 4);
    stream.push(Instruction::End { body: true });
    let topk =
        Vector { head: true, n: 2, dst_kind: DstKind::Topk, addr: 100, imm_b: 200, ..Vector::default() };
    stream.vector(topk);
    stream.vector(Vector { addr: 108, imm_b: 108 + 5, b_kind: BKind::Imm, ..topk });
    stream.push(Instruction::End { body: false });
    let mut golden = device(&config, stream.bytes(), 1 << 16);
    assert_eq!(run(&mut golden), 0);
    let mut read = |i: u32| golden.read_register(offset::TOPK + 4 * i).unwrap();
    let pairs: Vec<(u32, f32)> = (0..4).map(|i| (read(2 * i), f32::from_bits(read(2 * i + 1)))).collect();
    assert_eq!(pairs, [(105, 9.0), (101, 5.0), (103, 5.0), (u32::MAX, f32::NEG_INFINITY)]);
}

#[test]
fn errors_have_codes() {
    let config = tiny();
    let mut stream = StreamBuilder::new(&config);
    stream.vector(Vector { n: 600, dst_kind: DstKind::Vmem, ..Vector::default() });
    let mut golden = device(&config, stream.bytes(), 4096);
    assert_eq!(run(&mut golden), ErrorCode::IllegalInstruction as u32);
    assert_eq!(golden.read_register(offset::STATUS).unwrap(), status::DONE | status::ERROR);
    golden.write_register(offset::CONTROL, control::CLEAR).unwrap();
    golden.write_register(offset::ROWS, 3).unwrap();
    assert_eq!(run(&mut golden), ErrorCode::Rows as u32);
    golden.write_register(offset::ROWS, 1).unwrap();
    golden.write_register(offset::ROW + 4, 512).unwrap();
    assert_eq!(run(&mut golden), ErrorCode::Position as u32);
    let mut golden = device(&config, &[], 4096);
    assert_eq!(run(&mut golden), ErrorCode::StreamEnd as u32);
}

/// The error of a program of one plane of zeros to the first accumulators, some VECTORs, and another matrix.
fn second_matrix(vectors: &[Vector], dst: u16, beside: bool) -> u32 {
    let config = tiny();
    let mut stream = StreamBuilder::new(&config);
    stream.matmul(16, 20, 1, |_, _, _| 0);
    vectors.iter().for_each(|v| stream.vector(*v));
    stream.push(Instruction::Matmul { blocks: 8, chunks: 1, planes: 1, dst, beside });
    stream.payload(&vec![0; 8 * config.beat_bytes()]);
    stream.push(Instruction::End { body: false });
    run(&mut device(&config, stream.bytes(), 1 << 16))
}

#[test]
fn a_matrix_beside_vectors_touches_nothing_of_theirs() {
    let refused = ErrorCode::IllegalInstruction as u32;
    let reads = |a, n| Vector { a, ..drain(n) };
    let codes = Vector { dst_kind: DstKind::Act, ..Vector::default() };
    // eight blocks of one output from word 4 on: words 4 and 5
    for (vectors, error) in [
        (vec![reads(0, 4)], 0),
        (vec![reads(6, 1)], 0),
        (vec![reads(0, 5)], refused),
        (vec![reads(5, 1), reads(0, 1)], refused),
        (vec![codes], 0),
        (vec![Vector { dst: 1, ..codes }], refused),
        (vec![codes, codes], refused),
        ([vec![codes, codes], vec![Vector::default(); 6]].concat(), refused),
        ([vec![codes, codes], vec![Vector::default(); 8]].concat(), 0),
        ([vec![reads(0, 5)], vec![Vector::default(); 7]].concat(), refused),
        ([vec![reads(0, 5)], vec![Vector::default(); 8]].concat(), 0),
        (vec![Vector::default()], 0),
    ] {
        assert_eq!(second_matrix(&vectors, 4, true), error, "{vectors:?}");
        assert_eq!(second_matrix(&vectors, 4, false), 0, "it waits: {vectors:?}");
    }
    let words = tiny().outputs / tiny().lanes;
    assert_eq!(second_matrix(&[], words as u16 - 2, false), 0);
    assert_eq!(second_matrix(&[], words as u16 - 1, false), refused, "beyond the accumulators");
}

#[test]
fn the_builder_lets_matrices_run_beside_vectors_where_that_is_legal() {
    let config = tiny();
    let mut stream = StreamBuilder::new(&config);
    let flags = |stream: &mut StreamBuilder, dst: u16, vectors: &[Vector]| {
        vectors.iter().for_each(|v| stream.vector(*v));
        let at = stream.bytes().len();
        stream.matmul_rows(dst, 16, 20, 1, |_, _, row| row.fill(0));
        stream.bytes()[at + 1]
    };
    let codes = Vector { dst_kind: DstKind::Act, ..Vector::default() };
    assert_eq!(flags(&mut stream, 0, &[codes]), 2, "it follows the codes that are being made");
    assert_eq!(flags(&mut stream, 0, &[Vector { dst: 1, ..codes }]), 0, "these begin elsewhere");
    assert_eq!(flags(&mut stream, 4, &[drain(4)]), 2);
    assert_eq!(
        flags(&mut stream, 0, &[Vector { a: 4, ..drain(4) }]),
        2,
        "what lies before the last matrix has ended"
    );
    assert_eq!(flags(&mut stream, 0, &[]), 2, "nothing reads there");
    assert_eq!(flags(&mut stream, 0, &[drain(1)]), 0, "a sum is read");
    stream.push(Instruction::End { body: false });
    assert_eq!(run(&mut device(&config, stream.bytes(), 1 << 16)), 0, "the golden model agrees");
}

/// Bytes 1 of LOADs of a word at 4 and at 9, behind a VECTOR.
fn loads_behind(v: Vector) -> [u8; 2] {
    let config = tiny();
    [4, 9].map(|dst| {
        let mut stream = StreamBuilder::new(&config);
        stream.vector(v);
        let at = stream.bytes().len();
        stream.load(dst, &[1.0]);
        let flags = stream.bytes()[at + 1];
        stream.push(Instruction::End { body: false });
        assert_eq!(run(&mut device(&config, stream.bytes(), 1 << 16)), 0, "the golden model agrees");
        flags
    })
}

#[test]
fn a_load_runs_beside_vectors_that_read_other_words() {
    assert_eq!(loads_behind(Vector::default()), [2, 2]);
    let factor = Vector { m_kind: MKind::Cmem, m: 3, n: 2, ..Vector::default() };
    assert_eq!(loads_behind(factor), [0, 2]);
    assert_eq!(loads_behind(Vector { m: 1, m_stride: 3, ..factor }), [0, 2], "the second row's part");
    let config = tiny();
    let mut stream = StreamBuilder::new(&config);
    stream.vector(factor);
    stream.push(Instruction::Load { words: 1, dst: 4, beside: true });
    stream.payload(&[0; 4]);
    stream.push(Instruction::End { body: false });
    assert_eq!(run(&mut device(&config, stream.bytes(), 1 << 16)), ErrorCode::IllegalInstruction as u32);
}

/// Runs VECTORs over words that begin with these values; scalars 0 and 1 of the row in the end.
fn reduced(values: &[f32], vectors: &[Vector]) -> Result<[u32; 2], u32> {
    let config = tiny();
    let mut stream = StreamBuilder::new(&config);
    put(&mut stream, 0, values, 4);
    vectors.iter().for_each(|v| stream.vector(*v));
    stream.push(Instruction::End { body: false });
    let mut golden = device(&config, stream.bytes(), 1 << 16);
    // the second row does not ask for logits
    golden.write_register(offset::ROWS, 2).unwrap();
    golden.record(true);
    let error = run(&mut golden);
    let log = golden.take_log();
    let last = |i: u32| {
        log.iter().rfind(|w| (w.kind, w.row, w.address) == (Write::SCALAR, 0, i)).map_or(0, |w| w.data[0])
    };
    if error == 0 { Ok([last(0), last(1)]) } else { Err(error & 0xff) }
}

#[test]
fn reductions_in_parts_are_those_of_the_whole() {
    let values: Vec<f32> = (0..96).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
    let whole = Vector { n: 24, reduce_max: Some(0), reduce_sum: Some(1), ..Vector::default() };
    let piece = |a: u16, n: u16, part: bool| Vector { a, n, part, ..whole };
    let want = reduced(&values, &[whole]).unwrap();
    assert_ne!(want[0], 0);
    assert_eq!(reduced(&values, &[piece(0, 7, true), piece(7, 1, true), piece(8, 16, false)]), Ok(want));
    assert_ne!(reduced(&values, &[piece(0, 7, false), piece(7, 17, false)]), Ok(want));
    let refused = Err(ErrorCode::IllegalInstruction as u32);
    let other = Vector { reduce_sum: None, ..piece(7, 17, false) };
    assert_eq!(reduced(&values, &[piece(0, 7, true), other]), refused, "the maximum alone");
    let head = Vector { head: true, ..piece(7, 17, false) };
    assert_eq!(reduced(&values, &[piece(0, 7, true), head]), refused, "other rows");
    assert_eq!(reduced(&values, &[Vector { rep: 2, n: 4, reduce_sum: None, ..piece(0, 4, true) }]), refused);
}

#[test]
fn what_the_order_of_rows_and_the_ports_do_not_allow_is_refused() {
    let error = |v: Vector| {
        let config = tiny();
        let mut stream = StreamBuilder::new(&config);
        stream.vector(v);
        stream.push(Instruction::End { body: false });
        run(&mut device(&config, stream.bytes(), 1 << 16))
    };
    let refused = ErrorCode::IllegalInstruction as u32;
    let topk = Vector { dst_kind: DstKind::Topk, ..Vector::default() };
    assert_eq!(error(topk), 0);
    assert_eq!(error(Vector { a_kind: AKind::Acc, ..topk }), refused, "accumulators do not come row by row");
    assert_eq!(error(Vector { reduce_sum: Some(0), ..topk }), refused, "nor do sums of squares");
    let scalar = Vector { a_kind: AKind::Sreg, dst_kind: DstKind::Sreg, ..Vector::default() };
    assert_eq!(error(scalar), 0);
    assert_eq!(error(Vector { reduce_max: Some(1), ..scalar }), refused, "one write port");
    let twice = Vector { zop: ZOp::Add, b_kind: BKind::Vmem, ..Vector::default() };
    assert_eq!(error(twice), refused, "one read port");
    assert_eq!(error(Vector { zop: ZOp::Pass, ..twice }), 0);
    assert_eq!(error(Vector { a_kind: AKind::Acc, ..twice }), 0);
}
