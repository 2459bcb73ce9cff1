//! A configuration and its memory in cycles.

use sterna_spec::config::{Config, TableKind};
use sterna_spec::profile::Profile;

/// Cycles from a request at the reader to its first beat at a unit, beside the memory's own latency: client, burst, address,
/// data, queue and relays.
const READER: f64 = 9.0;

/// What the walk needs to know of a device.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub config: Config,
    /// Beats a cycle that memory delivers over a long time.
    pub rate: f64,
    /// Cycles from a request to its first beat.
    pub latency: f64,
    /// Beats that are on their way at most.
    window: f64,
    /// Cycles from a written beat to its acknowledgement, and those in which the bus turns to writing.
    pub write: f64,
}

impl Machine {
    pub(super) fn new(config: &Config, profile: &Profile) -> Machine {
        let beat = config.beat_bytes() as f64;
        let ceiling = profile.ceiling.map_or(1.0, |(bytes, cycles)| bytes as f64 / cycles as f64 / beat);
        let latency = f64::from(profile.read_latency) + READER;
        // a port has so many bursts in flight, each for the latency and its own length
        let bursts = f64::from(config.outstanding.min(profile.outstanding));
        let burst = f64::from(config.burst_beats);
        let pipelined = bursts * burst / (latency + burst);
        // a client issues every other cycle at most
        let issued = burst / 2.0;
        let refresh = match (profile.ceiling, profile.refresh) {
            (None, Some((every, length))) => 1.0 - f64::from(length) / f64::from(every),
            _ => 1.0,
        };
        Machine {
            config: config.clone(),
            rate: ceiling.min(1.0).min(pipelined).min(issued) * refresh,
            latency,
            window: bursts * burst,
            write: f64::from(profile.write_latency + profile.turnaround),
        }
    }

    /// Beats of the stream that come before so many of data at most. What the data's queue holds is asked for at once; with more than
    /// that the two take turns until the stream's queue is full.
    pub(super) fn ahead_of(&self, beats: f64) -> f64 {
        if beats <= f64::from(self.config.kv_beats) { self.window } else { f64::INFINITY }
    }

    /// Stages from a weight beat to its sums; `sum_stage` of the matrix engine.
    pub(super) fn sum_stage(&self) -> f64 {
        let levels = self.config.tables.next_power_of_two().ilog2().max(1);
        f64::from(5 + levels) + f64::from(u8::from(self.config.table_kind == TableKind::Signed))
    }

    /// Cycles from one chunk's tables to the next's at the earliest.
    pub(super) fn build(&self) -> f64 {
        self.config.build_cycles() as f64
    }

    /// Beats of an instruction.
    pub(super) fn instruction(&self) -> f64 {
        self.config.instruction_beats() as f64
    }
}
