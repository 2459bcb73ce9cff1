//! Reading and writing of recordings.

use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use sterna_spec::config::Config;

pub(super) const MAGIC: &[u8; 8] = b"STRNREC1";
/// Set in the operation of a call that failed.
pub(super) const FAILED: u8 = 128;
/// Longest transfer or message that is believed, in bytes.
const LONGEST: u32 = 1 << 31;

/// What was asked of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Offset.
    ReadRegister(u32),
    /// Offset and value.
    WriteRegister(u32, u32),
    /// Address and length.
    ReadMemory(u64, u32),
    /// Address and bytes.
    WriteMemory(u64, Vec<u8>),
    /// Waited for the step's end.
    Wait,
    /// Bytes.
    Reserve(u64),
}

/// A call and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub operation: Operation,
    /// What was read (a register's value in four bytes), or the message of the failure.
    pub answer: std::result::Result<Vec<u8>, String>,
}

/// What the file says of the device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    pub device: String,
    pub config: Config,
}

/// An open recording: calls one after the other.
pub struct Recording {
    path: PathBuf,
    /// Name of the kind of device that was recorded.
    pub device: String,
    /// Its configuration.
    pub config: Config,
    input: MultiGzDecoder<BufReader<File>>,
    calls: u64,
    ended: bool,
}

impl Recording {
    /// Opens a recording and reads what it says of the device.
    ///
    /// # Errors
    /// If there is no such file, or it is no recording.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "record one with run --record", e))?;
        let mut input = MultiGzDecoder::new(BufReader::new(file));
        let damaged = |problem: &str| Error::Recording { path: path.into(), problem: problem.into() };
        let mut magic = [0; 8];
        if input.read_exact(&mut magic).is_err() || magic != *MAGIC {
            return Err(damaged("it is no recording of a device"));
        }
        let mut length = [0; 4];
        input.read_exact(&mut length).map_err(|_| damaged("it ends within its header"))?;
        let text = take(&mut input, u32::from_le_bytes(length))
            .ok_or_else(|| damaged("it ends within its header"))?;
        let header: Header =
            serde_json::from_slice(&text).map_err(|e| damaged(&format!("its header cannot be read: {e}")))?;
        let problems = header.config.check();
        if !problems.is_empty() {
            return Err(damaged(&problems.join("; ")));
        }
        let Header { device, config } = header;
        Ok(Recording { path: path.into(), device, config, input, calls: 0, ended: false })
    }

    /// The next call; none behind the last.
    ///
    /// # Errors
    /// If the file is cut off or damaged.
    pub fn next_call(&mut self) -> Result<Option<Call>> {
        if self.ended {
            return Ok(None);
        }
        let calls = self.calls;
        let call = self.read().ok_or_else(|| Error::Recording {
            path: self.path.clone(),
            problem: format!("it is cut off or damaged behind call {calls}"),
        })?;
        self.calls += u64::from(call.is_some());
        self.ended = call.is_none();
        Ok(call)
    }

    /// A call, or the end; none at all if the bytes make no sense.
    fn read(&mut self) -> Option<Option<Call>> {
        let [code] = self.bytes()?;
        let operation = match code & !FAILED {
            0 if code == 0 => {
                let count = u64::from_le_bytes(self.bytes()?);
                // nothing follows but the sum over all, which is looked at here
                let over = matches!(self.input.read(&mut [0]), Ok(0));
                return (count == self.calls && over).then_some(None);
            }
            1 => Operation::ReadRegister(self.word()?),
            2 => Operation::WriteRegister(self.word()?, self.word()?),
            3 => Operation::ReadMemory(u64::from_le_bytes(self.bytes()?), self.word()?),
            4 => {
                let (address, length) = (u64::from_le_bytes(self.bytes()?), self.word()?);
                Operation::WriteMemory(address, take(&mut self.input, length)?)
            }
            5 => Operation::Wait,
            6 => Operation::Reserve(u64::from_le_bytes(self.bytes()?)),
            _ => return None,
        };
        if code & FAILED != 0 {
            let length = self.word()?;
            let message = String::from_utf8(take(&mut self.input, length)?).ok()?;
            return Some(Some(Call { operation, answer: Err(message) }));
        }
        let answer = match operation {
            Operation::ReadRegister(_) => take(&mut self.input, 4)?,
            Operation::ReadMemory(_, length) => take(&mut self.input, length)?,
            _ => Vec::new(),
        };
        Some(Some(Call { operation, answer: Ok(answer) }))
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).ok().map(|()| bytes)
    }

    fn word(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }
}

/// `length` bytes, if there are so many; nothing is reserved for a length that lies.
fn take(input: &mut impl Read, length: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if length > LONGEST {
        return None;
    }
    input.take(length.into()).read_to_end(&mut bytes).ok()?;
    (bytes.len() == length as usize).then_some(bytes)
}

/// A call as bytes.
pub(super) fn encode(call: &Call) -> Vec<u8> {
    let (code, mut arguments) = match &call.operation {
        Operation::ReadRegister(offset) => (1, offset.to_le_bytes().to_vec()),
        Operation::WriteRegister(offset, value) => (2, [offset.to_le_bytes(), value.to_le_bytes()].concat()),
        Operation::ReadMemory(address, length) => {
            (3, [&address.to_le_bytes()[..], &length.to_le_bytes()].concat())
        }
        Operation::WriteMemory(address, bytes) => {
            (4, [&address.to_le_bytes()[..], &(bytes.len() as u32).to_le_bytes(), bytes].concat())
        }
        Operation::Wait => (5, Vec::new()),
        Operation::Reserve(bytes) => (6, bytes.to_le_bytes().to_vec()),
    };
    match &call.answer {
        Ok(answer) => {
            arguments.extend(answer);
            [&[code][..], &arguments].concat()
        }
        Err(message) => {
            [&[code | FAILED][..], &arguments, &(message.len() as u32).to_le_bytes(), message.as_bytes()]
                .concat()
        }
    }
}
