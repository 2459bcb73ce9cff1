//! A folder in which programs run, and where their progress is told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Time between two lines about a program that is still running.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks at the log of a program that may have no hope.
const LOOK: Duration = Duration::from_secs(1);

/// Where progress is told.
pub struct Progress(Box<dyn Fn(&str)>);

impl Progress {
    /// Calls `say` with a line for each step.
    pub fn new(say: impl Fn(&str) + 'static) -> Progress {
        Progress(Box::new(say))
    }

    pub(crate) fn say(&self, line: &str) {
        (self.0)(line);
    }
}

/// The folder; it goes when this goes.
pub(crate) struct Scratch<'a> {
    pub folder: PathBuf,
    pub progress: &'a Progress,
    _guard: tempfile::TempDir,
}

impl<'a> Scratch<'a> {
    /// An empty one.
    pub fn new(progress: &'a Progress) -> Result<Scratch<'a>, Error> {
        let guard = tempfile::tempdir().map_err(Error::io("create a folder in", &std::env::temp_dir()))?;
        Ok(Scratch { folder: guard.path().into(), progress, _guard: guard })
    }

    /// Writes the sources.
    pub fn place(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        for (name, bytes) in files {
            let path = self.folder.join(name);
            if let Some(inner) = path.parent() {
                fs::create_dir_all(inner).map_err(Error::io("create", inner))?;
            }
            fs::write(&path, bytes).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }

    /// What a program left.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(name);
        fs::read(&path).map_err(Error::io("read", &path))
    }

    /// Runs a short program and tells nothing; what it says is in the file `output`.
    pub fn quietly(&self, command: &mut Command, what: &str) -> Result<(), Error> {
        let failed = |why: String| Error::Tool { tool: what.into(), why };
        let output = self.folder.join("output");
        let file = File::create(&output).map_err(Error::io("create", &output))?;
        let both = file.try_clone().map_err(Error::io("create", &output))?;
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(file).stderr(both);
        let status = command.status().map_err(|e| failed(e.to_string()))?;
        match status.success() {
            true => Ok(()),
            false => Err(failed(error_line(&output).unwrap_or_else(|| last_line(&output)))),
        }
    }

    /// Runs a program; says so, again every minute, and how long it took.
    pub fn run(&self, command: &mut Command, what: &str, log: &str) -> Result<(), Error> {
        self.run_unless(command, what, log, |_| false)
    }

    /// As [`Scratch::run`]; the program is ended once its log shows that it is `hopeless`.
    pub fn run_unless(
        &self,
        command: &mut Command,
        what: &str,
        log: &str,
        hopeless: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let failed = |why: String| Error::Tool { tool: what.into(), why };
        let output = self.folder.join("output");
        let file = File::create(&output).map_err(Error::io("create", &output))?;
        let both = file.try_clone().map_err(Error::io("create", &output))?;
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(file).stderr(both);
        self.progress.say(&format!("{what} ..."));
        let begin = Instant::now();
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        let (mut told, mut looked) = (begin, begin);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| failed(e.to_string()))? {
                break status;
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if hopeless(&text(&self.folder.join(log))) {
                    // it may just have ended by itself
                    let _ = child.kill();
                }
            }
            if told.elapsed() >= PATIENCE {
                told = Instant::now();
                let line = last_line(&self.folder.join(log));
                self.progress.say(&format!("  {} s: {line}", begin.elapsed().as_secs()));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if !status.success() {
            let error = error_line(&self.folder.join(log)).or_else(|| error_line(&output));
            return Err(failed(error.unwrap_or_else(|| format!("{status}: {}", last_line(&output)))));
        }
        self.progress.say(&format!("  done in {} s", begin.elapsed().as_secs()));
        Ok(())
    }
}

/// A file's text, empty if there is none.
pub(crate) fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn last_line(log: &Path) -> String {
    text(log).lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output yet").into()
}

/// The first line that a tool calls an error.
fn error_line(log: &Path) -> Option<String> {
    text(log).lines().find(|line| line.contains("ERROR")).map(|line| line.trim().into())
}
