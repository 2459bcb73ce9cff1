//! A line in this process that drops, doubles, flips and delays bytes in both directions, by a seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sterna_host::serial::{Timing, Transport};
use sterna_spec::device::Device;
use sterna_spec::golden::bridge::Bridge;

/// Nothing is waited for: a byte is there or will not come.
pub const AT_ONCE: Timing = Timing { least: Duration::ZERO, most: Duration::ZERO, silence: Duration::ZERO };

/// Chances of a fault, for each byte.
#[derive(Clone, Copy, Default)]
pub struct Rates {
    pub drop: f64,
    pub double: f64,
    pub flip: f64,
    /// Everything behind such a byte comes after the other side has given up waiting.
    pub delay: f64,
}

impl Rates {
    pub fn all(rate: f64) -> Rates {
        Rates { drop: rate, double: rate, flip: rate, delay: rate / 4.0 }
    }
}

/// One direction.
#[derive(Default)]
struct Way {
    late: VecDeque<u8>,
}

impl Way {
    fn carry(&mut self, rates: &Rates, rng: &mut ChaCha8Rng, byte: u8, arrive: &mut dyn FnMut(u8)) {
        let mut arrive = |byte| if self.late.is_empty() { arrive(byte) } else { self.late.push_back(byte) };
        if rng.random_bool(rates.drop) {
            return;
        }
        let byte = if rng.random_bool(rates.flip) { byte ^ 1 << rng.random_range(0..8) } else { byte };
        if rng.random_bool(rates.double) {
            arrive(byte);
        }
        arrive(byte);
        if self.late.is_empty() && rng.random_bool(rates.delay) {
            self.late.push_back(rng.random());
        }
    }
}

/// The line, and the board at its end.
pub struct Line<D> {
    pub board: Arc<Mutex<Bridge<D>>>,
    rates: Rates,
    rng: ChaCha8Rng,
    there: Way,
    back: Way,
    arrived: VecDeque<u8>,
    /// Bytes until the cable is pulled.
    pub length: u64,
    /// The host waits so long that the board forgets half a request; else only zeros end it.
    patient: bool,
}

impl<D: Device> Line<D> {
    pub fn new(board: &Arc<Mutex<Bridge<D>>>, rates: Rates, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Line {
            board: board.clone(),
            rates,
            rng,
            there: Way::default(),
            back: Way::default(),
            arrived: VecDeque::new(),
            length: u64::MAX,
            patient: seed.is_multiple_of(2),
        }
    }

    fn pump(&mut self) {
        let mut board = self.board.lock().unwrap();
        while let Some(byte) = board.out.pop_front() {
            self.back.carry(&self.rates, &mut self.rng, byte, &mut |byte| self.arrived.push_back(byte));
        }
    }
}

impl<D: Device + Send> Transport for Line<D> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            self.length = self.length.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            let board = &self.board;
            self.there.carry(&self.rates, &mut self.rng, byte, &mut |byte| board.lock().unwrap().byte(byte));
            self.pump();
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        let count = bytes.len().min(self.arrived.len());
        if count > 0 {
            bytes.iter_mut().zip(self.arrived.drain(..count)).for_each(|(to, from)| *to = from);
            return Ok(count);
        }
        // the host gives up waiting: now what was late arrives
        let late = std::mem::take(&mut self.there.late);
        late.into_iter().skip(1).for_each(|byte| self.board.lock().unwrap().byte(byte));
        self.pump();
        self.arrived.extend(std::mem::take(&mut self.back.late).into_iter().skip(1));
        if self.patient {
            self.board.lock().unwrap().idle();
        }
        Ok(0)
    }

    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}
