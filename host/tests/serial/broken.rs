//! A device in which something is wrong.

use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::registers::{offset, status};

pub struct Broken {
    pub golden: Golden,
    /// A byte of memory whose lowest bit is always 1.
    pub stuck: u64,
    /// It never ends a step.
    pub busy: bool,
    /// A register that reads with its lowest bit flipped.
    pub wrong: Option<u32>,
    /// Writes to memory that are damaged behind the bridge, where no CRC of a line sees it.
    pub flaky: u32,
    /// An address line that is not connected.
    pub aliased: Option<u32>,
}

impl Broken {
    pub fn new(golden: Golden) -> Self {
        Broken { golden, stuck: u64::MAX, busy: false, wrong: None, flaky: 0, aliased: None }
    }

    fn address(&self, at: u64) -> u64 {
        self.aliased.map_or(at, |bit| at & !(1 << bit))
    }
}

impl Device for Broken {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        if at == offset::STATUS && self.busy {
            return Ok(status::BUSY);
        }
        Ok(self.golden.read_register(at)? ^ u32::from(self.wrong == Some(at)))
    }
    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.golden.write_register(at, value)
    }
    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        for (at, byte) in (address..).zip(bytes) {
            self.golden.read_memory(self.address(at), std::slice::from_mut(byte))?;
            *byte |= u8::from(at == self.stuck);
        }
        Ok(())
    }
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        if let Some(rest) = self.flaky.checked_sub(1) {
            self.flaky = rest;
            return self.golden.write_memory(address, &vec![!bytes[0]; bytes.len()]);
        }
        (address..).zip(bytes).try_for_each(|(at, byte)| self.golden.write_memory(self.address(at), &[*byte]))
    }
    fn wait(&mut self) -> Result<(), DeviceError> {
        self.golden.wait()
    }
    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.golden.reserve_memory(bytes)
    }
}
