//! A step on the golden model: memories filled by instructions, then random instructions; and the same on the unit.

use super::bench::{Bench, Outcome, bursts};
use super::random::Maker;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::{Golden, Write};
use sterna_spec::isa::{AKind, DstKind, Instruction, MKind, Pass, Vector};
use sterna_spec::registers::{ROW_BYTES, control, offset};
use sterna_spec::stream::StreamBuilder;

/// First beats of the tables in the golden model's memory.
const TABLE_BEAT: u32 = 1 << 14;
const KV_BEAT: u32 = 1 << 15;
const RESULT_BEAT: u32 = 1 << 17;
const MEMORY_BEATS: u64 = 1 << 18;

/// What a step did on the golden model.
pub struct Step {
    pub config: Config,
    pub rows: u32,
    pub logits: Vec<bool>,
    vmem: Vec<Vec<f32>>,
    cmem: Vec<f32>,
    /// Instructions by number; `None` for those that are not VECTOR.
    pub instructions: Vec<Option<Vector>>,
    log: Vec<Write>,
    acc: Vec<Vec<i64>>,
    att: Vec<Vec<i64>>,
}

/// Numbers with ties of the quantizers, extremes and specials among them.
fn value(rng: &mut ChaCha8Rng) -> f32 {
    match rng.random_range(0..12) {
        0 => f32::from_bits(rng.random()),
        1 => [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-39, 3e38][rng.random_range(0..7)],
        2..=4 => rng.random_range(-300..300) as f32 * 0.5,
        _ => rng.random_range(-4.0..4.0),
    }
}

/// Instructions that fill all memories and bring attention's sums into view.
fn setup(c: &Config) -> Vec<Vector> {
    let scale = |imm_m| Vector { m_kind: MKind::Imm, imm_m, ..Vector::default() };
    let mut all = Vec::new();
    let mut at = 0;
    while at < c.scalars {
        let rep = (c.scalars - at).min(c.vector_words).min(255);
        all.push(Vector { rep: rep as u8, reduce_max: Some(at as u8), ..Vector::default() });
        at += rep;
    }
    let negate =
        Vector { n: c.scalars as u16 / 2, a_kind: AKind::Sreg, dst_kind: DstKind::Sreg, ..scale(-1.0) };
    all.push(negate);
    let words = |total: u32, dst_kind: DstKind, imm_m: f32| {
        let step = c.vector_words.min(total);
        (0..total.div_ceil(step)).map(move |i| {
            let n = step.min(total - i * step) as u16;
            Vector { n, dst: (i * step) as u16, dst_kind, ..scale(imm_m) }
        })
    };
    all.extend(words(c.activations / c.lanes, DstKind::Act, 0.7));
    all.extend(words(c.heads * c.head_size / c.lanes, DstKind::Query, 33.0));
    let head = (c.head_size / c.lanes) as u16;
    for dst in [0, 1] {
        let n = head;
        all.push(Vector { n, rep: 2, a: dst, dst, dst_kind: DstKind::Kv, ..scale(5.0) });
        all.push(Vector { n: 2, a: 3, a_kind: AKind::Sreg, dst, dst_kind: DstKind::KvScale, ..scale(1.0) });
    }
    all
}

fn row_registers(golden: &mut Golden, row: u32, logits: bool) {
    let at = offset::ROW + ROW_BYTES * row;
    for (i, x) in [row, 0, KV_BEAT + 2048 * row, logits.into()].into_iter().enumerate() {
        golden.write_register(at + 4 * i as u32, x).expect("a register");
    }
}

/// The instruction stream: all but VECTOR carry `None`.
struct Stream<'c> {
    builder: StreamBuilder<'c>,
    instructions: Vec<Option<Vector>>,
}

impl<'c> Stream<'c> {
    fn new(c: &'c Config, cmem: &[f32], rng: ChaCha8Rng, count: usize) -> Self {
        let mut s = Stream { builder: StreamBuilder::new(c), instructions: vec![None; 2] };
        s.builder.push(Instruction::Gather {
            words: c.vector_words as u16,
            by_position: false,
            shared: false,
            dst: 0,
            row_stride: 0,
            addr: TABLE_BEAT,
            stride: table_stride(c),
        });
        s.builder.load(0, cmem);
        setup(c).into_iter().for_each(|v| s.vector(v));
        s.builder.matmul(c.outputs as usize, c.activations as usize, 5, weight);
        let passes: Vec<Pass> = (0..c.heads).map(|h| Pass { kv_head: h % 2, heads: vec![h as u8] }).collect();
        s.builder.attention(&passes, (c.head_size / c.attention_width) as u16, 0, [1, 10, 20], 0);
        s.instructions.extend([None, None]);
        let n = (c.heads * c.head_size / c.lanes) as u16;
        s.vector(Vector { n, a_kind: AKind::Att, dst_kind: DstKind::Logits, ..Vector::default() });
        let mut maker = Maker { config: c, rng, open: None };
        (0..count).for_each(|_| s.vector(maker.next()));
        s.builder.push(Instruction::End { body: false });
        s
    }

