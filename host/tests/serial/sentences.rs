//! What users read when something is wrong at the end of the line.

use super::broken::Broken;
use super::common::{Folder, SHAPE};
use super::line::{AT_ONCE, Line, Rates};
use super::{MEMORY, image, session, tiny};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sterna_host::serial::{Serial, Transport};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::golden::bridge::Bridge;
use sterna_spec::registers::offset;

/// What opening a device at the end of a line says.
fn refusal(board: Bridge<Golden>) -> String {
    refusal_over(Line::new(&Arc::new(Mutex::new(board)), Rates::default(), 0))
}

fn refusal_over(line: impl Transport + 'static) -> String {
    let device = Serial::over(Box::new(line), "uart:/dev/ttyUSB0@3000000", AT_ONCE);
    device.err().map_or_else(|| "nothing".into(), |e| e.to_string())
}

/// A line on which something else answers to every request, or goes on without end.
struct Strange(&'static [u8], bool);

impl Transport for Strange {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1 |= bytes[0] != 0;
        Ok(())
    }
    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        let count = bytes.len().min(self.0.len());
        if !self.1 || count == 0 {
            return Ok(0);
        }
        bytes[..count].copy_from_slice(&self.0[..count]);
        self.1 = self.0.len() > 30;
        Ok(count)
    }
    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}

fn stand() -> Bridge<Golden> {
    Bridge::new(Golden::new(&tiny()), MEMORY)
}

