//! Whether a mutant is the unchanged module for all inputs and all time, decided by machine.
//!
//! ```text
//!   inputs, answers of what is cut ─┬─► module ────────► outputs, requests to what is cut ─┐
//!   registers before reset ─────────┤                                                      ≠ ──► never 1?
//!                                   └─► with the change ► outputs, requests to what is cut ─┘
//! ```
//!
//! Yosys makes the pair, ABC decides it: `scorr` finds by induction which registers and gates are equal in all reachable states, and
//! merges them. Reset is on in the first cycle and free after it. Registers begin with any value, the same in both.
//!
//! Cut are memories, products and the submodules without the mutant: each is the same in both and begins the same, so that equal
//! requests have equal answers; requests are compared like outputs. Where a module differs, every module that has it as a part is
//! compared, since that may not show what differs; below the top, which is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::text::{Mutant, TOP};

type Files = BTreeMap<String, String>;

/// Seconds of each search of ABC.
const PATIENCE: u32 = 10;
/// Cycles in which a difference is looked for.
const CYCLES: u32 = 50;
/// The wire that chooses the mutant.
const CHOICE: &str = "mutant_on";

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The two are one netlist once constants are folded.
    Same { module: String },
    /// Equal in all reachable states, by induction over this number of cycles.
    Equal { module: String, depth: u32 },
    /// Equal in all reachable states, by an invariant that `pdr` found.
    Invariant { module: String },
    /// Equal for this number of cycles, and not decided beyond.
    Holds { module: String, cycles: u32 },
    /// Inputs that this module's surroundings may never give show it in this cycle.
    Differs { module: String, cycle: u32 },
}

impl Verdict {
    /// Whether the mutant is proven to change nothing.
    pub fn proven(&self) -> bool {
        !matches!(self, Verdict::Holds { .. } | Verdict::Differs { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Verdict::Same { module } => write!(f, "proven: the same netlist of {module}"),
            Verdict::Equal { module, depth } => {
                write!(f, "proven equal by induction at depth {depth} in {module}")
            }
            Verdict::Invariant { module } => write!(f, "proven equal by an invariant in {module}"),
            Verdict::Holds { module, cycles } => {
                write!(f, "not decided: equal for {cycles} cycles in {module}")
            }
            Verdict::Differs { module, cycle } => {
                write!(f, "not decided: differs in cycle {cycle} in {module} if inputs may be anything")
            }
        }
    }
}

/// The tools.
pub struct Prover {
    yosys: PathBuf,
    abc: PathBuf,
}

impl Prover {
    /// # Errors
    /// If one is missing.
    pub fn find() -> Result<Prover, String> {
        let tool = |name: &str| {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            let found = std::env::split_paths(&folders).map(|dir| dir.join(name)).find(|path| path.is_file());
            found
                .ok_or_else(|| format!("{name} is not on PATH: install Debian's package yosys, which has it"))
        };
        Ok(Prover { yosys: tool("yosys")?, abc: tool("yosys-abc")? })
    }

    /// Compares the mutant's module with the unchanged one, then those that it is a part of.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn prove(&self, files: &Files, mutant: &Mutant) -> Result<Verdict, String> {
        self.climb(&with_choice(files, mutant), mutant.module(), mutant.module())
    }

    /// Compares this module alone, which is the mutant's or has it in it.
    ///
    /// # Errors
    /// If a tool fails.
    #[allow(dead_code)] // for tests
    pub fn within(&self, files: &Files, mutant: &Mutant, module: &str) -> Result<Verdict, String> {
        self.decide(&with_choice(files, mutant), module, mutant.module())
    }

    /// `module`, or all that it is a part of.
    fn climb(&self, files: &Files, module: &str, mutated: &str) -> Result<Verdict, String> {
        let own = self.decide(files, module, mutated)?;
        let parents: Vec<&str> = names(files).filter(|name| parts(files, name).contains(module)).collect();
        if own.proven() || parents.is_empty() || parents.contains(&TOP) {
            return Ok(own);
        }
        let mut last = own;
        for parent in parents {
            last = self.climb(files, parent, mutated)?;
            if !last.proven() {
                break;
            }
        }
        Ok(last)
    }

    /// `module` with and without the mutant in it.
    fn decide(&self, files: &Files, module: &str, mutated: &str) -> Result<Verdict, String> {
        let guard = tempfile::tempdir().map_err(|e| format!("no folder for a proof: {e}"))?;
        let sources = sources(files, module, mutated);
        let listed = sources.keys().cloned().collect::<Vec<_>>().join(" ");
        let cut = ("cut.v".to_string(), include_str!("cut.v").to_string());
        let script = ("prove.ys".to_string(), script(module, &listed));
        for (name, text) in sources.into_iter().chain([cut, script]) {
            fs::write(guard.path().join(&name), text).map_err(|e| format!("{name}: {e}"))?;
        }
        said(guard.path(), Command::new(&self.yosys).args(["-q", "-s", "prove.ys"]))?;
        let merge = "read_aiger pair.aig; strash; print_stats; scorr -F 1; print_stats";
        let decide = format!("pdr -T {PATIENCE}; print_status");
        let search = format!("bmc3 -T {PATIENCE} -F {CYCLES}; print_status");
        let script = format!("{merge}; {decide}; {search}");
        let text = said(guard.path(), Command::new(&self.abc).args(["-c", &script]))?;
        read(&text, module).ok_or_else(|| {
            let line = text.lines().rev().find(|line| !line.trim().is_empty());
            format!("yosys-abc ({module}): {}", line.unwrap_or("no output"))
        })
    }
}

