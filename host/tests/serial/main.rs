//! Devices at the end of a line, with a model of the bridge behind it: in this process with seeded faults, behind a pseudo-terminal, and
//! behind a socket. A session gives the golden tokens or an error; never anything else.

mod broken;
#[path = "../common/mod.rs"]
mod common;
mod doctor;
mod ends;
mod line;
mod sentences;

use broken::Broken;
use common::{Folder, SHAPE};
use ends::Script;
use line::{AT_ONCE, Line, Rates};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex};
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::serial::{Place, Serial};
use sterna_host::session::Session;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::golden::bridge::Bridge;
use sterna_spec::registers::{control, offset};

const MEMORY: u32 = 1 << 20;
const TOKENS: [u32; 5] = [3, 1, 4, 1, 5];

fn tiny() -> Config {
    Config::preset("tiny").unwrap()
}

fn image(config: &Config) -> Image {
    let model = Folder::random(&SHAPE).load();
    compile(&model, config, &Options { context: 16, ..Options::default() }).unwrap()
}

fn board(config: &Config) -> Arc<Mutex<Bridge<Golden>>> {
    Arc::new(Mutex::new(Bridge::new(Golden::new(config), MEMORY)))
}

/// Tokens and logits that were selected, and all logits, as bits.
type Outcome = (Vec<(u32, u32)>, Vec<u32>);

fn session(device: Box<dyn Device + '_>, image: &Image) -> Result<Outcome, String> {
    let mut session = Session::new(device, image.clone()).map_err(|e| e.to_string())?;
    let top = session.prefill(&TOKENS).map_err(|e| e.to_string())?.top_k;
    session.rewind(0);
    let logits = session.logits(&TOKENS).map_err(|e| e.to_string())?;
    let bits = |(id, logit): (u32, f32)| (id, logit.to_bits());
    Ok((top.into_iter().map(bits).collect(), logits.iter().map(|l| l.to_bits()).collect()))
}

#[test]
fn a_session_equals_the_golden_model() {
    let four =
        Config { ports: 4, port_bytes: 4, address_bits: 40, attention_width: 16, tables: 20, ..tiny() };
    for config in [tiny(), four] {
        assert_eq!(config.check(), Vec::<String>::new());
        let image = image(&config);
        let board = board(&config);
        let device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
        assert_eq!(board.lock().unwrap().lock, 1);
        let want = session(Box::new(Golden::new(&config)), &image).unwrap();
        let have = session(Box::new(device), &image).unwrap();
        assert!(want == have, "{} ports", config.ports);
        assert_eq!(board.lock().unwrap().lock, 0, "unlocked at the end");
    }
}

#[test]
fn a_bad_line_gives_the_golden_tokens_or_an_error() {
    let config = tiny();
    let image = image(&config);
    let want = session(Box::new(Golden::new(&config)), &image).unwrap();
    let mut outcomes = Vec::new();
    for (seed, rate) in (0..).zip([1e-5, 1e-4, 3e-4, 1e-3, 1e-3, 3e-3, 3e-3, 1e-2, 3e-2, 0.1].repeat(3)) {
        println!("seed {seed}, rate {rate}");
        let board = board(&config);
        let line = Line::new(&board, Rates::all(rate), seed);
        let have = Serial::over(Box::new(line), "line", AT_ONCE)
            .map_err(|e| e.to_string())
            .and_then(|device| session(Box::new(device), &image));
        match &have {
            Ok(have) => assert!(*have == want),
            Err(sentence) => println!("{sentence}"),
        }
        outcomes.push((rate, have.is_ok()));
    }
    println!("{outcomes:?}");
    assert!(outcomes.iter().filter(|(rate, _)| *rate <= 3e-4).all(|(_, done)| *done));
    assert!(outcomes.iter().any(|(_, done)| !done));
}

#[test]
fn words_are_right_on_a_bad_line() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let board = board(&tiny());
        let line = Line::new(&board, Rates::all(if seed < 10 { 3e-4 } else { 3e-3 }), seed);
        let Ok(mut device) = Serial::over(Box::new(line), "line", AT_ONCE) else { continue };
        let mut memory = vec![0; MEMORY as usize];
        let (mut done, mut sent) = (0, 0);
        for _ in 0..40 {
            let most = [6, 300, 3000][rng.random_range(0..3)];
            let len = rng.random_range(0..most);
            let at = rng.random_range(0..memory.len() - len);
            let value = rng.random();
            let mut bytes = vec![0; len];
            let outcome = match rng.random_range(0..3) {
                0 => {
                    device.read_memory(at as u64, &mut bytes).map(|()| assert!(bytes == memory[at..at + len]))
                }
                1 => device
                    .write_register(offset::ROWS, value)
                    .and_then(|()| device.read_register(offset::ROWS))
                    .map(|have| assert_eq!(have, value)),
                _ => {
                    rng.fill(&mut bytes[..]);
                    sent += 1;
                    let outcome = device.write_memory(at as u64, &bytes);
                    memory[at..at + len].copy_from_slice(&bytes);
                    outcome
                }
            };
            match outcome {
                Ok(()) => done += 1,
                Err(e) => {
                    println!("after {done}: {e}");
                    break;
                }
            }
        }
        assert!(seed >= 10 || done == 40, "{done} {sent}");
        let mut held = vec![0; memory.len()];
        board.lock().unwrap().device.read_memory(0, &mut held).unwrap();
        assert!(done < 40 || held == memory);
    }
}

