//! Faults planted into the unit: each must make the comparison with the golden model fail.

use super::bench::Bench;
use super::program::Step;
use super::*;
use crate::dsl::{Inst, Wire};

/// What the comparison says about a unit of these parts.
fn verdict(c: &Config, parts: Parts) -> Result<(), String> {
    let m = Module::new("vector", "");
    build(&m, c, parts);
    verdict_of(c, &m)
}

fn verdict_of(c: &Config, m: &Module) -> Result<(), String> {
    (40..43).try_for_each(|seed| {
        let step = Step::new(c, seed, 60);
        step.compare(&mut Bench::new(c, m, seed), seed).map(|_| ())
    })
}

fn parts(c: &Config, change: impl FnOnce(&mut Parts)) -> Parts {
    let mut parts = Parts::new(c);
    change(&mut parts);
    parts
}

/// Makes the ports of `inst` ports of `m`, except those in `changed`.
fn pass_through(m: &Module, inst: Inst<'_>, changed: &[&str]) {
    let all: Vec<String> = inst.ports("").into_iter().map(|p| p.0).collect();
    let rest: Vec<&String> = all.iter().filter(|p| !changed.contains(&p.as_str())).collect();
    // `export` takes every port that starts with a name
    for port in rest.iter().filter(|p| !rest.iter().any(|q| p.starts_with(q.as_str()) && q != *p)) {
        m.export(inst, port, port);
    }
}

/// A module with the ports of `inner`, of which `drive` drives the outputs in `changed`.
fn wrapped(inner: Module, changed: &[&str], drive: impl FnOnce(&Module, Inst<'_>, &[Wire<'_>])) -> Module {
    let m = Module::new(&format!("faulty_{}", inner.name()), "");
    let inst = m.instance("inner", inner);
    pass_through(&m, inst, changed);
    let wires: Vec<Wire> = changed.iter().map(|p| m.output(p, inst.out(p).ty(), "")).collect();
    drive(&m, inst, &wires);
    m
}

fn issue_with(c: &Config, changed: &[&str], drive: impl FnOnce(&Module, Inst<'_>, &[Wire<'_>])) -> Parts {
    parts(c, |p| p.issue = wrapped(issue::issue(c, Widths::new(c)), changed, drive))
}

#[test]
fn the_plain_parts_pass() {
    let c = config(4, 2);
    assert_eq!(verdict(&c, Parts::new(&c)), Ok(()));
    assert_eq!(verdict(&c, issue_with(&c, &[], |_, _, _| {})), Ok(()), "wrapping changes nothing");
}

/// A maximum that begins again with each piece; sums that are folded after each.
#[test]
fn reductions_that_do_not_go_on_show() {
    let c = config(4, 2);
    for signal in ["open", "part"] {
        let m = Module::new("vector", "");
        build(&m, &c, Parts::new(&c));
        m.plant(signal, |x| x.module().u(1, 0));
        assert!(verdict_of(&c, &m).is_err(), "{signal}");
    }
}

#[test]
fn rounding_ties_up_shows() {
    let c = config(4, 2);
    let up = parts(&c, |p| {
        let m = Module::new("faulty_quantize", "");
        let (x, value) = (m.input("x", u(32), ""), m.output("value", crate::dsl::s(16), ""));
        let inner = m.instance("inner", fp::f32_to_int(16, Pace::of(&c)));
        // the lowest bit turns a tie into more than a tie and changes nothing else
        inner.connect("x", cat_lsb(&[x.bit(0) | !x.bit(31) & x.bits(1, 30).any(), x.bits(1, 31)]));
        value.set(inner.out("value"));
        p.shared.quantize = Rc::new(m);
    });
    let message = verdict(&c, up).expect_err("ties go to even");
    assert!(message.contains("word"), "{message}");
}

#[test]
fn a_lost_word_shows() {
    let c = config(4, 2);
    let lossy = issue_with(&c, &["slot_valid"], |m, inst, out| {
        let count = m.reg("count", u(9), Some(0), "");
        count.when(inst.out("slot_valid"), count.q().wrapping_add(1));
        out[0].set(inst.out("slot_valid") & count.q().ne(300));
    });
    assert!(verdict(&c, lossy).is_err());
}

/// A change of a signal.
type Fault = dyn Fn(Sig<'_>) -> Sig<'_>;

/// Rows share what is theirs alone: partial sums, largest magnitudes, a place in the loop.
#[test]
fn rows_that_meet_show() {
    let c = config(4, 3);
    let fault = |path: &str, change: &Fault| {
        let m = Module::new("vector", "");
        build(&m, &c, Parts::new(&c));
        m.plant(path, change);
        let check = |seed| Step::new(&c, seed, 60).compare(&mut Bench::new(&c, &m, seed), seed).map(|_| ());
        (40..43).try_for_each(check)
    };
    assert_eq!(fault("issue.some", &|x| x), Ok(()), "the same value changes nothing");
    let off: [(&str, &Fault); 5] = [
        ("sum.row_now", &|x| x & 2u8),
        ("max.first_pipe", &|x| x.module().u(x.width(), 0)),
        ("issue.next_index", &|x| x | 1u8),
        ("m_part", &|x| x.module().u(x.width(), 0)),
        ("z_dst", &|x| x.wrapping_add(1u8)),
    ];
    for (path, change) in off {
        assert!(fault(path, change).is_err(), "{path}");
    }
}

#[test]
fn a_rotation_off_by_one_shows() {
    let c = config(4, 2);
    let off = parts(&c, |p| {
        let m = Module::new("faulty_issue", "");
        let inner = m.instance("inner", issue::issue(&c, Widths::new(&c)));
        pass_through(&m, inner, &["a", "rotate"]);
        let (a, rotate) = (m.input("a", u(16), ""), m.input("rotate", u(1), ""));
        inner.connect("rotate", rotate);
        inner.connect("a", a.wrapping_add(rotate.zext(16)));
        p.issue = m;
    });
    let message = verdict(&c, off).expect_err("the halves change places");
    assert!(message.contains("rotate: true"), "{message}");
}
