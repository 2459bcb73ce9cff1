//! A board in this process at the end of a line that a test can cut.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sterna_host::serial::{Serial, Timing, Transport};
use sterna_sim::board::{BoardSim, Options, Rates};
use sterna_spec::boards::Board;
use sterna_spec::config::Config;
use sterna_spec::device::DeviceError;

/// Cycles between two looks at what the board sent.
const SLICE: u64 = 400;
/// Nothing is waited for: a byte comes before the board is quiet, or never.
const AT_ONCE: Timing = Timing { least: Duration::ZERO, most: Duration::ZERO, silence: Duration::ZERO };

/// The board, which goes on when a host leaves it.
pub type Shared = Arc<Mutex<BoardSim>>;

/// The board that most tests simulate, and its preset.
pub fn board() -> (&'static Board, Config) {
    named("ulx3s-85f")
}

/// A board and its preset.
pub fn named(name: &str) -> (&'static Board, Config) {
    let board = Board::find(name).unwrap();
    (board, Config::preset(board.preset).unwrap())
}

/// A board with power on, whose line is as fast as it can be and as bad as `noise` says.
pub fn power_up(noise: Rates, seed: u64) -> Shared {
    let (board, config) = board();
    start(board, &config, Options { fast: true, noise, seed, ..Options::default() })
}

/// A board with power on.
pub fn start(board: &Board, config: &Config, options: Options) -> Shared {
    Arc::new(Mutex::new(BoardSim::new(board, config, &options).unwrap_or_else(|e| panic!("{e}"))))
}

/// The line, and what arrived at this end.
struct Line {
    board: Shared,
    arrived: Vec<u8>,
    /// Bytes to the board until the cable is pulled.
    length: usize,
}

impl Line {
    fn broken(fault: impl std::fmt::Display) -> io::Error {
        io::Error::other(fault.to_string())
    }
}

impl Transport for Line {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let part = bytes.len().min(self.length);
        self.length -= part;
        self.board.lock().unwrap().send(&bytes[..part]);
        if part == bytes.len() { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        let mut board = self.board.lock().unwrap();
        while self.arrived.is_empty() {
            board.run(SLICE).map_err(Line::broken)?;
            self.arrived = board.take();
            if self.arrived.is_empty() && board.is_quiet() {
                return Ok(0);
            }
        }
        let count = bytes.len().min(self.arrived.len());
        bytes[..count].copy_from_slice(&self.arrived[..count]);
        self.arrived.drain(..count);
        Ok(count)
    }

    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}

/// A host that opens the board.
pub fn open(board: &Shared) -> Result<Serial, DeviceError> {
    open_until(board, usize::MAX)
}

/// One whose cable is pulled after so many bytes to the board.
pub fn open_until(board: &Shared, length: usize) -> Result<Serial, DeviceError> {
    let line = Line { board: board.clone(), arrived: Vec::new(), length };
    Serial::over(Box::new(line), "board", AT_ONCE)
}
