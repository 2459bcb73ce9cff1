//! The memory against masters in plain Rust: data, order, ceilings, stalls, and every rule.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// A master that reads and writes bursts, at random or as fast as it can.
struct Driver {
    bytes: usize,
    /// Bursts to read: address, beats.
    reads: Vec<(u64, u32)>,
    next_read: usize,
    /// Read data, in order.
    got: Vec<u8>,
    last_seen: Vec<bool>,
    responses: Vec<u8>,
    writes: Vec<(u64, Vec<u8>)>,
    next_aw: usize,
    next_w: (usize, usize),
    acknowledged: Vec<u8>,
    master: Master,
    rng: ChaCha8Rng,
    /// Probability that the master pauses.
    pause: f64,
}

impl Driver {
    fn new(bytes: usize, seed: u64, pause: f64) -> Self {
        Driver {
            bytes,
            reads: Vec::new(),
            next_read: 0,
            got: Vec::new(),
            last_seen: Vec::new(),
            responses: Vec::new(),
            writes: Vec::new(),
            next_aw: 0,
            next_w: (0, 0),
            acknowledged: Vec::new(),
            master: Master::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            pause,
        }
    }

    fn address(&self, address: u64, beats: usize) -> Address {
        Address { id: 1, address, len: (beats - 1) as u8, size: self.bytes.trailing_zeros() as u8, burst: 1 }
    }

    fn go(&mut self) -> bool {
        self.pause == 0.0 || !self.rng.random_bool(self.pause)
    }

    fn drive(&mut self) {
        self.master.r_ready = self.go();
        self.master.b_ready = self.go();
        if self.master.ar.is_none() && self.next_read < self.reads.len() && self.go() {
            let (address, beats) = self.reads[self.next_read];
            self.master.ar = Some(self.address(address, beats as usize));
            self.next_read += 1;
        }
        if self.master.aw.is_none() && self.next_aw < self.writes.len() && self.go() {
            let (address, data) = &self.writes[self.next_aw];
            self.master.aw = Some(self.address(*address, data.len() / self.bytes));
            self.next_aw += 1;
        }
        let (write, beat) = self.next_w;
        if self.master.w.is_none() && write < self.writes.len() && self.go() {
            let all = &self.writes[write].1;
            let mut data = [0; MAX_BYTES];
            data[..self.bytes].copy_from_slice(&all[beat * self.bytes..][..self.bytes]);
            let last = (beat + 1) * self.bytes == all.len();
            self.master.w = Some(WriteBeat { data, strobes: u64::MAX >> (64 - self.bytes), last });
            self.next_w = if last { (write + 1, 0) } else { (write, beat + 1) };
        }
    }

    fn sample(&mut self, slave: &Slave) {
        let m = &mut self.master;
        m.ar = m.ar.filter(|_| !slave.ar_ready);
        m.aw = m.aw.filter(|_| !slave.aw_ready);
        m.w = m.w.filter(|_| !slave.w_ready);
        if let Some(beat) = slave.r.filter(|_| m.r_ready) {
            self.got.extend(&beat.data[..self.bytes]);
            self.last_seen.push(beat.last);
            self.responses.push(beat.resp);
            assert_eq!(beat.id, 1);
        }
        if let Some((id, resp)) = slave.b.filter(|_| m.b_ready) {
            assert_eq!(id, 1);
            self.acknowledged.push(resp);
        }
    }

    fn done(&self) -> bool {
        let beats: u32 = self.reads.iter().map(|r| r.1).sum();
        self.last_seen.len() == beats as usize && self.acknowledged.len() == self.writes.len()
    }
}

/// Runs until all is done, at most `limit` cycles; returns the cycles.
fn run(memory: &mut Memory, drivers: &mut [Driver], limit: u64) -> u64 {
    let mut slaves = vec![Slave::default(); drivers.len()];
    for now in 0..limit {
        drivers.iter_mut().for_each(Driver::drive);
        let masters: Vec<_> = drivers.iter().map(|d| d.master).collect();
        memory.cycle(now, &masters, &mut slaves).unwrap();
        drivers.iter_mut().zip(&slaves).for_each(|(d, s)| d.sample(s));
        if drivers.iter().all(Driver::done) {
            return now + 1;
        }
    }
    panic!("not done after {limit} cycles");
}

