//! Folders with a manifest. A folder is written whole under another name and then renamed; an existing one is replaced only if its
//! manifest names all that is in it and nothing was changed since. Names of files may have folders in them, as in `rtl/sterna.v`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sterna_host::whole::Part;

use crate::error::Error;

/// Name of the manifest: one line for each file, in the form of `sha256sum`.
pub const MANIFEST: &str = "MANIFEST.sha256";
const FIRST_LINE: &str = "# written by sterna-gen; `sha256sum -c MANIFEST.sha256` checks it";

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Lines of hash and name.
pub(crate) fn hashes<T: AsRef<[u8]>>(files: &BTreeMap<String, T>) -> String {
    files.iter().map(|(name, bytes)| format!("{}  {name}\n", hash(bytes.as_ref()))).collect()
}

/// Writes the files and a manifest as folder `to`; returns the bytes written.
///
/// # Errors
/// If something is there that is not ours, or that was changed, or writing fails. The old folder then stays as it was.
pub fn write<T: AsRef<[u8]>>(files: &BTreeMap<String, T>, to: &Path) -> Result<usize, Error> {
    replaceable(to)?;
    let parent = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
    let part = Part::of(to);
    let new = part.place();
    fs::create_dir(new).map_err(Error::io("create", new))?;
    let manifest = format!("{FIRST_LINE}\n{}", hashes(files));
    let mut bytes = 0;
    let own = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_ref()));
    for (name, text) in own.chain([(MANIFEST, manifest.as_bytes())]) {
        let path = new.join(name);
        if let Some(inner) = path.parent() {
            fs::create_dir_all(inner).map_err(Error::io("create", inner))?;
        }
        fs::write(&path, text).map_err(Error::io("write", &path))?;
        bytes += text.len();
    }
    part.finish().map_err(Error::io("create", to))?;
    Ok(bytes)
}

/// What is there may be replaced, if anything is.
///
/// # Errors
/// If it is not ours, or was changed.
pub(crate) fn replaceable(to: &Path) -> Result<(), Error> {
    if exists(to)? { owned(to) } else { Ok(()) }
}

fn exists(path: &Path) -> Result<bool, Error> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Checks that a folder is empty, or that its manifest names exactly what is in it, unchanged.
fn owned(folder: &Path) -> Result<(), Error> {
    let foreign = |why: String| Err(Error::Foreign { path: folder.into(), why });
    let meta = fs::symlink_metadata(folder).map_err(Error::io("read", folder))?;
    if !meta.is_dir() {
        return foreign("it is not a folder".into());
    }
    let mut names = names(folder, folder)?;
    if names.is_empty() {
        return Ok(());
    }
    let Ok(manifest) = fs::read_to_string(folder.join(MANIFEST)) else {
        return foreign(format!("it has no {MANIFEST}, so sterna-gen did not write it"));
    };
    let listed: BTreeMap<&str, &str> =
        manifest.lines().filter_map(|line| line.split_once("  ")).map(|(hash, name)| (name, hash)).collect();
    names.sort();
    for name in names.iter().filter(|name| *name != MANIFEST) {
        let Some(&want) = listed.get(name.as_str()) else {
            return foreign(format!("sterna-gen did not write {name}"));
        };
        match fs::read(folder.join(name)) {
            Ok(bytes) if hash(&bytes) == want => {}
            _ => return foreign(format!("{name} was changed since it was written")),
        }
    }
    Ok(())
}

/// Files below `folder` and folders that are empty, named from `root` on.
fn names(root: &Path, folder: &Path) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let path = entry.path();
        let inner = match entry.file_type().map_err(Error::io("read", &path))?.is_dir() {
            true => names(root, &path)?,
            false => Vec::new(),
        };
        if inner.is_empty() {
            all.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned());
        }
        all.extend(inner);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("a.v".into(), text.into()), ("b.md".into(), "b".into())])
    }

    /// The message about `folder`, with its path replaced.
    fn refusal(folder: &Path) -> String {
        let before: Vec<_> =
            fs::read_dir(folder).map(|d| d.flatten().map(|e| e.file_name()).collect()).unwrap_or_default();
        let message = write(&some("new"), folder).unwrap_err().to_string();
        let after: Vec<_> =
            fs::read_dir(folder).map(|d| d.flatten().map(|e| e.file_name()).collect()).unwrap_or_default();
        assert_eq!(before, after, "a refused folder stays");
        message.replace(&folder.display().to_string(), "DIR")
    }

    #[test]
    fn written_and_replaced() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("deep/out");
        write(&some("one"), &folder).unwrap();
        let mut fewer = some("two");
        fewer.remove("b.md");
        write(&fewer, &folder).unwrap();
        assert_eq!(fs::read_to_string(folder.join("a.v")).unwrap(), "two");
        assert!(!folder.join("b.md").exists(), "files of the old folder are gone");
        let rest: Vec<_> =
            fs::read_dir(base.path().join("deep")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(rest, ["out"], "nothing temporary is left");
        let text = fs::read_to_string(folder.join(MANIFEST)).unwrap();
        insta::assert_snapshot!(text, @r"
        # written by sterna-gen; `sha256sum -c MANIFEST.sha256` checks it
        3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  a.v
        ");
        let empty = base.path().join("empty");
        fs::create_dir(&empty).unwrap();
        write(&some("one"), &empty).unwrap();
    }

    #[test]
    fn what_is_not_ours_stays() {
        let base = tempfile::tempdir().unwrap();
        let (file, foreign, folder) = (base.path().join("f"), base.path().join("g"), base.path().join("h"));
        fs::write(&file, "x").unwrap();
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("thesis.tex"), "x").unwrap();
        write(&some("one"), &folder).unwrap();
        let mut all = vec![refusal(&file), refusal(&foreign)];
        fs::write(folder.join("notes.txt"), "x").unwrap();
        all.push(refusal(&folder));
        fs::remove_file(folder.join("notes.txt")).unwrap();
        fs::write(folder.join("a.v"), "edited by hand").unwrap();
        all.push(refusal(&folder));
        let nested = base.path().join("n");
        write(&BTreeMap::from([("rtl/a.v".into(), "a".to_string())]), &nested).unwrap();
        fs::write(nested.join("rtl/b.v"), "x").unwrap();
        all.push(refusal(&nested));
        fs::remove_file(nested.join("rtl/b.v")).unwrap();
        fs::create_dir(nested.join("rtl/work")).unwrap();
        all.push(refusal(&nested));
        fs::remove_dir(nested.join("rtl/work")).unwrap();
        write(&some("new"), &nested).unwrap();
        assert!(!nested.join("rtl").exists());
        insta::assert_snapshot!(all.join("\n"), @r"
        DIR is not replaced: it is not a folder; move it away or choose another folder
        DIR is not replaced: it has no MANIFEST.sha256, so sterna-gen did not write it; move it away or choose another folder
        DIR is not replaced: sterna-gen did not write notes.txt; move it away or choose another folder
        DIR is not replaced: a.v was changed since it was written; move it away or choose another folder
        DIR is not replaced: sterna-gen did not write rtl/b.v; move it away or choose another folder
        DIR is not replaced: sterna-gen did not write rtl/work; move it away or choose another folder
        ");
    }
}
