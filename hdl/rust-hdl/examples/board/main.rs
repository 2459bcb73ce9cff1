//! Prints the Verilog of a board that is written in rust-hdl and holds the core of preset `tiny`.
//!
//! ```sh
//! cargo run -p sterna-rust-hdl --example board > board.v
//! ```

mod top;

use rust_hdl_core::prelude::generate_verilog;
use sterna_spec::config::Config;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let board = top::Board::<32, 64, 8, 1>::new(&Config::preset("tiny")?)?;
    println!("{}", generate_verilog(&board));
    Ok(())
}
