//! Two AXI4 masters on one slave: the core, which goes first, and the bridge.
//!
//! ```text
//!  a ─ AR ─► relay ─┐                      ┌─► R, B of a        by the id that comes back: 0 is a, 1 is b
//!                   ├─► register ─► m ─────┤
//!  b ─ AR ─► relay ─┘                      └─► R, B of b
//!  AW like AR; W, through relays too, follows in the order in which the addresses went
//! ```
//!
//! The relays end the paths of `ready` from the memory into the clients; a slow clock needs none.
//!
//! Where both want, `a` goes first, but not more than eight times while `b` waits. Any number of bursts may be in flight; the slave
//! answers bursts of one id in order and must not mix the beats of two.
//!
//! Ports: `a_*`, `b_*` AXI4 slaves, `m_*` AXI4 master. Parameters: `port_bytes`, `address_bits`.

use sterna_spec::config::Config;

use super::axi;
use super::fifo::fifo;
use super::relay::relay;
use crate::dsl::{MemStyle, Module, Sig, Source, cat_lsb, index_width, mux, u};

/// Grants of `a` in a row while `b` waits.
const PATIENCE: u32 = 8;
/// Writes whose data has not gone yet; with a slow clock, as many as a relay holds.
const WRITES: usize = 16;

/// The address channel towards the slave.
struct Channel<'m> {
    /// An address is taken from a client in this cycle.
    taken: Sig<'m>,
    /// It is that of `b`.
    second: Sig<'m>,
}

/// The arbiter.
pub fn arbiter(config: &Config) -> Module {
    let m = Module::new("arbiter", "Two AXI4 masters on one slave; a goes first.");
    let (bits, address) = (8 * config.port_bytes, config.address_bits);
    let [a, b] = ["a", "b"].map(|name| axi::slave(&m, name, address, bits));
    for client in [&a, &b] {
        m.unused("every client has one id", cat_lsb(&[client.ar_id, client.aw_id]));
    }
    let relayed = |name, valid, ready, data| relayed(&m, config, name, Source { valid, data, ready });
    let [ra, rb] = [("a_ar", &a), ("b_ar", &b)]
        .map(|(name, c)| relayed(name, c.ar_valid, c.ar_ready, cat_lsb(&[c.ar_addr, c.ar_len])));
    let [wa, wb] = [("a_aw", &a), ("b_aw", &b)]
        .map(|(name, c)| relayed(name, c.aw_valid, c.aw_ready, cat_lsb(&[c.aw_addr, c.aw_len])));
    let [da, db] = [("a_w", &a), ("b_w", &b)]
        .map(|(name, c)| relayed(name, c.w_valid, c.w_ready, cat_lsb(&[c.w_data, c.w_strb, c.w_last])));
    channel(&m, config, "ar", [ra, rb], m.u(1, 1));
    let order = if config.fast_clock() { fifo(1, WRITES, MemStyle::Lut) } else { relay(1) };
    let order = m.instance("order", order);
    let x = order.sink("x");
    let writes = channel(&m, config, "aw", [wa, wb], x.ready);
    x.set(writes.taken, writes.second);

    // data goes where the oldest address without its data came from
    let output = |name: &str, width, doc: &str| m.output(&format!("m_{name}"), u(width), doc);
    let input = |name: &str, width, doc: &str| m.input(&format!("m_{name}"), u(width), doc);
    let turn = order.source("y");
    let second = turn.data;
    let data = m.node("w", mux(second, db.data, da.data));
    let last = data.msb();
    let valid = m.node("w_valid", turn.valid & mux(second, db.valid, da.valid));
    let ready = input("wready", 1, "write data taken");
    output("wvalid", 1, "write data valid").set(valid);
    output("wdata", bits, "write data").set(data.bits(0, bits));
    output("wstrb", bits / 8, "bytes to write").set(data.bits(bits, bits / 8));
    output("wlast", 1, "last beat of the burst").set(last);
    da.ready.set(turn.valid & !second & ready);
    db.ready.set(turn.valid & second & ready);
    turn.ready.set(valid & ready & last);

    let (r_valid, r_id) = (input("rvalid", 1, "read data valid"), input("rid", 1, "read id"));
    let r_data = input("rdata", bits, "read data");
    let (r_resp, r_last) = (input("rresp", 2, "read response"), input("rlast", 1, "last beat of the burst"));
    output("rready", 1, "read data taken").set(mux(r_id, b.r_ready, a.r_ready));
    let (b_valid, b_id) = (input("bvalid", 1, "write response valid"), input("bid", 1, "write response id"));
    let b_resp = input("bresp", 2, "write response");
    output("bready", 1, "write response taken").set(mux(b_id, b.b_ready, a.b_ready));
    for (client, own) in [(&a, 0), (&b, 1)] {
        client.r_valid.set(r_valid & r_id.eq(own));
        client.r_data.set(r_data);
        client.r_resp.set(r_resp);
        client.r_last.set(r_last);
        client.r_id.set(0);
        client.b_valid.set(b_valid & b_id.eq(own));
        client.b_resp.set(b_resp);
        client.b_id.set(0);
    }
    m
}

/// A client's stream behind a relay, if the clock asks for one.
fn relayed<'m>(m: &'m Module, config: &Config, name: &str, from: Source<'m>) -> Source<'m> {
    if !config.fast_clock() {
        return from;
    }
    let relay = m.instance(name, relay(from.data.width()));
    from.to(relay.sink("x"));
    relay.source("y")
}

/// One address channel, {address, beats - 1}: two clients to a register in front of the slave. `room`: an address may be taken.
fn channel<'m>(
    m: &'m Module,
    config: &Config,
    name: &str,
    [a, b]: [Source<'m>; 2],
    room: Sig<'m>,
) -> Channel<'m> {
    let ready = m.input(&format!("m_{name}ready"), u(1), "address taken");
    let held = m.reg(&format!("{name}_held"), u(1), Some(0), "an address is offered");
    let what = m.reg(&format!("{name}_what"), u(config.address_bits + 8), None, "address and beats - 1");
    let owner = m.reg(&format!("{name}_owner"), u(1), None, "it is that of b");
    let row = m.reg(
        &format!("{name}_row"),
        u(index_width(PATIENCE as usize + 1)),
        Some(0),
        "grants of a while b waits",
    );
    let free = m.node(&format!("{name}_free"), (!held.q() | ready) & room);
    let second = m.node(&format!("{name}_second"), b.valid & (!a.valid | row.q().eq(PATIENCE)));
    let taken = m.node(&format!("{name}_taken"), free & (a.valid | b.valid));
    a.ready.set(free & !second);
    b.ready.set(free & second);
    held.when(taken, 1);
    held.when(ready, 0);
    what.when(taken, mux(second, b.data, a.data));
    owner.when(taken, second);
    row.when(taken & (second | !b.valid), 0);
    row.when(taken, row.q().wrapping_add(1));

    let bits = config.address_bits;
    axi::address_constants(m, "m", name, 8 * config.port_bytes);
    let output = |part: &str, width, doc: &str| m.output(&format!("m_{name}{part}"), u(width), doc);
    output("id", 1, "transaction id: who asked").set(owner.q());
    output("valid", 1, "address valid").set(held.q());
    output("addr", bits, "byte address").set(what.q().bits(0, bits));
    output("len", 8, "beats of the burst - 1").set(what.q().bits(bits, 8));
    Channel { taken, second }
}

#[cfg(test)]
mod tests;
