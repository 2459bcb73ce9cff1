//! The core as a block: ports, the Verilog behind them, and how it behaves in rust-hdl's simulator.

use rust_hdl_core::prelude::*;
use sterna_hdl::blocks::axi::prefix;
use sterna_hdl::dsl::{self, Module, emit};
use sterna_hdl::top::{TOP, top};
use sterna_spec::config::Config;

use crate::axi::{LiteSlave, Master};
use crate::error::Error;
use crate::pin::Pin;

/// A generated core. `ADDRESS`: bits of an address, `DATA`: bits of a beat of one master, `STROBES`: `DATA / 8`, `PORTS`: masters.
///
/// Any number of cores of one configuration may be in a design; two configurations in one design would define modules of the same
/// names.
#[derive(LogicBlock)]
pub struct Core<const ADDRESS: usize, const DATA: usize, const STROBES: usize, const PORTS: usize> {
    /// The clock.
    pub aclk: Signal<In, Clock>,
    /// Reset, synchronous, active low.
    pub aresetn: Signal<In, Bit>,
    /// The registers.
    pub s_axi: LiteSlave,
    /// The masters.
    pub m_axi: [Master<ADDRESS, DATA, STROBES>; PORTS],
    /// High while a step has ended or failed, if enabled.
    pub irq: Signal<Out, Bit>,
    // rust-hdl takes fields without an underscore for hardware
    _config: Config,
    _instance: String,
    _verilog: String,
    _model: Option<dsl::Sim>,
}

