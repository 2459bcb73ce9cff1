//! The register table: every register of the device, once. Hardware, driver and documents are made from it.

use crate::config::Config;

/// What a bus may do with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Constant or status: writes are ignored.
    ReadOnly,
    /// Written by the host, read back as written.
    ReadWrite,
    /// Writing 1 to a bit acts; reads as 0.
    WriteOne,
    /// Writing acts; reads as 0.
    WriteOnly,
}

/// One 32-bit register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name, upper case, unique.
    pub name: String,
    /// Byte offset.
    pub offset: u32,
    /// Access.
    pub access: Access,
    /// What it says or does.
    pub doc: String,
}

/// Value of `ID`: "STRN" in memory order.
pub const ID: u32 = u32::from_le_bytes(*b"STRN");
/// Value of `VERSION`: the version of this contract.
pub const VERSION: u32 = 3;

/// Fixed offsets that drivers use, in bytes.
#[allow(missing_docs)] // the table below documents them
pub mod offset {
    pub const ID: u32 = 0x000;
    pub const VERSION: u32 = 0x004;
    pub const CONFIG_HASH: u32 = 0x008;
    pub const SHAPE: u32 = 0x010;
    pub const CONTROL: u32 = 0x040;
    pub const STATUS: u32 = 0x044;
    pub const ERROR: u32 = 0x048;
    pub const IRQ_ENABLE: u32 = 0x04c;
    pub const PROGRAM_BASE: u32 = 0x050;
    pub const PROGRAM_BEATS: u32 = 0x054;
    pub const ROWS: u32 = 0x058;
    pub const RESULT_BASE: u32 = 0x05c;
    pub const RESULT_STRIDE: u32 = 0x060;
    pub const KV_SCALE_BEATS: u32 = 0x064;
    pub const KV_DATA_BEATS: u32 = 0x068;
    pub const PORT_BASE: u32 = 0x080;
    pub const ROW: u32 = 0x100;
    pub const COUNTER: u32 = 0x200;
    pub const TOPK: u32 = 0x2000;
}

/// Bytes of the register space.
pub const SPACE: u32 = 0x4000;
/// Bytes of a row's descriptor: token, position, KV base, flags.
pub const ROW_BYTES: u32 = 16;
/// Bit of a row's flags: the row asks for logits.
pub const ROW_LOGITS: u32 = 1;
/// Bytes of a row's selection: 64 pairs of id and logit (binary32).
pub const TOPK_ROW_BYTES: u32 = 512;

/// Bits of CONTROL.
pub mod control {
    /// Starts a step.
    pub const START: u32 = 1;
    /// Clears the error and the interrupt.
    pub const CLEAR: u32 = 2;
}

/// Bits of STATUS.
pub mod status {
    /// A step is running.
    pub const BUSY: u32 = 1;
    /// A step has ended since the last start or clear.
    pub const DONE: u32 = 2;
    /// ERROR is not zero.
    pub const ERROR: u32 = 4;
}

/// Error codes, bits 7:0 of ERROR; bits 15:8 are the block, bits 31:16 more about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorCode {
    /// No error.
    None = 0,
    /// An operation that does not exist, or with a field out of range.
    IllegalInstruction = 1,
    /// An AXI read answered with an error.
    ReadResponse = 2,
    /// An AXI write answered with an error.
    WriteResponse = 3,
    /// A row's position lies outside the context.
    Position = 4,
    /// The step stream ended without END.
    StreamEnd = 5,
    /// ROWS is 0 or larger than the hardware's rows.
    Rows = 6,
    /// START while a step was running.
    Busy = 7,
}

/// Name and meaning of each error code, by value.
pub const ERROR_CODES: &[(u8, &str, &str)] = &[
    (1, "illegal-instruction", "an operation that does not exist or has a field out of range"),
    (2, "read-response", "memory answered a read with an error"),
    (3, "write-response", "memory answered a write with an error"),
    (4, "position", "a row's position lies outside the context"),
    (5, "stream-end", "the step stream ended without END"),
    (6, "rows", "ROWS is 0 or larger than the hardware's rows"),
    (7, "busy", "START was written while a step was running"),
];

/// Blocks that raise errors, bits 15:8 of ERROR.
pub const ERROR_BLOCKS: &[(u8, &str)] = &[(1, "sequencer"), (2, "reader"), (3, "writer"), (4, "registers")];

/// The counters, in order from [`offset::COUNTER`], 4 bytes each. They count one step and restart with the next.
///
/// From `FETCH` on they are the causes: each busy cycle counts in exactly one of them.
pub const COUNTERS: &[(&str, &str)] = &[
    ("CYCLES", "cycles from start to done"),
    ("STREAM_BEATS", "beats of the step stream that arrived"),
    ("DATA_BEATS", "beats of gathered rows and of the KV cache that arrived"),
    ("WRITE_BEATS", "beats written"),
    ("FETCH", "cycles that waited for or decoded an instruction"),
    ("LOAD", "cycles of LOAD"),
    ("GATHER", "cycles of GATHER"),
    ("MATMUL", "cycles in which the matrix engine took a weight beat"),
    ("MATMUL_STREAM", "cycles in which the matrix engine was ready and no weight beat had arrived"),
    ("MATMUL_TABLE", "cycles in which the matrix engine waited for its tables or its pipeline"),
    ("VECTOR", "cycles of the vector unit, and those in which a matrix waits for activation codes of it"),
    ("ATTENTION", "cycles of the attention unit that did not wait for memory"),
    ("ATTENTION_DATA", "cycles in which the attention unit waited for K or V"),
    ("STORE", "cycles that waited for stores to be acknowledged"),
];

