//! Hostile bytes on a serial line: whatever comes back from a port, the host ends with one sentence and has believed nothing; whatever
//! reaches the bridge, it is in step afterwards.

#[path = "../../fuzz/lines.rs"]
mod lines;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;

fn random(seed: u64, most: usize) -> (ChaCha8Rng, Vec<u8>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let len = rng.random_range(0..most);
    let bytes = (0..len).map(|_| rng.random()).collect();
    (rng, bytes)
}

/// The beginning of a sentence, without numbers.
fn kind(sentence: &str) -> String {
    assert!(sentence.starts_with("line ") && sentence.len() > 20 && !sentence.contains('\n'), "{sentence:?}");
    sentence.split_whitespace().filter(|word| word.bytes().all(|b| b.is_ascii_alphabetic())).take(4).collect()
}

#[test]
fn answers_of_anything_are_refused() {
    let mut kinds = BTreeSet::new();
    for seed in 0..3000 {
        let (mut rng, mut bytes) = random(seed, 3000);
        // a port that is silent, that echoes one byte, that counts
        match seed % 5 {
            0 => bytes.iter_mut().skip(1).for_each(|byte| *byte = 0),
            1 => bytes.iter_mut().skip(1).for_each(|byte| *byte = 0xff),
            2 => bytes.iter_mut().skip(1).zip(0u8..=255).for_each(|(byte, i)| *byte = i),
            _ => bytes.truncate(rng.random_range(0..200)),
        }
        let sentence = lines::answers(&bytes).expect_err("nothing is believed");
        kinds.insert(kind(&sentence));
    }
    println!("{kinds:?}");
    assert!(kinds.len() >= 4, "silent, short, damaged, babbling: {kinds:?}");
}

#[test]
fn what_is_damaged_on_the_way_is_never_believed() {
    let (mut done, mut kinds) = (0, BTreeSet::new());
    for seed in 0..1500 {
        let (mut rng, mut bytes) = random(seed, 400);
        // from an accident in a session to one every few bytes
        let rare = rng.random_range(0..255);
        bytes.iter_mut().step_by(2).for_each(|gap| *gap |= rare);
        match lines::damage(&bytes) {
            Ok(()) => done += 1,
            Err(sentence) => drop(kinds.insert(kind(&sentence))),
        }
    }
    println!("{done} of 1500 came to their end; {kinds:?}");
    assert!(done > 300 && kinds.len() >= 2, "{done} {kinds:?}");
    lines::damage(&[]).unwrap();
}

#[test]
fn bytes_at_the_bridge_leave_it_in_step() {
    for seed in 0..3000 {
        let (mut rng, mut bytes) = random(seed, 2000);
        // requests that nearly are some: known commands, addresses that exist
        for at in (1..bytes.len().saturating_sub(6)).step_by(rng.random_range(6..40)) {
            bytes[at] = rng.random_range(0..6);
            bytes[at + 2..at + 4].copy_from_slice(if rng.random() { &[0, 0] } else { &[0x10, 0] });
            bytes[at + 4] &= 0x47;
        }
        lines::bridge(&bytes);
    }
}
