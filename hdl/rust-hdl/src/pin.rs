//! Signals of rust-hdl beside ports of the description language's evaluator, for simulation.

use num_bigint::BigUint;
use rust_hdl_core::prelude::*;
use sterna_hdl::dsl::{self, Sim};

/// A type whose values the evaluator knows too.
pub trait Word: Synth {
    /// The bits, 64 in each, low ones first.
    fn to_limbs(self) -> Vec<u64>;
    /// The value with these bits.
    fn from_limbs(limbs: &[u64]) -> Self;
}

impl Word for Bit {
    fn to_limbs(self) -> Vec<u64> {
        vec![self.into()]
    }

    fn from_limbs(limbs: &[u64]) -> Self {
        limbs[0] != 0
    }
}

impl<const N: usize> Word for Bits<N> {
    fn to_limbs(self) -> Vec<u64> {
        let mut limbs = BigUint::from(self).to_u64_digits();
        limbs.resize(N.div_ceil(64), 0);
        limbs
    }

    fn from_limbs(limbs: &[u64]) -> Self {
        let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes).into()
    }
}

/// A port of the core.
pub trait Pin {
    /// Says that the core drives this pin, if it does.
    fn drive(&mut self);
    /// Gives an input to the evaluator, if it changed or is asked for; says whether it did.
    fn send(&self, sim: &mut Sim, port: &str, asked: bool) -> bool;
    /// Takes an output from the evaluator.
    fn receive(&mut self, sim: &mut Sim, port: &str);
}

impl<T: Word> Pin for Signal<In, T> {
    fn drive(&mut self) {}

    fn send(&self, sim: &mut Sim, port: &str, asked: bool) -> bool {
        let due = self.changed || asked;
        if due {
            sim.set(port, dsl::Bits::from_limbs(T::BITS as u32, &self.val().to_limbs()));
        }
        due
    }

    fn receive(&mut self, _: &mut Sim, _: &str) {}
}

impl<T: Word> Pin for Signal<Out, T> {
    fn drive(&mut self) {
        self.connect();
    }

    fn send(&self, _: &mut Sim, _: &str, _: bool) -> bool {
        false
    }

    fn receive(&mut self, sim: &mut Sim, port: &str) {
        self.next = T::from_limbs(sim.bits(port).limbs());
    }
}
