//! Proofs about the emitted Verilog: `sterna-gen formal`.
//!
//! | file | what it does |
//! |---|---|
//! | `proofs.rs`, `proofs/` | the table: block, property, how it is decided, and a mutant that must fail |
//! | `rules/*.v` | the property sets: streams, queues, AXI4, AXI4-Lite; assumed on one side, asserted on the other |
//! | `inside/*.v` | invariants that are put into a block |
//! | `harness.rs` | the module around a block |
//! | `engine.rs` | Yosys and ABC |
//! | `report.rs` | the result as a table and as JSON |

mod engine;
mod harness;
mod proofs;
mod report;
mod verilog;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::error::Error;
use crate::scratch::Progress;
use engine::{Engine, Found, How};
use proofs::Proof;
pub use report::{Formal, Line};

/// Proves what the table says of the blocks whose name contains `block`, and refutes the mutants if `mutants`.
///
/// # Errors
/// If no block has this name or a tool is missing or fails. A proof that fails is a line of the result.
pub fn formal(block: Option<&str>, mutants: bool, progress: &Progress) -> Result<Formal, Error> {
    let table = proofs::table();
    let chosen: Vec<&Proof> =
        table.iter().filter(|proof| block.is_none_or(|name| proof.block.contains(name))).collect();
    if chosen.is_empty() {
        let names: BTreeSet<&str> = table.iter().map(|proof| proof.block).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let name = block.unwrap_or_default();
        let why = format!("there are no proofs of a block '{name}'; there are: {}", names.join("; "));
        return Err(Error::Block(why));
    }
    let engine = Engine::find()?;
    let mut lines = Vec::new();
    for proof in chosen {
        progress.say(&format!("{}: {} ...", proof.block, proof.property));
        let begin = Instant::now();
        let line = prove(&engine, proof, mutants, progress)?;
        progress.say(&format!("  {}, {} s", line.verdict(), begin.elapsed().as_secs()));
        lines.push(line);
    }
    Ok(Formal { lines })
}

/// One line of the table: the proof, and the mutant of the same Verilog.
fn prove(engine: &Engine, proof: &Proof, mutants: bool, progress: &Progress) -> Result<Line, Error> {
    let files = (proof.files)().map_err(|why| Error::Emit { name: proof.block.into(), why })?;
    let (properties, found) = decide(engine, proof, &files, proof.how, progress)?;
    let mut line = Line::new(proof, properties, found);
    if mutants {
        let broken = proof.mutate(&files)?;
        let depth = match proof.how {
            How::Bounded(cycles) => cycles,
            How::Prove => 120,
        };
        line.mutant(decide(engine, proof, &broken, How::Bounded(depth), progress)?.1);
    }
    Ok(line)
}

/// Decides one proof on these files of the block.
fn decide(
    engine: &Engine,
    proof: &Proof,
    block: &BTreeMap<String, String>,
    how: How,
    progress: &Progress,
) -> Result<(Vec<String>, Found), Error> {
    let text = proof.text(block, proof.top)?;
    let ports = verilog::ports(text);
    let chosen = proof.places(&ports);
    if proof.paths {
        let pairs: Vec<_> = chosen.iter().flat_map(harness::Place::apart).collect();
        let there = engine.paths(block, proof.top, &pairs, progress)?;
        let bad = pairs.iter().zip(there).find(|(_, there)| *there).map(|(pair, _)| pair.0.clone());
        let found = bad.map_or(Found::Proved, |property| Found::Refuted { property, cycle: 0 });
        return Ok((pairs.into_iter().map(|pair| pair.0).collect(), found));
    }
    let mut files = block.clone();
    for (module, snippet) in proof.inside {
        let name = format!("{module}.v");
        let with = verilog::insert(proof.text(block, module)?, &verilog::fill(snippet, proof.numbers));
        files.insert(name, with);
    }
    files.extend(verilog::rules());
    let extra = verilog::fill(&(proof.extra)(), proof.numbers);
    files.insert("harness.v".into(), harness::harness(proof.top, &ports, &chosen, &extra, proof.axi));
    let verdict = engine.decide(&files, how, proof.memories, progress)?;
    Ok((verdict.properties, verdict.found))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves a block and refutes its mutants.
    fn stands(block: &str) {
        let result = formal(Some(block), true, &Progress::new(|_| ())).unwrap_or_else(|e| panic!("{e}"));
        assert!(result.passes(), "{}", result.markdown());
        assert!(result.lines.iter().all(|line| line.result == "proved"), "{}", result.markdown());
    }

    #[test]
    fn a_relay_is_a_stream_and_a_queue() {
        stands("relay");
    }

    #[test]
    fn a_fifo_is_a_stream_and_a_queue() {
        stands("fifo");
    }

    #[test]
    fn every_mutant_changes_its_block() {
        for proof in proofs::table() {
            let files = (proof.files)().unwrap_or_else(|why| panic!("{}: {why}", proof.block));
            let changed = proof.mutate(&files).unwrap_or_else(|e| panic!("{e}"));
            assert_ne!(files, changed, "{}", proof.block);
        }
    }

    #[test]
    fn an_unknown_block_is_told() {
        let error = formal(Some("sprocket"), false, &Progress::new(|_| ())).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().starts_with("there are no proofs of a block 'sprocket'; there are: arbiter;")
        );
    }
}
