//! Yosys makes a netlist of block, harness and rules; ABC decides it: `pdr` finds an inductive invariant, `bmc3` unrolls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::scratch::{Progress, Scratch, text};
use crate::tools;

/// Seconds after which a search for an invariant is given up.
const PATIENCE: u32 = 60;
/// Seconds of an unrolling; the depth that it reached is what is reported.
const BOUNDED: u32 = 120;

/// How a property is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// In all reachable states.
    Prove,
    /// From reset, for this number of cycles at most.
    Bounded(u32),
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An inductive invariant.
    Proved,
    /// No counterexample within this number of cycles.
    Holds(u32),
    /// The property that fails first, and in which cycle.
    Refuted { property: String, cycle: u32 },
}

/// The tools.
pub(super) struct Engine {
    yosys: PathBuf,
    abc: PathBuf,
}

/// What one netlist has and what became of it.
pub(super) struct Verdict {
    /// The asserted properties, as paths in the harness.
    pub properties: Vec<String>,
    pub found: Found,
}

impl Engine {
    /// # Errors
    /// If a tool is missing.
    pub fn find() -> Result<Engine, Error> {
        Ok(Engine { yosys: tools::native("yosys")?, abc: tools::native("yosys-abc")? })
    }

    /// Decides the properties of `harness` in `files`.
    pub fn decide(
        &self,
        files: &BTreeMap<String, String>,
        how: How,
        memories: bool,
        progress: &Progress,
    ) -> Result<Verdict, Error> {
        let scratch = Scratch::new(progress)?;
        self.yosys(&scratch, files, &netlist(files, memories))?;
        let listed = text(&scratch.folder.join("asserts"));
        let properties: Vec<String> = listed.lines().filter_map(property).collect();
        if properties.is_empty() {
            return Err(Error::Tool { tool: "yosys".into(), why: "the harness asserts nothing".into() });
        }
        let command = match how {
            How::Prove => format!("pdr -T {PATIENCE}"),
            How::Bounded(cycles) => format!("bmc3 -T {BOUNDED} -F {cycles}"),
        };
        let script = format!("read_aiger netlist.aig; fold; strash; {command}; print_status");
        let mut abc = Command::new(&self.abc);
        scratch.quietly(abc.args(["-c", &script]), "yosys-abc")?;
        let said = text(&scratch.folder.join("output"));
        let found = read(&said, &properties).ok_or_else(|| Error::Tool {
            tool: format!("yosys-abc ({command})"),
            why: said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no output").into(),
        })?;
        Ok(Verdict { properties, found })
    }

    /// The paths within a cycle from an input to an output of module `top`, for each pair: `true` where there is one.
    pub fn paths(
        &self,
        files: &BTreeMap<String, String>,
        top: &str,
        pairs: &[(String, String)],
        progress: &Progress,
    ) -> Result<Vec<bool>, Error> {
        let scratch = Scratch::new(progress)?;
        let mut script = read_verilog(files);
        script += &format!(
            "hierarchy -top {top}\nproc\nflatten\nmemory_dff\nmemory_collect\nmemory_map\nopt_clean\n"
        );
        for (at, (to, from)) in pairs.iter().enumerate() {
            script += &format!("tee -o path{at} select -list i:{from} %co*:-$dff o:{to} %i\n");
        }
        self.yosys(&scratch, files, &script)?;
        Ok((0..pairs.len())
            .map(|at| !text(&scratch.folder.join(format!("path{at}"))).trim().is_empty())
            .collect())
    }

    fn yosys(&self, scratch: &Scratch, files: &BTreeMap<String, String>, script: &str) -> Result<(), Error> {
        let bytes = files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
        let script = ("script.ys".to_string(), script.to_string().into_bytes());
        scratch.place(&bytes.chain([script]).collect())?;
        scratch.quietly(Command::new(&self.yosys).args(["-q", "-s", "script.ys"]), "yosys")
    }
}

fn read_verilog(files: &BTreeMap<String, String>) -> String {
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    format!("read_verilog -formal {}\n", names.join(" "))
}

/// The script that makes the netlist. Registers and memories without a reset begin with any value. Without `memories`, what is read from
/// one may be anything in every cycle: what holds so holds with them.
fn netlist(files: &BTreeMap<String, String>, memories: bool) -> String {
    let passes = [
        "prep -top harness -flatten",
        if memories { "memory_map" } else { "delete t:$mem_v2" },
        "opt_clean",
        "formalff -clk2ff -ff2anyinit",
        "setundef -anyseq -undriven",
        "techmap",
        "opt -fast",
        "abc -g AND -fast",
        "opt_clean",
        "tee -o asserts select -list t:$assert",
        "write_aiger -B -zinit netlist.aig",
    ];
    read_verilog(files) + &passes.join("\n") + "\n"
}

/// `block.order.F2_room` from the name of its cell.
fn property(line: &str) -> Option<String> {
    let path = line.split_once("$flatten")?.1.split(".$assert").next()?;
    Some(path.replace('\\', "").trim_end_matches(".side").into())
}

/// What ABC's text says.
fn read(said: &str, properties: &[String]) -> Option<Found> {
    let number = |after: &str| {
        let rest = said.split_once(after)?.1.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    if said.contains("Property proved") {
        return Some(Found::Proved);
    }
    if let (Some(output), Some(cycle)) = (number("Output "), number("asserted in frame ")) {
        let property = properties.get(output as usize).cloned().unwrap_or_default();
        return Some(Found::Refuted { property, cycle });
    }
    // `No output asserted in 20 frames.`, or the status after a limit of time
    number("asserted in").or_else(|| number("Frames =")).map(Found::Holds)
}
