//! Reads the counts that simulations left (VERILATED_COVERAGE) and prints which lines of the Verilog ran and which bits toggled.
//!
//! ```sh
//! VERILATED_COVERAGE=$PWD/target/coverage cargo test --package sterna-sim --test cosim
//! cargo run --package sterna-sim --example coverage -- target/coverage
//! ```
//!
//! Modules of several designs count as one if their texts are equal. Source of the format: verilator_coverage of Verilator 5
//! (`C '\x01key\x02value...' count`): points of lines and branches name the lines that they stand for, points of toggles a bit.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// A register starts with a random bit and is reset: so many changes in one simulation say nothing about what its bits are used for.
const START: u64 = 2;

/// What is counted of a module: lines and bits, and whether each was reached.
#[derive(Default)]
struct Module {
    text: String,
    lines: BTreeMap<u32, bool>,
    bits: BTreeMap<String, bool>,
}

impl Module {
    fn count(&mut self, fields: &BTreeMap<char, &str>, count: u64) {
        if fields.get(&'p').is_some_and(|page| page.starts_with("v_toggle")) {
            let bit = format!("{}:{}", fields.get(&'l').unwrap_or(&""), fields.get(&'o').unwrap_or(&""));
            *self.bits.entry(bit).or_default() |= count > START;
            return;
        }
        let mark = |seen: &mut bool| *seen |= count > 0;
        for part in fields.get(&'S').unwrap_or(&"").split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.parse(), last.parse::<u32>()) {
                (first..=last).for_each(|line| mark(self.lines.entry(line).or_default()));
            }
        }
    }
}

/// The fields of a point; those with long names by their first letter.
fn fields(point: &str) -> BTreeMap<char, &str> {
    let pairs = point.split('\u{1}').filter_map(|pair| pair.split_once('\u{2}'));
    pairs.filter_map(|(key, value)| Some((key.chars().next()?, value))).collect()
}

fn read(design: &Path, modules: &mut BTreeMap<(String, String), Module>) -> Result<(), Box<dyn Error>> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for file in fs::read_dir(design.join("src"))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        texts.insert(name, fs::read_to_string(&path)?);
    }
    for file in fs::read_dir(design)? {
        let path = file?.path();
        if path.extension().is_none_or(|end| end != "dat") {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let Some((point, count)) = line.strip_prefix("C '").and_then(|l| l.rsplit_once("' ")) else {
                continue;
            };
            let fields = fields(point);
            let name = fields.get(&'f').unwrap_or(&"").trim_start_matches("src/").to_string();
            let Some(text) = texts.get(&name) else { continue };
            let module = modules.entry((name, text.clone())).or_default();
            module.text.clone_from(text);
            module.count(&fields, count.trim().parse()?);
        }
    }
    Ok(())
}

fn share(reached: usize, all: usize) -> String {
    if all == 0 {
        "-".into()
    } else {
        format!("{reached} of {all}, {:.1} %", 100.0 * reached as f64 / all as f64)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("name the folder that VERILATED_COVERAGE named")?;
    let mut modules = BTreeMap::new();
    for design in fs::read_dir(&folder)? {
        read(&design?.path(), &mut modules)?;
    }
    println!("| module | lines | bits toggled |\n|---|---|---|");
    let (mut lines, mut bits, mut missed) = ([0; 2], [0; 2], String::new());
    for ((name, _), module) in &modules {
        let of = |all: usize, reached: usize, sum: &mut [usize; 2]| {
            *sum = [sum[0] + reached, sum[1] + all];
            share(reached, all)
        };
        let reached = |hits: &mut dyn Iterator<Item = &bool>| hits.filter(|hit| **hit).count();
        let line_share = of(module.lines.len(), reached(&mut module.lines.values()), &mut lines);
        let bit_share = of(module.bits.len(), reached(&mut module.bits.values()), &mut bits);
        println!("| {name} | {line_share} | {bit_share} |");
        for (line, _) in module.lines.iter().filter(|(_, hit)| !**hit) {
            let text = module.text.lines().nth(*line as usize - 1).unwrap_or_default().trim();
            missed += &format!("{name}:{line}: {text}\n");
        }
    }
    println!("| all | {} | {} |", share(lines[0], lines[1]), share(bits[0], bits[1]));
    println!("\nLines that never ran:\n\n{}", if missed.is_empty() { "none\n".into() } else { missed });
    Ok(())
}
