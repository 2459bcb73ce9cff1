//! The host's serial driver over the bridge's RTL, in the evaluator: a line of bits between them, the golden model behind AXI with pauses.

#[allow(dead_code)] // the block's own tests use the rest
#[path = "../../hdl/src/blocks/bridge/bench.rs"]
mod bench;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bench::{BIT, Bench};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::blocks::bridge::{Board, bridge};
use sterna_hdl::dsl::{Bits, Sim};
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::serial::{Serial, Timing, Transport};
use sterna_host::session::Session;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::registers::{control, offset};
use sterna_tests::{random_model, tiny};

/// Cycles until a request is forgotten.
const TIMEOUT: u32 = 800;
const MEMORY: u32 = 0x2_0000;
/// A random model that is small: 8 kB for the serial line.
const SEED: u64 = 34;
/// A byte is there or will not come.
const AT_ONCE: Timing = Timing { least: Duration::ZERO, most: Duration::ZERO, silence: Duration::ZERO };

/// The golden model, with a count of its starts.
struct Counting {
    golden: Golden,
    starts: u32,
}

impl Device for Counting {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        self.golden.read_register(at)
    }
    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.starts += u32::from(at == offset::CONTROL && value == control::START);
        self.golden.write_register(at, value)
    }
    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.golden.read_memory(address, bytes)
    }
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.golden.write_memory(address, bytes)
    }
    fn wait(&mut self) -> Result<(), DeviceError> {
        self.golden.wait()
    }
    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.golden.reserve_memory(bytes)
    }
}

type Shared = Arc<Mutex<Bench<Counting>>>;

fn board(config: &Config, seed: u64) -> Shared {
    let board = Board { clock_hz: 10 * TIMEOUT, bit_cycles: BIT as u32, memory_bytes: MEMORY };
    let sim = Sim::seeded(&bridge(config, &board), seed).unwrap();
    let mut golden = Golden::new(config);
    golden.reserve_memory(MEMORY.into()).unwrap();
    let device = Counting { golden, starts: 0 };
    Arc::new(Mutex::new(Bench::new(sim, device, config.port_bytes, 0.2, seed)))
}

/// A line that loses, doubles and changes bytes.
struct Line {
    board: Shared,
    rng: ChaCha8Rng,
    rate: f64,
    /// Cycles until the host gives up waiting.
    patience: usize,
}

impl Line {
    fn new(board: &Shared, rate: f64, seed: u64) -> Box<Line> {
        // longer than a request may stand still, or not: then zeros end it
        let patience = if seed.is_multiple_of(2) { 2 * TIMEOUT } else { TIMEOUT / 2 } as usize;
        Box::new(Line { board: board.clone(), rng: ChaCha8Rng::seed_from_u64(seed), rate, patience })
    }

    fn damaged(&mut self, byte: u8) -> Vec<u8> {
        if !self.rng.random_bool(self.rate) {
            return vec![byte];
        }
        match self.rng.random_range(0..3) {
            0 => vec![],
            1 => vec![byte; 2],
            _ => vec![byte ^ 1 << self.rng.random_range(0..8)],
        }
    }
}

impl Transport for Line {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let all: Vec<u8> = bytes.iter().flat_map(|byte| self.damaged(*byte)).collect();
        let mut board = self.board.lock().unwrap();
        all.into_iter().for_each(|byte| board.send(byte));
        while !board.is_sent() {
            board.tick();
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        let board = self.board.clone();
        let mut board = board.lock().unwrap();
        let mut quiet = 0;
        loop {
            if let Some(byte) = board.received.pop_front() {
                let arrived = self.damaged(byte);
                // a doubled byte that finds no room is as good as a single one
                let count = arrived.len().min(bytes.len());
                bytes[..count].copy_from_slice(&arrived[..count]);
                if count > 0 {
                    return Ok(count);
                }
            }
            board.tick();
            let busy = board.queued() > 0 || board.receives() || !board.sim.is_high("request.listens");
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet > self.patience {
                return Ok(0);
            }
        }
    }

    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}

/// Selections of a prefill and of a decode, the KV cache.
fn play(device: Box<dyn Device + '_>, image: &Image) -> (Vec<Vec<(u32, u32)>>, Vec<u8>) {
    let mut session = Session::new(device, image.clone()).unwrap();
    let bits = |top: Vec<(u32, f32)>| top.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect();
    let tops = [&[3, 1, 4][..], &[1]].map(|tokens| bits(session.prefill(tokens).unwrap().top_k)).to_vec();
    let kv = image.map.kv;
    let cache = session.driver().read_beats(kv.base, kv.beats * image.config.beat_bytes()).unwrap();
    (tops, cache)
}

#[test]
fn a_session_through_the_bridge_equals_the_golden_model() {
    let config = tiny();
    let model = random_model(SEED, &config, 1);
    let image = compile(&model, &config, &Options { context: 16, ..Options::default() }).unwrap();
    let board = board(&config, 1);
    let device = Serial::over(Line::new(&board, 1e-4, 1), "line", AT_ONCE).unwrap();
    let have = play(Box::new(device), &image);
    let want = play(Box::new(Golden::new(&config)), &image);
    assert!(have.0 == want.0, "selections: {:x?} {:x?}", have.0, want.0);
    let first = have.1.iter().zip(&want.1).position(|(a, b)| a != b);
    assert_eq!(first, None, "the KV cache differs at this byte");
    println!("{} cycles", board.lock().unwrap().sim.cycle());
}

#[test]
fn a_bad_line_reads_and_writes_what_it_should_and_starts_once() {
    let mut failures = 0;
    for (seed, port_bytes) in [(0, 4), (1, 64)] {
        println!("seed {seed}");
        let board = board(&Config { port_bytes, ..tiny() }, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut device = Serial::over(Line::new(&board, 4e-3, seed), "line", AT_ONCE).unwrap();
        let mut memory = vec![0; MEMORY as usize];
        for start in 1..=4 {
            let len = rng.random_range(1..400);
            let at = rng.random_range(0..memory.len() - len);
            rng.fill(&mut memory[at..at + len]);
            device.write_memory(at as u64, &memory[at..at + len]).unwrap();
            let mut back = vec![0; len + 7];
            let at = at.saturating_sub(7);
            device.read_memory(at as u64, &mut back).unwrap();
            assert!(back == memory[at..][..back.len()]);
            device.write_register(offset::CONTROL, control::START).unwrap();
            assert_eq!(board.lock().unwrap().device.starts, start);
        }
        failures += device.stats().failures();
        println!("{} cycles", board.lock().unwrap().sim.cycle());
        drop(device);
        let mut held = vec![0; memory.len()];
        board.lock().unwrap().device.read_memory(0, &mut held).unwrap();
        assert!(held == memory);
    }
    assert!(failures > 5, "{failures}");
}
