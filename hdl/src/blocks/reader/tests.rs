//! Both streams whole and in order under any memory, bursts that a bus may see, pace, and faults that must show.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::dsl::{Bits, Sim};

/// One port's memory: byte at address a is a hash of a. Answers bursts in order, with random gaps.
#[derive(Default)]
struct Port {
    bursts: VecDeque<(u64, u64)>,
    most: usize,
}

fn byte(port: u32, address: u64) -> u8 {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8 ^ port as u8
}

fn word(config: &Config, port: u32, address: u64) -> Bits {
    let bytes: Vec<u8> = (0..u64::from(config.port_bytes)).map(|i| byte(port, address + i)).collect();
    Bits::from_bytes(8 * config.port_bytes, &bytes)
}

fn beat(config: &Config, base: impl Fn(u32) -> u64, index: u64) -> Vec<u8> {
    let one = |p: u32| {
        let first = base(p) + index * u64::from(config.port_bytes);
        (0..u64::from(config.port_bytes)).map(move |i| byte(p, first + i))
    };
    (0..config.ports).flat_map(one).collect()
}

struct Bench {
    sim: Sim,
    config: Config,
    ports: Vec<Port>,
    rng: ChaCha8Rng,
    pause: f64,
}

impl Bench {
    fn new(config: &Config, seed: u64, pause: f64) -> Bench {
        Bench::of(&reader(config), config, seed, pause)
    }

    /// Around a reader that may have a fault.
    fn of(m: &Module, config: &Config, seed: u64, pause: f64) -> Bench {
        println!("seed {seed}");
        let mut sim = Sim::seeded(m, seed).unwrap();
        sim.reset();
        let bases: Vec<u8> = (0..config.ports).flat_map(|p| Self::base(p).to_le_bytes()).collect();
        sim.set("port_base", Bits::from_bytes(64 * config.ports, &bases));
        let ports = (0..config.ports).map(|_| Port::default()).collect();
        Bench { sim, config: config.clone(), ports, rng: ChaCha8Rng::seed_from_u64(seed), pause }
    }

    fn base(port: u32) -> u64 {
        0x10000 * u64::from(port) + 0x3000
    }

    /// Drives the memory for this cycle; call before `tick`. Returns what each port takes.
    fn memory(&mut self) -> Vec<(bool, bool)> {
        let mut moves = Vec::new();
        for p in 0..self.config.ports {
            let name = axi::prefix(&self.config, p);
            let port = &self.ports[p as usize];
            let ready = !self.rng.random_bool(self.pause);
            self.sim.set(&format!("{name}_arready"), ready);
            let answer = port.bursts.front().copied().filter(|_| !self.rng.random_bool(self.pause));
            self.sim.set(&format!("{name}_rvalid"), answer.is_some());
            if let Some((address, left)) = answer {
                self.sim.set(&format!("{name}_rdata"), word(&self.config, p, address));
                self.sim.set(&format!("{name}_rlast"), left == 1);
            }
            moves.push((ready, answer.is_some()));
        }
        moves
    }

    fn tick(&mut self, moves: &[(bool, bool)]) {
        for (p, &(ready, answer)) in moves.iter().enumerate() {
            let name = axi::prefix(&self.config, p as u32);
            let width = u64::from(self.config.port_bytes);
            if ready && self.sim.is_high(&format!("{name}_arvalid")) {
                let address = self.sim.get(&format!("{name}_araddr"));
                let beats = self.sim.get(&format!("{name}_arlen")) + 1;
                assert_eq!(address / 4096, (address + beats * width - 1) / 4096, "a burst crosses 4 KiB");
                self.ports[p].bursts.push_back((address, beats));
                let count = self.ports[p].bursts.len();
                self.ports[p].most = self.ports[p].most.max(count);
                assert!(count <= self.config.outstanding as usize + 2, "too many bursts in flight");
            }
            if answer {
                assert!(self.sim.is_high(&format!("{name}_rready")), "read data had to wait");
                let head = self.ports[p].bursts.front_mut().unwrap();
                *head = (head.0 + width, head.1 - 1);
                if head.1 == 0 {
                    self.ports[p].bursts.pop_front();
                }
            }
        }
        self.sim.tick();
    }
}

