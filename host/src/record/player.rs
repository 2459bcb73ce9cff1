//! A recording as a device, and a recording run on another device.

use super::format::{Call, Operation, Recording};
use crate::error::Result;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{COUNTERS, offset};

/// Plays a recording back: answers every call as the recorded device did, and fails at the first call that is another one.
pub struct Player {
    recording: Recording,
    number: u64,
}

impl Player {
    /// Plays `recording` from its first call.
    pub fn new(recording: Recording) -> Self {
        Player { recording, number: 0 }
    }

    fn answer(&mut self, asked: &Operation) -> std::result::Result<Vec<u8>, DeviceError> {
        let other = |text: String| Err(DeviceError::Other(text));
        let next = self.recording.next_call().map_err(|e| DeviceError::Other(e.to_string()))?;
        self.number += 1;
        let number = self.number;
        let Some(Call { operation, answer }) = next else {
            return other(format!(
                "the recording has {} calls and call {number} was asked for: {}; play it with the options with which it was recorded",
                number - 1,
                describe(asked)
            ));
        };
        if operation != *asked {
            return other(format!(
                "call {number} of the recording is {} but {} was asked for; play it with the model and options with which it was recorded",
                describe(&operation),
                describe(asked)
            ));
        }
        answer.map_err(DeviceError::Other)
    }
}

/// A call in words.
fn describe(operation: &Operation) -> String {
    match operation {
        Operation::ReadRegister(offset) => format!("a read of register {offset:#x}"),
        Operation::WriteRegister(offset, value) => format!("{value:#x} to register {offset:#x}"),
        Operation::ReadMemory(address, length) => format!("a read of {length} bytes at {address:#x}"),
        Operation::WriteMemory(address, bytes) => {
            let sum = crc32fast::hash(bytes);
            format!("a write of {} bytes (CRC32 {sum:08x}) at {address:#x}", bytes.len())
        }
        Operation::Wait => "a wait".into(),
        Operation::Reserve(bytes) => format!("room for {bytes} bytes"),
    }
}

impl Device for Player {
    fn read_register(&mut self, offset: u32) -> std::result::Result<u32, DeviceError> {
        let answer = self.answer(&Operation::ReadRegister(offset))?;
        Ok(answer.first_chunk().map_or(0, |b| u32::from_le_bytes(*b)))
    }

    fn write_register(&mut self, offset: u32, value: u32) -> std::result::Result<(), DeviceError> {
        self.answer(&Operation::WriteRegister(offset, value)).map(drop)
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> std::result::Result<(), DeviceError> {
        let answer = self.answer(&Operation::ReadMemory(address, bytes.len() as u32))?;
        bytes.copy_from_slice(&answer);
        Ok(())
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> std::result::Result<(), DeviceError> {
        self.answer(&Operation::WriteMemory(address, bytes.to_vec())).map(drop)
    }

    fn wait(&mut self) -> std::result::Result<(), DeviceError> {
        self.answer(&Operation::Wait).map(drop)
    }

    fn reserve_memory(&mut self, bytes: u64) -> std::result::Result<(), DeviceError> {
        self.answer(&Operation::Reserve(bytes)).map(drop)
    }
}

/// What running a recording again found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Calls made.
    pub calls: u64,
    /// Answers compared.
    pub compared: u64,
    /// Answers that count cycles, which differ from device to device.
    pub passed_over: u64,
    /// The first difference, in a sentence.
    pub difference: Option<String>,
}

/// True for registers that count cycles or beats.
fn counts(at: u32) -> bool {
    (offset::COUNTER..offset::COUNTER + 4 * COUNTERS.len() as u32).contains(&at)
}

/// Makes every call of a recording on `device` and compares its answers with the recorded ones, up to the first difference.
///
/// # Errors
/// If the recording is damaged. A failure of the device is a difference, unless it was recorded too.
pub fn rerun(
    recording: &mut Recording,
    device: &mut dyn Device,
    mut progress: impl FnMut(u64),
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    while let Some(Call { operation, answer }) = recording.next_call()? {
        outcome.calls += 1;
        progress(outcome.calls);
        let have = call(device, &operation).map_err(|e| e.to_string());
        if matches!(operation, Operation::ReadRegister(at) if counts(at)) {
            outcome.passed_over += 1;
            continue;
        }
        outcome.compared += 1;
        if have != answer {
            let words = format!("call {}, {}: ", outcome.calls, describe(&operation));
            outcome.difference = Some(words + &difference(&answer, &have));
            break;
        }
    }
    Ok(outcome)
}

fn call(device: &mut dyn Device, operation: &Operation) -> std::result::Result<Vec<u8>, DeviceError> {
    match operation {
        Operation::ReadRegister(at) => device.read_register(*at).map(|value| value.to_le_bytes().to_vec()),
        Operation::WriteRegister(at, value) => device.write_register(*at, *value).map(|()| Vec::new()),
        Operation::ReadMemory(address, length) => {
            let mut bytes = vec![0; *length as usize];
            device.read_memory(*address, &mut bytes).map(|()| bytes)
        }
        Operation::WriteMemory(address, bytes) => device.write_memory(*address, bytes).map(|()| Vec::new()),
        Operation::Wait => device.wait().map(|()| Vec::new()),
        Operation::Reserve(bytes) => device.reserve_memory(*bytes).map(|()| Vec::new()),
    }
}

fn difference(
    recorded: &std::result::Result<Vec<u8>, String>,
    have: &std::result::Result<Vec<u8>, String>,
) -> String {
    match (recorded, have) {
        (Ok(r), Ok(h)) => {
            let at = r.iter().zip(h).position(|(a, b)| a != b).unwrap_or_else(|| r.len().min(h.len()));
            let word = |bytes: &[u8]| {
                bytes.get(at / 4 * 4..).and_then(<[u8]>::first_chunk).map_or(0, |b| u32::from_le_bytes(*b))
            };
            format!("recorded {:#010x}, now {:#010x} at byte {}", word(r), word(h), at / 4 * 4)
        }
        (Ok(_), Err(e)) => format!("recorded an answer, now a failure: {e}"),
        (Err(e), Ok(_)) => format!("recorded the failure `{e}`, now an answer"),
        (Err(r), Err(h)) => format!("recorded the failure `{r}`, now `{h}`"),
    }
}