/// The files with the mutant behind a choice.
fn with_choice(files: &Files, mutant: &Mutant) -> Files {
    let mut files = files.clone();
    let wire = format!("    (* keep *) wire {CHOICE};\n");
    files
        .entry(mutant.file.clone())
        .and_modify(|text| *text = after_ports(&mutant.behind(text, CHOICE), &wire));
    files
}

/// The modules of the files.
fn names(files: &Files) -> impl Iterator<Item = &str> {
    files.keys().filter_map(|file| file.strip_suffix(".v"))
}

/// What a module has instances of.
fn parts(files: &Files, module: &str) -> BTreeSet<String> {
    let text = files.get(&format!("{module}.v")).map_or("", String::as_str);
    let instance = |line: &str| {
        let (of, _) = line.strip_prefix("    ")?.strip_suffix(" (")?.split_once(' ')?;
        files.contains_key(&format!("{of}.v")).then(|| of.to_string())
    };
    text.lines().filter_map(instance).collect()
}

/// Whether `module` is the mutated one or has it somewhere in it.
fn holds(files: &Files, module: &str, mutated: &str) -> bool {
    module == mutated || parts(files, module).iter().any(|part| holds(files, part, mutated))
}

/// `module` under reset in its first cycle, the parts of it that hold the mutant, and the others cut.
fn sources(files: &Files, module: &str, mutated: &str) -> Files {
    let mut sources = Files::new();
    let mut left = vec![module.to_string()];
    while let Some(name) = left.pop() {
        let file = format!("{name}.v");
        let text = &files[&file];
        let whole = name == module || holds(files, &name, mutated);
        if whole {
            left.extend(parts(files, &name));
        }
        let text = match (whole, name == module) {
            (false, _) => stub(text),
            (true, true) if text.contains(" rst,") => {
                let reset = "    wire rst = rst_pin | $initstate;\n";
                after_ports(&text.replacen(" rst,", " rst_pin,", 1), reset)
            }
            _ => text.clone(),
        };
        sources.insert(file, text);
    }
    sources
}

/// Puts `text` behind the ports of a module.
fn after_ports(module: &str, text: &str) -> String {
    module.replacen("\n);\n", &format!("\n);\n{text}"), 1)
}

/// A module of which only the ports are left: inputs are asked, outputs are given.
fn stub(module: &str) -> String {
    let ports = module.split("\n);\n").next().unwrap_or_default();
    let asked = |line: &str| {
        let shape = line.split("//").next()?.trim().trim_end_matches(',').strip_prefix("input")?;
        let (shape, name) = shape.trim().rsplit_once(' ')?;
        Some(format!("    (* keep *) {shape} asked_{name} = {name};\n"))
    };
    format!("{ports}\n);\n{}endmodule\n", ports.lines().filter_map(asked).collect::<String>())
}

/// The script that makes `pair.aig`, whose output is 1 where the two differ. What the module leaves undefined is 0 in both.
fn script(module: &str, files: &str) -> String {
    let copies = format!("rename {module} one\ncopy one two\ndelete -input w:{CHOICE} w:*.{CHOICE}");
    let passes = [
        &format!("read_verilog -formal {files}"),
        &format!("hierarchy -check -top {module}"),
        "proc\nflatten\nopt_clean",
        "memory_collect\nmemory_map -rom-only\nopt_clean",
        // only what has a name of its own becomes a port
        "rename -enumerate -pattern cut_% t:$mul t:$mem_v2",
        "techmap -map cut.v\nexpose w:*.asked w:*.asked_*\nopt_clean",
        "formalff -clk2ff\ntechmap -map cut.v",
        "setundef -undriven -expose\nsetundef -zero",
        &copies,
        "select one\nsetundef -undriven -zero",
        "select two\nsetundef -undriven -one\nselect -clear",
        "miter -equiv -flatten one two pair\nhierarchy -top pair\nopt_clean",
        "techmap\nsetundef -zero\nopt -fast\naigmap\nopt_clean",
        "write_aiger -zinit pair.aig",
    ];
    passes.join("\n") + "\n"
}

/// Runs a program in a folder; what it says.
fn said(folder: &Path, command: &mut Command) -> Result<String, String> {
    let path = folder.join("output");
    let failed = |e: std::io::Error| format!("{}: {e}", command.get_program().display());
    let file = File::create(&path).map_err(failed)?;
    let both = file.try_clone().map_err(failed)?;
    let program = command.get_program().display().to_string();
    command.current_dir(folder).stdin(Stdio::null()).stdout(file).stderr(both);
    let status = command.status().map_err(|e| format!("{program}: {e}"))?;
    let text = fs::read_to_string(&path).map_err(|e| format!("{program}: {e}"))?;
    let error = text.lines().find(|line| line.contains("ERROR")).unwrap_or("it stopped");
    if status.success() { Ok(text) } else { Err(format!("{program}: {error}")) }
}

/// What ABC's text says.
fn read(text: &str, module: &str) -> Option<Verdict> {
    let number = |after: &str| {
        let rest = text.rsplit_once(after)?.1.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    let module = module.to_string();
    if text.contains("Property proved") {
        let gates = text.lines().filter_map(|line| line.split_once("and =")?.1.split_whitespace().next());
        return Some(match gates.take(2).position(|gates| gates == "0") {
            Some(0) => Verdict::Same { module },
            Some(_) => Verdict::Equal { module, depth: 1 },
            None => Verdict::Invariant { module },
        });
    }
    match number("asserted in frame ") {
        Some(cycle) => Some(Verdict::Differs { module, cycle }),
        None => number("No output asserted in ").map(|cycles| Verdict::Holds { module, cycles }),
    }
}
