//! The hardware description language, the blocks and the top of the Sterna accelerator.

pub mod blocks;
pub mod board;
pub mod dsl;
pub mod observe;
pub mod top;

pub use top::verilog as emit;
