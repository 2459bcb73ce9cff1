//! Cycles a second of the simulation: matrices streamed through a preset, with and without the observation port and strict checks.
//!
//! `cargo run --release -p sterna-sim --example speed [PRESET]`

use std::error::Error;
use std::time::Instant;

use sterna_sim::{Options, SimDevice};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::isa::Instruction;
use sterna_spec::layout::stripe;
use sterna_spec::registers::{control, offset};
use sterna_spec::stream::StreamBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or("tiny".into());
    let config = Config::preset(&name)?;
    let (outputs, inputs) = (config.outputs as usize, config.activations as usize);
    let mut stream = StreamBuilder::new(&config);
    for _ in 0..4 {
        stream.matmul(outputs, inputs, 1, |_, n, k| ((n * 7 + k) % 3) as i8 - 1);
    }
    stream.push(Instruction::End { body: false });
    for (what, probe, strict) in
        [("plain", false, false), ("probe", true, false), ("probe, strict", true, true)]
    {
        let options = Options { strict, ..Options::default() };
        let start = Instant::now();
        let mut device = SimDevice::new(&Config { probe, ..config.clone() }, &options)?;
        let built = start.elapsed();
        let region = (stream.bytes().len() as u64).next_multiple_of(4096) + 4096;
        let bases: Vec<u64> = (0..u64::from(config.ports)).map(|p| p * region).collect();
        device.reserve_memory(region * u64::from(config.ports))?;
        let mut result = Ok(());
        stripe(&config, &bases, 0, stream.bytes().len(), |address, offset, len| {
            if result.is_ok() {
                result = device.write_memory(address, &stream.bytes()[offset..offset + len]);
            }
        });
        result?;
        for (p, base) in (0..).zip(&bases) {
            device.write_register(offset::PORT_BASE + 8 * p, *base as u32)?;
        }
        device.write_register(offset::PROGRAM_BEATS, stream.beats() as u32)?;
        device.write_register(offset::ROWS, config.rows)?;
        let (first, start) = (device.cycles(), Instant::now());
        device.write_register(offset::CONTROL, control::START)?;
        device.wait()?;
        let (cycles, seconds) = (device.cycles() - first, start.elapsed().as_secs_f64());
        let rate = cycles as f64 / seconds;
        println!("{name}, {what}: built in {built:.1?}, {cycles} cycles at {rate:.0} a second");
    }
    Ok(())
}
