//! Devices on this machine's bus: files in a temporary folder stand in for `/sys` and `/dev`, and a thread that sees nothing but these files
//! plays the device with the golden model.
#![cfg(target_os = "linux")]

mod common;

use common::{Folder, SHAPE};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use sterna_host::compile::{Options, compile};
use sterna_host::image::Image;
use sterna_host::session::Session;
use sterna_host::uio::{Uio, configuration};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_spec::registers::{self, Access, COUNTERS, SPACE, control, offset, status, table};
use tempfile::TempDir;

/// Physical address of the buffer, so high that no half of a port base stays what it was.
const PHYSICAL: u64 = 0x8_7fff_f000;
const MEMORY: u64 = 1 << 20;
const TOKENS: [u32; 5] = [3, 1, 4, 1, 5];

/// Four ports, so that there are four bases.
fn four_ports() -> Config {
    let tiny = Config::preset("tiny").unwrap();
    Config { ports: 4, port_bytes: 4, address_bits: 40, attention_width: 16, tables: 20, ..tiny }
}

fn image(config: &Config) -> Image {
    let model = Folder::random(&SHAPE).load();
    compile(&model, config, &Options { context: 16, ..Options::default() }).unwrap()
}

/// The folder that stands in for `/`.
struct Machine {
    root: TempDir,
}

impl Machine {
    /// A machine with one device and its buffer, whose registers say what `config` is.
    fn new(config: &Config) -> Machine {
        let machine = Machine { root: tempfile::tempdir().unwrap() };
        machine.write("sys/class/uio/uio0/name", "axi-pmon\n");
        machine.write("sys/class/uio/uio3/name", "sterna\n");
        machine.write("sys/class/uio/uio3/maps/map0/size", &format!("{SPACE:#018x}\n"));
        let buffer = "sys/class/u-dma-buf/sterna-memory";
        for (file, text) in [
            ("phys_addr", format!("{PHYSICAL:#x}\n")),
            ("size", format!("{MEMORY}\n")),
            ("sync_direction", "1\n".into()),
            ("sync_offset", String::new()),
            ("sync_size", String::new()),
            ("sync_for_cpu", String::new()),
            ("sync_for_device", String::new()),
        ] {
            machine.write(&format!("{buffer}/{file}"), &text);
        }
        for (device, bytes) in [("uio3", u64::from(SPACE)), ("sterna-memory", MEMORY)] {
            machine.write(&format!("dev/{device}"), "");
            machine.file(device).set_len(bytes).unwrap();
        }
        for (at, value) in registers::identity(config) {
            machine.file("uio3").write_all_at(&value.to_le_bytes(), at.into()).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap().trim().to_string()
    }

    fn file(&self, device: &str) -> File {
        File::options().read(true).write(true).open(self.path(&format!("dev/{device}"))).unwrap()
    }

    fn open(&self, config: &Config) -> Result<Uio, String> {
        Uio::open(self.root.path(), "sterna", config).map_err(|e| self.hide(&e.to_string()))
    }

    /// A message without the temporary folder's name.
    fn hide(&self, message: &str) -> String {
        message.replace(&*self.root.path().to_string_lossy(), "")
    }
}

/// The thread that plays the device.
struct Player {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u32>>,
}

impl Player {
    fn start(machine: &Machine, config: &Config) -> Player {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, config) = (stop.clone(), config.clone());
        let (bank, memory) = (machine.file("uio3"), machine.file("sterna-memory"));
        let thread = std::thread::spawn(move || {
            let mut steps = 0;
            let mut golden = Golden::new(&config);
            golden.reserve_memory(MEMORY).unwrap();
            while !flag.load(Ordering::Relaxed) {
                steps += u32::from(play(&mut golden, &config, &bank, &memory));
                std::thread::sleep(Duration::from_micros(200));
            }
            steps
        });
        Player { stop, thread: Some(thread) }
    }

