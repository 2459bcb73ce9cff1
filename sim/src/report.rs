//! Where golden model and Verilog differ, in words: the report is the debugger.

use std::fmt;

use sterna_spec::golden::Write;
use sterna_spec::isa::DstKind;

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A word of the vector unit or a scalar: kind, address (word, scalar or first id) and lane.
    Write {
        /// [`DstKind`], or a kind of [`Write`].
        kind: u8,
        /// Word, scalar index or first id.
        address: u32,
        /// Element of the word.
        lane: usize,
    },
    /// Kind, row or address of a write: the whole write differs, not only its value.
    Order,
    /// What passes from block to block: its name in `sterna_hdl::observe`, and which of them; for `stored` the byte, counted over the
    /// beats of all ports.
    Passage {
        /// Name.
        name: &'static str,
        /// Number, from 0.
        number: u64,
    },
    /// Who takes a beat of the step stream: a unit that has too much or too little of its payload.
    Payload {
        /// Instance of the unit.
        block: &'static str,
    },
    /// A byte of memory.
    Memory {
        /// Physical address.
        address: u64,
    },
    /// How the step ended: STATUS or the code of ERROR.
    End {
        /// The block that the Verilog's ERROR names, as `sterna_spec::registers::ERROR_BLOCKS` numbers them; 0 for none.
        block: u8,
    },
    /// A register.
    Register {
        /// Byte offset.
        offset: u32,
    },
}

/// A write, for reports.
pub(crate) fn describe(kind: u8, row: u32, address: u32) -> String {
    let place = match DstKind::from_bits(kind.into()) {
        Some(DstKind::Vmem) => format!("v[{address}]"),
        Some(DstKind::Sreg) => format!("s[{address}]"),
        Some(DstKind::Act) => format!("act[{address}]"),
        Some(DstKind::Query) => format!("query[{address}]"),
        Some(DstKind::Kv) => format!("KV codes, word {address}"),
        Some(DstKind::KvScale) => format!("KV scale of head {address}"),
        Some(DstKind::Topk) => format!("candidates from id {address}"),
        Some(DstKind::Logits) => format!("logits from id {address}"),
        _ if kind == Write::MATRIX => format!("acc[{address}]"),
        _ if kind == Write::ATTENTION => format!("att[{address}]"),
        _ if kind == Write::SCALAR => format!("s[{address}] by a reduction"),
        _ if kind == Write::WEIGHTS => format!("s[{address}] by attention"),
        _ => format!("kind {kind}, address {address}"),
    };
    format!("{place} of row {row}")
}

/// The first difference between golden model and Verilog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Seed of the simulation.
    pub seed: u64,
    /// Name of the configuration.
    pub preset: String,
    /// Step, counted from 0.
    pub step: u64,
    /// Name of the layer or operation, where the host gave names.
    pub layer: Option<String>,
    /// Instruction of the step, counted from 0, where one is known.
    pub instruction: Option<u32>,
    /// The instruction in words.
    pub disassembly: Option<String>,
    /// Row of the step, where one is known.
    pub row: Option<u32>,
    /// Instance of the top that it points at.
    pub block: &'static str,
    /// The signal that showed it.
    pub signal: String,
    /// What differs.
    pub place: Place,
    /// What the golden model has.
    pub expected: String,
    /// What the Verilog has.
    pub got: String,
    /// Cycle in which the Verilog showed it, or in which the step's end was seen.
    pub cycle: u64,
    /// The command that reproduces it with a waveform, where the caller gave one.
    pub reproduce: Option<String>,
}

/// Words of an element in the golden model's log.
pub(crate) fn words_of(kind: u8) -> usize {
    if matches!(kind, Write::MATRIX | Write::ATTENTION) { 2 } else { 1 }
}

