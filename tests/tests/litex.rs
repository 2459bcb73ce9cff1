//! The LiteX example SoC of `sterna-gen package`, simulated: a host behind its UART loads a small model into the SoC's memory, runs it on the
//! core through LiteX's buses, and gets what the golden model computes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;

use sterna_gen::{Flow, package, write};
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::registers::{offset, status};
use sterna_tests::{random_model, tiny};
use verilated::{Design, Init, Model, Port, Source};

/// Cycles of a bit on the line: 50 MHz at 10 Mbaud.
const BIT: u32 = 5;
/// Where the SoC has the core's registers and its memory, and how much that is.
const REGISTERS: u32 = 0x9000_0000;
const MEMORY: u32 = 0x4000_0000;
const MEMORY_BYTES: u64 = 0x2_0000;
/// A random model that is small: 8 kB for the serial line.
const SEED: u64 = 34;
/// Words of one request at most.
const WORDS: usize = 255;
/// Cycles without an answer after which the device is given up.
const LIMIT: u32 = 2_000_000;

/// The SoC with a host at its serial port that speaks UARTBone.
struct Soc {
    model: Model,
    rx: Port,
    tx: Port,
    /// The byte that comes in: cycle since its start bit, bits so far.
    incoming: Option<(u32, u32)>,
    received: VecDeque<u8>,
}

impl Soc {
    fn new(verilog: &Source) -> Soc {
        let options = verilated::Options { clock: Some("sys_clk".into()), ..verilated::Options::default() };
        let mut model = Design::build(verilog, &options).unwrap().model(Init::Zero).unwrap();
        let [rx, tx, reset] = ["serial_rx", "serial_tx", "sys_rst"].map(|name| model.port(name).unwrap());
        model.set(rx, 1).unwrap();
        model.set(reset, 1).unwrap();
        model.tick(20).unwrap();
        model.set(reset, 0).unwrap();
        let mut soc = Soc { model, rx, tx, incoming: None, received: VecDeque::new() };
        soc.run(20 * BIT);
        soc
    }

    fn run(&mut self, cycles: u32) {
        for _ in 0..cycles {
            self.model.tick(1).unwrap();
            let level = self.model.get(self.tx) as u32;
            self.incoming = match self.incoming {
                None => (level == 0).then_some((0, 0)),
                // the middle of each of the eight bits
                Some((at, bits)) if at > BIT && (at - BIT / 2).is_multiple_of(BIT) && at < 9 * BIT => {
                    Some((at + 1, bits >> 1 | level << 7))
                }
                Some((at, bits)) if at + 1 >= 10 * BIT - BIT / 2 => {
                    self.received.push_back(bits as u8);
                    None
                }
                Some((at, bits)) => Some((at + 1, bits)),
            };
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let frame = u32::from(*byte) << 1 | 0x200;
            for bit in 0..10 {
                self.model.set(self.rx, u64::from(frame >> bit & 1)).unwrap();
                self.run(BIT);
            }
        }
    }

    fn request(&mut self, command: u8, words: usize, address: u32) {
        self.send(&[command, words as u8]);
        self.send(&(address / 4).to_be_bytes());
    }

    fn write(&mut self, address: u32, words: &[u32]) {
        self.request(1, words.len(), address);
        for word in words {
            self.send(&word.to_be_bytes());
        }
        self.run(20 * BIT);
    }

    fn read(&mut self, address: u32, words: usize) -> Result<Vec<u32>, DeviceError> {
        self.request(2, words, address);
        let mut idle = 0;
        while self.received.len() < 4 * words {
            let before = self.received.len();
            self.run(BIT);
            idle = if self.received.len() == before { idle + BIT } else { 0 };
            if idle > LIMIT {
                return Err(DeviceError::Timeout(LIMIT.into()));
            }
        }
        let bytes: Vec<u8> = self.received.drain(..4 * words).collect();
        Ok(bytes.as_chunks().0.iter().map(|b| u32::from_be_bytes(*b)).collect())
    }

    fn place(address: u64, len: usize) -> Result<u32, DeviceError> {
        let inside =
            address + len as u64 <= MEMORY_BYTES && address.is_multiple_of(4) && len.is_multiple_of(4);
        assert!(inside, "{len} bytes at {address:#x}");
        Ok(MEMORY + address as u32)
    }
}

