//! The bridge equals its model on random bytes, whatever the pauses; and what no model knows: time, room, bursts.

#[path = "bench.rs"]
mod bench;
#[path = "faults.rs"]
mod faults;
#[path = "time.rs"]
mod time;
#[path = "traffic.rs"]
mod traffic;

use bench::{BIT, Bench};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::bridge::Bridge;
use traffic::{Event, Traffic};

use super::*;
use crate::dsl::{Bits, Sim};

const BYTES: u32 = 1 << 14;
/// Cycles until a request is forgotten.
const TIMEOUT: u32 = 600;
const BOARD: Board =
    Board { clock_hz: TIMEOUTS_A_SECOND * TIMEOUT, bit_cycles: BIT as u32, memory_bytes: BYTES };
/// Bytes that may wait in the bridge when another one is sent.
const WAITING: u64 = 28;
/// Cycles that nothing takes.
const LIMIT: u32 = 100_000;

/// Registers and memory, some of which refuse.
#[derive(Clone, PartialEq)]
struct Plain {
    registers: Vec<u32>,
    memory: Vec<u8>,
}

impl Plain {
    const GOOD_REGISTERS: u32 = SPACE - 8;
    const BAD_MEMORY: std::ops::Range<u64> = 0x3000..0x3040;

    fn new() -> Plain {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let registers = (0..SPACE / 4).map(|_| rng.random()).collect();
        Plain { registers, memory: (0..BYTES).map(|_| rng.random()).collect() }
    }
}

impl Device for Plain {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        let good = at < Plain::GOOD_REGISTERS;
        if good { Ok(self.registers[at as usize / 4]) } else { Err(DeviceError::Register(at)) }
    }
    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.read_register(at)?;
        self.registers[at as usize / 4] = value;
        Ok(())
    }
    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let (bad, end) = (Plain::BAD_MEMORY, address + bytes.len() as u64);
        if end > BYTES.into() || (address < bad.end && bad.start < end) {
            return Err(DeviceError::Memory { address, len: bytes.len(), size: BYTES.into() });
        }
        bytes.copy_from_slice(&self.memory[address as usize..end as usize]);
        Ok(())
    }
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.read_memory(address, &mut vec![0; bytes.len()])?;
        self.memory[address as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn wait(&mut self) -> Result<(), DeviceError> {
        Ok(())
    }
    fn reserve_memory(&mut self, _: u64) -> Result<(), DeviceError> {
        Ok(())
    }
}

/// Clocks, MHz, that the two forms of a bridge are for: fast and slow.
const CLOCKS: [u32; 2] = [100, 54];

fn config(port_bytes: u32, clock_mhz: u32) -> Config {
    Config { port_bytes, clock_mhz, ..Config::preset("tiny").unwrap() }
}

/// The bridge and its model, side by side.
struct Pair {
    bench: Bench<Plain>,
    model: Bridge<Plain>,
}

impl Pair {
    /// Time is not compared: the module's counter of cycles stands still.
    fn new(m: &Module, beat: u32, pauses: f64, seed: u64) -> Pair {
        m.plant("access.cycles", |s| s.module().u(32, 0));
        let bench = Bench::new(Sim::seeded(m, seed).unwrap(), Plain::new(), beat, pauses, seed);
        let mut model = Bridge::new(Plain::new(), BYTES);
        (model.beat, model.clock) = (beat, BOARD.clock_hz);
        model.cycles = Some(Box::new(|| 0));
        Pair { bench, model }
    }

    /// Runs until nothing happens any more; `Err` says after how many cycles it still did.
    fn settle(&mut self) -> Result<(), String> {
        let mut quiet = 0;
        for _ in 0..LIMIT {
            self.bench.tick();
            let listens = self.bench.sim.is_high("request.listens");
            let busy = !self.bench.is_sent() || self.bench.queued() > 0 || !listens;
            quiet = if busy || self.bench.receives() { 0 } else { quiet + 1 };
            if quiet == 12 * BIT {
                return Ok(());
            }
        }
        Err("the bridge does not come to rest".into())
    }

    fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Bytes(bytes) => {
                for byte in bytes {
                    self.model.byte(*byte);
                    self.bench.send(*byte);
                    let mut cycles = 0;
                    while !self.bench.is_sent() || self.bench.queued() > WAITING {
                        self.bench.tick();
                        cycles += 1;
                        if cycles > LIMIT {
                            return Err("the bridge takes no bytes".into());
                        }
                    }
                }
            }
            Event::Pause => self.bench.run(TIMEOUT as usize / 2),
            Event::Silence => {
                self.settle()?;
                self.bench.run(TIMEOUT as usize + 10);
                self.model.idle();
            }
            Event::Broken => {
                // what is under way must not see the count change
                self.settle()?;
                self.bench.send_broken();
                self.model.line_errors += 1;
                self.settle()?;
            }
        }
        self.compare()
    }

    /// What was answered so far.
    fn compare(&mut self) -> Result<(), String> {
        while let Some(have) = self.bench.received.pop_front() {
            let want = self.model.out.pop_front();
            if want != Some(have) {
                return Err(format!("answered {have:#04x} instead of {want:02x?}"));
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        self.settle()?;
        self.compare()?;
        match (self.model.out.len(), self.bench.device == self.model.device) {
            (0, true) => Ok(()),
            (0, false) => Err("registers or memory differ".into()),
            (missing, _) => Err(format!("{missing} bytes of answers are missing")),
        }
    }
}

/// Random traffic; stops at the first difference.
fn random(m: &Module, beat: u32, pauses: f64, seed: u64, events: usize) -> Result<Pair, String> {
    println!("beats of {beat}, pauses {pauses}, seed {seed}");
    let mut pair = Pair::new(m, beat, pauses, seed);
    let mut traffic = Traffic::new(ChaCha8Rng::seed_from_u64(seed), BYTES, beat);
    for i in 0..events {
        let event = traffic.next();
        pair.apply(&event)
            .and_then(|()| if i % 8 == 0 { pair.finish() } else { Ok(()) })
            .map_err(|e| format!("seed {seed}, event {i}, {event:02x?}: {e}"))?;
    }
    pair.finish()?;
    println!("{} cycles", pair.bench.sim.cycle());
    Ok(pair)
}

#[test]
fn random_bytes_have_the_model_s_answers() {
    for clock in CLOCKS {
        let cases = [(4, 0.0), (8, 0.3), (16, 0.7), (64, 0.3), (4, 0.5)];
        for (seed, (beat, pauses)) in cases.into_iter().enumerate() {
            let m = bridge(&config(beat, clock), &BOARD);
            if let Err(e) = random(&m, beat, pauses, seed as u64, 80) {
                panic!("{clock} MHz: {e}");
            }
        }
    }
}
