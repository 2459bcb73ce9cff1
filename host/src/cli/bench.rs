//! `sterna bench`: prompts and generation in cycles.

use super::args::BenchArgs;
use super::progress::Progress;
use super::run::{load, model_folder};
use super::{print, print_json};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Instant;
use sterna_host::bench::{Bench, Outcome, Test, mean_and_deviation, run};
use sterna_host::devices::{Choice, Watch};
use sterna_host::error::{Error, Result};
use sterna_host::model::Model;
#[cfg(feature = "sim")]
use sterna_host::whole;
use sterna_spec::golden::Golden;

/// What is printed of a test; the names are those of `--json`.
#[derive(Debug, Serialize)]
struct Line {
    test: String,
    shape: String,
    preset: String,
    /// Layers that were run.
    layers: usize,
    clock_mhz: u32,
    tokens: usize,
    cycles: u64,
    tokens_per_second: f64,
    /// Of the steps; 0 for a single one.
    deviation: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_to_first_token: Option<f64>,
    bytes_read: u64,
    bytes_written: u64,
    /// Bytes over those that the memory carries at most in these cycles.
    memory_utilization: f64,
    effective_bits_per_weight: f64,
    stalls: Map<String, Value>,
    extrapolated: bool,
    wall_seconds: f64,
    simulated_cycles_per_second: f64,
}

/// The command.
pub fn bench(args: &BenchArgs) -> Result<()> {
    let choice = args.device.find()?;
    if !choice.has_cycles {
        let kind = choice.kind.name();
        return Err(Error::Device(format!("{kind} has no cycles to measure; choose --device sim")));
    }
    let tests = tests(args)?;
    let folder = model_folder(args.model.model.as_deref())?;
    let model = load(&folder, &args.model.reading)?;
    let mut session = Session { args, choice: &choice, model, tests };
    let lines = session.measure()?;
    #[cfg(feature = "sim")]
    if let Some(folder) = &args.report {
        session.report(folder)?;
    }
    match (args.json, args.csv) {
        (true, _) => print_json(&serde_json::to_value(&lines).unwrap_or_default()),
        (_, true) => print(&csv(&lines)),
        _ => print(&table(&lines, choice.kind.counted())),
    }
}

/// All tests that were asked for.
fn tests(args: &BenchArgs) -> Result<Vec<Test>> {
    let mut tests: Vec<Test> = args.prompt.iter().filter(|n| **n > 0).map(|n| Test::prompt(*n)).collect();
    let parallel = args.parallel.into();
    for &generate in args.number.iter().filter(|n| **n > 0) {
        tests.extend(args.depth.iter().map(|&depth| Test { prompt: 0, generate, depth, parallel }));
    }
    if tests.is_empty() {
        let range = "more than 0 for one of -p and -n".into();
        return Err(Error::Setting { name: "number of tokens", value: "0".into(), range });
    }
    Ok(tests)
}

struct Session<'a> {
    args: &'a BenchArgs,
    choice: &'a Choice,
    model: Model,
    tests: Vec<Test>,
}

/// A test's outcome, the time it took, and the cycles that were simulated in it.
struct Timed {
    outcome: Outcome,
    wall: f64,
    simulated: u64,
}

