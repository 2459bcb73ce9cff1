//! The counters by themselves, over more events than sixteen bits count.

use std::fmt::Write;

use sterna_spec::registers::COUNTERS;
use verilated::{Design, Init, Options, Source};

use crate::bench::options;

/// Events of each counter.
const EVENTS: u64 = (1 << 16) + 5;

/// Module `counters` in a top that has input `mutant`, as the design of all mutants has.
fn source(counters: &str) -> Source {
    let (mut outputs, mut assigns) = (String::new(), String::new());
    for i in 0..COUNTERS.len() {
        let _ = write!(outputs, ",\n    output wire [31:0] value_{i}");
        let _ = writeln!(assigns, "    assign value_{i} = values[{}:{}];", 32 * i + 31, 32 * i);
    }
    let (n, bits) = (COUNTERS.len(), 32 * COUNTERS.len());
    let top = format!(
        "module sterna (input wire clk, input wire rst, input wire [15:0] mutant, input wire clear, input wire [{}:0] count{outputs});\n    \
         wire [{}:0] values;\n    counters u_counters (.clk(clk), .rst(rst), .clear(clear), .count(count), .values(values));\n\
         {assigns}endmodule\n",
        n - 1,
        bits - 1
    );
    Source::new("sterna").file("counters.v", counters).file("sterna.v", top)
}

/// Runs them.
///
/// # Errors
/// The counter that is wrong.
pub fn run(counters: &str, mutant: u64) -> Result<(), String> {
    let told = |e: verilated::Error| e.to_string();
    let options = Options { clock: Some("clk".into()), ..options(0, sterna_sim::Stalls::NONE).build };
    let design = Design::build(&source(counters), &options).map_err(told)?;
    let mut model = design.model(Init::Random(1)).map_err(told)?;
    let all = (1 << COUNTERS.len()) - 1;
    // pins, and the cycles that they keep their values
    for (rst, clear, count, cycles) in [(1, 0, 0, 1), (0, 0, all, 3), (0, 1, all, 1), (0, 0, all, EVENTS)] {
        for (name, value) in [("mutant", mutant), ("rst", rst), ("clear", clear), ("count", count)] {
            let port = model.port(name).map_err(told)?;
            model.set(port, value).map_err(told)?;
        }
        model.tick(cycles).map_err(told)?;
    }
    for (i, (name, _)) in COUNTERS.iter().enumerate() {
        let value = model.port(&format!("value_{i}")).map(|port| model.get(port)).map_err(told)?;
        if value != EVENTS {
            return Err(format!("counter {name} is {value} after {EVENTS} events"));
        }
    }
    Ok(())
}
