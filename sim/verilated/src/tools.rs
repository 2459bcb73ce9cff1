//! Finds Verilator and the C++ compiler and asks for their versions (once a process), and runs them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::error::Error;
use crate::options::Options;

/// A Verilator of version 5 or newer.
#[derive(Clone, Debug)]
pub(crate) struct Verilator {
    pub program: String,
    /// What `--version` printed.
    pub version: String,
    /// The folder that holds `include/verilated.h`.
    pub root: PathBuf,
    /// Whether VERILATOR_ROOT must be set for it; Debian's script must not have it.
    pub needs_root: bool,
}

/// A C++ compiler that starts.
#[derive(Clone, Debug)]
pub(crate) struct Cxx {
    /// The program and leading arguments (`ccache g++`).
    pub words: Vec<String>,
    /// What `--version` printed.
    pub version: String,
}

impl Verilator {
    /// The Verilator that the options or the environment name, or the one on the path.
    pub fn find(options: &Options) -> Result<Verilator, Error> {
        let named = options.verilator.as_ref().map(|path| path.to_string_lossy().into_owned());
        let tried = candidates(named, "VERILATOR", &["verilator", "verilator_bin"]);
        for program in &tried {
            if let Some(version) = version_of(std::slice::from_ref(program)) {
                if release(&version).is_some_and(|major| major < 5) {
                    return Err(Error::OldVerilator { found: version });
                }
                let (root, needs_root) = ROOTS
                    .get(program, || root_of(program))
                    .ok_or_else(|| Error::NoRoot { program: program.clone() })?;
                return Ok(Verilator { program: program.clone(), version, root, needs_root });
            }
        }
        Err(Error::NoVerilator { tried: tried.join(", ") })
    }
}

impl Cxx {
    /// The compiler that the options or the environment name, or the first of the usual ones.
    pub fn find(options: &Options) -> Result<Cxx, Error> {
        let tried = candidates(options.cxx.clone(), "CXX", &["g++", "c++", "clang++"]);
        for name in &tried {
            let words: Vec<String> = name.split_whitespace().map(String::from).collect();
            if let Some(version) = version_of(&words) {
                return Ok(Cxx { words, version });
            }
        }
        Err(Error::NoCompiler { tried: tried.join(", ") })
    }
}

/// The option alone if given, else the environment alone if given, else the usual names.
fn candidates(option: Option<String>, variable: &str, usual: &[&str]) -> Vec<String> {
    let environment = || std::env::var(variable).ok().filter(|value| !value.trim().is_empty());
    match option.or_else(environment) {
        Some(name) => vec![name],
        None => usual.iter().map(|name| name.to_string()).collect(),
    }
}

/// Answers of programs, remembered for the life of the process; no answer is not remembered.
struct Memo<V>(LazyLock<Mutex<HashMap<String, V>>>);

impl<V: Clone> Memo<V> {
    fn get(&self, command: &str, ask: impl FnOnce() -> Option<V>) -> Option<V> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(command) {
            return Some(known.clone());
        }
        let answer = ask()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(command.into(), answer.clone());
        Some(answer)
    }
}

static VERSIONS: Memo<String> = Memo(LazyLock::new(Mutex::default));
static ROOTS: Memo<(PathBuf, bool)> = Memo(LazyLock::new(Mutex::default));

/// What `words --version` prints; `None` when it cannot be run.
fn version_of(words: &[String]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    VERSIONS.get(&words.join(" "), || {
        let output = Command::new(program).args(arguments).arg("--version").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    })
}

/// The major release in `Verilator 5.006 2023-01-22 rev ...`; some packages print no number.
fn release(version: &str) -> Option<u32> {
    version.strip_prefix("Verilator ")?.split('.').next()?.parse().ok()
}

/// Asks Verilator, then looks beside the program; the flag tells which.
fn root_of(program: &str) -> Option<(PathBuf, bool)> {
    let holds_runtime = |root: &PathBuf| root.join("include/verilated.h").is_file();
    let asked = Command::new(program).args(["--getenv", "VERILATOR_ROOT"]).output().ok();
    let said = asked.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let beside = || {
        let folder = Path::new(program).canonicalize().ok()?.parent()?.parent()?.to_path_buf();
        [folder.clone(), folder.join("share/verilator")].into_iter().find(holds_runtime)
    };
    let said = said.filter(|root| !root.as_os_str().is_empty() && holds_runtime(root));
    said.map(|root| (root, false)).or_else(|| Some((beside()?, true)))
}

/// One command line and the folder that it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub words: Vec<String>,
    pub folder: PathBuf,
    pub environment: Vec<(&'static str, PathBuf)>,
}

impl Step {
    /// The command line, for logs and messages.
    pub fn line(&self) -> String {
        self.words.join(" ")
    }

    /// Runs it to its end and returns everything it printed.
    pub fn run(&self) -> Result<Output, Error> {
        let (program, arguments) = self.words.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.output().map_err(Error::io("run", program))
    }
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn releases_are_read_from_the_version_line() {
        assert_eq!(release("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"), Some(5));
        assert_eq!(release("Verilator 4.038 2020-07-11 rev v4.036-114"), Some(4));
        assert_eq!(release("Verilator  rev vUNKNOWN-built20260516"), None);
    }
}
