//! Registers on a stream in both directions, so that no path goes through it.
//!
//! ```text
//!  x ──┬──────────┬──► out ──► y        x_ready is a register: there is room in the spare one
//!      └─► spare ─┘
//! ```
//!
//! Parameter: width of the data. A word moves through every cycle and appears one cycle after it was taken; two fit in.

use crate::dsl::*;

/// A relay with input stream `x` and output stream `y`.
pub fn relay(width: u32) -> Module {
    let m = Module::new(&format!("relay_w{width}"), "Registers on a stream in both directions.");
    let x = m.stream_in("x", u(width), "words in");
    let y = m.stream_out("y", u(width), "words out");
    let full = m.reg("full", u(1), Some(0), "a word is offered");
    let out = m.reg("out", u(width), None, "the word");
    let spare_full = m.reg("spare_full", u(1), Some(0), "one more waits");
    let spare = m.reg("spare", u(width), None, "that one, or the one that may become it");

    let free = m.node("free", !full.q() | y.ready);
    x.ready.set(!spare_full.q());
    spare.when(!spare_full.q(), x.data);
    spare_full.set((x.valid | spare_full.q()) & !free);
    full.set(x.valid | spare_full.q() | !free);
    out.when(free, mux(spare_full.q(), spare.q(), x.data));
    y.set(full.q(), out.q());
    m
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::collections::VecDeque;

    /// Shares of cycles, in percent, in which the producer offers and the consumer takes; returns the words that moved.
    fn run(m: &Module, offer: u32, take: u32, seed: u64) -> Result<u32, String> {
        println!("offer {offer} %, take {take} %, seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut sim = Sim::seeded(m, seed).map_err(|e| e.to_string())?;
        let (mut model, mut offered, mut stalled, mut moved) = (VecDeque::new(), None, None, 0);
        for cycle in 0..600 {
            if offered.is_none() && rng.random_range(0..100) < offer {
                offered = Some(rng.random_range(0..512u64));
            }
            sim.set("x_valid", offered.is_some());
            sim.set("x_data", offered.unwrap_or(0));
            sim.set("y_ready", false);
            let (ready, valid) = (sim.is_high("x_ready"), sim.is_high("y_valid"));
            let take = rng.random_range(0..100) < take;
            sim.set("y_ready", take);
            let check =
                |ok: bool, what: &str| if ok { Ok(()) } else { Err(format!("cycle {cycle}: {what}")) };
            check(ready == sim.is_high("x_ready") && valid == sim.is_high("y_valid"), "a path goes through")?;
            check(valid != model.is_empty(), "a word is late or lost")?;
            check(ready == (model.len() < 2), "room for two")?;
            let out = sim.get("y_data");
            check(stalled.take().is_none_or(|before| before == out), "changed while stalled")?;
            if valid && take {
                check(model.pop_front() == Some(out), "another word")?;
                moved += 1;
            } else if valid {
                stalled = Some(out);
            }
            if ready {
                model.extend(offered.take());
            }
            sim.tick();
        }
        Ok(moved)
    }

    #[test]
    fn keeps_order_and_loses_nothing_under_stalls() {
        for (seed, (offer, take)) in
            [(100, 100), (50, 50), (90, 20), (20, 90), (100, 10)].into_iter().enumerate()
        {
            let moved = run(&relay(9), offer, take, seed as u64).unwrap();
            assert!(moved > 40 && (offer < 100 || take < 100 || moved >= 598), "{moved} words");
        }
    }

    #[test]
    fn planted_faults_are_seen() {
        for path in ["free", "spare_full", "full", "spare", "out"] {
            let m = relay(9);
            m.plant(path, |value| !value);
            assert!(run(&m, 50, 50, 1).is_err(), "{path}");
        }
    }
}
