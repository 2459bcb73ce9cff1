//! Files of devices mapped into memory.

use super::{Result, failed, other};
use memmap2::{MmapOptions, MmapRaw};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{Ordering, fence};

/// Opens a device for reading and writing.
pub fn open(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).write(true).open(path).map_err(|e| failed("open", path, &e))
}

/// Bytes that a device or another program may change at any time.
pub struct Map {
    raw: MmapRaw,
}

impl Map {
    /// Maps the first `len` bytes of a device; of a plain file only if it has them.
    pub fn new(file: &File, path: &Path, len: u64) -> Result<Map> {
        let meta = file.metadata().map_err(|e| failed("look at", path, &e))?;
        if meta.is_file() && meta.len() < len {
            return other(format!(
                "{} has {} bytes instead of {len}; make it longer",
                path.display(),
                meta.len()
            ));
        }
        let Ok(bytes) = usize::try_from(len) else {
            return other(format!("{} has {len} bytes, too many for this machine", path.display()));
        };
        let raw = MmapOptions::new().len(bytes).map_raw(file).map_err(|e| failed("map", path, &e))?;
        Ok(Map { raw })
    }

    /// Where `len` bytes from `at` on begin, if they lie inside.
    fn place(&self, at: usize, len: usize) -> Option<*mut u8> {
        let inside = at.checked_add(len).is_some_and(|end| end <= self.raw.len());
        inside.then(|| self.raw.as_mut_ptr().wrapping_add(at))
    }

    /// One aligned 32-bit access; None outside.
    pub fn read_word(&self, at: usize) -> Option<u32> {
        let place = self.place(at, 4).filter(|_| at.is_multiple_of(4))?;
        // SAFETY: inside the mapping, which lives as long as self, and aligned: mappings start at a page. Volatile: a device answers.
        let value = unsafe { place.cast::<u32>().read_volatile() };
        fence(Ordering::SeqCst);
        Some(value)
    }

    /// One aligned 32-bit access, after all writes before it; nothing outside.
    pub fn write_word(&self, at: usize, value: u32) {
        let Some(place) = self.place(at, 4).filter(|_| at.is_multiple_of(4)) else { return };
        fence(Ordering::SeqCst);
        // SAFETY: as for reading; the mapping may be written, and no reference to it exists.
        unsafe { place.cast::<u32>().write_volatile(value) }
    }

    /// Copies out; false if the range lies outside.
    pub fn read(&self, at: usize, bytes: &mut [u8]) -> bool {
        let Some(place) = self.place(at, bytes.len()) else { return false };
        // SAFETY: the range lies inside the mapping and `bytes` is memory of our own, so they do not overlap. No reference into the
        // mapping is made; the caller reads only what the device does not write meanwhile.
        unsafe { std::ptr::copy_nonoverlapping(place, bytes.as_mut_ptr(), bytes.len()) }
        true
    }

    /// Copies in; false if the range lies outside.
    pub fn write(&self, at: usize, bytes: &[u8]) -> bool {
        let Some(place) = self.place(at, bytes.len()) else { return false };
        // SAFETY: as for reading, with the mapping writable.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        std::fs::write(&path, vec![0; 100]).unwrap();
        let file = open(&path).unwrap();
        assert!(Map::new(&file, &path, 101).is_err());
        let map = Map::new(&file, &path, 100).unwrap();
        map.write_word(96, 0x0403_0201);
        for at in [97, 100, usize::MAX] {
            map.write_word(at, u32::MAX);
            assert_eq!(map.read_word(at), None);
            assert!(!map.write(at, &[0; 8]) && !map.read(at, &mut [0; 8]));
        }
        assert_eq!((map.read_word(96), map.read_word(0)), (Some(0x0403_0201), Some(0)));
        assert!(map.write(90, &[7; 10]));
        assert_eq!(std::fs::read(&path).unwrap()[88..], [0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
    }
}
