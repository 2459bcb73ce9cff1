//! A synthesized configuration as a page of Markdown, its tables aligned.

use std::fmt::Write;

use sterna_spec::config::PRESETS;

use super::Synthesis;
use super::blocks::Block;
use super::paths::Place;
use crate::parts::Cost;

/// Levels that a path may have for 250 MHz on UltraScale+.
const LEVELS: usize = 8;

/// What TeLLMe v2 takes of the XCK26, as its paper says, which does not tell how many look-up tables are memory.
const TELLME: (&str, Cost) = (
    "TeLLMe v2, published",
    Cost { lut: 98_303, lut_memory: 0, ff: 136_721, dsp: 610, bram18: 197, uram: 60 },
);

pub(super) fn markdown(s: &Synthesis) -> String {
    let mut text = format!("# `{}` on the {}, synthesized\n\n", s.name, s.part);
    let what = if PRESETS.contains(&s.name.as_str()) { &s.name } else { "FILE.toml" };
    let _ = write!(
        text,
        "Configuration {}, made by\n\n```sh\nsterna-gen synth {what} -o DIR\n```\n\n",
        s.configuration
    );
    let _ = write!(
        text,
        "with {}, `{}`. Modules with registers are mapped apart, once each, and counted\nonce for each instance; \
         the others are dissolved in them. Nothing is placed or routed.\n\n",
        s.tool, s.pass
    );
    text + &blocks(s) + &engine(s) + &depths(s) + &memories(s)
}

fn blocks(s: &Synthesis) -> String {
    let head = ["block", "instances", "LUT", "of these memory", "FF", "DSP", "BRAM36", "URAM", "levels"];
    let row = |name: String, instances: String, cells: [String; 6], levels: String| {
        [name, instances].into_iter().chain(cells).chain([levels]).collect::<Vec<_>>()
    };
    let block = |(depth, block): (usize, &Block)| {
        let levels = block.levels.map(|levels| levels.to_string()).unwrap_or_default();
        let name = format!("{}{}", "· ".repeat(depth), block.name);
        row(name, block.instances.to_string(), counts(&block.cost), levels)
    };
    let mut rows: Vec<Vec<String>> = s.blocks.list().into_iter().map(block).collect();
    let other = |name: &str, cells: [String; 6]| row(name.into(), String::new(), cells, String::new());
    rows.push(other(&format!("{} has", s.part), counts(&s.part_has)));
    rows.push(other("share of the part", shares(&s.blocks.cost, &s.part_has)));
    if s.part == "XCK26" {
        let mut cells = counts(&TELLME.1);
        cells[1].clear();
        rows.push(other(TELLME.0, cells));
    }
    let note = "\nLUT: small functions are not paired in one look-up table, and registers are not drawn into multipliers and block memories, \
                as a\nvendor's tool does.\n";
    table(&head, &rows) + note
}

fn counts(cost: &Cost) -> [String; 6] {
    let [lut, memory, ff, dsp, uram] =
        [cost.lut, cost.lut_memory, cost.ff, cost.dsp, cost.uram].map(thousands);
    [lut, memory, ff, dsp, halves(cost.bram18), uram]
}

fn shares(used: &Cost, of: &Cost) -> [String; 6] {
    let share = |used: u64, of: u64| match of {
        0 => String::new(),
        _ => format!("{:.0} %", 100.0 * used as f64 / of as f64),
    };
    [
        share(used.lut, of.lut),
        share(used.lut_memory, of.lut_memory),
        share(used.ff, of.ff),
        share(used.dsp, of.dsp),
        share(used.bram18, of.bram18),
        share(used.uram, of.uram),
    ]
}

fn engine(s: &Synthesis) -> String {
    format!(
        "\nThe matrix engine takes {:.2} LUT for each of its {} ternary multiply-adds a cycle.\n",
        s.luts_per_product,
        thousands(s.products)
    )
}

