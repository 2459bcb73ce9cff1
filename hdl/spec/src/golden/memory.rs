//! The golden model's memory: physical bytes, and beats striped over the ports.

use crate::config::Config;
use crate::device::DeviceError;
use crate::layout::stripe;

/// Byte-addressed memory that starts empty and grows on request.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), DeviceError> {
        let too_large =
            |_| DeviceError::Other(format!("this machine cannot provide {bytes} bytes of device memory"));
        let wanted = usize::try_from(bytes).map_err(|_| too_large(()))?;
        if wanted > self.bytes.len() {
            self.bytes.try_reserve_exact(wanted - self.bytes.len()).map_err(|_| too_large(()))?;
            self.bytes.resize(wanted, 0);
        }
        Ok(())
    }

    fn range(&self, address: u64, len: usize) -> Result<std::ops::Range<usize>, DeviceError> {
        let end = address.checked_add(len as u64).filter(|&end| end <= self.len());
        match end {
            Some(end) => Ok(address as usize..end as usize),
            None => Err(DeviceError::Memory { address, len, size: self.len() }),
        }
    }

    pub(super) fn read(&self, address: u64, out: &mut [u8]) -> Result<(), DeviceError> {
        out.copy_from_slice(&self.bytes[self.range(address, out.len())?]);
        Ok(())
    }

    pub(super) fn write(&mut self, address: u64, data: &[u8]) -> Result<(), DeviceError> {
        let range = self.range(address, data.len())?;
        self.bytes[range].copy_from_slice(data);
        Ok(())
    }

    /// Reads the logical bytes from `start` on, as the device sees them.
    pub(super) fn read_logical(
        &self,
        config: &Config,
        bases: &[u64],
        start: u64,
        out: &mut [u8],
    ) -> Result<(), DeviceError> {
        let mut result = Ok(());
        stripe(config, bases, start, out.len(), |address, offset, len| {
            if result.is_ok() {
                result = self.read(address, &mut out[offset..offset + len]);
            }
        });
        result
    }

    /// Writes the logical bytes from `start` on.
    pub(super) fn write_logical(
        &mut self,
        config: &Config,
        bases: &[u64],
        start: u64,
        data: &[u8],
    ) -> Result<(), DeviceError> {
        let mut result = Ok(());
        stripe(config, bases, start, data.len(), |address, offset, len| {
            if result.is_ok() {
                result = self.write(address, &data[offset..offset + len]);
            }
        });
        result
    }
}
