//! Parts of memory-mapped files.

use crate::error::{Error, Result};
use memmap2::Mmap;
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

/// A range of a memory-mapped file, which stays mapped as long as some range of it is in use.
#[derive(Debug, Clone)]
pub struct Bytes {
    map: Arc<Mmap>,
    range: Range<usize>,
}

impl Bytes {
    /// Maps the whole file. `remedy` is for the case that it does not exist.
    pub fn open(path: &Path, remedy: &'static str) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, remedy, e))?;
        // SAFETY: the map is read-only. Should another process truncate the file meanwhile, the system ends this process;
        // all that is ever read from it is bytes, for which every value is legal.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io(path, remedy, e))?;
        Ok(Bytes { range: 0..map.len(), map: Arc::new(map) })
    }

    /// A part of these bytes; none if it does not lie within them.
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        self.get(range.clone())?;
        let start = self.range.start;
        Some(Bytes { map: self.map.clone(), range: start + range.start..start + range.end })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map[self.range.clone()]
    }
}
