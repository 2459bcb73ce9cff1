//! A generated Sterna core as a block of [rust-hdl](https://crates.io/crates/rust-hdl), for designs that are written in it.
//!
//! ```text
//!   Config ──► Core::new ──┬─ ports: signals of rust-hdl, their widths in the type
//!                          ├─ generate_verilog: the core's Verilog behind a wrapper, all in one text
//!                          └─ simulate: the description language's evaluator
//! ```
//!
//! ```
//! use rust_hdl_core::prelude::*;
//! use sterna_rust_hdl::{Core, LiteSlave, Master};
//! use sterna_spec::config::Config;
//!
//! /// A board that hands the core's buses on.
//! #[derive(LogicBlock)]
//! struct Board {
//!     clock: Signal<In, Clock>,
//!     reset_n: Signal<In, Bit>,
//!     registers: LiteSlave,
//!     memory: Master<32, 64, 8>,
//!     done: Signal<Out, Bit>,
//!     core: Core<32, 64, 8, 1>, // address bits, data bits, bytes of a beat, masters
//! }
//!
//! impl Logic for Board {
//!     #[hdl_gen]
//!     fn update(&mut self) {
//!         self.core.aclk.next = self.clock.val();
//!         self.core.aresetn.next = self.reset_n.val();
//!         LiteSlave::link(&mut self.registers, &mut self.core.s_axi);
//!         Master::<32, 64, 8>::link(&mut self.memory, &mut self.core.m_axi[0]);
//!         self.done.next = self.core.irq.val();
//!     }
//! }
//!
//! let config = Config::preset("tiny")?;
//! let mut board = Board {
//!     clock: Default::default(),
//!     reset_n: Default::default(),
//!     registers: Default::default(),
//!     memory: Default::default(),
//!     done: Default::default(),
//!     core: Core::new(&config).map_err(|e| e.to_string())?,
//! };
//! board.connect_all();
//! let verilog = generate_verilog(&board); // the board is `top`
//! assert!(verilog.contains("module sterna ("));
//! # Ok::<(), String>(())
//! ```
//!
//! A memory controller of one's own has a [`Slave`], and `Master::join` connects the two; [`LiteMaster`] is the other side of the
//! registers.

mod axi;
mod core;
mod error;
mod pin;

pub use axi::{LiteMaster, LiteSlave, Master, Slave};
pub use core::Core;
pub use error::Error;
