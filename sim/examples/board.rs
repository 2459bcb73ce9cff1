//! Cycles a second of a simulated board: at rest, and while bytes are on its line.
//!
//! `cargo run --release -p sterna-sim --example board [BOARD]`

use std::error::Error;
use std::time::Instant;

use sterna_sim::board::{BoardSim, Options};
use sterna_spec::boards::Board;
use sterna_spec::config::Config;

/// Times that cycles are timed, and how many: enough for the answer to a request of 64 words.
const TIMES: u64 = 40;
const CYCLES: u64 = 12_500;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("ulx3s-85f".into());
    let board = Board::find(&name)?;
    let config = Config::preset(board.preset)?;
    let start = Instant::now();
    let mut sim = BoardSim::new(board, &config, &Options { fast: true, ..Options::default() })?;
    println!("{name}: built and started in {:.1?}, ready after {} cycles", start.elapsed(), sim.cycles());
    for (what, request) in [("at rest", &[][..]), ("memory read through the line", &[2, 64, 0x10, 0, 0, 0])] {
        let start = Instant::now();
        for _ in 0..TIMES {
            sim.send(request);
            sim.run(CYCLES)?;
        }
        let rate = (TIMES * CYCLES) as f64 / start.elapsed().as_secs_f64();
        println!("{what}: {rate:.0} cycles a second, {} bytes answered", sim.take().len());
    }
    Ok(())
}
