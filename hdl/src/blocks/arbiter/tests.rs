//! Two masters with random traffic on a memory that pauses at random: each sees its own answers, in order, and its own writes.

use std::collections::{BTreeMap, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::dsl::Sim;

/// What a master does: a read of some beats or a write of some words.
#[derive(Clone, Debug)]
enum Job {
    Read(u64, u64),
    Write(u64, Vec<u64>),
}

#[derive(Default)]
struct Master {
    jobs: VecDeque<Job>,
    /// Words that must be read, and writes whose answer has not come.
    wanted: VecDeque<(u64, bool)>,
    writing: VecDeque<(u64, bool)>,
    answers: usize,
    /// Cycles that the oldest address has waited, and the longest of all.
    waiting: u64,
    longest: u64,
    done: usize,
}

struct Bench {
    sim: Sim,
    rng: ChaCha8Rng,
    masters: [Master; 2],
    /// The slave: words by address, bursts (id, address, beats left), addresses and data of writes, answers.
    words: BTreeMap<u64, u64>,
    reads: VecDeque<(u64, u64, u64)>,
    addresses: VecDeque<(u64, u64, u64)>,
    data: VecDeque<(u64, bool)>,
    answers: VecDeque<u64>,
}

fn word(address: u64) -> u64 {
    address.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Bench {
    fn new(m: &Module, seed: u64, count: usize) -> Bench {
        println!("seed {seed}");
        let mut sim = Sim::seeded(m, seed).unwrap();
        sim.reset();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // each master has its own half of the memory
        let masters = [0u64, 1].map(|who| Master {
            jobs: (0..count)
                .map(|_| {
                    let at = (who << 20) + 8 * rng.random_range(0..512u64);
                    let beats = rng.random_range(1..=9u64);
                    match rng.random_bool(0.4) {
                        true => Job::Write(at, (0..beats).map(|_| rng.random()).collect()),
                        false => Job::Read(at, beats),
                    }
                })
                .collect(),
            ..Master::default()
        });
        let (words, reads, addresses) = (BTreeMap::new(), VecDeque::new(), VecDeque::new());
        Bench { sim, rng, masters, words, reads, addresses, data: VecDeque::new(), answers: VecDeque::new() }
    }

    fn set(&mut self, name: &str, value: u64) {
        self.sim.set(name, value);
    }

    fn fires(&mut self, channel: &str) -> bool {
        self.sim.is_high(&format!("{channel}valid")) && self.sim.is_high(&format!("{channel}ready"))
    }

    fn tick(&mut self) {
        for (who, name) in ["a", "b"].into_iter().enumerate() {
            let master = &self.masters[who];
            // reads wait for the answer to a write, and writes for the data of reads: their order is then known
            let free = |job: &&Job| match job {
                Job::Read(..) => master.answers == 0,
                Job::Write(..) => master.answers == 0 && master.wanted.is_empty(),
            };
            let job = master.jobs.front().filter(free).cloned();
            let reads = matches!(job, Some(Job::Read(..)));
            self.set(&format!("{name}_arvalid"), reads.into());
            self.set(&format!("{name}_awvalid"), (job.is_some() && !reads).into());
            if let Some(Job::Read(at, beats)) = job {
                self.set(&format!("{name}_araddr"), at);
                self.set(&format!("{name}_arlen"), beats - 1);
            } else if let Some(Job::Write(at, words)) = job {
                self.set(&format!("{name}_awaddr"), at);
                self.set(&format!("{name}_awlen"), words.len() as u64 - 1);
            }
            let data = self.masters[who].writing.front().copied();
            self.set(&format!("{name}_wvalid"), data.is_some().into());
            self.set(&format!("{name}_wdata"), data.map_or(0, |d| d.0));
            self.set(&format!("{name}_wlast"), data.is_some_and(|d| d.1).into());
            self.set(&format!("{name}_wstrb"), 0xff);
            for ready in ["rready", "bready"] {
                let on = self.rng.random_bool(0.6);
                self.set(&format!("{name}_{ready}"), on.into());
            }
        }
        for ready in ["arready", "awready", "wready"] {
            let on = self.rng.random_bool(0.6);
            self.set(&format!("m_{ready}"), on.into());
        }
        let read = self.reads.front().copied();
        self.set("m_rvalid", read.is_some().into());
        if let Some((id, at, left)) = read {
            let data = self.words.get(&at).copied().unwrap_or(word(at));
            [("rid", id), ("rdata", data), ("rlast", (left == 1).into())]
                .iter()
                .for_each(|(n, v)| self.set(&format!("m_{n}"), *v));
        }
        let answer = self.answers.front().copied();
        self.set("m_bvalid", answer.is_some().into());
        self.set("m_bid", answer.unwrap_or(0));
        self.slave();
        self.clients();
        self.sim.tick();
    }

    fn slave(&mut self) {
        for (channel, write) in [("m_ar", false), ("m_aw", true)] {
            if self.fires(channel) {
                let get = |name: &str, sim: &mut Sim| sim.get(&format!("{channel}{name}"));
                let job = ("id", "addr", "len");
                let sim = &mut self.sim;
                let burst = (get(job.0, sim), get(job.1, sim), get(job.2, sim) + 1);
                if write { self.addresses.push_back(burst) } else { self.reads.push_back(burst) }
            }
        }
        if self.fires("m_r") {
            let head = self.reads.front_mut().unwrap();
            (head.1, head.2) = (head.1 + 8, head.2 - 1);
            if head.2 == 0 {
                self.reads.pop_front();
            }
        }
        if self.fires("m_b") {
            self.answers.pop_front();
        }
        if self.fires("m_w") {
            self.data.push_back((self.sim.get("m_wdata"), self.sim.is_high("m_wlast")));
        }
        // data may come before its address
        while let (Some(head), Some((data, last))) = (self.addresses.front_mut(), self.data.front().copied())
        {
            self.data.pop_front();
            self.words.insert(head.1, data);
            (head.1, head.2) = (head.1 + 8, head.2 - 1);
            assert_eq!(last, head.2 == 0, "the burst ends elsewhere");
            if last {
                self.answers.push_back(head.0);
                self.addresses.pop_front();
            }
        }
    }

    fn clients(&mut self) {
        for (who, name) in ["a", "b"].into_iter().enumerate() {
            let (ar, aw) = (self.fires(&format!("{name}_ar")), self.fires(&format!("{name}_aw")));
            let waits = ["ar", "aw"].iter().any(|c| self.sim.is_high(&format!("{name}_{c}valid")));
            let master = &mut self.masters[who];
            master.waiting = if waits && !(ar | aw) { master.waiting + 1 } else { 0 };
            master.longest = master.longest.max(master.waiting);
            if ar | aw {
                match master.jobs.pop_front() {
                    Some(Job::Read(at, beats)) => {
                        for i in 0..beats {
                            let at = at + 8 * i;
                            let data = self.words.get(&at).copied().unwrap_or(word(at));
                            master.wanted.push_back((data, i + 1 == beats));
                        }
                    }
                    Some(Job::Write(_, words)) => {
                        let last = words.len() - 1;
                        master.writing = words.into_iter().enumerate().map(|(i, w)| (w, i == last)).collect();
                        master.answers = 1;
                    }
                    None => unreachable!("an address without a job"),
                }
            }
            if self.fires(&format!("{name}_w")) {
                self.masters[who].writing.pop_front();
            }
            if self.fires(&format!("{name}_r")) {
                let got =
                    (self.sim.get(&format!("{name}_rdata")), self.sim.is_high(&format!("{name}_rlast")));
                let master = &mut self.masters[who];
                assert_eq!(Some(got), master.wanted.pop_front(), "data of master {name}");
                master.done += usize::from(got.1);
            }
            if self.fires(&format!("{name}_b")) {
                let master = &mut self.masters[who];
                assert_eq!(master.answers, 1, "an answer to nothing for master {name}");
                (master.answers, master.done) = (0, master.done + 1);
            }
        }
    }

    fn run(&mut self, count: usize) {
        while self.masters.iter().any(|m| m.done < count) {
            self.tick();
            assert!(self.sim.cycle() < 200_000, "the arbiter hangs");
        }
    }
}

/// Of a fast clock, and of a slow one, which has no relays.
fn both() -> [Config; 2] {
    [100, 54].map(|clock_mhz| Config { clock_mhz, ..Config::preset("tiny").unwrap() })
}

#[test]
fn every_master_gets_its_own_in_order() {
    for config in both() {
        for seed in 0..4 {
            let mut bench = Bench::new(&arbiter(&config), seed, 200);
            bench.run(200);
        }
    }
}

#[test]
fn the_second_master_does_not_starve() {
    for config in both() {
        let mut bench = Bench::new(&arbiter(&config), 9, 0);
        bench.masters[0].jobs = (0..400).map(|i| Job::Read(8 * i, 1)).collect();
        bench.masters[1].jobs = (0..20).map(|i| Job::Read((1 << 20) + 8 * i, 1)).collect();
        while bench.masters[1].done < 20 {
            bench.tick();
        }
        assert!(bench.masters[0].done < 20 * 10, "{}", bench.masters[0].done);
        assert!(bench.masters[1].longest > 2, "the first master goes first");
    }
}

fn with_fault(path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) {
    let m = arbiter(&both()[1]);
    m.plant(path, fault);
    Bench::new(&m, 3, 200).run(200);
}

#[test]
#[should_panic(expected = "data of master")]
fn an_owner_that_is_lost_shows() {
    with_fault("ar_owner", |s| s & !s.module().signal("ar_owner"));
}

#[test]
#[should_panic(expected = "hangs")]
fn patience_without_an_end_shows() {
    let m = arbiter(&both()[0]);
    m.plant("ar_second", |s| s & !s.module().signal("a_arvalid"));
    let mut bench = Bench::new(&m, 9, 0);
    bench.masters[1].jobs = (0..20).map(|i| Job::Read((1 << 20) + 8 * i, 1)).collect();
    while bench.masters[1].done < 20 {
        if bench.masters[0].jobs.len() < 4 {
            bench.masters[0].jobs.extend((0..4).map(|i| Job::Read(8 * i, 1)));
        }
        bench.tick();
        assert!(bench.sim.cycle() < 20_000, "the arbiter hangs");
    }
}