    /// Steps that were run.
    fn end(mut self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn get(bank: &File, at: u32) -> u32 {
    let mut bytes = [0; 4];
    bank.read_exact_at(&mut bytes, at.into()).unwrap();
    u32::from_le_bytes(bytes)
}

fn put(bank: &File, at: u32, value: u32) {
    bank.write_all_at(&value.to_le_bytes(), at.into()).unwrap();
}

/// Takes a command if there is one; true if it was a step.
fn play(golden: &mut Golden, config: &Config, bank: &File, memory: &File) -> bool {
    let command = get(bank, offset::CONTROL);
    if command == 0 {
        return false;
    }
    put(bank, offset::STATUS, status::BUSY);
    put(bank, offset::CONTROL, 0);
    std::thread::sleep(Duration::from_millis(3)); // the host must wait
    for register in table(config).iter().filter(|r| r.access == Access::ReadWrite) {
        golden.write_register(register.offset, get(bank, register.offset)).unwrap();
    }
    for port in 0..config.ports {
        // the golden model's memory begins at 0, the device's where the buffer lies
        let at = offset::PORT_BASE + 8 * port;
        let base = (u64::from(get(bank, at + 4)) << 32 | u64::from(get(bank, at))).wrapping_sub(PHYSICAL);
        golden.write_register(at, base as u32).unwrap();
        golden.write_register(at + 4, (base >> 32) as u32).unwrap();
    }
    let mut bytes = vec![0; MEMORY as usize];
    memory.read_exact_at(&mut bytes, 0).unwrap();
    golden.write_memory(0, &bytes).unwrap();
    golden.write_register(offset::CONTROL, command).unwrap();
    golden.read_memory(0, &mut bytes).unwrap();
    memory.write_all_at(&bytes, 0).unwrap();
    let counters = (0..COUNTERS.len() as u32).map(|i| offset::COUNTER + 4 * i);
    let selected = (offset::TOPK..offset::TOPK + config.rows * registers::TOPK_ROW_BYTES).step_by(4);
    for at in counters.chain(selected).chain([offset::ERROR, offset::STATUS]) {
        put(bank, at, golden.read_register(at).unwrap());
    }
    command & control::START != 0
}

/// Tokens and logits that were selected, and all logits, as bits.
type Outcome = (Vec<(u32, u32)>, Vec<u32>);

/// What a session computes.
fn session(device: Box<dyn Device + '_>, image: &Image) -> Result<Outcome, String> {
    let mut session = Session::new(device, image.clone()).map_err(|e| e.to_string())?;
    let top = session.prefill(&TOKENS).map_err(|e| e.to_string())?.top_k;
    session.rewind(0);
    let logits = session.logits(&TOKENS).map_err(|e| e.to_string())?;
    let bits = |(id, logit): (u32, f32)| (id, logit.to_bits());
    Ok((top.into_iter().map(bits).collect(), logits.iter().map(|l| l.to_bits()).collect()))
}

#[test]
fn a_session_equals_the_golden_model() {
    for config in [Config { address_bits: 40, ..Config::preset("tiny").unwrap() }, four_ports()] {
        assert_eq!(config.check(), Vec::<String>::new());
        let image = image(&config);
        assert!(image.memory_bytes() <= MEMORY, "{}", image.memory_bytes());
        let machine = Machine::new(&config);
        let player = Player::start(&machine, &config);
        let want = session(Box::new(Golden::new(&config)), &image).unwrap();
        let have = session(Box::new(machine.open(&config).unwrap()), &image).unwrap();
        assert!(want == have, "{} ports", config.ports);
        assert!(player.end() >= 8, "prefill, and a step for each token's logits, on the other side");
        // the last thing that was done was reading logits
        let sync = |file: &str| machine.read(&format!("sys/class/u-dma-buf/sterna-memory/{file}"));
        assert_eq!((sync("sync_direction"), sync("sync_for_cpu")), ("0".into(), "1".into()));
        assert!(sync("sync_offset").parse::<u64>().unwrap() > 0);
    }
}

#[test]
fn port_bases_are_physical_outside_and_logical_inside() {
    let config = four_ports();
    let machine = Machine::new(&config);
    let mut device = machine.open(&config).unwrap();
    let bases = [0u64, 0x1_0000, 0xffff_f000, 0x1_2345_6000];
    for order in [[0, 4], [4, 0]] {
        for (port, base) in (0..).zip(bases) {
            for half in order {
                let at = offset::PORT_BASE + 8 * port + half;
                device.write_register(at, (base >> (8 * half)) as u32).unwrap();
            }
        }
        for (port, base) in (0..).zip(bases) {
            let at = offset::PORT_BASE + 8 * port;
            let inside = [at, at + 4].map(|at| device.read_register(at).unwrap());
            assert_eq!(u64::from(inside[1]) << 32 | u64::from(inside[0]), base);
            let bank = machine.file("uio3");
            assert_eq!(u64::from(get(&bank, at + 4)) << 32 | u64::from(get(&bank, at)), base + PHYSICAL);
        }
    }
}

#[test]
fn what_is_written_is_handed_to_the_device() {
    let config = Config { address_bits: 40, ..Config::preset("tiny").unwrap() };
    let machine = Machine::new(&config);
    let mut device = machine.open(&config).unwrap();
    let sync = |file: &str| machine.read(&format!("sys/class/u-dma-buf/sterna-memory/{file}"));
    device.write_memory(4096, &[9; 100]).unwrap();
    assert_eq!(["sync_offset", "sync_size", "sync_for_device"].map(sync), ["4096", "100", "1"]);
    assert_eq!(sync("sync_for_cpu"), "");
    let mut bytes = [0; 3];
    device.read_memory(4195, &mut bytes).unwrap();
    assert_eq!(bytes, [9, 0, 0]);
    assert_eq!(["sync_offset", "sync_size", "sync_for_cpu"].map(sync), ["4195", "3", "1"]);
}

#[test]
fn the_configuration_is_that_of_the_hash() {
    for preset in sterna_spec::config::PRESETS {
        let config = Config::preset(preset).unwrap();
        let machine = Machine::new(&config);
        assert_eq!(configuration(machine.root.path(), "sterna").unwrap(), config);
    }
}

/// The message about a machine that was spoiled.
fn failure(spoil: impl FnOnce(&Machine)) -> String {
    let config = Config { address_bits: 40, ..Config::preset("tiny").unwrap() };
    let machine = Machine::new(&config);
    spoil(&machine);
    machine.open(&config).err().unwrap_or_else(|| "nothing".into())
}

fn remove(machine: &Machine, name: &str) {
    fs::remove_dir_all(machine.path(name)).or_else(|_| fs::remove_file(machine.path(name))).unwrap();
}

#[test]
fn what_is_wrong_is_one_sentence() {
    let buffer = "sys/class/u-dma-buf/sterna-memory";
    let all = [
        failure(|m| remove(m, "sys/class/uio")),
        failure(|m| remove(m, "sys/class/uio/uio3/name")),
        failure(|m| m.write("sys/class/uio/uio3/maps/map0/size", "0x1000\n")),
        failure(|m| m.write("sys/class/uio/uio3/maps/map0/size", "big\n")),
        failure(|m| remove(m, "dev/uio3")),
        failure(|m| m.file("uio3").set_len(100).unwrap()),
        failure(|m| remove(m, buffer)),
        failure(|m| {
            fs::rename(m.path(buffer), m.path("sys/class/u-dma-buf/udmabuf0")).unwrap();
            m.write("sys/class/u-dma-buf/udmabuf1/size", "1\n");
        }),
        failure(|m| m.write(&format!("{buffer}/phys_addr"), "0x10000100\n")),
        failure(|m| m.write(&format!("{buffer}/phys_addr"), "0x10000000000\n")),
        failure(|m| m.write(&format!("{buffer}/size"), "1048577\n")),
        failure(|m| remove(m, &format!("{buffer}/sync_direction"))),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_only_buffer_serves_under_any_name() {
    let only = failure(|m| {
        fs::rename(m.path("sys/class/u-dma-buf/sterna-memory"), m.path("sys/class/u-dma-buf/udmabuf0"))
            .unwrap();
        fs::rename(m.path("dev/sterna-memory"), m.path("dev/udmabuf0")).unwrap();
    });
    assert_eq!(only, "nothing");
}

#[test]
fn files_that_may_not_be_opened_are_named() {
    let may = |path: &Path| File::options().read(true).write(true).open(path).is_ok();
    let message = failure(|m| {
        let path = m.path("dev/uio3");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        if may(&path) {
            // permissions do not bind root: a folder cannot be opened by anyone
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }
    });
    assert!(message.starts_with("cannot open /dev/uio3: "), "{message}");
}

#[test]
fn sessions_that_cannot_be_are_described() {
    let config = Config { address_bits: 40, ..Config::preset("tiny").unwrap() };
    let compiled = image(&config);
    let on = |machine: &Machine, limit: u64| {
        let mut device = machine.open(&config).unwrap();
        device.set_limit(Duration::from_millis(limit));
        machine.hide(&session(Box::new(device), &compiled).unwrap_err())
    };
    let small = Machine::new(&config);
    small.write("sys/class/u-dma-buf/sterna-memory/size", "4096\n");
    let foreign = Machine::new(&Config { rows: 3, ..config.clone() });
    let unknown = configuration(foreign.root.path(), "sterna").unwrap_err().to_string();
    let blank = Machine::new(&config);
    put(&blank.file("uio3"), offset::ID, u32::MAX);
    let no_id = configuration(blank.root.path(), "sterna").unwrap_err().to_string();
    let stuck = Machine::new(&config);
    put(&stuck.file("uio3"), offset::STATUS, status::BUSY);
    let bank = stuck.file("uio3");
    let ends = Arc::new(AtomicBool::new(false));
    let flag = ends.clone();
    // takes commands and never ends
    let thread = std::thread::spawn(move || {
        while !flag.load(Ordering::Relaxed) {
            put(&bank, offset::CONTROL, 0);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let mut all = vec![on(&small, 100), on(&foreign, 100), on(&Machine::new(&config), 100)];
    all.push(on(&stuck, 2000));
    ends.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    let presets = sterna_spec::config::PRESETS.join(", ");
    all.extend([no_id, unknown.replace(&presets, "PRESETS")]);
    // hashes and needs change with every configuration
    let plain = |text: &String| text.replace(&format!("{:016x}", config.hash()), "HASH");
    let foreign_hash = format!("{:016x}", Config { rows: 3, ..config.clone() }.hash());
    let all: Vec<_> = all.iter().map(|text| plain(text).replace(&foreign_hash, "FOREIGN")).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn accesses_outside_are_refused() {
    let config = Config { address_bits: 40, ..Config::preset("tiny").unwrap() };
    let machine = Machine::new(&config);
    let mut device = machine.open(&config).unwrap();
    for at in [1, 0x82, SPACE, u32::MAX] {
        assert!(device.read_register(at).is_err() && device.write_register(at, 0).is_err());
    }
    for address in [MEMORY - 3, MEMORY, u64::MAX] {
        assert!(
            device.read_memory(address, &mut [0; 4]).is_err()
                && device.write_memory(address, &[0; 4]).is_err()
        );
    }
    assert!(device.reserve_memory(MEMORY).is_ok() && device.reserve_memory(MEMORY + 1).is_err());
}
