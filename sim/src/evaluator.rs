//! The design in the description language's own evaluator, as a [`Device`]: no tools, any configuration at once, some
//! thousand cycles a second. For tests of many small configurations.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::blocks::axi::prefix;
use sterna_hdl::dsl::{Bits, Errors, Sim};
use sterna_hdl::top::top;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{offset, status};

/// Cycles after which a step counts as hanging.
const PATIENCE: u64 = 5_000_000;

/// What a port has been asked and not yet answered.
#[derive(Default)]
struct Port {
    prefix: String,
    /// Reads: next byte address and beats left.
    reads: VecDeque<(u64, u64)>,
    write_addresses: VecDeque<u64>,
    write_data: VecDeque<(Bits, Bits)>,
    responses: u32,
}

/// The evaluated accelerator with a memory that pauses at random.
pub struct Evaluated {
    sim: Sim,
    config: Config,
    memory: Vec<u8>,
    ports: Vec<Port>,
    rng: ChaCha8Rng,
    pause: f64,
}

impl Evaluated {
    /// Elaborates the design; `pause` is the chance that a memory channel does nothing in a cycle.
    ///
    /// # Errors
    /// What the description language finds wrong; nothing, for a legal configuration.
    pub fn new(config: &Config, seed: u64, pause: f64) -> Result<Self, Errors> {
        let mut sim = Sim::seeded(&top(config), seed)?;
        sim.reset();
        let ports =
            (0..config.ports).map(|i| Port { prefix: prefix(config, i), ..Port::default() }).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Ok(Evaluated { sim, config: config.clone(), memory: Vec::new(), ports, rng, pause })
    }

    /// Cycles since the start.
    pub fn cycle(&self) -> u64 {
        self.sim.cycle()
    }

    /// One clock cycle of design and memory.
    fn tick(&mut self) -> Result<(), DeviceError> {
        let width = u64::from(self.config.port_bytes);
        let mut plans = Vec::new();
        for port in &self.ports {
            let plan: [bool; 5] = std::array::from_fn(|_| !self.rng.random_bool(self.pause));
            let [ar, r, aw, w, b] = plan;
            let name = |signal: &str| format!("{}_{signal}", port.prefix);
            let answer = port.reads.front().copied().filter(|_| r);
            self.sim.set(&name("arready"), ar);
            self.sim.set(&name("awready"), aw);
            self.sim.set(&name("wready"), w);
            self.sim.set(&name("rvalid"), answer.is_some());
            self.sim.set(&name("bvalid"), b && port.responses > 0);
            if let Some((address, left)) = answer {
                let range = address as usize..(address + width) as usize;
                let bytes = self.memory.get(range).ok_or_else(|| outside(address, &self.memory))?;
                self.sim.set(&name("rdata"), Bits::from_bytes(8 * width as u32, bytes));
                self.sim.set(&name("rlast"), left == 1);
            }
            plans.push((ar, answer.is_some(), aw, w, b && port.responses > 0));
        }
        for (port, (ar, r, aw, w, b)) in self.ports.iter_mut().zip(plans) {
            let name = |signal: &str| format!("{}_{signal}", port.prefix);
            if ar && self.sim.is_high(&name("arvalid")) {
                let (address, beats) = (self.sim.get(&name("araddr")), self.sim.get(&name("arlen")) + 1);
                if address / 4096 != (address + beats * width - 1) / 4096 {
                    return Err(DeviceError::Other(format!("a burst at {address:#x} crosses 4 KiB")));
                }
                port.reads.push_back((address, beats));
            }
            if r && self.sim.is_high(&name("rready")) {
                let (address, left) = port.reads.pop_front().unwrap_or_default();
                if left > 1 {
                    port.reads.push_front((address + width, left - 1));
                }
            }
            if aw && self.sim.is_high(&name("awvalid")) {
                port.write_addresses.push_back(self.sim.get(&name("awaddr")));
            }
            if w && self.sim.is_high(&name("wvalid")) {
                port.write_data.push_back((self.sim.bits(&name("wdata")), self.sim.bits(&name("wstrb"))));
            }
            port.responses -= u32::from(b);
            while !port.write_addresses.is_empty() && !port.write_data.is_empty() {
                let address = port.write_addresses.pop_front().unwrap_or_default();
                let Some((data, strobes)) = port.write_data.pop_front() else { break };
                for i in (0..width as u32).filter(|&i| strobes.bit(i)) {
                    let at = address + u64::from(i);
                    let lost = outside(at, &self.memory);
                    *self.memory.get_mut(at as usize).ok_or(lost)? = data.slice(8 * i, 8).to_u64() as u8;
                }
                port.responses += 1;
            }
        }
        self.sim.tick();
        Ok(())
    }

    /// Ticks until `port` is high.
    fn until(&mut self, port: &str) -> Result<(), DeviceError> {
        let start = self.sim.cycle();
        while !self.sim.is_high(port) {
            self.tick()?;
            if self.sim.cycle() - start > PATIENCE {
                return Err(DeviceError::Timeout(PATIENCE));
            }
        }
        Ok(())
    }
}

fn outside(address: u64, memory: &[u8]) -> DeviceError {
    DeviceError::Memory { address, len: 1, size: memory.len() as u64 }
}

impl Device for Evaluated {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        self.sim.set("s_axi_araddr", at);
        self.sim.set("s_axi_arvalid", 1);
        self.until("s_axi_arready")?;
        self.tick()?;
        self.sim.set("s_axi_arvalid", 0);
        self.until("s_axi_rvalid")?;
        let value = self.sim.get("s_axi_rdata") as u32;
        self.sim.set("s_axi_rready", 1);
        self.tick()?;
        self.sim.set("s_axi_rready", 0);
        Ok(value)
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        let inputs =
            [("awaddr", at), ("awvalid", 1), ("wdata", value), ("wstrb", 15), ("wvalid", 1), ("bready", 1)];
        inputs.iter().for_each(|(port, v)| self.sim.set(&format!("s_axi_{port}"), *v));
        self.until("s_axi_awready")?;
        self.tick()?;
        ["awvalid", "wvalid"].iter().for_each(|port| self.sim.set(&format!("s_axi_{port}"), 0));
        self.until("s_axi_bvalid")?;
        self.tick()
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let range = address as usize..address as usize + bytes.len();
        bytes.copy_from_slice(self.memory.get(range).ok_or_else(|| outside(address, &self.memory))?);
        Ok(())
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let lost = outside(address, &self.memory);
        let range = address as usize..address as usize + bytes.len();
        self.memory.get_mut(range).ok_or(lost)?.copy_from_slice(bytes);
        Ok(())
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        let start = self.sim.cycle();
        while self.read_register(offset::STATUS)? & status::BUSY != 0 {
            (0..32).try_for_each(|_| self.tick())?;
            if self.sim.cycle() - start > PATIENCE {
                return Err(DeviceError::Timeout(PATIENCE));
            }
        }
        Ok(())
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.memory.resize(self.memory.len().max(bytes as usize), 0);
        Ok(())
    }
}
