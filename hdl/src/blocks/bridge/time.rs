//! What no model knows: how long things take, and what finds room.

use sterna_spec::bridge::{BRIDGE, MEMORY, QUEUE, crc32, offset};

use super::traffic::{commit, read, write};
use super::*;

/// Cycles of a byte on the line.
const BYTE: usize = 10 * BIT;

fn bench(beat: u32, clock: u32) -> Bench<Plain> {
    bench_of(&bridge(&config(beat, clock), &BOARD), beat)
}

fn bench_of(m: &Module, beat: u32) -> Bench<Plain> {
    Bench::new(Sim::seeded(m, 5).unwrap(), Plain::new(), beat, 0.0, 5)
}

fn send(bench: &mut Bench<Plain>, bytes: &[u8]) {
    bytes.iter().for_each(|byte| bench.send(*byte));
}

/// The words of an answer that has come by the end of so many cycles.
fn words(bench: &mut Bench<Plain>, cycles: usize) -> Vec<u32> {
    bench.run(cycles);
    let bytes: Vec<u8> = bench.received.drain(..).collect();
    let (words, rest) = bytes.as_chunks();
    assert_eq!(rest, [0; 0], "whole words");
    words.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

/// The range without bad memory.
const RANGE: [u32; 2] = [0, 0x3000];

/// With a slow clock also what the memory takes for each beat.
#[test]
fn a_range_takes_a_cycle_for_each_byte() {
    for (beat, clock) in [(4, 100), (8, 100), (64, 100), (4, 54), (8, 54)] {
        let mut bench = bench(beat, clock);
        bench.latency = 25;
        send(&mut bench, &write(BRIDGE + offset::CRC_ADDRESS, &RANGE));
        send(&mut bench, &read(BRIDGE + offset::CRC_VALUE, 1));
        let mut cycles = 0;
        while bench.received.is_empty() {
            bench.tick();
            cycles += usize::from(bench.sim.get("memory.state") == 6);
        }
        let bytes = RANGE[1] as usize;
        let beats = bytes / beat as usize;
        let (more, longest) = if clock > 66 { (bytes / 50, 16) } else { (29 * beats, 1) };
        assert!(
            (bytes..bytes + more).contains(&cycles),
            "beats of {beat}, {clock} MHz: {cycles} cycles for {bytes} bytes"
        );
        assert_eq!((bench.beats, bench.longest), (beats, longest));
        let sum = crc32(&bench.device.memory[..bytes]);
        assert_eq!(words(&mut bench, 4 * BYTE), [sum]);
    }
}

#[test]
fn the_next_requests_wait_for_a_range() {
    CLOCKS.into_iter().for_each(|clock| the_next_requests_wait(bench(4, clock)));
}

#[test]
#[should_panic(expected = "32 bytes find room")]
fn a_smaller_queue_shows() {
    let m = bridge(&config(4, 54), &BOARD);
    m.plant("line.queue.x_ready", |s| s & !s.module().signal("stored").bit(4));
    the_next_requests_wait(bench_of(&m, 4));
}

fn the_next_requests_wait(mut bench: Bench<Plain>) {
    let sum = crc32(&bench.device.memory[..RANGE[1] as usize]);
    send(&mut bench, &commit(BRIDGE + offset::CRC_ADDRESS, 1, &RANGE));
    let next = [read(BRIDGE + offset::CRC_VALUE, 1), read(BRIDGE, 1), vec![0; QUEUE - 24]].concat();
    send(&mut bench, &[&next[..], &read(BRIDGE + offset::LINE_ERRORS, 1), &read(BRIDGE + 4, 1)].concat());
    let id = sterna_spec::bridge::ID;
    assert_eq!(words(&mut bench, 40_000), [sum, id, 0, 1], "{QUEUE} bytes find room");
    send(&mut bench, &commit(BRIDGE + offset::CRC_ADDRESS, 2, &RANGE));
    send(&mut bench, &[&next[..], &[0; 100]].concat());
    assert_eq!(words(&mut bench, 40_000), [sum, id], "the first ones were kept");
    send(&mut bench, &read(BRIDGE + offset::LINE_ERRORS, 1));
    let lost = words(&mut bench, 12 * BYTE)[0] >> 16;
    assert!((1..=next.len() as u32 + 100 - QUEUE as u32).contains(&lost), "{lost} bytes found no room");
}

#[test]
fn cycles_are_counted() {
    let mut bench = bench(4, 54);
    let mut counts = Vec::new();
    for pause in [1000, 3210, 1000] {
        send(&mut bench, &read(BRIDGE + offset::CYCLES, 1));
        counts.extend(words(&mut bench, pause));
    }
    assert_eq!([counts[1] - counts[0], counts[2] - counts[1]], [1000, 3210]);
}

#[test]
fn a_request_is_forgotten_after_its_time() {
    let mut bench = bench(4, 54);
    let (start, end) = ([2, 1, 0, 0], [0x40, 1]);
    send(&mut bench, &start);
    bench.run(4 * BYTE + TIMEOUT as usize - 2 * BYTE);
    send(&mut bench, &end);
    assert_eq!(words(&mut bench, 10 * BYTE), [1], "in time");
    send(&mut bench, &start);
    bench.run(4 * BYTE + TIMEOUT as usize + 10);
    send(&mut bench, &read(BRIDGE + offset::DROPPED, 1));
    assert_eq!(words(&mut bench, 16 * BYTE), [1], "forgotten, and counted");
    // half a write has written the words that came
    send(&mut bench, &write(MEMORY, &[7, 8, 9])[..6 + 9]);
    bench.run(20 * BYTE + TIMEOUT as usize);
    send(&mut bench, &read(MEMORY, 3));
    let third = u32::from_le_bytes(*Plain::new().memory[8..].first_chunk().unwrap());
    assert_eq!(words(&mut bench, 24 * BYTE), [7, 8, third]);
}

#[test]
fn bridges_that_cannot_be_are_refused() {
    for (board, what) in [
        (Board { memory_bytes: 5000, ..BOARD }, "a memory of 5000 bytes"),
        (Board { memory_bytes: 0, ..BOARD }, "a memory of 0 bytes"),
        (Board { memory_bytes: 3 << 30, ..BOARD }, "a memory of 3221225472 bytes"),
        (Board { clock_hz: 9, ..BOARD }, "a clock of 9 Hz"),
        (Board { bit_cycles: 3, ..BOARD }, "a serial bit of 3 cycles"),
    ] {
        let said = bridge(&config(8, 100), &board).check().unwrap_err().to_string();
        assert!(said.contains(what), "{said}");
    }
}
