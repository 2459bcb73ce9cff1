//! A head in two passes: the step selects with a few planes of every token's row, then all planes of the selected rows decide.
//!
//! ```text
//!   step: all rows, few planes ─► top k ─► blocks that hold them ─► MATMUL, LOAD scales, VECTOR to TOPK ─► top k
//!                                              ▲ beats and scales of
//!                                         logits program
//! ```
//! The second pass is a program of its own. The host puts it together from blocks of the logits program, beat for beat, and the
//! device runs it on the activation codes that the step left behind. So every logit that it selects is the exact head's, bit for
//! bit, and the selection is the exact head's too unless the first pass missed one of its tokens.

use crate::compile::listing::instructions;
use std::borrow::Cow;
use sterna_spec::config::Config;
use sterna_spec::isa::{DstKind, Instruction, MIN_BLOCKS, Vector};
use sterna_spec::stream::StreamBuilder;

/// A tile of the logits program.
#[derive(Debug, Clone)]
struct Tile {
    /// First token.
    first: usize,
    /// Byte at which the scales of its tokens begin, and where LOAD puts them.
    scales: usize,
    shared: u16,
    /// Byte at which the weights begin, and their order: planes, chunks, blocks.
    weights: usize,
    blocks: usize,
    chunks: u16,
    planes: u8,
    /// From accumulators to logits, and from these to TOPK.
    vectors: [Vector; 2],
}

/// All planes of the head, from which second passes are made.
#[derive(Debug, Clone)]
pub struct Refine<'b> {
    config: Config,
    vocab: usize,
    bytes: Cow<'b, [u8]>,
    tiles: Vec<Tile>,
}

impl<'b> Refine<'b> {
    /// From the logits program, `bytes`, of a model with `vocab` tokens.
    pub fn new(config: &Config, vocab: usize, bytes: impl Into<Cow<'b, [u8]>>) -> Self {
        let bytes = bytes.into();
        let (mut tiles, mut load, mut matmul) = (Vec::new(), (0, 0), (0, 0, 0, 0));
        let mut before = Vector::default();
        for (beat, instruction) in instructions(config, &bytes) {
            let payload = (beat + config.instruction_beats()) * config.beat_bytes();
            match instruction {
                Instruction::Load { dst, .. } => load = (payload, dst),
                Instruction::Matmul { blocks, chunks, planes, .. } => {
                    matmul = (payload, usize::from(blocks), chunks, planes);
                }
                Instruction::Vector(vector) => {
                    if vector.dst_kind == DstKind::Topk {
                        let (scales, shared) = load;
                        let (weights, blocks, chunks, planes) = matmul;
                        let (first, vectors) = (vector.addr as usize, [before, vector]);
                        tiles.push(Tile { first, scales, shared, weights, blocks, chunks, planes, vectors });
                    }
                    before = vector;
                }
                _ => {}
            }
        }
        Refine { config: config.clone(), vocab, bytes, tiles }
    }

    /// Beats of the longest program.
    pub fn most_beats(&self) -> usize {
        let all = self.vocab.div_ceil(self.block());
        let selected = self.config.rows as usize * self.config.top_k as usize;
        let blocks: Vec<usize> = (0..all.min(selected)).collect();
        self.program(&blocks).len() / self.config.beat_bytes()
    }

    /// Tokens of a block.
    fn block(&self) -> usize {
        self.config.lookups as usize
    }

    /// Blocks that hold `tokens`, each once, in order.
    pub fn blocks(&self, tokens: impl IntoIterator<Item = u32>) -> Vec<usize> {
        let mut blocks: Vec<usize> = tokens.into_iter().map(|token| token as usize / self.block()).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    /// The program that selects among the tokens of `blocks`. What it selects are numbers in this order: [`Refine::token`].
    pub fn program(&self, blocks: &[usize]) -> Vec<u8> {
        let mut out = StreamBuilder::new(&self.config);
        let most = self.tiles.iter().map(|tile| tile.blocks).max().unwrap_or(1);
        for (number, part) in blocks.chunks(most).enumerate() {
            self.tile(part, number * most * self.block(), &mut out);
        }
        out.push(Instruction::End { body: false });
        out.into_bytes()
    }

    /// The token of a number that the program over `blocks` selected.
    pub fn token(&self, blocks: &[usize], number: u32) -> Option<u32> {
        let block = blocks.get(number as usize / self.block())?;
        Some((block * self.block() + number as usize % self.block()) as u32)
    }

    fn tile(&self, blocks: &[usize], first: usize, out: &mut StreamBuilder) {
        let (Some(any), beat) = (self.tiles.first(), self.config.beat_bytes()) else { return };
        let words = (blocks.len() * self.block()).div_ceil(self.config.accumulator_banks());
        let count = (words * self.config.accumulator_banks() / self.block()).max(MIN_BLOCKS);
        let outputs = count * self.block();
        // where there is no token there is no number, which no selection takes
        let mut scales = vec![f32::NAN; outputs];
        for (at, scale) in scales.iter_mut().enumerate().take(blocks.len() * self.block()) {
            *scale = self.scale(blocks[at / self.block()] * self.block() + at % self.block());
        }
        let places: Vec<_> = blocks.iter().map(|block| self.place(*block)).collect();
        let (chunks, planes) = (any.chunks, any.planes);
        let [logits, select] = any.vectors;
        out.push(Instruction::Matmul { blocks: count as u16, chunks, planes, dst: logits.a, beside: false });
        for step in 0..usize::from(planes) * usize::from(chunks) {
            for &(tile, at) in &places {
                let start = tile.weights + (step * tile.blocks + at) * beat;
                out.payload(&self.bytes[start..start + beat]);
            }
            out.payload(&vec![0; (count - places.len()) * beat]);
        }
        out.load(any.shared, &scales);
        let n = (outputs / self.config.lanes as usize) as u16;
        out.vector(Vector { n, ..logits });
        out.vector(Vector { n, addr: first as u32, imm_b: (first + outputs) as u32, ..select });
    }

    /// The tile of a block, and the block's number in it.
    fn place(&self, block: usize) -> (&Tile, usize) {
        let first = block * self.block();
        let tile = &self.tiles[self.tiles.partition_point(|tile| tile.first <= first) - 1];
        (tile, (first - tile.first) / self.block())
    }

    fn scale(&self, token: usize) -> f32 {
        if token >= self.vocab {
            return f32::NAN;
        }
        let (tile, block) = self.place(token / self.block());
        let at = tile.scales + 4 * (block * self.block() + token % self.block());
        self.bytes[at..].first_chunk().map_or(f32::NAN, |bytes| f32::from_le_bytes(*bytes))
    }
}
