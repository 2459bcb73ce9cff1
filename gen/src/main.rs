//! The command line of the generator.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use sterna_gen::fp::{self, Engine, Op, Operands};
use sterna_gen::{Build, Error, Flow, Order, Progress};
use sterna_hdl::blocks::fp::Pace;

/// Generates the Verilog of a Sterna accelerator from one configuration.
#[derive(Parser)]
#[command(name = "sterna-gen", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the presets.
    List {
        /// As JSON, with every field.
        #[arg(long)]
        json: bool,
    },
    /// Writes Verilog, register map and configuration as a folder.
    ///
    /// An existing folder is replaced if this program wrote it and nothing in it was changed since.
    Emit {
        /// A preset, or a configuration file that ends in .toml.
        #[arg(value_name = "PRESET|FILE.toml")]
        config: String,
        /// The folder.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Writes Verilog and what a flow needs to use it as a folder.
    Package {
        /// A preset, or a configuration file that ends in .toml.
        #[arg(value_name = "PRESET|FILE.toml")]
        config: String,
        /// The flow.
        #[arg(long = "for", value_name = "FLOW")]
        flow: Flow,
        /// The folder.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Builds a board's bitstream with Yosys and nextpnr.
    ///
    /// Leaves bitstream, Verilog, pins, register maps, the tools' logs and a summary with clocks, resources and worst paths.
    /// Tools that are not on PATH are installed from PyPI (YoWASP), once.
    Build {
        /// Name of the board.
        #[arg(value_name = "BOARD")]
        board: String,
        /// The folder.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Another configuration than the preset of the board's name.
        #[arg(long, value_name = "PRESET|FILE.toml")]
        config: Option<String>,
        /// Seed of the placement; without it one with which `ulx3s-85f` meets its clock.
        #[arg(long, default_value_t = 4)]
        seed: u32,
        /// Seeds that are tried until timing is met.
        #[arg(long, default_value_t = 1)]
        tries: u32,
    },
    /// Synthesizes the core with Yosys: resources of each block, depth of its logic, what its memories became.
    ///
    /// The part is that of the board whose memory the configuration names. A large configuration takes many minutes.
    Synth {
        /// A preset, or a configuration file that ends in .toml.
        #[arg(value_name = "PRESET|FILE.toml")]
        config: String,
        /// A folder for the result as text and JSON, the Verilog and the tool's log.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Checks the binary32 hardware: vectors of TestFloat on standard input, random operands, or all of them.
    ///
    /// Vectors are made with `testfloat_gen -rnear_even -tininessbefore OP`.
    FpCheck {
        /// The operation.
        #[arg(long, value_enum)]
        op: Op,
        /// Check the emitted Verilog under Verilator.
        #[arg(long)]
        rtl: bool,
        /// Check the module in the evaluator.
        #[arg(long, conflicts_with = "rtl")]
        evaluator: bool,
        /// This many random operands, after all pairs of corner cases, instead of vectors.
        #[arg(long, value_name = "COUNT", conflicts_with = "all")]
        random: Option<u64>,
        /// Where the random operands start.
        #[arg(long, default_value_t = 1, requires = "random")]
        seed: u64,
        /// All 2^32 operands of an operation with one, instead of vectors.
        #[arg(long)]
        all: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lists the best configurations of a board for a model shape, by models of speed and of resources.
    ///
    /// Nothing is simulated or synthesized: `docs/results/model.md` says how far the models can be trusted. A configuration is listed if
    /// no other is at least as good in tokens a second, time to the first token and look-up tables, to one percent.
    Explore {
        /// Shape of a published model, or a model's folder.
        #[arg(long)]
        shape: String,
        /// A board: its part, memory and clock.
        #[arg(long)]
        board: String,
        /// Tokens before the one that is generated.
        #[arg(long, default_value_t = 128)]
        context: usize,
        /// Percent of what the part has that a configuration may take.
        #[arg(long, default_value_t = sterna_gen::FILL)]
        fill: u32,
        /// A configuration of yours to compare, marked with the preset.
        #[arg(long, value_name = "FILE.toml")]
        also: Vec<String>,
        /// Writes a configuration as TOML.
        #[arg(long, value_name = "FILE.toml")]
        emit: Option<PathBuf>,
        /// Which one is written, by its number in the table.
        #[arg(long, default_value_t = 1)]
        pick: usize,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Proves rules of streams, queues and buses on the emitted Verilog, with Yosys and ABC.
    ///
    /// Exit code 1 if a proof fails or a mutant has the property that it should lack.
    Formal {
        /// Only blocks whose name contains this.
        #[arg(long, value_name = "NAME")]
        block: Option<String>,
        /// Also try the mutant of each proof, which must be refuted.
        #[arg(long)]
        mutants: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Checks that the committed summary of a preset is what the generator makes now.
    Check {
        /// The folder that holds a folder for each committed preset.
        #[arg(value_name = "DIR", default_value = "gen/generated")]
        folder: PathBuf,
        /// Rewrite instead.
        #[arg(long)]
        update: bool,
    },
    /// Prints a configuration as TOML, each field with its meaning and its legal values.
    Schema {
        /// A preset, or a configuration file that ends in .toml.
        #[arg(value_name = "PRESET|FILE.toml", default_value = "tiny")]
        config: String,
    },
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

fn run(command: Command) -> Result<String, Error> {
    Ok(match command {
        Command::List { json: true } => sterna_gen::json(),
        Command::List { json: false } => sterna_gen::table(),
        Command::Emit { config, output } => {
            write(&sterna_gen::files(&sterna_gen::configuration(&config)?)?, &output)?
        }
        Command::Package { config, flow, output } => {
            write(&sterna_gen::package(&sterna_gen::configuration(&config)?, flow)?, &output)?
        }
        Command::Build { board, output, config, seed, tries } => {
            let order = Build { board, config, seed, tries };
            sterna_gen::build(&order, &output, &progress())?
        }
        Command::Synth { config, output, json } => {
            let config = sterna_gen::configuration(&config)?;
            let result = sterna_gen::synth(&config, output.as_deref(), &progress())?;
            if json { result.json() } else { result.markdown() }
        }
        Command::FpCheck { op, rtl, evaluator, random, seed, all, json } => {
            let engine = match (rtl, evaluator) {
                (true, _) => Engine::Rtl(Pace::Fast),
                (_, true) => Engine::Evaluator(Pace::Fast),
                _ => Engine::Golden,
            };
            let report = match (random, all) {
                (Some(count), _) => {
                    fp::check_operands(op, engine, Operands::Random { count, seed }, &progress())?
                }
                (_, true) => fp::check_operands(op, engine, Operands::All, &progress())?,
                _ => fp::check_vectors(op, engine, io::stdin().lock())?,
            };
            report.result(json)?
        }
        Command::Explore { shape, board, context, fill, also, emit, pick, json } => {
            let also = also.iter().map(|file| sterna_gen::configuration(file)).collect::<Result<_, _>>()?;
            let order = Order { shape, board, context, fill, also };
            let found = sterna_gen::explore(&order, &progress())?;
            if let Some(path) = emit {
                found.emit(pick, &path)?;
            }
            if json { found.json() } else { found.table() }
        }
        Command::Formal { block, mutants, json } => {
            let result = sterna_gen::formal(block.as_deref(), mutants, &progress())?;
            let text = if json { result.json() } else { result.markdown() };
            if !result.passes() {
                print!("{text}");
                return Err(Error::Unproved);
            }
            text
        }
        Command::Check { folder, update } => {
            let verb = if update { "written" } else { "current" };
            let done = sterna_gen::check(&folder, update)?;
            done.iter().map(|(name, count)| format!("{name}: summary of {count} files {verb}\n")).collect()
        }
        Command::Schema { config } => sterna_gen::schema(&sterna_gen::configuration(&config)?),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sterna-gen", &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }
    })
}

fn progress() -> Progress {
    Progress::new(|line| eprintln!("{line}"))
}

fn write(files: &BTreeMap<String, String>, output: &Path) -> Result<String, Error> {
    let bytes = sterna_gen::write(files, output)?;
    Ok(format!("{}: {} files, {} kB\n", output.display(), files.len() + 1, bytes.div_ceil(1000)))
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        // a reader that has seen enough (`| head`) is no failure
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("error: cannot write the output: {error}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        },
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
