//! `sterna board-sim`: a simulated board whose serial line is a pseudo-terminal or a TCP port.
//!
//! ```text
//!   host ◄─► end of the line ◄─► uart pins ─ board ─ memory chip
//!            terminal.rs, socket.rs          sterna_sim::board
//! ```
//!
//! The board runs in slices, between which bytes are handed over. When nothing has happened for a while it runs only a little between
//! two looks at the line: its counter of cycles goes on, and the processor rests.

mod preload;
mod socket;
#[cfg(target_os = "linux")]
mod terminal;

use super::args::BoardSimArgs;
use super::print;
use super::progress::Progress;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use sterna_host::devices::configuration;
use sterna_host::error::{Error, Result};
use sterna_sim::board::{BoardSim, Fault, Options, Rates};
use sterna_spec::boards::Board;
use sterna_spec::config::Config;

/// Cycles between two looks at the line.
const SLICE: u64 = 1_000;
/// Cycles in which nothing happened, after which the board rests.
const RESTS: u64 = 200_000;
/// A board at rest: cycles between two looks, and the time that a look takes if no byte comes.
const LITTLE: u64 = 200;
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes that wait for the line, above which no more are taken.
const MOST: usize = 4096;
/// Cycles to measure how fast the simulation is.
const TRIAL: u64 = 20_000;
/// Between two figures on the terminal.
const FIGURES: Duration = Duration::from_secs(1);

/// The host's end of the line.
trait End {
    /// Bytes of the host, at most as many as fit: 0 if none came within `wait`.
    fn receive(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize>;
    /// Bytes for the host. Those that nobody takes are lost, as on any serial line.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// What the first line says, and what a host calls the device at this rate.
    fn names(&self, baud: u32) -> (String, String);
}

fn broken(fault: Fault) -> Error {
    Error::Device(fault.to_string())
}

/// The command: ends at a signal, or when the simulation finds a broken rule.
pub fn board_sim(args: &BoardSimArgs) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in signal_hook::consts::TERM_SIGNALS {
        signal_hook::flag::register(*signal, stop.clone()).map_err(|e| failed("signals", e))?;
    }
    let (board, config) = chosen(args)?;
    let mut end = open(args)?;
    let memory = args.model.as_deref().map(|path| preload::image(path, &config, args.ctx)).transpose()?;
    let building = Progress::spinner("preparing the board");
    let noise = Rates { drop: args.drop, flip: args.flip, double: args.double };
    let options = Options { fast: args.fast_uart, noise, seed: args.seed, ..Options::default() };
    let mut sim = BoardSim::new(board, &config, &options).map_err(broken)?;
    drop(building);
    if let Some(image) = memory {
        preload::preload(&mut sim, &image)?;
    }
    greet(args, &mut sim, &*end, &config)?;
    let mut served = Served::default();
    let outcome = serve(&mut sim, &mut *end, &stop, &mut served);
    drop(end);
    if args.json {
        print(&format!("{}\n", served.json(&sim)))?;
    }
    outcome
}

fn failed(what: &str, source: io::Error) -> Error {
    Error::Io { path: what.into(), source }
}

fn chosen(args: &BoardSimArgs) -> Result<(&'static Board, Config)> {
    let board = Board::find(&args.board)?;
    let config = configuration(args.config.as_deref().unwrap_or(board.preset))?;
    Ok((board, config))
}

fn open(args: &BoardSimArgs) -> Result<Box<dyn End>> {
    match args.tcp {
        Some(port) => Ok(Box::new(socket::Socket::open(port)?)),
        #[cfg(target_os = "linux")]
        None => Ok(Box::new(terminal::Terminal::open(args.link.as_deref())?)),
        #[cfg(not(target_os = "linux"))]
        None => Err(Error::Device("pseudo-terminals are offered on Linux only; say --tcp".into())),
    }
}

/// Tells where the board is, and at which rate a host is patient enough with it.
fn greet(args: &BoardSimArgs, sim: &mut BoardSim, end: &dyn End, config: &Config) -> Result<()> {
    let start = Instant::now();
    sim.run(TRIAL).map_err(broken)?;
    let speed = TRIAL as f64 / start.elapsed().as_secs_f64();
    let baud = rate(speed, sim.bit_cycles());
    let (name, device) = end.names(baud);
    let named = args.config.iter().filter(|name| name.ends_with(".toml"));
    let device = named.fold(device, |device, file| format!("{device},{file}"));
    if args.json {
        let all = json!({
            "board": args.board, "config": config.name, "clock_hz": sim.clock_hz(), "bit_cycles": sim.bit_cycles(),
            "end": name, "device": device, "baud": baud, "cycles_per_second": speed.round(),
        });
        return print(&format!("{all}\n"));
    }
    eprintln!("note: {} simulated at {:.0} kHz; sterna run --device {device}", args.board, speed / 1e3);
    print(&format!("{name}\n"))
}

/// Bits a second of the simulated line, half of what was measured, in two digits.
fn rate(speed: f64, bit_cycles: u32) -> u32 {
    let half = (speed / f64::from(bit_cycles) / 2.0).max(1.0) as u32;
    let unit = 10u32.pow(half.ilog10().saturating_sub(1));
    half / unit * unit
}

/// What has been served.
#[derive(Default)]
struct Served {
    received: u64,
    sent: u64,
}

impl Served {
    fn json(&self, sim: &BoardSim) -> Value {
        let memory = sim.memory_counts();
        json!({
            "cycles": sim.cycles(), "bytes_received": self.received, "bytes_sent": self.sent, "bytes_spoiled": sim.spoiled(),
            "words_read": memory.read, "words_written": memory.written, "refreshes": memory.refreshes,
        })
    }
}

/// Runs the board until `stop`.
fn serve(sim: &mut BoardSim, end: &mut dyn End, stop: &AtomicBool, served: &mut Served) -> Result<()> {
    let progress = Progress::spinner("running");
    let (mut bytes, mut since) = ([0; MOST], (Instant::now(), sim.cycles()));
    while !stop.load(Ordering::Relaxed) {
        let rests = sim.idle() > RESTS;
        let room = MOST.saturating_sub(sim.waiting());
        let wait = if rests { PAUSE } else { Duration::ZERO };
        let count = end.receive(&mut bytes[..room], wait).map_err(|e| failed("the line", e))?;
        sim.send(&bytes[..count]);
        sim.run(if rests && count == 0 { LITTLE } else { SLICE }).map_err(broken)?;
        let answer = sim.take();
        end.send(&answer).map_err(|e| failed("the line", e))?;
        served.received += count as u64;
        served.sent += answer.len() as u64;
        let (spent, cycles) = (since.0.elapsed(), sim.cycles());
        if spent > FIGURES {
            let speed = (cycles - since.1) as f64 / spent.as_secs_f64() / 1e3;
            let (mega, Served { received, sent }) = (cycles as f64 / 1e6, &served);
            progress.say(format!("{mega:.1} M cycles, {speed:.0} kHz, {received} bytes in, {sent} out"));
            since = (Instant::now(), cycles);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_have_two_digits_and_leave_room() {
        assert_eq!(
            (rate(160_000.0, 4), rate(157_321.0, 80), rate(3.0, 80), rate(700.0, 4)),
            (20_000, 980, 1, 87)
        );
    }
}
