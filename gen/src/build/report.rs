//! The report of nextpnr (`--report`), as far as it is needed, and its names made readable.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Error;

/// The whole of it.
#[derive(Deserialize)]
pub(super) struct Report {
    pub fmax: BTreeMap<String, Fmax>,
    pub utilization: BTreeMap<String, Cells>,
    #[serde(default)]
    pub critical_paths: Vec<CriticalPath>,
}

/// MHz of a clock.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Fmax {
    pub achieved: f64,
    pub constraint: f64,
}

/// Cells of one kind.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Cells {
    pub used: u64,
    pub available: u64,
}

/// The worst path from one clock to another.
#[derive(Deserialize)]
pub(super) struct CriticalPath {
    pub from: String,
    pub to: String,
    pub path: Vec<Step>,
}

/// A part of a path: through a cell, or along a net to the next one.
#[derive(Deserialize)]
pub(super) struct Step {
    /// Nanoseconds.
    pub delay: f64,
    #[serde(rename = "type")]
    pub kind: String,
    pub from: Place,
    pub to: Place,
}

/// Where a part of a path begins or ends.
#[derive(Deserialize)]
pub(super) struct Place {
    pub cell: String,
}

impl Report {
    /// # Errors
    /// If it is not what nextpnr writes.
    pub fn parse(text: &[u8]) -> Result<Report, Error> {
        let why = |e: serde_json::Error| Error::Tool {
            tool: "reading the report of nextpnr".into(),
            why: e.to_string(),
        };
        serde_json::from_slice(text).map_err(why)
    }
}

/// A clock's name without what nextpnr puts around it: `posedge $glbnet$clock` is `clock`.
pub(super) fn clock(name: &str) -> String {
    let name = name.trim_start_matches("posedge ").trim_start_matches("negedge ");
    let name = if name.contains("async") { "outside" } else { name };
    name.trim_start_matches("$glbnet$").to_string()
}

/// A cell's name without what synthesis and packing appended to that of the signal that it makes.
pub(super) fn signal(cell: &str) -> String {
    const KINDS: [&str; 14] = [
        "_LUT4",
        "_TRELLIS",
        "_CCU2C",
        "_PFUMX",
        "_L6MUX",
        "_MULT18",
        "_DP16KD",
        "_PDPW16KD",
        "_DFF",
        "_ALU",
        "_MUX2",
        "_RAM16",
        "_SDPX",
        "$",
    ];
    let cut = KINDS.iter().filter_map(|kind| cell.find(kind)).filter(|at| *at > 0).min();
    cell[..cut.unwrap_or(cell.len())].to_string()
}
