//! The `sterna` command. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    sterna_host::text::silence_guarded_panics();
    let args = cli::args::Args::parse();
    match cli::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
