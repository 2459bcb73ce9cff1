//! The table of proofs. Blocks are taken as small as their rules allow; what is around a block is free but for the rules.

mod bus;
mod queues;
mod streams;
mod units;

use std::collections::BTreeMap;

use sterna_hdl::dsl::{Module, emit};

use super::engine::How;
use super::harness::{Kind, Place, places};
use super::verilog::Port;
use crate::error::Error;

/// Which ports have rules in the harness: those not in the list are free.
#[derive(Clone, Copy, Debug)]
pub(super) enum Watch {
    /// All ports that have some.
    All,
    /// All of these kinds.
    Kinds(&'static [Kind]),
}

/// A change of the emitted text that takes the property away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mutant {
    /// What it changes, in words.
    pub says: &'static str,
    /// The module; the top if empty.
    pub module: &'static str,
    /// The text that is replaced, which must be there.
    pub from: &'static str,
    pub to: &'static str,
}

/// One line of the table.
pub(super) struct Proof {
    pub block: &'static str,
    pub property: &'static str,
    /// The emitted Verilog.
    pub files: fn() -> Result<BTreeMap<String, String>, String>,
    /// The module in it that is proved.
    pub top: &'static str,
    pub watch: Watch,
    /// Decide about paths within a cycle that the rules forbid, and nothing else.
    pub paths: bool,
    /// More Verilog in the harness.
    pub extra: fn() -> String,
    /// Invariants put into modules.
    pub inside: &'static [(&'static str, &'static str)],
    /// Numbers for `{name}` in the texts.
    pub numbers: &'static [(&'static str, u32)],
    /// Ids and depth of the AXI rules.
    pub axi: (u32, u32),
    /// Whether memories keep what is written; else what they give is free.
    pub memories: bool,
    pub how: How,
    pub mutant: Mutant,
}

impl Proof {
    /// Text of a module.
    pub fn text<'a>(&self, files: &'a BTreeMap<String, String>, module: &str) -> Result<&'a str, Error> {
        files.get(&format!("{module}.v")).map(String::as_str).ok_or_else(|| Error::Emit {
            name: self.block.into(),
            why: format!("there is no module {module}"),
        })
    }

    pub fn places(&self, ports: &[Port]) -> Vec<Place> {
        let all = places(ports);
        match self.watch {
            Watch::All => all,
            Watch::Kinds(kinds) => all.into_iter().filter(|place| kinds.contains(&place.kind)).collect(),
        }
    }

    /// The files with the mutant in them.
    pub fn mutate(&self, files: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
        let module = if self.mutant.module.is_empty() { self.top } else { self.mutant.module };
        let text = self.text(files, module)?;
        if !text.contains(self.mutant.from) {
            let why = format!("the mutant of {module} finds no '{}'", self.mutant.from);
            return Err(Error::Emit { name: self.block.into(), why });
        }
        let changed = text.replacen(self.mutant.from, self.mutant.to, 1);
        let mut files = files.clone();
        files.insert(format!("{module}.v"), changed);
        Ok(files)
    }
}

/// The emitted files of a block.
fn emitted(module: &Module) -> Result<BTreeMap<String, String>, String> {
    emit(module).map_err(|e| e.to_string())
}

/// A line with nothing special.
const PLAIN: Proof = Proof {
    block: "",
    property: "",
    files: || Ok(BTreeMap::new()),
    top: "",
    watch: Watch::All,
    paths: false,
    extra: String::new,
    inside: &[],
    numbers: &[],
    axi: (1, 2),
    memories: true,
    how: How::Prove,
    mutant: Mutant { says: "", module: "", from: "", to: "" },
};

/// All proofs.
pub(super) fn table() -> Vec<Proof> {
    [queues::proofs(), bus::proofs(), streams::proofs(), units::proofs()].into_iter().flatten().collect()
}
