//! The committed output: one function checks it or rewrites it.
//!
//! All Verilog of a preset is too much to review with each change, so a summary is committed: the top, the register map, the
//! configuration, and the hash of every file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sterna_spec::config::Config;

use crate::error::Error;
use crate::folder::{self, MANIFEST};
use crate::output::files;

/// Presets whose summary is committed, each in a folder of its name: the one that is small enough to read. Tests emit and lint the others.
pub const COMMITTED: &[&str] = &["tiny"];
/// Files that are committed as they are.
const WHOLE: &[&str] = &["config.toml", "registers.md", "sterna.v"];
/// Hashes of all files, those that are not committed included.
const HASHES: &str = "files.sha256";

/// What is committed of a preset's files.
fn summary(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut kept: BTreeMap<_, _> = files
        .iter()
        .filter(|(name, _)| WHOLE.contains(&name.as_str()))
        .map(|(n, t)| (n.clone(), t.clone()))
        .collect();
    kept.insert(HASHES.into(), folder::hashes(files));
    kept
}

/// Compares the committed folders below `base` with what the generator makes now; with `update` rewrites them. Returns what was
/// checked or written: names of presets and numbers of emitted files.
///
/// # Errors
/// The first file that differs, is missing or is not made any more; or a folder that cannot be replaced.
pub fn check(base: &Path, update: bool) -> Result<Vec<(String, usize)>, Error> {
    let mut done = Vec::new();
    for name in COMMITTED {
        let config = Config::preset(name).map_err(Error::Name)?;
        let files = files(&config)?;
        let (to, kept) = (base.join(name), summary(&files));
        if update {
            folder::write(&kept, &to)?;
        } else {
            compare(&kept, &to)?;
        }
        done.push((name.to_string(), files.len()));
    }
    Ok(done)
}

fn compare(kept: &BTreeMap<String, String>, folder: &Path) -> Result<(), Error> {
    let stale = |name: &str, what: String| Err(Error::Stale { path: folder.join(name), what });
    for (name, text) in kept {
        match fs::read(folder.join(name)) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(bytes) if name == HASHES => {
                return stale(name, differing(&String::from_utf8_lossy(&bytes), text));
            }
            Ok(_) => return stale(name, "differs from what the generator makes now".into()),
            Err(_) => return stale(name, "is missing".into()),
        }
    }
    let made: BTreeSet<&str> = kept.keys().map(String::as_str).chain([MANIFEST]).collect();
    let mut present = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        present.push(entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned());
    }
    present.sort();
    match present.iter().find(|name| !made.contains(name.as_str())) {
        Some(name) => stale(name, "is not made by the generator".into()),
        None => Ok(()),
    }
}

/// Which file's hash is another one, in words.
fn differing(old: &str, new: &str) -> String {
    let parse = |text: &'_ str| -> BTreeMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.split_once("  "));
        pairs.map(|(hash, name)| (name.to_string(), hash.to_string())).collect()
    };
    let (old, new) = (parse(old), parse(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    match names.into_iter().find(|name| old.get(*name) != new.get(*name)) {
        Some(name) if !new.contains_key(name) => format!("names {name}, which the generator no longer makes"),
        Some(name) if !old.contains_key(name) => {
            format!("does not name {name}, which the generator makes now")
        }
        Some(name) => format!("has another hash of {name} than what the generator makes now"),
        None => "differs from what the generator makes now".into(),
    }
}
