//! Faults that the tests see.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::dsl::{Sig, cat_lsb, mux};

/// What the random traffic says about a bridge with a fault.
fn verdict(path: &str, fault: &dyn for<'m> Fn(Sig<'m>) -> Sig<'m>) -> Result<(), String> {
    let m = bridge(&config(8), &BOARD);
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

#[test]
fn planted_faults_are_seen() {
    type Fault = (&'static str, &'static str, for<'m> fn(Sig<'m>) -> Sig<'m>);
    let faults: &[Fault] = &[
        ("another polynomial", "request.crc.next", |s| {
            mux(s.module().signal("index").bit(3), s ^ 0x100u32, s)
        }),
        ("another polynomial for ranges", "memory.crc_unit.index", |s| s ^ (s.bits(7, 1).zext(8))),
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
        ("words come from the other lane", "memory.skip", |s| s ^ 4u32),
        ("bursts cross 4 KiB", "memory.room", |s| s.module().u(s.width(), 16)),
        ("ranges may be anywhere", "memory.whole", always),
        ("refusals are not counted", "access.refusal", never),
        ("errors of the bus are not seen", "core.bad", never),
        ("errors of memory are not seen", "memory.bad", never),
        ("addresses of a commit stand still", "stage.offset", never),
    ];
    let unseen = faults.iter().filter(|(what, path, fault)| {
        let verdict = verdict(path, fault);
        println!("{what}: {verdict:?}");
        verdict.is_ok()
    });
    assert_eq!(unseen.map(|fault| fault.0).collect::<Vec<_>>(), Vec::<&str>::new(), "not seen");
}