impl Session<'_> {
    fn measure(&mut self) -> Result<Vec<Line>> {
        let all = self.model.config.layers;
        let layers = self.args.layers.map_or(all, usize::from);
        if layers > all {
            let value = layers.to_string();
            return Err(Error::Setting {
                name: "layers",
                value,
                range: format!("2 to {all}, those of the model"),
            });
        }
        let (bench, outcomes) = self.run(layers)?;
        let mut lines: Vec<Line> = self.lines(&bench, layers, &outcomes);
        if layers < all {
            let (_, fewer) = self.run(layers - 1)?;
            for ((line, timed), less) in lines.iter_mut().zip(&outcomes).zip(&fewer) {
                let whole = timed.outcome.extrapolate(&less.outcome, all - layers);
                line.wall_seconds += less.wall;
                self.count(line, &whole);
                line.extrapolated = true;
            }
        }
        Ok(lines)
    }

    fn compile(&mut self, layers: usize) -> Result<Bench> {
        let positions = self.tests.iter().map(Test::positions).max().unwrap_or(1);
        let (mut progress, args) = (Progress::new("compiling"), self.args);
        let options = args.head.options(positions, args.parallel.into());
        let config = &self.choice.config;
        Bench::new(&mut self.model, layers, config, &options, |done, all| progress.at(done, all))
    }

    /// Runs all tests on the first layers of the model.
    fn run(&mut self, layers: usize) -> Result<(Bench, Vec<Timed>)> {
        let bench = self.compile(layers)?;
        let building = Progress::spinner("preparing the device");
        let device = self.choice.open(&Watch::default())?;
        drop(building);
        let mut progress = Progress::new("loading");
        let mut driver = bench.load(device, |done, all| progress.at(done, all))?;
        drop(progress);
        let mut outcomes = Vec::new();
        for test in &self.tests {
            let (start, mut progress) = (Instant::now(), Progress::new("simulating"));
            let outcome = run(&mut driver, test, |done, all| progress.at(done, all))?;
            let simulated = outcome.counters().get("CYCLES");
            outcomes.push(Timed { outcome, wall: start.elapsed().as_secs_f64(), simulated });
        }
        if self.args.check {
            self.check(&bench, &outcomes)?;
        }
        Ok((bench, outcomes))
    }

    /// The golden model finds the same tokens.
    fn check(&self, bench: &Bench, outcomes: &[Timed]) -> Result<()> {
        let mut driver = bench.load(Box::new(Golden::new(&self.choice.config)), |_, _| {})?;
        for (test, timed) in self.tests.iter().zip(outcomes) {
            let mut progress = Progress::new("golden model");
            let golden = run(&mut driver, test, |done, all| progress.at(done, all))?;
            if golden.tokens != timed.outcome.tokens {
                return Err(Error::Device(format!(
                    "{}: the device finds tokens {:?}, the golden model {:?}; run with --lockstep to see where they part",
                    test.name(),
                    timed.outcome.tokens,
                    golden.tokens
                )));
            }
        }
        eprintln!("the golden model finds the same tokens");
        Ok(())
    }

    /// Runs the tests once more, every cycle observed, and writes what came of it.
    #[cfg(feature = "sim")]
    fn report(&mut self, folder: &std::path::Path) -> Result<()> {
        use sterna_host::bench::{page::page, report::Report};
        let activity = std::sync::Arc::<std::sync::Mutex<sterna_sim::Activity>>::default();
        let watch = Watch { activity: Some(activity.clone()), ..Watch::default() };
        let bench = self.compile(self.model.config.layers)?;
        let (mut driver, shape) = (bench.load(self.choice.open(&watch)?, |_, _| {})?, self.shape());
        let kept = || activity.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut reports = Vec::new();
        for test in &self.tests {
            kept().clear();
            let mut progress = Progress::new("observing");
            let outcome = run(&mut driver, test, |done, all| progress.at(done, all))?;
            reports.push(Report::new(&bench, &shape, test, &outcome, &kept()));
        }
        let json = serde_json::to_vec_pretty(&reports).unwrap_or_default();
        std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
        [("report.json", json), ("report.html", page(&reports).into_bytes())].into_iter().try_for_each(
            |(name, bytes)| {
                let path = folder.join(name);
                whole::write(&path, bytes).map_err(Error::at(&path))
            },
        )
    }

    fn shape(&self) -> String {
        self.model.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn lines(&self, bench: &Bench, layers: usize, outcomes: &[Timed]) -> Vec<Line> {
        let config = &self.choice.config;
        let line = |(test, timed): (&Test, &Timed)| {
            let mut line = Line {
                test: test.name(),
                shape: self.shape(),
                preset: config.name.clone(),
                layers,
                clock_mhz: config.clock_mhz,
                tokens: timed.outcome.steps.iter().map(|step| step.tokens).sum(),
                cycles: 0,
                tokens_per_second: 0.0,
                deviation: 0.0,
                seconds_to_first_token: (test.prompt > 0).then_some(0.0),
                bytes_read: 0,
                bytes_written: 0,
                memory_utilization: 0.0,
                effective_bits_per_weight: bench.bits_per_weight(),
                stalls: Map::new(),
                extrapolated: false,
                wall_seconds: timed.wall,
                simulated_cycles_per_second: timed.simulated as f64 / timed.wall,
            };
            self.count(&mut line, &timed.outcome);
            line
        };
        self.tests.iter().zip(outcomes).map(line).collect()
    }

    /// Fills in what follows from the counters.
    fn count(&self, line: &mut Line, outcome: &Outcome) {
        let (config, all) = (&self.choice.config, outcome.counters());
        let (clock, beat) = (f64::from(config.clock_mhz) * 1e6, config.beat_bytes() as u64);
        line.cycles = all.get("CYCLES");
        let seconds = line.cycles as f64 / clock;
        line.tokens_per_second = line.tokens as f64 / seconds;
        let rate = |tokens: usize, cycles: u64| tokens as f64 * clock / cycles as f64;
        let steps: Vec<f64> =
            outcome.steps.iter().map(|s| rate(s.tokens, s.counters.get("CYCLES"))).collect();
        line.deviation = mean_and_deviation(&steps).1;
        line.seconds_to_first_token = line.seconds_to_first_token.map(|_| seconds);
        (line.bytes_read, line.bytes_written) = (all.beats_read() * beat, all.get("WRITE_BEATS") * beat);
        let moved = (line.bytes_read + line.bytes_written) as f64;
        line.memory_utilization = moved / (seconds * config.memory_bandwidth() as f64);
        line.stalls = all.causes().map(|(name, cycles)| (name.to_lowercase(), cycles.into())).collect();
    }
}

