//! Builders that are killed at seeded points of a build: nothing half-written is ever used, and the next build works and clears up.

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::options;
use verilated::{Design, Init, Options, Source};

const TEXT: &str = "module inv(input clk, input d, output reg q); always @(posedge clk) q <= !d; endmodule";
/// Set in the processes that are killed: the cache.
const CHILD: &str = "VERILATED_TEST_KILLED";

/// Builds the inverter and sees that it inverts; the comment makes another design of it.
fn build(cache: &Path, comment: u64) {
    let options = Options { cache: Some(cache.into()), ..options() };
    let source = Source::new("inv").file("inv.v", format!("{TEXT} // {comment}"));
    let mut model = Design::build(&source, &options).unwrap().model(Init::Zero).unwrap();
    model.tick(1).unwrap();
    assert_eq!(model.get(model.port("q").unwrap()), 1);
}

#[test]
fn child_that_is_killed() {
    let Some((cache, comment)) = std::env::var(CHILD).ok().and_then(|value| {
        let (comment, cache) = value.split_once(' ')?;
        Some((cache.to_string(), comment.parse().ok()?))
    }) else {
        return;
    };
    build(Path::new(&cache), comment);
}

/// Files below a folder and their kilobytes: grows as a build goes on.
fn weight(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let weigh = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => weight(&entry.path()),
        Ok(meta) => 1 + meta.len() / 1024,
        Err(_) => 0,
    };
    entries.map(weigh).sum()
}

/// Starts a build and kills it with its compilers when the cache weighs this much more; whether it was still at work.
fn kill_at(cache: &Path, comment: u64, more: u64) -> bool {
    let before = weight(cache);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed"])
        .env(CHILD, format!("{comment} {}", cache.display()))
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && weight(cache) < before + more {
        assert!(start.elapsed() < Duration::from_secs(600));
        std::thread::sleep(Duration::from_millis(2));
    }
    let group = format!("-{}", child.id());
    // it may have ended by itself
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().unwrap();
    !child.wait().unwrap().success()
}

fn kills(count: u64) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    // the first one is killed while it compiles the runtime, and the next ones find that
    let mut killed = u64::from(kill_at(&cache, 0, 300));
    build(&cache, 0);
    let before = weight(&cache);
    build(&cache, 1);
    let grows = weight(&cache) - before;
    for seed in 2..=count {
        let more = 1 + ((seed * 0x9e37_79b9) >> 7) % (2 * grows);
        println!("seed {seed}: killed {more} above {before}");
        killed += u64::from(kill_at(&cache, seed, more));
        build(&cache, seed);
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 4, "left: {left:?}");
    }
    println!("{killed} of {count} were killed at work");
    assert!(killed * 2 >= count, "{killed} of {count}");
}

#[test]
fn a_killed_build_leaves_a_sound_cache() {
    kills(2);
}

#[test]
#[ignore = "takes minutes"]
fn many_killed_builds_leave_a_sound_cache() {
    kills(25);
}
