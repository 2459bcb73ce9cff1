//! The performance counters of one step, in the order of [`sterna_spec::registers::COUNTERS`].
//!
//! ```text
//!   fast clock   count ─► a counter each ─► values
//!   slow clock   count ─► a small counter each ─► the one that has its turn ─► + ─► values
//!                                                             LUT RAM of totals ◄──┴─► LUT RAM
//! ```
//!
//! With a slow clock every counter has its turn once in 16 cycles: what was counted since then joins its total. `values` is the
//! total in that cycle, exact.
//!
//! Ports: `clear`, `count` (a bit for each counter), `values` (32 bits for each, or for the one of `turn`) and `turn`.

use sterna_spec::config::Config;
use sterna_spec::registers::COUNTERS;

use crate::dsl::{MemStyle, Module, Sig, count_width, mux, u};

/// Bits of the number of a counter.
pub(super) const TURN_BITS: u32 = usize::BITS - (COUNTERS.len() - 1).leading_zeros();

/// The counters.
pub fn counters(config: &Config) -> Module {
    let m = Module::new("counters", "Counts the cycles of a step by what they are spent on.");
    let n = COUNTERS.len() as u32;
    let clear = m.input("clear", u(1), "restarts all counters");
    let count = m.input("count", u(n), "counters that advance");
    if !config.fast_clock() {
        turns(&m, clear, count);
        return m;
    }
    let one = |(i, (name, doc)): (usize, &(&str, &str))| {
        let value = m.reg(&name.to_lowercase(), u(32), Some(0), doc);
        value.when(clear, 0);
        value.when(count.bit(i as u32), value.q().wrapping_add(1));
        value.q()
    };
    let values: Vec<_> = COUNTERS.iter().enumerate().map(one).collect();
    m.output("values", u(32 * n), "32 bits for each counter").set(m.cat_lsb(&values));
    m
}

/// Totals that one adder keeps, in turn.
fn turns<'m>(m: &'m Module, clear: Sig<'m>, count: Sig<'m>) {
    let turn = m.reg("turn_now", u(TURN_BITS), Some(0), "the counter that has its turn");
    turn.when(clear, 0);
    turn.set(turn.q().wrapping_add(1));
    let fresh = m.reg("fresh", u(1), Some(1), "totals are of the step before");
    fresh.when(clear, 1);
    fresh.when(turn.q().all(), 0);

    let places = 1 << TURN_BITS;
    let bits = count_width(places);
    let one = |i: usize| {
        let Some((name, doc)) = COUNTERS.get(i) else { return m.u(bits, 0) };
        let recent = m.reg(&name.to_lowercase(), u(bits), Some(0), doc);
        recent.when(clear, 0);
        recent.when(turn.q().eq(i), count.bit(i as u32).zext(bits));
        recent.when(count.bit(i as u32), recent.q().wrapping_add(1));
        recent.q()
    };
    let recent = m.cat_lsb(&(0..places).map(one).collect::<Vec<_>>()).word_dyn(turn.q(), bits);
    let totals = m.mem("totals", 32, places, MemStyle::Lut, "what was counted up to the turn before");
    let earlier = totals.read_async("earlier", turn.q());
    let total = m.node("total", mux(fresh.q(), m.u(32, 0), earlier).wrapping_add(recent));
    totals.write(m.u(1, 1), turn.q(), total);
    m.output("values", u(32), "the counter that has its turn").set(total);
    m.output("turn", u(TURN_BITS), "which one").set(turn.q());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::Sim;

    fn config(clock_mhz: u32) -> Config {
        Config { clock_mhz, ..Config::preset("tiny").unwrap() }
    }

    /// All counters, read as the register block does.
    fn values(sim: &mut Sim, config: &Config) -> Vec<u64> {
        let at = |i: usize, sim: &mut Sim| {
            if config.fast_clock() {
                return sim.bits("values").slice(32 * i as u32, 32).to_u64();
            }
            while sim.get("turn") != i as u64 {
                sim.tick();
            }
            sim.get("values")
        };
        (0..COUNTERS.len()).map(|i| at(i, sim)).collect()
    }

    #[test]
    fn each_bit_advances_its_counter() {
        for config in [config(100), config(54)] {
            let mut sim = Sim::seeded(&counters(&config), 1).unwrap();
            sim.reset();
            for _ in 0..2 {
                for i in 0..COUNTERS.len() {
                    sim.set("count", 1u64 << i);
                    (0..=10 * i).for_each(|_| sim.tick());
                }
                sim.set("count", 0);
                let want: Vec<u64> = (0..COUNTERS.len()).map(|i| 10 * i as u64 + 1).collect();
                assert_eq!(values(&mut sim, &config), want);
                assert_eq!(values(&mut sim, &config), want, "again");
                sim.set("clear", 1);
                sim.tick();
                sim.set("clear", 0);
                assert_eq!(values(&mut sim, &config), [0; COUNTERS.len()]);
            }
        }
    }

    /// Counters that advance in any of the cycles around a clear, in which totals of before are still about.
    #[test]
    fn nothing_of_before_is_counted() {
        let config = config(54);
        for idle in 0..40 {
            let mut sim = Sim::seeded(&counters(&config), idle).unwrap();
            sim.reset();
            sim.set("count", (1u64 << COUNTERS.len()) - 1);
            (0..100 + idle).for_each(|_| sim.tick());
            sim.set("clear", 1);
            sim.tick();
            sim.set("clear", 0);
            (0..idle).for_each(|_| sim.tick());
            sim.set("count", 0);
            assert_eq!(values(&mut sim, &config), [idle; COUNTERS.len()]);
        }
    }
}
