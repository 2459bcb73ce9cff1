//! One step: reads the stream from its first beat to its last and executes it.

use super::attention::Attention;
use super::{Golden, Open, Stored, Write};
use crate::device::DeviceError;
use crate::isa::{INSTRUCTION_BYTES, Instruction, Pass, Vector};
use crate::registers::{self, ErrorCode, offset};

/// What a row's registers say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub token: u32,
    pub position: u32,
    pub kv_base: u32,
    pub logits: bool,
}

/// The step stream with a place in it.
pub(super) struct Stream {
    bytes: Vec<u8>,
    at: usize,
    beat: usize,
}

impl Stream {
    /// The next `len` bytes; the place moves on to the next beat.
    pub(super) fn take(&mut self, len: usize) -> Result<&[u8], ErrorCode> {
        let start = self.at;
        self.at += len.next_multiple_of(self.beat);
        if self.at > self.bytes.len() {
            return Err(ErrorCode::StreamEnd);
        }
        Ok(&self.bytes[start..start + len])
    }

    fn slot(&mut self) -> Result<[u8; INSTRUCTION_BYTES], ErrorCode> {
        let slot = self.take(INSTRUCTION_BYTES)?;
        slot.try_into().map_err(|_| ErrorCode::StreamEnd)
    }
}

impl From<DeviceError> for ErrorCode {
    /// The golden model's memory refuses what a real one would answer with an error response.
    fn from(_: DeviceError) -> Self {
        ErrorCode::ReadResponse
    }
}

impl Golden {
    pub(super) fn bases(&self) -> Vec<u64> {
        let base = |p: u32| {
            let at = offset::PORT_BASE + 8 * p;
            u64::from(self.register(at)) | u64::from(self.register(at + 4)) << 32
        };
        (0..self.config.ports).map(base).collect()
    }

    pub(super) fn descriptor(&self, row: usize) -> Descriptor {
        let at = offset::ROW + registers::ROW_BYTES * row as u32;
        Descriptor {
            token: self.register(at),
            position: self.register(at + 4),
            kv_base: self.register(at + 8),
            logits: self.register(at + 12) & registers::ROW_LOGITS != 0,
        }
    }

    /// The step's rows; with `head` only those that ask for logits.
    pub(super) fn active(&self, head: bool) -> Vec<usize> {
        let rows = self.register(offset::ROWS) as usize;
        (0..rows).filter(|&r| !head || self.descriptor(r).logits).collect()
    }

