//! Programs that are killed at seeded points: what they write is there whole, old or new, and the next run works and clears up.
//! (`sim/verilated/tests/kills.rs` does the same to builds of simulated devices.)

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rand::RngExt;
use sterna_tests::programs::{sterna, sterna_gen};
use sterna_tests::rng;

use crate::place::{Place, Tree, model, small, stories, toml, tree};

/// What is killed: a program that writes `out`.
struct Job {
    program: &'static Path,
    /// What wrote what was there before.
    old: Vec<String>,
    new: Vec<String>,
}

fn jobs() -> Vec<Job> {
    let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    let job = |program, old: &str, new: &str| Job { program, old: words(old), new: words(new) };
    let (model, stories, golden) = (model(), stories(), "run --device golden:tiny -c 16 --record out");
    vec![
        job(sterna_gen(), "emit other.toml -o out", "emit small.toml -o out"),
        job(sterna_gen(), "package other.toml --for litex -o out", "package small.toml --for litex -o out"),
        job(
            sterna(),
            &format!("convert {stories} --format tq1_0 -o out"),
            &format!("convert {stories} --force -o out"),
        ),
        job(
            sterna(),
            &format!("{golden} -m {model} --tokens 3,1,4 -n 1"),
            &format!("{golden} -m {model} --tokens 3,1,4,1,5 -n 3"),
        ),
    ]
}

fn is_part(name: &str) -> bool {
    name.starts_with("out.") && name.split('/').next().is_some_and(|top| top.ends_with(".part"))
}

/// Files below a folder and their kilobytes; in the first folder, only those that are wanted.
fn weight(folder: &Path, wanted: fn(&str) -> bool) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let weigh = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => 1 + weight(&entry.path(), |_| true),
        Ok(meta) => 1 + meta.len() as usize / 1024,
        Err(_) => 0,
    };
    entries.filter(|entry| wanted(&entry.file_name().to_string_lossy())).map(weigh).sum()
}

/// When a program is killed.
#[derive(Debug)]
enum Point {
    After(Duration),
    /// When what it has written, but not yet named, weighs so much.
    Weight(usize),
}

/// Runs `new` and kills it at a point; whether it was still at work.
fn kill(place: &Place, job: &Job, point: &Point) -> bool {
    let args: Vec<&str> = job.new.iter().map(String::as_str).collect();
    let mut command = place.command(job.program, &args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    let reached = || match point {
        Point::After(time) => start.elapsed() >= *time,
        Point::Weight(least) => weight(&place.work(), is_part) >= *least,
    };
    while !reached() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    // it may have ended by itself
    let _ = child.kill();
    !child.wait().unwrap().success()
}

/// What is there under its name.
fn whole(place: &Place) -> Tree {
    tree(&place.work()).into_iter().filter(|(name, _)| !is_part(name)).collect()
}

/// A job, the states that it may leave, and the time and weight of a run that nobody kills.
struct Trial {
    job: Job,
    before: [Tree; 2],
    after: Tree,
    time: Duration,
}

impl Trial {
    fn place() -> Place {
        let place = Place::new();
        fs::write(place.work().join("other.toml"), toml(&small("other"))).unwrap();
        place
    }

    fn run(place: &Place, job: &Job, args: &[String]) {
        place.run(job.program, &args.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn new(job: Job) -> Trial {
        let place = Trial::place();
        let empty = tree(&place.work());
        Trial::run(&place, &job, &job.old);
        let old = tree(&place.work());
        let start = Instant::now();
        Trial::run(&place, &job, &job.new);
        let (time, after) = (start.elapsed(), tree(&place.work()));
        assert!(old != after && empty != old);
        Trial { job, before: [empty, old], after, time }
    }

    /// One kill; whether the program was at work.
    fn once(&self, seed: u64) -> bool {
        let mut rng = rng(seed);
        let place = Trial::place();
        let replaces = rng.random();
        if replaces {
            Trial::run(&place, &self.job, &self.job.old);
        }
        let written: usize = self.after.values().map(|bytes| 1 + bytes.len() / 1024).sum();
        let point = match rng.random_range(0..3) {
            0 => Point::After(self.time.mul_f64(rng.random_range(0.0..1.0))),
            _ => Point::Weight(rng.random_range(1..=written)),
        };
        let killed = kill(&place, &self.job, &point);
        let what =
            format!("seed {seed}, {:?}, {point:?}, replaces {replaces}, killed {killed}", self.job.new);
        println!("{what}");
        let left = whole(&place);
        assert!(
            left == self.before[usize::from(replaces)] || left == self.after,
            "{what}: {:?}",
            left.keys()
        );
        // what is there already is an error of `convert` unless forced, which all of `new` are
        Trial::run(&place, &self.job, &self.job.new);
        let names = tree(&place.work());
        assert!(names == self.after, "{what}: {:?}", names.keys());
        killed
    }
}

fn kills(count: u64) {
    let trials: Vec<Trial> = jobs().into_iter().map(Trial::new).collect();
    let killed = (0..count).filter(|&seed| trials[seed as usize % trials.len()].once(seed)).count() as u64;
    println!("{killed} of {count} were killed at work");
    assert!(2 * killed >= count, "{killed} of {count} were killed at work");
}

#[test]
fn a_killed_program_leaves_nothing_half_written() {
    kills(10);
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_killed_programs_leave_nothing_half_written() {
    kills(100);
}
