//! The Verilog of a configuration as a device.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{self, COUNTERS, offset, status};
use verilated::{Design, Format, Init, Model, Port, Source};

use crate::activity::{Activity, ActivityPins};
use crate::memory::{Master, Memory, Slave, Stalls};
use crate::passages::{self, Passages};
use crate::pins::{LitePins, MasterPins};
use crate::probe::{Observed, Probe};
use sterna_spec::profile::Profile;

/// Cycles that reset is held.
const RESET_CYCLES: u64 = 16;
/// Cycles between two looks at STATUS while a step runs. Reading it does not touch the step.
const POLL: u32 = 64;
/// Cycles over which a stuck device is watched.
const LOOK: u32 = 256;

/// A waveform of a window of cycles.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// Cycles, counted from the start of the model, reset included; half open.
    pub cycles: Range<u64>,
}

/// How to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of initial register and memory values and of the pauses of memory.
    pub seed: u64,
    /// Memory profile; `None`: the configuration's.
    pub profile: Option<Profile>,
    /// Random pauses of memory.
    pub stalls: Stalls,
    /// A waveform.
    pub trace: Option<Trace>,
    /// Cycles without traffic on any AXI4 port after which a running step is given up.
    pub watchdog: u64,
    /// Also check in every cycle that no output of the AXI4 masters depends on their inputs in the same cycle (IHI 0022, A3.1). It
    /// costs no measurable time: the model would propagate the inputs in any case.
    pub strict: bool,
    /// Where to keep what every cycle was spent on; the configuration needs `probe` for that.
    pub activity: Option<Arc<Mutex<Activity>>>,
    /// How the Verilog is built; clock, trace and initial values are set here.
    pub build: verilated::Options,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 0,
            profile: None,
            stalls: Stalls::NONE,
            trace: None,
            watchdog: 1_000_000,
            strict: true,
            activity: None,
            build: verilated::Options::default(),
        }
    }
}

/// The generated Verilog of a configuration, simulated. Implements [`Device`].
pub struct SimDevice {
    config: Config,
    pub(crate) model: Model,
    pub(crate) lite: LitePins,
    pins: Vec<MasterPins>,
    masters: Vec<Master>,
    slaves: Vec<Slave>,
    memory: Memory,
    irq: Port,
    probe: Option<Probe>,
    passages: Option<Passages>,
    /// Somebody takes what passes.
    watched: bool,
    activity: Option<(ActivityPins, Arc<Mutex<Activity>>)>,
    strict: bool,
    watchdog: u64,
    /// Cycle of the last beat or address on any port.
    last_traffic: u64,
    /// Why the device can no longer be used.
    broken: Option<String>,
}

pub(crate) fn failed(error: verilated::Error) -> DeviceError {
    DeviceError::Other(error.to_string())
}

impl SimDevice {
    /// Elaborates, emits and builds a configuration, and resets it.
    ///
    /// # Errors
    /// If the configuration is not legal, the build fails, or a trace cannot be written.
    pub fn new(config: &Config, options: &Options) -> Result<Self, DeviceError> {
        let problems = config.check();
        if !problems.is_empty() {
            return Err(DeviceError::Other(problems.join("; ")));
        }
        let files = sterna_hdl::emit(config).map_err(|e| DeviceError::Other(e.to_string()))?;
        let verilog = files.into_iter().filter(|(name, _)| name.ends_with(".v"));
        let source = verilog.fold(Source::new("sterna"), |source, (name, text)| source.file(name, text));
        SimDevice::from_source(config, &source, options)
    }

    /// Simulates other Verilog with the ports of a configuration's top.
    ///
    /// # Errors
    /// As [`SimDevice::new`].
    pub fn from_source(config: &Config, source: &Source, options: &Options) -> Result<Self, DeviceError> {
        let profile = match &options.profile {
            Some(profile) => profile.clone(),
            None => Profile::of(config).map_err(DeviceError::Other)?,
        };
        let build = verilated::Options {
            clock: Some("aclk".into()),
            trace: options.trace.as_ref().map(|trace| trace.format),
            ..options.build.clone()
        };
        let design = Design::build(source, &build).map_err(failed)?;
        let mut model = design.model(Init::Random(options.seed)).map_err(failed)?;
        if let Some(trace) = &options.trace {
            model.trace(&trace.path, trace.format, trace.cycles.clone()).map_err(failed)?;
        }
        let ports = config.ports as usize;
        let pins = (0..config.ports).map(|i| MasterPins::new(&model, config, i)).collect::<Result<_, _>>();
        let probe = config.probe.then(|| Probe::new(&model, config)).transpose();
        let passages = config.probe.then(|| Passages::new(&model)).transpose();
        let activity = options.activity.clone().filter(|_| config.probe);
        let activity = activity.map(|kept| ActivityPins::new(&model).map(|pins| (pins, kept))).transpose();
        let mut device = SimDevice {
            config: config.clone(),
            lite: LitePins::new(&model).map_err(failed)?,
            irq: model.port("irq").map_err(failed)?,
            pins: pins.map_err(failed)?,
            masters: vec![Master::default(); ports],
            slaves: vec![Slave::default(); ports],
            memory: Memory::new(ports, config.port_bytes as usize, profile, options.stalls, options.seed),
            probe: probe.map_err(failed)?,
            passages: passages.map_err(failed)?,
            watched: false,
            activity: activity.map_err(failed)?,
            strict: options.strict,
            watchdog: options.watchdog,
            last_traffic: 0,
            broken: None,
            model,
        };
        device.reset()?;
        Ok(device)
    }

