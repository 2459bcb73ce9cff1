//! From a board's name to its bitstream, with open tools.
//!
//! ```text
//!   board, preset ─► rtl/*.v ─► yosys ─► netlist ─► nextpnr ─► routed design ─► packer ─► bitstream
//!   constraints/ ───────────────────────────────────┘  └─► report ─► summary.json, summary.md
//! ```
//!
//! Everything happens in a scratch folder; what is kept is written at the end, as one folder.

mod pins;
mod report;
mod steps;
mod summary;

use std::collections::BTreeMap;
use std::path::Path;

use sterna_hdl::board;
use sterna_spec::boards::Board;
use sterna_spec::config::Config;

use crate::error::Error;
use crate::registers::board_files;
use crate::scratch::{Progress, Scratch};
use crate::tools::Tools;

const SYNTHESIS_LOG: &str = "synthesis.log";
const ROUTE_LOG: &str = "route.log";

/// What to build.
#[derive(Clone, Debug)]
pub struct Build {
    /// Name of the board.
    pub board: String,
    /// A configuration other than the preset of the board's name.
    pub config: Option<String>,
    /// First seed of the placement.
    pub seed: u32,
    /// Seeds that are tried, one after the other, until timing is met.
    pub tries: u32,
}

/// Builds the bitstream and writes it to `output` with its sources, the tools' logs and a summary; returns that, as text.
///
/// # Errors
/// One sentence: the board or configuration does not exist, the output cannot be replaced, ports and pins differ, a tool cannot be
/// found, installed or run, the design does not fit, timing is not met (everything but the bitstream is then written).
pub fn build(order: &Build, output: &Path, progress: &Progress) -> Result<String, Error> {
    let board = Board::find(&order.board).map_err(Error::Board)?;
    let config = crate::configuration(order.config.as_deref().unwrap_or(board.preset))?;
    let config = Config { probe: false, ..config };
    crate::folder::replaceable(output)?;
    let mut files = sources(board, &config)?;
    let tools = Tools::find(board.family, progress)?;
    let scratch = Scratch::new(progress)?;
    let work = Work { board, config: &config, scratch: &scratch, top: board::top(board), tools: &tools };
    scratch.place(&files)?;
    work.synthesize()?;
    let summary = work.route(order)?;
    if summary.met() {
        let (name, bytes) = work.pack()?;
        files.insert(name, bytes);
    }
    for log in [SYNTHESIS_LOG, ROUTE_LOG] {
        files.insert(log.into(), scratch.read(log)?);
    }
    files.insert("summary.json".into(), summary.json().into_bytes());
    files.insert("summary.md".into(), summary.markdown().into_bytes());
    crate::write(&files, output)?;
    if summary.met() { Ok(summary.markdown()) } else { Err(Error::Timing(summary.complaint())) }
}

/// The Verilog, the pins, the register maps and the configuration.
fn sources(board: &Board, config: &Config) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let emit = |why: String| Error::Emit { name: config.name.clone(), why };
    let verilog = board::files(board, config).map_err(emit)?;
    let top = verilog.get(&format!("{}.v", board::top(board)));
    pins::check(board, top.map_or("", String::as_str)).map_err(Error::Unfit)?;
    let rtl = verilog.into_iter().map(|(name, text)| (format!("rtl/{name}"), text));
    let rest = crate::files(config)?.into_iter().filter(|(name, _)| !name.ends_with(".v"));
    // with the bridge's registers, in the place of those without
    let maps = board_files(config, board.memory.bytes()).map(|(name, text)| (name.to_string(), text));
    let pins = (pins::file(board), board.pins.to_string());
    Ok(rtl.chain(rest).chain(maps).chain([pins]).map(|(name, text)| (name, text.into_bytes())).collect())
}

/// A build under way.
struct Work<'a> {
    board: &'a Board,
    config: &'a Config,
    /// Where it happens.
    scratch: &'a Scratch<'a>,
    top: String,
    tools: &'a Tools,
}
