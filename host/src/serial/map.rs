//! Where things are behind the bridge: the table of `docs/serial.md`.

/// Registers of the bridge.
pub const BRIDGE: u32 = 0x1_0000;
/// The staging area.
pub const STAGE: u32 = 0x1_1000;
/// Words that it holds.
pub const STAGE_WORDS: usize = 256;
/// Memory.
pub const MEMORY: u32 = 0x4000_0000;
/// Value of `BRIDGE_ID`.
pub const ID: u32 = u32::from_le_bytes(*b"SBRG");
/// Value of `BRIDGE_VERSION`.
pub const VERSION: u32 = 1;
/// Locks.
pub const LOCK: u32 = u32::from_le_bytes(*b"lock");
/// Unlocks.
pub const OPEN: u32 = u32::from_le_bytes(*b"open");

/// Offsets of the registers.
#[allow(missing_docs)] // the table documents them
pub mod offset {
    pub const CYCLES: u32 = 0x10;
    pub const LINE_ERRORS: u32 = 0x14;
    pub const READ_CRC: u32 = 0x1c;
    pub const LOCK: u32 = 0x20;
    pub const STAGE_TARGET: u32 = 0x24;
    pub const CRC_ADDRESS: u32 = 0x34;
    pub const CRC_VALUE: u32 = 0x3c;
}