fn depths(s: &Synthesis) -> String {
    let (all, beyond) = s.depths.beyond(LEVELS);
    let mut text = format!(
        "\n## Depths\n\nA level is a look-up table, a carry chain, a multiplier or the read of a look-up table memory; multiplexers inside a slice are none.\n\
         {} of {} register inputs that depend on registers lie behind more than {LEVELS} levels.\n\n",
        thousands(beyond),
        thousands(all)
    );
    let counts = s.depths.ends.iter().enumerate().filter(|(_, count)| **count > 0);
    let rows: Vec<Vec<String>> =
        counts.map(|(levels, count)| vec![levels.to_string(), thousands(*count)]).collect();
    text += &table(&["levels", "register inputs"], &rows);
    text += "\nThe deepest, those between the same signals as one (numbers in names aside):\n\n";
    let place = |place: &Place| format!("{}: `{}`", place.block, place.signal);
    let row = |path: &super::paths::Path| {
        let counts = [path.levels, path.lut, path.carry, path.multiplier, path.mux].map(|n| n.to_string());
        let ends = [place(&path.from), place(&path.to), thousands(path.ends)];
        counts.into_iter().chain(ends).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = s.depths.worst.iter().map(row).collect();
    text + &table(&["levels", "LUT", "carry", "DSP", "mux", "from", "to", "inputs"], &rows)
}

fn memories(s: &Synthesis) -> String {
    let mut rows = Vec::new();
    let instances = |name: &str| {
        s.blocks.list().iter().filter(|(_, block)| block.name == name).map(|(_, b)| b.instances).sum::<u64>()
    };
    for memory in &s.memories {
        let name = if memory.alike > 1 {
            format!("{} and {} alike", memory.name, memory.alike - 1)
        } else {
            memory.name.clone()
        };
        let cells = match memory.became {
            "LUTRAM" => format!("{} LUT", memory.cost.lut),
            "BRAM" => format!("{} BRAM36", halves(memory.cost.bram18)),
            "URAM" => format!("{} URAM", memory.cost.uram),
            _ => String::new(),
        };
        rows.push(vec![
            memory.block.clone(),
            instances(&memory.block).to_string(),
            name,
            format!("{} x {}", memory.depth, memory.width),
            memory.asked.clone(),
            format!("{}{}", memory.became, if memory.as_asked() { "" } else { ", not as asked" }),
            cells,
            memory.fill().map(|fill| format!("{fill} %")).unwrap_or_default(),
        ]);
    }
    let head = ["block", "instances", "memory", "words x bits", "asked", "became", "each", "bits used"];
    let odd = s.memories.iter().filter(|memory| !memory.as_asked()).count();
    let verdict = if odd == 0 {
        "Every memory became what the Verilog asks for.".into()
    } else {
        format!("{odd} did not become what the Verilog asks for.")
    };
    format!("\n## Memories\n\n{verdict}\n\n") + &table(&head, &rows)
}

/// An aligned table; numbers to the right.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let number = |cell: &String| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit());
    let right: Vec<bool> = (0..head.len()).map(|i| rows.iter().all(|row| number(&row[i]))).collect();
    let size = |cell: &str| cell.chars().count();
    let wide = |i: usize| rows.iter().map(|row| size(&row[i])).chain([size(head[i])]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(wide).collect();
    let line = |cells: Vec<String>| {
        let cell = |(i, cell): (usize, String)| {
            let width = widths[i];
            if right[i] { format!(" {cell:>width$} |") } else { format!(" {cell:<width$} |") }
        };
        format!("|{}\n", cells.into_iter().enumerate().map(cell).collect::<String>())
    };
    let rule = (0..head.len()).map(|i| match right[i] {
        true => format!("{}:|", "-".repeat(widths[i] + 1)),
        false => format!("{}|", "-".repeat(widths[i] + 2)),
    });
    let head = line(head.iter().map(ToString::to_string).collect());
    head + &format!("|{}\n", rule.collect::<String>())
        + &rows.iter().map(|row| line(row.clone())).collect::<String>()
}

/// `117,120`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Block memories of 36 kbit from halves: `98.5`.
fn halves(n: u64) -> String {
    if n.is_multiple_of(2) { thousands(n / 2) } else { format!("{}.5", thousands(n / 2)) }
}
