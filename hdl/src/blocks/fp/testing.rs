//! What the tests of this folder share: a pipelined run, a comparison.

use crate::dsl::{Module, Sim};

/// Where the random tests start.
pub const SEED: u64 = 0x57e2_4a01;

/// [`super::operands::pairs`] from [`SEED`].
pub fn pairs(n: usize) -> Vec<[u32; 2]> {
    super::operands::pairs(n, SEED)
}

/// [`super::operands::singles`] from [`SEED`].
pub fn operands(n: usize, exponents: std::ops::Range<u32>) -> Vec<u32> {
    super::operands::singles(n, exponents, SEED)
}

/// The answers to `operands`, one set a cycle, `latency` cycles later; registers start with random values.
pub fn run<const N: usize>(
    m: &Module,
    ports: [&str; N],
    output: &str,
    latency: u32,
    operands: &[[i64; N]],
) -> Vec<u64> {
    let mut sim = Sim::seeded(m, SEED).unwrap_or_else(|e| panic!("{}: {e}", m.name()));
    let latency = latency as usize;
    let mut answers = Vec::with_capacity(operands.len());
    for cycle in 0..operands.len() + latency {
        if let Some(values) = operands.get(cycle) {
            ports.iter().zip(values).for_each(|(port, value)| sim.set(port, *value));
        }
        if cycle >= latency {
            answers.push(sim.get(output));
        }
        sim.tick();
    }
    answers
}

/// Panics at the first operands whose answer is not what `reference` says.
pub fn check<const N: usize>(operands: &[[i64; N]], answers: &[u64], reference: impl Fn([i64; N]) -> u64) {
    for (values, got) in operands.iter().zip(answers) {
        let expected = reference(*values);
        assert!(
            *got == expected,
            "seed {SEED:#x}, operands {values:#010x?}: got {got:#x}, expected {expected:#x}"
        );
    }
}

/// How many answers a wrong reference contradicts: shows that a test could fail.
pub fn contradictions<const N: usize>(
    operands: &[[i64; N]],
    answers: &[u64],
    reference: impl Fn([i64; N]) -> u64,
) -> usize {
    operands.iter().zip(answers).filter(|(values, got)| **got != reference(**values)).count()
}
