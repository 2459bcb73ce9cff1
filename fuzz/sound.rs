//! A folder with a sound small model, in which a target spoils one file.

use std::fs;
use std::path::Path;

/// The model that is copied.
const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/reference/bitnet-2b4t");

/// Calls `work` with a fresh copy; an error if the copy cannot be made.
pub fn with_folder(work: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    for entry in fs::read_dir(CASE).map_err(|e| e.to_string())? {
        let entry = entry.map_err(|e| e.to_string())?;
        fs::copy(entry.path(), folder.path().join(entry.file_name())).map_err(|e| e.to_string())?;
    }
    work(folder.path())
}
