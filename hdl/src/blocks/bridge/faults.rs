//! Faults that the tests see.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::dsl::{Sig, cat_lsb, mux};

type Fault = (&'static str, &'static str, for<'m> fn(Sig<'m>) -> Sig<'m>);

/// What the random traffic says about a bridge with a fault.
fn verdict(clock: u32, (_, path, fault): &Fault) -> Result<(), String> {
    let m = bridge(&config(8, clock), &BOARD);
    m.plant(path, fault);
    let run = || random(&m, 8, 0.1, 7, 200).map(drop);
    // the bench's own contracts panic
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("a contract is broken".into()))
}

fn never(s: Sig<'_>) -> Sig<'_> {
    s.module().u(s.width(), 0)
}

fn always(s: Sig<'_>) -> Sig<'_> {
    !never(s)
}

fn swapped(s: Sig<'_>) -> Sig<'_> {
    let mut bytes = s.words(8);
    bytes.reverse();
    cat_lsb(&bytes)
}

fn another_polynomial(s: Sig<'_>) -> Sig<'_> {
    mux(s.module().signal("index").bit(3), s ^ 0x100u32, s)
}

/// Of parts that only the fast form has.
const FAST: &[Fault] = &[
    ("another polynomial", "request.crc.next", another_polynomial),
    ("another polynomial for ranges", "memory.crc_unit.index", |s| s ^ (s.bits(7, 1).zext(8))),
    ("words come from the other lane", "memory.skip", |s| s ^ 4u32),
    ("bursts cross 4 KiB", "memory.room", |s| s.module().u(s.width(), 16)),
];

/// Of parts that only the slow form has.
const SLOW: &[Fault] = &[
    ("another polynomial", "crc.next", another_polynomial),
    ("sums of requests go on", "request.crc_clear", never),
    ("sums of commits go on", "stage.crc_clear", never),
    ("sums of ranges go on", "memory.crc_clear", never),
    ("registers keep what they had before a reset", "stage.clears", never),
    ("what begins a commit is kept", "access.put", |s| s | s.module().signal("commit")),
    ("sums of reads are not kept", "request.summed", never),
    ("failed ranges have a sum", "access.failed", never),
    ("a range begins elsewhere", "access.look", |s| s.module().signal("address_q").bits(0, 4)),
    ("words come swapped", "memory.value_read", |s| s.bits(16, 16).zext(32) | s << 16u32),
    ("bytes come in another order", "memory.position", |s| s ^ 1u32),
    ("ranges end a beat late", "memory.next", |s| s.wrapping_sub(1)),
    ("beats of a range are asked for twice", "memory.waits", never),
    ("beats are left on the bus", "memory.takes", |s| s & !s.module().signal("state").eq(7)),
];

#[test]
fn planted_faults_are_seen() {
    let faults: &[Fault] = &[
        ("commits are repeated", "stage.again", never),
        ("wrong sums are carried out", "stage.equal", always),
        ("any number of staged words", "stage.legal", always),
        ("the lock is ignored", "access.open", always),
        ("commits reach what makes a commit", "access.plain", |s| {
            let m = s.module();
            s | (m.signal("committing") & m.signal("state").eq(2))
        }),
        ("requests stand still for ever", "request.late", never),
        ("requests may not stand still", "request.late", |s| {
            let m = s.module();
            s | (m.signal("waits") & m.signal("timer").lt(TIMEOUT * 3 / 4))
        }),
        ("words are sent in memory order", "access.answer_q", swapped),
        ("one address is two", "request.fixed", never),
        ("no words are 256", "request.none", |s| s & !s.module().signal("first")),
        ("any byte is a command", "request.known", always),
        ("its own read changes READ_CRC", "request.counts", |s| s | !s.module().signal("write")),
        ("words go to the other lane", "memory.strobes", |s| cat_lsb(&[s.bits(4, 4), s.bits(0, 4)])),
        ("ranges may be anywhere", "memory.whole", always),
        ("refusals are not counted", "access.refusal", never),
        ("errors of the bus are not seen", "core.bad", never),
        ("errors of memory are not seen", "memory.bad", never),
        ("addresses of a commit stand still", "stage.offset", never),
    ];
    for (clock, own) in CLOCKS.into_iter().zip([FAST, SLOW]) {
        let unseen = faults.iter().chain(own).filter(|fault| {
            let verdict = verdict(clock, fault);
            println!("{}: {verdict:?}", fault.0);
            verdict.is_ok()
        });
        let unseen: Vec<&str> = unseen.map(|fault| fault.0).collect();
        assert_eq!(unseen, Vec::<&str>::new(), "not seen at {clock} MHz");
    }
}
