//! One port: its queues of bursts, its write buffer, its answers, its random stalls.

use std::collections::VecDeque;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::axi::{Address, DECERR, MAX_BYTES, Master, OKAY, ReadBeat, Rules, Slave, WriteBeat};
use super::dram::Dram;
use super::store::Store;
use super::{Fault, Stalls, Traffic};
use sterna_spec::profile::Profile;

/// A burst in progress: the next beat's address, beats left, when it may answer, whether memory holds all of it.
#[derive(Clone, Copy, Debug)]
struct Burst {
    id: u32,
    next: u64,
    left: u32,
    due: u64,
    inside: bool,
}

/// A beat in the write buffer.
#[derive(Clone, Copy, Debug)]
struct Buffered {
    address: u64,
    beat: WriteBeat,
    id: u32,
    inside: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Port {
    index: usize,
    bytes: usize,
    reads: VecDeque<Burst>,
    writes: VecDeque<Burst>,
    buffer: VecDeque<Buffered>,
    responses: VecDeque<(u64, u32, u8)>,
    /// Writes accepted and not yet answered.
    unanswered: u32,
    rules: Rules,
    stalls: Stalls,
    rng: ChaCha8Rng,
    /// It takes and answers nothing any more.
    pub(super) stopped: bool,
    pub(super) slave: Slave,
    pub(super) traffic: Traffic,
}

impl Port {
    pub(super) fn new(index: usize, bytes: usize, stalls: Stalls, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        Port {
            index,
            bytes,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            buffer: VecDeque::new(),
            responses: VecDeque::new(),
            unanswered: 0,
            rules: Rules::default(),
            stalls,
            rng,
            stopped: false,
            slave: Slave::default(),
            traffic: Traffic::default(),
        }
    }

    /// Forgets everything in progress, as a reset of both sides does.
    pub(super) fn reset(&mut self) {
        self.reads.clear();
        self.writes.clear();
        self.buffer.clear();
        self.responses.clear();
        (self.unanswered, self.rules, self.slave) = (0, Rules::default(), Slave::default());
    }

    /// A read beat could be offered now.
    pub(super) fn wants_read(&self, now: u64) -> bool {
        self.slave.r.is_none() && self.reads.front().is_some_and(|burst| burst.due <= now)
    }

