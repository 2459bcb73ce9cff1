//! Writes beats to memory through all AXI4 ports.
//!
//! ```text
//!   w {data, strobes, beat} ──► port 0: AW ►, W ►, ◄ B
//!                          └──► port 1: ...
//! ```
//!
//! Every port writes its part of a beat at its own base address, as a burst of one beat; a port whose strobes are all
//! zero takes no part. `idle` tells that every write has been acknowledged.
//!
//! Ports: see [`writer`]; parameters: `ports`, `port_bytes`, `address_bits`.

use sterna_spec::config::Config;

use super::axi;
use crate::dsl::{Module, u};

/// Writes in flight at most.
const IN_FLIGHT: u32 = 15;

fn write_port(config: &Config) -> Module {
    let (bytes, bits) = (config.port_bytes, 8 * config.port_bytes);
    let m = Module::new("write_port", "One AXI4 write port: single beats, counted until acknowledged.");
    let base = m.input("base", u(config.address_bits), "byte address of beat 0 of this port");
    let put = m.stream_in("put", u(bits + bytes + 32), "{data, strobes, beat 32}");
    let axi = axi::write_master(&m, "m_axi", config.address_bits, bits);
    let (data, strobes, beat) =
        (put.data.bits(0, bits), put.data.bits(bits, bytes), put.data.bits(bits + bytes, 32));

    let address_held = m.reg("address_held", u(1), Some(0), "an address is offered");
    let data_held = m.reg("data_held", u(1), Some(0), "data is offered");
    let address = m.reg("address", u(config.address_bits), None, "byte address of the write");
    let held = m.reg("held", u(bits), None, "data of the write");
    let held_strobes = m.reg("held_strobes", u(bytes), None, "bytes to write");
    let flying = m.reg("flying", u(4), Some(0), "writes not yet acknowledged");
    let room = (!address_held.q() | axi.aw_ready) & (!data_held.q() | axi.w_ready) & flying.q().ne(IN_FLIGHT);
    let room = m.node("room", room);
    let taken = m.node("taken", put.valid & room & strobes.any());
    put.ready.set(room);
    for (reg, ready) in [(address_held, axi.aw_ready), (data_held, axi.w_ready)] {
        reg.when(taken, 1);
        reg.when(ready, 0);
    }
    let offset = (beat << bytes.trailing_zeros()).resize(config.address_bits);
    m.unused("beats beyond the address bus", beat);
    address.when(taken, base.wrapping_add(offset));
    held.when(taken, data);
    held_strobes.when(taken, strobes);
    axi.aw_valid.set(address_held.q());
    axi.aw_addr.set(address.q());
    axi.w_valid.set(data_held.q());
    axi.w_data.set(held.q());
    axi.w_strb.set(held_strobes.q());
    axi.b_ready.set(1);
    flying.when(taken & !axi.b_valid, flying.q().wrapping_add(1));
    flying.when(!taken & axi.b_valid, flying.q().wrapping_sub(1));
    m.output("idle", u(1), "everything is acknowledged").set(!flying.q().any());
    m.output("error", u(1), "memory answered with an error").set(axi.b_valid & axi.b_resp.bit(1));
    m.unused("only the error bit matters", axi.b_resp.bit(0));
    m
}

/// The writer of all ports: `w` takes {data 8B, strobes B, beat 32}.
pub fn writer(config: &Config) -> Module {
    let (beat, width) = (config.beat_bytes() as u32, config.port_bytes);
    let m = Module::new("writer", "Writes beats through all ports.");
    let port_base = m.input("port_base", u(64 * config.ports), "byte address of beat 0 of each port");
    let w = m.stream_in("w", u(9 * beat + 32), "{data, strobes, beat 32}");
    let ports: Vec<_> =
        (0..config.ports).map(|i| m.instance(&format!("port{i}"), write_port(config))).collect();
    let sinks: Vec<_> = ports.iter().map(|port| port.sink("put")).collect();
    let ready = sinks.iter().map(|sink| sink.ready).reduce(|a, b| a & b).unwrap_or(m.u(1, 0));
    let ready = m.node("ports_ready", ready);
    let moved = m.node("moved", w.valid & ready);
    w.ready.set(ready);
    for (i, (port, sink)) in ports.iter().zip(sinks).enumerate() {
        let i = i as u32;
        let data = w.data.bits(8 * width * i, 8 * width);
        let strobes = w.data.bits(8 * beat + width * i, width);
        sink.set(moved, m.cat_lsb(&[data, strobes, w.data.bits(9 * beat, 32)]));
        port.connect("base", port_base.word(i, 64).trunc(config.address_bits));
        m.export(*port, "m_axi", &axi::prefix(config, i));
    }
    m.unused("address bits beyond the bus", port_base);
    let all = |name: &str| ports.iter().map(|port| port.out(name)).reduce(|a, b| a & b).unwrap_or(m.u(1, 1));
    let any = |name: &str| ports.iter().map(|port| port.out(name)).reduce(|a, b| a | b).unwrap_or(m.u(1, 0));
    m.output("idle", u(1), "everything is acknowledged").set(all("idle"));
    m.output("error", u(1), "memory answered a write with an error").set(any("error"));
    m.output("write_beat", u(1), "a beat was written").set(moved);
    m
}

#[cfg(test)]
mod tests;
