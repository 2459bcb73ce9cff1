//! A folder with stand-ins for the tools on its PATH.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// No network.
pub const PYTHON: &str = "#!/bin/sh\necho 'Temporary failure in name resolution' >&2\nexit 1\n";

/// A folder with programs on its PATH.
pub struct Bench {
    base: tempfile::TempDir,
    path: String,
}

impl Bench {
    /// `system`: the machine's own programs are there too.
    pub fn new(programs: &[(&str, &str)], system: bool) -> Bench {
        let base = tempfile::tempdir().unwrap();
        let bin = base.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, text) in programs {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}{}", bin.display(), if system { ":/usr/bin:/bin" } else { "" });
        Bench { base, path }
    }

    /// Exit code, standard output, standard error.
    pub fn run(&self, fake: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sterna-gen"));
        command.args(args).current_dir(self.at()).env("PATH", &self.path).env("FAKE", fake);
        let output = command.env("XDG_CACHE_HOME", self.at().join("cache")).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    pub fn at(&self) -> &Path {
        self.base.path()
    }

    /// A file of the folder `out`.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at().join("out").join(name)).unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.at().join("out").join(name).exists()
    }
}

/// Without the seconds that a step took.
pub fn timeless(progress: &str) -> String {
    progress.lines().filter(|line| !line.starts_with("  done in ")).collect::<Vec<_>>().join("\n")
}
