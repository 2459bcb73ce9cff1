//! A device on this machine's own bus: registers through UIO, memory through u-dma-buf. Linux only.
//!
//! ```text
//!   /sys/class/uio/uioN/name = NAME ─► /dev/uioN ──────── registers, interrupt
//!   /sys/class/u-dma-buf/NAME-memory ─► /dev/NAME-memory ─ memory, from physical address `phys_addr` on
//! ```
//!
//! A driver addresses memory from 0 on; the device reads physical addresses. So the address of the buffer is added to every port base that
//! is written, and taken off those that are read.
//!
//! | file | what it does |
//! |---|---|
//! | `find.rs` | finds both by name below `/sys/class` |
//! | `buffer.rs` | the memory, and who owns its cache lines |
//! | `interrupt.rs` | waits for the interrupt |
//! | `map.rs` | mapped files: the only `unsafe` |

mod buffer;
mod find;
mod interrupt;
mod map;

use buffer::Buffer;
use find::Found;
use interrupt::Interrupt;
use map::Map;
use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use sterna_spec::config::{Config, PRESETS};
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{self, offset, status};

/// Time after which a step is given up.
const STEP: Duration = Duration::from_secs(60);
/// Time after which a command that was not taken is given up.
const COMMAND: Duration = Duration::from_secs(10);
/// Time between two looks at STATUS: also with interrupts, so that a lost one costs no more than this.
const LOOK: Duration = Duration::from_millis(100);
/// The same without interrupts.
const POLL: Duration = Duration::from_micros(50);
/// The most ports that a device has.
const PORTS: usize = 4;
const PORT_BASES: std::ops::Range<u32> = offset::PORT_BASE..offset::PORT_BASE + 8 * PORTS as u32;

type Result<T> = std::result::Result<T, DeviceError>;

fn other<T>(sentence: String) -> Result<T> {
    Err(DeviceError::Other(sentence))
}

/// What a system call said about a file, with the remedy.
fn failed(action: &str, path: &Path, error: &std::io::Error) -> DeviceError {
    let remedy = match error.kind() {
        std::io::ErrorKind::PermissionDenied => "run as root, or let a udev rule give this user access",
        _ => "load the design again and check the kernel's log",
    };
    DeviceError::Other(format!("cannot {action} {}: {error}; {remedy}", path.display()))
}

/// A device reached through UIO and u-dma-buf.
pub struct Uio {
    registers: Map,
    buffer: Buffer,
    interrupt: Option<Interrupt>,
    /// Port bases as the driver wrote them.
    bases: [u64; PORTS],
    limit: Duration,
}

/// Maps the registers of the UIO device `name`.
fn registers(root: &Path, name: &str) -> Result<(Map, File, PathBuf)> {
    let Found { device, class } = find::uio(root, name)?;
    let size = find::number(&class.join("maps/map0/size"))?;
    if size < u64::from(registers::SPACE) {
        return other(format!(
            "{} has {size} bytes of registers but the device has {}; correct `reg` in its device tree node",
            device.display(),
            registers::SPACE
        ));
    }
    let file = map::open(&device)?;
    Ok((Map::new(&file, &device, registers::SPACE.into())?, file, device))
}

/// Reads a register that is known to exist.
fn word(registers: &Map, at: u32) -> Result<u32> {
    registers.read_word(at as usize).ok_or(DeviceError::Register(at))
}

/// The configuration of the device `name` below `root` (`/`): the preset whose hash the device has.
///
/// # Errors
/// If there is no such device, it is another one, or no preset has its hash.
pub fn configuration(root: &Path, name: &str) -> Result<Config> {
    let (registers, ..) = registers(root, name)?;
    let id = word(&registers, offset::ID)?;
    if id != registers::ID {
        return other(format!(
            "the UIO device `{name}` answers with id {id:#010x} instead of {:#010x}; load the bitstream, and check the base address",
            registers::ID
        ));
    }
    let (low, high) = (word(&registers, offset::CONFIG_HASH)?, word(&registers, offset::CONFIG_HASH + 4)?);
    let hash = u64::from(high) << 32 | u64::from(low);
    match Config::with_hash(hash) {
        Some(config) => Ok(config),
        None => other(format!(
            "the UIO device `{name}` has configuration {hash:016x}, which is none of the presets {}; name its file, as in uio:{name},config.toml",
            PRESETS.join(", ")
        )),
    }
}

