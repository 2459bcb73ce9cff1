//! The memories that are modelled: rows of data in physical units, and their form in cycles of a design's clock.

use crate::config::{Ceiling, Config, MEMORIES};

/// A duration of a row.
#[derive(Clone, Copy, Debug)]
enum Span {
    Cycles(u32),
    Nanos(u32),
}

/// One memory.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    read_latency: Span,
    write_latency: Span,
    outstanding: u32,
    write_buffer: u32,
    refresh_every: Span,
    refresh_for: Span,
    turnaround: Span,
    conflict_percent: u32,
    source: &'static str,
}

const NONE: Span = Span::Cycles(0);

/// Numbers that no source gives are named as assumed.
const ROWS: &[Row] = &[
    Row {
        name: "ideal",
        read_latency: Span::Cycles(8),
        write_latency: Span::Cycles(4),
        outstanding: 64,
        write_buffer: 64,
        refresh_every: NONE,
        refresh_for: NONE,
        turnaround: NONE,
        conflict_percent: 0,
        source: "a beat a cycle on every port, reads and writes independent; no real memory",
    },
    Row {
        name: "kv260",
        read_latency: Span::Nanos(200),
        write_latency: Span::Nanos(100),
        outstanding: 16,
        write_buffer: 128,
        refresh_every: Span::Nanos(7_800),
        refresh_for: Span::Nanos(350),
        turnaround: Span::Nanos(16),
        conflict_percent: 25,
        source: "DDR4-2133 x64 (17.07 GB/s peak). Ceiling: 15.1 GB/s, the best that users of the board logged, refresh included. \
                 Refresh: tREFI 7.8 us, tRFC 350 ns of 8 Gbit DDR4 (JESD79-4). Outstanding and write buffer: issuing capability of 16 \
                 and 128-entry data buffers of the HP ports (UG1085, UG1087 AFIFM). Conflict: 108.5 against 86.8 us for the same bytes \
                 when port regions lie equal modulo 64 KiB. Latencies and turnaround: assumed",
    },
    Row {
        name: "ulx3s",
        read_latency: Span::Cycles(10),
        write_latency: Span::Cycles(4),
        outstanding: 4,
        write_buffer: 8,
        refresh_every: Span::Nanos(7_800),
        refresh_for: Span::Nanos(66),
        turnaround: Span::Cycles(2),
        conflict_percent: 0,
        source: "16-bit SDRAM on the design's clock (IS42S16160, AS4C32M16, MT48LC16M16): 8192 refreshes in 64 ms, 66 ns each; latency: \
                 precharge 3, activate 3, CAS 3, a register. Queues and turnaround: those of a simple controller, assumed",
    },
    Row {
        name: "tang-nano-20k",
        read_latency: Span::Cycles(12),
        write_latency: Span::Cycles(4),
        outstanding: 8,
        write_buffer: 16,
        refresh_every: Span::Nanos(15_625),
        refresh_for: Span::Nanos(150),
        turnaround: Span::Cycles(4),
        conflict_percent: 0,
        source: "32-bit SDRAM in the package, on the design's clock: 4096 refreshes in 64 ms, as `sterna_spec::sdram` has it; the time of one, \
                 latencies, queues and turnaround are those of a simple controller, assumed",
    },
];

/// A memory in cycles of one clock. All fields may be changed before use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name of the row that it was made from.
    pub name: String,
    /// Cycles from an accepted read address to its first beat, at least 1.
    pub read_latency: u32,
    /// Cycles from the last written beat to the response, at least 1.
    pub write_latency: u32,
    /// Bursts that a port accepts before the first is complete, reads and writes each, at least 1.
    pub outstanding: u32,
    /// Beats that a port's write buffer holds, at least 1.
    pub write_buffer: u32,
    /// Bytes a cycle over all ports and both directions, numerator and denominator; refresh is inside, so it is what long runs reach.
    pub ceiling: Option<(u64, u64)>,
    /// Every so many cycles (first) none of so many (second) carries data.
    pub refresh: Option<(u32, u32)>,
    /// Cycles without data when the direction changes; 0: reads and writes are independent.
    pub turnaround: u32,
    /// Percent that a beat costs more when all other ports read at the same offset modulo 64 KiB.
    pub conflict_percent: u32,
}

impl Profile {
    /// Names of the profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.name)
    }

    /// Where the numbers of a profile come from.
    pub fn source(name: &str) -> Option<&'static str> {
        ROWS.iter().find(|row| row.name == name).map(|row| row.source)
    }

    /// The profile of this name for a clock of `clock_mhz`.
    ///
    /// # Errors
    /// One sentence with the names, if there is none of this name.
    pub fn named(name: &str, clock_mhz: u32) -> Result<Profile, String> {
        let Some(row) = ROWS.iter().find(|row| row.name == name) else {
            let names: Vec<_> = Profile::names().collect();
            return Err(format!("there is no memory profile '{name}'; choose one of: {}", names.join(", ")));
        };
        let mhz = u64::from(clock_mhz.max(1));
        let cycles = |span: Span| match span {
            Span::Cycles(n) => n,
            Span::Nanos(ns) => (u64::from(ns) * mhz).div_ceil(1000) as u32,
        };
        let every = cycles(row.refresh_every);
        Ok(Profile {
            name: row.name.into(),
            read_latency: cycles(row.read_latency),
            write_latency: cycles(row.write_latency),
            outstanding: row.outstanding,
            write_buffer: row.write_buffer,
            ceiling: match MEMORIES.iter().find(|(memory, _)| *memory == name).map(|(_, ceiling)| *ceiling) {
                None | Some(Ceiling::Ports) => None,
                Some(Ceiling::Megabytes(mb)) => Some((mb.into(), mhz)),
                Some(Ceiling::Cycle(bytes)) => Some((bytes.into(), 1)),
            },
            refresh: (every > 0).then(|| (every, cycles(row.refresh_for))),
            turnaround: cycles(row.turnaround),
            conflict_percent: row.conflict_percent,
        })
    }

    /// The profile that a configuration names, for its clock.
    ///
    /// # Errors
    /// As [`Profile::named`].
    pub fn of(config: &Config) -> Result<Profile, String> {
        Profile::named(&config.memory, config.clock_mhz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_cycles() {
        for name in Profile::names() {
            let p = Profile::named(name, 250).unwrap();
            assert!(p.read_latency > 0 && p.write_latency > 0 && p.outstanding > 0 && p.write_buffer > 0);
            assert!(p.refresh.is_none_or(|(every, length)| length < every));
        }
        let p = Profile::named("kv260", 250).unwrap();
        let (num, den) = p.ceiling.unwrap();
        assert_eq!(10 * num, 604 * den, "60.4 bytes a cycle");
        assert_eq!(p.refresh, Some((1950, 88)));
        assert_eq!(Profile::named("ulx3s", 50).unwrap().refresh, Some((390, 4)));
    }

    #[test]
    fn unknown_names() {
        insta::assert_snapshot!(Profile::named("ddr9", 100).unwrap_err(), @"there is no memory profile 'ddr9'; choose one of: ideal, kv260, ulx3s, tang-nano-20k");
    }

    #[test]
    fn every_profile_of_a_configuration_exists() {
        let legal = |memory: &str| {
            Config { memory: memory.into(), ..Config::preset("tiny").unwrap() }.check().is_empty()
        };
        assert!(Profile::names().all(legal));
    }
}
