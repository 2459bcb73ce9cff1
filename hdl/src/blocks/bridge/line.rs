//! The serial line: bytes both ways, a queue for what comes, and counts of what went wrong.
//!
//! ```text
//!   rx ─► receiver ─► queue of 32 bytes ─► y         errors {framing 16, overrun 16}
//!   tx ◄─ transmitter ◄─────────────────── x
//! ```

use crate::blocks::fifo::fifo_of;
use crate::blocks::uart::{receiver, transmitter};
use crate::dsl::{MemStyle, Module, cat_lsb, u};
use sterna_spec::bridge::QUEUE;
use sterna_spec::config::Config;

/// Input `rx`, output `tx`, streams of bytes `y` (received) and `x` (to send), output `errors`. With a slow clock the queue is
/// block memory.
pub(super) fn line(config: &Config, bit_cycles: u32) -> Module {
    let m = Module::new("bridge_line", "The serial line of the bridge.");
    let input = m.instance("receiver", receiver(bit_cycles));
    input.connect("rx", m.input("rx", u(1), "the line from the host"));
    let style = if config.fast_clock() { MemStyle::Lut } else { MemStyle::Block };
    let queue = m.instance("queue", fifo_of(config, 8, QUEUE, style));
    input.source("y").to(queue.sink("x"));
    queue.source("y").to(m.stream_out("y", u(8), "bytes received"));
    let output = m.instance("transmitter", transmitter(bit_cycles));
    m.stream_in("x", u(8), "bytes to send").to(output.sink("x"));
    m.output("tx", u(1), "the line to the host").set(output.out("tx"));

    let count = |name: &str, event, doc: &str| {
        let count = m.reg(name, u(16), Some(0), doc);
        count.when(event, count.q().wrapping_add(1));
        count.q()
    };
    let framing = count("framing", input.out("framing"), "stop bits that were low");
    let overrun = count("overrun", input.out("overrun"), "bytes that found no room");
    m.output("errors", u(32), "{framing errors, overruns}").set(cat_lsb(&[framing, overrun]));
    m
}
