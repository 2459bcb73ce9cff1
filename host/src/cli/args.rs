//! What can be said on the command line.

use super::engine::SourceName;
use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use sterna_host::compile::Options;
use sterna_host::config::Activation;
use sterna_host::convert::Format;
use sterna_host::devices::{DEFAULT, Name};
use sterna_host::ggml::i2s::Layout;
use sterna_host::sample::Settings;

const EXAMPLES: &str = "\
Examples:
  sterna run -p \"Once upon a time\"
  sterna run -m path/to/model -p \"Hello\" -n 32 --temp 0.8 --seed 7
  sterna run --device golden --json -p \"Hello\" > result.json
  sterna inspect path/to/model
  sterna eval -m path/to/model.gguf -f text.txt
  sterna devices
  sterna doctor --device uart:/dev/ttyUSB0@3000000";

const RUN_EXAMPLES: &str = "\
Examples:
  sterna run -p \"Once upon a time\"                the shipped model on the default device
  sterna run --device golden --temp 0.8 --seed 7  sampled text, exact and without cycles
  sterna run --json -n 16 | jq .decode            figures for a script
  sterna run --lockstep -n 16                     every result compared with the golden model
  sterna run -n 1 --trace t.fst --trace-to 5000   a waveform of the first cycles
  sterna run --device uart:/dev/ttyUSB0@3000000   a board

A preset stands behind a colon, as in golden:tiny; a name that ends in .toml is a file.
Boards are uart:PATH@BAUD, tcp:HOST:PORT@BAUD and uio:NAME; `sterna devices` lists all.
Text goes to standard output, everything else to standard error.";

