//! A complete board in simulation: the top that is synthesized, an SDRAM chip that checks its rules, and the host's serial device at
//! its pins. What the host gets is what the golden model computes, or an error; whatever the line does.

mod clients;
mod command;
mod line;
mod loopback;
mod shipped;

use std::time::Instant;

use line::{Shared, board, named, open, open_until, power_up, start};
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_sim::board::Rates;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_tests::random_model;

/// A random model that is small.
const SEED: u64 = 34;
/// What a host says when the cable is pulled.
const GONE: &str =
    "board is gone (broken pipe); plug it in and run the command again: an upload goes on where it stopped";
const TOKENS: [u32; 5] = [3, 1, 4, 1, 5];

fn image() -> Image {
    image_for(&board().1)
}

fn image_for(config: &Config) -> Image {
    let model = random_model(SEED, config, 1);
    let image = compile(&model, config, &Options { context: 16, ..Options::default() }).unwrap();
    println!("{} bytes", image.bytes.len());
    image
}

/// Tokens and logits that were selected after a prompt and after one token more, and all logits of the prompt's tokens, as bits.
type Outcome = (Vec<(u32, u32)>, Vec<u32>);

fn play(device: Box<dyn Device + '_>, image: &Image) -> Result<Outcome, String> {
    let mut session = Session::new(device, image.clone()).map_err(|e| e.to_string())?;
    let mut top = session.prefill(&TOKENS).map_err(|e| e.to_string())?.top_k;
    top.extend(session.prefill(&TOKENS[..1]).map_err(|e| e.to_string())?.top_k);
    session.rewind(0);
    let logits = session.logits(&TOKENS[..2]).map_err(|e| e.to_string())?;
    let bits = |(id, logit): (u32, f32)| (id, logit.to_bits());
    Ok((top.into_iter().map(bits).collect(), logits.iter().map(|logit| logit.to_bits()).collect()))
}

fn wanted(image: &Image) -> Outcome {
    play(Box::new(Golden::new(&image.config)), image).unwrap()
}

/// Memory holds the model, as after an upload.
fn preload(board: &Shared, image: &Image) {
    board.lock().unwrap().memory()[..image.bytes.len()].copy_from_slice(&image.bytes);
}

/// The core reads from memory with nobody asking it anything: it is in a step.
fn is_busy(board: &Shared) -> bool {
    let mut board = board.lock().unwrap();
    // whatever was still under way on the line
    board.run(300).unwrap();
    let before = board.memory_counts().read;
    board.run(1_500).unwrap();
    board.memory_counts().read > before
}

fn cycles(board: &Shared) -> u64 {
    board.lock().unwrap().cycles()
}

#[test]
fn a_board_gives_what_the_golden_model_gives() {
    let image = image();
    let board = power_up(Rates::default(), 1);
    let start = (cycles(&board), Instant::now());
    let device = open(&board).unwrap();
    let facts = device.facts();
    assert_eq!(
        (facts.memory, facts.clock_hz, facts.was_locked),
        (32 << 20, 1_000_000 * image.config.clock_mhz, false)
    );
    assert!(
        play(Box::new(device), &image).unwrap() == wanted(&image),
        "another result than the golden model's"
    );
    let (spent, counts) = (cycles(&board) - start.0, board.lock().unwrap().memory_counts());
    let rate = spent as f64 / start.1.elapsed().as_secs_f64();
    println!("{spent} cycles at {rate:.0} a second, {counts:?}");
    let mut device = open(&board).unwrap();
    assert_eq!(device.configuration().unwrap(), image.config);
    assert_eq!(device.line_errors().unwrap(), (0, 0));
    // the image is there: nothing is sent but checks
    let before = device.stats().sent;
    device.write_memory(0, &image.bytes).unwrap();
    assert!(device.stats().sent - before < image.bytes.len() as u64 / 4);
    assert_eq!(board.lock().unwrap().framing(), 0);
}

/// A slow clock: the other form of bridge, arbiter and memory controller.
#[test]
fn the_tang_nano_gives_what_the_golden_model_gives() {
    let (board, config) = named("tang-nano-20k");
    let image = image_for(&config);
    let options = sterna_sim::board::Options { fast: true, ..Default::default() };
    let board = start(board, &config, options);
    let device = open(&board).unwrap();
    assert_eq!((device.facts().memory, device.facts().clock_hz), (8 << 20, 54_000_000));
    assert!(
        play(Box::new(device), &image).unwrap() == wanted(&image),
        "another result than the golden model's"
    );
    println!("{} cycles, {:?}", cycles(&board), board.lock().unwrap().memory_counts());
    let mut device = open(&board).unwrap();
    assert_eq!((device.configuration().unwrap(), device.line_errors().unwrap()), (config, (0, 0)));
}

#[test]
fn a_bad_line_gives_the_golden_result_or_an_error() {
    let image = image();
    let want = wanted(&image);
    let mut outcomes = Vec::new();
    for (seed, rate) in [(1, 4000), (2, 1500), (3, 1500), (4, 100)] {
        let board = power_up(Rates::all(rate), seed);
        preload(&board, &image);
        let have = open(&board).map_err(|e| e.to_string()).and_then(|device| play(Box::new(device), &image));
        let spoiled = board.lock().unwrap().spoiled();
        println!(
            "seed {seed}, one of {rate} bytes, {spoiled} spoiled, {} cycles: {:?}",
            cycles(&board),
            have.as_ref().err()
        );
        assert!(spoiled > 0);
        assert!(have.as_ref().is_ok_and(|have| *have == want) || have.is_err(), "a wrong result");
        outcomes.push(have.is_ok());
    }
    assert_eq!(outcomes, [true, true, true, false]);
}

#[test]
fn an_upload_goes_on_where_the_cable_was_pulled() {
    let board = power_up(Rates::default(), 2);
    let bytes: Vec<u8> = (0..70_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let piece = 65_536;
    board.lock().unwrap().memory()[..piece].copy_from_slice(&bytes[..piece]);
    board.lock().unwrap().memory()[piece - 1] ^= 1;
    // the first piece is sent, and its cable is pulled in the middle of it
    let mut device = open_until(&board, 6_000).unwrap();
    let said = device.write_memory(0, &bytes).unwrap_err().to_string();
    assert_eq!(said, GONE);
    drop(device);
    board.lock().unwrap().memory()[piece - 1] ^= 1;
    let mut device = open(&board).unwrap();
    assert!(device.facts().was_locked, "the first session could not open the lock");
    device.write_memory(0, &bytes).unwrap();
    let sent = device.stats().sent;
    assert!(sent < 10_000, "only the second piece was sent: {sent}");
    assert_eq!(board.lock().unwrap().memory()[..bytes.len()], bytes);
}

#[test]
fn a_cable_pulled_at_any_time_is_one_sentence_and_the_board_goes_on() {
    let image = image();
    let board = power_up(Rates::default(), 3);
    preload(&board, &image);
    let want = wanted(&image);
    let mut device = open(&board).unwrap();
    let opened = device.stats().sent as usize;
    assert!(play(Box::new(&mut device), &image).unwrap() == want);
    let all = device.stats().sent as usize - opened;
    drop(device);
    let mut steps = 0;
    for tenth in (1..10).step_by(2) {
        let mut device = open_until(&board, opened + all * tenth / 10).unwrap();
        assert_eq!(play(Box::new(&mut device), &image).unwrap_err(), GONE);
        drop(device);
        steps += u32::from(is_busy(&board));
    }
    assert!(steps > 0, "none was pulled in a step");
    assert!(play(Box::new(open(&board).unwrap()), &image).unwrap() == want);
}
