//! The generated Verilog of Sterna as a device, simulated cycle by cycle.
//!
//! [`SimDevice`] elaborates a configuration, builds its Verilog with the crate `verilated` and drives its pins: registers through
//! AXI4-Lite, memory through the AXI4 masters and a model of a board's memory ([`Memory`], [`Profile`]). It implements
//! [`sterna_spec::device::Device`], as the golden model and the boards do. [`Lockstep`] runs golden model and Verilog side by side and
//! stops at the first difference with a report that says where it is.
//!
//! | file | what it holds |
//! |---|---|
//! | `memory/` | [`Memory`]: AXI4 ports on one store; rules of AXI checked in every cycle |
//! | `pins.rs` | ports of the model, looked up once |
//! | `device.rs` | [`SimDevice`] |
//! | `bus.rs` | its register accesses |
//! | `probe.rs` | what the observation port of the vector unit said |
//! | `passages.rs`, `transfer.rs`, `stored.rs` | what passed from block to block, and what must have |
//! | `activity.rs` | [`Activity`]: what every cycle was spent on, by instruction |
//! | `lockstep.rs` | [`Lockstep`] |
//! | `blame.rs` | the block that a difference points at |
//! | `report.rs` | [`Mismatch`]: where the two differ, in words |
//! | `walk.rs` | instructions of a step stream by number |
//! | `sdram.rs` | [`sdram::Sdram`]: an SDRAM chip that checks the rules of its data sheet |
//! | `board.rs` | [`board::BoardSim`]: a board from pin to pin, with an SDRAM chip and a serial line

pub mod activity;
mod blame;
pub mod board;
mod bus;
pub mod device;
pub mod evaluator;
pub mod lockstep;
pub mod memory;
mod passages;
mod pins;
mod probe;
pub mod report;
pub mod sdram;
mod stored;
mod transfer;
mod walk;

pub use activity::{Activity, Counts, Span};
pub use device::{Options, SimDevice, Trace};
pub use lockstep::Lockstep;
pub use memory::{Memory, Stalls, Traffic};
pub use report::Mismatch;
pub use sterna_spec::profile::Profile;
pub use verilated::Format;