    fn vector(&mut self, v: Vector) {
        self.builder.vector(v);
        self.instructions.push(Some(v));
    }
}

/// Beats of a row of the table that GATHER reads.
fn table_stride(c: &Config) -> u32 {
    (4 * c.vector_words * c.lanes).div_ceil(c.beat_bytes() as u32)
}

/// Runs the stream on the golden model.
fn execute(
    c: &Config,
    vmem: &[Vec<f32>],
    stream: &Stream<'_>,
    rows: u32,
    logits: &[bool],
) -> Result<Vec<Write>, String> {
    let mut golden = Golden::new(c);
    let beat = c.beat_bytes() as u64;
    golden.reserve_memory(MEMORY_BEATS * beat).map_err(|e| e.to_string())?;
    let mut write = |at: u64, bytes: &[u8]| golden.write_memory(at, bytes).map_err(|e| e.to_string());
    for (r, row) in vmem.iter().enumerate() {
        let bytes: Vec<u8> = row.iter().flat_map(|x| x.to_le_bytes()).collect();
        write((u64::from(TABLE_BEAT) + r as u64 * u64::from(table_stride(c))) * beat, &bytes)?;
    }
    write(0, stream.builder.bytes())?;
    for r in 0..c.rows {
        row_registers(&mut golden, r, logits[r as usize]);
    }
    let registers = [
        (offset::ROWS, rows),
        (offset::PROGRAM_BEATS, stream.builder.beats() as u32),
        (offset::RESULT_BASE, RESULT_BEAT),
        (offset::RESULT_STRIDE, 4096),
        (offset::KV_SCALE_BEATS, 32),
        (offset::KV_DATA_BEATS, 64),
        (offset::CONTROL, control::START),
    ];
    golden.record(true);
    for (at, x) in registers {
        golden.write_register(at, x).map_err(|e| e.to_string())?;
    }
    let error = golden.read_register(offset::ERROR).map_err(|e| e.to_string())?;
    let at = stream.instructions.get((error >> 16) as usize);
    if error == 0 { Ok(golden.take_log()) } else { Err(format!("error {error:#x} at {at:?}")) }
}

/// Weight of the test's matrix.
fn weight(plane: u8, n: usize, k: usize) -> i8 {
    ((n * 7 + k * 5 + n * k + usize::from(plane) * 11) % 3) as i8 - 1
}

impl Step {
    /// Fills the memories and executes `count` random instructions on the golden model.
    pub fn new(config: &Config, seed: u64, count: usize) -> Step {
        let c = config;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = if rng.random() { c.rows } else { rng.random_range(1..=c.rows) };
        let logits: Vec<bool> = (0..c.rows).map(|_| rng.random()).collect();
        let fill = |words: u32, rng: &mut ChaCha8Rng| (0..words * c.lanes).map(|_| value(rng)).collect();
        let vmem: Vec<Vec<f32>> = (0..c.rows).map(|_| fill(c.vector_words, &mut rng)).collect();
        let cmem: Vec<f32> = fill(c.shared_words, &mut rng);
        let stream = Stream::new(c, &cmem, rng, count);
        let log = execute(c, &vmem, &stream, rows, &logits).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let (config, instructions) = (c.clone(), stream.instructions);
        let none = Vec::new();
        let mut step =
            Step { config, rows, logits, vmem, cmem, instructions, log, acc: none.clone(), att: none };
        step.integers();
        step
    }

    /// Results of instruction `i`.
    pub fn results(&self, i: usize, scalars: bool) -> Vec<Write> {
        let scalar = |w: &Write| [Write::SCALAR, Write::WEIGHTS].contains(&w.kind);
        let own = self.log.iter().filter(|w| w.instruction as usize == i && scalar(w) == scalars);
        own.map(|w| Write { instruction: 0, ..w.clone() }).collect()
    }

