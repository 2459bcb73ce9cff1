//! The hardware description language: typed, elaborated at run time, printed as Verilog-2001, evaluated cycle by cycle.
//!
//! ```
//! use sterna_hdl::dsl::*;
//!
//! /// Adds up `width`-bit words; parameters go into the name.
//! fn accumulator(width: u32) -> Module {
//!     let m = Module::new(&format!("accumulator_w{width}"), "Adds up words until it is cleared.");
//!     let clear = m.input("clear", u(1), "starts again at zero");
//!     let x = m.stream_in("x", s(width), "words"); // ports x_valid, x_ready, x_data
//!     let total = m.output("total", s(32), "sum so far");
//!
//!     let sum = m.reg("sum", s(32), Some(0), "running sum"); // None: no reset
//!     sum.when(clear, 0); // the first condition that holds decides
//!     sum.when(x.valid, sum.q().wrapping_add(x.data.ext(32)));
//!     x.ready.set(!clear);
//!     total.set(sum.q());
//!     m
//! }
//!
//! let m = accumulator(8);
//! let files = emit(&m).unwrap(); // file name -> text
//! assert!(files["accumulator_w8.v"].contains("sum <= sum + {{24{x_data[7]}}, x_data};"));
//!
//! let mut sim = Sim::new(&m).unwrap();
//! sim.set("x_valid", 1);
//! sim.set("x_data", -3);
//! sim.tick();
//! sim.tick();
//! assert_eq!(sim.get_signed("total"), -6);
//! ```
//!
//! # Widths
//!
//! A [`Sig`] has a [`Ty`]: `u(8)` unsigned, `s(16)` signed, any width. `+` and `-` give one bit more than the wider operand
//! (`-` is always signed), `*` the sum of the widths, `<< 3` three bits more, `>> 3` three less: nothing is lost unless
//! you say `.trunc(w)`, [`Sig::wrapping_add`] or [`Sig::wrapping_sub`]. `& | ^` want equal types. Operands of one operator
//! have one sign; convert with `.as_signed()`, `.as_unsigned()`. A target takes a narrower value of its sign, never a wider
//! one. An integer can stand for the right operand.
//!
//! # Faults
//!
//! Building never panics: faults are collected, and [`Module::check`], [`emit`] and [`Sim::new`] return all of them. [`emit`]
//! also refuses signals that nobody reads; say [`Module::unused`] where that is meant.

mod bits;
mod check;
mod error;
mod inst;
mod ir;
mod mem;
mod module;
mod names;
mod ops;
mod reg;
mod select;
mod sig;
mod sim;
mod stream;
mod verilog;

pub use bits::{Bits, Ty, Value, count_width, index_width, s, u};
pub use error::{Error, Errors};
pub use inst::{Child, Inst};
pub use ir::MemStyle;
pub use mem::Mem;
pub use module::{Module, PortInfo, Wire};
pub use reg::{Fsm, Reg, State};
pub use select::cat_lsb;
pub use sig::{IntoSig, Sig, mux};
pub use sim::Sim;
pub use stream::{Sink, Source};
pub use verilog::{emit, verilog};
