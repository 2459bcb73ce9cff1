//! A device at the end of a serial line: UARTBone with every access verified, as `docs/serial.md` says.
//!
//! ```text
//!   driver ─► Serial ─► Link ─► Transport ─► UART or TCP ─► bridge ─► registers, memory
//!             accesses  requests  bytes
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `place.rs` | `uart:PATH[@BAUD]`, `tcp:HOST:PORT[@BAUD]` |
//! | `transport.rs` | what carries bytes; `uart.rs`, `tcp.rs` |
//! | `frame.rs` | requests as bytes |
//! | `link.rs` | request and answer: checked, repeated, back into step |
//! | `fault.rs` | what can go wrong, and its sentences |
//! | `access.rs` | reads and staged writes of words, longer on a good line, shorter on a bad one |
//! | `memory.rs` | memory: bursts, and uploads that send what differs |

mod access;
mod fault;
mod frame;
mod link;
mod memory;
mod place;
mod tcp;
mod transport;
mod uart;

pub use link::{Stats, Timing};
pub use place::{BAUD, Place};
pub use transport::Transport;

use fault::Fault;
use link::{Link, TRIES};
use std::time::Duration;
use sterna_spec::bridge::{self, offset as at};
use sterna_spec::config::{Config, PRESETS};
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{self, offset, status};

/// Seconds of the device's own clock after which a step is given up, so that a slow simulation has its time.
const STEP_SECONDS: u64 = 20;
/// Between two looks at a step, at most.
const LOOK: Duration = Duration::from_millis(50);
/// Looks at a counter of cycles that stands still, after which nothing is hoped for.
const STILL: u32 = 8;
/// Words of the first access: few, until it is known what the line bears.
const BURST: usize = 64;
/// Time in which another host would have used a device that it has locked.
const WATCH: Duration = Duration::from_millis(300);

type Result<T> = std::result::Result<T, DeviceError>;

fn other<T>(sentence: String) -> Result<T> {
    Err(DeviceError::Other(sentence))
}

/// What a bridge says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Bytes of memory.
    pub memory: u64,
    /// The clock that the design was built for.
    pub clock_hz: u32,
    /// True if an earlier session had left it locked.
    pub was_locked: bool,
}

/// A device at the end of a line.
pub struct Serial {
    link: Link,
    memory: u64,
    clock_hz: u32,
    was_locked: bool,
    /// Sequence number of the last write that was carried out.
    sequence: u16,
    /// Words of an access to memory.
    burst: usize,
    /// Cycles after which a step is given up.
    limit: u64,
}

impl Serial {
    /// Opens the device at a place and locks it.
    ///
    /// # Errors
    /// One sentence, if nothing answers there, something else answers, or it is in use.
    pub fn open(place: &Place) -> Result<Serial> {
        Serial::over(place.open()?, &place.to_string(), Timing::default())
    }

    /// The same over any transport; errors call it `name`.
    ///
    /// # Errors
    /// As [`Serial::open`].
    pub fn over(transport: Box<dyn Transport>, name: &str, timing: Timing) -> Result<Serial> {
        let mut link = Link::new(transport, name.into(), timing);
        let mut words = [0; 4]; // BRIDGE_ID, BRIDGE_VERSION, MEMORY_BYTES, CLOCK_HZ
        link.greet(&mut words)?;
        let [id, version, memory, clock_hz] = words;
        if id != bridge::ID {
            return other(format!(
                "{name} answers with bridge id {id:#010x} instead of {:#010x}; load Sterna's bitstream",
                bridge::ID
            ));
        }
        if version != bridge::VERSION {
            return other(format!(
                "the bridge at {name} has version {version}, this host has {}; generate the bitstream again",
                bridge::VERSION
            ));
        }
        let was_locked = is_locked(&mut link)?;
        let sequence = lock(&mut link)?;
        let limit = STEP_SECONDS * u64::from(clock_hz);
        let memory = memory.into();
        Ok(Serial { link, memory, clock_hz, was_locked, sequence, burst: BURST, limit })
    }

    /// What the bridge says about itself.
    pub fn facts(&self) -> Facts {
        Facts { memory: self.memory, clock_hz: self.clock_hz, was_locked: self.was_locked }
    }

    /// What happened on the line.
    pub fn stats(&self) -> Stats {
        self.link.stats()
    }

    /// The counter of clock cycles; wraps.
    ///
    /// # Errors
    /// If the line fails.
    pub fn cycles(&mut self) -> Result<u32> {
        self.bridge(at::CYCLES)
    }

    /// Stop bits that were low, and bytes that found no room, since the device was reset.
    ///
    /// # Errors
    /// If the line fails.
    pub fn line_errors(&mut self) -> Result<(u16, u16)> {
        self.bridge(at::LINE_ERRORS).map(|errors| (errors as u16, (errors >> 16) as u16))
    }

