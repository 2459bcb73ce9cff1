//! The depth of logic: for each register the longest way to it from another one, through all modules.
//!
//! ```text
//!   register ─► cell ─► cell ─► cell ─► register
//!       0        1       2       3         3 levels; across the ports of modules as if these were not there
//! ```
//!
//! Wires are numbered through: each instance has the wires of its module behind a base, and a port makes two of them one.

use super::cells::Role;
use super::netlist::{Cell, Module, Netlist, Pin};
use crate::error::Error;

/// A module in its place.
pub struct Instance {
    /// Names of the instances from the top to here, joined with dots.
    pub path: String,
    pub module: usize,
    base: u32,
}

/// Every instance, and which wires are one.
pub struct Design<'n> {
    netlist: &'n Netlist,
    pub instances: Vec<Instance>,
    /// Towards the wire that stands for all that are one.
    same: Vec<u32>,
    driver: Vec<Option<Driver>>,
}

/// Which bit of which cell makes a wire.
#[derive(Clone, Copy)]
struct Driver {
    instance: u32,
    cell: u32,
    pin: u16,
    bit: u16,
}

/// The longest way to a wire from a register.
#[derive(Clone, Copy)]
struct Arrival {
    levels: u32,
    /// The wire before; none behind the register.
    before: Option<u32>,
}

/// The way to a register.
pub struct End {
    pub levels: u32,
    /// Place of the register's instance, and of it in the module.
    pub instance: usize,
    pub cell: usize,
    wire: u32,
}

/// A way from register to register.
pub struct Way {
    /// The first register's instance and cell.
    pub from: (usize, usize),
    /// Levels of each role.
    pub lut: u32,
    pub carry: u32,
    pub multiplier: u32,
    /// Multiplexers that are no levels.
    pub mux: u32,
    /// Names of the wires, without repetition.
    pub through: Vec<String>,
}

impl<'n> Design<'n> {
    /// Puts every instance in its place.
    pub fn new(netlist: &'n Netlist) -> Design<'n> {
        let mut design = Design { netlist, instances: Vec::new(), same: Vec::new(), driver: Vec::new() };
        design.place(netlist.top, String::new());
        design.driver = vec![None; design.same.len()];
        for at in 0..design.instances.len() {
            design.drive(at);
        }
        design
    }

    fn place(&mut self, module: usize, path: String) -> u32 {
        let netlist = self.netlist;
        let this = &netlist.modules[module];
        let base = self.same.len() as u32;
        self.same.extend(base..base + this.wires as u32);
        let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
        self.instances.push(Instance { path, module, base });
        for child in &this.children {
            let inner = self.place(child.module, format!("{prefix}{}", child.name));
            for pin in &child.pins {
                let ports = &netlist.modules[child.module].ports;
                let port = ports.iter().find(|port| port.name == pin.name);
                let bits = port.map(|port| port.bits.iter().zip(&pin.bits));
                for (inside, outside) in bits.into_iter().flatten() {
                    if let (Some(inside), Some(outside)) = (inside, outside) {
                        let (a, b) = (self.root(inner + inside), self.root(base + outside));
                        self.same[a as usize] = b;
                    }
                }
            }
        }
        base
    }

    fn root(&self, mut wire: u32) -> u32 {
        while self.same[wire as usize] != wire {
            wire = self.same[wire as usize];
        }
        wire
    }

    fn drive(&mut self, at: usize) {
        let Instance { module, base, .. } = self.instances[at];
        for (place, cell) in self.netlist.modules[module].cells.iter().enumerate() {
            for (pin, wires) in cell.pins.iter().enumerate().filter(|(_, pin)| pin.output) {
                for (bit, wire) in wires.bits.iter().enumerate() {
                    if let Some(wire) = wire {
                        let root = self.root(base + wire);
                        self.driver[root as usize] = Some(Driver {
                            instance: at as u32,
                            cell: place as u32,
                            pin: pin as u16,
                            bit: bit as u16,
                        });
                    }
                }
            }
        }
    }

    pub fn module(&self, instance: usize) -> &'n Module {
        &self.netlist.modules[self.instances[instance].module]
    }

    fn driver(&self, wire: u32) -> Option<(&'n Cell, Driver)> {
        let driver = self.driver[wire as usize]?;
        Some((&self.module(driver.instance as usize).cells[driver.cell as usize], driver))
    }

    /// Calls `each` with every wire that a wire depends on within the cycle, and the levels between them.
    fn sources(&self, wire: u32, mut each: impl FnMut(u32, u32)) {
        let Some((cell, driver)) = self.driver(wire) else { return };
        let (base, output) = (self.instances[driver.instance as usize].base, &cell.pins[driver.pin as usize]);
        for input in cell.pins.iter().filter(|pin| !pin.output) {
            for (i, bit) in input.bits.iter().enumerate() {
                let Some(bit) = bit.filter(|_| cell.through(input, i, output, driver.bit as usize)) else {
                    continue;
                };
                let source = self.root(base + bit);
                each(source, cell.levels(input, self.carries(source)));
            }
        }
    }