    /// A beat waits in the write buffer.
    pub(super) fn wants_write(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Where the port reads, if it does.
    pub(super) fn reading(&self) -> Option<u64> {
        self.reads.front().map(|burst| burst.next)
    }

    /// What it has taken and not answered, in words; nothing if that is nothing.
    pub(super) fn owes(&self) -> Option<String> {
        let (reads, writes) = (self.reads.len(), self.unanswered);
        let due = self.reads.front().map(|burst| format!(", the first due in cycle {}", burst.due));
        let stopped = if self.stopped { "has stopped and " } else { "" };
        (self.stopped || reads > 0 || writes > 0).then(|| {
            let due = due.unwrap_or_default();
            format!(
                "port {} {stopped}owes {reads} bursts of reads{due} and {writes} answers to writes",
                self.index
            )
        })
    }

    /// Nothing is in progress.
    pub(super) fn idle(&self) -> bool {
        self.reads.is_empty() && self.unanswered == 0
    }

    /// Decides what the memory drives in this cycle. `percent`: price of a read beat.
    pub(super) fn offer(
        &mut self,
        now: u64,
        profile: &Profile,
        store: &mut Store,
        dram: &mut Dram,
        percent: u64,
    ) {
        if self.stopped {
            (self.slave.ar_ready, self.slave.aw_ready, self.slave.w_ready) = (false, false, false);
            return;
        }
        let random = if self.stalls == Stalls::NONE { u64::MAX } else { self.rng.next_u64() };
        let [ar, r, aw, w, b, ..] = random.to_le_bytes();
        if self.wants_read(now) && r >= self.stalls.r && dram.take(false, percent) {
            self.slave.r = self.next_read(store);
        }
        if self.wants_write() && dram.take(true, 100) {
            self.drain(now, profile, store);
        }
        if let (None, Some(&(due, id, resp))) = (self.slave.b, self.responses.front())
            && due <= now
            && b >= self.stalls.b
        {
            self.responses.pop_front();
            self.slave.b = Some((id, resp));
        }
        self.slave.ar_ready = self.reads.len() < profile.outstanding as usize && ar >= self.stalls.ar;
        self.slave.aw_ready = self.unanswered < profile.outstanding && aw >= self.stalls.aw;
        let room = self.buffer.len() < profile.write_buffer as usize;
        self.slave.w_ready = !self.writes.is_empty() && room && w >= self.stalls.w;
    }

    fn next_read(&mut self, store: &Store) -> Option<ReadBeat> {
        let burst = self.reads.front_mut()?;
        // a pattern that is not zero: data of a refused read must not be used
        let mut data = [0xee; MAX_BYTES];
        if burst.inside
            && let Some(range) = store.range(burst.next, self.bytes)
        {
            data[..self.bytes].copy_from_slice(&store.bytes[range]);
        }
        burst.next += self.bytes as u64;
        burst.left -= 1;
        let resp = if burst.inside { OKAY } else { DECERR };
        let beat = ReadBeat { id: burst.id, data, resp, last: burst.left == 0 };
        if beat.last {
            self.reads.pop_front();
        }
        Some(beat)
    }

    fn drain(&mut self, now: u64, profile: &Profile, store: &mut Store) {
        let Some(Buffered { address, beat, id, inside }) = self.buffer.pop_front() else { return };
        if inside {
            store.put(address, &beat.data[..self.bytes], beat.strobes);
        }
        if beat.last {
            let resp = if inside { OKAY } else { DECERR };
            self.responses.push_back((now + u64::from(profile.write_latency), id, resp));
        }
    }

    /// Ends the cycle: checks what the master drives and takes what both sides agree on.
    pub(super) fn accept(
        &mut self,
        now: u64,
        profile: &Profile,
        store: &Store,
        master: &Master,
    ) -> Result<(), Fault> {
        let index = self.index;
        let fault = |channel, rule| Fault { port: index, channel, cycle: now, rule };
        self.rules.check(master, &self.slave, self.bytes, fault)?;
        if let Some(address) = master.ar.filter(|_| self.slave.ar_ready) {
            self.reads.push_back(self.burst(&address, now + u64::from(profile.read_latency.max(1)), store));
        }
        if let Some(beat) = master.w.filter(|_| self.slave.w_ready) {
            self.take_write(beat, store).map_err(|rule| fault("W", rule))?;
        }
        if let Some(address) = master.aw.filter(|_| self.slave.aw_ready) {
            self.writes.push_back(self.burst(&address, 0, store));
            self.unanswered += 1;
        }
        self.traffic.busy_cycles += u64::from(!self.idle() || self.slave.r.is_some());
        if self.slave.r.is_some() && master.r_ready {
            self.slave.r = None;
            self.traffic.read_bytes += self.bytes as u64;
        }
        if self.slave.b.is_some() && master.b_ready {
            self.slave.b = None;
            self.unanswered -= 1;
        }
        Ok(())
    }

    fn burst(&self, a: &Address, due: u64, store: &Store) -> Burst {
        let left = u32::from(a.len) + 1;
        let inside = store.serves(a.address, left as usize * self.bytes);
        Burst { id: a.id, next: a.address, left, due, inside }
    }

    fn take_write(&mut self, beat: WriteBeat, store: &Store) -> Result<(), String> {
        let Some(burst) = self.writes.front_mut() else { return Ok(()) };
        if beat.last != (burst.left == 1) {
            let left = burst.left;
            return Err(format!("WLAST is {} with {left} beats of the burst left", u8::from(beat.last)));
        }
        if let Some(at) = store.forbidden(burst.next, beat.strobes) {
            return Err(format!("a write to {at:#x}, outside the regions that may be written"));
        }
        self.buffer.push_back(Buffered { address: burst.next, beat, id: burst.id, inside: burst.inside });
        burst.next += self.bytes as u64;
        burst.left -= 1;
        self.traffic.write_bytes += u64::from(beat.strobes.count_ones());
        if burst.left == 0 {
            self.writes.pop_front();
        }
        Ok(())
    }
}
