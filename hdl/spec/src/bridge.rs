//! The bridge between a serial line and a device: where things are behind it, its registers, its words. Bridge, host and documents
//! are made from it; `docs/serial.md` explains it.

use crate::registers::{Access, Register};

/// Registers of the bridge; below are those of the core.
pub const BRIDGE: u32 = 0x1_0000;
/// The staging area.
pub const STAGE: u32 = 0x1_1000;
/// Words that it holds.
pub const STAGE_WORDS: usize = 256;
/// Memory.
pub const MEMORY: u32 = 0x4000_0000;
/// Bytes of the largest memory.
pub const MOST_MEMORY: u32 = 0x4000_0000;

/// Value of `BRIDGE_ID`.
pub const ID: u32 = u32::from_le_bytes(*b"SBRG");
/// Value of `BRIDGE_VERSION`.
pub const VERSION: u32 = 1;
/// Locks.
pub const LOCK: u32 = u32::from_le_bytes(*b"lock");
/// Unlocks.
pub const OPEN: u32 = u32::from_le_bytes(*b"open");

/// What a read answers that finds nothing, or whose answer was an error.
pub const NOTHING: u32 = u32::MAX;
/// Bytes of the next requests that are kept while one is executed.
pub const QUEUE: usize = 32;
/// A request that stands still so many times in a second's length is forgotten.
pub const TIMEOUTS_A_SECOND: u32 = 10;
/// CRC32's polynomial, reflected, as zlib has it; start and final exclusive or are all ones.
pub const POLYNOMIAL: u32 = 0xedb8_8320;

/// CRC32 of bytes, one after the other.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| eight_steps(sum ^ u32::from(*byte)))
}

/// Eight steps of the polynomial: what one byte does to a sum that it has been added to.
pub fn eight_steps(sum: u32) -> u32 {
    (0..8).fold(sum, |sum, _| (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg()))
}

/// Offsets of the registers from [`BRIDGE`].
#[allow(missing_docs)] // the table below documents them
pub mod offset {
    pub const ID: u32 = 0x00;
    pub const VERSION: u32 = 0x04;
    pub const MEMORY_BYTES: u32 = 0x08;
    pub const CLOCK_HZ: u32 = 0x0c;
    pub const CYCLES: u32 = 0x10;
    pub const LINE_ERRORS: u32 = 0x14;
    pub const DROPPED: u32 = 0x18;
    pub const READ_CRC: u32 = 0x1c;
    pub const LOCK: u32 = 0x20;
    pub const STAGE_TARGET: u32 = 0x24;
    pub const STAGE_TAG: u32 = 0x28;
    pub const STAGE_CRC: u32 = 0x2c;
    pub const STAGE_STATUS: u32 = 0x30;
    pub const CRC_ADDRESS: u32 = 0x34;
    pub const CRC_BYTES: u32 = 0x38;
    pub const CRC_VALUE: u32 = 0x3c;
}

/// Bits of STAGE_STATUS.
pub mod status {
    /// The last commit tried was carried out, or had been before.
    pub const CARRIED_OUT: u32 = 1;
    /// It was refused.
    pub const REFUSED: u32 = 2;
}

/// Bytes of the bridge's registers.
pub const SPACE: u32 = 0x40;

