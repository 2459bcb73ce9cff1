//! What the host's and the memory's side may do and a program does not bring about: parts of register accesses at different times, reads
//! one behind the other, an error of one port alone.

use sterna_hdl::blocks::axi::prefix;
use sterna_sim::SimDevice;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::{COUNTERS, ErrorCode, offset, status, table};

use crate::bench::{Bench, Row};

/// Cycles in which the register port must have answered.
const PATIENCE: u32 = 500;

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), DeviceError> {
    if holds { Ok(()) } else { Err(DeviceError::Other(what())) }
}

/// The register port as AXI4-Lite allows its use, on a device that has run nothing yet.
///
/// # Errors
/// What went wrong.
pub fn register_port(device: &mut SimDevice) -> Result<(), DeviceError> {
    attributes(device)?;
    let counters: Vec<u32> = (0..COUNTERS.len() as u32).map(|i| offset::COUNTER + 4 * i).collect();
    for at in &counters {
        let value = device.read_register(*at)?;
        must(value == 0, || format!("counter {at:#x} is {value:#x} after reset"))?;
    }
    let listed: Vec<u32> = table(device.config()).iter().map(|r| r.offset).collect();
    for at in (0..2 * offset::COUNTER).step_by(4).filter(|at| !listed.contains(at)) {
        let value = device.read_register(at)?;
        must(value == 0, || format!("{value:#x} is read at {at:#x}, where no register is"))?;
    }
    nothing_is_written(device)?;
    let mut expected = 0;
    for (i, address_first) in [(0u32, true), (1, false), (2, true), (3, false)] {
        let (value, strobes) = (0x0123_4567u32.rotate_left(8 * i) ^ !0, 0b1011u32.rotate_left(i) & 15);
        let mask = (0..4).filter(|b| strobes >> b & 1 == 1).fold(0u32, |mask, b| mask | 255 << (8 * b));
        apart(device, address_first, (value, strobes), expected)?;
        expected = expected & !mask | value & mask;
        let got = device.read_register(offset::RESULT_BASE)?;
        must(got == expected, || {
            format!("a write with strobes {strobes:#x} left {got:#x}, not {expected:#x}")
        })?;
    }
    device.write_register(offset::PROGRAM_BASE, 0x5555_aaaa)?;
    let asked = [offset::RESULT_BASE, offset::PROGRAM_BASE, offset::ID, offset::STATUS, offset::PROGRAM_BASE];
    let alone = asked.iter().map(|at| device.read_register(*at)).collect::<Result<Vec<_>, _>>()?;
    for pause in 0..4 {
        let got = behind_each_other(device, &asked, pause)?;
        must(got == alone, || format!("reads one behind the other gave {got:x?}, not {alone:x?}"))?;
    }
    Ok(())
}

/// What every request says of itself: one id, normal and bufferable memory, secure data (IHI 0022, A4 and A5).
fn attributes(device: &mut SimDevice) -> Result<(), DeviceError> {
    let config = device.config().clone();
    for port in (0..config.ports).map(|port| prefix(&config, port)) {
        for channel in ["ar", "aw"] {
            for (name, value) in [("id", 0), ("lock", 0), ("cache", 3), ("prot", 0), ("qos", 0)] {
                let pin = format!("{port}_{channel}{name}");
                let got = device.output(&pin)?;
                must(got == value, || format!("{pin} is {got}, not {value}"))?;
            }
        }
    }
    Ok(())
}

/// Address, data and strobes without VALID are no write.
fn nothing_is_written(device: &mut SimDevice) -> Result<(), DeviceError> {
    device.write_register(offset::PROGRAM_BASE, 0x1234)?;
    for (at, data) in [(offset::PROGRAM_BASE, u64::from(u32::MAX)), (offset::CONTROL, 3)] {
        for (name, value) in [("awaddr", u64::from(at)), ("wdata", data), ("wstrb", 15)] {
            device.set_pin(&format!("s_axi_{name}"), value)?;
        }
        device.run(3)?;
    }
    let (base, state) = (device.read_register(offset::PROGRAM_BASE)?, device.read_register(offset::STATUS)?);
    must(base == 0x1234, || format!("without a write PROGRAM_BASE became {base:#x}"))?;
    must(state == 0, || format!("without a write STATUS became {state:#x}"))
}

