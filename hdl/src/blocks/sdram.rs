//! A controller for SDR SDRAM behind an AXI4 slave.
//!
//! ```text
//!  AR ─► queue ─┐          segments            one beat = one READ or WRITE
//!               ├─► front ─► relay ► control ───────────────────────────────► command pins
//!  AW ─► queue ─┘     ▲              prepare ─► next ─► current
//!  W ──► queue ───────┼────────────────────────────────► data ─► registers ─► dq_out, dq_oe, dqm
//!  R ◄─ queue ◄───────┴─(room)──────────────────────────── data ◄─ register ◄─── dq_in
//!  B ◄─ queue
//! ```
//!
//! A beat of the bus is one burst of the chip. READ commands leave room on the command pins for the PRECHARGE and ACTIVE of
//! the segment behind, or, where a beat is one word, wait for them: a linear read changes bank with every page, and the next page is open before the current one ends. What
//! it loses is refresh: 98.0 % of the cycles of linear reads carry a word at 80 MHz (`sim/tests/sdram.rs`). All answers come in the order of the requests of their direction and carry their id; a write is
//! answered when its place in the order is fixed, so a read that follows the answer sees it. Beats beyond the chip read as
//! anything and are not written; they answer DECERR.
//!
//! Reads wait until the queue has room for all their beats: R may stall at will, and refresh never waits for it.
//!
//! With a slow clock there is no relay, no queue of addresses, no register at the pins, and written beats wait in block memory.
//!
//! Parameters: `port_bytes`, `address_bits`, the chip, the clock, `pad_cycles`: cycles from this module's pins to the chip's and
//! back. Ports: `s_*` AXI4 slave, `sdram_*` pins, each directly at a register unless the clock is slow.

mod control;
mod data;
mod front;
mod prepare;
mod sequence;
mod shape;

use sterna_spec::config::Config;
use sterna_spec::sdram::Chip;

use super::axi;
use super::fifo::fifo_of;
use super::relay::relay;
use super::staged;
use crate::dsl::{MemStyle, Module, cat_lsb, u};
use shape::Shape;

/// Beats of reads that may be on their way: twice the longest segment and more.
const READ_BEATS: usize = 64;
/// Bursts and written beats that wait.
const QUEUE: usize = 8;

/// Whether there is a controller for this memory and bus.
///
/// # Errors
/// One sentence, if chip, bus and clock do not go together.
pub fn fits(config: &Config, chip: &Chip, clock_hz: u32) -> Result<(), String> {
    Shape::new(config, chip, clock_hz, 0).map(|_| ())
}

/// The controller; `pad_cycles` is 0 if the chip is at this module's pins.
pub fn sdram(config: &Config, chip: &Chip, clock_hz: u32, pad_cycles: u32) -> Module {
    let m = Module::new("sdram", &format!("Controller for the SDRAM {} at {clock_hz} Hz.", chip.name));
    let shape = match Shape::new(config, chip, clock_hz, pad_cycles) {
        Ok(shape) => shape,
        Err(why) => {
            m.fault(&why);
            return m;
        }
    };
    let (bits, bytes) = (8 * config.port_bytes, config.port_bytes);
    let s = axi::slave(&m, "s", config.address_bits, bits);
    m.unused("the address says how many beats", s.w_last);
    let front = m.instance("front", front::front(&shape, READ_BEATS));
    let control = m.instance("control", control::control(&shape));
    let data = m.instance("data", data::data(&shape));
    let queue = |name: &str, width, depth, style| {
        m.instance(&format!("{name}_queue"), fifo_of(config, width, depth, style))
    };

    let low = bytes.trailing_zeros();
    let request = config.address_bits - low + 9;
    let channels = [
        ("ar", s.ar_valid, s.ar_ready, s.ar_addr, s.ar_len, s.ar_id),
        ("aw", s.aw_valid, s.aw_ready, s.aw_addr, s.aw_len, s.aw_id),
    ];
    for (name, valid, ready, addr, len, id) in channels {
        let what = cat_lsb(&[addr.bits(low, config.address_bits - low), len, id]);
        let first = if shape.slow {
            front.sink(name)
        } else {
            let queue = queue(name, request, QUEUE, MemStyle::Lut);
            queue.source("y").to(front.sink(name));
            queue.sink("x")
        };
        first.set(valid, what);
        ready.set(first.ready);
        if low > 0 {
            m.unused("bursts are whole beats", addr.bits(0, low));
        }
    }
    let w_style = if shape.slow { MemStyle::Block } else { MemStyle::Lut };
    let w_queue = queue("w", bits + bytes, 2 * QUEUE, w_style);
    let x = w_queue.sink("x");
    x.set(s.w_valid, cat_lsb(&[s.w_data, s.w_strb]));
    s.w_ready.set(x.ready);
    front.connect("written", s.w_valid & x.ready);
    w_queue.source("y").to(data.sink("w"));

    let b_queue =
        if shape.slow { m.instance("b_queue", relay(2)) } else { queue("b", 2, 2 * QUEUE, MemStyle::Lut) };
    front.source("b").to(b_queue.sink("x"));
    let b = b_queue.source("y");
    s.b_valid.set(b.valid);
    s.b_id.set(b.data.bit(0));
    s.b_resp.set(b.data.bit(1).repeat(2));
    b.ready.set(s.b_ready);

    let r_queue = queue("r", bits + 3, READ_BEATS, MemStyle::Block);
    data.source("r").to(r_queue.sink("x"));
    let r = r_queue.source("y");
    s.r_valid.set(r.valid);
    s.r_data.set(r.data.bits(0, bits));
    s.r_last.set(r.data.bit(bits));
    s.r_id.set(r.data.bit(bits + 1));
    s.r_resp.set(r.data.bit(bits + 2).repeat(2));
    r.ready.set(s.r_ready);
    front.connect("read", r.valid & s.r_ready);

    if !shape.slow {
        let segments = m.instance("segments", relay(shape.segment_bits()));
        front.source("segment").to(segments.sink("x"));
        segments.source("y").to(control.sink("segment"));
    } else {
        front.source("segment").to(control.sink("segment"));
    }
    for signal in ["read", "write", "tag", "ready"] {
        data.connect(signal, control.out(signal));
    }
    for name in ["cke", "cs_n", "ras_n", "cas_n", "we_n"] {
        let pin = if shape.slow {
            control.out(name)
        } else {
            let reset = Some(i128::from(name != "cke"));
            let pin = m.reg(&format!("{name}_pin"), u(1), reset, "register of the pin");
            pin.set(control.out(name));
            pin.q()
        };
        m.output(&format!("sdram_{name}"), u(1), "command pin").set(pin);
    }
    for (name, width) in [("ba", shape.bank_bits), ("a", shape.address_bits)] {
        let pin = staged(&m, shape.slow, &format!("{name}_pin"), control.out(name), "registers of the pins");
        m.output(&format!("sdram_{name}"), u(width), "bank or address pins").set(pin);
    }
    m.export(data, "dq", "sdram_dq");
    m
}

#[cfg(test)]
mod tests;
