//! A FIFO between two streams.
//!
//! ```text
//!             +--------------------------------------------------+
//!  x_valid -->|        +-------+      +--------+      +--------+ |--> y_valid
//!  x_data  -->|------->|  ram  |----->|  head  |----->| relay  | |--> y_data
//!  x_ready <--|        +-------+      +--------+      +--------+ |<-- y_ready
//!             |        read port      (not for LUT RAM)          |--> count (if asked for)
//!             +--------------------------------------------------+
//! ```
//!
//! Parameters: width of the data, depth of the RAM (2 or more), kind of RAM.
//!
//! A word moves through every cycle on both sides. Block RAM and UltraRAM are read through a register and a relay, as their
//! clock-to-output time asks for, and so that `y_ready` ends there; LUT RAM through one register. The FIFO therefore holds `depth`
//! words and up to three (one) more, and a word appears three (two) cycles after it was taken. `y_valid` does not depend on
//! `y_ready`, nor `x_ready` on any input. The RAM is never read at the address that is written in the same cycle.

use sterna_spec::config::Config;

use super::relay::relay;
use crate::dsl::*;

/// A FIFO with input stream `x` and output stream `y`.
pub fn fifo(width: u32, depth: usize, style: MemStyle) -> Module {
    build(width, depth, style, [style != MemStyle::Lut, false])
}

/// A FIFO of which all RAM is read as LUT RAM is: a relay follows it, or the clock is slow.
pub fn short_fifo(width: u32, depth: usize, style: MemStyle) -> Module {
    build(width, depth, style, [false, false])
}

/// The FIFO that the configuration's clock asks for.
pub fn fifo_of(config: &Config, width: u32, depth: usize, style: MemStyle) -> Module {
    build(width, depth, style, [style != MemStyle::Lut && config.fast_clock(), false])
}

/// The same with an output `count`, the words inside.
pub fn counted_fifo(config: &Config, width: u32, depth: usize, style: MemStyle) -> Module {
    build(width, depth, style, [style != MemStyle::Lut && config.fast_clock(), true])
}

fn build(width: u32, depth: usize, style: MemStyle, [relayed, counted]: [bool; 2]) -> Module {
    let kind = format!("{style:?}").to_lowercase();
    let short = if relayed || style == MemStyle::Lut { "" } else { "_short" };
    let count = if counted { "_counted" } else { "" };
    let name = format!("fifo_w{width}_d{depth}_{kind}{short}{count}");
    let m = Module::new(&name, "FIFO between two streams: order kept, nothing lost, one word a cycle.");
    if depth < 2 {
        m.fault(&format!("a FIFO of depth {depth}: the depth is 2 or more"));
        return m;
    }
    let x = m.stream_in("x", u(width), "words in");
    let y = m.stream_out("y", u(width), "words out");

    let stored = m.reg("stored", u(count_width(depth)), Some(0), "words in the RAM");
    let words = m.reg("words", u(1), Some(0), "there are words in the RAM");
    // a depth that is a power of two has a bit of its own in the count
    let full = if depth.is_power_of_two() { stored.q().msb() } else { stored.q().eq(depth) };
    x.ready.set(!full);
    let push = m.node("push", x.fires());
    let ram = m.mem("ram", width, depth, style, "the words");
    let fetch = m.wire("fetch", u(1)).doc("a word is read");
    let read_at = pointer(&m, "read_at", depth, fetch.sig(), "where the oldest word in the RAM is");
    let write_at = pointer(&m, "write_at", depth, push, "where the next word goes");
    ram.write(push, write_at, x.data);
    let head = ram.read("head", read_at, fetch.sig());
    let head_full = m.reg("head_full", u(1), Some(0), "the register at the RAM holds a word");
    let head_free = m.wire("head_free", u(1));
    fetch.set(words.q() & head_free.sig());
    head_full.when(head_free.sig(), words.q());
    if !relayed {
        head_free.set(!head_full.q() | y.ready);
        y.set(head_full.q(), head);
    } else {
        let last = m.instance("last", relay(width));
        let sink = last.sink("x");
        sink.set(head_full.q(), head);
        head_free.set(!head_full.q() | sink.ready);
        last.source("y").to(y);
    }

    let fetch = fetch.sig();
    count_up_down(stored, push, fetch);
    words.when(push & !fetch, 1);
    words.when(fetch & !push, stored.q().ne(1));
    if counted {
        let most = u(count_width(depth + if relayed { 3 } else { 1 }));
        let count = m.reg("total", most, Some(0), "words in RAM and registers");
        count_up_down(count, push, m.node("pop", y.fires()));
        m.output("count", most, "words inside").set(count.q());
    }
    m
}

