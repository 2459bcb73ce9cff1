//! The golden model: the accelerator in plain Rust, and itself a [`Device`].
//!
//! It executes step streams from its memory exactly as `docs/architecture.md` says; the hardware equals it bit for bit.
//! An optional log of every result of the vector and attention units ([`Write`]) is what lockstep simulation compares.

mod attention;
pub mod bridge;
mod matmul;
mod memory;
mod step;
mod vector;

use crate::config::Config;
use crate::device::{Device, DeviceError};
use crate::isa::{Beside, During};
use crate::layout::KvLayout;
use crate::registers::{self, ErrorCode, control, offset, status};
use attention::Attention;
use memory::Memory;

/// One result of the vector unit (a word) or a scalar written by a reduction or by the attention unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Instruction of the step, counted from 0.
    pub instruction: u32,
    /// Row of the step.
    pub row: u32,
    /// [`crate::isa::DstKind`] of the result, or one of the kinds below.
    pub kind: u8,
    /// Word (for scalars: index; for ids: first id).
    pub address: u32,
    /// Bits of each lane (codes sign-extended), one for a scalar.
    pub data: Vec<u32>,
}

impl Write {
    /// Kind of a scalar written by a reduction.
    pub const SCALAR: u8 = 15;
    /// Kind of a word of accumulators that a vector instruction reads: integers of 64 bits, the low half first.
    pub const MATRIX: u8 = 16;
    /// The same of attention's sums.
    pub const ATTENTION: u8 = 17;
    /// Kind of a word that LOAD or GATHER puts into vector memory of a row.
    pub const LOADED: u8 = 18;
    /// The same into shared memory, of row 0 for LOAD.
    pub const SHARED: u8 = 19;
    /// Kind of a scalar written by the attention unit.
    pub const WEIGHTS: u8 = 20;
}

/// Bytes that an instruction stores to memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Instruction of the step, counted from 0.
    pub instruction: u32,
    /// Row of the step.
    pub row: u32,
    /// First byte, counted over the beats of all ports.
    pub start: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a row keeps inside the device.
#[derive(Clone, Debug)]
struct Row {
    vmem: Vec<f32>,
    scalars: Vec<f32>,
    acc: Vec<i32>,
    att: Vec<i64>,
    act: Vec<i8>,
    query: Vec<i16>,
    topk: Vec<(f32, u32)>,
    open: Open,
}

/// Reductions that go on in a later instruction.
#[derive(Clone, Debug, Default)]
struct Open {
    /// Bits of the largest magnitude so far.
    largest: u32,
    /// What was squared so far.
    squared: Vec<f32>,
}

/// The accelerator in plain Rust.
#[derive(Clone, Debug)]
pub struct Golden {
    config: Config,
    memory: Memory,
    registers: Vec<u32>,
    rows: Vec<Row>,
    cmem: Vec<f32>,
    log: Option<Vec<Write>>,
    /// Integers that vector instructions read, while there is a log.
    reads: Vec<Write>,
    /// Words that were loaded, and bytes that were stored, while there is a log.
    loads: Vec<Write>,
    stores: Vec<Stored>,
    instruction: u32,
    beside: Beside,
    /// The ATTN that VECTORs run beside.
    during: Option<During>,
    /// The same while it has not been executed.
    pending: Option<Attention>,
    /// Rows of an instruction whose maxima and sums go on, and which of the two it has.
    open: Option<(Vec<usize>, [bool; 2])>,
}

