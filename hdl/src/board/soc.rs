//! What a board's part holds besides its own cells: bridge, core, arbiter, memory controller. One clock, pins as plain ports.

use sterna_spec::boards::Board;
use sterna_spec::config::Config;

use crate::blocks::arbiter::arbiter;
use crate::blocks::bridge::{self, HEARTBEAT};
use crate::blocks::sdram::sdram;
use crate::dsl::{Module, cat_lsb, u};
use crate::top::top;

/// Cycles that a command takes to the memory's pins, and as many that data takes from them: one register in each pad.
pub const PAD_CYCLES: u32 = 1;

/// Cycles of a bit on the serial line at the board's baud rate.
pub fn bit_cycles(board: &Board, config: &Config) -> u32 {
    (config.clock_mhz * 1_000_000 + board.baud / 2) / board.baud
}

/// Module `soc` of a board: `uart_rx`, `uart_tx`, `led`, `sdram_*`; a bit on the serial line takes `bit_cycles` cycles.
pub fn soc(board: &Board, config: &Config, bit_cycles: u32) -> Module {
    let m = Module::new(
        "soc",
        "A board's design without the part's own cells: serial bridge, core, memory controller.",
    );
    let clock_hz = config.clock_mhz * 1_000_000;
    let link = bridge::Board { clock_hz, bit_cycles, memory_bytes: board.memory.bytes() };
    let bridge = m.instance("bridge", bridge::bridge(config, &link));
    let core = m.instance("core", top(config));
    let both = m.instance("both", arbiter(config));
    let memory = m.instance("memory", sdram(config, board.memory, clock_hz, 2 * PAD_CYCLES));

    let rx = m.input("uart_rx", u(1), "serial line from the host");
    bridge.connect("rx", rx);
    m.output("uart_tx", u(1), "serial line to the host").set(bridge.out("tx"));
    m.export(memory, "sdram", "sdram");
    bridge.join("core", core, "s_axi");
    core.join("m_axi", both, "a");
    bridge.join("mem", both, "b");
    both.join("m", memory, "s");

    let heartbeat = if config.fast_clock() {
        let beat = m.reg("beat", u(HEARTBEAT), Some(0), "its highest bit is the heartbeat");
        beat.set(beat.q().wrapping_add(1));
        beat.q().bit(HEARTBEAT - 1)
    } else {
        bridge.out("heartbeat")
    };
    let lights = [heartbeat, core.out("irq"), !bridge.out("tx"), !rx];
    let lights = &lights[..lights.len().min(board.leds as usize)];
    let dark = vec![m.u(1, 0); board.leds as usize - lights.len()];
    let doc = "heartbeat, step over or failed, sending, receiving";
    m.output("led", u(board.leds), doc).set(cat_lsb(&[lights, &dark[..]].concat()));
    m
}
