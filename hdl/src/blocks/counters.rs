//! The performance counters of one step, in the order of [`sterna_spec::registers::COUNTERS`].
//!
//! Ports: `clear`, `count` (a bit for each counter) and `values` (32 bits for each).

use sterna_spec::registers::COUNTERS;

use crate::dsl::{Module, u};

/// The counters.
pub fn counters() -> Module {
    let m = Module::new("counters", "Counts the cycles of a step by what they are spent on.");
    let n = COUNTERS.len() as u32;
    let clear = m.input("clear", u(1), "restarts all counters");
    let count = m.input("count", u(n), "counters that advance");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::Sim;

    #[test]
    fn each_bit_advances_its_counter() {
        let mut sim = Sim::new(&counters()).unwrap();
        for i in 0..COUNTERS.len() {
            sim.set("count", 1u64 << i);
            (0..=i).for_each(|_| sim.tick());
        }
        sim.set("count", 0);
        let values = sim.bits("values");
        for i in 0..COUNTERS.len() {
            assert_eq!(values.slice(32 * i as u32, 32).to_u64(), i as u64 + 1);
        }
        sim.set("clear", 1);
        sim.tick();
        assert!(sim.bits("values").is_zero());
    }
}
