//! The programs of a build, one after the other. Each runs in the scratch folder and leaves a log there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sterna_spec::boards::Family;

use super::report::Report;
use super::summary::Summary;
use super::{Build, ROUTE_LOG, SYNTHESIS_LOG, Work, pins};
use crate::error::Error;

/// Time between two lines about a program that is still running.
const PATIENCE: Duration = Duration::from_secs(60);
/// What placement and routing leave: of the best seed so far, and of the one at work.
const ROUTED: &str = "routed";
const REPORT: &str = "report.json";

impl Work<'_> {
    /// Writes the sources.
    pub fn place(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        for (name, bytes) in files {
            let path = self.folder.join(name);
            if let Some(inner) = path.parent() {
                fs::create_dir_all(inner).map_err(Error::io("create", inner))?;
            }
            fs::write(&path, bytes).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }

    /// What a program left.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(name);
        fs::read(&path).map_err(Error::io("read", &path))
    }

    /// Verilog to a netlist of the part's cells.
    pub fn synthesize(&self) -> Result<(), Error> {
        let command = match self.board.family {
            Family::Ecp5 => "synth_ecp5 -abc9",
            Family::Gowin => "synth_gowin -family gw2a",
        };
        let script = format!("read_verilog rtl/*.v; {command} -top {0} -json {0}.json", self.top);
        let mut yosys = Command::new(&self.tools.yosys);
        self.run(yosys.args(["-q", "-l", SYNTHESIS_LOG, "-p", &script]), "synthesis", SYNTHESIS_LOG)
    }

    /// Tries seeds until one meets timing; what stays is the best one's.
    pub fn route(&self, order: &Build) -> Result<Summary, Error> {
        let versions = self.tools.versions();
        let mut best: Option<(Summary, [Vec<u8>; 2])> = None;
        for i in 0..order.tries.max(1) {
            let seed = order.seed.wrapping_add(i);
            self.place_and_route(seed)?;
            let report = Report::parse(&self.read(REPORT)?)?;
            let found = Summary::new(self.board, self.config, seed, versions.clone(), &report);
            self.progress.say(&format!("  {}", found.line()));
            let better = best.as_ref().is_none_or(|(best, _)| found.margin() > best.margin());
            let met = found.met();
            if better || met {
                best = Some((found, [self.read(ROUTED)?, self.read(ROUTE_LOG)?]));
            }
            if met {
                break;
            }
        }
        let Some((summary, [routed, log])) = best else {
            return Err(Error::Timing("no seed was tried".into()));
        };
        for (name, bytes) in [(ROUTED, routed), (ROUTE_LOG, log)] {
            let path = self.folder.join(name);
            fs::write(&path, bytes).map_err(Error::io("write", &path))?;
        }
        Ok(summary)
    }

    /// Netlist to a routed design and its report.
    fn place_and_route(&self, seed: u32) -> Result<(), Error> {
        let (netlist, seed) = (format!("{}.json", self.top), seed.to_string());
        let (pins, clock) = (pins::file(self.board), self.config.clock_mhz.to_string());
        let mut nextpnr = Command::new(&self.tools.nextpnr);
        nextpnr.args(["-q", "-l", ROUTE_LOG, "--json", &netlist, "--seed", &seed, "--freq", &clock]);
        nextpnr.args(["--report", REPORT, "--timing-allow-fail"]).args(self.board.part);
        match self.board.family {
            Family::Ecp5 => nextpnr.args(["--lpf", &pins, "--textcfg", ROUTED]),
            Family::Gowin => nextpnr.args(["--vopt", &format!("cst={pins}"), "--write", ROUTED]),
        };
        let ran = self.run(&mut nextpnr, &format!("placement and routing, seed {seed}"), ROUTE_LOG);
        ran.map_err(|error| {
            overfull(&text(&self.folder.join(ROUTE_LOG))).map_or(error, |full| self.too_large(&full))
        })
    }

    fn too_large(&self, full: &str) -> Error {
        let (config, title) = (&self.config.name, self.board.title);
        Error::Unfit(format!(
            "'{config}' does not fit the {title}: {full}; lower rows, tables, slots or the depths of its buffers in a copy of the \
             preset (--config FILE.toml)"
        ))
    }

    /// Routed design to a bitstream: its name and bytes.
    pub fn pack(&self) -> Result<(String, Vec<u8>), Error> {
        let mut pack = Command::new(&self.tools.pack);
        let name = match self.board.family {
            Family::Ecp5 => {
                pack.args(["--compress", "--input", ROUTED, "--bit", "bitstream"]);
                format!("{}.bit", self.board.name)
            }
            Family::Gowin => {
                pack.args(["-d", self.board.device, "-o", "bitstream", ROUTED]);
                format!("{}.fs", self.board.name)
            }
        };
        self.run(&mut pack, "packing", "pack.log")?;
        Ok((name, self.read("bitstream")?))
    }

    /// Runs a program; says so, again every minute, and how long it took.
    fn run(&self, command: &mut Command, what: &str, log: &str) -> Result<(), Error> {
        let failed = |why: String| Error::Tool { tool: what.into(), why };
        let output = self.folder.join("output");
        let file = File::create(&output).map_err(Error::io("create", &output))?;
        let both = file.try_clone().map_err(Error::io("create", &output))?;
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(file).stderr(both);
        self.progress.say(&format!("{what} ..."));
        let begin = Instant::now();
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        let mut told = begin;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| failed(e.to_string()))? {
                break status;
            }
            if told.elapsed() >= PATIENCE {
                told = Instant::now();
                let line = last_line(&self.folder.join(log));
                self.progress.say(&format!("  {} s: {line}", begin.elapsed().as_secs()));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if !status.success() {
            let error = error_line(&self.folder.join(log)).or_else(|| error_line(&output));
            return Err(failed(error.unwrap_or_else(|| format!("{status}: {}", last_line(&output)))));
        }
        self.progress.say(&format!("  done in {} s", begin.elapsed().as_secs()));
        Ok(())
    }
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn last_line(log: &Path) -> String {
    text(log).lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output yet").into()
}

/// The first line that a tool calls an error.
fn error_line(log: &Path) -> Option<String> {
    text(log).lines().find(|line| line.contains("ERROR")).map(|line| line.trim().into())
}

/// Cells that a part has too few of, from lines such as `Info: DP16KD: 112/ 56 200%`.
fn overfull(log: &str) -> Option<String> {
    let cells = |line: &str| {
        let (kind, rest) = line.trim_start_matches("Info:").trim().split_once(':')?;
        let (used, rest) = rest.split_once('/')?;
        let available = rest.split_whitespace().next()?;
        let [used, available] = [used, available].map(|n| n.trim().parse::<u64>());
        let (used, available) = (used.ok()?, available.ok()?);
        (used > available).then(|| format!("{used} {kind} of {available}"))
    };
    let full: Vec<String> = log.lines().filter_map(cells).collect();
    (!full.is_empty()).then(|| full.join(", "))
}
