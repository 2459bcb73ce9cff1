//! The two programs, built as the tests are, to be run without cargo: in other folders, and to be killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// `sterna`.
pub fn sterna() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("sterna-host", "sterna"))
}

/// `sterna-gen`.
pub fn sterna_gen() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("sterna-gen", "sterna-gen"))
}

fn built(package: &str, name: &str) -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "-p", package, "--bin", name, "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.current_dir(root()).output().unwrap_or_else(|e| panic!("cargo: {e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let artifacts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut paths = artifacts
        .filter(|a| a["target"]["name"] == name)
        .filter_map(|a| Some(a["executable"].as_str()?.into()));
    paths.next().unwrap_or_else(|| panic!("cargo built no {name}"))
}
