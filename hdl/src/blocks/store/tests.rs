//! Every byte goes where the layout says, no other is written, beats are merged, and nothing is lost in stalls.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::isa::{AKind, Instruction, Vector};
use sterna_spec::layout::KvLayout;

use super::*;

type Memory = BTreeMap<u64, u8>;

struct Bench {
    config: Config,
    sim: Sim,
    random: ChaCha8Rng,
    /// Bytes by address, as written by the unit and as they should be.
    got: Memory,
    want: Memory,
    beats: usize,
    held: usize,
    pace: f64,
    stalled: Option<Bits>,
    rows: Vec<[u32; 4]>,
}

const SCALE_BEATS: u32 = 37;
const DATA_BEATS: u32 = 91;
const RESULT_BASE: u32 = 0x1_0000;
const RESULT_STRIDE: u32 = 0x1000;

impl Bench {
    fn new(config: Config, pace: f64, seed: u64) -> Bench {
        let m = store(&config);
        m.check().unwrap_or_else(|e| panic!("{e}"));
        Bench::of(&m, config, pace, seed)
    }

    /// Around a unit that may have a fault.
    fn of(m: &Module, config: Config, pace: f64, seed: u64) -> Bench {
        println!(
            "{} lanes, U {}, B {}, seed {seed}",
            config.lanes,
            config.attention_width,
            config.beat_bytes()
        );
        assert_eq!(config.check(), Vec::<String>::new());
        let mut sim = Sim::seeded(m, seed).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rows: Vec<[u32; 4]> = (0..config.rows)
            .map(|r| [random.random(), random.random_range(0..config.context), 0x10_0000 * (r + 1), 0])
            .collect();
        let words: Vec<u8> = rows.iter().flatten().flat_map(|w| w.to_le_bytes()).collect();
        sim.set("row_info", Bits::from_bytes(128 * config.rows, &words));
        let registers = [
            ("kv_scale_beats", SCALE_BEATS),
            ("kv_data_beats", DATA_BEATS),
            ("result_base", RESULT_BASE),
            ("result_stride", RESULT_STRIDE),
        ];
        registers.iter().for_each(|(name, value)| sim.set(name, *value));
        let (got, want) = (Memory::new(), Memory::new());
        Bench { config, sim, random, got, want, beats: 0, held: 0, pace, stalled: None, rows }
    }

    /// One cycle; takes a beat with probability `pace`.
    fn tick(&mut self) {
        let ready = self.random.random_bool(self.pace);
        self.sim.set("w_ready", ready);
        let size = self.config.beat_bytes() as u32;
        let beat = self.sim.is_high("w_valid").then(|| self.sim.bits("w_data"));
        if let Some(before) = self.stalled.take() {
            assert_eq!(beat.as_ref(), Some(&before), "an offered beat changed");
        }
        if let Some(beat) = beat {
            if ready {
                self.beats += 1;
                let at = beat.slice(9 * size, 32).to_u64() * u64::from(size);
                for i in (0..size).filter(|i| beat.bit(8 * size + i)) {
                    self.got.insert(at + u64::from(i), beat.slice(8 * i, 8).to_u64() as u8);
                }
            } else {
                self.stalled = Some(beat);
            }
        }
        self.sim.tick();
    }

    fn word(&mut self, kind: DstKind, place: [usize; 3], data: &[u8]) {
        self.held = if self.sim.is_high("hold") { self.held + 1 } else { 0 };
        while self.held > OUT_SLACK && self.sim.is_high("hold") {
            self.tick();
        }
        let fields =
            [("in_kind", kind as usize), ("in_row", place[0]), ("in_rep", place[1]), ("in_word", place[2])];
        fields.iter().for_each(|(name, value)| self.sim.set(name, *value));
        self.sim.set("in_valid", 1);
        self.sim.set("in_data", Bits::from_bytes(32 * self.config.lanes, data));
        self.tick();
        self.sim.set("in_valid", 0);
    }

    fn expect(&mut self, beat: u64, byte: usize, data: &[u8]) {
        let at = beat * self.config.beat_bytes() as u64 + byte as u64;
        self.want.extend(data.iter().enumerate().map(|(i, b)| (at + i as u64, *b)));
    }

    /// Row, repetition and word of an instruction's words, in the order of the vector unit.
    fn order(&self, v: &Vector) -> Vec<[usize; 3]> {
        let segment = (self.config.attention_width / self.config.lanes) as usize;
        let words = usize::from(v.rep) * usize::from(v.n);
        let place = |row, i| [row, i / usize::from(v.n), i % usize::from(v.n)];
        let all = (0..self.rows.len()).flat_map(|row| (0..words).map(move |i| place(row, i)));
        let mut all: Vec<_> = all.collect();
        match v.dst_kind {
            DstKind::Kv => all.sort_by_key(|&[row, rep, i]| (rep, i / segment, row)),
            DstKind::KvScale => all.sort_by_key(|&[row, _, i]| (i, row)),
            _ => {}
        }
        all
    }

