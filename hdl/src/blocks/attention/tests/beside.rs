//! What goes on beside the unit: SREG, QUERY words that come while it works, and a reader of the heads that are done.

use super::bench::{Fault, Pace, run, run_in, watch};
use super::case::{Answer, Case, SCALARS, Style};
use super::{check, pass, shape};
use crate::blocks::attention::{ATT_LATENCY, attention};
use crate::dsl::{Bits, Sig, Sim};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// The vector unit as attention sees it.
pub struct Beside<'c> {
    case: &'c Case,
    pace: Pace,
    rng: ChaCha8Rng,
    pub answer: Answer,
    sregs: Vec<Vec<u32>>,
    /// Scalars that were taken.
    pub scalars: Vec<(usize, usize, u32)>,
    /// A scalar that was offered and not taken.
    held: Option<[u64; 3]>,
    /// Words and rows of QUERY that are to come.
    late: VecDeque<(usize, usize)>,
    /// Heads that are done.
    done: usize,
    /// Cycles in which more were.
    pub rises: Vec<u64>,
    /// Row and word of ATT that were asked for, the oldest first.
    asked: VecDeque<Option<(usize, usize)>>,
}

impl<'c> Beside<'c> {
    pub fn new(case: &'c Case, pace: Pace) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(case.seed ^ 0xbe51de);
        let sregs = (0..case.positions.len())
            .map(|_| (0..case.config.scalars).map(|_| rng.random()).collect())
            .collect();
        let words = case.queries[0].len() / case.config.lanes as usize;
        let rows = case.positions.len();
        let late = (0..words).flat_map(|word| (0..rows).map(move |row| (word, row))).collect();
        let answer = case.answer();
        Beside {
            case,
            pace,
            rng,
            answer,
            sregs,
            scalars: vec![],
            held: None,
            late,
            done: 0,
            rises: vec![],
            asked: VecDeque::new(),
        }
    }

    /// Writes the words that are there before the instruction.
    pub fn load(&mut self, sim: &mut Sim) {
        let awaited = usize::from(self.case.awaited);
        while self.late.front().is_some_and(|(word, _)| awaited == 0 || *word < awaited) {
            self.write(sim);
            sim.tick();
        }
        sim.set("q_we", 0);
    }

    /// The most cycles that what is to come takes.
    pub fn patience(&self) -> u64 {
        60 * self.late.len() as u64
    }

    /// Writes the next word; the scale of its head before.
    fn write(&mut self, sim: &mut Sim) {
        let Some((word, row)) = self.late.pop_front() else { return };
        let lanes = self.case.config.lanes as usize;
        let each = self.case.head_size() / lanes;
        if word.is_multiple_of(each) {
            let head = word / each;
            self.sregs[row][usize::from(SCALARS[0]) + head] = self.case.scales[row][head].to_bits();
        }
        let codes = &self.case.queries[row][word * lanes..][..lanes];
        let bytes: Vec<u8> = codes.iter().flat_map(|q| q.to_le_bytes()).collect();
        sim.set("q_we", 1);
        sim.set("q_whole", row + 1 == self.case.positions.len());
        sim.set("q_row", row);
        sim.set("q_word", word);
        sim.set("q_data", Bits::from_bytes(16 * lanes as u32, &bytes));
    }

    fn pauses(&mut self, percent: u32) -> bool {
        self.pace == Pace::Random && self.rng.random_range(0..100) < percent
    }

    /// What happens in a cycle; the scalar that comes after it.
    pub fn cycle(&mut self, sim: &mut Sim) -> Result<u32, String> {
        sim.set("q_we", 0);
        sim.set("q_whole", 0);
        if !self.pauses(80) {
            self.write(sim);
        }
        self.progress(sim)?;
        self.take(sim)?;
        let granted = !self.pauses(40);
        sim.set("s_granted", granted);
        let (row, index) = (sim.get("s_rrow") as usize, sim.get("s_rindex") as usize);
        let scalar = self.sregs.get(row).map_or(0, |row| row[index % row.len()]);
        Ok(if granted { scalar } else { self.rng.random() })
    }

