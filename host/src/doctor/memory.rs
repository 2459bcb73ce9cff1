//! Memory: address lines, then windows of random bytes and their complement. All is put back as it was.

use super::Check;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::device::{Device, DeviceError};

/// Bytes that are tested at once.
const WINDOW: u64 = 1024;
/// Windows that are tested if not all are.
const WINDOWS: u64 = 8;
/// The seed of the bytes.
const SEED: u64 = 1;

/// How a test ended before its end.
enum Stop {
    /// What was written and what was read at an address.
    Differs { at: u64, wrote: u8, read: u8 },
    /// The device failed.
    Failed(DeviceError),
}

impl From<DeviceError> for Stop {
    fn from(e: DeviceError) -> Self {
        Stop::Failed(e)
    }
}

/// Tests the first `size` bytes: the whole of them, or windows spread over them.
pub fn memory(
    device: &mut dyn Device,
    size: u64,
    whole: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Check {
    const NAME: &str = "memory";
    let windows = windows(size, whole);
    let tested = addresses(device, size).map_err(|stop| ("address lines", stop)).and_then(|()| {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        windows.iter().enumerate().try_for_each(|(index, at)| {
            progress(index, windows.len());
            window(device, *at, &mut rng).map_err(|stop| ("data", stop))
        })
    });
    match tested {
        Ok(()) => {
            let bytes = WINDOW * windows.len() as u64;
            Check::pass(
                NAME,
                format!("{bytes} of {size} bytes and all address lines (seed {SEED}); nothing was changed"),
            )
        }
        Err((what, Stop::Differs { at, wrote, read })) => Check::fail(
            NAME,
            format!(
                "{what}: byte {at:#x} reads {read:#04x} where {wrote:#04x} was written (bits {:#04x}, seed {SEED}); what was there is put back as far as it can be",
                wrote ^ read
            ),
            "check the memory's clock, timing and pins, and load the bitstream again",
        ),
        Err((_, Stop::Failed(e))) => Check::error(NAME, &e.to_string()),
    }
}

/// First bytes of the windows: all, or some, the first and the last among them.
fn windows(size: u64, whole: bool) -> Vec<u64> {
    let all = size / WINDOW;
    let some = if whole { all } else { all.min(WINDOWS) };
    (0..some).map(|i| if some == 1 { 0 } else { i * (all - 1) / (some - 1) * WINDOW }).collect()
}

/// Different words at 0 and at every power of two: an address line that is stuck or tied to another makes two of them one.
fn addresses(device: &mut dyn Device, size: u64) -> Result<(), Stop> {
    let places: Vec<u64> =
        std::iter::once(0).chain((2..63).map(|bit| 1 << bit)).take_while(|at| at + 4 <= size).collect();
    let mut before = vec![[0; 4]; places.len()];
    for (at, word) in places.iter().zip(&mut before) {
        device.read_memory(*at, word)?;
    }
    let words = (0..places.len() as u32).map(|i| (0x5a00_00a5 ^ i.wrapping_mul(0x0101_0101)).to_le_bytes());
    let outcome = (|| {
        for (at, word) in places.iter().zip(words.clone()) {
            write(device, *at, &word)?;
        }
        places.iter().zip(words).try_for_each(|(at, word)| compare(device, *at, &word))
    })();
    let back = places.iter().zip(&before).try_for_each(|(at, word)| write(device, *at, word));
    outcome.and(back)
}

/// Random bytes and their complement in one window.
fn window(device: &mut dyn Device, at: u64, rng: &mut ChaCha8Rng) -> Result<(), Stop> {
    let mut before = [0; WINDOW as usize];
    device.read_memory(at, &mut before)?;
    let bytes: [u8; WINDOW as usize] = std::array::from_fn(|_| rng.random());
    let outcome = [bytes, bytes.map(|byte| !byte)].iter().try_for_each(|bytes| write(device, at, bytes));
    let back = write(device, at, &before);
    outcome.and(back)
}

/// Writes and compares. A device that compares by itself says only that something differs.
fn write(device: &mut dyn Device, at: u64, bytes: &[u8]) -> Result<(), Stop> {
    let written = device.write_memory(at, bytes);
    compare(device, at, bytes)?;
    Ok(written?)
}

fn compare(device: &mut dyn Device, at: u64, bytes: &[u8]) -> Result<(), Stop> {
    let mut back = vec![0; bytes.len()];
    device.read_memory(at, &mut back)?;
    match (at..).zip(bytes.iter().zip(&back)).find(|(_, (wrote, read))| wrote != read) {
        None => Ok(()),
        Some((at, (wrote, read))) => Err(Stop::Differs { at, wrote: *wrote, read: *read }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reach_from_end_to_end() {
        assert!(windows(1000, false).is_empty());
        assert_eq!(windows(1024, false), [0]);
        assert_eq!(windows(3 * 1024 + 5, false), [0, 1024, 2048]);
        let some = windows(1 << 25, false);
        assert_eq!((some.len(), some[0], some[7]), (8, 0, (1 << 25) - 1024));
        assert_eq!(windows(1 << 20, true).len(), 1024);
    }
}