    /// Reads `len` bytes from a beat on.
    pub(super) fn beats(&self, beat: u64, len: usize) -> Result<Vec<u8>, ErrorCode> {
        let mut bytes = vec![0; len];
        let start = beat * self.config.beat_bytes() as u64;
        self.memory.read_logical(&self.config, &self.bases(), start, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes bytes of a row from a byte of a beat on.
    pub(super) fn store(
        &mut self,
        row: usize,
        beat: u64,
        byte: usize,
        bytes: &[u8],
    ) -> Result<(), ErrorCode> {
        let start = beat * self.config.beat_bytes() as u64 + byte as u64;
        if self.log.is_some() {
            let (instruction, row) = (self.instruction, row as u32);
            self.stores.push(Stored { instruction, row, start, bytes: bytes.to_vec() });
        }
        let bases = self.bases();
        self.memory.write_logical(&self.config, &bases, start, bytes).map_err(|_| ErrorCode::WriteResponse)
    }

    pub(super) fn step(&mut self) -> Result<(), ErrorCode> {
        self.instruction = 0;
        let rows = self.register(offset::ROWS);
        if rows == 0 || rows > self.config.rows {
            return Err(ErrorCode::Rows);
        }
        if (0..rows).any(|r| self.descriptor(r as usize).position >= self.config.context) {
            return Err(ErrorCode::Position);
        }
        for row in &mut self.rows {
            row.topk.clear();
            row.open = Open::default();
        }
        self.open = None;
        self.beside.wait();
        (self.during, self.pending) = (None, None);
        let beat = self.config.beat_bytes();
        let len = self.register(offset::PROGRAM_BEATS) as usize * beat;
        if len as u64 > self.memory_bytes() {
            return Err(ErrorCode::ReadResponse);
        }
        let bytes = self.beats(self.register(offset::PROGRAM_BASE).into(), len)?;
        let mut stream = Stream { bytes, at: 0, beat };
        loop {
            let slot = stream.slot()?;
            let instruction = Instruction::decode(&slot).map_err(|_| ErrorCode::IllegalInstruction)?;
            if !self.execute(instruction, &mut stream)? {
                return Ok(());
            }
            self.instruction += 1;
        }
    }

    /// Executes one instruction; `false` ends the step.
    fn execute(&mut self, instruction: Instruction, stream: &mut Stream) -> Result<bool, ErrorCode> {
        match instruction {
            Instruction::Load { .. } | Instruction::Matmul { .. } | Instruction::Vector(_) => {}
            _ => self.beside.wait(),
        }
        if !matches!(instruction, Instruction::Vector(Vector { after: 0, .. })) {
            self.attend_now()?;
        }
        if !matches!(instruction, Instruction::Vector(_)) {
            self.during = None;
        }
        match instruction {
            Instruction::Load { words: 0, .. }
            | Instruction::Gather { words: 0, .. }
            | Instruction::Matmul { chunks: 0, .. }
            | Instruction::Attn { passes: 0, .. } => return Err(ErrorCode::IllegalInstruction),
            Instruction::End { body } => return Ok(body && !self.active(true).is_empty()),
            Instruction::Load { words, dst, beside } => self.load(words, dst, beside, stream)?,
            Instruction::Gather { .. } => self.gather(instruction)?,
            Instruction::Matmul { .. } => self.matmul(instruction, stream)?,
            Instruction::Vector(vector) => {
                self.beside.vector(&vector, self.config.rows);
                if let Some(during) = &mut self.during {
                    if !during.allows(&vector) {
                        return Err(ErrorCode::IllegalInstruction);
                    }
                    during.vector(&vector);
                }
                self.vector(&vector)?;
            }
            Instruction::Attn { passes, segments, window, scale, smax, ssum, addr, beside, queries } => {
                let passes = (0..passes)
                    .map(|_| stream.slot().map(|s| Pass::decode(&s)))
                    .collect::<Result<Vec<_>, _>>()?;
                if beside && self.config.lends_units() {
                    return Err(ErrorCode::IllegalInstruction);
                }
                let (scalars, instruction) = ([scale, smax, ssum].map(usize::from), self.instruction);
                let (segments, window) = (segments.into(), window.into());
                let attention = Attention { instruction, passes, segments, window, scalars, addr };
                self.attention(attention, beside, queries)?;
            }
        }
        Ok(true)
    }

    fn load(&mut self, words: u16, dst: u16, beside: bool, stream: &mut Stream) -> Result<(), ErrorCode> {
        let writes = usize::from(dst)..usize::from(dst) + usize::from(words);
        if beside && !self.beside.allows_load(&writes) {
            return Err(ErrorCode::IllegalInstruction);
        }
        self.beside.load(beside);
        let lanes = self.config.lanes as usize;
        let values = floats(stream.take(usize::from(words) * lanes * 4)?);
        self.note_loads(0, Write::SHARED, dst.into(), &values);
        put(&mut self.cmem, usize::from(dst) * lanes, &values)
    }

    fn gather(&mut self, instruction: Instruction) -> Result<(), ErrorCode> {
        let Instruction::Gather { words, by_position, shared, dst, row_stride, addr, stride } = instruction
        else {
            return Err(ErrorCode::IllegalInstruction);
        };
        let lanes = self.config.lanes as usize;
        for row in self.active(false) {
            let descriptor = self.descriptor(row);
            let index = if by_position { descriptor.position } else { descriptor.token };
            let beat = u64::from(addr) + u64::from(index) * u64::from(stride);
            let values = floats(&self.beats(beat, usize::from(words) * lanes * 4)?);
            let dst = usize::from(dst);
            if shared {
                let dst = dst + row * usize::from(row_stride);
                self.note_loads(row, Write::SHARED, dst, &values);
                put(&mut self.cmem, dst * lanes, &values)?;
            } else {
                self.note_loads(row, Write::LOADED, dst, &values);
                put(&mut self.rows[row].vmem, dst * lanes, &values)?;
            }
        }
        Ok(())
    }
}

fn put(memory: &mut [f32], at: usize, values: &[f32]) -> Result<(), ErrorCode> {
    let place = memory.get_mut(at..at + values.len()).ok_or(ErrorCode::IllegalInstruction)?;
    place.copy_from_slice(values);
    Ok(())
}

/// Little-endian binary32 values.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}