/// The registers that tell what a device is: `(offset, value)`, constant for a configuration.
pub fn identity(config: &Config) -> [(u32, u32); 5] {
    let (hash, beat) = (config.hash(), config.beat_bytes() as u32);
    [
        (offset::ID, ID),
        (offset::VERSION, VERSION),
        (offset::CONFIG_HASH, hash as u32),
        (offset::CONFIG_HASH + 4, (hash >> 32) as u32),
        (offset::SHAPE, config.rows | (config.lanes << 8) | (beat << 16) | (config.ports << 24)),
    ]
}

/// The whole table of a configuration, by offset.
pub fn table(config: &Config) -> Vec<Register> {
    use Access::{ReadOnly, ReadWrite, WriteOne};
    let mut all = Vec::new();
    let mut add = |name: &str, offset: u32, access: Access, doc: &str| {
        all.push(Register { name: name.into(), offset, access, doc: doc.into() });
    };
    add("ID", offset::ID, ReadOnly, "0x4e525453, \"STRN\" in memory order");
    add("VERSION", offset::VERSION, ReadOnly, "version of the contract between host and device");
    add("CONFIG_HASH_LOW", offset::CONFIG_HASH, ReadOnly, "low half of the configuration's hash");
    add("CONFIG_HASH_HIGH", offset::CONFIG_HASH + 4, ReadOnly, "high half of the configuration's hash");
    add("SHAPE", offset::SHAPE, ReadOnly, "7:0 rows, 15:8 lanes, 23:16 beat bytes, 31:24 ports");
    add("CONTROL", offset::CONTROL, WriteOne, "bit 0 starts a step, bit 1 clears error and interrupt");
    add("STATUS", offset::STATUS, ReadOnly, "bit 0 busy, bit 1 done, bit 2 error");
    add(
        "ERROR",
        offset::ERROR,
        ReadOnly,
        "7:0 code, 15:8 block, 31:16 detail; the first error stays until cleared",
    );
    add("IRQ_ENABLE", offset::IRQ_ENABLE, ReadWrite, "bit 0: irq is high while done or error is set");
    add("PROGRAM_BASE", offset::PROGRAM_BASE, ReadWrite, "first beat of the step stream");
    add("PROGRAM_BEATS", offset::PROGRAM_BEATS, ReadWrite, "beats of the step stream");
    add("ROWS", offset::ROWS, ReadWrite, "rows of the step");
    add("RESULT_BASE", offset::RESULT_BASE, ReadWrite, "first beat of the logits");
    add("RESULT_STRIDE", offset::RESULT_STRIDE, ReadWrite, "beats from one row's logits to the next");
    add("KV_SCALE_BEATS", offset::KV_SCALE_BEATS, ReadWrite, "beats of one array of KV scales");
    add("KV_DATA_BEATS", offset::KV_DATA_BEATS, ReadWrite, "beats of one array of KV codes");
    for p in 0..config.ports {
        let at = offset::PORT_BASE + 8 * p;
        add(
            &format!("PORT_BASE_{p}_LOW"),
            at,
            ReadWrite,
            "low half of a port's base address, a multiple of 4096",
        );
        add(&format!("PORT_BASE_{p}_HIGH"), at + 4, ReadWrite, "high half of a port's base address");
    }
    for r in 0..config.rows {
        let at = offset::ROW + ROW_BYTES * r;
        add(&format!("ROW_{r}_TOKEN"), at, ReadWrite, "token of the row");
        add(&format!("ROW_{r}_POSITION"), at + 4, ReadWrite, "position of the row in its sequence");
        add(
            &format!("ROW_{r}_KV_BASE"),
            at + 8,
            ReadWrite,
            "first beat of the KV cache of the row's sequence",
        );
        add(&format!("ROW_{r}_FLAGS"), at + 12, ReadWrite, "bit 0: the row asks for logits");
    }
    for (i, (name, doc)) in COUNTERS.iter().enumerate() {
        add(&format!("COUNT_{name}"), offset::COUNTER + 4 * i as u32, ReadOnly, doc);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_collide() {
        let config = Config { rows: 16, ports: 4, ..Config::preset("tiny").unwrap() };
        let all = table(&config);
        for pair in all.windows(2) {
            assert!(pair[0].offset + 4 <= pair[1].offset, "{pair:?}");
        }
        assert!(all.iter().all(|r| r.offset < offset::TOPK));
        const { assert!(offset::TOPK + 16 * TOPK_ROW_BYTES <= SPACE) };
    }

    #[test]
    fn the_map_of_tiny() {
        let text: Vec<String> = table(&Config::preset("tiny").unwrap())
            .iter()
            .map(|r| format!("{:#05x} {:?} {}: {}", r.offset, r.access, r.name, r.doc))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }
}
