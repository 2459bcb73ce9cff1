//! Files and folders that appear whole or not at all, even if the process is killed.
//!
//! ```text
//!   out.json.4711-0.part ─── written ───► renamed: out.json
//!      │ dropped: removed; killed: removed by the next process that writes out.json
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const END: &str = ".part";

/// A place beside `path` for what shall get its name. Whatever is there when this is dropped goes away.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    part: PathBuf,
}

impl Part {
    /// A place that nobody else uses; removes those that dead processes left for the same path.
    pub fn of(path: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        sweep(path);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = start(path);
        name.push(format!("{}-{count}{END}", process::id()));
        Part { path: path.into(), part: path.with_file_name(name) }
    }

    /// Where to write until it is finished.
    pub fn place(&self) -> &Path {
        &self.part
    }

    /// Gives what was written its name; what had that name before is gone.
    ///
    /// # Errors
    /// If it cannot be renamed; what had the name keeps it then.
    pub fn finish(self) -> io::Result<()> {
        let replaces = self.part.is_dir() && fs::symlink_metadata(&self.path).is_ok();
        if replaces { exchange(&self.part, &self.path) } else { fs::rename(&self.part, &self.path) }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        remove(&self.part);
    }
}

/// Writes a file whole; a pipe or a terminal takes the bytes as they come.
///
/// # Errors
/// If it cannot be written; what was there before stays then.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return fs::write(path, bytes);
    }
    let part = Part::of(path);
    let mut file = File::create(part.place())?;
    file.write_all(bytes.as_ref())?;
    file.sync_all()?;
    part.finish()
}

/// What the names of all parts of a path begin with.
fn start(path: &Path) -> OsString {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name
}

/// Removes what dead processes left.
fn sweep(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let start = start(path);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(start.as_encoded_bytes());
        let rest = rest.and_then(|rest| std::str::from_utf8(rest).ok()?.strip_suffix(END)?.split_once('-'));
        let Some(Ok(id)) = rest.map(|(id, count)| count.parse::<u32>().and_then(|_| id.parse())) else {
            continue;
        };
        if is_dead(id) {
            remove(&entry.path());
        }
    }
}

/// True if it is known that no process has this id.
fn is_dead(id: u32) -> bool {
    Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{id}")).exists()
}

/// A leftover is the lesser trouble than an error about it.
fn remove(path: &Path) {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
    let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Both names at once, so that there is no moment without either.
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            // a file system that does not know how
            Err(Errno::INVAL | Errno::NOSYS) => {}
            done => return Ok(done?),
        }
    }
    let old = Part::of(b);
    fs::rename(b, old.place())?;
    fs::rename(a, b).inspect_err(|_| drop(fs::rename(old.place(), b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_and_folders_are_replaced_and_nothing_stays() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        write(&at("file"), "one").unwrap();
        write(&at("file"), "two").unwrap();
        write(Path::new("/dev/null"), "three").unwrap();
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "two");
        for text in ["one", "two"] {
            let part = Part::of(&at("folder"));
            fs::create_dir(part.place()).unwrap();
            fs::write(part.place().join(text), text).unwrap();
            part.finish().unwrap();
            assert_eq!(names(&at("folder")), [text]);
        }
        let part = Part::of(&at("file"));
        fs::write(part.place(), "unfinished").unwrap();
        drop(part);
        assert_eq!(names(base.path()), ["file", "folder"]);
        assert!(write(&at("absent/file"), "").is_err() && write(&at("file/below"), "").is_err());
        assert!(write(&at("folder"), "").is_err() && at("folder/two").is_file(), "a folder stays");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_dead_left_goes_away() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: String| base.path().join(name);
        // no process has this id: it is above the highest
        let dead = u32::MAX;
        let stay = ["x".to_string(), format!("y.{dead}-0.part"), "x.old.part".into(), "x.1-0.part".into()];
        let go = [format!("x.{dead}-0.part"), format!("x.{dead}-17.part")];
        stay.iter().chain(&go[..1]).for_each(|name| fs::write(at(name.clone()), "").unwrap());
        fs::create_dir_all(at(go[1].clone()).join("rtl")).unwrap();
        write(&at("x".into()), "new").unwrap();
        let mut stay = stay.to_vec();
        stay.sort();
        assert_eq!(names(base.path()), stay);
    }
}
