//! Every byte lands once at its address, and faults that must show.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::layout::stripe;

use super::*;
use crate::dsl::{Bits, Sig, Sim};

#[test]
fn every_byte_with_a_strobe_lands_once_at_its_address() {
    for (seed, (ports, port_bytes)) in [(1, 8), (4, 4), (2, 16)].into_iter().enumerate() {
        let config = Config { ports, port_bytes, ..Config::preset("tiny").unwrap() };
        check(&writer(&config), &config, seed as u64);
    }
}

/// Writes 200 random beats against a memory that pauses.
fn check(m: &Module, config: &Config, seed: u64) {
    let (ports, port_bytes) = (config.ports, config.port_bytes);
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sim = Sim::seeded(m, seed).unwrap();
    sim.reset();
    let bases: Vec<u64> = (0..u64::from(ports)).map(|p| p * 0x20000 + 0x1000).collect();
    let bytes: Vec<u8> = bases.iter().flat_map(|b| b.to_le_bytes()).collect();
    sim.set("port_base", Bits::from_bytes(64 * ports, &bytes));
    let beat = config.beat_bytes();
    let (mut want, mut have) = (BTreeMap::new(), BTreeMap::new());
    let mut queues = vec![(Vec::new(), Vec::new(), 0u32); ports as usize];
    let (mut left, mut item) = (200, None);
    while left > 0 || item.is_some() || !sim.is_high("idle") {
        assert!(sim.cycle() < 20_000, "the writer hangs");
        let acknowledged = queues.iter().all(|queue| queue.2 == 0);
        assert!(acknowledged || !sim.is_high("idle"), "idle before the last acknowledgement");
        if item.is_none() && left > 0 && rng.random_bool(0.7) {
            left -= 1;
            let mut put: Vec<u8> = (0..beat + beat.div_ceil(8)).map(|_| rng.random()).collect();
            put.truncate(beat + beat.div_ceil(8));
            let mask: Vec<bool> = (0..beat).map(|i| put[beat + i / 8] >> (i % 8) & 1 == 1).collect();
            let index = 200 - left as u64;
            stripe(config, &bases, index * beat as u64, beat, |address, offset, len| {
                (0..len).filter(|i| mask[offset + i]).for_each(|i| {
                    want.insert(address + i as u64, put[offset + i]);
                });
            });
            let bits: Vec<Bits> = vec![
                Bits::from_bytes(8 * beat as u32, &put[..beat]),
                Bits::from_bytes(beat as u32, &put[beat..]),
                Bits::from_u64(32, index),
            ];
            item = Some(join(&bits));
        }
        sim.set("w_valid", item.is_some());
        if let Some(bits) = &item {
            sim.set("w_data", bits.clone());
        }
        for (p, queue) in queues.iter_mut().enumerate() {
            let name = axi::prefix(config, p as u32);
            let go = [0, 1, 2].map(|_| rng.random_bool(0.6));
            sim.set(&format!("{name}_awready"), go[0]);
            sim.set(&format!("{name}_wready"), go[1]);
            sim.set(&format!("{name}_bvalid"), go[2] && queue.2 > 0);
            queue.2 -= u32::from(go[2] && queue.2 > 0);
            if go[0] && sim.is_high(&format!("{name}_awvalid")) {
                queue.0.push(sim.get(&format!("{name}_awaddr")));
            }
            if go[1] && sim.is_high(&format!("{name}_wvalid")) {
                queue.1.push((sim.bits(&format!("{name}_wdata")), sim.bits(&format!("{name}_wstrb"))));
            }
            while !queue.0.is_empty() && !queue.1.is_empty() {
                let (address, (data, strobes)) = (queue.0.remove(0), queue.1.remove(0));
                assert!(!strobes.is_zero(), "a write of nothing");
                for i in (0..port_bytes).filter(|&i| strobes.bit(i)) {
                    let twice = have.insert(address + u64::from(i), data.slice(8 * i, 8).to_u64() as u8);
                    assert!(twice.is_none(), "written twice");
                }
                queue.2 += 1;
            }
        }
        // after the buses have answered: w_ready depends on them
        let taken = item.is_some() && sim.is_high("w_ready");
        sim.tick();
        if taken {
            item = None;
        }
    }
    assert_eq!(have, want, "other bytes than were put");
}

/// Parts side by side, the first lowest.
fn join(parts: &[Bits]) -> Bits {
    let width = parts.iter().map(Bits::width).sum();
    let bits = parts.iter().flat_map(|p| (0..p.width()).map(|i| p.bit(i)));
    let mut bytes = vec![0u8; (width as usize).div_ceil(8)];
    bits.enumerate().filter(|(_, b)| *b).for_each(|(i, _)| bytes[i / 8] |= 1 << (i % 8));
    Bits::from_bytes(width, &bytes)
}

/// The same on four narrow ports, the first of them with a fault in it.
fn with_fault(path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) {
    let config = Config { ports: 4, port_bytes: 4, ..Config::preset("tiny").unwrap() };
    let m = writer(&config);
    m.plant(path, fault);
    check(&m, &config, 7);
}

#[test]
#[should_panic(expected = "other bytes than were put")]
fn a_strobe_too_many_shows() {
    with_fault("port0.held_strobes", |s| s | s.module().u(4, 4));
}

#[test]
#[should_panic(expected = "a write of nothing")]
fn a_write_without_strobes_shows() {
    with_fault("port0.taken", |s| s.module().signal("put_valid") & s.module().signal("room"));
}

#[test]
#[should_panic(expected = "the writer hangs")]
fn an_address_that_is_overwritten_shows() {
    // the channel of data alone says when there is room
    with_fault("port0.room", |s| {
        let [held, ready] = ["data_held", "m_axi_wready"].map(|name| s.module().signal(name));
        !held | ready
    });
}

#[test]
#[should_panic(expected = "idle before the last acknowledgement")]
fn idle_before_the_last_acknowledgement_shows() {
    with_fault("port0.idle", |s| s | s.module().signal("flying").eq(1));
}
