//! A device that writes down what is asked of it and what it answers.

use super::format::{Call, Header, MAGIC, Operation, encode};
use crate::error::{Error, Result};
use crate::whole::Part;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};

/// The file of a recording in progress. It gets its name when it is finished; dropped before, it vanishes.
#[derive(Clone)]
pub struct Tape(Rc<RefCell<Inner>>);

struct Inner {
    path: PathBuf,
    part: Option<Part>,
    output: Option<GzEncoder<File>>,
    calls: u64,
    problem: Option<std::io::Error>,
}

impl Tape {
    /// Starts a recording of a device of the given kind and configuration.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn start(path: &Path, device: &str, config: &Config) -> Result<Self> {
        let part = Part::of(path);
        let io = |source| Error::Io { path: path.into(), source };
        let mut output = GzEncoder::new(File::create(part.place()).map_err(io)?, Compression::fast());
        let header = Header { device: device.into(), config: config.clone() };
        let text = serde_json::to_string(&header).unwrap_or_default();
        let start = [&MAGIC[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        output.write_all(&start).map_err(io)?;
        let inner =
            Inner { path: path.into(), part: Some(part), output: Some(output), calls: 0, problem: None };
        Ok(Tape(Rc::new(RefCell::new(inner))))
    }

    fn add(&self, operation: Operation, answer: std::result::Result<Vec<u8>, String>) {
        let mut inner = self.0.borrow_mut();
        let bytes = encode(&Call { operation, answer });
        let result = inner.output.as_mut().map_or(Ok(()), |output| output.write_all(&bytes));
        inner.calls += 1;
        if let Err(problem) = result {
            // the session goes on; the recording fails when it is finished
            inner.problem.get_or_insert(problem);
        }
    }

    /// Ends the recording and gives the file its name; returns the number of calls.
    ///
    /// # Errors
    /// If anything could not be written; nothing has the file's name then.
    pub fn finish(&self) -> Result<u64> {
        let mut inner = self.0.borrow_mut();
        let (calls, path) = (inner.calls, inner.path.clone());
        let io = |source| Error::Io { path: path.clone(), source };
        if let Some(problem) = inner.problem.take() {
            return Err(io(problem));
        }
        let (Some(mut output), Some(part)) = (inner.output.take(), inner.part.take()) else {
            return Ok(calls);
        };
        let end = [&[0][..], &calls.to_le_bytes()].concat();
        output.write_all(&end).and_then(|()| output.finish()?.sync_all()).map_err(io)?;
        part.finish().map_err(io)?;
        Ok(calls)
    }
}

/// A device and the tape that its calls go to.
pub struct Recorder<D> {
    device: D,
    tape: Tape,
}

impl<D: Device> Recorder<D> {
    /// Records everything that is asked of `device` from now on.
    pub fn new(device: D, tape: Tape) -> Self {
        Recorder { device, tape }
    }
}

fn message<T>(
    result: &std::result::Result<T, DeviceError>,
    answer: impl FnOnce(&T) -> Vec<u8>,
) -> std::result::Result<Vec<u8>, String> {
    result.as_ref().map(answer).map_err(ToString::to_string)
}

impl<D: Device> Device for Recorder<D> {
    fn read_register(&mut self, offset: u32) -> std::result::Result<u32, DeviceError> {
        let result = self.device.read_register(offset);
        self.tape
            .add(Operation::ReadRegister(offset), message(&result, |value| value.to_le_bytes().to_vec()));
        result
    }

    fn write_register(&mut self, offset: u32, value: u32) -> std::result::Result<(), DeviceError> {
        let result = self.device.write_register(offset, value);
        self.tape.add(Operation::WriteRegister(offset, value), message(&result, |()| Vec::new()));
        result
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> std::result::Result<(), DeviceError> {
        let result = self.device.read_memory(address, bytes);
        let operation = Operation::ReadMemory(address, bytes.len() as u32);
        self.tape.add(operation, message(&result, |()| bytes.to_vec()));
        result
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> std::result::Result<(), DeviceError> {
        let result = self.device.write_memory(address, bytes);
        self.tape.add(Operation::WriteMemory(address, bytes.to_vec()), message(&result, |()| Vec::new()));
        result
    }

    fn wait(&mut self) -> std::result::Result<(), DeviceError> {
        let result = self.device.wait();
        self.tape.add(Operation::Wait, message(&result, |()| Vec::new()));
        result
    }

    fn reserve_memory(&mut self, bytes: u64) -> std::result::Result<(), DeviceError> {
        let result = self.device.reserve_memory(bytes);
        self.tape.add(Operation::Reserve(bytes), message(&result, |()| Vec::new()));
        result
    }

    fn write_memory_with(
        &mut self,
        address: u64,
        bytes: &[u8],
        progress: &mut dyn FnMut(usize),
    ) -> std::result::Result<(), DeviceError> {
        let result = self.device.write_memory_with(address, bytes, progress);
        self.tape.add(Operation::WriteMemory(address, bytes.to_vec()), message(&result, |()| Vec::new()));
        result
    }

    fn read_registers(&mut self, offset: u32, values: &mut [u32]) -> std::result::Result<(), DeviceError> {
        let result = self.device.read_registers(offset, values);
        // a failure is that of the first
        let calls = if result.is_ok() { values.len() } else { 1 };
        for (at, value) in (offset..).step_by(4).zip(values).take(calls) {
            self.tape.add(Operation::ReadRegister(at), message(&result, |()| value.to_le_bytes().to_vec()));
        }
        result
    }

    fn write_registers(&mut self, offset: u32, values: &[u32]) -> std::result::Result<(), DeviceError> {
        let result = self.device.write_registers(offset, values);
        let calls = if result.is_ok() { values.len() } else { 1 };
        for (at, value) in (offset..).step_by(4).zip(values).take(calls) {
            self.tape.add(Operation::WriteRegister(at, *value), message(&result, |()| Vec::new()));
        }
        result
    }
}
