//! The driver: loads an image into a device and runs steps. It knows registers and memory and nothing else, so it serves the
//! golden model, simulations and boards alike.

use crate::error::{Error, Result};
use crate::image::{Image, Region};
use crate::refine::Refine;
use std::borrow::Cow;
use std::ops::AddAssign;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::layout::stripe;
use sterna_spec::registers::{self, COUNTERS, control, offset, status};

/// Bytes that share a checksum.
const PIECE: usize = 1 << 16;

/// One row of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Token.
    pub token: u32,
    /// Position in its sequence.
    pub position: usize,
    /// Sequence, below the image's number of sequences.
    pub sequence: usize,
    /// True if logits are wanted.
    pub logits: bool,
}

/// What the device counted, summed over steps, in the order of [`COUNTERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters(pub [u64; COUNTERS.len()]);

impl Counters {
    /// The counter `name`; 0 if there is none.
    pub fn get(&self, name: &str) -> u64 {
        COUNTERS.iter().position(|(n, _)| *n == name).map_or(0, |i| self.0[i])
    }

    /// Beats read from memory.
    pub fn beats_read(&self) -> u64 {
        self.get("STREAM_BEATS") + self.get("DATA_BEATS")
    }

    /// The causes, each busy cycle in exactly one: `(name, cycles)`.
    pub fn causes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        COUNTERS
            .iter()
            .zip(self.0)
            .skip_while(|((name, _), _)| *name != "FETCH")
            .map(|((name, _), n)| (*name, n))
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a += b;
        }
    }
}

/// A device with an image in its memory.
pub struct Driver<'d> {
    device: Box<dyn Device + 'd>,
    image: Image,
    refine: Option<Refine<'static>>,
    /// Bytes that were loaded.
    loaded: usize,
    /// CRC32 of what was loaded, by port and piece of [`PIECE`] bytes.
    sums: Vec<Vec<u32>>,
    /// Blocks of the head among which the last step's second pass selected.
    blocks: Vec<usize>,
}

impl From<DeviceError> for Error {
    fn from(e: DeviceError) -> Self {
        Error::Device(e.to_string())
    }
}

impl<'d> Driver<'d> {
    /// Checks that `device` is the one that `image` was compiled for, and loads it.
    pub fn new(device: Box<dyn Device + 'd>, image: Image) -> Result<Self> {
        Driver::with_progress(device, image, |_, _| {})
    }

