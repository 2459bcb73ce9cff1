//! CRC32 of a stream of bytes, one a cycle.
//!
//! ```text
//!   byte ─► register ─► eight steps of the polynomial ─► sum
//! ```
//!
//! Requests, commits and ranges each have a unit, or share one: a request sums up nothing while its access is carried out, and a
//! commit has been judged when it computes a range.

use crate::dsl::{Inst, Module, Sig, mux, u};
use sterna_spec::bridge::eight_steps;

/// `clear` begins anew, with the byte of its own cycle; not in the cycle behind one with a byte. `sum` is the CRC32 of all bytes two
/// cycles ago.
pub(super) fn crc32() -> Module {
    let m = Module::new("bridge_crc32", "CRC32 of bytes, as zlib computes it.");
    let clear = m.input("clear", u(1), "begins anew");
    let valid = m.input("valid", u(1), "a byte is there");
    let byte = m.input("data", u(8), "the byte");
    let taken = m.reg("taken", u(1), Some(0), "a byte is taken");
    taken.set(valid);
    let held = m.delay("held", byte, "the byte");

    let state = m.reg("state", u(32), None, "the sum, before the final exclusive or");
    let index = m.node("index", state.q().bits(0, 8) ^ held);
    let bit = |j: u32| {
        let own = if j < 24 { Some(state.q().bit(j + 8)) } else { None };
        // the steps of a byte are the exclusive or of those of its bits
        let flips = (0..8).filter(|&i| eight_steps(1 << i) >> j & 1 == 1).map(|i| index.bit(i));
        own.into_iter().chain(flips).reduce(|a, b| a ^ b).unwrap_or(m.u(1, 0))
    };
    let bits: Vec<Sig<'_>> = (0..32).map(bit).collect();
    let next = m.node("next", m.cat_lsb(&bits));
    state.when(taken.q(), next);
    state.when(clear, m.u(32, u32::MAX));
    m.output("sum", u(32), "CRC32 of the bytes").set(!state.q());
    m
}

/// Where a module's bytes are summed up: a unit `name` of its own, or ports to a shared one.
pub(super) struct Sum<'m> {
    m: &'m Module,
    unit: Option<Inst<'m>>,
    /// The CRC32 of all bytes two cycles ago.
    pub sum: Sig<'m>,
}

impl<'m> Sum<'m> {
    pub fn new(m: &'m Module, name: &str, shared: bool) -> Sum<'m> {
        let unit = (!shared).then(|| m.instance(name, crc32()));
        let sum =
            unit.map_or_else(|| m.input("crc_sum", u(32), "CRC32 of the bytes"), |unit| unit.out("sum"));
        Sum { m, unit, sum }
    }

    /// Begins anew while `rests`, or where others have a turn, with `begins`.
    pub fn clear(&self, rests: Sig<'m>, begins: Sig<'m>) {
        match self.unit {
            Some(unit) => unit.connect("clear", rests),
            None => self.m.output("crc_clear", u(1), "begins anew").set(begins),
        }
    }

    /// A byte when `valid`.
    pub fn feed(&self, valid: Sig<'m>, byte: Sig<'m>) {
        if let Some(unit) = self.unit {
            unit.connect("valid", valid);
            unit.connect("data", byte);
        } else {
            self.m.output("crc_valid", u(1), "a byte is there").set(valid);
            self.m.output("crc_data", u(8), "the byte").set(byte);
        }
    }
}

/// The unit that `users` share: one of them has a turn at a time.
pub(super) fn shared<'m>(m: &'m Module, users: [Inst<'m>; 3]) {
    let unit = m.instance("crc", crc32());
    let any = |port: &str| users.map(|user| user.out(port)).into_iter().reduce(|a, b| a | b);
    for port in ["clear", "valid"] {
        unit.connect(port, any(&format!("crc_{port}")).unwrap_or(m.u(1, 0)));
    }
    let [first, second, third] = users.map(|user| user.out("crc_data"));
    let [own, others, _] = users.map(|user| user.out("crc_valid"));
    unit.connect("data", mux(own, first, mux(others, second, third)));
    users.iter().for_each(|user| user.connect("crc_sum", unit.out("sum")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::Sim;

    #[test]
    fn sums_are_those_of_the_model() {
        let mut sim = Sim::seeded(&crc32(), 1).unwrap();
        for text in [&b"123456789"[..], b"", b"a", b"\xff\x00\x80", b"123456789"] {
            sim.set("clear", 1);
            sim.set("valid", 0);
            if text.is_empty() {
                sim.tick();
            }
            for byte in text {
                sim.set("valid", 1);
                sim.set("data", *byte);
                sim.tick();
                sim.set("clear", 0);
            }
            sim.set("clear", 0);
            sim.set("valid", 0);
            sim.tick();
            assert_eq!(sim.get("sum"), u64::from(sterna_spec::bridge::crc32(text)));
        }
    }
}
