//! A small program that uses every instruction: one layer of a transformer, with weights from a seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;
use sterna_spec::config::Config;
use sterna_spec::isa::{AKind, BKind, DstKind, Func, Instruction, MKind, Pass, Vector, ZOp};
use sterna_spec::layout::{KvLayout, beats};
use sterna_spec::stream::StreamBuilder;

/// Elements of a row's vector.
pub const INPUTS: usize = HEADS * HEAD_SIZE;
/// Elements of a head.
pub const HEAD_SIZE: usize = 16;
/// Query heads.
pub const HEADS: usize = 4;
/// KV heads.
pub const KV_HEADS: usize = 2;
/// Positions.
pub const CONTEXT: usize = 64;
/// Tokens of the table.
pub const TOKENS: u32 = 24;
/// Logits, with padding.
pub const IDS: usize = 48;
/// Logits that TOPK takes.
pub const LIMIT: u32 = 45;
/// Beats before the KV areas.
pub const KV_OFFSET: u32 = 3;

/// Windows of attention, chosen by the seed: 0 for none, others smaller than most positions of the tests.
pub const WINDOWS: [u16; 4] = [1, 5, 0, 24];

/// Scalars of a row: free ones, then arrays for each query head.
mod scalar {
    pub const MAX: u8 = 0;
    pub const SUM: u8 = 1;
    pub const SCALE: u8 = 2;
    pub const HEAD_MAX: u8 = 4;
    pub const QUERY: u8 = 8;
    pub const WEIGHT: u8 = 12;
    pub const TOTAL: u8 = 16;
    pub const OUT: u8 = 20;
}

struct Builder<'c> {
    stream: StreamBuilder<'c>,
    /// Words of a row's vector, of a head.
    row: u16,
    head: u16,
    rng: ChaCha8Rng,
}

/// The program: gather, normalize, matrix, rotate, store K and V, attend, matrix, and behind the body's end selection and logits.
pub fn layer(config: &Config, seed: u64) -> Vec<u8> {
    program(config, seed, HEADS)
}

/// The same; only the queries of the first `early` heads are coded before attention begins, the others beside it.
pub fn program(config: &Config, seed: u64, early: usize) -> Vec<u8> {
    let lanes = config.lanes as usize;
    let mut b = Builder {
        stream: StreamBuilder::new(config),
        row: (INPUTS / lanes) as u16,
        head: (HEAD_SIZE / lanes) as u16,
        rng: ChaCha8Rng::seed_from_u64(seed),
    };
    let (row, head) = (b.row, b.head);
    let stride = |elements: usize| beats(config, 4 * elements) as u32;
    let gather = |words, by_position, shared, dst, addr, stride| Instruction::Gather {
        words,
        by_position,
        shared,
        dst,
        row_stride: if shared { words as u8 } else { 0 },
        addr,
        stride,
    };
    b.stream.push(gather(row, false, false, 0, 0, stride(INPUTS)));
    b.stream.push(gather(head, true, true, 0, TOKENS * stride(INPUTS), stride(HEAD_SIZE)));
    b.codes(0);
    b.matmul(0, INPUTS, INPUTS, 2);
    b.queries(early);
    // beside the work on the queries
    b.matmul(row, 2 * KV_HEADS * HEAD_SIZE, INPUTS, 2);
    b.keys_and_values(config);
    b.attention(config, WINDOWS[seed as usize % WINDOWS.len()], early);
    b.codes(0);
    b.stream.push(Instruction::End { body: true });
    b.matmul(0, IDS, INPUTS, 3);
    b.head(IDS / lanes);
    b.stream.push(Instruction::End { body: false });
    b.stream.into_bytes()
}