/// A counter modulo `depth`.
fn pointer<'m>(m: &'m Module, name: &str, depth: usize, step: Sig<'m>, doc: &str) -> Sig<'m> {
    let at = m.reg(name, u(index_width(depth)), Some(0), doc);
    if depth.is_power_of_two() {
        at.when(step, at.q().wrapping_add(1));
    } else {
        at.when(step, mux(at.q().eq(depth - 1), m.u(index_width(depth), 0), at.q().wrapping_add(1)));
    }
    at.q()
}

fn count_up_down<'m>(count: Reg<'m>, up: Sig<'m>, down: Sig<'m>) {
    count.when(up & !down, count.q().wrapping_add(1));
    count.when(down & !up, count.q().wrapping_sub(1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::collections::VecDeque;

    /// Shares of cycles, in percent, in which the producer offers and the consumer takes.
    fn run(m: &Module, (width, depth): (u32, usize), offer: u32, take: u32, seed: u64) {
        println!("{}, offer {offer} %, take {take} %, seed {seed}", m.name());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut sim = Sim::seeded(m, seed).unwrap();
        let (mut model, mut stalled) = (VecDeque::new(), None);
        let mut offered: Option<Bits> = None;
        let (mut moved, cycles) = (0, 40 * depth.min(64) as u32 + 400);
        for cycle in 0..cycles {
            if offered.is_none() && rng.random_range(0..100) < offer {
                let limbs: Vec<u64> = (0..width.div_ceil(64)).map(|_| rng.random()).collect();
                offered = Some(Bits::from_limbs(width, &limbs));
            }
            sim.set("x_valid", offered.is_some());
            sim.set("x_data", offered.clone().unwrap_or(Bits::zero(width)));
            sim.set("y_ready", false);
            let (ready, valid) = (sim.is_high("x_ready"), sim.is_high("y_valid"));
            let take = rng.random_range(0..100) < take;
            sim.set("y_ready", take);
            assert_eq!(valid, sim.is_high("y_valid"), "cycle {cycle}: valid waits for ready");
            assert_eq!(ready, sim.is_high("x_ready"), "cycle {cycle}: ready follows ready");
            if m.name().ends_with("counted") {
                assert_eq!(sim.get("count"), model.len() as u64, "cycle {cycle}");
            }
            assert!(ready || model.len() >= depth, "cycle {cycle}: full too early");
            let out = sim.bits("y_data");
            if let Some(before) = stalled.take() {
                assert!(valid && before == out, "cycle {cycle}: changed while stalled");
            }
            if valid && take {
                assert_eq!(Some(out), model.pop_front(), "cycle {cycle}");
                moved += 1;
            } else if valid {
                stalled = Some(out);
            }
            if ready {
                model.extend(offered.take());
            }
            sim.tick();
        }
        if offer == 100 && take == 100 {
            assert!(moved >= cycles - 3, "{moved} words in {cycles} cycles");
        }
        assert!(moved > cycles / 20);
    }

    #[test]
    fn keeps_order_and_loses_nothing_under_stalls() {
        for (seed, depth) in [2, 3, 4, 5, 8, 13, 16, 64].into_iter().enumerate() {
            for style in [MemStyle::Lut, MemStyle::Block, MemStyle::Ultra] {
                let width = if depth == 5 { 512 } else { 9 };
                let relayed = style != MemStyle::Lut;
                let kinds = [[relayed, false], [relayed, true], [false, true]];
                for m in kinds.map(|kind| build(width, depth, style, kind)) {
                    for (offer, take) in [(100, 100), (50, 50), (90, 20), (20, 90), (100, 10), (10, 100)] {
                        run(&m, (width, depth), offer, take, seed as u64);
                    }
                }
            }
        }
    }

    #[test]
    fn fills_to_its_depth() {
        let mut sim = Sim::new(&build(512, 8192, MemStyle::Ultra, [true, true])).unwrap();
        sim.set("x_valid", 1);
        let taken = (0..10_000).filter(|_| {
            let ready = sim.is_high("x_ready");
            sim.tick();
            ready
        });
        assert_eq!(taken.count(), 8195);
        assert_eq!(sim.get("count"), 8195);
        assert!(sim.is_high("y_valid"));
    }

    #[test]
    fn reads_well() {
        insta::assert_snapshot!(verilog(&fifo(8, 16, MemStyle::Block)).unwrap());
    }

    #[test]
    fn refuses_a_depth_of_one() {
        let e = fifo(8, 1, MemStyle::Lut).check().unwrap_err();
        insta::assert_snapshot!(e, @"module `fifo_w8_d1_lut`: a FIFO of depth 1: the depth is 2 or more");
    }
}
