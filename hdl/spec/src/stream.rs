//! Builds step streams: instructions and payloads, each on a beat.

use crate::config::Config;
use crate::isa::{Beside, Instruction, Pass, Vector};
use crate::layout::{MatrixShape, pack_rows};

/// An instruction of a stream whose payload is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlined {
    /// The beat at which it stands, counted from the stream's first.
    pub beat: usize,
    /// The instruction.
    pub instruction: Instruction,
    /// Query heads of each pass of an ATTN.
    pub heads: Vec<u8>,
}

/// A step stream under construction.
#[derive(Clone, Debug)]
pub struct StreamBuilder<'c> {
    config: &'c Config,
    bytes: Vec<u8>,
    /// Where the stream begins in `bytes`.
    start: usize,
    beside: Beside,
    /// Instructions and the number of beats, if these stand for the bytes.
    outline: Option<(Vec<Outlined>, usize)>,
}

impl<'c> StreamBuilder<'c> {
    /// An empty stream for a device of this configuration.
    pub fn new(config: &'c Config) -> Self {
        StreamBuilder::behind(config, Vec::new())
    }

    /// An empty stream that is appended to `bytes`, whole beats of something else.
    pub fn behind(config: &'c Config, bytes: Vec<u8>) -> Self {
        StreamBuilder { config, start: bytes.len(), bytes, beside: Beside::default(), outline: None }
    }

    /// An empty stream that keeps instructions and counts beats, and makes no bytes: what a program takes is known in
    /// milliseconds, whatever the size of its matrices.
    pub fn outline(config: &'c Config) -> Self {
        StreamBuilder { outline: Some((Vec::new(), 0)), ..StreamBuilder::new(config) }
    }

    /// The instructions of an outline; none of other streams.
    pub fn outlined(self) -> Vec<Outlined> {
        self.outline.map_or(Vec::new(), |(instructions, _)| instructions)
    }

    /// Whether no bytes are made.
    pub fn is_outline(&self) -> bool {
        self.outline.is_some()
    }

    /// Bytes of the stream so far, whole beats.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Beats so far.
    pub fn beats(&self) -> usize {
        let made = self.bytes().len() / self.config.beat_bytes();
        self.outline.as_ref().map_or(made, |(_, beats)| *beats)
    }

    /// The finished bytes, with what the stream was appended to.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends raw payload, padded with zeros to whole beats.
    pub fn payload(&mut self, bytes: &[u8]) {
        if let Some((_, beats)) = &mut self.outline {
            *beats += bytes.len().div_ceil(self.config.beat_bytes());
            return;
        }
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(self.config.beat_bytes()), 0);
    }

    /// Appends an instruction without payload.
    pub fn push(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Vector(v) => self.beside.vector(&v, self.config.rows),
            Instruction::Matmul { beside, .. } => self.beside.matmul(beside),
            Instruction::Load { beside, .. } => self.beside.load(beside),
            _ => self.beside.wait(),
        }
        if let Some((instructions, beats)) = &mut self.outline {
            instructions.push(Outlined { beat: *beats, instruction, heads: Vec::new() });
        }
        self.payload(&instruction.encode());
    }

    /// Appends a vector instruction.
    pub fn vector(&mut self, vector: Vector) {
        self.push(Instruction::Vector(vector));
    }

    /// Appends LOAD of values to shared memory word `dst`, padded with zeros to whole words. It runs beside the VECTORs before it if that
    /// is legal.
    pub fn load(&mut self, dst: u16, values: &[f32]) {
        let words = values.len().div_ceil(self.config.lanes as usize);
        let beside = self.beside.allows_load(&(dst.into()..usize::from(dst) + words));
        let load = Instruction::Load { words: words as u16, dst, beside };
        self.push(load);
        if self.is_outline() {
            if let Some((_, beats)) = &mut self.outline {
                *beats += crate::layout::beats(self.config, 4 * words * self.config.lanes as usize);
            }
            return;
        }
        let mut padded = values.to_vec();
        padded.resize(words * self.config.lanes as usize, 0.0);
        self.payload(&padded.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
    }

    /// Appends MATMUL of `planes` ternary planes to the accumulators from the first on, most significant plane first;
    /// `weight(plane, output, input)` gives a trit, plane 0 the most significant.
    pub fn matmul(
        &mut self,
        outputs: usize,
        inputs: usize,
        planes: u8,
        weight: impl Fn(u8, usize, usize) -> i8 + Sync,
    ) {
        let row = |plane, n, row: &mut [i8]| (0..inputs).for_each(|k| row[k] = weight(plane, n, k));
        self.matmul_rows(0, outputs, inputs, planes, row);
    }

    /// As [`StreamBuilder::matmul`], to the accumulators from word `dst` on, from whole rows: `fill(plane, output, row)` writes the
    /// trits of `row`. It runs beside the VECTORs before it if that is legal.
    pub fn matmul_rows(
        &mut self,
        dst: u16,
        outputs: usize,
        inputs: usize,
        planes: u8,
        fill: impl Fn(u8, usize, &mut [i8]) + Sync,
    ) {
        let shape = MatrixShape::new(self.config, outputs, inputs);
        let (blocks, chunks) = (shape.blocks as u16, shape.chunks as u16);
        let words = shape.outputs(self.config).div_ceil(self.config.lanes as usize);
        let beside = self.beside.allows_matmul(&(dst.into()..usize::from(dst) + words));
        self.push(Instruction::Matmul { blocks, chunks, planes, dst, beside });
        if let Some((_, beats)) = &mut self.outline {
            *beats += usize::from(planes) * shape.plane_beats();
            return;
        }
        for plane in 0..planes {
            pack_rows(self.config, outputs, inputs, |n, row| fill(plane, n, row), &mut self.bytes);
        }
    }

    /// Appends ATTN and its passes. `window`: tokens that a row attends to, 0 for all. `scalars`: first SREG of query
    /// scales, weight maxima, sums.
    pub fn attention(&mut self, passes: &[Pass], segments: u16, window: u16, scalars: [u8; 3], addr: u32) {
        let [scale, smax, ssum] = scalars;
        let (beside, queries) = (false, 0);
        let attention =
            Instruction::Attn { passes: 0, segments, window, scale, smax, ssum, addr, beside, queries };
        self.attention_of(passes, attention);
    }

    /// Appends an ATTN and its passes, which it counts.
    pub fn attention_of(&mut self, passes: &[Pass], mut attention: Instruction) {
        if let Instruction::Attn { passes: count, .. } = &mut attention {
            *count = passes.len() as u16;
        }
        self.push(attention);
        if let Some(last) = self.outline.as_mut().and_then(|(instructions, _)| instructions.last_mut()) {
            last.heads = passes.iter().map(|pass| pass.heads.len() as u8).collect();
        }
        passes.iter().for_each(|p| self.payload(&p.encode()));
    }
}