    fn other(&self, nth: usize) -> usize {
        let mut all = self.instructions.iter().enumerate().filter(|(_, v)| v.is_none()).map(|(i, _)| i);
        all.nth(nth).unwrap_or_else(|| panic!("no such instruction"))
    }

    /// Accumulators from the logged codes; attention's sums (below 2^24: one token) from their logged values.
    fn integers(&mut self) {
        let c = &self.config;
        let (outputs, inputs, lanes) = (c.outputs as usize, c.activations as usize, c.lanes as usize);
        let (matmul, look) = (self.other(2), self.other(3) + 1);
        self.att = vec![vec![0; (c.heads * c.head_size) as usize]; c.rows as usize];
        let mut codes = vec![vec![0i64; inputs]; c.rows as usize];
        for w in &self.log {
            let place = |l: usize| (w.row as usize, w.address as usize * lanes + l);
            let of = w.instruction as usize;
            for (l, &x) in w.data.iter().enumerate() {
                if w.kind == DstKind::Act as u8 && of < matmul {
                    let (row, at) = place(l);
                    codes[row][at] = i64::from(x as i32);
                }
                if of == look {
                    self.att[w.row as usize][w.address as usize + l] = f32::from_bits(x) as i64;
                }
            }
        }
        let total = |k: usize, n: usize| (0..5).fold(0i64, |sum, p| sum * 3 + i64::from(weight(p, n, k)));
        let row = |codes: &Vec<i64>| {
            (0..outputs).map(|n| (0..inputs).map(|k| codes[k] * total(k, n)).sum()).collect()
        };
        self.acc = codes.iter().map(row).collect();
    }

    /// Brings a bench into the state after the instructions that are not VECTOR.
    fn fill(&self, bench: &mut Bench) {
        let lanes = self.config.lanes as usize;
        bench.rows(self.rows, &self.logits);
        bench.restart();
        let words = |x: &[f32]| -> Vec<Vec<u32>> {
            x.chunks(lanes).map(|w| w.iter().map(|x| x.to_bits()).collect()).collect()
        };
        for (row, x) in self.vmem.iter().enumerate() {
            words(x).iter().enumerate().for_each(|(i, w)| bench.load(Some(row), i, w));
        }
        words(&self.cmem).iter().enumerate().for_each(|(i, w)| bench.load(None, i, w));
        bench.acc = self.acc.clone();
        bench.att = self.att.clone();
    }

    /// Executes the step on the unit and compares everything; the first difference as a sentence.
    pub fn compare(&self, bench: &mut Bench, seed: u64) -> Result<Vec<(Vector, Outcome)>, String> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xb0b);
        self.fill(bench);
        let mut outcomes = Vec::new();
        for (i, v) in self.instructions.iter().enumerate() {
            let (words, scalars) = (self.results(i, false), self.results(i, true));
            let Some(v) = v else {
                for w in &scalars {
                    assert_eq!(&bench.scalar(w), w, "seed {seed}");
                }
                continue;
            };
            let percent = [0, 0, 30, 80][rng.random_range(0..4)];
            let outcome = bench.run(v, bursts(&mut rng, percent));
            let say = |what: &str, got: &[Write], want: &[Write]| {
                let at = (0..got.len().max(want.len())).find(|&k| got.get(k) != want.get(k)).unwrap_or(0);
                let (got, want) = (got.get(at), want.get(at));
                format!("seed {seed}, instruction {i} {v:?}\n{what} {at}: got {got:x?}, expected {want:x?}")
            };
            if outcome.words != words {
                return Err(say("word", &outcome.words, &words));
            }
            if outcome.scalars != scalars {
                return Err(say("scalar", &outcome.scalars, &scalars));
            }
            let last = |k: usize| words.get(k + 1).is_none_or(|next| next.address != words[k].address);
            let whole: Vec<[u32; 2]> = (0..words.len())
                .filter(|&k| [3, 4].contains(&words[k].kind) && last(k))
                .map(|k| [words[k].kind.into(), words[k].address])
                .collect();
            if outcome.whole != whole {
                let got = &outcome.whole;
                return Err(format!("seed {seed}, instruction {i} {v:?}\nwhole: {got:?}, not {whole:?}"));
            }
            if let Some(what) = &outcome.attention {
                return Err(format!("seed {seed}, beside instruction {i} {v:?}\n{what}"));
            }
            outcomes.push((*v, outcome));
        }
        Ok(outcomes)
    }
}
