//! The netlist that Yosys writes (`write_json`): modules, their cells and instances, with small numbers for wires.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::cells::{self, Role};
use crate::error::Error;
use crate::parts::Cost;

/// Notes of Yosys about dissolved modules, and constants.
const NO_CELLS: [&str; 4] = ["$scopeinfo", "GND", "VCC", "GSR"];

/// All modules, by name.
pub struct Netlist {
    pub modules: Vec<Module>,
    pub top: usize,
}

/// A module. Its wires have the numbers below `wires`.
pub struct Module {
    pub name: String,
    pub wires: usize,
    pub ports: Vec<Pin>,
    pub cells: Vec<Cell>,
    pub children: Vec<Child>,
    /// The name that the Verilog gives each wire, without the bit.
    pub names: Vec<Option<String>>,
}

/// A cell of the part.
pub struct Cell {
    pub name: String,
    /// The line of Verilog that it comes from.
    pub source: String,
    pub role: Role,
    pub cost: Cost,
    pub pins: Vec<Pin>,
    pub parameters: BTreeMap<String, String>,
}

/// An instance of another module.
pub struct Child {
    pub name: String,
    pub module: usize,
    pub pins: Vec<Pin>,
}

/// A port of a module, or what is connected to a cell; constants are no wires.
pub struct Pin {
    pub name: String,
    pub output: bool,
    pub bits: Vec<Option<u32>>,
}

#[derive(Deserialize)]
struct File {
    modules: BTreeMap<String, FileModule>,
}

#[derive(Deserialize)]
struct FileModule {
    attributes: BTreeMap<String, IgnoredAny>,
    ports: BTreeMap<String, FilePort>,
    cells: BTreeMap<String, FileCell>,
    netnames: BTreeMap<String, FileName>,
}

#[derive(Deserialize)]
struct FilePort {
    direction: String,
    bits: Vec<Bit>,
}

#[derive(Deserialize)]
struct FileCell {
    #[serde(rename = "type")]
    kind: String,
    parameters: BTreeMap<String, String>,
    attributes: BTreeMap<String, String>,
    port_directions: BTreeMap<String, String>,
    connections: BTreeMap<String, Vec<Bit>>,
}

#[derive(Deserialize)]
struct FileName {
    hide_name: u32,
    bits: Vec<Bit>,
}

/// A wire, or a constant: `"0"`, `"1"`, `"x"`, `"z"`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Bit {
    Wire(u32),
    Constant(IgnoredAny),
}

impl Bit {
    fn wire(self) -> Option<u32> {
        match self {
            Bit::Wire(wire) => Some(wire),
            Bit::Constant(_) => None,
        }
    }
}

impl Netlist {
    /// # Errors
    /// If it is not what Yosys writes, lacks `top`, or holds a cell of no known kind.
    pub fn parse(text: &[u8], top: &str) -> Result<Netlist, Error> {
        let failed = |why: String| Error::Tool { tool: "reading the netlist of Yosys".into(), why };
        let file: File = serde_json::from_slice(text).map_err(|e| failed(e.to_string()))?;
        let boxes = ["blackbox", "whitebox", "abc9_box"];
        let ours = |module: &FileModule| !boxes.iter().any(|name| module.attributes.contains_key(*name));
        let modules: BTreeMap<String, FileModule> =
            file.modules.into_iter().filter(|(_, module)| ours(module)).collect();
        let places: BTreeMap<String, usize> = modules.keys().cloned().zip(0..).collect();
        let top = *places.get(top).ok_or_else(|| failed(format!("there is no module '{top}'")))?;
        let modules = modules.into_iter().map(|(name, file)| Module::new(name, file, &places));
        Ok(Netlist { modules: modules.collect::<Result<_, _>>().map_err(failed)?, top })
    }
}

impl Module {
    fn new(name: String, file: FileModule, places: &BTreeMap<String, usize>) -> Result<Module, String> {
        let ports = file.ports.into_iter().map(|(name, port)| Pin::new(name, &port.direction, &port.bits));
        let mut module = Module {
            name,
            wires: 0,
            ports: ports.collect(),
            cells: Vec::new(),
            children: Vec::new(),
            names: Vec::new(),
        };
        for (name, cell) in file.cells.into_iter().filter(|(_, cell)| !NO_CELLS.contains(&cell.kind.as_str()))
        {
            let pin = |(name, bits): (&String, &Vec<Bit>)| {
                let direction = cell.port_directions.get(name).map_or("input", String::as_str);
                Pin::new(name.clone(), direction, bits)
            };
            let pins = cell.connections.iter().map(pin).collect();
            if let Some(&module_of) = places.get(&cell.kind) {
                module.children.push(Child { name, module: module_of, pins });
                continue;
            }
            let (role, cost) = cells::find(&cell.kind)
                .ok_or_else(|| format!("'{}' holds a cell of unknown kind, '{}'", module.name, cell.kind))?;
            let source = cell.attributes.get("src").map(|src| line(src)).unwrap_or_default();
            let parameters = if role == Role::Multiplier { cell.parameters } else { BTreeMap::new() };
            module.cells.push(Cell { name, source, role, cost, pins, parameters });
        }
        module.label(&file.netnames);
        Ok(module)
    }

    /// Counts the wires and names them: of several names the one with the fewest parts, then the shortest.
    fn label(&mut self, names: &BTreeMap<String, FileName>) {
        let pins = self.cells.iter().flat_map(|cell| &cell.pins);
        let pins = pins.chain(self.children.iter().flat_map(|child| &child.pins)).chain(&self.ports);
        let used = pins.flat_map(|pin| &pin.bits).flatten().map(|&wire| wire as usize + 1).max();
        let named = names.values().flat_map(|name| &name.bits).filter_map(|bit| bit.wire());
        self.wires = named.map(|wire| wire as usize + 1).max().max(used).unwrap_or(0);
        self.names = vec![None; self.wires];
        let rank = |name: &str| (name.matches('.').count(), name.len());
        for (name, at) in names.iter().filter(|(_, at)| at.hide_name == 0) {
            for wire in at.bits.iter().filter_map(|bit| bit.wire()) {
                let old = &mut self.names[wire as usize];
                if old.as_ref().is_none_or(|old| rank(name) < rank(old)) {
                    *old = Some(name.clone());
                }
            }
        }
    }
}

impl Pin {
    fn new(name: String, direction: &str, bits: &[Bit]) -> Pin {
        Pin { name, output: direction == "output", bits: bits.iter().map(|bit| bit.wire()).collect() }
    }
}

/// `f32_mul.v:79` of `rtl/f32_mul.v:79.29-79.66|/share/...`.
fn line(source: &str) -> String {
    let first = source.split('|').next().unwrap_or_default();
    let file = first.rsplit('/').next().unwrap_or_default();
    file.split_once(':')
        .map_or(file.into(), |(file, at)| format!("{file}:{}", at.split('.').next().unwrap_or_default()))
}
