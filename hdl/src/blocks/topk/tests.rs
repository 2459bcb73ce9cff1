//! The selection against a plain one, its pace, and its slack.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::isa::{Instruction, MKind, Vector};

use super::*;

/// Lists as the definition says: larger first by total order, the earlier of equals first.
struct Model {
    lists: Vec<Vec<(f32, u32)>>,
    places: usize,
}

impl Model {
    fn enter(&mut self, row: usize, id: u32, logit: f32) {
        let list = &mut self.lists[row];
        if !logit.is_nan() {
            let at = list.partition_point(|(other, _)| other.total_cmp(&logit).is_ge());
            list.insert(at, (logit, id));
            list.truncate(self.places);
        }
    }
}

/// A fast clock and a slow one, MHz.
const CLOCKS: [u32; 2] = [100, 54];

struct Bench {
    sim: Sim,
    model: Model,
    lanes: usize,
    held: usize,
}

impl Bench {
    fn new(shape: [u32; 4], seed: u64) -> Bench {
        Bench::with_fault(shape, seed, |_| ())
    }

    /// Around a unit into which `plant` puts a fault.
    fn with_fault([clock_mhz, rows, lanes, top_k]: [u32; 4], seed: u64, plant: impl Fn(&Module)) -> Bench {
        println!("{clock_mhz} MHz, {rows} rows, {lanes} lanes, {top_k} places, seed {seed}");
        let tiny = Config::preset("tiny").unwrap();
        let config = Config { clock_mhz, rows, lanes, top_k, port_bytes: 16, attention_width: 16, ..tiny };
        assert_eq!(config.check(), Vec::<String>::new());
        let m = topk(&config);
        m.check().unwrap_or_else(|e| panic!("{e}"));
        plant(&m);
        let mut sim = Sim::seeded(&m, seed).unwrap();
        sim.set("clear", 1);
        sim.tick();
        sim.set("clear", 0);
        let model = Model { lists: vec![vec![]; rows as usize], places: top_k as usize };
        Bench { sim, model, lanes: lanes as usize, held: 0 }
    }

    /// The next instruction, once the unit is through with the one before.
    fn instruction(&mut self, n: u16, first: u32, limit: u32) {
        self.rest();
        let v = Vector {
            n,
            rep: 3,
            m_kind: MKind::None,
            dst_kind: DstKind::Topk,
            addr: first,
            imm_b: limit,
            ..Vector::default()
        };
        self.sim.set("insn", Bits::from_bytes(256, &Instruction::Vector(v).encode()));
    }

    /// Offers a word in this cycle; the vector unit stops only when it pleases, at most `OUT_SLACK` words after `hold`.
    fn word(&mut self, at: [usize; 4], logits: &[f32], [first, limit]: [u32; 2]) {
        let [row, rep, word, n] = at;
        if self.sim.is_high("hold") {
            self.held += 1;
            if self.held > OUT_SLACK {
                self.sim.set("in_valid", 0);
                while self.sim.is_high("hold") {
                    self.sim.tick();
                }
            }
        } else {
            self.held = 0;
        }
        let bytes: Vec<u8> = logits.iter().flat_map(|l| l.to_le_bytes()).collect();
        self.sim.set("in_valid", 1);
        self.sim.set("in_kind", 7);
        self.sim.set("in_row", row);
        self.sim.set("in_rep", rep);
        self.sim.set("in_word", word);
        self.sim.set("in_data", Bits::from_bytes(32 * self.lanes as u32, &bytes));
        self.sim.tick();
        self.sim.set("in_valid", 0);
        for (lane, logit) in logits.iter().enumerate() {
            let id = first + ((rep * n + word) * self.lanes + lane) as u32;
            if id < limit {
                self.model.enter(row, id, *logit);
            }
        }
    }

    fn rest(&mut self) {
        for waited in 0.. {
            if self.sim.is_high("idle") {
                break;
            }
            self.sim.tick();
            assert!(waited < 10_000, "not idle");
        }
    }

    fn compare(&mut self) {
        self.rest();
        for (row, list) in self.model.lists.iter().enumerate() {
            for place in 0..64 {
                self.sim.set("rd_row", row);
                self.sim.set("rd_index", place);
                self.sim.tick();
                self.sim.tick();
                let (logit, id) = list.get(place).copied().unwrap_or((f32::NEG_INFINITY, u32::MAX));
                let got = (self.sim.get("rd_logit"), self.sim.get("rd_id"));
                assert_eq!(got, (logit.to_bits().into(), id.into()), "row {row}, place {place}");
            }
        }
    }
}

#[test]
fn lists_equal_the_definition() {
    for (rows, lanes, top_k, seed) in [(1, 4, 5, 1), (3, 2, 8, 2), (2, 8, 40, 3), (5, 4, 64, 4), (2, 1, 6, 5)]
    {
        CLOCKS.iter().for_each(|clock| check(Bench::new([*clock, rows, lanes, top_k], seed), seed));
    }
}

