//! Binary32 arithmetic as hardware, equal to `sterna_spec::numbers` bit for bit.
//!
//! Every module takes one operation a cycle and never stalls; what is on the inputs in cycle t is answered on the output, a
//! register, in cycle t + latency, which follows from the clock's [`Pace`]. There is no `valid` and no reset: users carry their own
//! tags along.
//!
//! | module | builder | inputs | output | latency |
//! |---|---|---|---|---|
//! | `f32_mul` | [`mul`] | `a`, `b` | `product` | [`Latency::mul`] |
//! | `f32_add` | [`add`] | `a`, `b` | `sum` | [`Latency::add`] |
//! | `int<W>_to_f32` | [`int_to_f32`] | `value` | `result` | [`Latency::int_to_f32`] |
//! | `f32_to_int<W>` | [`f32_to_int`] | `x` | `value` | [`Latency::f32_to_int`] |
//! | `f32_fix24` | [`fix24`] | `p` | `fixed` | [`Latency::fix24`] |
//! | `f32_sfu` | [`sfu`] | `x`, `func` | `result` | [`Latency::sfu`] |
//!
//! Measured at the fast pace with Yosys 0.23, `synth_xilinx -family xcup -nowidelut` (levels: LUTs in a row between registers, carry chains not counted):
//!
//! | module | LUT | flip-flops | DSP48E2 | RAMB36E2 | levels |
//! |---|---|---|---|---|---|
//! | `f32_mul` | 151 | 263 | 2 | | 3 |
//! | `f32_add` | 479 | 244 | | | 6 |
//! | `int40_to_f32` | 248 | 119 | | | 7 |
//! | `f32_to_int16` | 130 | 64 | | | 4 |
//! | `f32_fix24` | 107 | 55 | | | 3 |
//! | `f32_sfu` | 323, and 75 as shift registers | 365 | 2 | 1 | 4 |
//!
//! [`ftz`], [`relu_clears`] and [`max_num`], which is [`compare`] and [`choose`], are expressions for use inside of other modules.

mod add;
mod compare;
mod fields;
mod from_int;
mod mul;
pub mod operands;
mod pace;
mod round;
mod sfu;
#[cfg(test)]
mod testing;
mod to_int;

pub use add::add;
pub use compare::{choose, compare, ftz, max_num, relu_clears, relu_clears_result};
pub use from_int::{LEAST_INT_BITS, int_to_f32};
pub use mul::mul;
pub use pace::{Latency, Pace};
pub use sfu::sfu;
pub use to_int::{f32_to_int, fix24};
