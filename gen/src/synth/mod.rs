//! What a configuration takes of a part, block by block, and how deep its logic is, by synthesis alone.
//!
//! ```text
//!   configuration ─► rtl/*.v ─► yosys ─► netlist ─┬─► cells x instances ─► blocks
//!                      │                          ├─► longest ways from register to register
//!                      └──── declarations ────────┴─► memories and what became of them
//! ```
//!
//! Modules with registers stay apart and are mapped once, however many instances they have; those without are dissolved in the ones that
//! use them. What the Verilog wants in a multiplier's adders is put there, as Vivado does and Yosys does not. Depths are measured
//! through all of them. Nothing is placed: what wires cost is not in these numbers.

mod blocks;
mod cells;
mod memories;
mod netlist;
mod page;
mod paths;
#[cfg(test)]
mod tests;
mod timing;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use sterna_spec::config::Config;

use crate::error::Error;
use crate::parts::{Cost, Fabric, Part};
use crate::scratch::{Progress, Scratch};
use crate::tools;
use blocks::Block;
use memories::Memory;
use netlist::Netlist;
use paths::Depths;
use timing::{Design, Timing};

const LOG: &str = "synthesis.log";
const TOP: &str = "sterna";
/// Modules for a multiplier's adders, and what Vivado makes of them on UltraScale+.
const IN_MULTIPLIERS: [(&str, &str); 2] = [
    ("rtl/matmul_packed_add.v", include_str!("packed_add.v")),
    ("rtl/attention_multiply_add.v", include_str!("multiply_add.v")),
];
/// The module whose look-up tables are compared with the products it makes.
const ENGINE: &str = "matmul";

/// A synthesized configuration.
#[derive(Debug, Serialize)]
pub struct Synthesis {
    name: String,
    configuration: String,
    part: &'static str,
    tool: String,
    pass: String,
    /// Ternary multiply-adds a cycle, of all rows.
    products: u64,
    /// Look-up tables of the matrix engine for each of them.
    luts_per_product: f64,
    depths: Depths,
    memories: Vec<Memory>,
    blocks: Block,
    part_has: Cost,
}

/// Synthesizes a configuration; with `output`, leaves the Verilog, the tool's log and the result as text and JSON there.
///
/// # Errors
/// One sentence: the output cannot be replaced, Yosys cannot be found, installed or run, or its netlist is not understood.
pub fn synth(config: &Config, output: Option<&Path>, progress: &Progress) -> Result<Synthesis, Error> {
    output.map(crate::folder::replaceable).transpose()?;
    let config = Config { probe: false, ..config.clone() };
    let files = crate::files(&config)?;
    let part = Part::of(&config);
    let scratch = Scratch::new(progress)?;
    let in_folder = |(name, text): (&String, &String)| {
        let folder = if name.ends_with(".v") { "rtl/" } else { "" };
        (format!("{folder}{name}"), text.clone().into_bytes())
    };
    let mut sources: BTreeMap<String, Vec<u8>> = files.iter().map(in_folder).collect();
    let mut read = sources.clone();
    for (name, made) in IN_MULTIPLIERS {
        if let (Fabric::UltraScale, Some(module)) = (part.fabric, read.get_mut(name)) {
            *module = made.into();
        }
    }
    scratch.place(&read)?;
    let yosys = tools::yosys(progress)?;
    let pass = format!("{}{}", part.fabric.synthesis(), part.fabric.without_pins());
    let script = script(&files, &pass);
    scratch.run(Command::new(&yosys).args(["-q", "-l", LOG, "-p", &script]), "synthesis", LOG)?;
    progress.say("measuring depths ...");
    let netlist = Netlist::parse(&scratch.read(&format!("{TOP}.json"))?, TOP)?;
    let depths = depths(&netlist)?;
    let blocks = Block::tree(&netlist, &depths.by_module);
    let products = u64::from(config.rows * config.lookups * config.tables * config.group);
    let luts = |block: &Block| block.cost.lut as f64 / products as f64;
    let engine = blocks.inside.iter().find(|block| block.name == ENGINE);
    let synthesis = Synthesis {
        configuration: format!("{:016x}", config.hash()),
        part: part.name,
        tool: tools::version(&yosys),
        pass,
        products,
        luts_per_product: engine.map_or(0.0, |engine| (luts(engine) * 100.0).round() / 100.0),
        memories: Memory::all(&netlist, &files),
        depths,
        blocks,
        part_has: part.has,
        name: config.name,
    };
    if let Some(output) = output {
        sources.insert(LOG.into(), scratch.read(LOG)?);
        sources.insert("summary.json".into(), synthesis.json().into_bytes());
        sources.insert("summary.md".into(), synthesis.markdown().into_bytes());
        crate::write(&sources, output)?;
    }
    Ok(synthesis)
}

impl Synthesis {
    /// All of it, for programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// All of it, for people.
    pub fn markdown(&self) -> String {
        page::markdown(self)
    }
}

fn depths(netlist: &Netlist) -> Result<Depths, Error> {
    let design = Design::new(netlist);
    Ok(Depths::new(&Timing::new(&design)?, netlist.modules.len()))
}

/// Keeps every module with registers of its own apart.
fn script(files: &BTreeMap<String, String>, pass: &str) -> String {
    let modules = files.iter().filter_map(|(name, text)| Some((name.strip_suffix(".v")?, text)));
    let clocked = modules.filter(|(_, text)| text.contains("@(posedge")).map(|(name, _)| name);
    let kept = clocked.collect::<Vec<_>>().join(" ");
    format!(
        "read_verilog rtl/*.v; setattr -mod -set keep_hierarchy 1 {kept}; {pass} -top {TOP} -json {TOP}.json"
    )
}
