//! The folder of finished builds: keys, sealed files, locks.
//!
//! ```text
//! <root>/models/<key>.so   shared objects, sealed      <root>/locks/<key>     one builder at a time
//! <root>/models/<key>.log  what built them             <root>/failed/<key>/   the last failed build of a key, with its log
//! <root>/runtime/<key>.o   Verilator's runtime, sealed  <root>/build-<key>-*/  a build in progress
//! ```
//!
//! A sealed file ends with the SHA-256 of what comes before and a mark, so that a truncated or altered file is noticed and
//! built again. Files appear by rename, whole or not at all. What a killed build left goes away with the next one of its key.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::error::Error;
use crate::options::Options;

const MARK: &[u8; 8] = b"vrs-seal";
const SEAL: usize = 32 + MARK.len();

/// The cache folder.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub root: PathBuf,
}

/// Collects what a build depends on; each part is hashed with its length, so parts cannot run into one another.
#[derive(Clone, Default)]
pub(crate) struct Key(Sha256);

impl Key {
    pub fn add(&mut self, part: impl AsRef<[u8]>) -> &mut Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// 32 hexadecimal digits: half of the hash, ample to tell builds apart.
    pub fn hex(self) -> String {
        self.0.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Cache {
    /// The folder that the options or the environment name.
    pub fn open(options: &Options) -> Result<Cache, Error> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = options
            .cache
            .clone()
            .or_else(|| variable("VERILATED_CACHE"))
            .or_else(|| Some(variable("CARGO_TARGET_DIR")?.join("verilated-cache")))
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("verilated")))
            .or_else(|| Some(variable("HOME")?.join(".cache/verilated")))
            .unwrap_or_else(|| std::env::temp_dir().join("verilated-cache"));
        for folder in ["models", "runtime", "locks", "failed"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(Error::io("create", path))?;
        }
        // Commands run in other folders, so the path must not depend on the current one.
        let root = root.canonicalize().map_err(Error::io("find", &root))?;
        Ok(Cache { root })
    }

    /// Waits until no other thread or process builds `key`; the lock lasts as long as the returned file.
    pub fn lock(&self, key: &str) -> Result<File, Error> {
        let path = self.root.join("locks").join(key);
        let file = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
        file.lock().map_err(Error::io("lock", &path))?;
        Ok(file)
    }

    /// A folder for a build; whoever asks holds the lock of `key`, so those that are there belong to nobody.
    pub fn scratch(&self, key: &str) -> Result<TempDir, Error> {
        let prefix = format!("build-{key}-");
        for entry in fs::read_dir(&self.root).map_err(Error::io("read", &self.root))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // what cannot be removed is in nobody's way
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.root);
        folder.map_err(Error::io("create a folder in", &self.root))
    }

    /// Writes `bytes` and their seal to `path` in one step; `scratch` is on the same disk.
    pub fn store(&self, scratch: &Path, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut file = tempfile::Builder::new()
            .prefix("new-")
            .tempfile_in(scratch)
            .map_err(Error::io("create", path))?;
        let digest = Sha256::digest(bytes);
        for part in [bytes, &digest, MARK] {
            file.write_all(part).map_err(Error::io("write", path))?;
        }
        file.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
        Ok(())
    }
}

/// The bytes of a sealed file without the seal; `None` when it is missing, truncated or altered.
pub(crate) fn unsealed(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path).ok()?;
    let length = bytes.len().checked_sub(SEAL)?;
    let whole = bytes[length..length + 32] == Sha256::digest(&bytes[..length])[..] && bytes.ends_with(MARK);
    bytes.truncate(length);
    whole.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_notices_truncation_and_change() {
        let folder = tempfile::tempdir().unwrap();
        let cache =
            Cache::open(&Options { cache: Some(folder.path().into()), ..Options::default() }).unwrap();
        let path = cache.root.join("models/x");
        assert_eq!(unsealed(&path), None);
        cache.store(&cache.root, &path, b"hello").unwrap();
        assert_eq!(unsealed(&path).as_deref(), Some(&b"hello"[..]));
        let sealed = fs::read(&path).unwrap();
        for length in 0..sealed.len() {
            fs::write(&path, &sealed[..length]).unwrap();
            assert_eq!(unsealed(&path), None, "truncated to {length}");
        }
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert_eq!(unsealed(&path), None, "byte {byte} changed");
        }
    }

    #[test]
    fn what_a_killed_build_left_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let cache =
            Cache::open(&Options { cache: Some(folder.path().into()), ..Options::default() }).unwrap();
        let dead = [cache.scratch("a").unwrap().keep(), cache.scratch("ab").unwrap().keep()];
        fs::write(dead[0].join("new-1"), "half").unwrap();
        let live = cache.scratch("a").unwrap();
        assert!(!dead[0].exists() && dead[1].exists() && live.path().is_dir());
    }

    #[test]
    fn parts_of_a_key_do_not_run_into_one_another() {
        let key = |parts: &[&str]| {
            let mut key = Key::default();
            for part in parts {
                key.add(part);
            }
            key.hex()
        };
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
    }
}
