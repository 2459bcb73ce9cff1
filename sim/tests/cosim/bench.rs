//! A device under test: memory laid out for a small program, registers set, steps run.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_sim::{Options, Stalls};
use sterna_spec::config::{Config, TableKind};
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::layout::{KvLayout, beats, stripe};
use sterna_spec::registers::{self, control, offset};

use crate::program::{self, CONTEXT, HEAD_SIZE, IDS, INPUTS, KV_HEADS, TOKENS};

/// The smallest device: one row, one port.
pub fn one_row() -> Config {
    Config { rows: 1, ..tiny() }
}

/// Four rows, four narrow ports, two matrix rows a cycle, full tables, two tokens side by side.
pub fn four_rows() -> Config {
    let full = TableKind::Full;
    Config { name: "four".into(), rows: 4, ports: 4, port_bytes: 4, lookups: 2, table_kind: full, ..tiny() }
}

fn tiny() -> Config {
    // the preset exists; its crate tests that
    Config::preset("tiny").unwrap_or_else(|why| panic!("{why}"))
}

/// Options of a simulation whose builds are shared by all tests: in the folder of tests.
pub fn options(seed: u64, stalls: Stalls) -> Options {
    let cache =
        std::env::var_os("CARGO_TARGET_TMPDIR").map(|tmp| std::path::Path::new(&tmp).join("verilated-cache"));
    let build = verilated::Options { cache, ..verilated::Options::default() };
    Options { seed, stalls, watchdog: 100_000, build, ..Options::default() }
}

/// One row of a step.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Token.
    pub token: u32,
    /// Position.
    pub position: u32,
    /// Asks for logits.
    pub logits: bool,
}

/// Where everything lies, in beats, and the base address of each port.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The configuration.
    pub config: Config,
    /// First beat of the program.
    pub program: u32,
    /// First beat of the results.
    pub results: u32,
    /// First beat behind the program.
    pub far: u32,
    /// Beats of all.
    pub beats: u32,
    /// Base address of each port.
    pub bases: Vec<u64>,
    /// First beat of the first row's KV cache.
    pub kv: u32,
    kv_beats: u32,
}

impl Bench {
    /// Lays out memory: table of tokens, table of positions, KV caches, results, and 64 KiB for a program.
    pub fn new(config: &Config) -> Self {
        Bench::with_room(config, 0)
    }

    /// The same with `room` beats behind the program.
    pub fn with_room(config: &Config, room: u32) -> Self {
        let word = |bytes: usize| beats(config, bytes) as u32;
        let tables = TOKENS * word(4 * INPUTS) + CONTEXT as u32 * word(4 * HEAD_SIZE);
        let kv_beats =
            program::KV_OFFSET + (KV_HEADS * KvLayout::new(config, HEAD_SIZE, CONTEXT).area_beats()) as u32;
        let results = tables + config.rows * kv_beats;
        let program = results + config.rows * word(4 * IDS);
        let far = program + word(1 << 16);
        let all = far + room;
        // regions at different offsets modulo 64 KiB
        let region = (u64::from(all * config.port_bytes).next_multiple_of(4096)) + 4096;
        let bases = (0..u64::from(config.ports)).map(|p| p * region).collect();
        Bench { config: config.clone(), program, results, far, beats: all, bases, kv: tables, kv_beats }
    }

    /// Bytes of memory that a device needs.
    pub fn memory_bytes(&self) -> u64 {
        self.bases.last().map_or(0, |base| base + u64::from(self.beats * self.config.port_bytes))
    }

    /// Writes bytes from a beat on.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn put(&self, device: &mut impl Device, beat: u32, bytes: &[u8]) -> Result<(), DeviceError> {
        let mut result = Ok(());
        let start = u64::from(beat) * self.config.beat_bytes() as u64;
        stripe(&self.config, &self.bases, start, bytes.len(), |address, offset, len| {
            if result.is_ok() {
                result = device.write_memory(address, &bytes[offset..offset + len]);
            }
        });
        result
    }

    /// Reserves memory, fills tables and KV caches with random binary32 between 0.01 and 1, sets what does not depend on the step.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn prepare(&self, device: &mut impl Device, seed: u64) -> Result<(), DeviceError> {
        device.reserve_memory(self.memory_bytes())?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let floats = self.results as usize * self.config.beat_bytes() / 4;
        let data: Vec<u8> = (0..floats).flat_map(|_| rng.random_range(0.01f32..1.0).to_le_bytes()).collect();
        self.put(device, 0, &data)?;
        let kv = KvLayout::new(&self.config, HEAD_SIZE, CONTEXT);
        let stride = beats(&self.config, 4 * IDS) as u32;
        let settings = [
            (offset::RESULT_BASE, self.results),
            (offset::RESULT_STRIDE, stride),
            (offset::KV_SCALE_BEATS, kv.scale_beats as u32),
            (offset::KV_DATA_BEATS, kv.data_beats as u32),
        ];
        settings.into_iter().try_for_each(|(at, value)| device.write_register(at, value))?;
        for (p, base) in (0..).zip(&self.bases) {
            device.write_register(offset::PORT_BASE + 8 * p, *base as u32)?;
            device.write_register(offset::PORT_BASE + 8 * p + 4, (base >> 32) as u32)?;
        }
        Ok(())
    }

    /// Writes a program and names it in the registers.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn load(&self, device: &mut impl Device, program: &[u8]) -> Result<(), DeviceError> {
        self.put(device, self.program, program)?;
        device.write_register(offset::PROGRAM_BASE, self.program)?;
        device.write_register(offset::PROGRAM_BEATS, (program.len() / self.config.beat_bytes()) as u32)
    }

    /// Starts a step with these rows.
    ///
    /// # Errors
    /// If the device refuses.
    pub fn start(&self, device: &mut impl Device, rows: &[Row]) -> Result<(), DeviceError> {
        for (r, row) in (0..).zip(rows) {
            let at = offset::ROW + registers::ROW_BYTES * r;
            let values = [row.token, row.position, self.kv + r * self.kv_beats, row.logits.into()];
            for (i, value) in (0..).zip(values) {
                device.write_register(at + 4 * i, value)?;
            }
        }
        device.write_register(offset::ROWS, rows.len() as u32)?;
        device.write_register(offset::CONTROL, control::START)
    }

    /// Runs one step with these rows; returns ERROR, which it clears.
    ///
    /// # Errors
    /// If the device fails, or a lockstep finds a difference.
    pub fn step(&self, device: &mut impl Device, rows: &[Row]) -> Result<u32, DeviceError> {
        self.start(device, rows)?;
        device.wait()?;
        let error = device.read_register(offset::ERROR)?;
        device.write_register(offset::CONTROL, control::CLEAR)?;
        Ok(error)
    }
}
