//! Compares the model of resources with a synthesis: `cargo run -p sterna-gen --example area -- CONFIGURATION SUMMARY.json`, where the
//! second is what `sterna-gen synth CONFIGURATION --json` printed. With `--units` it prints what weights are fitted to.

use std::collections::BTreeMap;

use serde_json::Value;
use sterna_gen::area::Area;

/// Own cells of one instance of each module.
fn own(block: &Value, all: &mut BTreeMap<String, BTreeMap<String, f64>>) {
    let instances = block["instances"].as_f64().unwrap_or(1.0);
    let mut cells = BTreeMap::new();
    for key in ["lut", "lut_memory", "ff", "dsp", "bram18", "uram"] {
        let number = |block: &Value| block[key].as_f64().unwrap_or(0.0);
        let inside: f64 = block["inside"].as_array().into_iter().flatten().map(number).sum();
        cells.insert(key.to_string(), (number(block) - inside) / instances);
    }
    all.insert(block["name"].as_str().unwrap_or_default().into(), cells);
    block["inside"].as_array().into_iter().flatten().for_each(|inside| own(inside, all));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, summary, rest @ ..] = &arguments[..] else {
        return Err("usage: area CONFIGURATION SUMMARY.json [--units]".into());
    };
    let area = Area::new(&sterna_gen::configuration(config)?);
    let summary: Value = serde_json::from_slice(&std::fs::read(summary)?)?;
    let mut real = BTreeMap::new();
    own(&summary["blocks"], &mut real);
    if rest.iter().any(|word| word == "--units") {
        let blocks: Vec<Value> = area
            .blocks
            .iter()
            .map(|block| serde_json::json!({"name": block.name, "units": block.logic, "own": block.own, "real": real.get(&block.name)}))
            .collect();
        println!("{}", serde_json::to_string(&blocks)?);
        return Ok(());
    }
    println!("{:<52} {:>14} {:>14} {:>8} {:>8}", "of one instance alone", "LUT", "FF", "DSP", "BRAM18");
    for block in &area.blocks {
        let Some(real) = real.get(&block.name) else { continue };
        let pair = |mine: u64, key: &str| format!("{mine}/{:.0}", real[key]);
        println!(
            "{:<52} {:>14} {:>14} {:>8} {:>8}",
            block.name,
            pair(block.own.lut, "lut"),
            pair(block.own.ff, "ff"),
            pair(block.own.dsp, "dsp"),
            pair(block.own.bram18, "bram18")
        );
    }
    let whole = |key: &str| summary["blocks"][key].as_f64().unwrap_or(0.0);
    let cost = area.cost;
    for (name, mine, key) in [
        ("LUT", cost.lut, "lut"),
        ("FF", cost.ff, "ff"),
        ("DSP", cost.dsp, "dsp"),
        ("BRAM18", cost.bram18, "bram18"),
        ("URAM", cost.uram, "uram"),
    ] {
        let error = 100.0 * (mine as f64 / whole(key).max(1.0) - 1.0);
        println!("{name:<8} predicted {mine:>8}, synthesized {:>8.0}: {error:+.1} %", whole(key));
    }
    Ok(())
}