/// A value as the golden model's log has it: codes and integers as numbers, everything else as bits and binary32.
pub(crate) fn value(kind: u8, words: &[u32]) -> String {
    let bits = match words {
        [] => return "no such element".into(),
        [low, high] => return (u64::from(*low) | u64::from(*high) << 32).cast_signed().to_string(),
        [bits, ..] => *bits,
    };
    match DstKind::from_bits(kind.into()) {
        Some(DstKind::Act | DstKind::Query | DstKind::Kv) => format!("{bits:#010x} ({})", bits as i32),
        _ => format!("{bits:#010x} ({:e})", f32::from_bits(bits)),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Write { kind, address, lane } => {
                let full = describe(*kind, 0, *address);
                write!(f, "{}, element {lane}", full.trim_end_matches(" of row 0"))
            }
            Place::Order => write!(f, "the sequence of writes"),
            Place::Passage { name: "stored", number } => write!(f, "byte {number:#x} that is stored"),
            Place::Passage { name, number } => write!(f, "number {number} of what passes as \"{name}\""),
            Place::Payload { block } => write!(f, "the end of the payload of {block}"),
            Place::Memory { address } => write!(f, "memory at {address:#x}"),
            Place::End { block: 0 } => write!(f, "the end of the step"),
            Place::End { block } => write!(f, "the end of the step, with an error of block {block}"),
            Place::Register { offset } => write!(f, "register {offset:#x}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the Verilog differs from the golden model")?;
        let mut line = |name: &str, text: &str| writeln!(f, "  {name:<12} {text}");
        line("preset", &format!("{}, seed {}", self.preset, self.seed))?;
        line("step", &self.step.to_string())?;
        if let Some(layer) = &self.layer {
            line("layer", layer)?;
        }
        if let Some(number) = self.instruction {
            let text = self.disassembly.as_deref().unwrap_or("(cannot be decoded)");
            line("instruction", &format!("{number}: {text}"))?;
        }
        if let Some(row) = self.row {
            line("row", &row.to_string())?;
        }
        line("where", &self.place.to_string())?;
        line("block", &format!("{}, signal {}", self.block, self.signal))?;
        line("expected", &self.expected)?;
        line("got", &self.got)?;
        line("cycle", &self.cycle.to_string())?;
        if let Some(command) = &self.reproduce {
            line("reproduce", command)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_it_all() {
        let report = Mismatch {
            seed: 7,
            preset: "tiny".into(),
            step: 3,
            layer: Some("layer 2, attention output".into()),
            instruction: Some(41),
            disassembly: Some("vector v[8] x1x4 <- acc[0]".into()),
            row: Some(1),
            block: "lanes",
            signal: "sterna.lanes.lane2.z".into(),
            place: Place::Write { kind: 1, address: 9, lane: 2 },
            expected: value(1, &[1.5f32.to_bits()]),
            got: value(1, &[(-1.5f32).to_bits()]),
            cycle: 12345,
            reproduce: Some("sterna run --trace t.fst --trace-from 12245 --trace-to 12355".into()),
        };
        insta::assert_snapshot!(report, @r"
        the Verilog differs from the golden model
          preset       tiny, seed 7
          step         3
          layer        layer 2, attention output
          instruction  41: vector v[8] x1x4 <- acc[0]
          row          1
          where        v[9], element 2
          block        lanes, signal sterna.lanes.lane2.z
          expected     0x3fc00000 (1.5e0)
          got          0xbfc00000 (-1.5e0)
          cycle        12345
          reproduce    sterna run --trace t.fst --trace-from 12245 --trace-to 12355
        ");
        let short = Mismatch {
            layer: None,
            instruction: None,
            disassembly: None,
            row: None,
            block: "keep",
            signal: "sterna.keep.w_data".into(),
            place: Place::Memory { address: 0x1234 },
            expected: "0x12".into(),
            got: "0x13".into(),
            reproduce: None,
            ..report
        };
        insta::assert_snapshot!(short, @r"
        the Verilog differs from the golden model
          preset       tiny, seed 7
          step         3
          where        memory at 0x1234
          block        keep, signal sterna.keep.w_data
          expected     0x12
          got          0x13
          cycle        12345
        ");
    }
}
