//! Random expressions: the evaluator equals arithmetic on big integers.

mod common;
use common::{Case, from_bits, random_module, to_bits};
use num_bigint::BigInt;
use sterna_hdl::dsl::Sim;

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
