//! The serial bridge of `docs/serial.md`: UARTBone on a serial line, the core's registers and memory behind it.
//!
//! ```text
//!   rx ─► line ─► request ─► access ─┬─► core: AXI4-Lite master `core_*`
//!   tx ◄─      ◄─         ◄─         ├─► memory: AXI4 master `mem_*`, CRC of ranges
//!         bytes     accesses         ├── registers
//!                            ▲       └─► stage: staging area
//!                            └─ replay ──┘
//! ```
//!
//! With a slow clock the three CRC units are one, and registers that only cut paths are left out.
//!
//! One request is executed after the other, word by word. Parameters: [`Board`], `port_bytes`, `address_bits`. Ports: `rx`, `tx`,
//! `core_*`, `mem_*`.

mod access;
mod beats;
mod core;
mod crc;
mod line;
mod memory;
mod range;
mod registers;
mod request;
mod stage;

use crate::dsl::{Module, cat_lsb, u};
use sterna_spec::bridge::{BRIDGE, MOST_MEMORY, STAGE, STAGE_WORDS, TIMEOUTS_A_SECOND};
use sterna_spec::config::Config;
use sterna_spec::registers::SPACE;

/// What the bridge knows of its board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// The clock of the design.
    pub clock_hz: u32,
    /// Cycles of a bit on the line.
    pub bit_cycles: u32,
    /// Size of the memory, a multiple of 4096, at most 1 GiB.
    pub memory_bytes: u32,
}

/// Bits of a counter of cycles whose highest bit is a heartbeat.
pub const HEARTBEAT: u32 = 26;

/// The bridge; with a slow clock it has an output `heartbeat`.
pub fn bridge(config: &Config, board: &Board) -> Module {
    let m = Module::new("bridge", "Serial bridge: UARTBone, with registers that make every access verified.");
    if !board.memory_bytes.is_multiple_of(4096) || !(1..=MOST_MEMORY).contains(&board.memory_bytes) {
        let bytes = board.memory_bytes;
        m.fault(&format!(
            "a memory of {bytes} bytes: the bridge takes multiples of 4096 up to {MOST_MEMORY}"
        ));
        return m;
    }
    if board.clock_hz < TIMEOUTS_A_SECOND {
        m.fault(&format!("a clock of {} Hz: the bridge takes {TIMEOUTS_A_SECOND} or more", board.clock_hz));
        return m;
    }
    let slow = !config.fast_clock();
    let line = m.instance("line", line::line(config, board.bit_cycles));
    let request = m.instance("request", request::request(board.clock_hz / TIMEOUTS_A_SECOND, slow));
    let access = m.instance("access", access::access(board.memory_bytes, board.clock_hz, slow));
    let stage = m.instance("stage", stage::stage(slow));
    let core = m.instance("core", core::core(config));
    let memory = m.instance("memory", memory::memory(config, board.memory_bytes));

    if slow {
        m.output("heartbeat", u(1), "a bit of the counter of cycles").set(access.out("heartbeat"));
        crc::shared(&m, [request, stage, memory]);
    }

    line.connect("rx", m.input("rx", u(1), "serial line from the host"));
    m.output("tx", u(1), "serial line to the host").set(line.out("tx"));
    line.source("y").to(request.sink("rx"));
    request.source("tx").to(line.sink("x"));
    request.source("ask").to(access.sink("ask"));
    request.connect("done", access.out("done"));
    request.connect("answer", access.out("answer"));
    access.connect("dropped", request.out("dropped"));
    access.connect("line_errors", line.out("errors"));

    let (address, data) = (access.out("address"), access.out("data"));
    stage.source("replay").to(access.sink("replay"));
    for name in ["put", "commit", "target", "tag", "replayed"] {
        stage.connect(name, access.out(name));
    }
    let index = address.bits(0, STAGE_WORDS.trailing_zeros());
    if slow {
        stage.connect("index", cat_lsb(&[index, address.bit(((STAGE ^ BRIDGE) / 4).trailing_zeros())]));
        stage.connect("summed", request.out("summed"));
        for name in ["look", "computed", "failed"] {
            stage.connect(name, access.out(name));
        }
        access.connect("stored", stage.out("stored"));
        memory.connect("crc_address", stage.out("stored"));
        memory.connect("crc_bytes", data);
    } else {
        stage.connect("index", index);
        access.connect("read_crc", request.out("read_crc"));
        for name in ["crc_address", "crc_bytes"] {
            memory.connect(name, access.out(name));
        }
    }
    access.connect("committed", stage.out("committed"));
    access.connect("stage_status", stage.out("status"));
    core.connect("address", address.bits(0, SPACE.trailing_zeros() - 2));
    memory.connect("address", address);
    memory.connect("crc", access.out("memory_crc"));
    for (name, place) in [("core", core), ("memory", memory)] {
        for what in ["read", "write"] {
            place.connect(what, access.out(&format!("{name}_{what}")));
        }
        for what in ["done", "failed", "value"] {
            access.connect(&format!("{name}_{what}"), place.out(what));
        }
    }
    for place in [stage, core, memory] {
        place.connect("data", data);
    }
    m.export(core, "core", "core");
    m.export(memory, "mem", "mem");
    m
}

#[cfg(test)]
mod tests;
