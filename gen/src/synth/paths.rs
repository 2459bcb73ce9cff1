//! The longest ways from register to register, those alike as one.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};

use serde::Serialize;

use super::netlist::{Cell, Module};
use super::timing::{Design, End, Timing};

/// Rows of the table of ways.
const WORST: usize = 24;

/// Ways between the same two signals of the same two blocks, numbers in their names aside.
#[derive(Debug, Serialize)]
pub struct Path {
    pub levels: u32,
    pub lut: u32,
    pub carry: u32,
    pub multiplier: u32,
    /// Multiplexers on the way that are no levels.
    pub mux: u32,
    pub from: Place,
    pub to: Place,
    /// Register inputs at which such a way ends.
    pub ends: u64,
    /// Named signals on the way of the worst one, from that of the first register on.
    pub through: Vec<String>,
}

/// A signal.
#[derive(Debug, Serialize)]
pub struct Place {
    /// The module.
    pub block: String,
    /// Names of instances from the top on.
    pub instance: String,
    pub signal: String,
}

/// The depths of a design.
#[derive(Debug, Serialize)]
pub struct Depths {
    /// How many register inputs have each number of levels.
    pub ends: Vec<u64>,
    pub worst: Vec<Path>,
    /// Of the longest way that ends in each module of the netlist.
    #[serde(skip)]
    pub by_module: Vec<Option<u32>>,
}

/// Module and signal without numbers, of both ends.
type Key = (usize, String, usize, String);

impl Depths {
    pub fn new(timing: &Timing, modules: usize) -> Depths {
        let design = timing.design;
        let mut depths = Depths { ends: Vec::new(), worst: Vec::new(), by_module: vec![None; modules] };
        let mut keys = HashMap::new();
        let mut groups: BTreeMap<Key, (End, u64)> = BTreeMap::new();
        timing.ends(|end| {
            let levels = end.levels as usize;
            depths.ends.resize(depths.ends.len().max(levels + 1), 0);
            depths.ends[levels] += 1;
            let deepest = &mut depths.by_module[design.instances[end.instance].module];
            *deepest = (*deepest).max(Some(end.levels));
            let mut kind = |(instance, cell): (usize, usize)| {
                let module = design.instances[instance].module;
                let name = keys.entry((module, cell)).or_insert_with(|| stem(design, instance, cell));
                (module, name.clone())
            };
            let (from, to) = (kind(timing.start(&end)), kind((end.instance, end.cell)));
            match groups.entry((from.0, from.1, to.0, to.1)) {
                Entry::Vacant(entry) => {
                    entry.insert((end, 1));
                }
                Entry::Occupied(mut entry) => {
                    let (worst, count) = entry.get_mut();
                    *count += 1;
                    if end.levels > worst.levels {
                        *worst = end;
                    }
                }
            }
        });
        let mut groups: Vec<(End, u64)> = groups.into_values().collect();
        groups.sort_by_key(|(end, count)| std::cmp::Reverse((end.levels, *count)));
        depths.worst =
            groups.into_iter().take(WORST).map(|(end, ends)| Path::new(timing, &end, ends)).collect();
        depths
    }

    /// Register inputs, and of these the ones with more levels than `most`.
    pub fn beyond(&self, most: usize) -> (u64, u64) {
        (self.ends.iter().sum(), self.ends.iter().skip(most + 1).sum())
    }
}

impl Path {
    fn new(timing: &Timing, end: &End, ends: u64) -> Path {
        let way = timing.way(end);
        let place = |(instance, cell): (usize, usize)| Place {
            block: timing.design.module(instance).name.clone(),
            instance: timing.design.instances[instance].path.clone(),
            signal: signal(timing.design.module(instance), &timing.design.module(instance).cells[cell]),
        };
        Path {
            levels: end.levels,
            lut: way.lut,
            carry: way.carry,
            multiplier: way.multiplier,
            mux: way.mux,
            from: place(way.from),
            to: place((end.instance, end.cell)),
            ends,
            through: way.through,
        }
    }
}

fn stem(design: &Design, instance: usize, cell: usize) -> String {
    let module = design.module(instance);
    signal(module, &module.cells[cell]).replace(|c: char| c.is_ascii_digit(), "")
}

/// What a register is called: its memory, or the signal that it makes, or the line of Verilog where it is.
fn signal(module: &Module, cell: &Cell) -> String {
    let memory = cell.name.split_once('.').filter(|(name, _)| !name.starts_with('$'));
    let output = cell.pins.iter().filter(|pin| pin.output).flat_map(|pin| &pin.bits).flatten();
    let named = output.filter_map(|&bit| module.names[bit as usize].as_ref()).next();
    match (memory, named) {
        (Some((memory, _)), _) => memory.into(),
        (None, Some(named)) => named.clone(),
        (None, None) => cell.source.clone(),
    }
}
