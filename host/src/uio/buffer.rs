//! Memory that CPU and device share. The mapping is cached and the device reads past the caches, so ranges change hands: what was written
//! goes to the device, what is read is taken back first (the manual cache management of u-dma-buf's documentation).

use super::map::{self, Map};
use super::{Result, failed, find, other};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use sterna_spec::device::DeviceError;

/// Port bases are multiples of this.
const PAGE: u64 = 4096;
/// `sync_direction`: both sides write.
const BOTH: u64 = 0;

/// A u-dma-buf.
pub struct Buffer {
    map: Map,
    device: PathBuf,
    class: PathBuf,
    physical: u64,
    len: u64,
}

impl Buffer {
    /// The buffer of the UIO device `name`.
    pub fn open(root: &Path, name: &str) -> Result<Buffer> {
        let found = find::buffer(root, name)?;
        let physical = find::number(&found.class.join("phys_addr"))?;
        let len = find::number(&found.class.join("size"))?;
        if !physical.is_multiple_of(PAGE) || physical.checked_add(len).is_none() {
            return other(format!(
                "{} has {len} bytes at {physical:#x}; it must begin at a multiple of {PAGE}",
                found.device.display()
            ));
        }
        let map = Map::new(&map::open(&found.device)?, &found.device, len)?;
        let buffer = Buffer { map, device: found.device, class: found.class, physical, len };
        buffer.set("sync_direction", BOTH)?;
        Ok(buffer)
    }

    /// Physical address of the first byte.
    pub fn physical(&self) -> u64 {
        self.physical
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    fn set(&self, file: &str, value: u64) -> Result<()> {
        let path = self.class.join(file);
        let written = OpenOptions::new().write(true).truncate(true).open(&path);
        written
            .and_then(|mut f| f.write_all(format!("{value}\n").as_bytes()))
            .map_err(|e| failed("write", &path, &e))
    }

    /// Gives a range to `owner`.
    fn hand(&self, owner: &str, address: u64, len: usize) -> Result<()> {
        self.set("sync_offset", address)?;
        self.set("sync_size", len as u64)?;
        self.set(owner, 1)
    }

    fn place(&self, address: u64, len: usize) -> Result<usize> {
        let inside = address.checked_add(len as u64).is_some_and(|end| end <= self.len);
        let place = usize::try_from(address).ok().filter(|_| inside);
        place.ok_or(DeviceError::Memory { address, len, size: self.len })
    }

    /// Copies out what the device wrote.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        let place = self.place(address, bytes.len())?;
        self.hand("sync_for_cpu", address, bytes.len())?;
        self.map.read(place, bytes);
        Ok(())
    }

    /// Copies in what the device will read.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let place = self.place(address, bytes.len())?;
        self.map.write(place, bytes);
        self.hand("sync_for_device", address, bytes.len())
    }

    /// Whether `bytes` bytes fit.
    pub fn reserve(&self, bytes: u64) -> Result<()> {
        if bytes <= self.len {
            return Ok(());
        }
        other(format!(
            "the model needs {bytes} bytes but {} has {}; make it larger (`size` in the overlay, cma= on the kernel's command line) or lower the context (-c)",
            self.device.display(),
            self.len
        ))
    }
}
