//! A folder to run programs in, with a home, a cache and a folder for temporary files of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sterna_spec::config::Config;
use sterna_tests::programs::root;
use tempfile::TempDir;

/// Files by name, folders with a slash and no bytes.
pub type Tree = BTreeMap<String, Vec<u8>>;

pub struct Place {
    base: TempDir,
}

impl Place {
    /// An empty one with a configuration `small.toml` in its folder of work: the smallest preset, smaller.
    pub fn new() -> Place {
        let place = Place { base: tempfile::Builder::new().prefix("place").tempdir().unwrap() };
        ["work", "home", "tmp"].iter().for_each(|name| fs::create_dir(place.at(name)).unwrap());
        fs::write(place.work().join("small.toml"), toml(&small("small"))).unwrap();
        place
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    pub fn work(&self) -> PathBuf {
        self.at("work")
    }

    pub fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.work());
        command.env("HOME", self.at("home")).env("TMPDIR", self.at("tmp"));
        for name in ["XDG_CACHE_HOME", "CARGO_TARGET_DIR", "VERILATED_CACHE"] {
            command.env_remove(name);
        }
        command
    }

    /// What a command that succeeds prints.
    pub fn run(&self, program: &Path, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(program, args).output().unwrap();
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Everything in it but the folder for temporary files, which must be empty.
    pub fn tree(&self) -> Tree {
        assert_eq!(fs::read_dir(self.at("tmp")).unwrap().count(), 0, "temporary files are left");
        tree(self.base.path())
    }
}

/// Everything below a folder.
pub fn tree(folder: &Path) -> Tree {
    fn add(root: &Path, folder: &Path, all: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                all.insert(name + "/", Vec::new());
                add(root, &path, all);
            } else {
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut all = Tree::new();
    add(folder, folder, &mut all);
    all
}

/// The preset `tiny` with less of what makes many lines of Verilog.
pub fn small(name: &str) -> Config {
    Config { name: name.into(), rows: 1, ..Config::preset("tiny").unwrap() }
}

pub fn toml(config: &Config) -> String {
    sterna_gen::schema(config)
}

/// The shipped model.
pub fn stories() -> String {
    root().join("models/stories").to_string_lossy().into_owned()
}

/// A small model of the repository.
pub fn model() -> String {
    root().join("tests/data/reference/bitnet-2b4t").to_string_lossy().into_owned()
}
