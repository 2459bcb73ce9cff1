//! `sterna board-sim` behind a pseudo-terminal and behind a socket, and the other commands at its end.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use sterna_tests::programs;

/// A small model of the repository.
pub const SMALL: &str = "tests/data/reference/bitnet-2b4t";

fn sterna(args: &[&str]) -> Command {
    let mut command = Command::new(programs::sterna());
    command.args(args).current_dir(programs::root());
    command
}

/// The JSON object that a command prints, and whether it succeeded.
pub fn asked(args: &[&str]) -> (Value, bool) {
    let Output { status, stdout, stderr } = sterna(args).output().unwrap();
    let error = String::from_utf8_lossy(&stderr);
    (serde_json::from_slice(&stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {error}")), status.success())
}

/// A simulated board in a process of its own, ended with it.
pub struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What its first line said.
    pub greeting: Value,
}

impl Served {
    /// With a fast line.
    pub fn start(more: &[&str]) -> Served {
        let args = [&["board-sim", "ulx3s-85f", "--fast-uart", "--json"], more].concat();
        let mut child = sterna(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let greeting = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        println!("{greeting}");
        Served { child, out, greeting }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What a host calls the device.
    pub fn device(&self) -> &str {
        self.greeting["device"].as_str().unwrap()
    }

    /// Asks it to end; gives its last line.
    pub fn end(mut self) -> Value {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        println!("{rest}");
        serde_json::from_str(&rest).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // ended already is as good
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tokens of a run of `model` on a device, and how many cycles it counted in decode.
pub fn tokens(device: &str, model: &str, number: &str) -> (Value, u64) {
    let prompt = ["--tokens", "3,1,4,1,5", "-c", "16", "-n", number];
    let args = [&["run", "--json", "--device", device, "-m", model][..], &prompt].concat();
    let (value, done) = asked(&args);
    assert!(done, "{value}");
    (value["tokens"].clone(), value["decode"]["cycles"].as_u64().unwrap_or(0))
}

/// Outcomes of the checks of a device.
fn outcomes(value: &Value) -> Vec<String> {
    let own = value["checks"].as_array().unwrap().iter().skip_while(|check| check["name"] != "device");
    let words =
        |check: &Value| [&check["outcome"], &check["name"]].map(|word| word.as_str().unwrap().to_string());
    own.map(|check| words(check).join(" ")).collect()
}

fn link(folder: &Path) -> PathBuf {
    folder.join("board")
}

#[test]
fn a_pseudo_terminal_carries_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let link = link(folder.path());
    let name = link.to_str().unwrap();
    let board = Served::start(&["--pty", "--link", name, "-m", SMALL, "-c", "16"]);
    assert_eq!(std::fs::read_link(&link).unwrap().to_str(), board.greeting["end"].as_str());
    assert!(board.device().starts_with(&format!("uart:{name}@")));
    let (have, cycles) = tokens(board.device(), SMALL, "3");
    assert_eq!(have, tokens("golden:ulx3s-85f", SMALL, "3").0);
    assert!(cycles > 1000, "{cycles}");
    // another host, which finds the memory as it was left
    assert_eq!(tokens(board.device(), SMALL, "3").0, have);
    let end = board.end();
    assert!(end["bytes_received"].as_u64() > Some(1000) && end["bytes_spoiled"] == 0, "{end}");
    assert!(!link.exists() && std::fs::symlink_metadata(&link).is_err(), "the link is gone");
}

#[test]
fn a_socket_carries_a_session_over_a_bad_line() {
    let noise = ["--drop", "6000", "--double", "9000", "--flip", "9000", "--seed", "3"];
    let board = Served::start(&[&["--tcp", "-m", SMALL, "-c", "16"][..], &noise].concat());
    assert!(board.device().starts_with("tcp:localhost:"));
    // one host, and the next one
    for _ in 0..2 {
        assert_eq!(tokens(board.device(), SMALL, "2").0, tokens("golden:ulx3s-85f", SMALL, "2").0);
    }
    assert!(board.end()["bytes_spoiled"].as_u64() > Some(0));
}

#[test]
#[ignore = "takes a minute; make board-test"]
fn a_board_passes_an_examination_and_a_bad_line_shows() {
    let board = Served::start(&["--pty"]);
    let (value, done) = asked(&["doctor", "--json", "--device", board.device()]);
    let want =
        ["pass device", "pass configuration", "skip clock", "pass memory", "pass self-test", "pass line"];
    assert!(done && outcomes(&value) == want, "{value}");
    board.end();
    // a host has seconds of patience with each byte that is lost on a slow line
    let board = Served::start(&["--tcp", "--drop", "40000", "--flip", "40000", "--seed", "4"]);
    let (value, done) = asked(&["doctor", "--json", "--device", board.device()]);
    let want =
        ["pass device", "pass configuration", "skip clock", "pass memory", "pass self-test", "fail line"];
    assert_eq!(outcomes(&value), want, "{value}");
    assert!(!done && value["failed"] == serde_json::json!(["line"]), "{}", value["failed"]);
    assert!(board.end()["bytes_spoiled"].as_u64() > Some(0));
}

#[test]
fn what_cannot_be_simulated_is_one_sentence() {
    let said = |args: &[&str]| {
        let output = sterna(&[&["board-sim"], args].concat()).output().unwrap();
        format!("{} {}", output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).trim())
    };
    let board = said(&["toaster", "--pty"]);
    assert!(board.starts_with("1 error: there is no board 'toaster'; choose one of: ulx3s-85f, "), "{board}");
    let preset = said(&["ulx3s-85f", "--pty", "--config", "huge"]);
    assert!(preset.starts_with("1 error: there is no preset 'huge'; choose one of: "), "{preset}");
    assert!(said(&["ulx3s-85f"]).starts_with("2 error: the following required arguments were not provided"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(link(folder.path()), "a file").unwrap();
    let taken = said(&["ulx3s-85f", "--pty", "--link", link(folder.path()).to_str().unwrap()]);
    assert!(taken.starts_with("1 error: cannot access ") && taken.contains("exists"), "{taken}");
    assert!(link(folder.path()).exists(), "and stays");
}
