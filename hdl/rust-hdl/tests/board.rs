//! The example board: its Verilog, made by rust-hdl, under the linters and in simulation, where a small random model runs on it.

#[path = "../examples/board/top.rs"]
mod top;

use std::fmt::Write;

use rust_hdl_core::prelude::generate_verilog;
use sterna_hdl::blocks::axi::prefix;
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_sim::{SimDevice, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::registers::offset;
use sterna_tests::{random_model, tiny};
use top::Board;
use verilated::Source;

/// Of the random model, and of the pauses of memory.
const SEED: u64 = 34;

/// Quick to build: one row, two lanes, two narrow ports.
fn config() -> Config {
    Config {
        name: "board".into(),
        rows: 1,
        tables: 4,
        lanes: 2,
        ports: 2,
        port_bytes: 4,
        attention_width: 4,
        slots: 1,
        head_size: 8,
        context: 64,
        activations: 96,
        outputs: 256,
        top_k: 4,
        ..tiny()
    }
}

/// What rust-hdl makes of the board.
fn text(config: &Config) -> String {
    generate_verilog(&Board::<32, 32, 4, 2>::new(config).unwrap())
}

/// The board under the port names of the core's top, and its LEDs.
fn shell(config: &Config) -> String {
    let mut ports = String::from("    input wire aclk,\n    input wire aresetn,\n    output wire [7:0] led");
    let mut pins = String::from("        .clock(aclk),\n        .reset_n(aresetn),\n        .led(led)");
    for port in sterna_hdl::top::top(config).ports() {
        let bus = (0..config.ports)
            .map(|i| (prefix(config, i), format!("m_axi${i}")))
            .chain([("s_axi".into(), "s_axi".into())])
            .find_map(|(outside, inside)| Some((port.name.strip_prefix(&outside)?, inside)));
        let inside = bus.map_or(port.name.clone(), |(signal, bus)| format!("{bus}${}", &signal[1..]));
        let way = if port.input { "input" } else { "output" };
        let _ = write!(ports, ",\n    {way} wire [{}:0] {}", port.ty.width - 1, port.name);
        let _ = write!(pins, ",\n        .{inside}({})", port.name);
    }
    format!("module shell (\n{ports}\n);\n    top board (\n{pins}\n    );\nendmodule\n")
}

fn device(config: &Config, board: &str) -> Result<SimDevice, DeviceError> {
    let source = Source::new("shell").file("shell.v", shell(config)).file("board.v", board);
    let build = verilated::Options { opt_level: 0, ..verilated::Options::default() };
    let options = sterna_sim::Options {
        seed: SEED,
        stalls: Stalls::all(100),
        watchdog: 100_000,
        build,
        ..Default::default()
    };
    let mut device = SimDevice::from_source(config, &source, &options)?;
    device.run(4)?; // the synchronizer lets go of the reset
    Ok(device)
}

fn image(config: &Config) -> Image {
    let model = random_model(SEED, config, 1);
    compile(&model, config, &Options { context: 16, ..Options::default() }).unwrap()
}

/// Selections of a prefill and of a decode, the KV cache.
type Played = (Vec<Vec<(u32, u32)>>, Vec<u8>);

fn play(device: &mut dyn Device, image: &Image) -> Result<Played, String> {
    let mut session = Session::new(Box::new(device), image.clone()).map_err(|e| e.to_string())?;
    let mut tops = Vec::new();
    for tokens in [&[3, 1, 4][..], &[1]] {
        let top = session.prefill(tokens).map_err(|e| e.to_string())?.top_k;
        tops.push(top.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect());
    }
    let kv = image.map.kv;
    let cache = session.driver().read_beats(kv.base, kv.beats * image.config.beat_bytes());
    Ok((tops, cache.map_err(|e| e.to_string())?))
}

fn golden(config: &Config, image: &Image) -> Played {
    play(&mut Golden::new(config), image).unwrap()
}

#[test]
fn a_model_runs_on_the_board() {
    let config = config();
    assert_eq!(config.check(), Vec::<String>::new());
    let (image, mut device) = (image(&config), device(&config, &text(&config)).unwrap());
    device.write_register(offset::IRQ_ENABLE, 1).unwrap();
    let (board, golden) = (play(&mut device, &image).unwrap(), golden(&config, &image));
    assert!(board.0 == golden.0, "seed {SEED}: selections: {:x?} {:x?}", board.0, golden.0);
    let first = board.1.iter().zip(&golden.1).position(|(a, b)| a != b);
    assert_eq!(first, None, "seed {SEED}: the KV cache differs at this byte");
    assert_eq!(device.output("led").unwrap(), 4, "one row: a step for each token");
}

/// Runs the model on a board whose text has a fault.
fn differs(from: &str, to: &str) {
    let config = config();
    let text = text(&config);
    assert_eq!(text.matches(from).count(), 1, "{from}");
    let image = image(&config);
    let played = device(&config, &text.replace(from, to))
        .map_err(|e| e.to_string())
        .and_then(|mut device| play(&mut device, &image));
    assert!(played != Ok(golden(&config, &image)), "{to} makes no difference");
}

#[test]
fn a_wrong_port_is_found() {
    differs(".m_axi$0$rdata(m_axi$0$rdata)", ".m_axi$0$rdata(m_axi$1$rdata)");
}

#[test]
fn swapped_bits_are_found() {
    differs(".s_axi_wdata(s_axi$wdata)", ".s_axi_wdata({s_axi$wdata[31:2], s_axi$wdata[0], s_axi$wdata[1]})");
}
