//! A serial port: 8 data bits, no parity, one stop bit, least significant bit first.
//!
//! ```text
//!  rx --> two registers --> sampler --> y        bytes received; `framing`, `overrun` for one cycle each
//!  x  --> shift register ------------> tx        bytes to send
//! ```
//!
//! Parameter: cycles of a bit, 4 or more. The receiver looks at the middle of each bit, as counted from the falling edge of the
//! start bit, so it follows a sender whose clock is up to 4 % off (2 % with fewer than 13 cycles, which see the edge less exactly).
//! A start bit that is gone by its middle is a glitch and is ignored; a stop bit that is low is a framing error, its byte is
//! dropped, and the receiver waits for the line to rest. A byte that nobody took before the next is complete stays, and the next
//! is dropped: an overrun.

use crate::dsl::*;

/// Bits of a frame: start, eight of data, stop.
const FRAME: u32 = 10;

/// The receiver: input `rx`, output stream `y` of bytes, outputs `framing` and `overrun`.
pub fn receiver(cycles: u32) -> Module {
    let m =
        Module::new(&format!("uart_rx_n{cycles}"), "Serial receiver, 8 data bits, no parity, one stop bit.");
    if cycles < 4 {
        m.fault(&format!("a serial bit of {cycles} cycles: it takes 4 or more"));
        return m;
    }
    let rx = m.input("rx", u(1), "the line, high at rest, from another clock");
    let y = m.stream_out("y", u(8), "bytes received");
    let early = m.reg("early", u(1), Some(1), "the line, a cycle later");
    early.set(rx);
    let line = m.reg("line", u(1), Some(1), "the line on this clock");
    line.set(early.q());

    let busy = m.reg("busy", u(1), Some(0), "a frame is being received");
    let armed = m.reg("armed", u(1), Some(0), "the line has rested since the last frame");
    let start = m.node("start", armed.q() & !line.q() & !busy.q());

    let timer =
        m.reg("timer", u(index_width(cycles as usize)), Some(0), "cycles to the middle of the next bit");
    let sample = m.node("sample", busy.q() & timer.q().eq(0));
    timer.when(start, (cycles / 2 - 1).into_sig(&m, index_width(cycles as usize)));
    timer.when(sample, (cycles - 1).into_sig(&m, index_width(cycles as usize)));
    timer.when(busy.q(), timer.q().wrapping_sub(1));
    let bit = m.reg("position", u(4), Some(0), "bit of the frame, 0 the start bit");
    let last = m.node("last", bit.q().eq(FRAME - 1));
    bit.when(start, 0);
    bit.when(sample, bit.q().wrapping_add(1));
    armed.when(start, 0);
    // a stop bit is rest enough: a sender that is ahead starts its next frame before half a bit is over
    armed.when(line.q() & (!busy.q() | (sample & last)), 1);
    let glitch = m.node("glitch", bit.q().eq(0) & line.q());
    busy.when(start, 1);
    busy.when(sample & (glitch | last), 0);
    let byte = m.reg("received", u(8), None, "the bits so far");
    byte.when(sample & !last, cat_lsb(&[byte.q().bits(1, 7), line.q()]));

    let complete = m.node("complete", sample & last & line.q());
    let full = m.reg("full", u(1), Some(0), "a byte is offered");
    let held = m.reg("held", u(8), None, "the byte offered");
    let room = m.node("room", !full.q() | y.ready);
    held.when(complete & room, byte.q());
    full.when(room, complete);
    y.set(full.q(), held.q());
    m.output("framing", u(1), "one cycle: a stop bit was low").set(sample & last & !line.q());
    m.output("overrun", u(1), "one cycle: a byte found no room").set(complete & !room);
    m
}