    /// Whether a wire is the carry out of a cell.
    fn carries(&self, wire: u32) -> bool {
        self.driver(wire).is_some_and(|(cell, driver)| {
            cell.role == Role::Carry && cell.pins[driver.pin as usize].name.starts_with("CO")
        })
    }
}

/// The longest ways, by wire.
pub struct Timing<'d, 'n> {
    pub design: &'d Design<'n>,
    arrivals: Vec<Option<Arrival>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

impl<'d, 'n> Timing<'d, 'n> {
    /// # Errors
    /// If logic depends on itself within a cycle.
    pub fn new(design: &'d Design<'n>) -> Result<Timing<'d, 'n>, Error> {
        let count = design.same.len();
        let mut timing = Timing { design, arrivals: vec![None; count] };
        let mut visits = vec![Visit::New; count];
        let mut stack = Vec::new();
        for wire in 0..count as u32 {
            stack.push(design.root(wire));
            while let Some(&top) = stack.last() {
                let visit = visits[top as usize];
                if visit == Visit::New {
                    visits[top as usize] = Visit::Open;
                    let mut looped = false;
                    design.sources(top, |source, _| match visits[source as usize] {
                        Visit::New => stack.push(source),
                        Visit::Open => looped = true,
                        Visit::Done => {}
                    });
                    if looped {
                        return Err(timing.cycle(top));
                    }
                    continue;
                }
                if visit == Visit::Open {
                    visits[top as usize] = Visit::Done;
                    timing.arrivals[top as usize] = timing.arrive(top);
                }
                stack.pop();
            }
        }
        Ok(timing)
    }

    fn arrive(&self, wire: u32) -> Option<Arrival> {
        let begins = self.design.driver(wire).and_then(|(cell, _)| cell.begins());
        let mut longest = begins.map(|levels| Arrival { levels, before: None });
        self.design.sources(wire, |source, levels| {
            if let Some(arrival) = self.arrivals[source as usize] {
                let levels = arrival.levels + levels;
                if longest.is_none_or(|longest| levels > longest.levels) {
                    longest = Some(Arrival { levels, before: Some(source) });
                }
            }
        });
        longest
    }

    fn cycle(&self, wire: u32) -> Error {
        let at = self.design.driver(wire).map_or("", |(cell, _)| &cell.source);
        Error::Tool { tool: "measuring depths".into(), why: format!("logic depends on itself at {at}") }
    }

    /// Calls `each` with every input of a register that depends on a register.
    pub fn ends(&self, mut each: impl FnMut(End)) {
        for (instance, Instance { base, .. }) in self.design.instances.iter().enumerate() {
            for (place, cell) in self.design.module(instance).cells.iter().enumerate() {
                let inputs = cell.pins.iter().filter(|pin| !pin.output);
                let inputs = inputs.filter_map(|pin: &Pin| Some((pin, cell.ends(pin)?)));
                for (pin, inside) in inputs {
                    for wire in pin.bits.iter().flatten().map(|bit| self.design.root(base + bit)) {
                        if let Some(arrival) = self.arrivals[wire as usize] {
                            each(End { levels: arrival.levels + inside, instance, cell: place, wire });
                        }
                    }
                }
            }
        }
    }

    /// The register in which the longest way to an end begins: its instance and cell.
    pub fn start(&self, end: &End) -> (usize, usize) {
        let mut wire = end.wire;
        while let Some(before) = self.arrivals[wire as usize].and_then(|arrival| arrival.before) {
            wire = before;
        }
        self.design.driver[wire as usize]
            .map_or((end.instance, end.cell), |driver| (driver.instance as usize, driver.cell as usize))
    }

    /// The longest way to an end.
    pub fn way(&self, end: &End) -> Way {
        let mut way =
            Way { from: self.start(end), lut: 0, carry: 0, multiplier: 0, mux: 0, through: Vec::new() };
        let mut at = Some(end.wire);
        let mut behind = end.levels;
        while let Some(wire) = at {
            let Some((arrival, (cell, driver))) = self.arrivals[wire as usize].zip(self.design.driver(wire))
            else {
                break;
            };
            way.multiplier += behind - arrival.levels; // inside the register's own cell
            let before = arrival.before.and_then(|wire| self.arrivals[wire as usize]);
            behind = before.map_or(0, |before| before.levels);
            let levels = arrival.levels - behind;
            match cell.role {
                Role::Mux => way.mux += 1,
                Role::Carry => way.carry += levels,
                Role::Multiplier => way.multiplier += levels,
                _ => way.lut += levels,
            }
            let bit = cell.pins[driver.pin as usize].bits[driver.bit as usize];
            let name =
                bit.and_then(|bit| self.design.module(driver.instance as usize).names[bit as usize].clone());
            way.through.extend(name.filter(|name| way.through.last() != Some(name)));
            at = arrival.before;
        }
        way.through.reverse();
        way
    }
}
