//! Packages under the tools that are here: Verilog under the linters, Tcl under an interpreter with stand-ins for Vivado's commands, the
//! overlay under `dtc`, FuseSoC and LiteX under themselves.

mod python;
mod vivado;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sterna_gen::{Flow, package, write};
use sterna_spec::config::{Config, PRESETS};
use tempfile::TempDir;

/// A package in a temporary folder, which also holds what tools write.
struct Package {
    config: Config,
    base: TempDir,
}

impl Package {
    fn new(name: &str, flow: Flow) -> Package {
        let config = Config::preset(name).unwrap();
        let base = tempfile::tempdir().unwrap();
        write(&package(&config, flow).unwrap(), &base.path().join("package")).unwrap();
        Package { config, base }
    }

    fn folder(&self) -> PathBuf {
        self.base.path().join("package")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap()
    }

    /// Replaces text in a file, which must hold it.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} holds {from}");
        fs::write(self.folder().join(name), text.replace(from, to)).unwrap();
    }

    fn verilog(&self) -> Vec<String> {
        let mut all: Vec<_> = fs::read_dir(self.folder().join("rtl"))
            .unwrap()
            .map(|entry| format!("rtl/{}", entry.unwrap().file_name().to_string_lossy()))
            .collect();
        all.sort();
        all
    }
}

/// Runs a tool; the message names what must be installed if it is not there.
fn tool(folder: &Path, program: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}; run tools/setup.sh all"))
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Runs a tool that must have nothing to say.
fn silent(folder: &Path, program: &str, args: &[&str]) {
    let output = tool(folder, program, args);
    let text = said(&output);
    assert!(output.status.success() && text.trim().is_empty(), "{program} {args:?}:\n{text}");
}

fn presets() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().copied()
}
