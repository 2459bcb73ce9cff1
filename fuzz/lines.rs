//! What fuzzing feeds to both ends of a serial line: bytes that a device answers, bytes that are damaged on the way, bytes that reach
//! the bridge. The corpus test (`host/tests/lines.rs`) and the fuzz targets share it.
//!
//! ```text
//!   Serial ◄─── answers(bytes)                  Serial ◄── damage(bytes) ──► Bridge          bridge(bytes) ───► Bridge
//!   one sentence, no panic, an end              what it returns is what the device holds     in step after 1,026 zeros
//! ```

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use sterna_host::serial::{Serial, Timing, Transport};
use sterna_spec::bridge::{BRIDGE, ID, LOCK, offset};
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::bridge::Bridge;
use sterna_spec::registers::SPACE;

/// Bytes of memory behind a bridge.
const MEMORY: u32 = 1 << 17;
/// Nothing is waited for: a byte is there or will not come.
const AT_ONCE: Timing = Timing { least: Duration::ZERO, most: Duration::ZERO, silence: Duration::ZERO };
/// Calls of a transport in a session that comes to an end.
const CALLS: u32 = 1 << 20;

/// Registers and memory that hold what was written, and a count of writes.
pub struct Plain {
    registers: Vec<u32>,
    memory: Vec<u8>,
    writes: u32,
}

impl Plain {
    fn new() -> Self {
        // different everywhere, so that a word from the wrong place shows
        let registers = (0..SPACE / 4).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        let memory = (0..MEMORY).map(|i| (i.wrapping_mul(0x85eb_ca6b) >> 13) as u8).collect();
        Plain { registers, memory, writes: 0 }
    }

    fn place(&self, address: u64, len: usize) -> Result<std::ops::Range<usize>, DeviceError> {
        let size = self.memory.len() as u64;
        let inside = address.checked_add(len as u64).is_some_and(|end| end <= size);
        if inside {
            Ok(address as usize..address as usize + len)
        } else {
            Err(DeviceError::Memory { address, len, size })
        }
    }
}

impl Device for Plain {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        self.registers.get(at as usize / 4).copied().ok_or(DeviceError::Register(at))
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.writes += 1;
        self.registers.get_mut(at as usize / 4).map(|r| *r = value).ok_or(DeviceError::Register(at))
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        bytes.copy_from_slice(&self.memory[self.place(address, bytes.len())?]);
        Ok(())
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.writes += 1;
        let place = self.place(address, bytes.len())?;
        self.memory[place].copy_from_slice(bytes);
        Ok(())
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        Ok(())
    }

    fn reserve_memory(&mut self, _: u64) -> Result<(), DeviceError> {
        Ok(())
    }
}

/// Answers whatever it is asked: the first byte of an answer gives its length in words.
struct Script {
    bytes: VecDeque<u8>,
    /// Bytes of the answer that have not been taken.
    left: usize,
    at_once: usize,
    /// Answers never end, and their bytes come again.
    endless: bool,
    calls: u32,
}

impl Transport for Script {
    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        self.calls += 1;
        self.left = 4 * usize::from(self.bytes.pop_front().unwrap_or(0));
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        self.calls += 1;
        assert!(self.calls < CALLS, "the host goes on without an end");
        let left = if self.endless { self.bytes.len() } else { self.left.min(self.bytes.len()) };
        let count = bytes.len().min(self.at_once).min(left);
        self.left = self.left.saturating_sub(count);
        for byte in &mut bytes[..count] {
            *byte = self.bytes.pop_front().unwrap_or_default();
            if self.endless {
                self.bytes.push_back(*byte);
            }
        }
        Ok(count)
    }

    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}

/// Whatever a session does with a device.
fn session(device: &mut Serial) -> Result<(), DeviceError> {
    device.configuration()?;
    device.cycles()?;
    device.line_errors()?;
    device.write_memory(60, &[7; 600])?;
    device.read_memory(3, &mut [0; 90])?;
    device.write_registers(0x40, &[1, 2, 3])?;
    device.wait()
}

