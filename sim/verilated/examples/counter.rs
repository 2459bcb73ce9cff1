//! A counter of 100 bits from Verilog text, traced to `counter.vcd`: `cargo run -p verilated --example counter`.

use verilated::{Format, Init, Model, Options, Source};

const COUNTER: &str = "
module counter(input clk, input reset, input [99:0] step, output reg [99:0] count, output odd);
  assign odd = count[0];
  always @(posedge clk) count <= reset ? 100'd0 : count + step;
endmodule
";

fn main() -> Result<(), verilated::Error> {
    let source = Source::new("counter").file("counter.v", COUNTER);
    let options = Options {
        clock: Some("clk".into()),
        trace: Some(Format::Vcd),
        init: Init::Random(1), // as in hardware, nothing is known before reset
        ..Options::default()
    };
    let mut model = Model::load(&source, &options)?;
    for (_, port) in model.ports() {
        println!("{:8} {:?}, {} bits", port.name, port.direction, port.width);
    }
    let [reset, step, count, odd] = ["reset", "step", "count", "odd"].map(|name| model.port(name));
    let (reset, step, count, odd) = (reset?, step?, count?, odd?);

    model.trace("counter.vcd", Format::Vcd, 0..8)?;
    model.set(reset, 1)?;
    model.tick(1)?;
    model.set(reset, 0)?;
    model.set_wide(step, &[1, 0, 0, 4])?; // 4 * 2^96 + 1
    for _ in 0..5 {
        model.tick(1)?;
        let mut words = [0; 4];
        model.get_wide(count, &mut words)?;
        let [a, b, c, d] = words;
        println!("cycle {}: count {d:x}_{c:08x}_{b:08x}_{a:08x} odd {}", model.cycle(), model.get(odd));
    }
    Ok(())
}
