//! Verilog text in, loaded simulation model out: a run-time binding of Verilator 5.
//!
//! ```no_run
//! use verilated::{Model, Options, Source};
//!
//! let text = "module inc(input clk, input [7:0] d, output reg [7:0] q); always @(posedge clk) q <= d + 1; endmodule";
//! let source = Source::new("inc").file("inc.v", text);
//! let mut model = Model::load(&source, &Options { clock: Some("clk".into()), ..Options::default() })?;
//! let (d, q) = (model.port("d")?, model.port("q")?);
//! model.set(d, 41)?;
//! model.tick(1)?;
//! assert_eq!(model.get(q), 42);
//! # Ok::<(), verilated::Error>(())
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | [`Source`], [`Options`]: what to build and how |
//! | `tools.rs` | finding and running Verilator and the C++ compiler |
//! | `cache.rs` | keys, sealed files and locks of the cache folder |
//! | `ports.rs` | the ports, from Verilator's header; the shim's prelude |
//! | `shim.cpp` | the C++ side: one instance behind a few C functions |
//! | `lookup.rs` | a design's shared object from the cache, or built once |
//! | `compile.rs` | from texts to the bytes of a shared object |
//! | `design.rs` | [`Design`]: the opened shared object |
//! | `model.rs` | [`Model`]: ports and clock |
//! | `trace.rs` | [`Model::trace`]: traces of a window of cycles |
//! | `error.rs` | [`Error`] |

mod cache;
mod compile;
mod design;
mod error;
mod lookup;
mod model;
mod options;
mod ports;
mod tools;
mod trace;

pub use design::{Design, Port, PortInfo};
pub use error::Error;
pub use model::Model;
pub use options::{Format, Init, Options, Source, Warnings};
pub use ports::Direction;