/// Runs small ternary language models on a Sterna accelerator.
#[derive(Parser)]
#[command(name = "sterna", version, after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Continue a prompt with a model on a device
    Run(RunArgs),
    /// Write the logits of every position of a prompt to a file
    Logits(LogitsArgs),
    /// Compare a device with the float32 reference over a text
    Eval(EvalArgs),
    /// The perplexity of a text, counted as llama.cpp counts it
    Perplexity(PerplexityArgs),
    /// Measure prompts and generation in cycles, bytes and causes of waiting
    Bench(BenchArgs),
    /// Find the first difference between a simulated device and the golden model, with a waveform of it
    #[cfg(feature = "sim")]
    Debug(DebugArgs),
    /// Write what a run spends its cycles on, for Perfetto and Chrome's tracing page
    Trace(TraceArgs),
    /// Run a recorded session on a device and compare every answer
    Replay(ReplayArgs),
    /// List the devices and presets of this build
    Devices(DevicesArgs),
    /// Check this machine's tools and serial ports, and a device: identity, clock, memory, arithmetic, line
    Doctor(DoctorArgs),
    /// Simulate a whole board, pins and memory chip included, behind a pseudo-terminal or a TCP port
    #[cfg(feature = "sim")]
    BoardSim(BoardSimArgs),
    /// Show what a model is, what it needs of a device, and what is wrong with it
    Inspect(InspectArgs),
    /// Write a model as packed safetensors and as GGUF
    Convert(ConvertArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(ClapArgs)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub input: Input,
    /// Most tokens to generate
    #[arg(short, default_value_t = 64, value_name = "N")]
    pub number: usize,
    /// Positions of the session [default: what model and device both have]
    #[arg(short, long, value_name = "N")]
    pub ctx: Option<usize>,
    #[command(flatten)]
    pub sampling: Sampling,
    #[command(flatten)]
    pub head: HeadArgs,
    /// golden or sim, with a preset if wanted
    #[arg(long, default_value = DEFAULT, value_name = "DEVICE")]
    pub device: Name,
    /// Read tables, weights and programs back in the end and compare their checksums
    #[arg(long)]
    pub scrub: bool,
    /// Run the golden model beside the simulation and stop at the first difference
    #[arg(long)]
    pub lockstep: bool,
    /// Write everything that is asked of the device, and its answers, to a file for --device replay:FILE
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Write a waveform of the simulation: FST if the name ends in .fst, else VCD
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// First cycle of the waveform
    #[arg(long, value_name = "C", default_value_t = 0, requires = "trace")]
    pub trace_from: u64,
    /// Cycle before which the waveform ends
    #[arg(long, value_name = "C", default_value_t = 10_000, requires = "trace")]
    pub trace_to: u64,
    /// Print exactly one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// A short run that is watched.
#[derive(ClapArgs)]
pub struct Watched {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub input: Input,
    /// Tokens to generate, the likeliest ones
    #[arg(short, default_value_t = 2, value_name = "N")]
    pub number: usize,
    /// The device, with a preset if wanted
    #[arg(long, default_value = DEFAULT, value_name = "DEVICE")]
    pub device: Name,
}

/// What to compare a device with.
#[cfg(feature = "sim")]
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Against {
    /// The golden model
    Golden,
}

#[cfg(feature = "sim")]
#[derive(ClapArgs)]
pub struct DebugArgs {
    #[command(flatten)]
    pub case: Watched,
    /// What is right
    #[arg(long, default_value = "golden")]
    pub against: Against,
    /// The folder for waveform and markers
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    pub output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct TraceArgs {
    #[command(flatten)]
    pub case: Watched,
    /// The file
    #[arg(short, long, default_value = "trace.json", value_name = "FILE")]
    pub output: PathBuf,
}

/// Which model.
#[derive(ClapArgs)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// Folder of a Hugging Face model or a GGUF file [default: the shipped models/stories]
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
}

/// How finely the head is stored.
#[derive(ClapArgs)]
pub struct PlanesArg {
    /// Balanced ternary planes of the head, 1 to 5 [default: by measured divergence]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub planes: Option<u8>,
}

/// How tokens are selected.
#[derive(ClapArgs)]
pub struct HeadArgs {
    #[command(flatten)]
    pub stored: PlanesArg,
    /// Select with N planes of all tokens first, then with all planes of the selected ones: less to read, and at times another
    /// token [default: all planes of all tokens]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub draft: Option<u8>,
}

impl HeadArgs {
    /// For sequences of `context` positions.
    pub fn options(&self, context: usize, sequences: usize) -> Options {
        Options { context, sequences, planes: self.stored.planes, draft: self.draft }
    }
}

/// How a model is read.
#[derive(ClapArgs, Default)]
#[command(next_help_heading = "Model")]
pub struct Reading {
    /// A published model's shape with random weights instead of a model, such as bitnet-2b4t
    #[arg(long, value_name = "NAME")]
    pub shape: Option<String>,
    /// Order of a GGUF file's I2_S codes: x86, arm or four-rows [default: as found]
    #[arg(long, value_name = "ORDER")]
    pub i2s_layout: Option<Layout>,
    /// Activation function of a GGUF model: relu2 or silu [default: the architecture's]
    #[arg(long, value_name = "NAME")]
    pub activation: Option<Activation>,
}

/// What a sequence starts with.
#[derive(ClapArgs)]
pub struct Input {
    /// Text to continue
    #[arg(short, long, default_value = "")]
    pub prompt: String,
    /// Token ids to continue, separated by commas, instead of text
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with_all = ["prompt", "chat"])]
    pub tokens: Option<Vec<u32>>,
    /// A message to answer, put into the model's chat template
    #[arg(long, value_name = "MESSAGE", conflicts_with = "prompt")]
    pub chat: Option<String>,
    /// What the template's system message says
    #[arg(long, value_name = "TEXT", requires = "chat")]
    pub system: Option<String>,
    /// A tokenizer.json instead of the model's own tokenizer
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
}