fn profile(name: &str) -> Profile {
    Profile::named(name, 250).unwrap()
}

fn memory(ports: usize, bytes: usize, profile: Profile, stalls: Stalls, seed: u64) -> Memory {
    let mut memory = Memory::new(ports, bytes, profile, stalls, seed);
    memory.grow(1 << 20).unwrap();
    let pattern: Vec<u8> = (0..1u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    memory.write(0, &pattern).unwrap();
    memory
}

/// Random reads and writes on all ports under every profile, with pauses on both sides: data and order are right.
#[test]
fn random_traffic_is_right() {
    for seed in 0..12 {
        println!("seed {seed}");
        let name = ["ideal", "kv260", "ulx3s"][seed as usize % 3];
        let (ports, bytes) = [(1, 8), (2, 16), (4, 4), (1, 64)][seed as usize % 4];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut memory =
            memory(ports, bytes, profile(name), Stalls::all(if seed < 6 { 90 } else { 0 }), seed);
        let before = memory.bytes().to_vec();
        let mut drivers: Vec<_> = (0..ports).map(|p| Driver::new(bytes, seed + p as u64, 0.3)).collect();
        for (p, d) in drivers.iter_mut().enumerate() {
            for _ in 0..40 {
                let beats = rng.random_range(1..=16u32);
                let page = rng.random_range(0..64u64) * 4096;
                let at = page + rng.random_range(0..=(4096 / bytes as u64 - u64::from(beats))) * bytes as u64;
                d.reads.push((at, beats));
                // each write has a page of its own, in the upper half
                let page = (128 + 32 * p as u64 + d.writes.len() as u64 % 32) * 4096;
                let data = (0..beats as usize * bytes).map(|_| rng.random()).collect();
                d.writes.push((page + (d.writes.len() as u64 / 32) * 2048, data));
            }
        }
        run(&mut memory, &mut drivers, 1_000_000);
        assert!(memory.idle());
        for d in &drivers {
            let want: Vec<u8> = d
                .reads
                .iter()
                .flat_map(|&(at, n)| &before[at as usize..][..n as usize * bytes])
                .copied()
                .collect();
            assert_eq!(d.got, want);
            let last: Vec<bool> = d.reads.iter().flat_map(|&(_, n)| (1..=n).map(move |i| i == n)).collect();
            assert_eq!(d.last_seen, last);
            for (at, data) in &d.writes {
                assert_eq!(&memory.bytes()[*at as usize..][..data.len()], data);
            }
        }
        for (traffic, d) in memory.traffic().zip(&drivers) {
            assert_eq!(traffic.read_bytes, d.got.len() as u64);
            assert_eq!(traffic.write_bytes, d.writes.iter().map(|w| w.1.len() as u64).sum::<u64>());
            assert!(traffic.busy_cycles > 0);
        }
    }
}

/// Reads `bytes` bytes on each port from its base on; returns bytes a cycle.
fn bandwidth(ports: usize, width: usize, profile: Profile, bases: &[u64], bytes: u64) -> f64 {
    let mut memory = memory(ports, width, profile, Stalls::NONE, 0);
    let mut drivers: Vec<_> = (0..ports).map(|_| Driver::new(width, 0, 0.0)).collect();
    for (d, base) in drivers.iter_mut().zip(bases) {
        let burst = 16 * width as u64;
        d.reads = (0..bytes / burst).map(|i| ((base + i * burst) % (1 << 20), 16)).collect();
    }
    let cycles = run(&mut memory, &mut drivers, 10_000_000);
    (ports as u64 * bytes) as f64 / cycles as f64
}

#[test]
fn ceilings_hold_over_long_runs() {
    let staggered = [0, 0x44000, 0x88000, 0xcc000];
    let kv260 = bandwidth(4, 16, profile("kv260"), &staggered, 1 << 20);
    assert!(kv260 <= 60.4 && kv260 > 59.8, "{kv260}");
    let equal = bandwidth(4, 16, profile("kv260"), &[0, 0x40000, 0x80000, 0xc0000], 1 << 20);
    assert!(equal <= 60.4 * 0.801 && equal > 60.4 * 0.79, "{equal}");
    let single = bandwidth(1, 16, profile("kv260"), &[0], 1 << 18);
    assert!(single < 16.0 && single > 15.2, "one port: {single}");
    let ulx3s = bandwidth(1, 8, Profile::named("ulx3s", 50).unwrap(), &[0], 1 << 18);
    assert!(ulx3s <= 2.0 && ulx3s > 1.98, "{ulx3s}");
    let ideal = bandwidth(2, 8, profile("ideal"), &[0, 0x80000], 1 << 18);
    assert!(ideal > 15.99, "{ideal}");
}

/// Reads and writes together stay below the ceiling too, and turning the bus costs something.
#[test]
fn mixed_traffic_stays_below_the_ceiling() {
    let mut memory = memory(4, 16, profile("kv260"), Stalls::NONE, 0);
    let mut drivers: Vec<_> = (0..4).map(|_| Driver::new(16, 0, 0.0)).collect();
    for (p, d) in drivers.iter_mut().enumerate() {
        d.reads = (0..4096).map(|i| ((p as u64 * 0x44000 + i * 256) % (1 << 20), 16)).collect();
        d.writes = (0..1024).map(|i| ((p as u64 * 0x44000 + i * 256) % (1 << 20), vec![1; 256])).collect();
    }
    let cycles = run(&mut memory, &mut drivers, 1_000_000);
    let rate = (4 * (4096 + 1024) * 256) as f64 / cycles as f64;
    assert!(rate <= 60.4 && rate > 45.0, "{rate}");
}

#[test]
fn stalls_are_seeded() {
    let cycles = |stalls, seed| {
        let mut memory = memory(1, 8, profile("ideal"), stalls, seed);
        let mut d = Driver::new(8, 0, 0.0);
        d.reads = (0..64).map(|i| (i * 128, 16)).collect();
        run(&mut memory, &mut [d], 100_000)
    };
    let none = cycles(Stalls::NONE, 1);
    assert!(none < 64 * 16 + 20, "{none}");
    let half = cycles(Stalls { r: 128, ..Stalls::NONE }, 1);
    assert!((1900..2300).contains(&half), "{half}");
    assert_eq!(half, cycles(Stalls { r: 128, ..Stalls::NONE }, 1));
    assert_ne!(half, cycles(Stalls { r: 128, ..Stalls::NONE }, 2));
}

#[test]
fn the_first_beat_comes_after_the_latency() {
    let mut memory = memory(1, 8, Profile { read_latency: 20, ..profile("ideal") }, Stalls::NONE, 0);
    let mut d = Driver::new(8, 0, 0.0);
    d.reads = vec![(0, 1)];
    assert_eq!(run(&mut memory, &mut [d], 100), 21);
}

#[test]
fn outside_memory_is_a_decode_error() {
    let mut memory = memory(1, 8, profile("ideal"), Stalls::NONE, 0);
    let mut d = Driver::new(8, 0, 0.0);
    d.reads = vec![(0, 2), (1 << 20, 2), ((1 << 20) - 8, 1)];
    d.writes = vec![(1 << 21, vec![1; 8]), (0, vec![9; 8])];
    let mut drivers = [d];
    run(&mut memory, &mut drivers, 100);
    assert_eq!(drivers[0].responses, [OKAY, OKAY, DECERR, DECERR, OKAY]);
    assert_eq!(drivers[0].acknowledged, [DECERR, OKAY]);
    assert_eq!(&memory.bytes()[..8], [9; 8]);
}

/// Reads may overtake a write that is not yet answered.
#[test]
fn a_write_is_seen_after_its_response_only() {
    let slow = Profile { ceiling: Some((1, 10)), ..profile("ideal") };
    let mut memory = memory(1, 8, slow, Stalls::NONE, 0);
    let old = memory.bytes()[0];
    let mut d = Driver::new(8, 0, 0.0);
    d.writes = vec![(0, vec![old ^ 255; 8])];
    let mut slaves = [Slave::default()];
    for now in 0..200 {
        d.drive();
        memory.cycle(now, &[d.master], &mut slaves).unwrap();
        d.sample(&slaves[0]);
        if now == 10 {
            assert_eq!((memory.bytes()[0], d.next_w), (old, (1, 0)), "accepted, but not yet in the store");
        }
    }
    assert_eq!((memory.bytes()[0], d.acknowledged.len()), (old ^ 255, 1));
}

/// The fault of a master whose pins in successive cycles are `pins`.
fn fault_of(pins: &[Master], stalls: Stalls) -> String {
    let mut memory = memory(1, 8, profile("ideal"), stalls, 0);
    memory.allow_writes(0x1000..0x2000);
    let mut slaves = [Slave::default()];
    for (now, &master) in (100..).zip(pins) {
        if let Err(fault) = memory.cycle(now, &[master], &mut slaves) {
            return fault.to_string();
        }
    }
    "no fault".into()
}

#[test]
fn every_rule_is_checked() {
    let none = Master::default();
    let good = Address { id: 0, address: 0x1000, len: 0, size: 3, burst: 1 };
    let ar = |a: Address| Master { ar: Some(a), ..none };
    let aw = |a: Address| Master { aw: Some(a), ..none };
    let w = |strobes: u64, last: bool| Master {
        w: Some(WriteBeat { data: [7; MAX_BYTES], strobes, last }),
        ..none
    };
    let stall = Stalls { ar: 255, w: 255, ..Stalls::NONE };
    let all = [
        fault_of(&[ar(good), none], stall),
        fault_of(&[ar(good), ar(Address { address: 0x1008, ..good })], stall),
        fault_of(&[ar(Address { burst: 0, ..good })], Stalls::NONE),
        fault_of(&[ar(Address { size: 2, ..good })], Stalls::NONE),
        fault_of(&[ar(Address { address: 0x1004, ..good })], Stalls::NONE),
        fault_of(&[ar(Address { address: 0x1ff8, len: 1, ..good })], Stalls::NONE),
        fault_of(&[aw(Address { len: 1, ..good }), w(255, true)], Stalls::NONE),
        fault_of(&[aw(Address { len: 1, ..good }), w(255, false), w(255, false)], Stalls::NONE),
        fault_of(&[aw(Address { address: 0x1ff8, ..good }), w(255, true)], Stalls::NONE),
        fault_of(&[aw(Address { address: 0x2000, ..good }), w(8, true)], Stalls::NONE),
        fault_of(&[aw(Address { address: 0x2000, ..good }), w(0, true)], Stalls::NONE),
        fault_of(&[w(1, true), w(1, false)], stall),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    AXI rule broken on port 0, channel AR, in cycle 101: VALID fell before READY
    AXI rule broken on port 0, channel AR, in cycle 101: the payload changed before READY
    AXI rule broken on port 0, channel AR, in cycle 100: burst type 0 is not INCR
    AXI rule broken on port 0, channel AR, in cycle 100: size 2 is not the port's 8 bytes
    AXI rule broken on port 0, channel AR, in cycle 100: address 0x1004 is not aligned to 8 bytes
    AXI rule broken on port 0, channel AR, in cycle 100: the burst of 16 bytes at 0x1ff8 crosses 4 KiB
    AXI rule broken on port 0, channel W, in cycle 101: WLAST is 1 with 2 beats of the burst left
    AXI rule broken on port 0, channel W, in cycle 102: WLAST is 0 with 1 beats of the burst left
    no fault
    AXI rule broken on port 0, channel W, in cycle 101: a write to 0x2003, outside the regions that may be written
    no fault
    AXI rule broken on port 0, channel W, in cycle 101: the payload changed before READY
    ");
}
