//! What placement and routing came to.

use std::fmt::Write;

use serde::Serialize;
use sterna_spec::boards::Board;
use sterna_spec::config::Config;

use super::report::{self, CriticalPath, Fmax, Report, Step};

/// One clock.
#[derive(Debug, PartialEq, Serialize)]
struct Clock {
    name: String,
    /// MHz that are needed.
    wanted_mhz: f64,
    /// MHz that the worst path allows.
    reached_mhz: f64,
    met: bool,
}

/// Cells of one kind.
#[derive(Debug, PartialEq, Serialize)]
struct Resource {
    kind: String,
    meaning: &'static str,
    used: u64,
    available: u64,
}

/// The worst path from one clock to another.
#[derive(Debug, PartialEq, Serialize)]
struct Path {
    from: String,
    to: String,
    nanoseconds: f64,
    /// Of these: in cells, clock to output and setup included.
    logic: f64,
    /// On wires.
    routing: f64,
    /// Cells between the two registers.
    levels: usize,
    /// The signals on its way, those of the registers first and last.
    signals: Vec<String>,
}

/// A routed design.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    board: String,
    preset: String,
    configuration: String,
    clock_mhz: u32,
    seed: u32,
    tools: Vec<String>,
    timing_met: bool,
    clocks: Vec<Clock>,
    resources: Vec<Resource>,
    worst_paths: Vec<Path>,
}

/// What the tools call their cells, and what people do.
const CELLS: &[(&str, &str)] = &[
    ("TRELLIS_COMB", "look-up tables of 4 inputs"),
    ("TRELLIS_FF", "registers"),
    ("TRELLIS_RAMW", "write ports of look-up table memory"),
    ("DP16KD", "block memories of 18 kbit"),
    ("MULT18X18D", "multipliers of 18 x 18 bits"),
    ("EHXPLLL", "clock generators"),
    ("TRELLIS_IO", "pins"),
    ("IOLOGIC", "pins with registers in the pad"),
    ("DCCA", "clock buffers"),
    ("LUT4", "look-up tables of 4 inputs"),
    ("DFF", "registers"),
    ("ALU", "carry cells"),
    ("RAM16SDP4", "memories of 16 x 4 bits"),
    ("BSRAM", "block memories of 18 kbit"),
    ("MULT36X36", "multipliers of 36 x 36 bits"),
    ("MULT18X18", "multipliers of 18 x 18 bits"),
    ("MULT9X9", "multipliers of 9 x 9 bits"),
    ("rPLL", "clock generators"),
    ("IOB", "pins"),
    ("BUFG", "clock buffers"),
    ("GSR", "global reset"),
    ("GND", "constant 0"),
    ("VCC", "constant 1"),
];

/// What nextpnr calls a part of a path that is wire.
const ROUTING: &str = "routing";

/// The core's clock: the net of this name in every template.
const CLOCK: &str = "clock";

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

impl Clock {
    /// The core's clock needs what the configuration says, even if the tools lost the constraint.
    fn new(name: &str, f: Fmax, config: &Config) -> Clock {
        let name = report::clock(name);
        let wanted = if name == CLOCK { f64::from(config.clock_mhz) } else { f.constraint };
        Clock { met: f.achieved >= wanted, wanted_mhz: round(wanted), reached_mhz: round(f.achieved), name }
    }
}

impl Path {
    fn new(path: &CriticalPath) -> Path {
        let sum = |of: fn(&Step) -> bool| {
            path.path.iter().filter(|step| of(step)).map(|step| step.delay).sum::<f64>()
        };
        let mut signals: Vec<String> = path.path.iter().map(|step| report::signal(&step.from.cell)).collect();
        signals.extend(path.path.last().map(|step| report::signal(&step.to.cell)));
        signals.dedup();
        let (logic, routing) = (sum(|step| step.kind != ROUTING), sum(|step| step.kind == ROUTING));
        Path {
            from: report::clock(&path.from),
            to: report::clock(&path.to),
            nanoseconds: round(logic + routing),
            logic: round(logic),
            routing: round(routing),
            levels: path.path.iter().filter(|step| step.kind == "logic").count(),
            signals,
        }
    }
}

