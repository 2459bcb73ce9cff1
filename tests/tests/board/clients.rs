//! Clients of the protocol that others wrote, at a simulated board: LiteX's server with its `RemoteClient`, and `wishbone-tool`. They
//! read and write what our host reads. Run by `make board-test`, which installs them.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::command::{SMALL, Served, tokens};
use serde_json::Value;
use sterna_host::serial::{Place, Serial};
use sterna_spec::boards::Board;
use sterna_spec::bridge;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::registers::{identity, offset};

/// Bytes behind the beginning of memory where the clients write.
const AT: u64 = 4096;
/// Runs of `wishbone-tool`, which at times hangs when it starts, and how long each may take.
const TRIES: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of tools that `tools/` installs.
fn cache() -> PathBuf {
    let home = std::env::var("HOME").unwrap_or_default();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or(format!("{home}/.cache"));
    Path::new(&cache).join("sterna-tools")
}

/// Words of memory as our host reads them.
fn words(device: &mut Serial, at: u64, count: usize) -> Vec<u32> {
    let mut bytes = vec![0; 4 * count];
    device.read_memory(at, &mut bytes).unwrap();
    bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

/// Our host at a pseudo-terminal.
fn ours(board: &Served) -> Serial {
    Serial::open(&Place::uart(board.device().strip_prefix("uart:").unwrap()).unwrap()).unwrap()
}

fn csv(folder: &Path) -> PathBuf {
    let board = Board::find("ulx3s-85f").unwrap();
    let path = folder.join("csr.csv");
    let files = sterna_gen::board_files(&Config::preset(board.preset).unwrap(), board.memory.bytes());
    let (_, text) = files.into_iter().find(|(name, _)| *name == "csr.csv").unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// LiteX's server at a serial port, ended with it.
struct Server {
    child: Child,
    port: u16,
    /// It ends a client's session if it cannot print.
    _out: BufReader<ChildStdout>,
}

impl Server {
    fn start(port: &str) -> Server {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(cache().join("packages/bin/python3"))
            .arg("-u")
            .arg(cache().join("packages/bin/litex_server"))
            .args([
                "--uart",
                "--uart-port",
                port,
                "--uart-baudrate",
                "115200",
                "--bind-port",
                &free.to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut line, mut out) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
        out.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("tcp port: {free}")), "{line}");
        Server { child, port: free, _out: out }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // ended already is as good
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs LiteX; make board-test"]
fn litex_sees_what_our_host_sees() {
    let folder = tempfile::tempdir().unwrap();
    let board = Served::start(&["--pty", "-m", SMALL, "-c", "16"]);
    let server = Server::start(board.greeting["end"].as_str().unwrap());
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/board/litex_client.py"));
    let output = Command::new(cache().join("packages/bin/python3"))
        .arg(script)
        .args([server.port.to_string().as_str(), csv(folder.path()).to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(server);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| found[name].as_u64().unwrap_or_else(|| panic!("{name}: {found}")) as u32;
    let list = |name: &str| {
        let all = found[name].as_array().unwrap().iter();
        all.map(|word| word.as_u64().unwrap() as u32).collect::<Vec<_>>()
    };
    let preset = Config::preset("ulx3s-85f").unwrap();
    let names =
        ["sterna_id", "sterna_version", "sterna_config_hash_low", "sterna_config_hash_high", "sterna_shape"];
    for (name, (_, value)) in names.into_iter().zip(identity(&preset)) {
        assert_eq!(number(name), value, "{name}");
    }
    let bridge =
        ["sterna_bridge_id", "sterna_bridge_version", "sterna_bridge_memory_bytes", "sterna_bridge_clock_hz"]
            .map(number);
    assert_eq!(bridge, [bridge::ID, bridge::VERSION, 32 << 20, 1_000_000 * preset.clock_mhz]);
    assert_eq!((list("wrote"), number("rows")), (list("after"), 2));
    let mut device = ours(&board);
    assert_eq!(words(&mut device, 0, 64), list("before"));
    assert_eq!(words(&mut device, AT, list("wrote").len()), list("wrote"));
    assert_eq!(device.read_register(offset::ROWS).unwrap(), 2);
    drop(device);
    // and the device still works: what the client overwrote is sent again
    assert_eq!(tokens(board.device(), SMALL, "2").0, tokens("golden:ulx3s-85f", SMALL, "2").0);
}

/// What `wishbone-tool` prints; ended and run again if it takes too long.
fn wishbone_tool(port: &str, more: &[&str]) -> String {
    for _ in 0..TRIES {
        let mut child = Command::new(cache().join("wishbone-tool/bin/wishbone-tool"))
            .args(["--serial", port, "--baud", "115200"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if child.try_wait().unwrap().is_some() {
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success());
                return String::from_utf8(output.stdout).unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("wishbone-tool {more:?} hangs and is run again");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("wishbone-tool hung {TRIES} times");
}

#[test]
#[ignore = "needs wishbone-tool; make board-test"]
fn wishbone_tool_sees_what_our_host_sees() {
    let folder = tempfile::tempdir().unwrap();
    let csv = csv(folder.path());
    let board = Served::start(&["--pty", "-m", SMALL, "-c", "16"]);
    let port = board.greeting["end"].as_str().unwrap();
    let at =
        |address: u32, more: &[&str]| wishbone_tool(port, &[&[&*format!("{address:#x}")], more].concat());
    let value = |text: String| {
        let last = text.split_whitespace().last().unwrap_or_default();
        u32::from_str_radix(last.trim_start_matches("0x"), 16).unwrap_or_else(|e| panic!("{e}: {text}"))
    };
    for (offset, want) in identity(&Config::preset("ulx3s-85f").unwrap()) {
        assert_eq!(value(at(offset, &[])), want, "{offset:#x}");
    }
    let named = wishbone_tool(port, &["--csr-csv", csv.to_str().unwrap(), "sterna_bridge_id"]);
    assert_eq!(value(named), bridge::ID);
    let memory = bridge::MEMORY + AT as u32;
    for i in 0..4 {
        at(memory + 4 * i, &[&format!("{:#x}", 0x1234_5678 + i)]);
    }
    let have = [0, 1, 2, 3].map(|i| value(at(memory + 4 * i, &[])));
    assert_eq!(have, [0, 1, 2, 3].map(|i| 0x1234_5678 + i));
    let first = value(at(bridge::MEMORY, &[]));
    let mut device = ours(&board);
    assert_eq!(words(&mut device, AT, 4), have);
    assert_eq!(words(&mut device, 0, 1), [first]);
}