impl Uio {
    /// Opens the UIO device `name` and its memory; `root` is `/`, or a folder that stands in for it.
    ///
    /// # Errors
    /// If one of them is not there, may not be opened, or is not what `config` needs.
    pub fn open(root: &Path, name: &str, config: &Config) -> Result<Uio> {
        let (registers, file, path) = registers(root, name)?;
        let buffer = Buffer::open(root, name)?;
        let end = buffer.physical() + buffer.len();
        if config.address_bits < 64 && end > 1 << config.address_bits {
            return other(format!(
                "the memory of `{name}` ends at {end:#x} but `{}` has {} address bits; place the buffer lower",
                config.name, config.address_bits
            ));
        }
        // a file that stands in for the device cannot interrupt
        let device = file.metadata().map_err(|e| failed("look at", &path, &e))?.file_type().is_char_device();
        let interrupt = device.then(|| Interrupt::new(file));
        if interrupt.is_some() {
            registers.write_word(offset::IRQ_ENABLE as usize, 1);
        }
        Ok(Uio { registers, buffer, interrupt, bases: [0; PORTS], limit: STEP })
    }

    /// Gives a step up after `limit` instead of a minute.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Waits until CONTROL reads as 0, as it does once the device has the command.
    fn taken(&self) -> Result<()> {
        let start = Instant::now();
        while word(&self.registers, offset::CONTROL)? != 0 {
            if start.elapsed() > COMMAND.min(self.limit) {
                return other(
                    "the device does not take commands; check its clock and reset, and load it again".into(),
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sleeps until the next look at STATUS.
    fn pause(&mut self) {
        let interrupted = self.interrupt.as_mut().map(|interrupt| interrupt.wait(LOOK));
        match interrupted {
            Some(Ok(())) => {}
            // no interrupt in the device tree
            Some(Err(_)) => self.interrupt = None,
            None => std::thread::sleep(POLL),
        }
    }

    fn check(at: u32) -> Result<()> {
        if at.is_multiple_of(4) && at < registers::SPACE { Ok(()) } else { Err(DeviceError::Register(at)) }
    }
}

/// The half of a port base that a register holds: port, shift.
fn half(at: u32) -> (usize, u32) {
    let from = at - offset::PORT_BASE;
    ((from / 8) as usize, from % 8 * 8)
}

impl Device for Uio {
    fn read_register(&mut self, at: u32) -> Result<u32> {
        Uio::check(at)?;
        if PORT_BASES.contains(&at) {
            let (port, shift) = half(at);
            return Ok((self.bases[port] >> shift) as u32);
        }
        word(&self.registers, at)
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<()> {
        Uio::check(at)?;
        if PORT_BASES.contains(&at) {
            let (port, shift) = half(at);
            let base = self.bases[port] & !(0xffff_ffff << shift) | u64::from(value) << shift;
            self.bases[port] = base;
            let physical = base.wrapping_add(self.buffer.physical());
            let low = (at - shift / 8) as usize;
            self.registers.write_word(low, physical as u32);
            self.registers.write_word(low + 4, (physical >> 32) as u32);
            return Ok(());
        }
        // interrupts are this device's own affair
        let value = if at == offset::IRQ_ENABLE { self.interrupt.is_some().into() } else { value };
        self.registers.write_word(at as usize, value);
        if at == offset::CONTROL { self.taken() } else { Ok(()) }
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.buffer.read(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        self.buffer.write(address, bytes)
    }

    fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while word(&self.registers, offset::STATUS)? & status::BUSY != 0 {
            if start.elapsed() > self.limit {
                return other(format!(
                    "the device was still busy after {:.1} s; load the bitstream again, and check the address of its memory",
                    self.limit.as_secs_f64()
                ));
            }
            self.pause();
        }
        Ok(())
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<()> {
        self.buffer.reserve(bytes)
    }
}

impl Drop for Uio {
    fn drop(&mut self) {
        if self.interrupt.is_some() {
            self.registers.write_word(offset::IRQ_ENABLE as usize, 0);
        }
    }
}