impl Summary {
    /// `tools`: their versions; `report`: of the seed.
    pub fn new(board: &Board, config: &Config, seed: u32, tools: Vec<String>, report: &Report) -> Summary {
        let clocks: Vec<Clock> = report.fmax.iter().map(|(name, f)| Clock::new(name, *f, config)).collect();
        let resource = |(kind, cells): (&String, &report::Cells)| Resource {
            meaning: CELLS.iter().find(|(name, _)| name == kind).map_or("", |(_, meaning)| meaning),
            kind: kind.clone(),
            used: cells.used,
            available: cells.available,
        };
        Summary {
            board: board.name.into(),
            preset: config.name.clone(),
            configuration: format!("{:016x}", config.hash()),
            clock_mhz: config.clock_mhz,
            seed,
            tools,
            timing_met: clocks.iter().any(|clock| clock.name == CLOCK)
                && clocks.iter().all(|clock| clock.met),
            clocks,
            // without places are parts of others: a bidirectional pin, what a memory keeps from use
            resources: (report.utilization.iter())
                .filter(|(_, cells)| cells.used > 0 && cells.available > 0)
                .map(resource)
                .collect(),
            worst_paths: report.critical_paths.iter().map(Path::new).collect(),
        }
    }

    pub fn met(&self) -> bool {
        self.timing_met
    }

    /// The least that a clock reaches of what it needs; 1 or more if all is well.
    pub fn margin(&self) -> f64 {
        self.clocks
            .iter()
            .map(|clock| clock.reached_mhz / clock.wanted_mhz.max(0.01))
            .fold(f64::INFINITY, f64::min)
    }

    /// The clocks in one line.
    pub fn line(&self) -> String {
        let clock = |c: &Clock| format!("{} reaches {} MHz of {}", c.name, c.reached_mhz, c.wanted_mhz);
        let clocks: Vec<String> = self.clocks.iter().map(clock).collect();
        let clocks = if clocks.is_empty() { "there is no clock".into() } else { clocks.join(", ") };
        format!("seed {}: {clocks}", self.seed)
    }

    /// What is to be done if timing is not met.
    pub fn complaint(&self) -> String {
        format!(
            "{}; try other seeds (--seed {} --tries 4), or a copy of the preset with a lower clock_mhz (--config FILE.toml)",
            self.line(),
            self.seed.wrapping_add(1)
        )
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub fn markdown(&self) -> String {
        let met = if self.timing_met { "met" } else { "NOT met" };
        let mut text = format!("# `{}`: {} MHz, timing {met}\n\n", self.board, self.clock_mhz);
        let _ = writeln!(text, "Preset `{}`, configuration {}, made by\n", self.preset, self.configuration);
        let _ = writeln!(text, "```sh\nsterna-gen build {} --seed {} -o DIR\n```\n", self.board, self.seed);
        let _ = writeln!(text, "with {}.\n", self.tools.join(", "));
        text += "| clock | needs MHz | reaches MHz |\n|---|---|---|\n";
        for c in &self.clocks {
            let _ = writeln!(text, "| `{}` | {} | {} |", c.name, c.wanted_mhz, c.reached_mhz);
        }
        text += "\n| cells | | used | of | |\n|---|---|---|---|---|\n";
        for r in &self.resources {
            let share = 100 * r.used / r.available.max(1);
            let _ =
                writeln!(text, "| {} | {} | {} | {} | {share} % |", r.kind, r.meaning, r.used, r.available);
        }
        text += "\n| worst path | ns | in cells | on wires | cells between |\n|---|---|---|---|---|\n";
        for p in &self.worst_paths {
            let end = |signal: Option<&String>| signal.cloned().unwrap_or_default();
            let [first, last] = [p.signals.first(), p.signals.last()].map(end);
            let row = [p.nanoseconds, p.logic, p.routing].map(|ns| format!("{ns:.2}")).join(" | ");
            let _ =
                writeln!(text, "| {} to {}: `{first}` to `{last}` | {row} | {} |", p.from, p.to, p.levels);
        }
        text
    }
}
