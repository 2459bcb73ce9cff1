//! Reads memory through all AXI4 ports: the step stream, which runs ahead, and the data that a step asks for.
//!
//! ```text
//!   program_* ──► burst ──► port 0: AR ►, ◄ R ─► tag ─► FIFO p ──┐
//!   req ────────► maker ──► port 1: ...                          ├─► relay ─► p (all ports side by side)
//!                                          └────► FIFO d ────────┴─► relay ─► d
//! ```
//!
//! Every port does the same bursts at its own base address, so a beat is complete when each port has its part. A
//! burst is issued only when the FIFO that will receive it has room for all of it: reads never stall the bus, and the
//! stream can never block the data that the step waits for. Bursts are aligned to `burst_beats` and so never cross
//! 4 KiB. Data requests go first.
//!
//! Ports: see [`reader`]; parameters: `ports`, `port_bytes`, `prefetch_beats`, `kv_beats`, `burst_beats`,
//! `outstanding`, `address_bits`.

use sterna_spec::config::Config;

use super::axi;
use super::fifo::{fifo, short_fifo};
use super::relay::relay;
use super::{memory_style, place_of};
use crate::dsl::{Inst, MemStyle, Module, Reg, Sig, count_width, mux, u};

/// Style of a FIFO of this depth.
fn style(config: &Config, bits: u32, depth: usize) -> MemStyle {
    if depth <= 64 { MemStyle::Lut } else { memory_style(config.ultrascale(), bits, depth) }
}

/// One port: takes bursts `{beat, beats - 1 (8), data 1}`, returns beats to the FIFO that the burst names.
fn read_port(config: &Config) -> Module {
    let bits = 8 * config.port_bytes;
    let m =
        Module::new("read_port", "One AXI4 read port: issues bursts and sorts what returns into two FIFOs.");
    let base = m.input("base", u(config.address_bits), "byte address of beat 0 of this port");
    let place = config.place_bits();
    let doc = format!("{{beat {place}, beats - 1 (8), data 1}}, least significant first");
    let burst = m.stream_in("burst", u(place + 9), &doc);
    let axi = axi::read_master(&m, "m_axi", config.address_bits, bits);

    let (beat, last_beat) = (burst.data.bits(0, place), burst.data.bits(place, 8));
    let tags = m.instance("tags", fifo(1, config.outstanding.max(2) as usize, MemStyle::Lut));
    let held = m.reg("held", u(1), Some(0), "an address is offered");
    let address = m.reg("address", u(config.address_bits), None, "the burst's byte address");
    let length = m.reg("length", u(8), None, "the burst's beats - 1");
    let tag_in = tags.sink("x");
    let room = m.node("room", (!held.q() | axi.ar_ready) & tag_in.ready);
    let taken = m.node("taken", burst.valid & room);
    burst.ready.set(room);
    tag_in.set(taken, burst.data.bit(place + 8));
    held.when(taken, 1);
    held.when(axi.ar_ready, 0);
    let bytes = (beat << config.port_bytes.trailing_zeros()).resize(config.address_bits);
    m.unused("beats beyond the address bus", beat);
    address.when(taken, base.wrapping_add(bytes));
    length.when(taken, last_beat);
    axi.ar_valid.set(held.q());
    axi.ar_addr.set(address.q());
    axi.ar_len.set(length.q());

    let tag = tags.source("y");
    let arrived = m.node("arrived", axi.r_valid & tag.valid);
    for (name, depth, kind) in [("p", config.prefetch_beats, 0), ("d", config.kv_beats, 1)] {
        let depth = depth as usize;
        let queue = m.instance(&format!("{name}_fifo"), short_fifo(bits, depth, style(config, bits, depth)));
        let sink = queue.sink("x");
        sink.set(arrived & tag.data.eq(kind), axi.r_data);
        m.unused("room was reserved before the burst was issued", sink.ready);
        queue.source("y").to(m.stream_out(name, u(bits), "beats of this port"));
        m.output(&format!("{name}_arrived"), u(1), "a beat arrived").set(arrived & tag.data.eq(kind));
    }
    axi.r_ready.set(tag.valid);
    tag.ready.set(arrived & axi.r_last);
    m.output("error", u(1), "memory answered with an error").set(arrived & axi.r_resp.bit(1));
    m.unused("only the error bit matters", axi.r_resp.bit(0));
    m
}