impl Device for Soc {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        Ok(self.read(REGISTERS + at, 1)?[0])
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        // low halves of port bases; they are enough for 128 KiB
        let base = (offset::PORT_BASE..offset::ROW).contains(&at) && at.is_multiple_of(8);
        let value = if base { value + MEMORY } else { value };
        self.write(REGISTERS + at, &[value]);
        Ok(())
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let mut at = Soc::place(address, bytes.len())?;
        for piece in bytes.chunks_mut(4 * WORDS) {
            let words = self.read(at, piece.len() / 4)?;
            piece.chunks_mut(4).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
            at += piece.len() as u32;
        }
        Ok(())
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let mut at = Soc::place(address, bytes.len())?;
        for piece in bytes.chunks(4 * WORDS) {
            let words: Vec<u32> = piece.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
            self.write(at, &words);
            at += piece.len() as u32;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        let start = self.model.cycle();
        while self.read_register(offset::STATUS)? & status::BUSY != 0 {
            if self.model.cycle() - start > LIMIT.into() {
                return Err(DeviceError::Timeout(LIMIT.into()));
            }
        }
        Ok(())
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        assert!(bytes <= MEMORY_BYTES, "{bytes} bytes");
        Ok(())
    }
}

/// Python with LiteX, as tools/setup.sh installs it.
fn python() -> PathBuf {
    let home = std::env::var("HOME").unwrap_or_default();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or(format!("{home}/.cache"));
    let path = Path::new(&cache).join("sterna-tools/packages/bin/python3");
    assert!(path.exists(), "{} is missing; run tools/setup.sh all", path.display());
    path
}

/// All Verilog of the example SoC.
fn verilog(config: &Config) -> Source {
    let base = tempfile::tempdir().unwrap();
    let files = package(config, Flow::Litex).unwrap();
    write(&files, &base.path().join("package")).unwrap();
    let output = Command::new(python())
        .args(["package/soc.py", "--board", "sim", "--output", "build", "--baudrate", "10000000"])
        .current_dir(base.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let top = std::fs::read_to_string(base.path().join("build/gateware/sim.v")).unwrap();
    // the memory's first contents are a file of zeros; comments have the time
    let keep = |line: &&str| !line.contains("$readmemh") && !line.trim_start().starts_with("//");
    let top: String = top.lines().filter(keep).map(|line| format!("{line}\n")).collect();
    let core = files.into_iter().filter(|(name, _)| name.ends_with(".v"));
    core.fold(Source::new("sim").file("sim.v", top), |source, (name, text)| source.file(name, text))
}

/// Selections of a prefill and of a decode, the KV cache.
fn play(device: Box<dyn Device + '_>, image: &Image) -> (Vec<Vec<(u32, u32)>>, Vec<u8>) {
    let mut session = Session::new(device, image.clone()).unwrap();
    let bits = |top: Vec<(u32, f32)>| top.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect();
    let tops = [&[3, 1, 4][..], &[1]].map(|tokens| bits(session.prefill(tokens).unwrap().top_k)).to_vec();
    let kv = image.map.kv;
    let cache = session.driver().read_beats(kv.base, kv.beats * image.config.beat_bytes()).unwrap();
    (tops, cache)
}

fn check(config: &Config) {
    assert_eq!(config.check(), Vec::<String>::new());
    let model = random_model(SEED, config, 1);
    let image = compile(&model, config, &Options { context: 16, ..Options::default() }).unwrap();
    let soc = Soc::new(&verilog(config));
    let (design, golden) = (play(Box::new(soc), &image), play(Box::new(Golden::new(config)), &image));
    assert!(design.0 == golden.0, "selections: {:x?} {:x?}", design.0, golden.0);
    let first = design.1.iter().zip(&golden.1).position(|(a, b)| a != b);
    assert_eq!(first, None, "the KV cache differs at this byte");
}

#[test]
fn a_model_runs_through_the_buses_of_litex() {
    check(&tiny());
}

#[test]
fn two_ports_run_through_the_buses_of_litex() {
    check(&Config { ports: 2, port_bytes: 4, ..tiny() });
}