#[test]
fn what_answers_there_is_told_apart() {
    let (mut other_id, mut other_version) = (stand(), stand());
    other_id.id = 0x1234;
    other_version.version = 7;
    let all = [
        refusal(other_id),
        refusal(other_version),
        refusal_over(Strange(&[], false)),
        refusal_over(Strange(&[7; 5], false)),
        refusal_over(Strange(&[7; 20], false)),
        refusal_over(Strange(&[7; 31], false)),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

/// Another host at the same device, which goes on reading from it.
#[test]
fn a_device_in_use_is_left_alone() {
    let board = Arc::new(Mutex::new(stand()));
    let first = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "first", AT_ONCE).unwrap();
    let stop = Arc::new(Mutex::new(false));
    let (other, flag) = (board.clone(), stop.clone());
    let thread = std::thread::spawn(move || {
        while !*flag.lock().unwrap() {
            let mut board = other.lock().unwrap();
            let before = board.out.len();
            [2, 1, 0, 0, 0, 0x11].into_iter().for_each(|byte| board.byte(byte));
            board.out.truncate(before);
            drop(board);
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let said = refusal_over(Line::new(&board, Rates::default(), 1));
    *stop.lock().unwrap() = true;
    thread.join().unwrap();
    assert_eq!(said, "uart:/dev/ttyUSB0@3000000 is locked by another host that is using it; end that first");
    assert_eq!(board.lock().unwrap().lock, 1, "and stays locked");
    drop(first);
}

#[test]
fn sessions_that_cannot_be_are_described() {
    let image = image(&tiny());
    let run = |memory: u32, config: &Config, stuck: u64, busy: bool, spoil: fn(&mut Bridge<Broken>)| {
        let device = Broken { stuck, busy, ..Broken::new(Golden::new(config)) };
        let mut stand = Bridge::new(device, memory);
        stand.clock = 1000;
        let board = Arc::new(Mutex::new(stand));
        let device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
        spoil(&mut board.lock().unwrap());
        session(Box::new(device), &image).err().unwrap_or_else(|| "nothing".into())
    };
    let foreign = Config { rows: 3, ..tiny() };
    let far = u64::from(MEMORY);
    let all = [
        run(16384, &tiny(), far, false, |_| {}),
        run(MEMORY, &foreign, far, false, |_| {}),
        run(MEMORY, &tiny(), 0, false, |_| {}),
        run(MEMORY, &tiny(), far, true, |_| {}),
        run(MEMORY, &tiny(), far, false, |board| board.lock = 0),
    ];
    let hash = |config: &Config| format!("{:016x}", config.hash());
    let all = all.join("\n").replace(&hash(&tiny()), "HASH").replace(&hash(&foreign), "FOREIGN");
    insta::assert_snapshot!(all);
    let board = Arc::new(Mutex::new(Bridge::new(Golden::new(&foreign), MEMORY)));
    let mut device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
    let unknown = device.configuration().unwrap_err().to_string();
    assert!(unknown.contains(&hash(&foreign)) && unknown.ends_with("as in line,config.toml"), "{unknown}");
}

#[test]
fn a_reset_ends_reads_and_writes() {
    let open = || {
        let board = Arc::new(Mutex::new(stand()));
        let device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
        (board, device)
    };
    type Use = fn(&mut Serial) -> Result<(), DeviceError>;
    let uses: [Use; 4] = [
        |device| device.read_register(0).map(drop),
        |device| device.write_register(offset::ROWS, 1),
        |device| device.read_memory(0, &mut [0; 4]),
        |device| device.cycles().map(drop),
    ];
    for work in uses {
        let (board, mut device) = open();
        work(&mut device).unwrap();
        board.lock().unwrap().lock = 0;
        let said = work(&mut device).unwrap_err().to_string();
        assert_eq!(said, "line was reset during the session; run the command again");
        assert_eq!(device.read_register(0).unwrap_err().to_string(), said, "and it stays so");
    }
}

#[test]
fn what_arrived_damaged_is_sent_again() {
    let bytes: Vec<u8> = (0..70_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    // words of the first piece, of both, and of more sendings than there are
    for (flaky, done) in [(3, true), (16_400, true), (3 * 16_384, false)] {
        let mut board = Bridge::new(Broken::new(Golden::new(&tiny())), MEMORY);
        board.device.flaky = flaky;
        let board = Arc::new(Mutex::new(board));
        let mut device =
            Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
        let outcome = device.write_memory(0, &bytes);
        assert_eq!(outcome.is_ok(), done, "{flaky}: {outcome:?}");
        let mut held = vec![0; bytes.len()];
        board.lock().unwrap().device.read_memory(0, &mut held).unwrap();
        assert_eq!(held == bytes, done);
    }
}

#[test]
fn few_bytes_are_read_back() {
    let mut board = Bridge::new(Broken::new(Golden::new(&tiny())), MEMORY);
    board.device.stuck = 0x102;
    let board = Arc::new(Mutex::new(board));
    let mut device = Serial::over(Box::new(Line::new(&board, Rates::default(), 0)), "line", AT_ONCE).unwrap();
    let said = device.write_memory(0x101, &[2, 4, 6]).unwrap_err().to_string();
    assert_eq!(
        said,
        "the memory of line holds 0x05 at 0x102 where 0x04 was written; run `sterna doctor` with this device"
    );
    let mut bytes = [0; 5];
    device.read_memory(0x100, &mut bytes).unwrap();
    assert_eq!(bytes, [0, 2, 5, 6, 0], "what stands beside them stays");
}

/// The exit code and the first line on standard error.
fn sterna(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), error.lines().next().unwrap_or_default().to_string())
}

#[test]
fn names_and_absent_devices() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let places = [
        "uart:",
        "uart:/dev/ttyUSB0@fast",
        "uart:/dev/no",
        "uart:/dev/null",
        "tcp:here",
        "tcp:here:99999",
        &format!("tcp:{closed}"),
    ];
    let all = places.map(|place| {
        let (code, error) = sterna(&["run", "--device", place]);
        format!("{code} {error}").replace(&closed, "ADDRESS")
    });
    insta::assert_snapshot!(all.join("\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_serves_one_host() {
    let board = Arc::new(Mutex::new(stand()));
    let path = super::ends::terminal(&board, super::ends::Script::default());
    let place = sterna_host::serial::Place::uart(&path).unwrap();
    let first = Serial::open(&place).unwrap();
    let said = Serial::open(&place).err().map(|e| e.to_string().replace(&path, "PORT"));
    let want = "cannot open uart:PORT@3000000: resource busy; another program has it: end that first";
    assert_eq!(said.as_deref(), Some(want));
    drop(first);
}

/// `sterna run` with the board of `tiny` behind a socket or a terminal whose cable is pulled after so many bytes.
#[test]
fn the_command_line_runs_boards() {
    let folder = Folder::random(&SHAPE).write();
    let folder = folder.path().to_str().unwrap();
    let run = |device: &str| {
        let args =
            ["run", "-m", folder, "--tokens", "3,1,4", "-n", "5", "-c", "16", "--json", "--device", device];
        let output = Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), value["tokens"].clone(), error.lines().next().unwrap_or_default().to_string())
    };
    let golden = run("golden:tiny");
    assert_eq!(golden.1.as_array().map(Vec::len), Some(5), "{golden:?}");
    let place = |length: usize, socket: bool| {
        let (board, script) = (Arc::new(Mutex::new(stand())), super::ends::Script { length });
        #[cfg(target_os = "linux")]
        if !socket {
            return (format!("uart:{}@115200", super::ends::terminal(&board, script)), board);
        }
        (format!("tcp:{}{}", super::ends::socket(&board, script), if socket { "" } else { ",tiny" }), board)
    };
    for socket in [true, false] {
        let (device, board) = place(usize::MAX, socket);
        let (code, tokens, _) = run(&device);
        assert_eq!((code, tokens), (Some(0), golden.1.clone()));
        let all = board.lock().unwrap().bytes;
        // in the middle of the upload, and of a token
        for length in [all / 2, all - 1000] {
            let (device, _) = place(length, socket);
            let (code, tokens, error) = run(&device);
            assert_eq!((code, tokens), (Some(1), serde_json::Value::Null), "{error}");
            let device = device.trim_end_matches(",tiny");
            assert!(error.starts_with(&format!("error: {device} is gone (")), "{error}");
        }
    }
}

/// Random bytes, in random pieces, with pauses.
struct Noise(ChaCha8Rng);

impl Transport for Noise {
    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn receive(&mut self, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
        let count = self.0.random_range(0..=bytes.len().min(9));
        self.0.fill(&mut bytes[..count]);
        Ok(count)
    }
    fn byte(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn noise_is_never_a_device() {
    for seed in 0..200 {
        let said = refusal_over(Noise(ChaCha8Rng::seed_from_u64(seed)));
        let told = ["answered 3 times", "did not answer 3 times", "sent "];
        assert!(
            told.iter().any(|what| said.starts_with(&format!("uart:/dev/ttyUSB0@3000000 {what}"))),
            "seed {seed}: {said}"
        );
    }
}