/// One client of the ports: where it stands, what is left, and the room of its FIFO that is not spoken for.
struct Client<'m> {
    next: Reg<'m>,
    left: Reg<'m>,
    free: Reg<'m>,
    /// Beats of the burst that comes next; a register, as is `wants`: a client issues every other cycle at most.
    length: Sig<'m>,
    /// There is a burst to issue and room for it.
    wants: Reg<'m>,
    /// What `wants` becomes unless something changes in this cycle.
    able: Sig<'m>,
    /// Nothing is left, in flight or in the FIFO.
    idle: Sig<'m>,
}

impl<'m> Client<'m> {
    fn new(m: &'m Module, config: &Config, name: &str, depth: u32, width: u32) -> Self {
        let reg = |part: &str, width: u32, reset: Option<i128>, doc: &str| {
            m.reg(&format!("{name}_{part}"), u(width), reset, doc)
        };
        let next = reg("next", config.place_bits(), None, "the next beat to ask for");
        let left = reg("left", width, Some(0), "beats not yet asked for");
        let free =
            reg("free", count_width(depth as usize), Some(depth.into()), "room that is not spoken for");
        let burst = config.burst_beats;
        let bits = count_width(burst as usize);
        let room = if burst == 1 {
            m.u(1, 1)
        } else {
            m.u(bits, burst).wrapping_sub(next.q().bits(0, burst.trailing_zeros()).zext(bits))
        };
        let room = m.node(&format!("{name}_room"), room).doc("beats up to the next burst boundary");
        let short = m.node(&format!("{name}_short"), left.q().lt(room)).doc("fewer beats are left");
        let length = mux(short, left.q().trunc(bits), room);
        // both compared, so that neither waits for which it is
        let wide = width.max(free.q().width());
        let fits = mux(short, free.q().zext(wide).ge(left.q().zext(wide)), free.q().ge(room));
        let able = m.node(&format!("{name}_able"), left.q().any() & fits);
        let length = m.delay(&format!("{name}_length"), length, "beats of the next burst");
        let wants = reg("wants", 1, Some(0), "there is a burst to issue and room for it");
        let idle = m.node(&format!("{name}_idle"), !left.q().any() & free.q().eq(depth));
        Client { next, left, free, length, wants, able, idle }
    }

    /// `load` starts the client at `beat` for `beats`; `stop` forgets what is left; `go`: the burst is issued;
    /// `popped`: a beat left the FIFO and what is behind it, a cycle ago.
    fn run(&self, load: Sig<'m>, beat: Sig<'m>, beats: Sig<'m>, stop: Sig<'m>, go: Sig<'m>, popped: Sig<'m>) {
        self.wants.set(self.able & !(load | stop | go));
        self.next.when(load, beat);
        self.next.when(go, self.next.q().wrapping_add(self.length));
        self.left.when(load, beats);
        self.left.when(stop, 0);
        self.left.when(go, self.left.q().wrapping_sub(self.length));
        let free = self.free.q();
        let spent = mux(go, self.length.resize(free.width()), 0);
        self.free.set(free.wrapping_add(popped).wrapping_sub(spent));
    }
}

