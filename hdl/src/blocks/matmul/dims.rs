//! Numbers that the parts of the matrix engine share, all derived from the configuration.

use sterna_spec::config::{Config, TableKind};

use super::table::FIELDS;
use crate::dsl::index_width;

/// Values that one registered adder of the adder tree takes. Two: synthesis turns longer sums into compressors that
/// cost half as much again as carry chains.
pub(super) const ARITY: usize = 2;

/// Dimensions of the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dims {
    /// P.
    pub rows: usize,
    /// G.
    pub group: usize,
    /// T.
    pub tables: usize,
    /// R.
    pub lookups: usize,
    /// V.
    pub lanes: usize,
    /// B.
    pub beat_bytes: usize,
    /// Tables hold the entries of one sign only.
    pub signed: bool,
    /// The part has adders of 48 bits in its multipliers.
    pub wide_adders: bool,
    /// The clock is slow: paths may be long, and area counts.
    pub slow: bool,
    /// Table banks, 1 or 2.
    pub banks: usize,
    /// Entries of a table.
    pub entries: usize,
    /// Bits of an entry.
    pub entry_bits: u32,
    /// Bits of an accumulator.
    pub acc_bits: u32,
    /// V-byte words of a row's activation codes, a last chunk's padding included.
    pub act_words: usize,
    /// Rows that share a memory of codes, a power of two; then a chunk begins with a word.
    pub share: usize,
    /// Accumulators of a row.
    pub outputs: usize,
    /// Most chunks of a matrix.
    pub chunks: usize,
}

impl Dims {
    pub fn new(config: &Config) -> Dims {
        let padded = config.padded_activations();
        Dims {
            rows: config.rows as usize,
            group: config.group as usize,
            tables: config.tables as usize,
            lookups: config.lookups as usize,
            lanes: config.lanes as usize,
            beat_bytes: config.beat_bytes(),
            signed: config.table_kind == TableKind::Signed,
            wide_adders: config.ultrascale(),
            slow: !config.fast_clock(),
            banks: config.table_banks as usize,
            entries: config.table_entries(),
            entry_bits: config.entry_bits(),
            acc_bits: config.acc_bits(),
            act_words: padded.div_ceil(config.lanes as usize),
            share: config.rows_per_code_memory(),
            outputs: config.outputs as usize,
            chunks: padded / config.chunk(),
        }
    }

    /// The first level of the adder trees is made of [`FIELDS`] look-ups at a time.
    pub fn packed(&self) -> bool {
        self.wide_adders && !self.signed && self.lookups.is_multiple_of(FIELDS)
    }

    /// Inputs of a chunk, T*G.
    pub fn chunk(&self) -> usize {
        self.tables * self.group
    }

    /// Bits of the number of an entry.
    pub fn index_bits(&self) -> u32 {
        index_width(self.entries)
    }

    /// Bits of an address of a table: entry and bank.
    pub fn table_address(&self) -> u32 {
        self.index_bits() + self.banks as u32 - 1
    }

    /// Builders of a row. Codes arrive one a cycle and a builder is busy for `entries` cycles, so that this many keep
    /// up with the codes.
    pub fn builders(&self) -> usize {
        self.entries.div_ceil(self.group).min(self.tables)
    }

    /// Tables that one builder makes for a chunk, at most.
    pub fn rounds(&self) -> usize {
        self.tables.div_ceil(self.builders())
    }

    /// Levels of the adder tree, at least one: the accumulator needs the time to read.
    pub fn levels(&self) -> usize {
        let (mut left, mut levels) = (self.tables.div_ceil(ARITY), 1);
        while left > 1 {
            left = left.div_ceil(ARITY);
            levels += 1;
        }
        levels
    }

    /// Bits of the sum of `count` entries (complemented ones in `signed` tables).
    pub fn sum_bits(&self, count: usize) -> u32 {
        let largest = (128 * self.group + usize::from(self.signed)) * count;
        index_width(largest + 1) + 1
    }

    /// Cycles from a beat to its sums: three of unpacking, indices, entries, adder tree, and the correction for signs.
    pub fn sum_stage(&self) -> usize {
        5 + self.levels() + usize::from(self.signed)
    }

    /// Blocks that make a word of V outputs, at least one.
    pub fn word_blocks(&self) -> usize {
        (self.lanes / self.lookups).max(1)
    }

    /// Words of V outputs in a block, at least one.
    pub fn block_words(&self) -> usize {
        (self.lookups / self.lanes).max(1)
    }

    /// Cycles from a beat to the read of its accumulators; a read of the vector unit takes as many.
    pub fn read_stage(&self) -> usize {
        self.sum_stage() - 3
    }

    /// Bits of the number of a block: of two words' at least.
    pub fn block_bits(&self) -> u32 {
        index_width(self.blocks().max(2 * self.word_blocks()))
    }

    /// Bits of the number of a word of V outputs.
    pub fn word_bits(&self) -> u32 {
        self.block_bits() - self.word_blocks().ilog2() + self.block_words().ilog2()
    }

    /// Blocks of the accumulators, and most blocks of a matrix.
    pub fn blocks(&self) -> usize {
        self.outputs / self.lookups
    }

    /// Balanced ternary digits of the value that entry `entry` of a table stands for, least significant first.
    pub fn entry_digits(&self, entry: usize) -> Vec<i8> {
        let offset = if self.signed { 0 } else { (3i32.pow(self.group as u32) - 1) / 2 };
        let value = entry as i32 - offset;
        (0..self.group as u32).map(|g| sterna_spec::layout::balanced_digit(value, g)).collect()
    }
}