impl Builder<'_> {
    /// Activation codes of the row's vector at word `a`: normalized by its largest element, its sum of squares noted.
    fn codes(&mut self, a: u16) {
        use scalar::{MAX, SCALE, SUM};
        let x = Vector { n: self.row, a, ..Vector::default() };
        // in two pieces
        let first = self.row / 3;
        let reduced = Vector { reduce_max: Some(MAX), reduce_sum: Some(SUM), ..x };
        self.stream.vector(Vector { n: first, part: true, ..reduced });
        self.stream.vector(Vector { n: self.row - first, a: a + first, ..reduced });
        let one = Vector { n: 1, a_kind: AKind::Sreg, dst_kind: DstKind::Sreg, ..Vector::default() };
        let recip =
            Vector { a: MAX.into(), m_kind: MKind::Imm, imm_m: 1.0 / 127.0, func: Func::Recip, ..one };
        self.stream.vector(Vector { dst: SCALE.into(), ..recip });
        let rsqrt = Vector { a: SUM.into(), func: Func::Rsqrt, zop: ZOp::Square, ..one };
        self.stream.vector(Vector { dst: SCALE as u16 + 1, ..rsqrt });
        self.stream.vector(Vector { m_kind: MKind::Sreg, m: SCALE.into(), dst_kind: DstKind::Act, ..x });
    }

    fn matmul(&mut self, dst: u16, outputs: usize, inputs: usize, planes: u8) {
        let trits: Vec<i8> =
            (0..planes as usize * outputs * inputs).map(|_| self.rng.random_range(-1..=1)).collect();
        self.stream.matmul_rows(dst, outputs, inputs, planes, |p, n, row| {
            row.copy_from_slice(&trits[(p as usize * outputs + n) * inputs..][..inputs]);
        });
    }

    /// Sets `n` scalars from `dst` on to `value` (positive): 0 times whatever is there loses against it, NaN included.
    fn constant(&mut self, dst: u8, n: u16, value: f32) {
        self.stream.vector(Vector {
            n,
            a_kind: AKind::Sreg,
            a: dst.into(),
            m_kind: MKind::Imm,
            imm_m: 0.0,
            zop: ZOp::Max,
            imm_b: value.to_bits(),
            dst_kind: DstKind::Sreg,
            dst: dst.into(),
            ..Vector::default()
        });
    }

    /// A row's vector of accumulators from word `a` on, as yet to nowhere.
    fn sums(&self, a: u16) -> Vector {
        let (a_kind, m_kind) = (AKind::Acc, MKind::Imm);
        Vector { n: self.row, a_kind, a, m_kind, imm_m: 1.0 / 4096.0, ..Vector::default() }
    }

    /// Queries to vector memory behind the row's vector, rotated, and those of the first heads to codes.
    fn queries(&mut self, early: usize) {
        let (row, head, heads) = (self.row, self.head, HEADS as u8);
        let drain = self.sums(0);
        self.stream.vector(Vector { dst_kind: DstKind::Vmem, dst: row, ..drain });
        // rotated half times the position's row of shared memory, plus the straight one
        let rotated = Vector {
            n: head,
            rep: heads,
            a: row,
            rotate: true,
            m_kind: MKind::Cmem,
            m_stride: head as u8,
            ..Vector::default()
        };
        self.stream.vector(Vector { dst_kind: DstKind::Vmem, dst: 3 * row, ..rotated });
        let straight = Vector { n: head, rep: heads, a_kind: AKind::Acc, ..drain };
        let sum = Vector { zop: ZOp::Add, b_kind: BKind::Vmem, b: 3 * row, ..straight };
        let largest = Some(scalar::HEAD_MAX);
        self.stream.vector(Vector { dst_kind: DstKind::Vmem, dst: 3 * row, reduce_max: largest, ..sum });
        self.query_codes(0..early);
        // small enough that many tokens have a weight: scores of random keys spread over a few powers of two
        self.constant(scalar::QUERY, HEADS as u16, 1.0 / 400_000.0);
    }

    fn query_codes(&mut self, heads: Range<usize>) {
        let dst = heads.start as u16 * self.head;
        let (m_kind, imm_m, dst_kind) = (MKind::Imm, 10000.0, DstKind::Query);
        let of = Vector { n: self.head, rep: heads.len() as u8, a: 3 * self.row + dst, ..Vector::default() };
        self.stream.vector(Vector { m_kind, imm_m, dst_kind, dst, ..of });
    }

    /// K and V with scales to memory.
    fn keys_and_values(&mut self, config: &Config) {
        let (row, head, kv) = (self.row, self.head, KV_HEADS as u8);
        let drain = self.sums(row);
        self.stream.vector(Vector { dst_kind: DstKind::Vmem, dst: 2 * row, ..drain });
        let scales =
            Vector { n: kv.into(), a_kind: AKind::Sreg, a: scalar::HEAD_MAX.into(), ..Vector::default() };
        for which in 0..2 {
            let a = 2 * row + which * u16::from(kv) * head;
            let codes = Vector {
                n: head,
                rep: kv,
                a,
                m_kind: MKind::Imm,
                imm_m: 127.0,
                addr: KV_OFFSET,
                ..Vector::default()
            };
            self.stream.vector(Vector { dst_kind: DstKind::Kv, dst: which, ..codes });
            self.stream.vector(Vector { dst_kind: DstKind::KvScale, dst: which, addr: KV_OFFSET, ..scales });
        }
        // the four words of the kernel: every head size in use is a whole number of segments
        debug_assert_eq!(HEAD_SIZE % config.attention_width as usize, 0);
    }

    /// Attention of all heads, added to the row's vector.
    fn attention(&mut self, config: &Config, window: u16, early: usize) {
        let kv = KvLayout::new(config, HEAD_SIZE, CONTEXT);
        let pass = |h: u8| Pass { kv_head: h.into(), heads: vec![2 * h, 2 * h + 1] };
        let [scale, smax, ssum] = [scalar::QUERY, scalar::WEIGHT, scalar::TOTAL];
        let (segments, beside, addr) = (kv.segments as u16, early < HEADS, KV_OFFSET);
        let queries = if beside { early as u16 * self.head } else { 0 };
        let attention =
            Instruction::Attn { passes: 0, segments, window, scale, smax, ssum, addr, beside, queries };
        self.stream.attention_of(&[pass(0), pass(1)], attention);
        if beside {
            self.query_codes(early..HEADS);
        }
        let after = if beside { HEADS as u8 } else { 0 };
        let out = Vector {
            n: HEADS as u16,
            after,
            a_kind: AKind::Sreg,
            dst_kind: DstKind::Sreg,
            dst: scalar::OUT.into(),
            ..Vector::default()
        };
        self.stream.vector(Vector {
            a: scalar::TOTAL.into(),
            m_kind: MKind::Imm,
            imm_m: 1.0 / 32.0,
            func: Func::Recip,
            ..out
        });
        let (m_kind, m_inc) = (MKind::Sreg, true);
        self.stream.vector(Vector { a: scalar::OUT.into(), m_kind, m: scalar::WEIGHT.into(), m_inc, ..out });
        let add = Vector {
            after,
            n: self.head,
            rep: HEADS as u8,
            a_kind: AKind::Att,
            zop: ZOp::Add,
            b_kind: BKind::Vmem,
            ..Vector::default()
        };
        self.stream.vector(Vector { m_kind, m: scalar::OUT.into(), m_inc, dst_kind: DstKind::Vmem, ..add });
    }

    /// Selection and logits of the rows that ask for them.
    fn head(&mut self, words: usize) {
        let dst = 2 * self.row;
        let logits = Vector { head: true, n: words as u16, a: dst, ..Vector::default() };
        let (a_kind, dst_kind) = (AKind::Acc, DstKind::Vmem);
        self.stream.vector(Vector { a: 0, a_kind, m_kind: MKind::Imm, imm_m: 0.5, dst_kind, dst, ..logits });
        self.stream.vector(Vector { dst_kind: DstKind::Topk, imm_b: LIMIT, ..logits });
        self.stream.vector(Vector { dst_kind: DstKind::Logits, ..logits });
    }
}

