//! How fast a line is, and what went wrong on it.

use super::Check;
use crate::serial::{Serial, Stats};
use std::time::{Duration, Instant};
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::registers::offset;

/// Bytes that are read and written to measure.
const BYTES: usize = 4096;
/// Round trips that are measured.
const TRIPS: u32 = 8;

/// Measures the line and sums up all that went wrong on it since `errors` (framing, overruns) were read.
pub fn line(device: &mut Serial, errors: (u16, u16)) -> Check {
    const NAME: &str = "line";
    let measured = match measure(device).and_then(|speeds| Ok((speeds, device.line_errors()?))) {
        Ok(measured) => measured,
        Err(e) => return Check::error(NAME, &e.to_string()),
    };
    let ([read, write, trip], now) = measured;
    let speed = |time: Duration| BYTES as f64 / time.as_secs_f64().max(1e-9) / 1e3;
    let (framing, overruns) = (now.0.wrapping_sub(errors.0), now.1.wrapping_sub(errors.1));
    let Stats { good, lost, damaged, refused, .. } = device.stats();
    let found = format!(
        "reads {:.1} kB/s, writes {:.1} kB/s, {:.2} ms a round trip; {good} requests, repeated: {lost} not answered, {damaged} answers damaged, {refused} writes damaged; the device saw {framing} framing errors and {overruns} overruns",
        speed(read),
        speed(write),
        trip.as_secs_f64() * 1e3,
    );
    if lost + damaged + refused + u64::from(framing) + u64::from(overruns) == 0 {
        Check::pass(NAME, found)
    } else {
        Check::fail(NAME, found, "results are right all the same; take a better cable or a lower baud rate")
    }
}

/// Time to read, to write, and of a round trip. Memory stays as it was.
fn measure(device: &mut Serial) -> Result<[Duration; 3], DeviceError> {
    let mut timed = |work: &mut dyn FnMut(&mut Serial) -> Result<(), DeviceError>| {
        let start = Instant::now();
        work(device)?;
        Ok::<_, DeviceError>(start.elapsed())
    };
    let mut bytes = [0; BYTES];
    let read = timed(&mut |device| device.read_memory(0, &mut bytes))?;
    // what is there already would not be sent
    let others = bytes.map(|byte| !byte);
    let write = timed(&mut |device| device.write_memory(0, &others))?;
    timed(&mut |device| device.write_memory(0, &bytes))?;
    let trips = timed(&mut |device| (0..TRIPS).try_for_each(|_| device.read_register(offset::ID).map(drop)))?;
    Ok([read, write, trips / TRIPS])
}