impl<const ADDRESS: usize, const DATA: usize, const STROBES: usize, const PORTS: usize>
    Core<ADDRESS, DATA, STROBES, PORTS>
{
    /// The core of a configuration, without the probe of lockstep simulation.
    ///
    /// # Errors
    /// If the configuration is not legal, or its ports are not those of this type.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let config = Config { probe: false, ..config.clone() };
        let problems = config.check();
        if !problems.is_empty() {
            return Err(Error::Config { name: config.name, why: problems.join("; ") });
        }
        let (bytes, given) = (config.port_bytes as usize, [ADDRESS, DATA, STROBES, PORTS]);
        let needed = [config.address_bits as usize, 8 * bytes, bytes, config.ports as usize];
        if given != needed {
            return Err(Error::Ports { name: config.name, needed, given });
        }
        let module = top(&config);
        let emitted =
            emit(&module).map_err(|why| Error::Emit { name: config.name.clone(), why: why.to_string() });
        let files = emitted?;
        Ok(Core {
            aclk: Signal::default(),
            aresetn: Signal::default(),
            s_axi: LiteSlave::default(),
            m_axi: std::array::from_fn(|_| Master::default()),
            irq: Signal::default(),
            _instance: instance(&config, &module),
            _verilog: once(&config, &files.into_values().collect::<String>()),
            _config: config,
            _model: None,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self._config
    }

    /// Every signal but the clock, with the name of its port in the core's Verilog.
    fn pins(&mut self) -> Vec<(String, &mut dyn Pin)> {
        let mut all: Vec<(String, &mut dyn Pin)> =
            vec![("aresetn".into(), &mut self.aresetn), ("irq".into(), &mut self.irq)];
        let lite = self.s_axi.pins().into_iter();
        all.extend(lite.map(|(name, pin)| (format!("s_axi_{name}"), pin)));
        for (i, master) in (0..).zip(&mut self.m_axi) {
            let prefix = prefix(&self._config, i);
            all.extend(master.pins().into_iter().map(|(name, pin)| (format!("{prefix}_{name}"), pin)));
        }
        all
    }
}

/// The instance in the module that rust-hdl makes for the block, whose ports are named `s_axi$araddr` and `m_axi$0$araddr`.
fn instance(config: &Config, module: &Module) -> String {
    let mut buses = vec![("s_axi".to_string(), "s_axi".to_string())];
    buses.extend((0..config.ports).map(|i| (prefix(config, i), format!("m_axi${i}"))));
    let outside = |port: &str| {
        let within = |(bus, name): &(String, String)| {
            port.strip_prefix(bus)?.strip_prefix('_').map(|signal| format!("{name}${signal}"))
        };
        buses.iter().find_map(within).unwrap_or_else(|| port.into())
    };
    let mut names = vec!["aclk".to_string(), "aresetn".to_string()];
    names.extend(module.ports().into_iter().map(|port| port.name));
    let pins: Vec<_> = names.iter().map(|name| format!("    .{name}({})", outside(name))).collect();
    format!("{TOP} core (\n{}\n);", pins.join(",\n"))
}

/// Text that may stand in a design more than once and counts once.
fn once(config: &Config, text: &str) -> String {
    let guard = format!("STERNA_{:016X}", config.hash());
    format!("`ifndef {guard}\n`define {guard}\n\n{text}\n`endif\n")
}

impl<const ADDRESS: usize, const DATA: usize, const STROBES: usize, const PORTS: usize> Logic
    for Core<ADDRESS, DATA, STROBES, PORTS>
{
    /// Runs the description language's evaluator; it starts as after a reset.
    fn update(&mut self) {
        let rises = self.aclk.pos_edge();
        let known = self._model.take();
        let first = known.is_none();
        let mut stale = rises || first;
        // the design was emitted, so it has no faults
        let Some(mut sim) = known.or_else(|| dsl::Sim::new(&top(&self._config)).ok()) else { return };
        let mut pins = self.pins();
        for (port, pin) in &pins {
            stale |= pin.send(&mut sim, port, first);
        }
        if rises {
            sim.tick();
        }
        if stale {
            pins.iter_mut().for_each(|(port, pin)| pin.receive(&mut sim, port));
        }
        self._model = Some(sim);
    }

    fn connect(&mut self) {
        self.pins().into_iter().for_each(|(_, pin)| pin.drive());
    }

    fn hdl(&self) -> Verilog {
        Verilog::Wrapper(Wrapper { code: self._instance.clone(), cores: self._verilog.clone() })
    }
}

#[cfg(test)]
mod tests {
    use sterna_spec::registers::{ID, offset};

    use super::*;

    type Tiny = Core<32, 64, 8, 1>;

    fn tiny() -> Config {
        Config::preset("tiny").unwrap()
    }

    #[test]
    fn other_ports_are_refused() {
        let wrong = Core::<32, 64, 8, 2>::new(&tiny()).err().unwrap();
        insta::assert_snapshot!(wrong, @"the ports of 'tiny' are those of Core<32, 64, 8, 1>, not of Core<32, 64, 8, 2>; write the first");
        let illegal = Tiny::new(&Config { lanes: 3, ..tiny() }).err().unwrap();
        insta::assert_snapshot!(illegal, @"'tiny' is not a legal configuration: lanes is 3; it must be a power of two");
    }

    #[test]
    fn registers_answer_in_the_simulator() {
        let mut simulation = Simulation::new();
        simulation.add_clock(5, |core: &mut Box<Tiny>| core.aclk.next = !core.aclk.val());
        simulation.add_testbench(|mut sim: Sim<Tiny>| {
            let mut core = sim.init()?;
            core.s_axi.araddr.next = offset::ID.to_bits();
            core.s_axi.arvalid.next = true;
            core.s_axi.rready.next = true;
            for _ in 0..20 {
                wait_clock_cycle!(sim, aclk, core);
                sim_assert!(sim, !core.s_axi.rvalid.val(), core); // in reset
            }
            core.aresetn.next = true;
            core = sim.watch(|core| core.s_axi.rvalid.val(), core)?;
            sim_assert_eq!(sim, core.s_axi.rdata.val().to_u32(), ID, core);
            sim.done(core)
        });
        let mut core = Tiny::new(&tiny()).unwrap();
        core.connect_all();
        simulation.run(Box::new(core), 10_000).unwrap();
    }
}
