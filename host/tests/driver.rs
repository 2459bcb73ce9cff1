//! What the driver says when a device misbehaves: one golden sentence each.

mod common;

use common::{Folder, SHAPE};
use sterna_host::compile::{Options, compile};
use sterna_host::session::Session;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::registers::offset;

/// A golden device with one register that reads as something else.
struct Lying {
    golden: Golden,
    register: u32,
    value: u32,
    memory: u64,
}

impl Device for Lying {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        if at == self.register { Ok(self.value) } else { self.golden.read_register(at) }
    }
    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        self.golden.write_register(at, value)
    }
    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.golden.read_memory(address, bytes)
    }
    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.golden.write_memory(address, bytes)
    }
    fn wait(&mut self) -> Result<(), DeviceError> {
        self.golden.wait()
    }
    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        if bytes > self.memory {
            return Err(DeviceError::Other(format!(
                "{bytes} bytes are more than the {} of this device",
                self.memory
            )));
        }
        self.golden.reserve_memory(bytes)
    }
}

fn outcome(register: u32, value: u32, memory: u64) -> String {
    let config = Config::preset("tiny").unwrap();
    let image =
        compile(&Folder::random(&SHAPE).load(), &config, &Options { context: 8, ..Options::default() })
            .unwrap();
    let device = Lying { golden: Golden::new(&config), register, value, memory };
    let run = Session::new(Box::new(device), image).and_then(|mut session| session.prefill(&[1, 2, 3]));
    run.map_or_else(|e| e.to_string(), |output| format!("{} steps", output.steps))
}

#[test]
fn devices_that_misbehave_are_described() {
    const ALL: u64 = u64::MAX;
    let all = [
        outcome(offset::IRQ_ENABLE, 0, ALL),
        outcome(offset::ID, 0xffff_ffff, ALL),
        outcome(offset::VERSION, 9, ALL),
        outcome(offset::STATUS, 0, ALL),
        outcome(offset::STATUS, 6, ALL),
        outcome(offset::IRQ_ENABLE, 0, 1000),
    ];
    insta::assert_snapshot!(all.join("\n"));
    let hash = outcome(offset::CONFIG_HASH, 1, ALL);
    assert!(hash.contains("was compiled for `tiny`"), "{hash}");
}

/// One flipped bit of what was loaded is found and named; what programs write is not looked at.
#[test]
fn a_flipped_bit_is_scrubbed_out() {
    let config = Config::preset("tiny").unwrap();
    let image =
        compile(&Folder::random(&SHAPE).load(), &config, &Options { context: 8, ..Options::default() })
            .unwrap();
    let loaded = image.bytes.len() as u64;
    let mut session = Session::new(Box::new(Golden::new(&config)), image).unwrap();
    session.prefill(&[1, 2, 3]).unwrap();
    let mut pieces = 0;
    session.driver().scrub(|done, all| pieces = if done == all { all } else { 0 }).unwrap();
    assert_eq!(pieces as u64, loaded.div_ceil(1 << 16));
    for (address, bit) in [(0, 0), (loaded / 2, 3), (loaded - 1, 7)] {
        let flip = |session: &mut Session| {
            let mut byte = [0];
            session.driver().device().read_memory(address, &mut byte).unwrap();
            session.driver().device().write_memory(address, &[byte[0] ^ 1 << bit]).unwrap();
        };
        flip(&mut session);
        let error = session.driver().scrub(|_, _| ()).unwrap_err().to_string();
        assert!(error.contains(&format!("at {:#x} (port 0)", address & !0xffff)), "{address:#x}: {error}");
        flip(&mut session);
        session.driver().scrub(|_, _| ()).unwrap();
    }
}
