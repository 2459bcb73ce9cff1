//! Which memory became what: those of the emitted Verilog, found again among the cells by their names.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cells::Role;
use super::netlist::Netlist;
use crate::parts::Cost;

/// Memories of a block that are alike.
#[derive(Debug, PartialEq, Serialize)]
pub struct Memory {
    pub block: String,
    /// The first one's name.
    pub name: String,
    /// How many there are in one instance of the block.
    pub alike: u64,
    pub width: u64,
    pub depth: u64,
    /// What the Verilog asks for: `distributed`, `block`, `ultra`; or nothing.
    pub asked: String,
    /// `LUTRAM`, `BRAM`, `URAM`, or `registers or logic`.
    pub became: &'static str,
    /// Of one memory.
    #[serde(flatten)]
    pub cost: Cost,
}

/// Bits of a block memory's half, and of a memory of 288 kbit.
const BRAM18: u64 = 18_432;
const URAM: u64 = 294_912;

impl Memory {
    /// Whether it became what the Verilog asks for.
    pub fn as_asked(&self) -> bool {
        let asked = [("distributed", "LUTRAM"), ("block", "BRAM"), ("ultra", "URAM")];
        asked.iter().all(|(asked, became)| *asked != self.asked || *became == self.became)
    }

    /// Bits in use of a hundred that its memory blocks have; nothing for other memories.
    pub fn fill(&self) -> Option<u64> {
        let capacity = self.cost.bram18 * BRAM18 + self.cost.uram * URAM;
        (100 * self.width * self.depth).checked_div(capacity)
    }

    /// Those of all modules that are in the netlist, the largest first. Tables of constants that became logic are left out.
    pub fn all(netlist: &Netlist, verilog: &BTreeMap<String, String>) -> Vec<Memory> {
        let mut all: Vec<Memory> = Vec::new();
        for module in &netlist.modules {
            let mut costs: BTreeMap<&str, Cost> = BTreeMap::new();
            for cell in
                module.cells.iter().filter(|cell| [Role::LutMemory, Role::Memory].contains(&cell.role))
            {
                let name = cell.name.split('.').next().unwrap_or_default();
                *costs.entry(name).or_default() += cell.cost;
            }
            let text = verilog.get(&format!("{}.v", module.name)).map_or("", String::as_str);
            for (asked, width, depth, name) in declared(text) {
                let cost = costs.get(name).copied().unwrap_or_default();
                let became = match cost {
                    Cost { uram: 1.., .. } => "URAM",
                    Cost { bram18: 1.., .. } => "BRAM",
                    Cost { lut: 1.., .. } => "LUTRAM",
                    _ => "registers or logic",
                };
                let (asked, block, name) = (asked.to_string(), module.name.clone(), name.to_string());
                let found = Memory { block, name, alike: 1, width, depth, asked, became, cost };
                match all.iter_mut().find(|memory| memory.is_like(&found)) {
                    Some(memory) => memory.alike += 1,
                    None if became == "registers or logic" && found.asked.is_empty() => {}
                    None => all.push(found),
                }
            }
        }
        all.sort_by_key(|memory| std::cmp::Reverse(memory.alike * memory.width * memory.depth));
        all
    }

    fn is_like(&self, other: &Memory) -> bool {
        let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_string();
        stem(&self.name) == stem(&other.name)
            && (&self.block, self.width, self.depth, self.cost)
                == (&other.block, other.width, other.depth, other.cost)
    }
}

/// What is asked for, width, depth and name of the memories in a text such as
/// `(* ram_style = "block" *) reg [31:0] name [0:511];`.
fn declared(text: &str) -> impl Iterator<Item = (&str, u64, u64, &str)> {
    let mut asked = "";
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some((_, style)) = line.split_once("ram_style = \"") {
            asked = style.split('"').next().unwrap_or_default();
        }
        let (name, depth) = line.strip_prefix("reg ")?.strip_suffix("];")?.split_once(" [0:")?;
        let (width, name) = match name.strip_prefix('[') {
            Some(wide) => {
                let (high, name) = wide.split_once(":0] ")?;
                (high.parse::<u64>().ok()? + 1, name)
            }
            None => (1, name),
        };
        Some((std::mem::take(&mut asked), width, depth.parse::<u64>().ok()? + 1, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read() {
        let text = "    reg [7:0] plain;\n    (* ram_style = \"block\", no_rw_check *)\n    reg [31:0] tokens [0:511];\n    reg one [0:7];\n";
        assert_eq!(declared(text).collect::<Vec<_>>(), [("block", 32, 512, "tokens"), ("", 1, 8, "one")]);
    }
}
