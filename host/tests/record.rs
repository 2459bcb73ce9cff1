//! Recorded sessions: played back they give the same tokens without the device, run again they are compared, damaged they are refused.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use sterna_host::record::{Operation, Player, Recorder, Recording, Tape, rerun};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_spec::registers::offset;

fn sterna(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sterna")).args(args).output().unwrap()
}

fn case() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/reference/bitnet-2b4t").into()
}

fn run(more: &[&str]) -> Output {
    let case = case();
    sterna(&[&["run", "-m", &case, "--tokens", "3,1,4", "-n", "4", "-c", "16", "--json"][..], more].concat())
}

/// A recording of a short session, and its tokens.
fn recorded(folder: &Path) -> (PathBuf, Value) {
    let path = folder.join("session.rec");
    let output = run(&["--device", "golden", "--record", &path.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (path, serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_recording_stands_for_the_device() {
    let folder = tempfile::tempdir().unwrap();
    let (path, first) = recorded(folder.path());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
    let output = run(&["--device", &format!("replay:{}", path.display())]);
    let second: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(first["tokens"], second["tokens"]);
    let output = sterna(&["replay", &path.to_string_lossy(), "--device", "golden", "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["compared"].as_u64() > Some(100) && value["difference"].is_null(), "{value}");
    // 14 counters for each of 5 steps
    assert_eq!(value["counters"], 14 * 5);
}

#[test]
fn another_session_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = recorded(folder.path());
    let device = format!("replay:{}", path.display());
    let case = case();
    let other = |tokens: &str, number: &str| {
        let args = ["run", "-m", &case, "--tokens", tokens, "-n", number, "-c", "16", "--device", &device];
        String::from_utf8(sterna(&args).stderr).unwrap().lines().last().unwrap_or_default().to_string()
    };
    let all = [other("3,1,5", "4"), other("3,1,4", "6")];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_wrong_answer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let config = Config::preset("tiny").unwrap();
    let tape = Tape::start(&path, "golden", &config).unwrap();
    let mut device = Recorder::new(Golden::new(&config), tape.clone());
    device.reserve_memory(4096).unwrap();
    device.write_memory(64, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let mut bytes = [0; 8];
    device.read_memory(64, &mut bytes).unwrap();
    device.read_register(offset::ID).unwrap();
    assert!(device.read_register(0x3).is_err(), "failures are recorded too");
    assert_eq!(tape.finish().unwrap(), 5);
    // the same device gives the same answers
    let same = rerun(&mut Recording::open(&path).unwrap(), &mut Golden::new(&config), |_| {}).unwrap();
    assert_eq!((same.calls, same.compared, same.difference), (5, 5, None));
    /// Flips one bit of what is read.
    struct Faulty(Golden);
    impl Device for Faulty {
        fn read_register(&mut self, offset: u32) -> Result<u32, sterna_spec::device::DeviceError> {
            self.0.read_register(offset)
        }
        fn write_register(
            &mut self,
            offset: u32,
            value: u32,
        ) -> Result<(), sterna_spec::device::DeviceError> {
            self.0.write_register(offset, value)
        }
        fn read_memory(
            &mut self,
            address: u64,
            bytes: &mut [u8],
        ) -> Result<(), sterna_spec::device::DeviceError> {
            self.0.read_memory(address, bytes)?;
            bytes[5] ^= 0x10;
            Ok(())
        }
        fn write_memory(
            &mut self,
            address: u64,
            bytes: &[u8],
        ) -> Result<(), sterna_spec::device::DeviceError> {
            self.0.write_memory(address, bytes)
        }
        fn wait(&mut self) -> Result<(), sterna_spec::device::DeviceError> {
            self.0.wait()
        }
        fn reserve_memory(&mut self, bytes: u64) -> Result<(), sterna_spec::device::DeviceError> {
            self.0.reserve_memory(bytes)
        }
    }
    let wrong =
        rerun(&mut Recording::open(&path).unwrap(), &mut Faulty(Golden::new(&config)), |_| {}).unwrap();
    insta::assert_snapshot!(wrong.difference.unwrap(), @"call 3, a read of 8 bytes at 0x40: recorded 0x08070605, now 0x08071605 at byte 4");
    // and the player answers as recorded, the failure included
    let mut player = Player::new(Recording::open(&path).unwrap());
    player.reserve_memory(4096).unwrap();
    player.write_memory(64, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let mut again = [0; 8];
    player.read_memory(64, &mut again).unwrap();
    assert_eq!(
        (again, player.read_register(offset::ID).unwrap()),
        (bytes, device.read_register(offset::ID).unwrap())
    );
    assert_eq!(
        player.read_register(0x3).unwrap_err().to_string(),
        device.read_register(0x3).unwrap_err().to_string()
    );
}

#[test]
fn an_unfinished_recording_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::preset("tiny").unwrap();
    let tape = Tape::start(&folder.path().join("r"), "golden", &config).unwrap();
    let mut device = Recorder::new(Golden::new(&config), tape);
    device.read_register(offset::ID).unwrap();
    drop(device);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn damaged_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = recorded(folder.path());
    let sound = std::fs::read(&path).unwrap();
    let read = |bytes: &[u8]| -> Result<usize, String> {
        std::fs::write(&path, bytes).unwrap();
        let mut recording = Recording::open(&path).map_err(|e| e.to_string())?;
        let mut calls = 0;
        while let Some(call) = recording.next_call().map_err(|e| e.to_string())? {
            calls += usize::from(call.operation != Operation::Wait || call.answer.is_ok());
        }
        Ok(calls)
    };
    assert!(read(&sound).unwrap() > 100);
    let mut messages = std::collections::BTreeSet::new();
    for end in (0..sound.len()).step_by(sound.len() / 60).chain(sound.len() - 9..sound.len()) {
        messages.insert(read(&sound[..end]).unwrap_err());
    }
    for at in (0..sound.len()).step_by(sound.len() / 60) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x20;
        // a flipped bit in gzip's own header may change nothing
        if let Err(message) = read(&bytes) {
            messages.insert(message);
        }
    }
    let plain =
        |m: &String| m.replace(&*path.to_string_lossy(), "FILE").replace(|c: char| c.is_ascii_digit(), "N");
    let mut all: Vec<_> = messages.iter().map(plain).collect();
    all.sort();
    all.dedup();
    assert!(all.iter().all(|m| m.contains("record it again")), "{all:#?}");
    assert!(all.len() >= 2);
}