/// Writes RESULT_BASE, address and data some cycles apart; until both are there it stays `old`.
fn apart(
    device: &mut SimDevice,
    address_first: bool,
    (value, strobes): (u32, u32),
    old: u32,
) -> Result<(), DeviceError> {
    device.set_pin("s_axi_awaddr", offset::RESULT_BASE.into())?;
    device.set_pin("s_axi_wdata", value.into())?;
    device.set_pin("s_axi_wstrb", strobes.into())?;
    device.set_pin("s_axi_bready", 0)?;
    let first = usize::from(!address_first);
    let (mut waits, mut begun) = ([true; 2], [false; 2]);
    for cycle in 0..PATIENCE {
        if cycle == 5 {
            let got = device.read_register(offset::RESULT_BASE)?;
            must(got == old, || format!("half a write made {got:#x} of {old:#x}"))?;
        }
        for (i, name) in ["aw", "w"].into_iter().enumerate() {
            begun[i] |= i == first || cycle >= 8;
            device.set_pin(&format!("s_axi_{name}valid"), (waits[i] && begun[i]).into())?;
        }
        let ready = [device.output("s_axi_awready")?, device.output("s_axi_wready")?];
        let answered = device.output("s_axi_bvalid")? == 1;
        must(!answered || waits == [false; 2], || "half a write was answered".into())?;
        if answered && cycle > 20 {
            device.set_pin("s_axi_bready", 1)?;
            device.run(1)?;
            return device.set_pin("s_axi_bready", 0);
        }
        device.run(1)?;
        (0..2).for_each(|i| waits[i] &= !(begun[i] && ready[i] == 1));
    }
    must(false, || format!("a write in two parts was not answered in {PATIENCE} cycles"))
}

/// Reads while answers wait for a host that takes one every `pause + 1` cycles.
fn behind_each_other(device: &mut SimDevice, asked: &[u32], pause: u32) -> Result<Vec<u32>, DeviceError> {
    let (mut next, mut got) = (0, Vec::new());
    for cycle in 0..PATIENCE {
        let (valid, takes) = (next < asked.len(), cycle % (pause + 1) == pause);
        device.set_pin("s_axi_araddr", asked.get(next).copied().unwrap_or(0).into())?;
        device.set_pin("s_axi_arvalid", valid.into())?;
        device.set_pin("s_axi_rready", takes.into())?;
        let taken = valid && device.output("s_axi_arready")? == 1;
        if takes && device.output("s_axi_rvalid")? == 1 {
            got.push(device.output("s_axi_rdata")? as u32);
        }
        device.run(1)?;
        next += usize::from(taken);
        if got.len() == asked.len() && next == asked.len() {
            break;
        }
    }
    // what comes now was not asked for
    for pin in ["s_axi_arvalid", "s_axi_rready"] {
        device.set_pin(pin, 0)?;
    }
    device.run(8)?;
    must(device.output("s_axi_rvalid")? == 0, || "an answer that was not asked for".into())?;
    Ok(got)
}

/// Memory refuses a beat of the program, then one of the results, on one port alone; a good step follows. The program is
/// `program.rs`'s, the responses are slow.
///
/// # Errors
/// What went wrong.
pub fn one_port(bench: &Bench, device: &mut SimDevice, port: usize) -> Result<(), DeviceError> {
    let width = u64::from(bench.config.port_bytes);
    let fine = Row { token: 1, position: 4, logits: true };
    for (beat, code, block) in
        [(bench.program + 100, ErrorCode::ReadResponse, 2), (bench.results, ErrorCode::WriteResponse, 3)]
    {
        let at = bench.bases[port] + u64::from(beat) * width;
        device.memory().refuse(at..at + width);
        let error = bench.step(device, &[fine])?;
        let told = (error & 0xff, error >> 8 & 0xff);
        must(told == (code as u32, block), || format!("{code:?} on port {port}: error {error:#x}"))?;
        device.memory().serve_all();
        let error = bench.step(device, &[fine])?;
        must(error == 0, || format!("error {error:#x} after {code:?} on port {port}"))?;
        let state = device.read_register(offset::STATUS)?;
        must(state & status::ERROR == 0, || format!("STATUS {state:#x}"))?;
    }
    Ok(())
}