/// The reader of all ports.
///
/// - `program_start` begins to stream `program_beats` beats from `program_base`; `flush` forgets the rest.
/// - `req` {beat 32, beats 16} asks for data; `p` and `d` deliver stream and data, B bytes a beat, in order.
/// - `stream_idle`: nothing of the stream is left, in flight or in the FIFO; `idle`: nothing at all.
pub fn reader(config: &Config) -> Module {
    let m = Module::new("reader", "Reads the step stream ahead and data on request, through all ports.");
    let start = m.input("program_start", u(1), "starts the step stream");
    let place = config.place_bits();
    let base = place_of(m.input("program_base", u(32), "first beat of the stream"), place);
    let beats = m.input("program_beats", u(32), "beats of the stream");
    let flush = m.input("flush", u(1), "forgets the rest of the stream");
    let port_base = m.input("port_base", u(64 * config.ports), "byte address of beat 0 of each port");
    let req = m.stream_in("req", u(48), "data request: {beat 32, beats 16}");

    let stream = Client::new(&m, config, "p", config.prefetch_beats, 32);
    let data = Client::new(&m, config, "d", config.kv_beats, 16);
    let ports: Vec<_> =
        (0..config.ports).map(|i| m.instance(&format!("port{i}"), read_port(config))).collect();
    let bursts: Vec<_> = ports.iter().map(|port| port.sink("burst")).collect();
    let ready = bursts.iter().map(|burst| burst.ready).reduce(|a, b| a & b).unwrap_or(m.u(1, 0));
    let d_go = m.node("d_go", data.wants.q() & ready);
    let p_go = m.node("p_go", stream.wants.q() & !data.wants.q() & !flush & ready);
    let go = m.node("go", d_go | p_go);
    let beat = mux(data.wants.q(), data.next.q(), stream.next.q());
    let length = mux(data.wants.q(), data.length, stream.length);
    let burst = m.cat_lsb(&[beat, length.wrapping_sub(1).resize(9).trunc(8), data.wants.q()]);
    let burst = m.node("burst", burst).doc(&format!("{{beat {place}, beats - 1 (8), data 1}}"));
    for (i, (port, sink)) in ports.iter().zip(bursts).enumerate() {
        sink.set(go, burst);
        port.connect("base", port_base.word(i as u32, 64).trunc(config.address_bits));
    }
    m.unused("address bits beyond the bus", port_base);

    let any = |name: &str| ports.iter().map(|port| port.out(name)).reduce(|a, b| a | b).unwrap_or(m.u(1, 0));
    m.output("error", u(1), "memory answered a read with an error").set(any("error"));
    m.output("stream_beat", u(1), "a beat of the stream arrived").set(ports[0].out("p_arrived"));
    m.output("data_beat", u(1), "a beat of data arrived").set(ports[0].out("d_arrived"));

    let p_pop = join(&m, "p", &ports, config, flush);
    let d_pop = join(&m, "d", &ports, config, m.u(1, 0));
    let accept = m.node("accept", !data.left.q().any());
    req.ready.set(accept);
    stream.run(start, base, beats, flush, p_go, p_pop);
    let (address, count) = (place_of(req.data.bits(0, 32), place), req.data.bits(32, 16));
    data.run(req.valid & accept, address, count, m.u(1, 0), d_go, d_pop);
    m.output("stream_idle", u(1), "nothing of the stream is left").set(stream.idle);
    m.output("idle", u(1), "nothing is left, in flight or waiting").set(stream.idle & data.idle);
    if config.ports > 1 {
        for port in &ports[1..] {
            m.unused("port 0 counts for all", m.cat_lsb(&[port.out("p_arrived"), port.out("d_arrived")]));
        }
    }
    for (i, port) in ports.iter().enumerate() {
        m.export(*port, "m_axi", &axi::prefix(config, i as u32));
    }
    m
}

/// Output stream `name`: a beat moves when every port has its part; while `drop` it moves to nowhere. Returns 1 a cycle after one
/// has left.
fn join<'m>(m: &'m Module, name: &str, ports: &[Inst<'m>], config: &Config, drop: Sig<'m>) -> Sig<'m> {
    let bits = config.beat_bits();
    let out = m.stream_out(name, u(bits), "beats of all ports side by side");
    let parts: Vec<_> = ports.iter().map(|port| port.source(name)).collect();
    let complete = parts.iter().map(|part| part.valid).reduce(|a, b| a & b).unwrap_or(m.u(1, 0));
    let complete = m.node(&format!("{name}_complete"), complete);
    let beat = m.cat_lsb(&parts.iter().map(|part| part.data).collect::<Vec<_>>());
    let taken = out.ready | drop;
    let (valid, data, ready) = if config.fast_clock() {
        let last = m.instance(&format!("{name}_relay"), relay(bits));
        let (sink, source) = (last.sink("x"), last.source("y"));
        sink.set(complete, beat);
        source.ready.set(taken);
        (source.valid, source.data, sink.ready)
    } else {
        (complete, beat, taken)
    };
    let moves = m.node(&format!("{name}_move"), complete & ready);
    parts.iter().for_each(|part| part.ready.set(moves));
    out.set(valid & !drop, data);
    let gone = m.reg(&format!("{name}_gone"), u(1), Some(0), "a beat left a cycle ago");
    gone.set(valid & taken);
    gone.q()
}

#[cfg(test)]
mod tests;
