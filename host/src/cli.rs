//! The command line: arguments in `args.rs`, one file a subcommand.

pub mod args;
mod bench;
#[cfg(feature = "sim")]
mod board_sim;
mod case;
mod convert;
#[cfg(feature = "sim")]
mod debug;
mod devices;
mod doctor;
pub mod engine;
mod eval;
mod inspect;
mod logits;
mod perplexity;
mod progress;
mod replay;
mod report;
mod run;
mod texts;
mod trace;

use args::{Args, Command};
use clap::CommandFactory;
use sterna_host::error::{Error, Result};

/// Executes a parsed command line.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Run(run) => run::run(&run),
        Command::Logits(logits) => logits::logits(&logits),
        Command::Eval(eval) => eval::eval(&eval),
        Command::Perplexity(perplexity) => perplexity::perplexity(&perplexity),
        Command::Bench(bench) => bench::bench(&bench),
        Command::Devices(devices) => devices::devices(&devices),
        Command::Doctor(doctor) => doctor::doctor(&doctor),
        #[cfg(feature = "sim")]
        Command::BoardSim(board) => board_sim::board_sim(&board),
        #[cfg(feature = "sim")]
        Command::Debug(args) => debug::debug(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Inspect(inspect) => inspect::inspect(&inspect),
        Command::Replay(replay) => replay::replay(&replay),
        Command::Convert(convert) => convert::convert(&convert),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "sterna", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}

/// 2 for settings out of range, else 1.
pub fn exit_code(error: &Error) -> u8 {
    if matches!(error, Error::Setting { .. }) { 2 } else { 1 }
}

/// Writes to standard output at once. A reader that has gone away is no failure.
fn print(text: &str) -> Result<()> {
    use std::io::{ErrorKind, Write, stdout};
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Io { path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Writes one JSON value and a newline to standard output.
fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}
