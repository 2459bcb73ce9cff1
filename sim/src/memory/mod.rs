//! Memory behind AXI4 ports, cycle by cycle: one store of bytes, the limits of a [`Profile`], and the rules of AXI.
//!
//! ```text
//!   port 0: AR ─► bursts ─► latency ─┐           ┌─► R
//!           AW, W ─► write buffer ───┼─► DRAM ◄──┼─► B
//!   port 1: ...                      ┘  (shared) └─► ...
//! ```
//!
//! In each cycle the memory decides what it drives from its own state, then takes what the masters' pins and its own agree on. A read
//! beat is fetched when it is offered; a written beat reaches the store when it leaves the write buffer, before its response and not
//! when it is accepted: a read that does not wait for the response may see old data, as on a board.

mod axi;
mod dram;
mod port;
mod store;

use std::fmt;
use std::ops::Range;

use sterna_spec::device::DeviceError;
use thiserror::Error;

pub use axi::{Address, DECERR, Data, MAX_BYTES, Master, OKAY, ReadBeat, Slave, WriteBeat};

use dram::Dram;
use port::Port;
use sterna_spec::profile::Profile;
use store::Store;

/// Probability of a pause on each channel in each cycle, in 256ths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the channels of AXI
pub struct Stalls {
    pub ar: u8,
    pub r: u8,
    pub aw: u8,
    pub w: u8,
    pub b: u8,
}

impl Stalls {
    /// No pauses.
    pub const NONE: Stalls = Stalls::all(0);

    /// The same probability on all channels.
    pub const fn all(p: u8) -> Stalls {
        Stalls { ar: p, r: p, aw: p, w: p, b: p }
    }
}

/// What a port carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written (strobed).
    pub write_bytes: u64,
    /// Cycles with a read or a write in progress.
    pub busy_cycles: u64,
}

/// A rule of AXI that a master broke.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("AXI rule broken on port {port}, channel {channel}, in cycle {cycle}: {rule}")]
pub struct Fault {
    /// Port.
    pub port: usize,
    /// AR, AW or W.
    pub channel: &'static str,
    /// Cycle, as given to [`Memory::cycle`].
    pub cycle: u64,
    /// What was wrong.
    pub rule: String,
}

/// Memory behind AXI4 ports.
#[derive(Clone)]
pub struct Memory {
    profile: Profile,
    store: Store,
    dram: Dram,
    ports: Vec<Port>,
}

impl Memory {
    /// Empty memory behind `ports` ports of `port_bytes` bytes (at most [`MAX_BYTES`]); pauses come from `seed`.
    pub fn new(ports: usize, port_bytes: usize, profile: Profile, stalls: Stalls, seed: u64) -> Self {
        let dram = Dram::new(&profile, ports, port_bytes);
        let port = |i| Port::new(i, port_bytes, stalls, seed);
        Memory { profile, store: Store::default(), dram, ports: (0..ports).map(port).collect() }
    }

    /// Bytes of memory.
    pub fn len(&self) -> u64 {
        self.store.bytes.len() as u64
    }

    /// Whether there is no memory yet.
    pub fn is_empty(&self) -> bool {
        self.store.bytes.is_empty()
    }

    /// Makes at least `bytes` bytes available; new ones are zero.
    ///
    /// # Errors
    /// If this machine cannot provide them.
    pub fn grow(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.store.grow(bytes)
    }

    /// Reads behind the ports' back.
    ///
    /// # Errors
    /// If the range lies outside.
    pub fn read(&self, address: u64, out: &mut [u8]) -> Result<(), DeviceError> {
        let range = self.range(address, out.len())?;
        out.copy_from_slice(&self.store.bytes[range]);
        Ok(())
    }

    /// Writes behind the ports' back.
    ///
    /// # Errors
    /// If the range lies outside.
    pub fn write(&mut self, address: u64, data: &[u8]) -> Result<(), DeviceError> {
        let range = self.range(address, data.len())?;
        self.store.bytes[range].copy_from_slice(data);
        Ok(())
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.store.bytes
    }

    fn range(&self, address: u64, len: usize) -> Result<Range<usize>, DeviceError> {
        let outside = DeviceError::Memory { address, len, size: self.len() };
        self.store.range(address, len).ok_or(outside)
    }

    /// Lets ports write here; until the first call they may write everywhere.
    pub fn allow_writes(&mut self, region: Range<u64>) {
        self.store.writable.push(region);
    }

    /// Refuses accesses here: they are answered with DECERR, as those beyond the end.
    pub fn refuse(&mut self, region: Range<u64>) {
        self.store.refused.push(region);
    }

    /// Ends what [`Memory::refuse`] began.
    pub fn serve_all(&mut self) {
        self.store.refused.clear();
    }

    /// From now on a port takes and answers nothing.
    pub fn stop_port(&mut self, port: usize) {
        self.ports[port].stopped = true;
    }

    /// Forgets all accesses in progress; contents stay.
    pub fn reset(&mut self) {
        self.ports.iter_mut().for_each(Port::reset);
    }

    /// What the ports have taken and not answered, in words.
    pub fn owes(&self) -> String {
        let all: Vec<String> = self.ports.iter().filter_map(Port::owes).collect();
        if all.is_empty() { "memory owes it nothing".into() } else { all.join(", ") }
    }

    /// What each port carried.
    pub fn traffic(&self) -> impl Iterator<Item = Traffic> {
        self.ports.iter().map(|port| port.traffic)
    }

    /// Nothing is in progress on any port.
    pub fn idle(&self) -> bool {
        self.ports.iter().all(Port::idle)
    }

    /// One cycle, number `now`: `masters` are the pins that the masters drive in it, `slaves` becomes what the memory
    /// drives. Both are sampled by the clock edge that ends the cycle.
    ///
    /// # Errors
    /// The first rule of AXI that a master breaks.
    pub fn cycle(&mut self, now: u64, masters: &[Master], slaves: &mut [Slave]) -> Result<(), Fault> {
        let reads = self.ports.iter().any(|port| port.wants_read(now));
        let writes = self.ports.iter().any(Port::wants_write);
        self.dram.begin(now, reads, writes);
        let count = self.ports.len();
        // a different port goes first in each cycle
        for i in 0..count {
            let i = (i + now as usize) % count;
            let percent = self.percent(i);
            self.ports[i].offer(now, &self.profile, &mut self.store, &mut self.dram, percent);
        }
        for (port, (master, slave)) in self.ports.iter_mut().zip(masters.iter().zip(slaves)) {
            *slave = port.slave;
            port.accept(now, &self.profile, &self.store, master)?;
        }
        Ok(())
    }

    /// Price of a read beat of port `i` in percent: more when others read at the same offset modulo 64 KiB.
    fn percent(&self, i: usize) -> u64 {
        let others = self.ports.len() as u64 - 1;
        if self.profile.conflict_percent == 0 || others == 0 {
            return 100;
        }
        let Some(mine) = self.ports[i].reading() else { return 100 };
        let near = |at: u64| {
            let distance = (at.wrapping_sub(mine)) % 65536;
            !(4096..=65536 - 4096).contains(&distance)
        };
        let same = |(j, port): &(usize, &Port)| *j != i && port.reading().is_some_and(near);
        let same = self.ports.iter().enumerate().filter(same).count() as u64;
        100 + u64::from(self.profile.conflict_percent) * same / others
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.ports.len();
        f.debug_struct("Memory").field("profile", &self.profile.name).field("ports", &ports).finish()
    }
}

#[cfg(test)]
mod tests;
