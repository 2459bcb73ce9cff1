//! What each block takes, with the blocks inside it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::netlist::Netlist;
use crate::parts::Cost;

/// All instances of a module inside another one.
#[derive(Debug, Serialize)]
pub struct Block {
    /// The module.
    pub name: String,
    /// How many there are in the whole design by way of this place.
    pub instances: u64,
    /// Of all of them, blocks inside included.
    #[serde(flatten)]
    pub cost: Cost,
    /// Levels of the longest way that ends in it or in a block inside it.
    pub levels: Option<u32>,
    pub inside: Vec<Block>,
}

impl Block {
    /// The tree from the top on; `levels`: of the longest way that ends in each module, those inside it aside.
    pub fn tree(netlist: &Netlist, levels: &[Option<u32>]) -> Block {
        Block::new(netlist, levels, netlist.top, 1)
    }

    fn new(netlist: &Netlist, levels: &[Option<u32>], place: usize, instances: u64) -> Block {
        let module = &netlist.modules[place];
        let mut counts = BTreeMap::new();
        for child in &module.children {
            *counts.entry(child.module).or_insert(0) += instances;
        }
        let mut inside: Vec<Block> =
            counts.into_iter().map(|(child, count)| Block::new(netlist, levels, child, count)).collect();
        inside.sort_by_key(|block| std::cmp::Reverse((block.cost.lut, block.cost.ff)));
        let own = module.cells.iter().fold(Cost::default(), |sum, cell| sum + cell.cost);
        Block {
            name: module.name.clone(),
            instances,
            cost: inside.iter().fold(own * instances, |sum, block| sum + block.cost),
            levels: inside.iter().map(|block| block.levels).fold(levels[place], Ord::max),
            inside,
        }
    }

    /// The blocks of the tree, outer ones first, with their depths in it.
    pub fn list(&self) -> Vec<(usize, &Block)> {
        let inner = |block| Block::list(block).into_iter().map(|(depth, block)| (depth + 1, block));
        [(0, self)].into_iter().chain(self.inside.iter().flat_map(inner)).collect()
    }
}
