//! The cache: hits run no compiler, races build once, damage is noticed. The compiler is wrapped in a script that counts its runs.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{options, script};
use verilated::{Design, Init, Options, Source};

const TEXT: &str = "module inv(input clk, input d, output reg q); always @(posedge clk) q <= !d; endmodule";

/// A folder with a cache and a compiler that writes a line to `runs` each time it compiles or links.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        let cxx = std::env::var("CXX").unwrap_or("g++".into());
        let runs = bench.path("runs").display().to_string();
        let count = format!("[ \"$1\" = --version ] || echo \"$@\" >> {runs}");
        script(&bench.path("cxx"), &format!("{count}\nexec {cxx} \"$@\""));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.path("runs")).unwrap_or_default().lines().count()
    }

    fn options(&self, cache: &str) -> Options {
        Options {
            cxx: Some(self.path("cxx").display().to_string()),
            cache: Some(self.path(cache)),
            ..options()
        }
    }

    fn build(&self) -> Design {
        build(&self.options("cache"))
    }
}

/// Builds the inverter and sees that it inverts.
fn build(options: &Options) -> Design {
    let design = Design::build(&Source::new("inv").file("inv.v", TEXT), options).unwrap();
    let mut model = design.model(Init::Zero).unwrap();
    model.tick(1).unwrap();
    assert_eq!(model.get(model.port("q").unwrap()), 1);
    design
}

/// Set in the processes that `races_build_once` starts: the folder of its bench.
const CHILD: &str = "VERILATED_TEST_CHILD";

#[test]
fn child_of_the_race() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let path = |name: &str| Path::new(&folder).join(name);
    let cxx = Some(path("cxx").display().to_string());
    build(&Options { cxx, cache: Some(path("cache")), ..options() });
}

/// One test, as each needs Verilator's runtime compiled in a cache of its own.
#[test]
fn races_build_once_hits_compile_nothing_and_damage_is_noticed() {
    let bench = Bench::new();
    races_build_once(&bench);
    hits_compile_nothing(&bench);
    damage_is_noticed(&bench);
    other_text_reuses_the_runtime(&bench);
}

fn races_build_once(bench: &Bench) {
    let child = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child_of_the_race"]).env(CHILD, bench.folder.path());
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children = [child(), child()];
    let built: usize = std::thread::scope(|scope| {
        let threads = [0; 3].map(|_| scope.spawn(|| usize::from(!bench.build().from_cache())));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    assert!(built <= 1, "{built} threads built");
    let text = fs::read_to_string(bench.path("runs")).unwrap();
    let links = text.lines().filter(|line| line.contains("-shared")).count();
    assert_eq!(links, 1, "five builders at a time must link once");
    let left: Vec<_> =
        fs::read_dir(bench.path("cache")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "temporary files left: {left:?}");
}

fn hits_compile_nothing(bench: &Bench) {
    let before = bench.runs();
    assert!(before >= 4, "the script must have counted the build, not {before}");
    assert!(bench.build().from_cache());
    assert_eq!(bench.runs(), before);
}

/// In a copy of the cache, as this process has the original open.
fn damage_is_noticed(bench: &Bench) {
    let original = fs::read(bench.build().library()).unwrap();
    let name = bench.build().library().file_name().unwrap().to_owned();
    for (cache, length, flip) in
        [("truncated", original.len() / 2, None), ("altered", original.len(), Some(2000))]
    {
        let mut bytes = original[..length].to_vec();
        flip.into_iter().for_each(|at: usize| bytes[at] ^= 0x10);
        for folder in ["models", "runtime"] {
            fs::create_dir_all(bench.path(cache).join(folder)).unwrap();
        }
        for entry in fs::read_dir(bench.path("cache/runtime")).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, bench.path(cache).join("runtime").join(from.file_name().unwrap())).unwrap();
        }
        let library = bench.path(cache).join("models").join(&name);
        fs::write(&library, bytes).unwrap();
        assert!(!build(&bench.options(cache)).from_cache(), "{cache} library was used");
        assert!(build(&bench.options(cache)).from_cache(), "{cache} library was not replaced");
    }
}

fn other_text_reuses_the_runtime(bench: &Bench) {
    let before = bench.runs();
    let source = Source::new("inv").file("inv.v", format!("{TEXT} // changed"));
    assert!(!Design::build(&source, &bench.options("cache")).unwrap().from_cache());
    assert_eq!(bench.runs() - before, 3, "fast unit, slow unit, link");
}
