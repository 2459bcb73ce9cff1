//! The operations: their hardware, their definition, and what another implementation's answer means here.

use clap::ValueEnum;
use sterna_hdl::blocks::fp::{self, Latency, Pace};
use sterna_hdl::dsl::{Module, u};
use sterna_spec::isa::Func;
use sterna_spec::numbers::{self, CANONICAL_NAN, INFINITY};

/// An operation of the device, under TestFloat's name where that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Op {
    /// Sum.
    F32Add,
    /// Product.
    F32Mul,
    /// The larger of two numbers, which is what decides `a <= b`.
    F32Le,
    /// Integer of 32 bits to binary32.
    I32ToF32,
    /// Binary32 to integer, ties to even, clamped to 16 bits.
    F32ToI32,
    /// Binary32 to unsigned fixed point with 24 fraction bits, 0 to 1.
    Fix24,
    /// 2^x.
    Exp2,
    /// 1/x.
    Recip,
    /// 1/sqrt(x).
    Rsqrt,
}

/// The hardware of an operation.
pub(super) struct Unit {
    pub module: Module,
    /// Its inputs, one for each operand.
    pub operands: &'static [&'static str],
    /// An input that chooses the function, and the choice.
    pub select: Option<(&'static str, u32)>,
    pub output: &'static str,
    /// Cycles from operands to answer.
    pub latency: u32,
}

/// `exception` bits of TestFloat: underflow, invalid.
const UNDERFLOW: u32 = 2;
const INVALID: u32 = 16;

fn subnormal(x: u32) -> bool {
    x & INFINITY == 0 && x & 0x7f_ffff != 0
}

fn nan(x: u32) -> bool {
    f32::from_bits(x).is_nan()
}

fn larger() -> Module {
    let m = Module::new("f32_max", "The larger of two binary32 numbers.");
    let (a, b) = (m.input("a", u(32), "binary32"), m.input("b", u(32), "binary32"));
    m.output("max", u(32), "a cycle later").set(m.delay("larger", fp::max_num(a, b), "the larger"));
    m
}

impl Op {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
    }

    pub(super) fn unit(self, pace: Pace) -> Unit {
        let cycles = Latency::at(pace);
        let unit =
            |module, operands, output, latency| Unit { module, operands, select: None, output, latency };
        let function = |f: Func| Unit {
            select: Some(("func", f as u32)),
            ..unit(fp::sfu(pace), &["x"], "result", cycles.sfu)
        };
        match self {
            Op::F32Add => unit(fp::add(pace), &["a", "b"], "sum", cycles.add),
            Op::F32Mul => unit(fp::mul(pace), &["a", "b"], "product", cycles.mul),
            Op::F32Le => unit(larger(), &["a", "b"], "max", 1),
            Op::I32ToF32 => unit(fp::int_to_f32(32, pace), &["value"], "result", cycles.int_to_f32),
            Op::F32ToI32 => unit(fp::f32_to_int(16, pace), &["x"], "value", cycles.f32_to_int),
            Op::Fix24 => unit(fp::fix24(pace), &["p"], "fixed", cycles.fix24),
            Op::Exp2 => function(Func::Exp2),
            Op::Recip => function(Func::Recip),
            Op::Rsqrt => function(Func::Rsqrt),
        }
    }

    /// Number of operands.
    pub fn arity(self) -> usize {
        if matches!(self, Op::F32Add | Op::F32Mul | Op::F32Le) { 2 } else { 1 }
    }

    /// Whether TestFloat makes vectors of it.
    pub(super) fn has_vectors(self) -> bool {
        !matches!(self, Op::Fix24 | Op::Exp2 | Op::Recip | Op::Rsqrt)
    }

    /// The definition's answer.
    pub(super) fn golden(self, [a, b]: [u32; 2]) -> u32 {
        let (x, y) = (f32::from_bits(a), f32::from_bits(b));
        match self {
            Op::F32Add => numbers::add(x, y).to_bits(),
            Op::F32Mul => numbers::mul(x, y).to_bits(),
            Op::F32Le => numbers::max_num(x, y).to_bits(),
            Op::I32ToF32 => numbers::int_to_f32((a as i32).into()).to_bits(),
            Op::F32ToI32 => u32::from(numbers::quantize(x, 16) as u16),
            Op::Fix24 => numbers::fix24(x),
            Op::Exp2 => numbers::exp2(x).to_bits(),
            Op::Recip => numbers::recip(x).to_bits(),
            Op::Rsqrt => numbers::rsqrt(x).to_bits(),
        }
    }

    /// What an IEEE 754 implementation's `result` and `exceptions` (tininess detected before rounding) mean under the rules of
    /// [`sterna_spec::numbers`]; nothing if an operand is one that these rules replace.
    pub(super) fn expected(self, [a, b]: [u32; 2], result: u32, exceptions: u32) -> Option<u32> {
        let sign = 1 << 31;
        Some(match self {
            Op::F32Add | Op::F32Mul | Op::F32Le if subnormal(a) || subnormal(b) => return None,
            Op::F32Add | Op::F32Mul if nan(result) => CANONICAL_NAN,
            Op::F32Add | Op::F32Mul if exceptions & UNDERFLOW != 0 || subnormal(result) => result & sign,
            Op::F32Le => match (nan(a), nan(b)) {
                (true, true) => CANONICAL_NAN,
                (true, false) => b,
                (false, true) => a,
                _ => {
                    if result & 1 == 1 {
                        b
                    } else {
                        a
                    }
                }
            },
            Op::F32ToI32 => {
                let limits = [i32::from(i16::MAX), i32::from(i16::MIN)];
                let value = match (nan(a), exceptions & INVALID != 0) {
                    (true, _) => 0,
                    (_, true) => limits[(a >> 31) as usize],
                    _ => (result as i32).clamp(limits[1], limits[0]),
                };
                u32::from(value as u16)
            }
            _ => result,
        })
    }
}