    /// As [`Driver::new`]; `progress(bytes loaded, all bytes)` is called now and then.
    pub fn with_progress(
        device: Box<dyn Device + 'd>,
        image: Image,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self> {
        let head = || Refine::new(&image.config, image.vocab, image.region(image.map.logits).to_vec());
        let refine = (image.map.refine.beats > 0).then(head);
        let image_bytes = image.bytes.len();
        let mut driver =
            Driver { device, image, refine, loaded: image_bytes, sums: Vec::new(), blocks: Vec::new() };
        driver.identify()?;
        driver.device.reserve_memory(driver.image.memory_bytes())?;
        driver.load(progress)?;
        for region in driver.image.writable() {
            driver.device.allow_writes(region);
        }
        driver.image.bytes = Vec::new(); // the device has them now; a board's own CPU may not have room for both
        for (offset, value) in driver.image.registers() {
            driver.device.write_register(offset, value)?;
        }
        Ok(driver)
    }

    /// The image, without its bytes.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The device, for what lies outside a driver's work.
    pub fn device(&mut self) -> &mut (dyn Device + 'd) {
        &mut *self.device
    }

    fn identify(&mut self) -> Result<()> {
        let id = self.device.read_register(offset::ID)?;
        if id != registers::ID {
            let want = registers::ID;
            return Err(Error::Device(format!(
                "the device answers with id {id:#010x} instead of {want:#010x}; check the bitstream and the base address"
            )));
        }
        let version = self.device.read_register(offset::VERSION)?;
        if version != registers::VERSION {
            let want = registers::VERSION;
            return Err(Error::Device(format!(
                "the device has version {version} of the contract, this host has {want}; generate the hardware again"
            )));
        }
        let low = self.device.read_register(offset::CONFIG_HASH)?;
        let high = self.device.read_register(offset::CONFIG_HASH + 4)?;
        let (found, config) = (u64::from(high) << 32 | u64::from(low), &self.image.config);
        if found != config.hash() {
            let (name, want) = (&config.name, config.hash());
            return Err(Error::Device(format!(
                "the device's configuration is {found:016x} but the model was compiled for `{name}`, {want:016x}; choose the preset that the device was generated from"
            )));
        }
        Ok(())
    }

    /// Writes the image, one transfer a port.
    fn load(&mut self, mut progress: impl FnMut(usize, usize)) -> Result<()> {
        let Image { config, bytes, port_bases, .. } = &self.image;
        let (ports, width) = (config.ports as usize, config.port_bytes as usize);
        let (all, share) = (bytes.len(), bytes.len() / ports);
        for (port, base) in port_bases.iter().enumerate() {
            let part = if ports == 1 {
                Cow::Borrowed(&bytes[..])
            } else {
                let beats = bytes.chunks(config.beat_bytes());
                beats.flat_map(|beat| beat.iter().skip(port * width).take(width)).copied().collect()
            };
            self.sums.push(part.chunks(PIECE).map(crc32fast::hash).collect());
            let before = port * share;
            self.device.write_memory_with(*base, &part, &mut |done| progress(before + done, all))?;
        }
        Ok(())
    }

    /// Reads everything that was loaded back from the device and compares checksums: tables, weights and programs, which nothing may have
    /// changed since. `progress(pieces done, all pieces)`.
    ///
    /// # Errors
    /// [`Error::Scrub`] with the first piece that differs.
    pub fn scrub(&mut self, mut progress: impl FnMut(usize, usize)) -> Result<()> {
        let share = self.loaded / self.image.config.ports as usize;
        let (mut done, all) = (0, self.sums.iter().map(Vec::len).sum());
        for (port, sums) in self.sums.iter().enumerate() {
            for (i, sum) in sums.iter().enumerate() {
                let mut bytes = vec![0; PIECE.min(share - i * PIECE)];
                let address = self.image.port_bases[port] + (i * PIECE) as u64;
                self.device.read_memory(address, &mut bytes)?;
                if crc32fast::hash(&bytes) != *sum {
                    return Err(Error::Scrub { address, bytes: bytes.len(), port });
                }
                done += 1;
                progress(done, all);
            }
        }
        Ok(())
    }

    /// Runs the whole step on `rows`, and the head's second pass if it has one.
    pub fn step(&mut self, rows: &[Row]) -> Result<Counters> {
        self.blocks.clear();
        let mut counters = self.run(self.image.map.step, rows)?;
        let asking: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].logits).collect();
        if self.refine.is_some() && !asking.is_empty() {
            let mut selected = Vec::new();
            for row in asking {
                selected.extend(self.top_k(row, usize::MAX)?.into_iter().map(|(token, _)| token));
            }
            counters += self.second_pass(rows, selected)?;
        }
        Ok(counters)
    }

    /// Selects among the blocks of the `selected` tokens with all planes of the head.
    fn second_pass(&mut self, rows: &[Row], selected: Vec<u32>) -> Result<Counters> {
        let Some(refine) = &self.refine else { return Ok(Counters::default()) };
        let blocks = refine.blocks(selected);
        let program = refine.program(&blocks);
        let base = self.image.map.refine.base;
        self.write_beats(base, &program)?;
        let beats = program.len() / self.image.config.beat_bytes();
        let counters = self.run(Region { base, beats }, rows)?;
        self.blocks = blocks;
        Ok(counters)
    }

    /// Runs the logits program on what [`Driver::step`] with the same rows left behind.
    pub fn store_logits(&mut self, rows: &[Row]) -> Result<Counters> {
        self.run(self.image.map.logits, rows)
    }

    fn run(&mut self, program: Region, rows: &[Row]) -> Result<Counters> {
        // PROGRAM_BASE, PROGRAM_BEATS, ROWS
        let step = [program.base as u32, program.beats as u32, rows.len() as u32];
        self.device.write_registers(offset::PROGRAM_BASE, &step)?;
        let describe = |row: &Row| {
            let flags = if row.logits { registers::ROW_LOGITS } else { 0 };
            [row.token, row.position as u32, self.image.kv_base(row.sequence) as u32, flags]
        };
        let descriptors: Vec<u32> = rows.iter().flat_map(describe).collect();
        self.device.write_registers(offset::ROW, &descriptors)?;
        self.device.write_register(offset::CONTROL, control::START)?;
        self.device.wait()?;
        self.check_status()?;
        let mut counters = [0; COUNTERS.len()];
        self.device.read_registers(offset::COUNTER, &mut counters)?;
        Ok(Counters(counters.map(u64::from)))
    }

    fn check_status(&mut self) -> Result<()> {
        let state = self.device.read_register(offset::STATUS)?;
        if state & status::ERROR != 0 {
            let error = self.device.read_register(offset::ERROR)?;
            self.device.write_register(offset::CONTROL, control::CLEAR)?;
            return Err(Error::Device(describe(error)));
        }
        if state & status::DONE == 0 {
            return Err(Error::Device(format!(
                "the device stopped without finishing the step (status {state:#x}); reset it and load the model again"
            )));
        }
        Ok(())
    }

    /// The `count` largest logits of a row of the last step, largest first; fewer if the vocabulary is smaller.
    pub fn top_k(&mut self, row: usize, count: usize) -> Result<Vec<(u32, f32)>> {
        let count = count.min(self.image.config.top_k as usize).min(self.image.vocab);
        let base = offset::TOPK + registers::TOPK_ROW_BYTES * row as u32;
        let mut words = vec![0; 2 * count];
        self.device.read_registers(base, &mut words)?;
        let (pairs, _) = words.as_chunks();
        let token = |id: u32| match &self.refine {
            Some(refine) if !self.blocks.is_empty() => refine.token(&self.blocks, id),
            _ => Some(id),
        };
        let all = pairs.iter().map(|[id, logit]| (token(*id), f32::from_bits(*logit)));
        // an empty entry: fewer numbers than asked for, because some were NaN
        let filled = all.map_while(|(token, logit)| token.map(|token| (token, logit)));
        Ok(filled.take_while(|(token, _)| (*token as usize) < self.image.vocab).collect())
    }

    /// All logits of a row, after [`Driver::store_logits`].
    pub fn logits(&mut self, row: usize) -> Result<Vec<f32>> {
        let Image { map, vocab, .. } = &self.image;
        let start = map.result.base + row * map.result_stride;
        let bytes = self.read_beats(start, 4 * vocab)?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Reads `len` bytes from a beat on.
    pub fn read_beats(&mut self, beat: usize, len: usize) -> Result<Vec<u8>> {
        let Image { config, port_bases, .. } = &self.image;
        let (mut bytes, mut outcome) = (vec![0; len], Ok(()));
        let device = &mut self.device;
        stripe(config, port_bases, (beat * config.beat_bytes()) as u64, len, |address, at, size| {
            if outcome.is_ok() {
                outcome = device.read_memory(address, &mut bytes[at..at + size]);
            }
        });
        outcome?;
        Ok(bytes)
    }

    /// Writes bytes from a beat on.
    pub fn write_beats(&mut self, beat: usize, bytes: &[u8]) -> Result<()> {
        let Image { config, port_bases, .. } = &self.image;
        let mut outcome = Ok(());
        let device = &mut self.device;
        stripe(config, port_bases, (beat * config.beat_bytes()) as u64, bytes.len(), |address, at, size| {
            if outcome.is_ok() {
                outcome = device.write_memory(address, &bytes[at..at + size]);
            }
        });
        Ok(outcome?)
    }
}

/// One sentence for a value of the ERROR register.
fn describe(error: u32) -> String {
    let (code, block, detail) = (error as u8, (error >> 8) as u8, error >> 16);
    let unknown = ("unknown", "an error that this host does not know");
    let (name, meaning) = registers::ERROR_CODES
        .iter()
        .find(|(c, ..)| *c == code)
        .map_or(unknown, |(_, name, meaning)| (name, meaning));
    let block =
        registers::ERROR_BLOCKS.iter().find(|(b, _)| *b == block).map_or("unknown block", |(_, name)| name);
    format!(
        "the device's {block} reports {name}: {meaning} (detail {detail:#x}); load the model again, and reset the device if it stays"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_names() {
        insta::assert_snapshot!(describe(0x0007_0202));
    }
}
