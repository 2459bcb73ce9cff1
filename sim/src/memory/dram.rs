//! What all ports share: bandwidth, refresh, and the direction of the data bus.

use sterna_spec::profile::Profile;

/// Cycles without work in one direction after which the bus turns to the other.
const IDLE: u32 = 8;
/// Cycles that one direction waits at most while the other has work.
const PATIENCE: u32 = 64;

/// Decides in each cycle which beats move. A beat costs tokens; a cycle outside refresh and turnaround brings some.
#[derive(Clone, Debug)]
pub(super) struct Dram {
    /// `None`: no ceiling.
    tokens: Option<Tokens>,
    refresh: Option<(u32, u32)>,
    refreshing: bool,
    turnaround: u32,
    /// Cycles until the bus has turned.
    turning: u32,
    writing: bool,
    idle: u32,
    waiting: u32,
}

/// A token is one hundredth of a byte, divided by the ceiling's denominator and by the cycles between refreshes.
#[derive(Clone, Debug)]
struct Tokens {
    held: u64,
    most: u64,
    income: u64,
    /// Price of one percent of a beat.
    price: u64,
}

impl Dram {
    pub(super) fn new(profile: &Profile, ports: usize, port_bytes: usize) -> Self {
        let (every, length) =
            profile.refresh.map_or((1, 0), |(e, l)| (u64::from(e), u64::from(l.min(e - 1))));
        let tokens = profile.ceiling.map(|(num, den)| {
            let price = port_bytes as u64 * den * (every - length);
            let percent = 100 + u64::from(profile.conflict_percent);
            // two beats of every port, so that a port that waits a cycle loses nothing
            Tokens { held: 0, most: 2 * ports as u64 * percent * price, income: num * every * 100, price }
        });
        Dram {
            tokens,
            refresh: profile.refresh,
            refreshing: false,
            turnaround: profile.turnaround,
            turning: 0,
            writing: false,
            idle: 0,
            waiting: 0,
        }
    }

    /// Begins a cycle; `reads`, `writes`: some port has a beat to move in this direction.
    pub(super) fn begin(&mut self, now: u64, reads: bool, writes: bool) {
        self.refreshing =
            self.refresh.is_some_and(|(every, length)| now % u64::from(every) < u64::from(length));
        if self.turnaround > 0 {
            self.turn(reads, writes);
        }
        if let Some(t) = &mut self.tokens
            && !self.refreshing
            && self.turning == 0
        {
            t.held = (t.held + t.income).min(t.most);
        }
    }

    fn turn(&mut self, reads: bool, writes: bool) {
        if self.turning > 0 {
            self.turning -= 1;
            return;
        }
        let (mine, other) = if self.writing { (writes, reads) } else { (reads, writes) };
        self.idle = if mine { 0 } else { self.idle + 1 };
        self.waiting = if other { self.waiting + 1 } else { 0 };
        if other && (self.idle >= IDLE || self.waiting >= PATIENCE) {
            self.writing = !self.writing;
            self.turning = self.turnaround;
            (self.idle, self.waiting) = (0, 0);
        }
    }

    /// Whether a beat may move now, at `percent` (100 or more) of a beat's price; if so, pays for it.
    pub(super) fn take(&mut self, write: bool, percent: u64) -> bool {
        if self.refreshing || self.turning > 0 || (self.turnaround > 0 && write != self.writing) {
            return false;
        }
        match &mut self.tokens {
            Some(t) if t.held < percent * t.price => false,
            Some(t) => {
                t.held -= percent * t.price;
                true
            }
            None => true,
        }
    }
}