    /// Rows of one sequence at positions from `first` on.
    fn sequence(&mut self, first: u32) {
        let base = self.rows[0][2];
        (first..).zip(&mut self.rows).for_each(|(position, row)| *row = [0, position, base, 0]);
        let words: Vec<u8> = self.rows.iter().flatten().flat_map(|w| w.to_le_bytes()).collect();
        self.sim.set("row_info", Bits::from_bytes(128 * self.config.rows, &words));
    }

    /// Runs an instruction over all rows; what it must write follows the definition of the layout.
    fn run(&mut self, v: Vector, gaps: bool) {
        self.sim.set("insn", Bits::from_bytes(256, &Instruction::Vector(v).encode()));
        // the vector unit takes longer to its first word
        (0..4).for_each(|_| self.tick());
        let (lanes, width) = (self.config.lanes as usize, self.config.attention_width as usize);
        let (n, value) = (usize::from(v.n), v.dst != 0);
        let kv = KvLayout {
            scale_beats: SCALE_BEATS as usize,
            data_beats: DATA_BEATS as usize,
            segments: n * lanes / width,
        };
        for [row, rep, i] in self.order(&v) {
            let [_, position, kv_base, _] = self.rows[row];
            let area = |head: usize| u64::from(kv_base + v.addr) + (head * kv.area_beats()) as u64;
            let data: Vec<u8> = (0..4 * lanes).map(|_| self.random.random()).collect();
            match v.dst_kind {
                DstKind::Kv => {
                    let byte = kv.segment_byte(&self.config, position as usize, i * lanes / width);
                    let beat = area(rep) + kv.data(value) as u64;
                    self.expect(beat, byte + i * lanes % width, &data[..lanes]);
                }
                DstKind::KvScale => {
                    self.expect(area(i) + kv.scales(value) as u64, 4 * position as usize, &data[..4]);
                }
                _ => {
                    let id = v.addr as usize + (rep * n + i) * lanes;
                    let beat = u64::from(RESULT_BASE) + row as u64 * u64::from(RESULT_STRIDE);
                    self.expect(beat, 4 * id, &data);
                }
            }
            self.word(v.dst_kind, [row, rep, i], &data);
            if gaps {
                (0..self.random.random_range(0..20)).for_each(|_| self.tick());
            }
        }
        let mut waited = 0;
        while !self.sim.is_high("empty") {
            self.tick();
            waited += 1;
            assert!(waited < 100_000, "not empty");
        }
        assert_eq!(self.got.len(), self.want.len(), "bytes written by {:?}", v.dst_kind);
        assert!(self.got == self.want, "{:?}: other bytes than the layout says", v.dst_kind);
    }
}

fn fast(rows: u32, lanes: u32, width: u32, bytes: u32) -> Config {
    let (ports, port_bytes) = if bytes > 64 { (2, bytes / 2) } else { (1, bytes) };
    let tiny = Config::preset("tiny").unwrap();
    let tables = tiny.tables.min(5 * bytes / 3);
    Config {
        rows,
        lanes,
        attention_width: width,
        ports,
        port_bytes,
        tables,
        head_size: 32.max(width),
        context: 512.max(bytes),
        burst_beats: 4,
        ..tiny
    }
}

/// The same with a fast clock and a slow one.
fn clocks(config: Config) -> [Config; 2] {
    [100, 54].map(|clock_mhz| Config { clock_mhz, ..config.clone() })
}

fn vector(dst_kind: DstKind, n: u16, rep: u8, dst: u16, addr: u32) -> Vector {
    Vector { n, rep, dst_kind, dst, addr, ..Vector::default() }
}

#[test]
fn bytes_go_where_the_layout_says() {
    let shapes = [
        (2, 4, 8, 8),
        (1, 2, 2, 4),
        (3, 16, 16, 16),
        (3, 8, 16, 64),
        (2, 2, 16, 128),
        (1, 8, 8, 8),
        (2, 1, 4, 4),
    ];
    for (seed, (rows, lanes, width, bytes)) in (1..).zip(shapes) {
        for config in clocks(fast(rows, lanes, width, bytes)) {
            for (pace, gaps) in [(1.0, false), (0.3, false), (0.9, true)] {
                let mut b = Bench::new(config.clone(), pace, seed);
                let head = (32.max(width) / lanes) as u16;
                for value in 0..2 {
                    b.run(vector(DstKind::Kv, head, 3, value, 4000 * u32::from(value) + 5), gaps);
                    b.run(Vector { a_kind: AKind::Sreg, ..vector(DstKind::KvScale, 3, 1, value, 77) }, gaps);
                }
                b.run(vector(DstKind::Logits, 50, 2, 0, 3 * lanes), gaps);
            }
        }
    }
}