    /// Takes a scalar; one that is not taken must stay.
    fn take(&mut self, sim: &mut Sim) -> Result<(), String> {
        let offered = sim.is_high("s_we").then(|| ["s_row", "s_index", "s_wdata"].map(|port| sim.get(port)));
        if self.held.is_some() && self.held != offered {
            return Err(format!("a scalar changed from {:x?} to {offered:x?}", self.held));
        }
        let taken = !self.pauses(60) || self.case.config.lends_units();
        sim.set("s_taken", taken);
        self.held = offered.filter(|_| !taken);
        if let Some([row, index, data]) = offered.filter(|_| taken) {
            self.scalars.push((row as usize, index as usize, data as u32));
        }
        Ok(())
    }

    /// The heads that are done have their scalars, and their sums can be read.
    fn progress(&mut self, sim: &mut Sim) -> Result<(), String> {
        let done = sim.get("heads_done") as usize;
        let order: Vec<usize> =
            self.case.passes.iter().flat_map(|p| p.heads.iter().map(|&h| h.into())).collect();
        if done < self.done || done > order.len() {
            return Err(format!("{done} heads are done after {}", self.done));
        }
        let rises = done > self.done;
        if rises {
            self.rises.push(sim.cycle());
            for row in 0..self.case.positions.len() {
                let of_row = |all: &[(usize, usize, u32)]| -> Vec<_> {
                    all.iter().filter(|s| s.0 == row).take(2 * done).copied().collect()
                };
                if of_row(&self.scalars) != of_row(&self.answer.scalars) {
                    return Err(format!("row {row}: scalars of {done} heads are not there"));
                }
            }
        }
        self.done = done;
        let each = self.case.head_size() / self.case.config.lanes as usize;
        let unique = (1..order.len()).all(|i| !order[..i].contains(&order[i]));
        let ask = (done > 0 && unique).then(|| match rises {
            true => (self.case.positions.len() - 1, order[done - 1] * each + each - 1),
            false => {
                let head = order[self.rng.random_range(0..done)];
                let row = self.rng.random_range(0..self.case.positions.len());
                (row, head * each + self.rng.random_range(0..each))
            }
        });
        self.read(sim, ask)
    }

    /// Asks for a word of sums, and looks at the one asked for before.
    fn read(&mut self, sim: &mut Sim, ask: Option<(usize, usize)>) -> Result<(), String> {
        if let Some((row, word)) = ask {
            sim.set("att_row", row);
            sim.set("att_word", word);
        }
        self.asked.push_back(ask);
        if self.asked.len() <= ATT_LATENCY as usize {
            return Ok(());
        }
        let Some((row, word)) = self.asked.pop_front().flatten() else { return Ok(()) };
        let (lanes, size) = (self.case.config.lanes as usize, self.case.head_size());
        let data = sim.bits("att_data");
        let got: Vec<i64> = (0..lanes as u32).map(|lane| data.slice(40 * lane, 40).to_i64()).collect();
        let head = self.answer.sums.iter().find(|s| s.0 == row && s.1 == word * lanes / size * size);
        match head.map(|s| &s.2[word * lanes % size..][..lanes]) {
            Some(want) if got == want => Ok(()),
            want => Err(format!("row {row}, word {word} of a head that is done: {got:?}, not {want:?}")),
        }
    }

    /// All heads are done.
    pub fn complete(&self) -> bool {
        self.late.is_empty() && self.done == self.case.passes.iter().map(|p| p.heads.len()).sum()
    }
}

/// Three passes for rows that share them and rows that do not, of heads in another order than their words; `awaited`: first late word.
fn late(awaited: u16, seed: u64) -> Case {
    let config = shape(16, 8, 4, 4, 3, 16);
    let passes = [pass(0, &[2, 3]), pass(1, &[5, 4]), pass(2, &[0, 1, 7])];
    let rows = [(0, 20), (0, 21), (1, 9)];
    Case::of_sequences(&config, 2, &passes, &rows, Style::Usual, seed).awaiting(awaited)
}

