//! The bytes that all ports share.

use std::ops::Range;

use sterna_spec::device::DeviceError;

/// Byte-addressed memory that grows on request, and where masters may write.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    pub bytes: Vec<u8>,
    /// Where ports may write; empty: everywhere.
    pub writable: Vec<Range<u64>>,
    /// What ports may not access at all.
    pub refused: Vec<Range<u64>>,
}

impl Store {
    pub fn grow(&mut self, bytes: u64) -> Result<(), DeviceError> {
        let too_large =
            |_| DeviceError::Other(format!("this machine cannot provide {bytes} bytes of device memory"));
        let wanted = usize::try_from(bytes).map_err(|_| too_large(()))?;
        if wanted > self.bytes.len() {
            self.bytes.try_reserve_exact(wanted - self.bytes.len()).map_err(|_| too_large(()))?;
            self.bytes.resize(wanted, 0);
        }
        Ok(())
    }

    /// The range of `len` bytes at `address`, if all of it exists.
    pub fn range(&self, address: u64, len: usize) -> Option<Range<usize>> {
        let end = address.checked_add(len as u64).filter(|&end| end <= self.bytes.len() as u64)?;
        Some(address as usize..end as usize)
    }

    /// Whether a burst of `len` bytes at `address` is served.
    pub fn serves(&self, address: u64, len: usize) -> bool {
        let end = address.saturating_add(len as u64);
        let meets = |region: &Range<u64>| region.start < end && address < region.end;
        self.range(address, len).is_some() && !self.refused.iter().any(meets)
    }

    /// The first strobed byte of a beat at `address` that no writable region holds.
    pub fn forbidden(&self, address: u64, strobes: u64) -> Option<u64> {
        if self.writable.is_empty() {
            return None;
        }
        let strobed = (0..64).filter(|i| strobes >> i & 1 != 0).map(|i| address + i);
        strobed.into_iter().find(|at| !self.writable.iter().any(|region| region.contains(at)))
    }

    /// Writes the strobed bytes of a beat; nothing if the beat lies outside.
    pub fn put(&mut self, address: u64, data: &[u8], strobes: u64) {
        let Some(range) = self.range(address, data.len()) else { return };
        for (i, (byte, &new)) in self.bytes[range].iter_mut().zip(data).enumerate() {
            if strobes >> i & 1 != 0 {
                *byte = new;
            }
        }
    }
}