    /// The configuration of the device: the preset whose hash it has.
    ///
    /// # Errors
    /// If the core is another one, no preset has its hash, or the line fails.
    pub fn configuration(&mut self) -> Result<Config> {
        let [id, low, high] = [offset::ID, offset::CONFIG_HASH, offset::CONFIG_HASH + 4];
        let name = self.link.name().to_string();
        let id = self.read_register(id)?;
        if id != registers::ID {
            return other(format!(
                "the core at {name} has id {id:#010x} instead of {:#010x}; load Sterna's bitstream again",
                registers::ID
            ));
        }
        let hash = u64::from(self.read_register(high)?) << 32 | u64::from(self.read_register(low)?);
        match Config::with_hash(hash) {
            Some(config) => Ok(config),
            None => other(format!(
                "the device at {name} has configuration {hash:016x}, which is none of the presets {}; name its file behind a comma, as in {name},config.toml",
                PRESETS.join(", ")
            )),
        }
    }

    fn bridge(&mut self, offset: u32) -> Result<u32> {
        let mut word = [0];
        self.read_words(bridge::BRIDGE + offset, &mut word)?;
        Ok(word[0])
    }

    fn check(at: u32) -> Result<()> {
        if at.is_multiple_of(4) && at < registers::SPACE { Ok(()) } else { Err(DeviceError::Register(at)) }
    }
}

/// LOCK, STAGE_TARGET, STAGE_TAG, STAGE_CRC, STAGE_STATUS.
type State = [u32; 5];

/// True if the device is locked by a session that is no more; an error if it is locked by one that goes on.
fn is_locked(link: &mut Link) -> Result<bool> {
    for _ in 0..3 {
        let mut locked = [0];
        link.insist(TRIES, |link, attempt| {
            link.transact(&[], &mut [(bridge::BRIDGE + at::LOCK, &mut locked)], 0, attempt)
        })?;
        if locked == [0] {
            return Ok(false);
        }
        std::thread::sleep(WATCH);
        if link.is_ours() {
            return Ok(true);
        }
    }
    other(format!("{} is locked by another host that is using it; end that first", link.name()))
}

/// Locks the device; gives the sequence number of the last write carried out.
fn lock(link: &mut Link) -> Result<u16> {
    let write = frame::write(bridge::BRIDGE + at::LOCK, &[bridge::LOCK]);
    link.insist(TRIES, |link, attempt| {
        let mut state = State::default();
        link.transact(&write, &mut [(bridge::BRIDGE + at::LOCK, &mut state)], 0, attempt)?;
        match state {
            [1, .., status] => Ok((status >> 16) as u16),
            _ => Err(Fault::Refused),
        }
    })
}

impl Device for Serial {
    fn read_register(&mut self, at: u32) -> Result<u32> {
        let mut value = [0];
        self.read_registers(at, &mut value)?;
        Ok(value[0])
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<()> {
        self.write_registers(at, &[value])
    }

    fn read_registers(&mut self, at: u32, values: &mut [u32]) -> Result<()> {
        let last = at.saturating_add(4 * values.len().saturating_sub(1) as u32);
        [at, last].into_iter().try_for_each(Serial::check)?;
        self.read_words(at, values)
    }

    fn write_registers(&mut self, at: u32, values: &[u32]) -> Result<()> {
        let last = at.saturating_add(4 * values.len().saturating_sub(1) as u32);
        [at, last].into_iter().try_for_each(Serial::check)?;
        let parts = (at..).step_by(4 * bridge::STAGE_WORDS).zip(values.chunks(bridge::STAGE_WORDS));
        for (at, part) in parts {
            self.stage(at, part, 0)?;
        }
        Ok(())
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.read_bytes(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        self.write_bytes(address, bytes, &mut |_| {})
    }

    fn write_memory_with(
        &mut self,
        address: u64,
        bytes: &[u8],
        progress: &mut dyn FnMut(usize),
    ) -> Result<()> {
        self.write_bytes(address, bytes, progress)
    }

    fn wait(&mut self) -> Result<()> {
        let (mut spent, mut last, mut pause) = (0, None, Duration::from_millis(1));
        let mut still = 0;
        while self.read_register(offset::STATUS)? & status::BUSY != 0 {
            let now = self.cycles()?;
            spent += u64::from(now.wrapping_sub(last.unwrap_or(now)));
            if spent > self.limit {
                return Err(DeviceError::Timeout(spent));
            }
            // the read alone takes cycles
            still = if last == Some(now) { still + 1 } else { 0 };
            if still == STILL {
                return other(format!(
                    "the counter of cycles of {} has stood at {now} in {STILL} looks while a step was under way; load the bitstream again",
                    self.link.name()
                ));
            }
            last = Some(now);
            std::thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        }
        Ok(())
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<()> {
        if bytes <= self.memory {
            return Ok(());
        }
        other(format!(
            "the model needs {bytes} bytes but the device at {} has {}; take a smaller model or lower the context (-c)",
            self.link.name(),
            self.memory
        ))
    }
}

impl Drop for Serial {
    fn drop(&mut self) {
        self.link.release();
    }
}
