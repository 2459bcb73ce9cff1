//! What synthesis needs to know of a part: how its family is mapped to, and how much of everything it has.

use std::ops::{Add, AddAssign, Mul};

use serde::Serialize;
use sterna_spec::boards::Family;
use sterna_spec::config::Config;

/// A family of parts as synthesis sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fabric {
    /// Lattice ECP5.
    Ecp5,
    /// Gowin GW2A.
    Gowin,
    /// AMD UltraScale+.
    UltraScale,
}

impl From<Family> for Fabric {
    fn from(family: Family) -> Fabric {
        match family {
            Family::Ecp5 => Fabric::Ecp5,
            Family::Gowin => Fabric::Gowin,
        }
    }
}

impl Fabric {
    /// The pass of Yosys that maps to its cells.
    pub fn synthesis(self) -> &'static str {
        match self {
            Fabric::Ecp5 => "synth_ecp5 -abc9",
            Fabric::Gowin => "synth_gowin -family gw2a -nowidelut",
            Fabric::UltraScale => "synth_xilinx -family xcup -flatten",
        }
    }

    /// What that pass needs besides for a design without pins.
    pub fn without_pins(self) -> &'static str {
        match self {
            Fabric::Ecp5 => "",
            Fabric::Gowin => " -noiopads",
            Fabric::UltraScale => " -noiopad -noclkbuf",
        }
    }
}

/// What a part has, or what cells take of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Look-up tables, those of memories included.
    pub lut: u64,
    /// Of these: memories and shift registers.
    pub lut_memory: u64,
    /// Registers.
    pub ff: u64,
    /// Multipliers.
    pub dsp: u64,
    /// Block memories in halves of 18 kbit.
    pub bram18: u64,
    /// Memories of 288 kbit.
    pub uram: u64,
}

impl Cost {
    /// What is left without `part` of it.
    pub fn without(self, part: Cost) -> Cost {
        self.with(part, u64::saturating_sub)
    }

    /// Percent of `part` of what is shortest, and what that is.
    pub fn fullest(&self, part: &Cost) -> (f64, &'static str) {
        let share =
            |used: u64, has: u64| if used == 0 { 0.0 } else { 100.0 * used as f64 / has.max(1) as f64 };
        let all = [
            (share(self.lut, part.lut), "look-up tables"),
            (share(self.ff, part.ff), "registers"),
            (share(self.dsp, part.dsp), "multipliers"),
            (share(self.bram18, part.bram18), "block memories"),
            (share(self.uram, part.uram), "large memories"),
        ];
        all.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
    }

    fn with(self, b: Cost, f: impl Fn(u64, u64) -> u64) -> Cost {
        Cost {
            lut: f(self.lut, b.lut),
            lut_memory: f(self.lut_memory, b.lut_memory),
            ff: f(self.ff, b.ff),
            dsp: f(self.dsp, b.dsp),
            bram18: f(self.bram18, b.bram18),
            uram: f(self.uram, b.uram),
        }
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, b: Cost) -> Cost {
        self.with(b, |a, b| a + b)
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, b: Cost) {
        *self = *self + b;
    }
}

impl Mul<u64> for Cost {
    type Output = Cost;

    fn mul(self, n: u64) -> Cost {
        self.with(self, |a, _| a * n)
    }
}

/// One part.
#[derive(Debug)]
pub struct Part {
    /// Name of the part.
    pub name: &'static str,
    /// The memory of its board, as configurations name it.
    pub memory: &'static str,
    /// Its family.
    pub fabric: Fabric,
    /// What it has.
    pub has: Cost,
}

/// Parts, from their data sheets; memories of 16 x 4 bits count as the look-up tables that they keep from other use. The first is taken for configurations with a memory of no board.
static PARTS: [Part; 3] = [
    Part {
        name: "XCK26",
        memory: "kv260",
        fabric: Fabric::UltraScale,
        has: Cost { lut: 117_120, lut_memory: 57_600, ff: 234_240, dsp: 1_248, bram18: 288, uram: 64 },
    },
    Part {
        name: "LFE5U-85F",
        memory: "ulx3s",
        fabric: Fabric::Ecp5,
        has: Cost { lut: 83_640, lut_memory: 62_730, ff: 83_640, dsp: 156, bram18: 208, uram: 0 },
    },
    Part {
        name: "GW2AR-18",
        memory: "tang-nano-20k",
        fabric: Fabric::Gowin,
        has: Cost { lut: 20_736, lut_memory: 3_888, ff: 15_552, dsp: 48, bram18: 46, uram: 0 },
    },
];

impl Part {
    /// The part of the board whose memory a configuration names.
    pub fn of(config: &Config) -> &'static Part {
        Part::with_memory(&config.memory).unwrap_or(&PARTS[0])
    }

    /// The part of the board with a memory.
    pub fn with_memory(memory: &str) -> Option<&'static Part> {
        PARTS.iter().find(|part| part.memory == memory)
    }
}