impl Golden {
    /// A device of this configuration (which must be legal) with empty memory.
    pub fn new(config: &Config) -> Self {
        let c = config;
        let lanes = c.lanes as usize;
        let row = Row {
            vmem: vec![0.0; c.vector_words as usize * lanes],
            scalars: vec![0.0; c.scalars as usize],
            acc: vec![0; c.outputs as usize],
            att: vec![0; (c.heads * c.head_size) as usize],
            act: vec![0; (c.activations as usize).next_multiple_of(c.chunk())],
            query: vec![0; (c.heads * c.head_size) as usize],
            topk: Vec::new(),
            open: Open::default(),
        };
        Golden {
            config: c.clone(),
            memory: Memory::default(),
            registers: vec![0; registers::SPACE as usize / 4],
            rows: vec![row; c.rows as usize],
            cmem: vec![0.0; c.shared_words as usize * lanes],
            log: None,
            reads: Vec::new(),
            loads: Vec::new(),
            stores: Vec::new(),
            instruction: 0,
            beside: Beside::default(),
            during: None,
            pending: None,
            open: None,
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Starts (or stops) recording every result.
    pub fn record(&mut self, on: bool) {
        self.log = on.then(Vec::new);
    }

    /// Takes the words of integers that vector instructions read since the last call of this or of [`Golden::take_log`].
    pub fn take_reads(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.reads)
    }

    /// Takes the words that LOAD and GATHER put into memories, and the bytes that were stored, since the last call of this or of
    /// [`Golden::take_log`].
    pub fn take_transfers(&mut self) -> (Vec<Write>, Vec<Stored>) {
        (std::mem::take(&mut self.loads), std::mem::take(&mut self.stores))
    }

    /// Takes what was recorded since the last call.
    pub fn take_log(&mut self) -> Vec<Write> {
        self.reads.clear();
        self.loads.clear();
        self.stores.clear();
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Bytes of memory in use.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.len()
    }

    fn register(&self, offset: u32) -> u32 {
        self.registers[offset as usize / 4]
    }

    fn note(&mut self, row: usize, kind: u8, address: usize, data: impl Iterator<Item = u32>) {
        if let Some(log) = &mut self.log {
            let (row, address) = (row as u32, address as u32);
            log.push(Write { instruction: self.instruction, row, kind, address, data: data.collect() });
        }
    }

    /// Records words of binary32 that are loaded from word `first` on.
    fn note_loads(&mut self, row: usize, kind: u8, first: usize, values: &[f32]) {
        if self.log.is_none() {
            return;
        }
        let (instruction, row) = (self.instruction, row as u32);
        for (word, lanes) in (first as u32..).zip(values.chunks(self.config.lanes as usize)) {
            let data = lanes.iter().map(|x| x.to_bits()).collect();
            self.loads.push(Write { instruction, row, kind, address: word, data });
        }
    }

    /// The KV cache's areas as the registers describe them, for heads of `segments` segments.
    fn kv_layout(&self, segments: usize) -> KvLayout {
        KvLayout {
            scale_beats: self.register(offset::KV_SCALE_BEATS) as usize,
            data_beats: self.register(offset::KV_DATA_BEATS) as usize,
            segments,
        }
    }

    /// `kind`: who writes it, for the log.
    fn set_scalar(&mut self, row: usize, kind: u8, index: usize, value: f32) -> Result<(), ErrorCode> {
        *self.rows[row].scalars.get_mut(index).ok_or(ErrorCode::IllegalInstruction)? = value;
        self.note(row, kind, index, std::iter::once(value.to_bits()));
        Ok(())
    }

    fn start(&mut self) {
        self.registers[offset::STATUS as usize / 4] = status::DONE;
        if let Err(code) = self.step() {
            self.registers[offset::STATUS as usize / 4] |= status::ERROR;
            self.registers[offset::ERROR as usize / 4] = code as u32 | 1 << 8 | self.instruction << 16;
        }
    }

    fn selected(&self, at: u32) -> u32 {
        let (row, word) = ((at / registers::TOPK_ROW_BYTES) as usize, at % registers::TOPK_ROW_BYTES / 4);
        let pair = self.rows.get(row).and_then(|r| r.topk.get(word as usize / 2));
        match (pair, word % 2) {
            (None, 0) => u32::MAX,
            (None, _) => f32::NEG_INFINITY.to_bits(),
            (Some((_, id)), 0) => *id,
            (Some((logit, _)), _) => logit.to_bits(),
        }
    }
}

impl Device for Golden {
    fn read_register(&mut self, at: u32) -> Result<u32, DeviceError> {
        if !at.is_multiple_of(4) || at >= registers::SPACE {
            return Err(DeviceError::Register(at));
        }
        if at >= offset::TOPK {
            return Ok(self.selected(at - offset::TOPK));
        }
        let constant = registers::identity(&self.config).into_iter().find(|(offset, _)| *offset == at);
        Ok(constant.map_or_else(|| self.register(at), |(_, value)| value))
    }

    fn write_register(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        if !at.is_multiple_of(4) || at >= registers::SPACE {
            return Err(DeviceError::Register(at));
        }
        match at {
            offset::CONTROL => {
                if value & control::CLEAR != 0 {
                    self.registers[offset::STATUS as usize / 4] = 0;
                    self.registers[offset::ERROR as usize / 4] = 0;
                }
                if value & control::START != 0 {
                    self.start();
                }
            }
            offset::IRQ_ENABLE..offset::COUNTER => self.registers[at as usize / 4] = value,
            _ => {}
        }
        Ok(())
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.memory.read(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.memory.write(address, bytes)
    }

    fn wait(&mut self) -> Result<(), DeviceError> {
        Ok(())
    }

    fn reserve_memory(&mut self, bytes: u64) -> Result<(), DeviceError> {
        self.memory.grow(bytes)
    }
}
