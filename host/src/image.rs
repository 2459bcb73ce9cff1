//! What a device needs to run a model: one block of memory and the registers that describe it.
//!
//! ```text
//! beat 0   embedding rows    one a token, binary32, whole beats
//!          rotary rows       one a position: d cosines, d signed sines
//!          step program      body, END, head (top k), END
//!          logits program    the head again, which also stores every logit, END
//!          ---- end of what is written before the first step ----
//!          second pass       room for the program that looks at what a step selected once more
//!          KV cache          one area a sequence
//!          logits            one area a row
//! ```

use crate::compile::listing::instructions;
use std::ops::Range;
use sterna_spec::config::Config;
use sterna_spec::isa::Instruction;
use sterna_spec::layout::{KvLayout, beats};
use sterna_spec::registers::offset;

/// A range of beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// First beat.
    pub base: usize,
    /// Number of beats.
    pub beats: usize,
}

impl Region {
    /// The first beat behind the region.
    pub fn end(&self) -> usize {
        self.base + self.beats
    }
}

/// Where everything lies, in beats.
#[derive(Debug, Clone)]
pub struct Map {
    /// Embedding rows.
    pub embedding: Region,
    /// Rotary rows.
    pub rotary: Region,
    /// The whole step.
    pub step: Region,
    /// The head once more, with LOGITS: to be run right after a whole step, on what that left behind.
    pub logits: Region,
    /// Room for the head's second pass; none if the first decides.
    pub refine: Region,
    /// The KV caches of all sequences.
    pub kv: Region,
    /// Beats of one sequence's KV cache.
    pub kv_stride: usize,
    /// Areas inside a KV cache.
    pub kv_layout: KvLayout,
    /// Logits.
    pub result: Region,
    /// Beats of one row's logits.
    pub result_stride: usize,
}

/// A compiled model.
#[derive(Debug, Clone)]
pub struct Image {
    /// The device that the image is made for.
    pub config: Config,
    /// Where everything lies.
    pub map: Map,
    /// Memory from beat 0 on: tables and programs.
    pub bytes: Vec<u8>,
    /// Names of the programs' parts and the beats, counted from the step's first, at which they begin.
    pub parts: Vec<(usize, String)>,
    /// Physical address of each port's part of beat 0.
    pub port_bases: Vec<u64>,
    /// Positions of a sequence.
    pub context: usize,
    /// Number of sequences that the KV region holds.
    pub sequences: usize,
    /// Number of tokens.
    pub vocab: usize,
}

/// Port regions that lie equal modulo this many bytes fall into the same DRAM banks.
const BANK_PERIOD: u64 = 64 * 1024;
/// AXI bursts may not cross a page, so each base starts one.
const PAGE: u64 = 4096;

/// Bases for `total` beats: regions follow each other, spread evenly over the bank period.
pub(crate) fn port_bases(config: &Config, total: usize) -> Vec<u64> {
    let ports = u64::from(config.ports);
    let length = (total as u64 * u64::from(config.port_bytes)).next_multiple_of(PAGE);
    let spread = (BANK_PERIOD / ports).next_multiple_of(PAGE);
    let stride = length.next_multiple_of(BANK_PERIOD) + spread;
    (0..ports).map(|p| if ports == 1 { 0 } else { p * stride }).collect()
}

impl Image {
    /// Bytes of device memory from address 0 to the end of the last port's region.
    pub fn memory_bytes(&self) -> u64 {
        let port = self.map.result.end() as u64 * u64::from(self.config.port_bytes);
        self.port_bases.iter().max().copied().unwrap_or(0) + port
    }

    /// The ranges of memory that programs write: KV caches and results, of each port.
    pub fn writable(&self) -> Vec<Range<u64>> {
        let width = u64::from(self.config.port_bytes);
        let of = |base: &u64, region: Region| {
            base + region.base as u64 * width..base + region.end() as u64 * width
        };
        let both = |base| [of(base, self.map.kv), of(base, self.map.result)];
        self.port_bases.iter().flat_map(both).collect()
    }

    /// Registers that stay as they are while the model is loaded: `(offset, value)`.
    pub fn registers(&self) -> Vec<(u32, u32)> {
        let mut all = vec![
            (offset::RESULT_BASE, self.map.result.base as u32),
            (offset::RESULT_STRIDE, self.map.result_stride as u32),
            (offset::KV_SCALE_BEATS, self.map.kv_layout.scale_beats as u32),
            (offset::KV_DATA_BEATS, self.map.kv_layout.data_beats as u32),
        ];
        for (port, base) in self.port_bases.iter().enumerate() {
            let at = offset::PORT_BASE + 8 * port as u32;
            all.extend([(at, *base as u32), (at + 4, (*base >> 32) as u32)]);
        }
        all
    }

    /// The bytes of a region of tables or programs.
    pub fn region(&self, region: Region) -> &[u8] {
        let beat = self.config.beat_bytes();
        &self.bytes[region.base * beat..region.end() * beat]
    }

    /// The step's instructions and the beats, counted from the step's first, at which they stand.
    pub fn listing(&self) -> Vec<(usize, Instruction)> {
        instructions(&self.config, self.region(self.map.step))
    }

    /// Names of the step's parts and the number of the instruction at which each begins: what a mismatch report needs.
    pub fn instruction_names(&self) -> Vec<(u32, String)> {
        let listing = self.listing();
        let number = |beat: usize| listing.partition_point(|(at, _)| *at < beat) as u32;
        let step = self.parts.iter().filter(|(beat, _)| *beat < self.map.step.beats);
        step.map(|(beat, name)| (number(*beat), name.clone())).collect()
    }

    /// First beat of a sequence's KV cache.
    pub fn kv_base(&self, sequence: usize) -> usize {
        self.map.kv.base + sequence * self.map.kv_stride
    }
}

/// Beats of a row of `elements` binary32.
pub(crate) fn row_beats(config: &Config, elements: usize) -> usize {
    beats(config, 4 * elements)
}
