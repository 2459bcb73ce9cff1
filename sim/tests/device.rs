//! The device's pins against a small Verilog stand-in, right and wrong in known ways.

use sterna_sim::{Format, Options, Profile, SimDevice, Stalls, Trace};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{control, offset, status};
use verilated::Source;

fn device(options: Options) -> Result<SimDevice, DeviceError> {
    let source = Source::new("sterna").file("copy.v", include_str!("copy.v"));
    let build = verilated::Options { opt_level: 0, ..options.build };
    let config = Config::preset("tiny").map_err(DeviceError::Other)?;
    let mut device = SimDevice::from_source(&config, &source, &Options { build, ..options })?;
    device.reserve_memory(1 << 16)?;
    device.write_memory(0, &(0..=255).collect::<Vec<u8>>())?;
    Ok(device)
}

/// Copies four beats from beat `from` to beat `to`; returns STATUS.
fn copy(device: &mut SimDevice, from: u32, to: u32) -> Result<u32, DeviceError> {
    device.write_register(offset::PROGRAM_BASE, from)?;
    device.write_register(offset::RESULT_BASE, to)?;
    device.write_register(offset::CONTROL, control::START)?;
    device.wait()?;
    device.read_register(offset::STATUS)
}

fn result(device: &mut SimDevice, beat: u64) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    device.read_memory(beat * 8, &mut bytes).unwrap();
    bytes
}

#[test]
fn copies_under_every_memory() {
    for (seed, name) in (0..).zip(Profile::names()) {
        for stalls in [Stalls::NONE, Stalls::all(150)] {
            println!("seed {seed}, {name}, {stalls:?}");
            let profile = Some(Profile::named(name, 100).unwrap());
            let mut device = device(Options { seed, profile, stalls, ..Options::default() }).unwrap();
            assert_eq!(copy(&mut device, 4, 256).unwrap(), status::DONE);
            assert_eq!(result(&mut device, 256), (32..64).map(|x| !x).collect::<Vec<u8>>());
            let traffic = device.memory().traffic().next().unwrap();
            assert_eq!((traffic.read_bytes, traffic.write_bytes), (32, 32));
            assert_eq!(device.read_register(offset::RESULT_BASE).unwrap(), 256);
        }
    }
}

#[test]
fn runs_repeat_cycle_by_cycle() {
    let run = |seed| {
        let mut device = device(Options { seed, stalls: Stalls::all(200), ..Options::default() }).unwrap();
        device.write_register(offset::IRQ_ENABLE, 1).unwrap();
        copy(&mut device, 0, 256).unwrap();
        copy(&mut device, 256, 512).unwrap();
        device.cycles()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn outside_memory_and_wrong_registers() {
    let mut device = device(Options::default()).unwrap();
    assert_eq!(copy(&mut device, 0x100_0000, 256).unwrap(), status::DONE | status::ERROR);
    assert_eq!(result(&mut device, 256), [!0xee; 32]);
    assert_eq!(copy(&mut device, 0, 0x100_0000).unwrap(), status::DONE | status::ERROR);
    assert_eq!(copy(&mut device, 0, 256).unwrap(), status::DONE);
    assert!(matches!(device.read_register(2), Err(DeviceError::Register(2))));
    assert!(matches!(device.write_register(0x4000, 0), Err(DeviceError::Register(0x4000))));
    assert!(matches!(device.read_memory(1 << 16, &mut [0]), Err(DeviceError::Memory { .. })));
}

#[test]
fn a_trace_holds_its_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("window.vcd");
    let trace = Some(Trace { path: path.clone(), format: Format::Vcd, cycles: 20..40 });
    let mut device = device(Options { trace, ..Options::default() }).unwrap();
    copy(&mut device, 0, 256).unwrap();
    drop(device);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("m_axi_araddr") && text.contains("\n#205") && !text.contains("\n#405"));
}

/// What a device with this bug is told.
fn complaint(bug: u32, options: Options) -> String {
    let mut device = device(Options { watchdog: 500, ..options }).unwrap();
    device.write_register(offset::PROGRAM_BEATS, bug).unwrap();
    let error = copy(&mut device, 0, 256).err().map_or("no complaint".into(), |e| e.to_string());
    if error.contains("cycle") {
        assert_eq!(copy(&mut device, 0, 256).unwrap_err().to_string(), error, "a broken device stays broken");
    }
    error
}

#[test]
fn broken_devices_are_told_so() {
    let stalls = Stalls { ar: 255, ..Stalls::NONE };
    let build = verilated::Options { verilator_args: vec!["-GEARLY=1".into()], ..Options::default().build };
    let all = [
        complaint(0, Options::default()),
        complaint(1, Options { stalls, ..Options::default() }),
        complaint(2, Options::default()),
        complaint(3, Options::default()),
        complaint(4, Options::default()),
        device(Options { build, ..Options::default() }).err().map_or(String::new(), |e| e.to_string()),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    no complaint
    AXI rule broken on port 0, channel AR, in cycle 24: VALID fell before READY
    the device has been busy without memory traffic for more than 500 cycles (watchdog, in cycle 552): it counts no cause, memory owes it nothing; trace the cycles from 44 on to see why
    AXI rule broken on port 0 in cycle 31: an output depends on an input of the same cycle
    register 0x44 does not exist on this device
    AXI rule broken on port 0: VALID is high in reset
    ");
}
