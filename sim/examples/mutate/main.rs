//! Mutation score of the co-simulation: single changes of the emitted Verilog, of which it must see all but those that change nothing.
//!
//! `cargo run --release -p sterna-sim --example mutate -- [--count 300] [--seed 1] [--only N,N] [--prove|--prove-all] [--json]
//! [--verilog FOLDER]`
//!
//! Of each difference from the golden model the block that the report names is compared with the block that holds the mutant.
//! `--only` runs some of the mutants that are drawn, by number. `--prove` tries to prove that a survivor changes nothing (`prove.rs`);
//! `--prove-all` tries it with those that show as well, of which none may be proven. `--verilog` leaves the unchanged files, whose
//! lines the report counts.
//!
//! All mutants are in one Verilated design, each behind a choice by an input of the top, so that there is one build and a mutant
//! costs its run alone. Each runs in a process of its own, which is ended when it takes too long: `--one NUMBER` is that process.

#[path = "../../tests/cosim/bench.rs"]
#[allow(dead_code)] // the tests run more configurations
mod bench;
#[path = "../../tests/cosim/cases.rs"]
mod cases;
#[path = "../../tests/cosim/counters.rs"]
mod counters;
mod errors;
mod numbers;
#[path = "../../tests/cosim/pins.rs"]
mod pins;
#[path = "../../tests/cosim/program.rs"]
mod program;
mod prove;
mod report;
mod suite;
mod text;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use report::{Line, Score};
use sterna_spec::config::Config;
use suite::Design;

/// How many times as long as the unchanged design a mutant may take.
const PATIENCE: u32 = 8;
/// Seconds that it may take in any case.
const LEAST: u64 = 20;
/// Mutants at work side by side.
const BESIDE: usize = 2;

/// Which mutants the prover gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prove {
    None,
    Survivors,
    All,
}

struct Order {
    count: usize,
    seed: u64,
    one: Option<usize>,
    /// Numbers of those that run, if not all do.
    only: Option<Vec<usize>>,
    prove: Prove,
    json: bool,
    verilog: Option<PathBuf>,
}

fn order() -> Result<Order, String> {
    let mut order =
        Order { count: 300, seed: 1, one: None, only: None, prove: Prove::None, json: false, verilog: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--verilog" {
            order.verilog = Some(words.next().ok_or("--verilog takes a folder")?.into());
            continue;
        }
        if word == "--only" {
            let list = words.next().ok_or("--only takes numbers, with commas between them")?;
            let numbers = list.split(',').map(str::parse::<usize>).collect::<Result<Vec<_>, _>>();
            order.only = Some(numbers.map_err(|_| format!("--only takes numbers, not '{list}'"))?);
            continue;
        }
        let mut number =
            || words.next().and_then(|n| n.parse::<u64>().ok()).ok_or(format!("{word} takes a number"));
        match word.as_str() {
            "--count" => order.count = number()? as usize,
            "--seed" => order.seed = number()?,
            "--one" => order.one = Some(number()? as usize),
            "--json" => order.json = true,
            "--prove" => order.prove = Prove::Survivors,
            "--prove-all" => order.prove = Prove::All,
            _ => {
                return Err(format!(
                    "there is no option {word}: choose of --count N, --seed N, --only N,N, --prove, --prove-all, --json, \
                     --verilog FOLDER"
                ));
            }
        }
    }
    Ok(order)
}

fn config() -> Config {
    Config { probe: true, ..bench::four_rows() }
}

fn main() -> ExitCode {
    match order().and_then(|order| work(&order)) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn work(order: &Order) -> Result<ExitCode, String> {
    let config = config();
    let files = sterna_hdl::emit(&config).map_err(|e| e.to_string())?;
    if let Some(folder) = &order.verilog {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for (name, text) in &files {
            std::fs::write(folder.join(name), text).map_err(|e| format!("{name}: {e}"))?;
        }
    }
    let mutants = text::draw(text::all(&files), order.count, order.seed);
    let design = Design::new(&config, &text::together(&files, &mutants));
    if let Some(number) = order.one {
        // the parent reads one line
        let file = number.checked_sub(1).map(|at| &mutants[at].file[..]);
        match suite::run(&design, number, file) {
            Ok(counters) => println!("survives {counters:?}"),
            Err(why) => println!("killed {why}"),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let prover = (order.prove != Prove::None).then(prove::Prover::find).transpose()?;
    let numbers = order.only.clone().unwrap_or_else(|| (1..=mutants.len()).collect());
    if let Some(number) = numbers.iter().find(|number| !(1..=mutants.len()).contains(number)) {
        return Err(format!("there is no mutant {number}: choose of 1 to {}", mutants.len()));
    }
    eprintln!("{} mutants in one design; building it ...", mutants.len());
    let begin = Instant::now();
    let first = child(order, 0, Duration::from_secs(3600))?;
    let Some(unchanged) = first.strip_prefix("survives ") else {
        return Err(format!("the unchanged design fails: {first}"));
    };
    let begun = Instant::now();
    eprintln!("  built and run in {} s", begin.elapsed().as_secs());
    child(order, 0, Duration::from_secs(3600))?;
    let limit = (begun.elapsed() * PATIENCE).max(Duration::from_secs(LEAST));
    let next = std::sync::atomic::AtomicUsize::new(0);
    let worker = || {
        let mut lines = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(&number) = numbers.get(at) else { return Ok::<_, String>(lines) };
            let mutant = &mutants[number - 1];
            let said = child(order, number, limit)?;
            let mut line = Line::new(mutant, &said, unchanged);
            eprintln!("{number}/{} {}", mutants.len(), line.told());
            if let Some(prover) = prover.as_ref().filter(|_| order.prove == Prove::All || line.survives()) {
                let proof = prover.prove(&files, mutant)?;
                eprintln!("{number}/{} {proof}", mutants.len());
                line.proof = Some(proof);
            }
            lines.push((at, line));
        }
    };
    let mut lines = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..BESIDE).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(|w| w.join().map_err(|_| "a worker stopped".to_string())?);
        done.collect::<Result<Vec<_>, String>>().map(|all| all.concat())
    })?;
    lines.sort_by_key(|(at, _)| *at);
    let homes = text::homes(&files);
    let score = Score { homes, seed: order.seed, lines: lines.into_iter().map(|(_, line)| line).collect() };
    println!("{}", if order.json { score.json() } else { score.markdown() });
    if let Some(line) = score.lines.iter().find(|line| line.proven() && !line.survives()) {
        return Err(format!("what shows is proven to change nothing: {}", line.told()));
    }
    Ok(if score.shown() * 100 >= (score.lines.len() - score.proven()) * 95 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the process of one mutant says: `survives` and its counters, or `killed` and why.
fn child(order: &Order, number: usize, limit: Duration) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.args(["--count", &order.count.to_string(), "--seed", &order.seed.to_string()]);
    command
        .args(["--one", &number.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let begin = Instant::now();
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        if begin.elapsed() > limit {
            child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
            return Ok("killed it does not end".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    Ok(if text.is_empty() { "killed the simulation stops".into() } else { text })
}
