//! The programs of a build, one after the other. Each runs in the scratch folder and leaves a log there.

use std::fs;
use std::process::Command;

use sterna_spec::boards::Family;

use super::report::Report;
use super::summary::Summary;
use super::{Build, ROUTE_LOG, SYNTHESIS_LOG, Work, pins};
use crate::error::Error;
use crate::parts::Fabric;
use crate::scratch::text;

/// What placement and routing leave: of the best seed so far, and of the one at work.
const ROUTED: &str = "routed";
const REPORT: &str = "report.json";

impl Work<'_> {
    /// Verilog to a netlist of the part's cells.
    pub fn synthesize(&self) -> Result<(), Error> {
        let command = Fabric::from(self.board.family).synthesis();
        let script = format!("read_verilog rtl/*.v; {command} -top {0} -json {0}.json", self.top);
        let mut yosys = Command::new(&self.tools.yosys);
        self.scratch.run(yosys.args(["-q", "-l", SYNTHESIS_LOG, "-p", &script]), "synthesis", SYNTHESIS_LOG)
    }

    /// Tries seeds until one meets timing; what stays is the best one's.
    pub fn route(&self, order: &Build) -> Result<Summary, Error> {
        let versions = self.tools.versions();
        let mut best: Option<(Summary, [Vec<u8>; 2])> = None;
        for i in 0..order.tries.max(1) {
            let seed = order.seed.wrapping_add(i);
            self.place_and_route(seed)?;
            let report = Report::parse(&self.scratch.read(REPORT)?)?;
            let found = Summary::new(self.board, self.config, seed, versions.clone(), &report);
            self.scratch.progress.say(&format!("  {}", found.line()));
            let better = best.as_ref().is_none_or(|(best, _)| found.margin() > best.margin());
            let met = found.met();
            if better || met {
                best = Some((found, [self.scratch.read(ROUTED)?, self.scratch.read(ROUTE_LOG)?]));
            }
            if met {
                break;
            }
        }
        let Some((summary, [routed, log])) = best else {
            return Err(Error::Timing("no seed was tried".into()));
        };
        for (name, bytes) in [(ROUTED, routed), (ROUTE_LOG, log)] {
            let path = self.scratch.folder.join(name);
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
            // the other router gets stuck in designs as full as these
            Family::Ecp5 => nextpnr.args(["--router", "router2", "--lpf", &pins, "--textcfg", ROUTED]),
            Family::Gowin => nextpnr.args(["--vopt", &format!("cst={pins}"), "--write", ROUTED]),
        };
        // some placers never give up
        let hopeless = |log: &str| overfull(log).is_some();
        let what = format!("placement and routing, seed {seed}");
        let ran = self.scratch.run_unless(&mut nextpnr, &what, ROUTE_LOG, hopeless);
        ran.map_err(|error| {
            overfull(&text(&self.scratch.folder.join(ROUTE_LOG))).map_or(error, |full| self.too_large(&full))
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
        self.scratch.run(&mut pack, "packing", "pack.log")?;
        Ok((name, self.scratch.read("bitstream")?))
    }
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
