//! Registers of the core: an AXI4-Lite master, one access at a time.

use crate::blocks::axi;
use crate::dsl::{Module, cat_lsb, mux, u};
use sterna_spec::config::Config;
use sterna_spec::registers::SPACE;

/// `read` and `write` begin an access to `address` (in words), with `data`; `done` ends it, with `value` and `failed`, which are
/// registers unless the clock is slow.
pub(super) fn core(config: &Config) -> Module {
    let m = Module::new("bridge_core", "AXI4-Lite master: one access at a time.");
    let bits = SPACE.trailing_zeros();
    let read = m.input("read", u(1), "one cycle: read");
    let write = m.input("write", u(1), "one cycle: write");
    let address = m.input("address", u(bits - 2), "word address, constant until the end");
    let data = m.input("data", u(32), "word to write, constant until the end");
    let bus = axi::lite_master(&m, "core", bits);
    let offers = [
        ("ar_held", read, bus.ar_valid, bus.ar_ready),
        ("aw_held", write, bus.aw_valid, bus.aw_ready),
        ("w_held", write, bus.w_valid, bus.w_ready),
    ];
    for (name, begin, valid, ready) in offers {
        let held = m.reg(name, u(1), Some(0), "offered, and not yet taken");
        held.when(begin, 1);
        held.when(ready, 0);
        valid.set(held.q());
    }
    let place = cat_lsb(&[m.u(2, 0), address]);
    bus.ar_addr.set(place);
    bus.aw_addr.set(place);
    bus.w_data.set(data);
    bus.w_strb.set(m.u(4, 15));
    bus.r_ready.set(1);
    bus.b_ready.set(1);

    let ended = bus.r_valid | bus.b_valid;
    let bad = mux(bus.r_valid, bus.r_resp.bit(1), bus.b_resp.bit(1));
    let (done, bad, word) = if config.fast_clock() {
        let done = m.reg("ended", u(1), Some(0), "the answer is there");
        done.set(ended);
        let bad = m.delay("bad", bad, "the answer was an error");
        (done.q(), bad, m.delay("word", bus.r_data, "the word read"))
    } else {
        (ended, m.node("bad", bad), bus.r_data)
    };
    m.output("done", u(1), "one cycle: the access has ended").set(done);
    m.output("failed", u(1), "the answer was an error").set(bad);
    m.output("value", u(32), "the word read").set(word);
    m.unused("only the error bit matters", cat_lsb(&[bus.r_resp.bit(0), bus.b_resp.bit(0)]));
    m
}