/// Heads of the columns and what stands below them.
const COLUMNS: [&str; 8] =
    ["shape", "preset", "layers", "test", "tokens/s", "cycles a token", "memory", "bits a weight"];

fn table(lines: &[Line], counted: &str) -> String {
    let cells = |line: &Line| {
        let mark = if line.extrapolated { "extrapolated" } else { counted };
        [
            line.shape.clone(),
            line.preset.clone(),
            line.layers.to_string(),
            line.test.clone(),
            format!("{:.2} ± {:.2} ({mark})", line.tokens_per_second, line.deviation),
            (line.cycles / line.tokens.max(1) as u64).to_string(),
            format!("{:.1} %", 100.0 * line.memory_utilization),
            format!("{:.3}", line.effective_bits_per_weight),
        ]
    };
    let rows: Vec<[String; 8]> =
        std::iter::once(COLUMNS.map(String::from)).chain(lines.iter().map(cells)).collect();
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        if at == 0 {
            text += &format!("|{}|\n", widths.map(|width| "-".repeat(width + 2)).join("|"));
        }
    }
    for line in lines {
        let causes = line.stalls.iter().filter(|(_, n)| n.as_u64() > Some(0));
        let share = |n: &Value| 100.0 * n.as_f64().unwrap_or(0.0) / line.cycles.max(1) as f64;
        let causes: Vec<String> = causes.map(|(name, n)| format!("{name} {:.1} %", share(n))).collect();
        text += &format!("\n{}: cycles by cause: {}\n", line.test, causes.join(", "));
    }
    text
}

fn csv(lines: &[Line]) -> String {
    let rows: Vec<Map<String, Value>> = lines
        .iter()
        .filter_map(|line| match serde_json::to_value(line) {
            Ok(Value::Object(mut row)) => {
                row.entry("seconds_to_first_token").or_insert("".into());
                let stalls = row.remove("stalls");
                let causes = stalls.as_ref().and_then(Value::as_object).into_iter().flatten();
                let causes: Vec<_> = causes.map(|(n, v)| (format!("stall_{n}"), v.clone())).collect();
                row.extend(causes);
                Some(row)
            }
            _ => None,
        })
        .collect();
    let Some(first) = rows.first() else { return String::new() };
    let mut text = first.keys().cloned().collect::<Vec<_>>().join(",") + "\n";
    for row in &rows {
        let cells = row.values().map(|v| v.as_str().map_or_else(|| v.to_string(), String::from));
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}
