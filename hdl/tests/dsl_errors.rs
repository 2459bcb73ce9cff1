//! Every message that an author of a module can get.

use insta::assert_snapshot;
use sterna_hdl::dsl::*;

/// The faults of a module built by `body` from two inputs, `a` of 8 bits and `b` of 4.
fn faults(body: impl for<'m> FnOnce(&'m Module, Sig<'m>, Sig<'m>)) -> String {
    let m = Module::new("top", "");
    let (a, b) = (m.input("a", u(8), ""), m.input("b", u(4), ""));
    m.unused("test", a);
    m.unused("test", b);
    body(&m, a, b);
    m.check().expect_err("a fault").to_string()
}

/// Takes whatever a method returns.
fn done<T>(_: T) {}

fn child() -> Module {
    let m = Module::new("child", "");
    let x = m.input("x", u(8), "");
    m.output("y", u(8), "").set(!x);
    m
}

#[test]
fn widths() {
    assert_snapshot!(faults(|m, a, b| m.output("y", u(8), "").set(a & b)), @"module `top`: `&` needs equal widths, but `a` is unsigned 8 and `b` is unsigned 4; extend the narrower one with `.ext(8)`");
    assert_snapshot!(faults(|m, a, _| m.output("y", u(8), "").set(a + 1)), @"module `top`: `y` is unsigned 8 but is given `(a + 1)`, which is unsigned 9; cut it with `.trunc(8)`");
    assert_snapshot!(faults(|m, a, _| m.reg("r", u(4), Some(0), "").set(a)), @"module `top`: `r` is unsigned 4 but is given `a`, which is unsigned 8; cut it with `.trunc(4)`");
    assert_snapshot!(faults(|m, a, b| m.output("y", u(8), "").set(mux(a, b, 0).zext(8))), @"module `top`: the condition of a multiplexer must be 1 bit wide, but `a` is unsigned 8; reduce it with `.any()` or compare it");
    assert_snapshot!(faults(|m, a, _| m.reg("r", u(8), Some(0), "").when(a, 0)), @"module `top`: the condition of register `r` must be 1 bit wide, but `a` is unsigned 8; reduce it with `.any()` or compare it");
    assert_snapshot!(faults(|m, a, _| m.output("y", u(4), "").set(a.bits(6, 4))), @"module `top`: bits 6 to 9 of `a` do not exist, it is unsigned 8");
    assert_snapshot!(faults(|m, a, _| m.output("y", u(4), "").set(a.ext(4))), @"module `top`: `.ext` of `a` (unsigned 8) to 4 bits goes the wrong way");
    assert_snapshot!(faults(|m, _, b| m.output("y", u(8), "").set(b.trunc(8))), @"module `top`: `.trunc` of `b` (unsigned 4) to 8 bits goes the wrong way");
    assert_snapshot!(faults(|m, _, _| m.output("y", u(4), "").set(m.u(4, 16))), @"module `top`: the value 16 for a constant does not fit unsigned 4");
    assert_snapshot!(faults(|m, _, _| done(m.reg("r", u(4), Some(-1), ""))), @"module `top`: the value -1 for the reset of `r` does not fit unsigned 4");
    assert_snapshot!(faults(|m, _, _| m.output("y", u(0), "").set(m.u(1, 0))), @"module `top`: `y` has no bits; a width is at least 1");
    assert_snapshot!(faults(|m, a, b| m.output("y", u(3), "").set(a.word_dyn(b.bits(0, 2), 3))), @"module `top`: words of 3 bits do not divide `a`, which is unsigned 8");
    assert_snapshot!(faults(|m, a, b| m.output("y", u(2), "").set(a.word_dyn(b, 2))), @"module `top`: unsigned index of words of `a`: `b` is 4 bits wide, it must be 2");
}

