//! Requests: bytes in, accesses out, answers as bytes; the CRC of reads.
//!
//! ```text
//!                                    no word left: COMMAND
//!                                       ▲
//!   COMMAND ─► LENGTH ─► ADDRESS x 4 ─► CHECK ─► DATA x 4 ─┬─► ASK ─► WAIT ─┬─► SEND x 4
//!     unknown: dropped                  ▲  └──── a read ───┘                │     │
//!                                       └────────── next word ─────────────┴─────┘
//!   a byte does not come in time: COMMAND
//! ```
//!
//! Words of a write are carried out as they arrive, words of a read as they are sent.

use super::crc::Sum;
use crate::dsl::{Module, cat_lsb, index_width, mux, u};
use sterna_spec::bridge::{BRIDGE, offset};

/// Bits of a word address.
pub(super) const WORD: u32 = 30;

/// Streams `rx`, `tx` (bytes), `ask` {word address, word, write}; the access ends with `done` and `answer`.
/// Outputs `dropped` (one cycle) and `read_crc`. A byte is waited for `timeout` cycles. `shared`: its CRC unit is outside, and READ_CRC.
pub(super) fn request(timeout: u32, shared: bool) -> Module {
    let m = Module::new("bridge_request", "Requests of UARTBone as accesses, and their answers as bytes.");
    let rx = m.stream_in("rx", u(8), "bytes received");
    let tx = m.stream_out("tx", u(8), "bytes to send");
    let ask = m.stream_out("ask", u(WORD + 33), "accesses {word address, word, write}");
    let done = m.input("done", u(1), "one cycle: the access has ended");
    let answer = m.input("answer", u(32), "the word read");

    let states = ["COMMAND", "LENGTH", "ADDRESS", "DATA", "CHECK", "ASK", "WAIT", "SEND"];
    let state = m.fsm("state", &states, "what comes next");
    let [command, length, place, data] = ["COMMAND", "LENGTH", "ADDRESS", "DATA"].map(|name| state.is(name));
    let listens = m.node("listens", command | length | place | data);
    let taken = m.node("taken", rx.valid & listens);
    rx.ready.set(listens);
    let byte = rx.data;
    let sending = state.is("SEND");
    let sent = m.node("sent", sending & tx.ready);

    let timer = m.reg(
        "timer",
        u(index_width(timeout as usize) + 1),
        None,
        "cycles left until the request is forgotten",
    );
    let waits = m.node("waits", (length | place | data) & !rx.valid);
    timer.set(mux(waits, timer.q().wrapping_sub(1), m.u(timer.q().width(), timeout - 1)));
    let late = m.node("late", waits & timer.q().msb());

    let low = byte.bit(2) ^ (byte.bit(1) | byte.bit(0));
    let known = m.node("known", low & !byte.bits(3, 5).any()).doc("a command, 1 to 4");
    let write = m.reg("write", u(1), None, "the request writes");
    write.when(command, byte.bit(0));
    let fixed = m.reg("fixed", u(1), None, "all words have one address");
    fixed.when(command, byte.bit(2) | (byte.bit(1) & byte.bit(0)));
    let position = m.reg("position", u(2), None, "byte of the word");
    let last = m.node("last", position.q().all());
    position.when(command, 0);
    position.when((taken & (place | data)) | sent, position.q().wrapping_add(1));

    let step = m.node("step", mux(write.q(), state.is("WAIT") & done, sent & last)).doc("a word is done");
    let left = m.reg("left", u(8), None, "words left");
    left.when(length, byte);
    left.when(step, left.q().wrapping_sub(1));
    let address = m.reg("address", u(WORD), None, "word address");
    address.when(taken & place, cat_lsb(&[byte, address.q().bits(0, WORD - 8)]));
    address.when(step & !fixed.q(), address.q().wrapping_add(1));
    let word = m.reg("word", u(32), None, "the word, its first byte on top");
    word.when(taken & data, cat_lsb(&[byte, word.q().bits(0, 24)]));
    word.when(done, answer);
    word.when(sent, cat_lsb(&[m.u(8, 0), word.q().bits(0, 24)]));
    ask.set(state.is("ASK"), cat_lsb(&[address.q(), word.q(), write.q()]));
    tx.set(sending, word.q().bits(24, 8));

    state.from("COMMAND").goto(taken & known, "LENGTH");
    state.from("LENGTH").goto(taken, "ADDRESS").goto(late, "COMMAND");
    state.from("ADDRESS").goto(taken & last, "CHECK").goto(late, "COMMAND");
    let none = m.node("none", left.q().eq(0)).doc("no word is left");
    let check = state.is("CHECK");
    state.from("CHECK").goto(none, "COMMAND").goto(write.q(), "DATA").goto(!write.q(), "ASK");
    state.from("DATA").goto(taken & last, "ASK").goto(late, "COMMAND");
    state.from("ASK").goto(ask.ready, "WAIT");
    state.from("WAIT").goto(done & !write.q(), "SEND").goto(done, "CHECK");
    state.from("SEND").goto(sent & last, "CHECK");
    m.output("dropped", u(1), "one cycle: a request was forgotten, or a byte is no command")
        .set(late | (taken & command & !known & byte.any()));

    let sum = Sum::new(&m, "crc", shared);
    sum.clear(command, command);
    sum.feed((taken & ((command & known) | length | place)) | sent, mux(sending, word.q().bits(24, 8), byte));
    let first = m.reg("first", u(1), None, "no word is done");
    first.when(place, 1);
    first.when(check, 0);
    let counts = m.reg("counts", u(1), None, "a read that does not begin at READ_CRC");
    counts.when(first.q(), !write.q() & address.q().ne((BRIDGE + offset::READ_CRC) / 4));
    let ended = m.reg("ended", u(1), Some(0), "such a read has ended");
    ended.set(check & none & !first.q() & counts.q());
    if shared {
        m.unused("whoever shares the unit stores it", sum.sum);
        m.output("summed", u(1), "one cycle: the sum is READ_CRC").set(ended.q());
    } else {
        let crc = m.reg("crc_of_read", u(32), Some(0), "CRC32 of the last read");
        crc.when(ended.q(), sum.sum);
        m.output("read_crc", u(32), "CRC32 of the last read").set(crc.q());
    }
    m
}