/// A text to judge a model by.
#[derive(ClapArgs)]
pub struct TextArgs {
    /// The text [default: eval.txt beside the model, paragraph by paragraph]
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Take each paragraph as a text of its own
    #[arg(long)]
    pub paragraphs: bool,
    /// Token ids, separated by commas, instead of a text
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with = "file")]
    pub tokens: Option<Vec<u32>>,
    /// Stop after so many tokens
    #[arg(short, value_name = "N")]
    pub number: Option<usize>,
    /// A tokenizer.json instead of the model's own tokenizer
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub struct EvalArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub text: TextArgs,
    /// Positions of a piece [default: what model and device both have]
    #[arg(short, long, value_name = "N")]
    pub ctx: Option<usize>,
    /// The device that is judged
    #[arg(long, default_value = "golden:tiny", value_name = "DEVICE")]
    pub device: Name,
    #[command(flatten)]
    pub head: PlanesArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct PerplexityArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub text: TextArgs,
    /// Positions of a piece, of which the second half counts [default: 512 or what model and device both have]
    #[arg(short, long, value_name = "N", value_parser = at_least_two)]
    pub ctx: Option<usize>,
    /// reference, golden or sim, with a preset if wanted
    #[arg(long, default_value = "golden:tiny", value_name = "DEVICE")]
    pub device: SourceName,
    #[command(flatten)]
    pub head: PlanesArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct LogitsArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub input: Input,
    /// reference, golden or sim, with a preset if wanted
    #[arg(long, default_value = "golden:tiny", value_name = "DEVICE")]
    pub device: SourceName,
    #[command(flatten)]
    pub head: PlanesArg,
    /// The safetensors file to write: `logits` (f32, positions x vocabulary) and `tokens`
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct ConvertArgs {
    /// Folder of a Hugging Face model or a GGUF file [default: the shipped models/stories]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
    /// The folder to write; it must not exist
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// What to write, separated by commas: safetensors, tq2_0, tq1_0, i2_s
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "safetensors,tq2_0")]
    pub format: Vec<Format>,
    /// Replace the folder if it exists
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

fn at_least_two(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n >= 2 => Ok(n),
        _ => Err("a piece needs at least 2 positions".into()),
    }
}

#[derive(ClapArgs)]
#[command(next_help_heading = "Sampling")]
pub struct Sampling {
    /// 0: always the likeliest token; 1: the model's own distribution
    #[arg(long, default_value_t = 0.0, value_name = "X", allow_negative_numbers = true)]
    pub temp: f32,
    /// Keep the K likeliest tokens (the device selects at most its own top_k)
    #[arg(long, default_value_t = Settings::default().top_k, value_name = "K")]
    pub top_k: usize,
    /// Keep the likeliest tokens that together reach this probability
    #[arg(long, default_value_t = 1.0, value_name = "X", allow_negative_numbers = true)]
    pub top_p: f32,
    /// Drop tokens below this share of the likeliest one's probability
    #[arg(long, default_value_t = 0.0, value_name = "X", allow_negative_numbers = true)]
    pub min_p: f32,
    /// Equal seeds give equal texts
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  sterna bench                                             the shipped model on the default device
  sterna bench --shape bitnet_b1_58-large --device sim:kv260 -p 128 -n 4 -d 128
  sterna bench --shape bitnet-2b4t --device sim:kv260 -p 0 -n 2 -d 128,1024 --layers 2
  sterna bench --parallel 4 --json | jq '.[].tokens_per_second'

Tests are named as llama-bench names them: pp128 is a prompt of 128 tokens from an empty cache, tg4 @ d128 four tokens
generated behind 128 others. Tokens a second are tokens over cycles at the preset's clock: simulated, unless marked extrapolated.";

#[derive(ClapArgs)]
#[command(after_help = BENCH_EXAMPLES)]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub head: HeadArgs,
    /// Tokens of the prompts, separated by commas; 0 for none
    #[arg(short, default_value = "16", value_name = "N", value_delimiter = ',')]
    pub prompt: Vec<usize>,
    /// Tokens to generate, separated by commas; 0 for none
    #[arg(short, default_value = "4", value_name = "N", value_delimiter = ',')]
    pub number: Vec<usize>,
    /// Tokens that stand before the generated ones, separated by commas
    #[arg(short, default_value = "0", value_name = "N", value_delimiter = ',')]
    pub depth: Vec<usize>,
    /// Sequences that generate side by side, a row of the step each
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub parallel: u8,
    /// Run N layers, and N - 1 to see what one costs; the rest is extrapolated and marked so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub layers: Option<u16>,
    /// The device, such as sim:kv260
    #[arg(long, default_value = DEFAULT, value_name = "DEVICE")]
    pub device: Name,
    /// Run the golden model too and compare the tokens
    #[arg(long)]
    pub check: bool,
    /// Write report.json and report.html: where the cycles and bytes went (runs the tests again, every cycle observed)
    #[cfg(feature = "sim")]
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Print one JSON array, an object for each test
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV
    #[arg(long)]
    pub csv: bool,
}

