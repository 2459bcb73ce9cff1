//! Measures what a cycle and a port access cost: `cargo run --release -p verilated --example access`.

use std::hint::black_box;
use std::time::Instant;

use verilated::{Model, Options, Port, Source};

const TRIVIAL: &str = "
module trivial(input clk, input [7:0] a, input [31:0] b, input [63:0] c, input [127:0] d,
               output reg [7:0] qa, output reg [31:0] qb, output reg [63:0] qc, output reg [127:0] qd);
  always @(posedge clk) {qa, qb, qc, qd} <= {a, b, c, d};
endmodule
";

/// The least of five measurements, in nanoseconds for each of `count` calls.
fn least(
    name: &str,
    count: u64,
    mut run: impl FnMut() -> Result<(), verilated::Error>,
) -> Result<(), verilated::Error> {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_nanos() as f64 / count as f64);
    }
    println!("{name:34} {best:8.2} ns");
    Ok(())
}

fn main() -> Result<(), verilated::Error> {
    let source = Source::new("trivial").file("trivial.v", TRIVIAL);
    let mut model = Model::load(&source, &Options { clock: Some("clk".into()), ..Options::default() })?;
    let count = 2_000_000;
    least("tick(1), a call for each cycle", count, || (0..count).try_for_each(|_| model.tick(1).map(drop)))?;
    least("tick(n), per cycle", count, || model.tick(count).map(drop))?;
    least("eval", count, || (0..count).try_for_each(|_| model.eval()))?;
    for name in ["a", "b", "c", "d"] {
        let (input, output): (Port, Port) = (model.port(name)?, model.port(&format!("q{name}"))?);
        let width = model.info(input).width;
        let set =
            |model: &mut Model| (0..count).try_for_each(|i| model.set(black_box(input), black_box(i & 0xff)));
        least(&format!("set, {width} bits"), count, || set(&mut model))?;
        least(&format!("get, {width} bits"), count, || {
            (0..count).for_each(|_| {
                black_box(model.get(black_box(output)));
            });
            Ok(())
        })?;
    }
    let (input, output) = (model.port("d")?, model.port("qd")?);
    let mut words = [1, 2, 3, 4];
    least("set_wide, 128 bits", count, || {
        (0..count).try_for_each(|_| model.set_wide(black_box(input), black_box(&words)))
    })?;
    least("get_wide, 128 bits", count, || {
        (0..count).try_for_each(|_| model.get_wide(black_box(output), black_box(&mut words)))
    })
}