#[test]
fn waits_for_queries_that_come_late() {
    // none, one word, within a head, at a head, all but one word
    for (seed, awaited) in [0, 1, 6, 8, 12, 23, 31].into_iter().enumerate() {
        for pace in [Pace::Random, Pace::Full] {
            check(&late(awaited, seed as u64), pace);
        }
    }
    // heads of one word, and of one segment of several words; all words of a row are as many as a power of two, or fewer
    for (beat, lanes, heads) in [(8, 8, 8), (8, 4, 8), (16, 8, 7)] {
        let config = sterna_spec::config::Config { heads, ..shape(beat, 8, lanes, 2, 2, 8) };
        let passes = [pass(0, &[0, 6]), pass(1, &[3]), pass(2, &[5, 1])];
        for awaited in [1, 4, 6] {
            let case = Case::new(&config, 1, &passes, &[3, 40], Style::Usual, awaited.into());
            check(&case.awaiting(awaited), Pace::Random);
        }
    }
}

#[test]
fn queries_that_come_in_time_cost_nothing() {
    // the first pass has its words, the others' come before their turn
    assert_eq!(check(&late(20, 3), Pace::Full), check(&late(0, 3), Pace::Full));
}

#[test]
fn scalars_that_wait_hold_up_but_are_not_lost() {
    // eight slots of one word: sixteen scalars in a row
    let config = shape(8, 8, 8, 8, 1, 8);
    let passes = [0, 1, 2].map(|kv_head| pass(kv_head, &[0, 1, 2, 3, 4, 5, 6, 7]));
    let case = |seed| Case::new(&config, 1, &passes, &[1], Style::Usual, seed);
    (0..4).for_each(|seed| _ = check(&case(seed), Pace::Random));
    let m = attention(&config);
    m.plant("u_output.room", |s| s.module().u(1, 1));
    let fails = |seed| {
        let sim = Sim::seeded(&m, seed).unwrap();
        run_in(sim, &case(seed), Pace::Random, Fault::None).is_err()
    };
    assert!((0..4).any(fails), "more scalars than there is room for went unseen");
}

#[test]
fn heads_are_done_one_pass_after_the_other() {
    let config = shape(16, 8, 4, 2, 3, 16);
    let passes = [pass(0, &[2, 3]), pass(1, &[1]), pass(2, &[0, 7])];
    let case = Case::new(&config, 2, &passes, &[40, 20, 63], Style::Usual, 3);
    let (rises, cycles) = watch(&case, Pace::Full).unwrap();
    assert_eq!(rises.len(), 3);
    // a pass's heads are done some cycles after its V, while later passes go on
    assert!(rises[0] < cycles / 2 && rises[1] < cycles * 5 / 6, "{rises:?} of {cycles} cycles");
    assert!(rises[2] <= cycles);
}

#[test]
fn faults_in_the_design_of_what_goes_on_beside_turn_it_red() {
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 12] = [
        // words that are not there are read, or counted before they are
        ("u_query.is_there", |s| s.module().signal("read")),
        ("u_query.there", |s| s.wrapping_add(1)),
        ("u_query.there", |s| s | s.module().u(s.width(), 1)),
        // a scale is read before its head's codes are there, without a grant, or not awaited
        ("u_query.scale_taken", |s| s.module().signal("base")),
        ("u_query.scale_taken", |s| {
            let m = s.module();
            m.signal("is_there") & m.signal("scale_wanted")
        }),
        ("u_query.scale_wanted", |s| s.module().u(1, 0)),
        // a scalar that is not taken is gone, comes again, or finds no room
        ("u_output.scalar_tags", |s| s & !s.module().signal("scalar_taken").repeat(s.width())),
        ("u_output.waiting", |s| s & 1u8),
        ("u_output.flushed", |s| s.module().u(1, 1)),
        // heads are done after the first rows, or too many
        ("u_output.all_rows", |s| s.module().u(1, 1)),
        ("u_output.heads_written", |s| s.wrapping_add(1)),
        ("u_passes.all_loaded", |s| s.module().u(1, 1)),
    ];
    let cases = [late(6, 1), late(23, 2), late(31, 4)];
    for case in &cases {
        assert!(run(case, Pace::Random, Fault::None).is_ok());
    }
    for (nth, (path, fault)) in faults.into_iter().enumerate() {
        let m = attention(&cases[0].config);
        m.plant(path, fault);
        let seen = cases.iter().any(|case| {
            let sim = Sim::seeded(&m, case.seed).unwrap();
            run_in(sim, case, Pace::Random, Fault::None).is_err()
        });
        assert!(seen, "fault {nth}, at {path}, went unseen");
    }
}
