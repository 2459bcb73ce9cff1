//! The boundary to a device: registers, memory, wait. Golden model, simulation and boards implement it; the driver is written once.

use std::ops::Range;

use thiserror::Error;

/// Why a device could not do what was asked.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// A register that does not exist or is not aligned.
    #[error("register {0:#x} does not exist on this device")]
    Register(u32),
    /// An access outside memory.
    #[error("memory access of {len} bytes at {address:#x} lies outside the device's {size} bytes")]
    Memory {
        /// First byte.
        address: u64,
        /// Bytes.
        len: usize,
        /// Bytes of the device's memory.
        size: u64,
    },
    /// The device did not finish.
    #[error("the device was still busy after {0} cycles; reset it and check the program")]
    Timeout(u64),
    /// Anything else that the device's transport says.
    #[error("{0}")]
    Other(String),
}

/// A Sterna device: 32-bit registers ([`crate::registers`]), byte-addressed physical memory, and a way to wait for a step.
pub trait Device {
    /// Reads the register at a byte offset.
    ///
    /// # Errors
    /// If there is none, or the transport fails.
    fn read_register(&mut self, offset: u32) -> Result<u32, DeviceError>;
    /// Writes the register at a byte offset.
    ///
    /// # Errors
    /// If there is none, or the transport fails.
    fn write_register(&mut self, offset: u32, value: u32) -> Result<(), DeviceError>;
    /// Reads memory.
    ///
    /// # Errors
    /// If the range lies outside, or the transport fails.
    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError>;
    /// Writes memory.
    ///
    /// # Errors
    /// If the range lies outside, or the transport fails.
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError>;
    /// Waits until no step is running. Returns at once if none is.
    ///
    /// # Errors
    /// If the device does not finish or the transport fails.
    fn wait(&mut self) -> Result<(), DeviceError>;
    /// Makes at least `bytes` bytes of memory available, if the device can choose.
    ///
    /// # Errors
    /// If its memory is smaller.
    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError>;

    /// The device's own programs may write to this range of memory, besides others that were named so; whoever can see its accesses
    /// then stops at any other write. A board cannot.
    fn allow_writes(&mut self, _region: Range<u64>) {}

    /// Reads registers one behind the other. Devices at the end of a line do it in one round trip.
    ///
    /// # Errors
    /// As [`Device::read_register`].
    fn read_registers(&mut self, offset: u32, values: &mut [u32]) -> Result<(), DeviceError> {
        for (at, value) in (offset..).step_by(4).zip(values) {
            *value = self.read_register(at)?;
        }
        Ok(())
    }
    /// Writes registers one behind the other, in order.
    ///
    /// # Errors
    /// As [`Device::write_register`].
    fn write_registers(&mut self, offset: u32, values: &[u32]) -> Result<(), DeviceError> {
        (offset..).step_by(4).zip(values).try_for_each(|(at, value)| self.write_register(at, *value))
    }
    /// As [`Device::write_memory`]; `progress(bytes done)` is called now and then, and at the end.
    ///
    /// # Errors
    /// As [`Device::write_memory`].
    fn write_memory_with(
        &mut self,
        address: u64,
        bytes: &[u8],
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), DeviceError> {
        self.write_memory(address, bytes)?;
        progress(bytes.len());
        Ok(())
    }
}

/// Devices behind a pointer are devices.
macro_rules! behind {
    ($pointer:ty) => {
        impl<D: Device + ?Sized> Device for $pointer {
            fn read_register(&mut self, offset: u32) -> Result<u32, DeviceError> {
                (**self).read_register(offset)
            }

            fn write_register(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
                (**self).write_register(offset, value)
            }

            fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
                (**self).read_memory(address, bytes)
            }

            fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
                (**self).write_memory(address, bytes)
            }

            fn wait(&mut self) -> Result<(), DeviceError> {
                (**self).wait()
            }

            fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
                (**self).reserve_memory(bytes)
            }

            fn allow_writes(&mut self, region: Range<u64>) {
                (**self).allow_writes(region);
            }

            fn read_registers(&mut self, offset: u32, values: &mut [u32]) -> Result<(), DeviceError> {
                (**self).read_registers(offset, values)
            }

            fn write_registers(&mut self, offset: u32, values: &[u32]) -> Result<(), DeviceError> {
                (**self).write_registers(offset, values)
            }

            fn write_memory_with(
                &mut self,
                address: u64,
                bytes: &[u8],
                progress: &mut dyn FnMut(usize),
            ) -> Result<(), DeviceError> {
                (**self).write_memory_with(address, bytes, progress)
            }
        }
    };
}

behind!(Box<D>);
behind!(&mut D);
