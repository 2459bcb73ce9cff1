//! UARTBone requests as bytes.

/// A request: `command, words, word address`, then the words; the number of words is below 256.
fn request(command: u8, address: u32, count: usize, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![command, count as u8];
    bytes.extend((address / 4).to_be_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    bytes
}

/// Writes of words to addresses that go up, as many requests as are needed.
pub fn write(address: u32, words: &[u32]) -> Vec<u8> {
    let parts = (address..).step_by(4 * MOST).zip(words.chunks(MOST));
    parts.flat_map(|(address, words)| request(1, address, words.len(), words)).collect()
}

/// A read of `count` words, at most [`MOST`], from addresses that go up.
pub fn read(address: u32, count: usize) -> Vec<u8> {
    request(2, address, count, &[])
}

/// Words of the longest request.
pub const MOST: usize = 255;

/// The word at the beginning of `bytes`.
pub fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_litex() {
        assert_eq!(write(0x4000_0004, &[0x1122_3344]), [1, 1, 0x10, 0, 0, 1, 0x11, 0x22, 0x33, 0x44]);
        assert_eq!(read(0x1_0000, 255), [2, 255, 0, 0, 0x40, 0]);
        let long = write(0, &[0; 256]);
        assert_eq!(long.len(), 2 * 6 + 4 * 256);
        assert_eq!(long[6 + 4 * 255..][..6], [1, 1, 0, 0, 0, 255]);
    }
}