    /// Holds reset for some cycles, at whatever moment. Registers are as after power-up then; memory keeps its contents.
    ///
    /// # Errors
    /// If a port is active in reset.
    pub fn reset(&mut self) -> Result<(), DeviceError> {
        self.memory.reset();
        self.masters.fill(Master::default());
        self.slaves.fill(Slave::default());
        for (pins, slave) in self.pins.iter_mut().zip(&self.slaves) {
            pins.drive(&mut self.model, slave).map_err(failed)?;
        }
        let reset = self.model.port("aresetn").map_err(failed)?;
        self.model.set(reset, 0).map_err(failed)?;
        self.model.tick(RESET_CYCLES).map_err(failed)?;
        for (port, pins) in self.pins.iter().enumerate() {
            let master = pins.sample(&self.model).map_err(failed)?;
            if master.ar.is_some() || master.aw.is_some() || master.w.is_some() {
                return Err(self.fail(format!("AXI rule broken on port {port}: VALID is high in reset")));
            }
        }
        self.model.set(reset, 1).map_err(failed)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Cycles since the start of the model, reset included.
    pub fn cycles(&self) -> u64 {
        self.model.cycle()
    }

    /// The value of a port that is not one of the core's, in Verilog given to [`SimDevice::from_source`].
    ///
    /// # Errors
    /// If there is no such port.
    pub fn output(&self, name: &str) -> Result<u64, DeviceError> {
        Ok(self.model.get(self.model.port(name).map_err(failed)?))
    }

    /// Sets an input that is none of the core's, in Verilog given to [`SimDevice::from_source`], and resets the device.
    ///
    /// # Errors
    /// If there is no such input, or a rule of AXI is broken in reset.
    pub fn set_input(&mut self, name: &str, value: u64) -> Result<(), DeviceError> {
        let port = self.model.port(name).map_err(failed)?;
        self.model.set(port, value).map_err(failed)?;
        self.reset()
    }

    /// Sets an input and lets outputs follow: for a host that does with the register port what [`Device`] does not.
    ///
    /// # Errors
    /// If there is no such input.
    pub fn set_pin(&mut self, name: &str, value: u64) -> Result<(), DeviceError> {
        let port = self.model.port(name).map_err(failed)?;
        self.model.set(port, value).map_err(failed)?;
        self.settle()
    }

    /// The memory: traffic, contents, regions that may be written.
    pub fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// What the observation port said since the last call; empty without `probe`.
    pub(crate) fn observed(&mut self) -> Observed {
        self.probe.as_mut().map(Probe::take).unwrap_or_default()
    }

    /// From now on keeps what passes from block to block, for [`SimDevice::passed`].
    pub(crate) fn watch(&mut self) {
        self.watched = true;
    }

    /// What passed from block to block since the last call; nothing without `probe`.
    pub(crate) fn passed(&mut self) -> passages::All {
        self.passages.as_mut().map(Passages::take).unwrap_or_default()
    }

    /// Runs cycles in which the host does nothing.
    ///
    /// # Errors
    /// If a rule of AXI is broken or the model stops.
    pub fn run(&mut self, cycles: u64) -> Result<(), DeviceError> {
        self.usable()?;
        (0..cycles).try_for_each(|_| self.cycle())
    }

    /// Remembers that nothing more can be had from this device.
    pub(crate) fn fail(&mut self, message: String) -> DeviceError {
        self.model.trace_end();
        self.broken = Some(message.clone());
        DeviceError::Other(message)
    }

    /// The cause that a stuck device counts, and what memory owes it.
    fn who_waits(&mut self) -> Result<String, DeviceError> {
        let counters = |device: &mut Self| -> Result<Vec<u32>, DeviceError> {
            let at = |i: usize| offset::COUNTER + 4 * i as u32;
            (0..COUNTERS.len()).map(|i| device.bus_read(at(i))).collect()
        };
        let before = counters(self)?;
        (0..LOOK).try_for_each(|_| self.cycle())?;
        let after = counters(self)?;
        let more = |i: &usize| after[*i].wrapping_sub(before[*i]);
        let causes = COUNTERS.iter().position(|(name, _)| *name == "FETCH").unwrap_or(0)..COUNTERS.len();
        let cause = causes.max_by_key(more).filter(|i| more(i) > 0);
        let cause = cause.map_or("it counts no cause".into(), |i| {
            format!("it counts {} ({})", COUNTERS[i].0, COUNTERS[i].1)
        });
        Ok(format!("{cause}, {}", self.memory.owes()))
    }

    fn usable(&self) -> Result<(), DeviceError> {
        self.broken.clone().map_or(Ok(()), |message| Err(DeviceError::Other(message)))
    }

    /// Makes outputs follow changed inputs before the clock edge.
    pub(crate) fn settle(&mut self) -> Result<(), DeviceError> {
        self.model.eval().map_err(failed)
    }

    /// One cycle: memory sees the masters' pins and answers, then the clock rises.
    pub(crate) fn cycle(&mut self) -> Result<(), DeviceError> {
        let now = self.model.cycle();
        for (pins, master) in self.pins.iter().zip(&mut self.masters) {
            *master = pins.sample(&self.model).map_err(failed)?;
        }
        if let Err(fault) = self.memory.cycle(now, &self.masters, &mut self.slaves) {
            return Err(self.fail(fault.to_string()));
        }
        for (pins, slave) in self.pins.iter_mut().zip(&self.slaves) {
            pins.drive(&mut self.model, slave).map_err(failed)?;
        }
        // what is offered and never taken is no traffic
        if self.slaves.iter().zip(&self.masters).any(|(slave, master)| slave.moves(master)) {
            self.last_traffic = now;
        }
        if self.strict {
            self.check_paths()?;
        }
        if let Err(error) = self.model.tick(1) {
            return Err(self.fail(error.to_string()));
        }
        if let Some((pins, kept)) = &mut self.activity {
            pins.sample(&self.model, &self.memory, kept);
        }
        if let Some(probe) = &mut self.probe {
            probe.sample(&self.model, now + 1).map_err(failed)?;
        }
        if let Some(passages) = self.passages.as_mut().filter(|_| self.watched) {
            passages.sample(&self.model, now + 1).map_err(failed)?;
        }
        Ok(())
    }

    fn check_paths(&mut self) -> Result<(), DeviceError> {
        self.settle()?;
        for (port, pins) in self.pins.iter().enumerate() {
            let settled = pins.sample(&self.model).map_err(failed)?;
            if settled != self.masters[port] {
                let cycle = self.model.cycle();
                return Err(self.fail(format!(
                    "AXI rule broken on port {port} in cycle {cycle}: an output depends on an input of the same cycle"
                )));
            }
        }
        Ok(())
    }

    fn check_register(at: u32) -> Result<(), DeviceError> {
        if at.is_multiple_of(4) && at < registers::SPACE { Ok(()) } else { Err(DeviceError::Register(at)) }
    }
}

impl Device for SimDevice {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        self.usable()?;
        SimDevice::check_register(at)?;
        self.bus_read(at)
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.usable()?;
        SimDevice::check_register(at)?;
        if let Some((_, kept)) = self.activity.as_ref().filter(|_| at == offset::PROGRAM_BASE) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).set_program(value);
        }
        self.bus_write(at, value)
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.memory.read(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.memory.write(address, bytes)
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        self.usable()?;
        self.last_traffic = self.model.cycle();
        while self.bus_read(offset::STATUS)? & status::BUSY != 0 {
            for _ in 0..POLL {
                // with interrupts enabled, the end shows at once
                if self.model.get(self.irq) != 0 {
                    break;
                }
                self.cycle()?;
            }
            let silent = self.model.cycle() - self.last_traffic;
            if silent > self.watchdog {
                let (cycle, limit) = (self.model.cycle(), self.watchdog);
                let waits = self.who_waits()?;
                return Err(self.fail(format!(
                    "the device has been busy without memory traffic for more than {limit} cycles (watchdog, in cycle {cycle}): \
                     {waits}; trace the cycles from {} on to see why",
                    self.last_traffic
                )));
            }
        }
        Ok(())
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.memory.grow(bytes)
    }

    fn allow_writes(&mut self, region: Range<u64>) {
        self.memory.allow_writes(region);
    }
}
