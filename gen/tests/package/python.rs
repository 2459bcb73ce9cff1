//! The packages for FuseSoC and LiteX, under the versions that tools/requirements-packages.txt pins.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sterna_gen::Flow;
use sterna_spec::registers::SPACE;

use super::{Package, presets, said, silent};

/// A program of the Python environment that tools/setup.sh makes.
fn program(name: &str) -> PathBuf {
    let home = std::env::var("HOME").unwrap_or_default();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or(format!("{home}/.cache"));
    let path = Path::new(&cache).join("sterna-tools/packages/bin").join(name);
    assert!(path.exists(), "{} is missing; run tools/setup.sh all", path.display());
    path
}

fn run(folder: &Path, name: &str, args: &[&str]) -> Output {
    Command::new(program(name)).args(args).current_dir(folder).output().unwrap()
}

fn runs(folder: &Path, name: &str, args: &[&str]) -> String {
    let output = run(folder, name, args);
    assert!(output.status.success(), "{name} {args:?}:\n{}", said(&output));
    said(&output)
}

#[test]
fn fusesoc_shows_sets_up_and_lints() {
    for preset in presets() {
        let package = Package::new(preset, Flow::Fusesoc);
        let core = format!("sterna:accelerator:sterna-{preset}");
        let base = package.base.path();
        let fusesoc = |args: &[&str]| runs(base, "fusesoc", &[&["--cores-root", "package"], args].concat());
        let shown = fusesoc(&["core", "show", &core]);
        assert!(shown.contains(&format!("Name:        {core}:0.1.0")), "{shown}");
        fusesoc(&["run", "--setup", "--target", "lint", &core]);
        let linted = fusesoc(&["run", "--target", "lint", &core]);
        assert!(linted.contains("verilator") && !linted.contains("%Warning"), "{linted}");
    }
}

#[test]
fn fusesoc_reports_a_warning_of_the_lint() {
    let package = Package::new("tiny", Flow::Fusesoc);
    package.edit("rtl/sterna.v", "endmodule", "    wire never_read = aclk;\nendmodule");
    let args = ["--cores-root", "package", "run", "--target", "lint", "sterna:accelerator:sterna-tiny"];
    let output = run(package.base.path(), "fusesoc", &args);
    assert!(!output.status.success() && said(&output).contains("never_read"), "{}", said(&output));
}

/// Warnings that LiteX's own Verilog gives.
const LITEX: [&str; 4] = ["-Wno-CASEINCOMPLETE", "-Wno-COMBDLY", "-Wno-TIMESCALEMOD", "-Wno-WIDTH"];

#[test]
fn litex_generates_a_soc_with_block_ram() {
    for preset in presets() {
        let package = Package::new(preset, Flow::Litex);
        let base = package.base.path();
        runs(base, "python3", &["package/soc.py", "--board", "sim", "--output", "build"]);
        let csr = std::fs::read_to_string(base.join("build/csr.csv")).unwrap();
        assert!(csr.contains(&format!("memory_region,sterna,0x90000000,{SPACE},io")), "{csr}");
        assert!(csr.contains("csr_register,sterna_ev_pending,"), "{csr}");
        let top = ["--lint-only", "--top-module", "sim", "-y", "package/rtl", "build/gateware/sim.v"];
        silent(base, "verilator", &[&LITEX[..], &top].concat());
    }
}

#[test]
fn litex_generates_a_soc_with_sdram() {
    let package = Package::new("tiny", Flow::Litex);
    let base = package.base.path();
    runs(base, "python3", &["package/soc.py", "--board", "ulx3s", "--output", "build"]);
    let files = [
        vec!["build/gateware/radiona_ulx3s.v".to_string()],
        package.verilog().iter().map(|f| format!("package/{f}")).collect(),
    ];
    let script = format!(
        "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v; read_verilog {}; hierarchy -top radiona_ulx3s -check; proc; check",
        files.concat().join(" ")
    );
    silent(base, "yosys", &["-q", "-p", &script]);
}