#[test]
fn neighbours_leave_as_whole_beats() {
    for config in clocks(fast(1, 4, 16, 32)) {
        let mut b = Bench::new(config, 1.0, 3);
        b.run(vector(DstKind::Kv, 8, 1, 0, 0), false);
        assert_eq!(b.beats, 2, "two segments of 16 bytes");
        b.run(vector(DstKind::Logits, 64, 1, 0, 0), false);
        assert_eq!(b.beats, 2 + 32, "two words a beat");
    }
}

/// Four tokens of a segment in a beat, two words each; sixteen scales.
#[test]
fn rows_that_share_a_beat_leave_in_one_write() {
    clocks(fast(8, 8, 16, 64)).iter().for_each(rows_share_beats);
}

fn rows_share_beats(config: &Config) {
    let beats = |first: Option<u32>| {
        let mut b = Bench::new(config.clone(), 1.0, 5);
        first.iter().for_each(|first| b.sequence(*first));
        b.run(vector(DstKind::Kv, 4, 3, 1, 9), false);
        let codes = b.beats;
        b.run(Vector { a_kind: AKind::Sreg, ..vector(DstKind::KvScale, 3, 1, 1, 9) }, false);
        [codes, b.beats - codes]
    };
    // of three heads' two segments
    assert_eq!(beats(Some(8)), [3 * 2 * 2, 3], "two groups of four tokens, all in one beat of scales");
    assert_eq!(beats(Some(13)), [3 * 2 * 3, 3 * 2], "three, four, one; three and five");
    assert_eq!(beats(None), [3 * 2 * 8, 3 * 8], "of eight sequences");
}

#[test]
fn other_kinds_pass_by() {
    let mut b = Bench::new(fast(1, 4, 8, 8), 1.0, 4);
    b.word(DstKind::Topk, [0, 0, 0], &[1; 16]);
    assert!(b.sim.is_high("empty"));
}

/// Codes, scales and logits through a unit with a fault in it; four words of codes, one of logits a beat.
fn with_fault(path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) -> Bench {
    with_fault_in(fast(2, 4, 8, 16), path, fault)
}

fn with_fault_in(config: Config, path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) -> Bench {
    let m = store(&config);
    m.plant(path, fault);
    Bench::of(&m, config, 0.6, 11)
}

fn run_all(mut b: Bench) {
    b.run(vector(DstKind::Kv, 8, 3, 1, 5), false);
    b.run(Vector { a_kind: AKind::Sreg, ..vector(DstKind::KvScale, 3, 1, 0, 77) }, false);
    b.run(vector(DstKind::Logits, 50, 2, 0, 12), false);
}

#[test]
fn without_a_fault_the_same_bytes_are_right() {
    clocks(fast(2, 4, 8, 16)).into_iter().for_each(|config| run_all(with_fault_in(config, "area", |s| s)));
}

#[test]
#[should_panic(expected = "Kv: other bytes than the layout says")]
fn heads_that_lie_too_close_show() {
    run_all(with_fault("area", |s| s.wrapping_sub(1)));
}

#[test]
#[should_panic(expected = "Kv: other bytes than the layout says")]
fn strobes_of_the_neighbour_show() {
    run_all(with_fault("s3_strb", |s| cat_lsb(&[s.bits(4, 12), s.bits(0, 4)])));
}

#[test]
#[should_panic(expected = "bytes written by Logits")]
fn a_word_lost_in_a_stall_shows() {
    // the last stage goes on although its piece was not taken
    run_all(with_fault("accept", |s| s | !s.module().signal("codes") & !s.module().signal("scale")));
}

#[test]
#[should_panic(expected = "an offered beat changed")]
fn a_beat_overwritten_before_it_is_taken_shows() {
    run_all(with_fault("leaves", |s| {
        let of = |name: &str| s.module().signal(name);
        s | of("held") & of("full").bit(3) & of("held_beat").ne(of("s4_beat"))
    }));
}

/// The unit of a slow clock.
fn slow_with_fault(path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) -> Bench {
    let [_, config] = clocks(fast(2, 4, 8, 16));
    with_fault_in(config, path, fault)
}

#[test]
#[should_panic(expected = "Kv: other bytes than the layout says")]
fn heads_that_lie_too_close_show_with_a_slow_clock() {
    run_all(slow_with_fault("area", |s| s.wrapping_sub(1)));
}

#[test]
#[should_panic(expected = "bytes written by")]
fn a_word_lost_in_a_stall_shows_with_a_slow_clock() {
    run_all(slow_with_fault("accept", |s| s | s.module().signal("full").msb()));
}

#[test]
#[should_panic(expected = "an offered beat changed")]
fn a_beat_overwritten_before_it_is_taken_shows_with_a_slow_clock() {
    run_all(slow_with_fault("same", |s| {
        let of = |name: &str| s.module().signal(name);
        s | of("offered") & of("held")
    }));
}