/// Four instructions of random words, ties and NaNs among them; then all lists are cleared.
fn check(mut bench: Bench, seed: u64) {
    let (rows, lanes) = (bench.model.lists.len(), bench.lanes);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let specials = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, 1e-40, 2.0, 2.0];
    let mut first = 0;
    for instruction in 0..4 {
        let n = random.random_range(5..25);
        let end = first + 3 * (n * lanes) as u32;
        let limit = if instruction == 3 { end - 7 } else { u32::MAX };
        bench.instruction(n as u16, first, limit);
        for row in 0..rows {
            for (rep, word) in (0..3).flat_map(|rep| (0..n).map(move |word| (rep, word))) {
                let logit = |_| match random.random_range(0..4) {
                    0 => specials[random.random_range(0..specials.len())],
                    1 => f32::from_bits(random.random()),
                    _ => random.random_range(-50..50) as f32,
                };
                let logits: Vec<f32> = (0..lanes).map(logit).collect();
                bench.word([row, rep, word, n], &logits, [first, limit]);
                for _ in 0..if random.random_range(0..30) == 0 { random.random_range(0..120) } else { 0 } {
                    bench.sim.tick();
                }
            }
        }
        first = end;
        if instruction % 2 == 1 {
            bench.compare();
        }
    }
    bench.sim.set("clear", 1);
    bench.sim.tick();
    bench.sim.set("clear", 0);
    bench.model.lists.iter_mut().for_each(Vec::clear);
    bench.compare();
}

/// Cycles of 40 words, of which `passing` lanes each reach the full list of 16 places and come to stand at `place`.
fn cycles(passing: usize, place: usize) -> u64 {
    let mut bench = Bench::new([100, 1, 4, 16], 9);
    bench.instruction(1000, 0, u32::MAX);
    for word in 0..4 {
        bench.word([0, 0, word, 1000], &[if (word + 1) * 4 <= place { 1e9 } else { 0.0 }; 4], [0, u32::MAX]);
    }
    (0..400).for_each(|_| bench.sim.tick());
    let start = bench.sim.cycle();
    for word in 4..44 {
        let logits: Vec<f32> =
            (0..4).map(|l| if l < passing { (word * 4 + l) as f32 } else { -1.0 }).collect();
        bench.word([0, 0, word, 1000], &logits, [0, u32::MAX]);
        assert!(!bench.sim.is_high("hold") || passing > 0);
    }
    while !bench.sim.is_high("idle") {
        bench.sim.tick();
    }
    let cycles = bench.sim.cycle() - start;
    bench.compare();
    cycles
}

/// A word costs one cycle, and a candidate a cycle for each place that it passes or comes to, and four.
#[test]
fn the_pace() {
    let none = cycles(0, 0);
    assert!((40..48).contains(&none), "{none}");
    let high = cycles(1, 0);
    assert!((40 * (1 + 17 + 3)..40 * (1 + 17 + 4)).contains(&high), "{high}");
    let lower = cycles(1, 12);
    assert!((40 * (1 + 5 + 3)..40 * (1 + 5 + 4)).contains(&lower), "{lower}");
    let two = cycles(2, 12);
    assert!((40 * (1 + 2 * 8)..40 * (1 + 2 * 9)).contains(&two), "{two}");
}

/// The random words through a unit with a fault in it.
fn with_fault(path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) {
    check(Bench::with_fault([100, 2, 4, 6], 21, |m| m.plant(path, &fault)), 21);
}

/// The same with a slow clock.
fn with_fault_slow(path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) {
    check(Bench::with_fault([54, 2, 4, 6], 21, |m| m.plant(path, &fault)), 21);
}

#[test]
fn without_a_fault_the_same_words_are_right() {
    with_fault("above", |s| s);
    with_fault_slow("above", |s| s);
}

#[test]
#[should_panic(expected = "place ")]
fn an_exchanged_comparison_shows() {
    with_fault("above", |s| !s);
}

#[test]
#[should_panic(expected = "place ")]
fn a_later_equal_before_an_earlier_one_shows() {
    with_fault("above", |s| s.module().signal("cand_key").ge(s.module().signal("entry_q").bits(0, 32)));
}

#[test]
#[should_panic(expected = "place ")]
fn an_exchanged_comparison_shows_with_a_slow_clock() {
    with_fault_slow("above", |s| !s);
}

#[test]
#[should_panic(expected = "place ")]
fn an_entry_taken_before_it_is_there_shows_with_a_slow_clock() {
    with_fault_slow("since", |s| s.module().u(1, 1));
}

#[test]
#[should_panic(expected = "place ")]
fn a_candidate_that_is_lost_shows() {
    with_fault("enters", |s| s & s.module().signal("filled").ne(3));
}

#[test]
#[should_panic(expected = "place ")]
fn the_least_of_another_row_shows() {
    with_fault("found", |s| s.module().u(1, 0));
}

/// Ids 0 to 4 count of eight, and the largest logits are those of 5 and 4.
fn bounds(plant: impl Fn(&Module)) {
    let mut bench = Bench::with_fault([100, 1, 4, 6], 22, plant);
    bench.instruction(2, 0, 5);
    bench.word([0, 0, 0, 2], &[1.0, 2.0, 3.0, 4.0], [0, 5]);
    bench.word([0, 0, 1, 2], &[5.0, 6.0, 0.0, 0.0], [0, 5]);
    bench.compare();
}

#[test]
fn ids_from_the_limit_on_do_not_count() {
    bounds(|_| ());
}

#[test]
#[should_panic(expected = "place 0")]
fn a_limit_off_by_one_shows() {
    bounds(|m| m.plant("eligible", |s| s | s.module().signal("cand_id").eq(5)));
}

#[test]
#[should_panic(expected = "place ")]
fn words_of_another_row_in_the_list_show() {
    with_fault("same_row", |s| s.module().u(1, 1));
}