/// The registers, by offset from [`BRIDGE`].
pub fn table() -> Vec<Register> {
    use Access::{ReadOnly, ReadWrite, WriteOnly};
    use offset::*;
    let rows = [
        ("BRIDGE_ID", ID, ReadOnly, "\"SBRG\" in memory order"),
        ("BRIDGE_VERSION", VERSION, ReadOnly, "1"),
        ("MEMORY_BYTES", MEMORY_BYTES, ReadOnly, "size of the memory"),
        ("CLOCK_HZ", CLOCK_HZ, ReadOnly, "the clock that the design was built for"),
        ("CYCLES", CYCLES, ReadOnly, "free-running counter of clock cycles"),
        (
            "LINE_ERRORS",
            LINE_ERRORS,
            ReadOnly,
            "15:0 stop bits that were low, 31:16 bytes that found no room; both wrap",
        ),
        (
            "DROPPED",
            DROPPED,
            ReadOnly,
            "15:0 requests forgotten after 100 ms and unknown command bytes but zeros, 31:16 accesses refused; both wrap",
        ),
        (
            "READ_CRC",
            READ_CRC,
            ReadOnly,
            "CRC32 of the last read but those that begin at this register: its request (6 bytes as received), then its answer (as sent)",
        ),
        (
            "LOCK",
            LOCK,
            ReadWrite,
            "reads 1 if locked, else 0; `0x6b636f6c` (\"lock\" in memory order) locks, `0x6e65706f` (\"open\") unlocks, other values do nothing",
        ),
        (
            "STAGE_TARGET",
            STAGE_TARGET,
            ReadWrite,
            "byte address for the staged words, a multiple of 4 (the two lowest bits are ignored)",
        ),
        ("STAGE_TAG", STAGE_TAG, ReadWrite, "15:0 number of staged words, 1 to 256; 31:16 sequence number"),
        (
            "STAGE_CRC",
            STAGE_CRC,
            WriteOnly,
            "the CRC32 of target, tag and staged words: writing it commits; reads 0",
        ),
        (
            "STAGE_STATUS",
            STAGE_STATUS,
            ReadOnly,
            "31:16 sequence number of the last commit carried out; bit 0: the last commit tried was carried out, or had been before; bit 1: it was refused",
        ),
        ("CRC_ADDRESS", CRC_ADDRESS, ReadWrite, "first byte of a range of memory, a multiple of a beat"),
        ("CRC_BYTES", CRC_BYTES, ReadWrite, "bytes of the range, a multiple of a beat: writing it computes"),
        (
            "CRC_VALUE",
            CRC_VALUE,
            ReadOnly,
            "the CRC32 of that range, read back from memory; all ones if it could not be computed",
        ),
    ];
    let row = |(name, offset, access, doc): (&str, u32, Access, &str)| Register {
        name: name.into(),
        offset,
        access,
        doc: doc.into(),
    };
    rows.map(row).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_this_table() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/serial.md"));
        let page = page.unwrap_or_default();
        let access = |a: Access| match a {
            Access::ReadOnly => "r",
            Access::ReadWrite => "rw",
            Access::WriteOnly | Access::WriteOne => "w",
        };
        let row = |r: &Register| {
            format!("| `{:#04x}` | `{}` | {} | {} |", r.offset, r.name, access(r.access), r.doc)
        };
        let rows = table().iter().map(row).collect::<Vec<_>>().join("\n");
        assert!(
            page.contains(&format!("|---|---|---|---|\n{rows}\n\n")),
            "docs/serial.md should have\n{rows}"
        );
        let place = |at: u32, what: &str| format!("| `{:#06x}_{:04x}` | {what}", at >> 16, at & 0xffff);
        for (at, what) in
            [(0, "registers of the core"), (BRIDGE, "registers"), (STAGE, "staging"), (MEMORY, "memory")]
        {
            assert!(page.contains(&place(at, what)), "{}", place(at, what));
        }
        assert!(page.contains(&format!("staging area, {STAGE_WORDS} words")));
        assert!(page.contains(&format!("{QUEUE} bytes of the next ones are kept")));
        assert!(page.contains(&format!("`{LOCK:#010x}`")) && page.contains(&format!("`{OPEN:#010x}`")));
        assert!(page.contains(&format!("{:#010x}", POLYNOMIAL)));
    }

    #[test]
    fn the_check_value_of_crc32() {
        assert_eq!((crc32(b"123456789"), crc32(b"")), (0xcbf4_3926, 0));
    }

    #[test]
    fn offsets_go_up_and_end() {
        let offsets: Vec<u32> = table().iter().map(|r| r.offset).collect();
        assert_eq!(offsets, (0..SPACE).step_by(4).collect::<Vec<_>>());
        const { assert!(crate::registers::SPACE <= BRIDGE && BRIDGE + SPACE <= STAGE) };
        const { assert!(STAGE + 4 * STAGE_WORDS as u32 <= MEMORY && MOST_MEMORY <= u32::MAX - MEMORY) };
    }
}
