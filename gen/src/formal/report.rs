//! The result of the proofs, as a table and as JSON.

use serde::Serialize;

use super::engine::Found;
use super::proofs::Proof;

/// One proof and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Name of the block.
    pub block: String,
    /// What is proved, in words.
    pub property: String,
    /// `proved`, `holds`, or `FAILS`.
    pub result: String,
    /// Cycles after reset for which it was shown; none if for all.
    pub depth: Option<u32>,
    /// The asserted properties by name; of one that fails, only that.
    pub properties: Vec<String>,
    /// What the mutant changes.
    pub mutant: String,
    /// The property that the mutant breaks, and in which cycle; none if there was none to see or it was not asked for.
    pub refuted: Option<(String, u32)>,
    /// Whether the mutant was tried.
    pub tried: bool,
}

impl Line {
    pub(super) fn new(proof: &Proof, properties: Vec<String>, found: Found) -> Line {
        let (result, depth, properties) = match found {
            Found::Proved => ("proved", None, properties),
            Found::Holds(cycles) => ("holds", Some(cycles), properties),
            Found::Refuted { property, cycle } => ("FAILS", Some(cycle), vec![property]),
        };
        Line {
            block: proof.block.into(),
            property: proof.property.into(),
            result: result.into(),
            depth,
            properties,
            mutant: proof.mutant.says.into(),
            refuted: None,
            tried: false,
        }
    }

    pub(super) fn mutant(&mut self, found: Found) {
        self.tried = true;
        if let Found::Refuted { property, cycle } = found {
            self.refuted = Some((property, cycle));
        }
    }

    /// Whether the block has the property and, if it was tried, its mutant has not.
    pub fn passes(&self) -> bool {
        self.result != "FAILS" && (!self.tried || self.refuted.is_some())
    }

    pub(super) fn verdict(&self) -> String {
        let failed = if self.result == "FAILS" { self.properties.join(", ") } else { String::new() };
        format!("{} {} {failed}", self.result, self.depth_text()).trim().into()
    }

    fn depth_text(&self) -> String {
        self.depth.map_or("all".into(), |cycles| cycles.to_string())
    }

    fn refuted_text(&self) -> String {
        match &self.refuted {
            Some((property, cycle)) => format!("{property} in cycle {cycle}"),
            None if self.tried => "SURVIVES".into(),
            None => String::new(),
        }
    }
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub struct Formal {
    /// In the order of the table.
    pub lines: Vec<Line>,
}

impl Formal {
    /// Whether every proof stands and every mutant that was tried falls.
    pub fn passes(&self) -> bool {
        self.lines.iter().all(Line::passes)
    }

    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// As an aligned Markdown table.
    pub fn markdown(&self) -> String {
        let head = ["block", "property", "assertions", "result", "cycles", "mutant", "which breaks"];
        let row = |line: &Line| {
            [
                line.block.clone(),
                line.property.clone(),
                line.properties.len().to_string(),
                line.result.clone(),
                line.depth_text(),
                line.mutant.clone(),
                line.refuted_text(),
            ]
        };
        let rows: Vec<[String; 7]> =
            [head.map(String::from)].into_iter().chain(self.lines.iter().map(row)).collect();
        let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let print = |row: &[String; 7]| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
        let rule = format!("|-{}-|\n", rule.join("-|-"));
        print(&rows[0]) + &rule + &rows[1..].iter().map(print).collect::<String>()
    }
}