/// Streams 700 beats while data requests come in between; every beat of both arrives once, in order. How often memory
/// and those who take the streams pause.
fn check(m: &Module, config: &Config, seed: u64, [pause, taker]: [f64; 2]) {
    let mut bench = Bench::of(m, config, seed, pause);
    let (base, beats) = (5u64, 700u64);
    let requests: Vec<(u64, u64)> =
        (0..20).map(|i| (3000 + 97 * i, 1 + bench.rng.random_range(0..40))).collect();
    let mut asked = requests.iter().copied().collect::<VecDeque<_>>();
    let mut stream: VecDeque<u64> = (base..base + beats).collect();
    let mut data: VecDeque<u64> = requests.iter().flat_map(|&(a, n)| a..a + n).collect();
    bench.sim.set("program_base", base);
    bench.sim.set("program_beats", beats);
    bench.sim.set("program_start", 1);
    while !(stream.is_empty() && data.is_empty()) {
        assert!(bench.sim.cycle() < 100_000, "the reader hangs");
        let moves = bench.memory();
        for (name, queue) in [("p", &mut stream), ("d", &mut data)] {
            let ready = !bench.rng.random_bool(taker);
            bench.sim.set(&format!("{name}_ready"), ready);
            if ready && bench.sim.is_high(&format!("{name}_valid")) {
                let want = beat(config, Bench::base, queue.pop_front().expect("a beat too many"));
                let have = bench.sim.bits(&format!("{name}_data"));
                assert_eq!(have, Bits::from_bytes(config.beat_bits(), &want), "seed {seed}, stream {name}");
            }
        }
        let ask = asked.front().copied().filter(|_| !bench.rng.random_bool(0.7));
        bench.sim.set("req_valid", ask.is_some());
        if let Some((address, n)) = ask {
            bench.sim.set("req_data", address | n << 32);
            if bench.sim.is_high("req_ready") {
                asked.pop_front();
            }
        }
        bench.tick(&moves);
        bench.sim.set("program_start", 0);
    }
    bench.sim.set("req_valid", 0);
    bench.tick(&[(false, false)].repeat(config.ports as usize));
    assert!(bench.sim.is_high("idle") && bench.sim.is_high("stream_idle"));
}

fn configs() -> Vec<Config> {
    let tiny = Config::preset("tiny").unwrap();
    vec![
        tiny.clone(),
        Config { ports: 4, port_bytes: 16, ..tiny.clone() },
        Config { ports: 2, port_bytes: 4, burst_beats: 1, prefetch_beats: 8, kv_beats: 4, ..tiny.clone() },
        Config {
            port_bytes: 64,
            burst_beats: 64,
            prefetch_beats: 128,
            kv_beats: 128,
            outstanding: 1,
            ..tiny.clone()
        },
        // addresses of few bits
        Config { clock_mhz: 54, port_bytes: 4, tables: 6, address_bits: 24, ..tiny },
    ]
}

#[test]
fn both_streams_arrive_whole_and_in_order_under_stalls() {
    for (seed, config) in configs().iter().enumerate() {
        // the last: memory is faster than those who take, so that the queues fill
        for pauses in [[0.0, 0.0], [0.3, 0.3], [0.8, 0.8], [0.0, 0.8]] {
            check(&reader(config), config, seed as u64, pauses);
        }
    }
}

#[test]
fn an_unhindered_port_delivers_a_beat_each_cycle() {
    let config = Config::preset("tiny").unwrap();
    let mut bench = Bench::new(&config, 1, 0.0);
    bench.sim.set("program_beats", 4000);
    bench.sim.set("program_start", 1);
    bench.sim.set("p_ready", 1);
    let (mut first, mut count) = (None, 0);
    while count < 4000 {
        let moves = bench.memory();
        count += u64::from(bench.sim.is_high("p_valid"));
        if count == 1 {
            first.get_or_insert(bench.sim.cycle());
        }
        bench.tick(&moves);
        bench.sim.set("program_start", 0);
    }
    let cycles = bench.sim.cycle() - first.unwrap();
    assert!(cycles <= 4002, "{cycles} cycles for 4000 beats");
}

#[test]
fn flush_forgets_the_rest() {
    let config = Config::preset("tiny").unwrap();
    let mut bench = Bench::new(&config, 3, 0.2);
    bench.sim.set("program_beats", 1 << 20);
    bench.sim.set("program_start", 1);
    for cycle in 0..2000 {
        let moves = bench.memory();
        bench.sim.set("flush", cycle >= 500);
        assert!(cycle < 500 || !bench.sim.is_high("p_valid"));
        bench.tick(&moves);
        bench.sim.set("program_start", 0);
    }
    assert!(bench.sim.is_high("idle"));
    assert!(bench.ports[0].most > 1, "several bursts were in flight");
}

/// The streams of a reader of configuration `nth` with a fault in it; memory pauses at times, the takers more often.
fn with_fault(nth: usize, path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) {
    let config = &configs()[nth];
    let m = reader(config);
    m.plant(path, fault);
    check(&m, config, 1, [0.1, 0.7]);
}

#[test]
#[should_panic(expected = "a burst crosses 4 KiB")]
fn a_burst_that_does_not_end_at_a_boundary_shows() {
    // 64 beats of 64 bytes
    with_fault(3, "p_room", |s| s.module().u(s.width(), 64));
}

#[test]
#[should_panic(expected = "stream p")]
fn a_burst_without_room_for_it_shows() {
    with_fault(3, "p_able", |s| s.module().signal("p_left").any());
}

#[test]
#[should_panic(expected = "stream d")]
fn a_beat_that_takes_the_other_queue_shows() {
    with_fault(3, "port0.d_fifo_x_valid", |s| s & !s.module().signal("m_axi_rlast"));
}

#[test]
#[should_panic(expected = "stream p")]
fn an_address_off_by_one_beat_shows() {
    with_fault(0, "port0.address", |s| s.wrapping_add(8));
}

#[test]
#[should_panic(expected = "too many bursts in flight")]
fn bursts_beyond_the_tags_show() {
    with_fault(3, "port0.room", |s| !s.module().signal("held") | s.module().signal("m_axi_arready"));
}

#[test]
#[should_panic(expected = "stream d")]
fn a_request_off_by_one_beat_shows_with_a_slow_clock() {
    with_fault(4, "d_next", |s| s.wrapping_add(1));
}