/// Bytes that come from a port, whatever is asked; the first one says how they come.
pub fn answers(bytes: &[u8]) -> Result<(), String> {
    let (how, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let at_once = 1 << (how & 7);
    let bytes = rest.iter().copied().collect();
    let script = Script { bytes, left: 0, at_once, endless: how & 0x38 == 8, calls: 0 };
    let mut device = Serial::over(Box::new(script), "line", AT_ONCE).map_err(|e| e.to_string())?;
    session(&mut device).map_err(|e| e.to_string())
}

/// A line to a bridge. Pairs of bytes say after how many bytes, in both directions, what happens; then it is sound.
struct Damaged {
    board: Arc<Mutex<Bridge<Plain>>>,
    script: VecDeque<u8>,
    /// Bytes until the next pair's damage, and what it is.
    next: Option<(u8, u8)>,
    arrived: VecDeque<u8>,
    calls: u32,
}

impl Damaged {
    fn pair(&mut self) -> Option<(u8, u8)> {
        Some((self.script.pop_front()?, self.script.pop_front()?))
    }

    /// What arrives of a byte.
    fn carry(&mut self, byte: u8) -> Vec<u8> {
        match self.next {
            None => vec![byte],
            Some((0, what)) => {
                self.next = self.pair();
                match what {
                    0 => vec![],
                    1 => vec![byte, byte],
                    2 => vec![byte; 40],
                    3 => vec![1, 0xff, 0x10, 0, 0, 0, byte],
                    _ => vec![byte ^ what],
                }
            }
            Some((gap, what)) => {
                self.next = Some((gap - 1, what));
                vec![byte]
            }
        }
    }
}

fn alone<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transport for Damaged {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            let arrive = self.carry(*byte);
            let mut board = alone(&self.board);
            arrive.into_iter().for_each(|byte| board.byte(byte));
            let out = std::mem::take(&mut board.out);
            drop(board);
            for byte in out {
                let arrive = self.carry(byte);
                self.arrived.extend(arrive);
            }
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        self.calls += 1;
        assert!(self.calls < CALLS, "the host goes on without an end");
        let count = bytes.len().min(self.arrived.len());
        bytes.iter_mut().zip(self.arrived.drain(..count)).for_each(|(to, from)| *to = from);
        Ok(count)
    }

    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}

/// Damage on the way, in both directions: whatever the host is given is what the device holds, and what it wrote is there.
pub fn damage(bytes: &[u8]) -> Result<(), String> {
    let board = Arc::new(Mutex::new(Bridge::new(Plain::new(), MEMORY)));
    let script = bytes.iter().copied().collect();
    let mut line = Damaged { board: board.clone(), script, next: None, arrived: VecDeque::new(), calls: 0 };
    line.next = line.pair();
    let sentence = |e: DeviceError| e.to_string();
    let mut device = Serial::over(Box::new(line), "line", AT_ONCE).map_err(sentence)?;
    // what came while the lock was open may have written anything
    let before = alone(&board).device.memory.clone();
    let facts = device.facts();
    assert_eq!((facts.memory, facts.was_locked), (MEMORY.into(), false), "unverified facts");
    let mut words = [0; 40];
    device.read_registers(0x20, &mut words).map_err(sentence)?;
    assert_eq!(words, alone(&board).device.registers[8..48], "unverified registers");
    let mut data = vec![0; 3000];
    device.read_memory(1001, &mut data).map_err(sentence)?;
    assert!(data == alone(&board).device.memory[1001..4001], "unverified memory");
    device.write_registers(0x40, &[1, 2, 3]).map_err(sentence)?;
    assert_eq!(alone(&board).device.registers[16..19], [1, 2, 3], "a write that is not there");
    data.iter_mut().for_each(|byte| *byte = !*byte);
    device.write_memory(1001, &data).map_err(sentence)?;
    let board = alone(&board);
    assert!(data == board.device.memory[1001..4001], "memory that is not there");
    let rest = |memory: &[u8]| [&memory[..1001], &memory[4001..]].concat();
    assert!(rest(&board.device.memory) == rest(&before), "memory that nobody wrote");
    Ok(())
}

/// Bytes that reach a bridge, locked if the first one is odd: afterwards it is in step, and a lock has held.
pub fn bridge(bytes: &[u8]) {
    let mut bridge = Bridge::new(Plain::new(), MEMORY);
    let (how, rest) = bytes.split_first().unwrap_or((&0, &[]));
    bridge.lock = u32::from(how & 1);
    let mut behind_lock = 0;
    for &byte in rest {
        let (locked, before) = (bridge.lock == 1, bridge.device.writes);
        bridge.byte(byte);
        behind_lock += if locked { bridge.device.writes - before } else { 0 };
        assert!(bridge.out.len() <= 4 * 255 * rest.len().div_ceil(6), "more than was asked for");
    }
    (0..1026).for_each(|_| bridge.byte(0));
    bridge.out.clear();
    let mut ask = |at: u32| {
        let address = ((BRIDGE + at) / 4).to_be_bytes();
        [2, 1].into_iter().chain(address).for_each(|byte| bridge.byte(byte));
        let answer: Vec<u8> = bridge.out.drain(..).collect();
        u32::from_be_bytes(answer.try_into().unwrap_or_else(|answer| panic!("{answer:?} is no word")))
    };
    assert_eq!(ask(offset::ID), ID, "the bridge is in step");
    let status = ask(offset::STAGE_STATUS);
    assert!(behind_lock == 0 || status & 3 != 0, "{behind_lock} writes passed the lock without a commit");
    let value = LOCK.to_be_bytes();
    let address = ((BRIDGE + offset::LOCK) / 4).to_be_bytes();
    [1, 1].into_iter().chain(address).chain(value).for_each(|byte| bridge.byte(byte));
    assert_eq!(bridge.lock, 1, "it locks");
}
