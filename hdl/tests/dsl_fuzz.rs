//! Random expressions: the evaluator equals arithmetic on big integers.

mod common;
use common::{Case, from_bits, random_module, to_bits};
use num_bigint::BigInt;
use sterna_hdl::dsl::{Module, Sig, Sim, emit, mux, u};

fn check(seed: u64, width: u32, depth: u32) {
    let Case { module, mut maker, outputs } = random_module("random", seed, width, 8, depth);
    let mut sim = Sim::new(&module).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    for _ in 0..24 {
        let tys = maker.inputs.clone();
        let inputs: Vec<BigInt> = tys.iter().map(|ty| maker.value(*ty)).collect();
        for (i, (v, ty)) in inputs.iter().zip(&tys).enumerate() {
            sim.set(&format!("i{i}"), to_bits(v, ty.width));
        }
        for (at, e) in outputs.iter().enumerate() {
            let got = from_bits(&sim.bits(&format!("y{at}")), e.ty);
            assert_eq!(got, e.eval(&inputs), "seed {seed}, width {width}, y{at} = {e:?} of {inputs:?}");
        }
    }
}

#[test]
fn narrow_expressions() {
    (0..400).for_each(|seed| check(seed, 12, 1 + seed as u32 % 5));
}

#[test]
fn expressions_around_one_limb() {
    (1000..1300).for_each(|seed| check(seed, 70, 1 + seed as u32 % 4));
}

#[test]
fn wide_expressions() {
    (2000..2200).for_each(|seed| check(seed, 1500, 1 + seed as u32 % 4));
}

#[test]
fn long_chains_without_names() {
    let m = Module::new("chain", "");
    let x = m.input("x", u(16), "");
    fn steps<'m>(x: Sig<'m>, from: Sig<'m>) -> Sig<'m> {
        (0..3000u32).fold(from, |y, i| mux(x.bit(i % 16), y ^ (i % 7), y.wrapping_add(x)))
    }
    m.output("y", u(16), "").set(steps(x, x));
    let r = m.reg("r", u(16), Some(0), "");
    r.when(steps(x, r.q()).bit(3), steps(x, !x));
    m.output("z", u(16), "").set(r.q());
    let text = &emit(&m).unwrap_or_else(|e| panic!("{e}"))["chain.v"];
    assert!(text.lines().all(|l| l.len() < 120) && text.len() < 2_000_000, "{} bytes", text.len());
    let mut sim = Sim::new(&m).unwrap_or_else(|e| panic!("{e}"));
    sim.set("x", 0x1234);
    let step = |y: u16, i: u32| match 0x1234 >> (i % 16) & 1 {
        1 => y ^ (i % 7) as u16,
        _ => y.wrapping_add(0x1234),
    };
    assert_eq!(sim.get("y"), u64::from((0..3000).fold(0x1234, step)));
}
