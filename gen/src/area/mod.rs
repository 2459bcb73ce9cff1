//! A model of resources: what a configuration takes of a part, from the modules themselves, in milliseconds a module.
//!
//! Registers, multipliers and memories follow from what is declared. Look-up tables are a weighted count of operators
//! ([`Kind`]); the weights are the only fitted numbers, one for each kind, and stand in [`WEIGHTS`].

mod memory;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sterna_hdl::dsl::{Census, Kind, Module, census};
use sterna_hdl::top::top;
use sterna_spec::config::Config;

use crate::parts::{Cost, Fabric, Part};

/// Look-up tables of six inputs for a unit of each kind of logic: least squares over the modules of syntheses by Yosys 0.70; see
/// `docs/results/model.md`.
pub const WEIGHTS: [(Kind, f64); 10] = [
    (Kind::Add, 0.87),
    (Kind::Less, 0.37),
    (Kind::Equal, 0.24),
    (Kind::Mux, 0.94),
    (Kind::Select, 0.40),
    (Kind::Logic, 0.41),
    // its inputs share the tables of what they come from
    (Kind::Reduce, 0.0),
    (Kind::Shift, 0.36),
    (Kind::Load, 0.36),
    // 64 bits a table
    (Kind::Constant, 0.0156),
];

/// A module's share, with those inside.
#[derive(Clone, Debug, Serialize)]
pub struct Block {
    /// The module.
    pub name: String,
    /// Of one instance, blocks inside included.
    #[serde(flatten)]
    pub cost: Cost,
    /// Units of logic by kind, of its own.
    pub logic: BTreeMap<String, u64>,
    /// Of its own alone.
    pub own: Cost,
}

/// What a configuration takes, and each of its modules.
#[derive(Clone, Debug, Serialize)]
pub struct Area {
    /// In all.
    pub cost: Cost,
    /// Every module once, inner ones first.
    pub blocks: Vec<Block>,
}

impl Area {
    /// Counts a configuration for the part of the board whose memory it names.
    pub fn new(config: &Config) -> Area {
        let config = Config { probe: false, ..config.clone() };
        Area::of(&top(&config), Part::of(&config).fabric)
    }

    /// Counts a module and those inside.
    pub(crate) fn of(module: &Module, fabric: Fabric) -> Area {
        let mut tally = Tally { fabric, known: HashMap::new(), blocks: Vec::new() };
        Area { cost: tally.module(module), blocks: tally.blocks }
    }
}

struct Tally {
    fabric: Fabric,
    /// By address: the modules of a design live as long as its top.
    known: HashMap<*const Module, Cost>,
    blocks: Vec<Block>,
}

impl Tally {
    fn module(&mut self, module: &Module) -> Cost {
        if let Some(cost) = self.known.get(&std::ptr::from_ref(module)) {
            return *cost;
        }
        let census = census(module);
        let own = own(self.fabric, &census);
        let cost = census.inside.iter().fold(own, |sum, inside| sum + self.module(inside));
        self.known.insert(module, cost);
        let logic = census.logic.iter().map(|(kind, units)| (format!("{kind:?}"), *units)).collect();
        self.blocks.push(Block { name: module.name(), cost, logic, own });
        cost
    }
}

/// What a module takes without those inside.
fn own(fabric: Fabric, census: &Census) -> Cost {
    if census.dsp && fabric == Fabric::UltraScale {
        return Cost { dsp: 1, ..Cost::default() };
    }
    let weight = |kind: &Kind| WEIGHTS.iter().find(|(of, _)| of == kind).map_or(0.0, |(_, weight)| *weight);
    let logic: f64 = census.logic.iter().map(|(kind, units)| weight(kind) * *units as f64).sum();
    let (shifted, chains) = match fabric {
        Fabric::UltraScale => (census.chained, census.chains),
        Fabric::Ecp5 | Fabric::Gowin => (0, 0),
    };
    let products = census.products.iter().map(|product| multipliers(fabric, *product)).sum();
    let cost = Cost {
        lut: (logic * four_inputs(fabric)).round() as u64 + chains,
        lut_memory: chains,
        ff: census.registers - shifted,
        dsp: products,
        ..Cost::default()
    };
    census.memories.iter().fold(cost, |sum, store| sum + memory::cost(fabric, store))
}

/// Look-up tables of four inputs, with those of carry chains, for one of six.
fn four_inputs(fabric: Fabric) -> f64 {
    match fabric {
        Fabric::UltraScale => 1.0,
        Fabric::Ecp5 | Fabric::Gowin => 1.5,
    }
}

/// Bits of the largest product that becomes logic.
const SMALL_PRODUCT: u32 = 9;

/// Multipliers of a product: as many as there are parts of the operands that one takes.
fn multipliers(fabric: Fabric, (a, b, signed): (u32, u32, bool)) -> u64 {
    let (long, short) = (a.max(b), a.min(b));
    let (most, other) = match fabric {
        Fabric::UltraScale => (27, 18),
        Fabric::Ecp5 | Fabric::Gowin => (18, 18),
    };
    let sign = u32::from(!signed);
    let parts =
        |width: u32, most: u32| if width <= most - sign { 1 } else { u64::from(width.div_ceil(most - 1)) };
    if long + short <= SMALL_PRODUCT { 0 } else { parts(long, most) * parts(short, other) }
}
