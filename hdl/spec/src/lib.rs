//! What the crates of Sterna agree on, in plain Rust: numbers, memory layouts, instructions, registers, the
//! configuration of a device, the boundary to a device, and the golden model that defines every bit.
//!
//! The explanation is `docs/architecture.md`; this crate is the definition. It depends on nothing else here.

pub mod boards;
pub mod bridge;
pub mod config;
pub mod device;
pub mod golden;
pub mod isa;
pub mod layout;
pub mod numbers;
pub mod profile;
pub mod registers;
pub mod sdram;
pub mod stream;