#[test]
fn signs() {
    assert_snapshot!(faults(|m, a, b| m.output("y", u(9), "").set(a + b.as_signed())), @"module `top`: `+` mixes signs, `a` is unsigned 8 and `b` is signed 4; convert one with `.as_signed()` or `.as_unsigned()`");
    assert_snapshot!(faults(|m, a, b| m.output("y", u(1), "").set(a.lt(b.as_signed()))), @"module `top`: `<` mixes signs, `a` is unsigned 8 and `b` is signed 4; convert one with `.as_signed()` or `.as_unsigned()`");
    assert_snapshot!(faults(|m, a, b| m.output("y", s(9), "").set(mux(b.any(), a, -b))), @"
module `top`: a multiplexer mixes signs, `a` is unsigned 8 and `-b` is signed 5; convert one with `.as_signed()` or `.as_unsigned()`
module `top`: an assignment mixes signs, `y` is signed 9 and `0` is unsigned 8; convert one with `.as_signed()` or `.as_unsigned()`
");
    assert_snapshot!(faults(|m, a, b| m.output("y", u(9), "").set(a - b)), @"module `top`: an assignment mixes signs, `y` is unsigned 9 and `(a - b)` is signed 9; convert one with `.as_signed()` or `.as_unsigned()`");
    assert_snapshot!(faults(|m, a, b| m.output("y", u(8), "").set(a.shl_dyn(b.as_signed()))), @"module `top`: a shift amount is unsigned, but `b` is signed 4");
}

#[test]
fn drivers() {
    assert_snapshot!(faults(|m, _, _| done(m.output("y", u(8), ""))), @"module `top`: output `y` is never driven; drive it once");
    assert_snapshot!(faults(|m, _, _| done(m.wire("w", u(8)))), @"module `top`: wire `w` is never driven; drive it once");
    assert_snapshot!(faults(|m, _, _| done(m.reg("r", u(8), None, ""))), @"module `top`: register `r` is never driven; drive it once");
    assert_snapshot!(faults(|m, a, b| {
        let y = m.output("y", u(8), "");
        y.set(a);
        y.set(b);
    }), @"module `top`: net `y` is driven twice, by `a` and by `b`");
    assert_snapshot!(faults(|m, a, _| {
        let r = m.reg("r", u(8), None, "");
        r.set(a);
        r.set(0);
    }), @"module `top`: register `r` is driven twice, by `a` and by `0`");
    assert_snapshot!(faults(|m, a, _| {
        let i = m.instance("u_child", child());
        i.connect("x", a);
        i.connect("x", 3);
    }), @"module `top`: instance input `u_child.x` is driven twice, by `a` and by `3`");
    assert_snapshot!(faults(|m, _, _| done(m.instance("u_child", child()))), @"module `top`: input of `child`, `u_child.x` is never driven; drive it once");
}

#[test]
fn loops() {
    assert_snapshot!(faults(|m, a, _| {
        let (x, y) = (m.wire("x", u(8)), m.wire("y", u(8)));
        x.set(y.sig() & a);
        y.set(!x.sig());
    }), @"module `top`: combinational loop `y` -> `x` -> `y`; put a register in it");
    assert_snapshot!(faults(|m, a, _| {
        let i = m.instance("u_child", child());
        let next = m.node("next", i.out("y") ^ a);
        i.connect("x", next);
    }), @"module `top`: combinational loop `next` -> `u_child_y` -> `next`; put a register in it");
}

#[test]
fn names() {
    assert_snapshot!(faults(|m, a, _| done(m.node("signed", a))), @"module `top`: `signed` is a reserved word of Verilog or SystemVerilog; choose another name");
    assert_snapshot!(faults(|m, a, _| done(m.node("logic", a))), @"module `top`: `logic` is a reserved word of Verilog or SystemVerilog; choose another name");
    assert_snapshot!(faults(|m, a, _| done(m.node("1st", a))), @"module `top`: `1st` is not an identifier; use letters, digits and `_`, starting with a letter");
    assert_snapshot!(faults(|m, a, _| done(m.node("a", a))), @"module `top`: the name `a` is used by a port and by a node");
    assert_snapshot!(faults(|m, a, _| m.reg("clk", u(8), None, "").set(a)), @"module `top`: the name `clk` is used by a register and by the clock");
    assert_snapshot!(faults(|m, a, _| done(m.fsm("state", &["IDLE", "RUN"], "").from("WAIT").goto(a.any(), "RUN"))), @"module `top`: state machine `state` has no state `WAIT`; it has IDLE, RUN");
}

#[test]
fn instances() {
    assert_snapshot!(faults(|m, a, _| m.instance("u_child", child()).connect("z", a)), @"module `top`: instance `u_child` of `child` has no input `z`; it has x");
    assert_snapshot!(faults(|m, _, _| done(m.instance("u_child", child()).out("x"))), @"module `top`: `x` of instance `u_child` of `child` is an input, it cannot be used as an output");
    assert_snapshot!(faults(|m, a, b| {
        let i = m.instance("u_child", child());
        i.connect("x", a - b);
    }), @"module `top`: an assignment mixes signs, `u_child.x` is unsigned 8 and `(a - b)` is signed 9; convert one with `.as_signed()` or `.as_unsigned()`");
    assert_snapshot!(faults(|m, a, _| {
        let other = Module::new("other", "");
        let far = other.input("far", u(8), "");
        m.output("y", u(8), "").set(a & far);
    }), @"module `top`: `far` belongs to module `other`; pass it through ports");
    assert_snapshot!(faults(|m, a, _| {
        let twin = Module::new("child", "");
        twin.output("y", u(8), "").set(twin.input("x", u(8), ""));
        for (name, c) in [("u_one", child()), ("u_two", twin)] {
            m.instance(name, c).connect("x", a);
        }
    }), @"modules `top.u_one` and `top.u_two` contain different modules that are both named `child`; put the parameters into the name");
}

#[test]
fn memories() {
    assert_snapshot!(faults(|m, a, b| {
        let r = m.mem("ram", 8, 16, MemStyle::Lut, "");
        r.write(b.any(), a, a);
        r.read_async("q", b);
    }), @"module `top`: an address of `ram`: `a` is 8 bits wide, it must be 4");
    assert_snapshot!(faults(|m, a, b| m.mem("ram", 8, 16, MemStyle::Lut, "").write(b.any(), b, a)), @"module `top`: memory `ram` is never read");
    assert_snapshot!(faults(|m, _, b| done(m.mem("ram", 8, 16, MemStyle::Lut, "").read_async("q", b))), @"module `top`: memory `ram` is never written and has no initial contents");
    assert_snapshot!(faults(|m, a, b| m.mem("ram", 8, 16, MemStyle::Lut, "").write_lanes(b.bits(0, 3), b, a)), @"module `top`: 3 write lanes do not divide `ram`, which is 8 bits wide");
    assert_snapshot!(faults(|m, _, _| done(m.rom("rom", 8, &[Bits::zero(7)], ""))), @"module `top`: `rom` holds 2 words of 8 bits; its initial contents do not match that");
}

#[test]
fn unread_signals() {
    let m = Module::new("top", "");
    let a = m.input("a", u(8), "");
    let sum = m.node("sum", a.bits(0, 4) + a.bits(2, 4));
    m.output("y", u(2), "").set(sum.bits(1, 2));
    assert_snapshot!(m.check().expect_err("a fault"), @r#"
module `top`: bits 7:6 of input `a` are read by nothing; remove them or say `m.unused("why", ..)`
module `top`: bits 0, 4:3 of node `sum` are read by nothing; remove them or say `m.unused("why", ..)`
"#);
}