/// The transmitter: input stream `x` of bytes, output `tx`.
pub fn transmitter(cycles: u32) -> Module {
    let m = Module::new(
        &format!("uart_tx_n{cycles}"),
        "Serial transmitter, 8 data bits, no parity, one stop bit.",
    );
    if cycles < 4 {
        m.fault(&format!("a serial bit of {cycles} cycles: it takes 4 or more"));
        return m;
    }
    let x = m.stream_in("x", u(8), "bytes to send");
    let left = m.reg("left", u(4), Some(0), "bits left of the frame");
    let idle = m.node("idle", left.q().eq(0));
    x.ready.set(idle);
    let start = m.node("start", x.valid & idle);
    let timer = m.reg("timer", u(index_width(cycles as usize)), Some(0), "cycles left of the bit");
    let next = m.node("next", !idle & timer.q().eq(0));
    let full = (cycles - 1).into_sig(&m, index_width(cycles as usize));
    timer.when(start | next, full);
    timer.when(!idle, timer.q().wrapping_sub(1));
    left.when(start, FRAME);
    left.when(next, left.q().wrapping_sub(1));
    let frame = m.reg("frame", u(FRAME - 1), None, "the bits behind the one on the line, high at the end");
    frame.when(start, cat_lsb(&[x.data, m.u(1, 1)]));
    frame.when(next, cat_lsb(&[frame.q().bits(1, FRAME - 2), m.u(1, 1)]));
    let tx = m.reg("level", u(1), Some(1), "the line");
    tx.when(start, 0);
    tx.when(next, frame.q().bit(0));
    m.output("tx", u(1), "the line, high at rest").set(tx.q());
    m
}

/// A number as a signal of a width.
trait Number {
    fn into_sig(self, m: &Module, width: u32) -> Sig<'_>;
}

