//! VECTORs beside an ATTN: what the golden model takes and refuses, and that the numbers are those of one after the other.

use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::{Golden, Write};
use sterna_spec::isa::{AKind, BKind, DstKind, Instruction, Pass, Vector, ZOp};
use sterna_spec::registers::{ErrorCode, control, offset};
use sterna_spec::stream::StreamBuilder;

/// Words of a head, segments, heads.
const WORDS: u16 = 8;
const SEGMENTS: u16 = 4;
const HEADS: u8 = 2;
/// First SREG of the query scales, of the weight maxima, of the sums.
const SCALARS: [u8; 3] = [10, 20, 30];

/// What a program of some instructions around an ATTN of two heads leaves: its error, its log.
fn run(before: &[Vector], [beside, queries]: [u16; 2], behind: &[Vector]) -> (u32, Vec<Write>) {
    let config = Config::preset("tiny").unwrap();
    let mut stream = StreamBuilder::new(&config);
    before.iter().for_each(|v| stream.vector(*v));
    let [scale, smax, ssum] = SCALARS;
    let (segments, beside) = (SEGMENTS, beside == 1);
    let attention =
        Instruction::Attn { passes: 0, segments, window: 0, scale, smax, ssum, addr: 0, beside, queries };
    stream.attention_of(
        &(0..HEADS).map(|h| Pass { kv_head: 0, heads: vec![h] }).collect::<Vec<_>>(),
        attention,
    );
    behind.iter().for_each(|v| stream.vector(*v));
    stream.push(Instruction::End { body: false });
    let mut golden = Golden::new(&config);
    golden.reserve_memory(1 << 16).unwrap();
    golden.write_memory(0, stream.bytes()).unwrap();
    let cache: Vec<u8> = (0..4096u32).map(|i| if i % 4 == 3 { 0x3f } else { (i * 37 + 11) as u8 }).collect();
    golden.write_memory(1 << 15, &cache).unwrap();
    let beat = config.beat_bytes() as u32;
    let beats = stream.bytes().len() as u32 / beat;
    for (at, value) in [
        (offset::PROGRAM_BEATS, beats),
        (offset::ROWS, 1),
        (offset::ROW + 4, 5),
        (offset::ROW + 8, (1 << 15) / beat),
        (offset::KV_SCALE_BEATS, 64),
        (offset::KV_DATA_BEATS, 64),
    ] {
        golden.write_register(at, value).unwrap();
    }
    golden.record(true);
    golden.write_register(offset::CONTROL, control::START).unwrap();
    golden.wait().unwrap();
    (golden.read_register(offset::ERROR).unwrap() & 0xff, golden.take_log())
}

/// Codes of a head: those that 1 to 5 make.
fn codes(head: u16) -> Vector {
    let (dst_kind, dst) = (DstKind::Query, head * WORDS);
    let imm_b = (f32::from(head) + 3.0).to_bits();
    Vector { n: WORDS, zop: ZOp::Add, b_kind: BKind::Imm, imm_b, dst_kind, dst, ..Vector::default() }
}

/// Attention's sums of some heads to vector memory, after so many.
fn sums(first: u16, heads: u8, after: u8) -> Vector {
    let word = first * WORDS;
    let (a_kind, dst_kind) = (AKind::Att, DstKind::Vmem);
    Vector { n: WORDS, rep: heads, a_kind, a: word, dst_kind, dst: word, after, ..Vector::default() }
}

/// A scalar to a scalar.
fn scalar(a: u8, dst: u8, after: u8) -> Vector {
    let (a_kind, dst_kind) = (AKind::Sreg, DstKind::Sreg);
    Vector { a_kind, a: a.into(), dst_kind, dst: dst.into(), after, ..Vector::default() }
}

#[test]
fn numbers_are_those_of_one_after_the_other() {
    let scales = [0, 1].map(|h| {
        let imm_b = (0.01 + f32::from(h)).to_bits();
        Vector { zop: ZOp::Add, imm_b, ..scalar(0, SCALARS[0] + h, 0) }
    });
    let before = [&scales[..], &[codes(0)]].concat();
    let all = [&before[..], &[codes(1)]].concat();
    let results = |(error, log): (u32, Vec<Write>)| {
        assert_eq!(error, 0);
        let of = |kind: u8| log.iter().filter(move |w| w.kind == kind).map(|w| (w.address, w.data.clone()));
        of(Write::WEIGHTS).chain(of(DstKind::Vmem as u8)).collect::<Vec<_>>()
    };
    let want = results(run(&all, [0, 0], &[sums(0, 2, 0)]));
    assert!(want.iter().any(|(_, data)| data.iter().any(|x| *x != 0)), "not all is zero");
    assert_eq!(results(run(&before, [1, WORDS], &[codes(1), sums(0, 1, 1), sums(1, 1, 2)])), want);
    assert_eq!(results(run(&all, [1, 0], &[sums(0, 2, 2)])), want, "no codes are awaited");
}

#[test]
fn a_vector_beside_attention_touches_nothing_of_its() {
    let refused = ErrorCode::IllegalInstruction as u32;
    let [_, smax, ssum] = SCALARS;
    let kv = Vector { n: WORDS, dst_kind: DstKind::Kv, ..Vector::default() };
    let largest = |s: u8| Vector { reduce_max: Some(s), ..Vector::default() };
    for (queries, behind, error) in [
        (0, vec![], 0),
        (0, vec![sums(0, 1, 1), sums(1, 1, 2)], 0),
        (0, vec![sums(0, 1, 0)], refused),
        (0, vec![sums(0, 2, 1)], refused),
        (0, vec![sums(0, 1, 3)], refused),
        (0, vec![codes(1)], refused),
        (0, vec![kv], refused),
        (0, vec![scalar(0, 1, 0)], 0),
        (0, vec![scalar(smax, 1, 1)], 0),
        (0, vec![scalar(smax + 1, 1, 1)], refused),
        (0, vec![scalar(0, ssum, 0)], refused),
        (0, vec![largest(ssum)], refused),
        (0, vec![scalar(SCALARS[0], 1, 0)], 0),
        (0, vec![scalar(1, SCALARS[0], 0)], refused),
        (WORDS, vec![], refused),
        (WORDS, vec![codes(1)], 0),
        (WORDS, vec![codes(0)], refused),
        (WORDS, vec![sums(0, 1, 1), codes(1)], refused),
        (WORDS, vec![scalar(0, ssum + 1, 0), codes(1)], 0),
        (WORDS, vec![codes(1), scalar(0, ssum + 1, 0)], refused),
        (WORDS, vec![scalar(0, SCALARS[0] + 1, 0), codes(1)], 0),
        (WORDS, vec![codes(1), scalar(0, SCALARS[0] + 1, 0)], refused),
    ] {
        assert_eq!(run(&[], [1, queries], &behind).0, error, "codes from {queries}: {behind:?}");
        let plain: Vec<_> = behind.iter().map(|v| Vector { after: 0, ..*v }).collect();
        assert_eq!(run(&[], [0, 0], &plain).0, 0, "attention has ended: {behind:?}");
    }
}