#[cfg(test)]
mod tests {
    use sterna_spec::golden::{Golden, Write};
    use sterna_spec::registers::offset;

    use super::*;
    use crate::bench::{Bench, Row, four_rows, one_row};

    /// The golden model runs the program, and nothing in it is dull: no NaN, few zeros, many different logits.
    #[test]
    fn the_golden_model_runs_it() {
        use sterna_spec::device::Device;
        for config in [one_row(), four_rows()] {
            assert_eq!(config.check(), Vec::<String>::new());
            let bench = Bench::new(&config);
            let mut golden = Golden::new(&config);
            golden.record(true);
            bench.prepare(&mut golden, 1).unwrap();
            bench.load(&mut golden, &layer(&config, 2)).unwrap();
            let row = |r: u32| Row { token: 3 * r + 1, position: 5 * r + 2, logits: true };
            let rows: Vec<_> = (0..config.rows).map(row).collect();
            assert_eq!(bench.step(&mut golden, &rows).unwrap(), 0);
            let log = golden.take_log();
            let data: Vec<f32> = log.iter().flat_map(|w| &w.data).map(|&b| f32::from_bits(b)).collect();
            let kinds: std::collections::BTreeSet<u8> = log.iter().map(|w| w.kind).collect();
            assert_eq!(
                kinds.into_iter().collect::<Vec<_>>(),
                [1, 2, 3, 4, 5, 6, 7, 8, Write::SCALAR, Write::WEIGHTS]
            );
            let nan = |w: &&Write| {
                ![3, 4, 5].contains(&w.kind) && w.data.iter().any(|&b| f32::from_bits(b).is_nan())
            };
            assert_eq!(log.iter().find(nan), None);
            assert!(data.iter().filter(|x| **x == 0.0).count() < data.len() / 4);
            let best: Vec<u32> =
                (0..8).map(|i| golden.read_register(offset::TOPK + 4 * i).unwrap()).collect();
            assert!(f32::from_bits(best[1]) > f32::from_bits(best[7]), "{best:?}");
        }
    }
}