impl Number for u32 {
    fn into_sig(self, m: &Module, width: u32) -> Sig<'_> {
        m.u(width, u64::from(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Levels of a line: bytes as frames, with `rest` bits of rest behind each; a bit takes `cycles` cycles.
    fn frames(bytes: &[u8], cycles: f64, rest: usize) -> Vec<bool> {
        let mut bits = vec![true; 2];
        for byte in bytes {
            bits.push(false);
            bits.extend((0..8).map(|i| byte >> i & 1 == 1));
            bits.extend(vec![true; 1 + rest]);
        }
        bits.extend([true; 3]);
        let total = (bits.len() as f64 * cycles) as usize;
        (0..total).map(|at| bits[(at as f64 / cycles) as usize]).collect()
    }

    /// What a receiver makes of a line: bytes taken, framing errors, overruns.
    fn receive(m: &Module, line: &[bool], take: u32, seed: u64) -> (Vec<u8>, usize, usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut sim = Sim::seeded(m, seed).unwrap();
        let (mut bytes, mut framing, mut overrun, mut stalled) = (Vec::new(), 0, 0, None);
        for level in line {
            sim.set("rx", *level);
            let ready = rng.random_range(0..100) < take;
            sim.set("y_ready", ready);
            framing += usize::from(sim.is_high("framing"));
            overrun += usize::from(sim.is_high("overrun"));
            if sim.is_high("y_valid") {
                let byte = sim.get("y_data") as u8;
                assert!(stalled.is_none_or(|before| before == byte), "changed while stalled");
                stalled = (!ready).then_some(byte);
                if ready {
                    bytes.push(byte);
                }
            } else {
                assert_eq!(stalled, None, "withdrawn");
            }
            sim.tick();
        }
        (bytes, framing, overrun)
    }

    fn some_bytes(seed: u64) -> Vec<u8> {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        [vec![0, 255, 0x55, 0xaa], (0..30).map(|_| rng.random()).collect()].concat()
    }

    #[test]
    fn bytes_arrive_from_clocks_that_are_off() {
        for (seed, cycles) in [4u32, 5, 8, 13, 16, 100].into_iter().enumerate() {
            let bytes = some_bytes(seed as u64);
            for off in [0.96, 1.0, 1.04] {
                // few samples a bit leave less room
                let off = if cycles < 13 { 1.0 + (off - 1.0) / 2.0 } else { off };
                for rest in [0, 1, 7] {
                    let line = frames(&bytes, f64::from(cycles) * off, rest);
                    let got = receive(&receiver(cycles), &line, 100, seed as u64);
                    assert_eq!(got, (bytes.clone(), 0, 0), "{cycles} cycles, clock {off}, rest {rest}");
                }
            }
        }
    }

    #[test]
    fn what_is_sent_is_received() {
        for (seed, cycles) in [4u32, 7, 16].into_iter().enumerate() {
            let bytes = some_bytes(seed as u64);
            let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
            let mut sim = Sim::seeded(&transmitter(cycles), seed as u64).unwrap();
            let (mut line, mut next, mut rest) = (Vec::new(), 0, 0);
            while next < bytes.len() || rest < 30 * cycles {
                let offer = next < bytes.len() && rng.random_range(0..100) < 30;
                sim.set("x_valid", offer);
                sim.set("x_data", if offer { u64::from(bytes[next]) } else { 0 });
                next += usize::from(offer && sim.is_high("x_ready"));
                line.push(sim.is_high("tx"));
                rest += u32::from(next == bytes.len());
                sim.tick();
            }
            let got = receive(&receiver(cycles), &line, 100, seed as u64);
            assert_eq!(got, (bytes, 0, 0), "{cycles} cycles");
        }
    }

    #[test]
    fn a_full_transmitter_sends_a_frame_in_ten_bits_and_a_cycle() {
        let mut sim = Sim::new(&transmitter(8)).unwrap();
        sim.set("x_valid", 1);
        let taken: Vec<usize> = (0..400)
            .filter(|_| {
                let ready = sim.is_high("x_ready");
                sim.tick();
                ready
            })
            .collect();
        assert!(taken.windows(2).all(|pair| pair[1] - pair[0] == 81), "{taken:?}");
    }

    #[test]
    fn glitches_and_breaks_are_survived() {
        let m = receiver(8);
        let quiet = vec![true; 40];
        let glitch = vec![false; 3];
        let broken = vec![false; 300];
        let bytes = [0x31, 0x41, 0x59];
        let good = frames(&bytes, 8.0, 1);
        let line = [&quiet[..], &glitch, &quiet, &good, &broken, &quiet, &good].concat();
        assert_eq!(
            receive(&m, &line, 100, 1),
            ([bytes, bytes].concat(), 1, 0),
            "one framing error for a long break"
        );
    }

    #[test]
    fn a_byte_without_room_is_counted_and_the_first_one_kept() {
        let bytes = some_bytes(5);
        let line = frames(&bytes, 8.0, 0);
        let (got, framing, overrun) = receive(&receiver(8), &line, 1, 5);
        assert!(overrun > 0 && framing == 0 && got.len() + overrun <= bytes.len());
        assert!(got.len() + overrun >= bytes.len() - 1, "each byte is taken, dropped, or still held");
        let mut rest = bytes.iter();
        assert!(got.iter().all(|byte| rest.any(|b| b == byte)), "order is kept");
    }

    #[test]
    fn planted_faults_are_seen() {
        let bytes = some_bytes(9);
        let line = frames(&bytes, 8.0, 0);
        let faulty = |path: &str, fault: fn(Sig<'_>) -> Sig<'_>| {
            let m = receiver(8);
            m.plant(path, fault);
            receive(&m, &line, 100, 9) != (bytes.clone(), 0, 0)
        };
        assert!(!faulty("line", |s| s), "no fault");
        assert!(faulty("received", |s| s ^ s.module().u(8, 0x10)), "a bit turned");
        assert!(faulty("last", |s| s.module().signal("position").eq(8)), "the stop bit one early");
        assert!(faulty("sample", |s| s & !s.module().signal("position").eq(3)), "a bit passed over");
        let sent = |fault: Option<fn(Sig<'_>) -> Sig<'_>>| {
            let m = transmitter(8);
            if let Some(fault) = fault {
                m.plant("frame", fault);
            }
            let mut sim = Sim::new(&m).unwrap();
            let mut line = Vec::new();
            for at in 0..200 {
                sim.set("x_valid", at == 5);
                sim.set("x_data", 0x96);
                line.push(sim.is_high("tx"));
                sim.tick();
            }
            receive(&receiver(8), &line, 100, 0).0
        };
        assert_eq!(sent(None), [0x96]);
        assert_ne!(sent(Some(|s| !s)), [0x96]);
    }

    #[test]
    fn reads_well() {
        let text = verilog(&receiver(16)).unwrap() + "\n" + &verilog(&transmitter(16)).unwrap();
        insta::assert_snapshot!(text);
    }
}
