//! Memory at the end of a line: read in bursts, written in pieces that are sent only where they differ and are compared again.
//!
//! ```text
//!   address ─┬─ edge ─┬─ piece of 64 KiB ─┬─ piece ─┬─ edge ─
//!            read back     CRC equal? next : send, compare, a few times
//! ```

use super::Serial;
use sterna_spec::bridge;
use sterna_spec::device::DeviceError;

/// Bytes that are compared at once.
const PIECE: u64 = 1 << 16;
/// Ranges of a CRC are multiples of a beat; no device has longer ones.
const GRAIN: u64 = 256;
/// Times that a piece is sent.
const TRIES: u32 = 3;
/// A device that computes a CRC works on so many bytes as long as the line on one.
const CRC_SPEED: usize = 16;

type Result<T> = std::result::Result<T, DeviceError>;

/// The CRC32 of a range, as it must be and as it is.
struct Sums {
    want: u32,
    have: u32,
}

impl Serial {
    /// Refuses what lies outside memory; gives the address on the bridge's bus.
    fn bus(&self, address: u64, len: usize) -> Result<u32> {
        let inside = address.checked_add(len as u64).is_some_and(|end| end <= self.memory);
        let refused = DeviceError::Memory { address, len, size: self.memory };
        if inside { Ok(bridge::MEMORY + address as u32) } else { Err(refused) }
    }

    /// Reads any bytes.
    pub(super) fn read_bytes(&mut self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.bus(address, bytes.len())?;
        let skip = (address % 4) as usize;
        let mut words = vec![0; (skip + bytes.len()).div_ceil(4)];
        self.read_words(self.bus(address - skip as u64, 4 * words.len())?, &mut words)?;
        let all = words.iter().flat_map(|word| word.to_le_bytes());
        bytes.iter_mut().zip(all.skip(skip)).for_each(|(byte, value)| *byte = value);
        Ok(())
    }

    /// Writes any bytes and compares them; `progress(bytes done)`.
    pub(super) fn write_bytes(
        &mut self,
        address: u64,
        bytes: &[u8],
        progress: &mut dyn FnMut(usize),
    ) -> Result<()> {
        self.bus(address, bytes.len())?;
        let mut done = 0;
        while done < bytes.len() {
            let at = address + done as u64;
            let (len, whole) = next(at, bytes.len() - done);
            let part = &bytes[done..done + len];
            if whole {
                self.write_piece(at, part, &mut |n| progress(done + n))?
            } else {
                self.write_edge(at, part)?
            }
            done += len;
            progress(done);
        }
        Ok(())
    }

    /// Less than a grain: written, and read back.
    fn write_edge(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        let skip = (address % 4) as usize;
        let start = address - skip as u64;
        let mut all = vec![0; (skip + bytes.len()).next_multiple_of(4)];
        if all.len() != bytes.len() {
            self.read_bytes(start, &mut all)?;
        }
        all[skip..skip + bytes.len()].copy_from_slice(bytes);
        self.send(start, &all, &mut |_| {})?;
        let mut back = vec![0; all.len()];
        self.read_bytes(start, &mut back)?;
        match all.iter().zip(&back).position(|(want, have)| want != have) {
            None => Ok(()),
            Some(at) => Err(DeviceError::Other(format!(
                "the memory of {} holds {:#04x} at {:#x} where {:#04x} was written; run `sterna doctor` with this device",
                self.link.name(),
                back[at],
                start + at as u64,
                all[at]
            ))),
        }
    }

    /// Whole grains: sent only if the device holds something else, and compared again.
    fn write_piece(&mut self, address: u64, bytes: &[u8], progress: &mut dyn FnMut(usize)) -> Result<()> {
        for _ in 0..TRIES {
            let sums = self.compare(address, bytes)?;
            if sums.have == sums.want {
                return Ok(());
            }
            self.send(address, bytes, progress)?;
        }
        let Sums { want, have } = self.compare(address, bytes)?;
        if have == want {
            return Ok(());
        }
        Err(DeviceError::Other(format!(
            "{} bytes at {address:#x} of the memory of {} have CRC {have:08x} instead of {want:08x} after being sent {TRIES} times; run `sterna doctor` with this device",
            bytes.len(),
            self.link.name()
        )))
    }

    /// The CRC of what the device holds, read back from its memory, beside that of `bytes`.
    fn compare(&mut self, address: u64, bytes: &[u8]) -> Result<Sums> {
        let range = [address as u32, bytes.len() as u32];
        self.stage(bridge::BRIDGE + bridge::offset::CRC_ADDRESS, &range, bytes.len() / CRC_SPEED)?;
        let mut have = [0];
        self.read_words(bridge::BRIDGE + bridge::offset::CRC_VALUE, &mut have)?;
        Ok(Sums { want: crc32fast::hash(bytes), have: have[0] })
    }

    /// Sends whole words.
    fn send(&mut self, address: u64, bytes: &[u8], progress: &mut dyn FnMut(usize)) -> Result<()> {
        let (words, _) = bytes.as_chunks();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        self.write_words(self.bus(address, bytes.len())?, &words, &mut |done| progress(4 * done))
    }
}

/// The next part of `len` bytes from `at` on: its length, and whether it is whole grains.
fn next(at: u64, len: usize) -> (usize, bool) {
    let (grain, len) = (at % GRAIN, len as u64);
    let whole = len.min(PIECE - at % PIECE) / GRAIN * GRAIN;
    match grain {
        0 if whole > 0 => (whole as usize, true),
        0 => (len as usize, false),
        _ => (len.min(GRAIN - grain) as usize, false),
    }
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn parts_cover_a_range() {
        for (start, len) in [(0, 0), (3, 5), (255, 2), (256, 70_000), (1, 200_000), (65_000, 1000)] {
            let (mut at, mut parts) = (start, Vec::new());
            while at < start + len {
                let (part, whole) = next(at, (start + len - at) as usize);
                assert!(part > 0 && (!whole || at % 256 == 0 && part % 256 == 0 && part <= 65_536));
                assert!(whole || part < 256);
                parts.push(part);
                at += part as u64;
            }
            assert_eq!(at, start + len, "{parts:?}");
        }
    }
}