/// A device that counts its starts.
struct Counting(Golden, u32);

impl Device for Counting {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        self.0.read_register(at)
    }
    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.1 += u32::from(at == offset::CONTROL && value == control::START);
        self.0.write_register(at, value)
    }
    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.0.read_memory(address, bytes)
    }
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.0.write_memory(address, bytes)
    }
    fn wait(&mut self) -> Result<(), DeviceError> {
        self.0.wait()
    }
    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.0.reserve_memory(bytes)
    }
}

#[test]
fn a_step_is_started_once() {
    let mut failures = 0;
    for seed in 0..30 {
        println!("seed {seed}");
        let device = Counting(Golden::new(&tiny()), 0);
        let board = Arc::new(Mutex::new(Bridge::new(device, MEMORY)));
        let line = Line::new(&board, Rates::all(2e-3), seed);
        let Ok(mut device) = Serial::over(Box::new(line), "line", AT_ONCE) else { continue };
        for start in 1..=30 {
            let outcome = device.write_register(offset::CONTROL, control::START);
            let starts = board.lock().unwrap().device.1;
            assert!(if outcome.is_ok() { starts == start } else { starts == start || starts == start - 1 });
            if outcome.is_err() {
                break;
            }
        }
        failures += device.stats().failures();
    }
    assert!(failures > 30, "{failures}");
}

#[test]
fn sockets_and_terminals_carry_a_session() {
    let config = tiny();
    let image = image(&config);
    let want = session(Box::new(Golden::new(&config)), &image).unwrap();
    let mut places = vec![Place::tcp(&ends::socket(&board(&config), Script::default()))];
    #[cfg(target_os = "linux")]
    places.push(Place::uart(&ends::terminal(&board(&config), Script::default())));
    for place in places {
        let place = place.unwrap();
        let mut device = Serial::open(&place).unwrap();
        assert_eq!(device.configuration().unwrap(), config);
        assert!(session(Box::new(device), &image).unwrap() == want, "{place}");
        // and once more: nothing is left in the line
        assert!(!Serial::open(&place).unwrap().facts().was_locked);
    }
}

#[test]
fn an_upload_goes_on_where_it_stopped() {
    let config = tiny();
    let board = board(&config);
    let bytes: Vec<u8> = (0..500_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let mut line = Line::new(&board, Rates::default(), 0);
    line.length = 300_000;
    let mut device = Serial::over(Box::new(line), "line", AT_ONCE).unwrap();
    let mut told = 0;
    let error = device.write_memory_with(0, &bytes, &mut |done| told = done).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line is gone (broken pipe); plug it in and run the command again: an upload goes on where it stopped"
    );
    assert!(device.read_register(0).is_err(), "and stays gone");
    drop(device);
    let mut held = vec![0; told];
    board.lock().unwrap().device.read_memory(0, &mut held).unwrap();
    assert!(told > 200_000 && held == bytes[..told], "what was told was there: {told}");
    let mut device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
    assert!(device.facts().was_locked, "the first session could not open the lock");
    device.write_memory(0, &bytes).unwrap();
    let sent = device.stats().sent;
    assert!(sent < 300_000, "four pieces of 64 KiB were there: {sent}");
    device.write_memory(0, &bytes).unwrap();
    assert!(device.stats().sent - sent < 2000, "and now all are");
}

#[test]
fn every_session_writes_anew() {
    let board = board(&tiny());
    for value in 1..5 {
        let mut device =
            Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
        device.write_register(offset::ROWS, value).unwrap();
        assert_eq!(board.lock().unwrap().device.read_register(offset::ROWS).unwrap(), value);
    }
}

#[test]
fn a_counter_that_stands_still_ends_a_step() {
    let mut board = Bridge::new(Broken { busy: true, ..Broken::new(Golden::new(&tiny())) }, MEMORY);
    board.cycles = Some(Box::new(|| 77));
    let board = Arc::new(Mutex::new(board));
    let mut device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
    assert_eq!(
        device.wait().unwrap_err().to_string(),
        "the counter of cycles of line has stood at 77 in 8 looks while a step was under way; load the bitstream again"
    );
}
