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
//! A [`Sig`] has a [`Ty`]: `u(8)` unsigned, `s(16)` signed, any width.
//!
//! | expression | result |
//! |---|---|
//! | `a + b` | one bit more than the wider operand |
//! | `a - b`, `-a` | the same, always signed |
//! | `a * b` | the widths add up |
//! | `a << 3`, `a >> 3` | three bits more, three less; by a signal: `.shl_dyn`, `.shr_dyn`, the width stays |
//! | `a.wrapping_add(b)`, `a.wrapping_sub(b)` | the wider operand |
//! | `a & b`, `a \| b`, `a ^ b`, `!a` | equal types in, the same out |
//! | `a.eq(b)`, `.ne .lt .le .gt .ge`, `.any() .all() .xor_reduce()` | 1 bit |
//! | `.bits(lo, width) .bit(i) .word(i, width) .word_dyn(index, width)`, `cat_lsb(&[low, .., high])` | unsigned |
//! | `.ext(w) .zext(w) .sext(w) .trunc(w) .resize(w)`, `.as_signed() .as_unsigned()` | other width, other sign |
//! | `mux(c, a, b)`, `sel.case(&[(0, a), (3, b)], other)` | the widest arm |
//!
//! Operands of one operator have one sign. A target takes a narrower value of its sign, never a wider one. An integer can
//! stand for any right operand: `a + 1`, `a.eq(3)`.
//!
//! # Streams, memories, state machines, instances
//!
//! ```
//! use sterna_hdl::{blocks::fifo::fifo, dsl::*};
//!
//! /// Looks words up in a table and queues them.
//! fn squares() -> Module {
//!     let m = Module::new("squares", "Squares of 4-bit numbers, queued.");
//!     let x = m.stream_in("x", u(4), "numbers");
//!     let y = m.stream_out("y", u(8), "squares");
//!     let words: Vec<Bits> = (0..16).map(|i| Bits::from_u64(8, i * i)).collect();
//!     let square = m.rom("table_of_squares", 8, &words, "i * i").read_async("square", x.data);
//!
//!     let queue = m.instance("u_queue", fifo(8, 16, MemStyle::Lut)); // clock and reset connect themselves
//!     x.to_with(queue.sink("x"), square); // valid and ready straight through, data mapped
//!     queue.source("y").to(y);
//!
//!     let state = m.fsm("state", &["EMPTY", "SEEN"], "whether a number came");
//!     state.from("EMPTY").goto(x.valid, "SEEN");
//!     m.output("seen", u(1), "a number came").set(state.is("SEEN"));
//!     m
//! }
//!
//! let mut sim = Sim::new(&squares()).unwrap();
//! sim.set("x_valid", 1);
//! sim.set("x_data", 9);
//! sim.tick();
//! sim.tick();
//! assert_eq!((sim.get("y_valid"), sim.get("y_data")), (1, 81));
//! assert_eq!(sim.get("u_queue.stored"), 1); // signals below, by path; the other word is at the output
//! ```
//!
//! [`Mem::write`], [`Mem::write_lanes`], [`Mem::read_async`] and [`Mem::read`] (registered)
//! make ports of a [`Module::mem`]. [`Module::export`] and [`Inst::join`] connect bundles by prefix.
//!
//! # Names in the text
//!
//! Ports, wires, registers and [`Sig::named`] expressions keep their names, and their docs become comments. Expressions without
//! a name are written where they are used; where Verilog needs a name, or a large one is used twice, it gets one made of its
//! operands (`a_plus_b`) or of its target (`total_sum`).
//!
//! # Faults
//!
//! Building never panics: faults are collected, and [`Module::check`], [`emit`] and [`Sim::new`] return all of them. [`emit`]
//! also refuses signals that nobody reads; say [`Module::unused`] where that is meant.

mod bits;
mod census;
mod check;
mod error;
mod inst;
mod ir;
mod mem;
mod module;
mod names;
mod ops;
#[cfg(test)]
mod plant;
mod reg;
mod select;
mod sig;
mod sim;
mod stream;
mod verilog;

pub use bits::{Bits, Ty, Value, count_width, index_width, s, u};
pub use census::{Census, Kind, Store, census};
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