#[derive(ClapArgs)]
pub struct ReplayArgs {
    /// What run --record wrote
    pub file: PathBuf,
    /// golden or sim, with a preset if wanted
    #[arg(long, default_value = DEFAULT, value_name = "DEVICE")]
    pub device: Name,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct DevicesArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct DoctorArgs {
    /// The device to examine, such as uart:/dev/ttyUSB0@3000000 [default: none]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Name>,
    /// Test the whole memory instead of parts of it
    #[arg(long, requires = "device")]
    pub whole: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "sim")]
const BOARD_SIM_EXAMPLES: &str = "\
Examples:
  sterna board-sim ulx3s-85f --pty --link /tmp/board -m models/stories --fast-uart
  sterna run --device uart:/tmp/board@20000 -n 4
  sterna board-sim ulx3s-85f --tcp 1234 --drop 5000 --seed 7

The first line of standard output is the path of the pseudo-terminal or the number of the port.
A simulated line is as slow as the simulation: standard error names the rate to give to the host.";

/// A board to simulate, and its end of the line.
#[cfg(feature = "sim")]
#[derive(ClapArgs)]
#[command(after_help = BOARD_SIM_EXAMPLES, group = clap::ArgGroup::new("end").required(true).args(["pty", "tcp"]))]
pub struct BoardSimArgs {
    /// Name of the board, such as ulx3s-85f
    pub board: String,
    /// Offer a pseudo-terminal
    #[arg(long)]
    pub pty: bool,
    /// Offer a TCP port of this machine, a free one if none is named
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    pub tcp: Option<u16>,
    /// A symbolic link to the pseudo-terminal, removed at the end
    #[arg(long, value_name = "PATH", conflicts_with = "tcp")]
    pub link: Option<PathBuf>,
    /// Another configuration than the board's preset
    #[arg(long, value_name = "PRESET|FILE.toml")]
    pub config: Option<String>,
    /// As few cycles a bit as the serial port can do with, instead of the board's baud rate
    #[arg(long)]
    pub fast_uart: bool,
    /// Folder or GGUF file of a model that memory holds from the start, as after an upload [default: noise]
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Positions of the session that the model is compiled for [default: what model and device both have]
    #[arg(short, long, value_name = "N", requires = "model")]
    pub ctx: Option<usize>,
    /// Lose about one of N bytes on the line
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub drop: u32,
    /// Flip a bit in about one of N bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub flip: u32,
    /// Double about one of N bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub double: u32,
    /// Seed of these faults and of what memory holds at first
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Print one JSON object as the first line, and one at the end
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct InspectArgs {
    /// Folder of a Hugging Face model or a GGUF file [default: the shipped models/stories]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
    /// The one device to look at [default: every preset]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Name>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl From<&Sampling> for Settings {
    fn from(s: &Sampling) -> Self {
        Settings { temperature: s.temp, top_k: s.top_k, top_p: s.top_p, min_p: s.min_p, seed: s.seed }
    }
}
