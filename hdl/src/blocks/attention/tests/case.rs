//! A case: configuration, instruction, queries, a KV cache in memory, and what must come out.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::isa::{Pass, TINY};
use sterna_spec::layout::KvLayout;
use sterna_spec::numbers;

/// What the numbers are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// Random codes, scales that spread the scores over some powers of two.
    Usual,
    /// All scores are equal.
    Equal,
    /// All scales are zero.
    Zero,
    /// Huge negative scores beside one small one.
    Negative,
    /// The largest codes, of one sign.
    Extreme,
    /// Infinities and NaNs among the scales.
    Special,
}

/// First SREG of query scales, largest weights, sums.
pub const SCALARS: [u8; 3] = [3, 20, 40];
/// Layer offset in beats.
pub const LAYER: u32 = 5;
/// KV heads in the memory.
const KV_HEADS: usize = 3;

pub struct Case {
    pub config: Config,
    pub segments: usize,
    /// Window in tokens, 0 for none.
    pub window: u16,
    /// First word of QUERY that comes while the unit works, 0 for none.
    pub awaited: u16,
    pub passes: Vec<Pass>,
    pub positions: Vec<u32>,
    pub kv: KvLayout,
    /// First beat of each row's cache.
    pub bases: Vec<u32>,
    pub memory: Vec<u8>,
    /// Codes of all heads, by row.
    pub queries: Vec<Vec<i16>>,
    /// Query scales of all heads, by row.
    pub scales: Vec<Vec<f32>>,
    pub seed: u64,
}

/// What the unit writes: scalars `(row, index, bits)` in order, sums `(row, first element, sums)` by head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub scalars: Vec<(usize, usize, u32)>,
    pub sums: Vec<(usize, usize, Vec<i64>)>,
}

/// A small legal configuration.
pub fn config() -> Config {
    Config {
        heads: 8,
        scalars: 64,
        vector_words: 1024,
        context: 64,
        tables: 2,
        lookups: 1,
        burst_beats: 2,
        ..Config::preset("tiny").unwrap()
    }
}

impl Case {
    /// Every row has a cache of its own.
    pub fn new(
        config: &Config,
        segments: usize,
        passes: &[Pass],
        positions: &[u32],
        style: Style,
        seed: u64,
    ) -> Case {
        let rows: Vec<(usize, u32)> = positions.iter().copied().enumerate().collect();
        Case::of_sequences(config, segments, passes, &rows, style, seed)
    }

    /// Rows with their sequence, which is their cache's number, and their position.
    pub fn of_sequences(
        config: &Config,
        segments: usize,
        passes: &[Pass],
        rows: &[(usize, u32)],
        style: Style,
        seed: u64,
    ) -> Case {
        assert_eq!(config.check(), Vec::<String>::new());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = segments * config.attention_width as usize;
        let kv = KvLayout::new(config, size, config.context as usize);
        let area = KV_HEADS * kv.area_beats();
        let positions: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let bases: Vec<u32> = rows.iter().map(|row| (2 + row.0 * (area + 7)) as u32).collect();
        let end = *bases.iter().max().unwrap() as usize + LAYER as usize + area;
        let mut memory: Vec<u8> = (0..end * config.beat_bytes()).map(|_| rng.random()).collect();
        let heads = config.heads as usize;
        let code = |rng: &mut ChaCha8Rng| if style == Style::Extreme { -32768 } else { rng.random() };
        let queries = positions.iter().map(|_| (0..heads * size).map(|_| code(&mut rng)).collect()).collect();
        let scale = |rng: &mut ChaCha8Rng| rng.random_range(0.5f32..1.5) / size as f32;
        let scales = positions.iter().map(|_| (0..heads).map(|_| scale(&mut rng)).collect()).collect();
        for (row, base) in bases.iter().enumerate().filter(|(row, base)| !bases[..*row].contains(base)) {
            let last = (row..bases.len()).filter(|r| bases[*r] == *base).map(|r| positions[r]).max().unwrap();
            for head in 0..KV_HEADS {
                let at = (*base + LAYER) as usize + head * kv.area_beats();
                fill(&mut memory, config, &kv, at, style, &mut rng, last as usize);
            }
        }
        let (config, passes) = (config.clone(), passes.to_vec());
        Case {
            config,
            segments,
            window: 0,
            awaited: 0,
            passes,
            positions,
            kv,
            bases,
            memory,
            queries,
            scales,
            seed,
        }
    }

    /// The same with a window; the scales before all windows of a cache become such as would rule every result.
    pub fn windowed(mut self, window: u16) -> Case {
        self.window = window;
        for row in 0..self.positions.len() {
            let others = (0..self.bases.len()).filter(|r| self.bases[*r] == self.bases[row]);
            let before = others.map(|r| self.tokens(r).start).min().unwrap();
            let arrays =
                (0..KV_HEADS as u32).flat_map(|head| [(head, false, f32::NAN), (head, true, f32::INFINITY)]);
            for (head, value, scale) in arrays {
                let at = (self.area(row, head) as usize + self.kv.scales(value)) * self.config.beat_bytes();
                self.memory[at..at + 4 * before].copy_from_slice(&scale.to_le_bytes().repeat(before));
            }
        }
        self
    }

    /// The same with words of QUERY from `word` on that come late.
    pub fn awaiting(mut self, word: u16) -> Case {
        self.awaited = word;
        self
    }

    /// The tokens that a row attends to: those in the window, up to its position.
    pub fn tokens(&self, row: usize) -> Range<usize> {
        let end = self.positions[row] as usize + 1;
        let window = if self.window == 0 { end } else { self.window.into() };
        end.saturating_sub(window)..end
    }

    pub fn head_size(&self) -> usize {
        self.segments * self.config.attention_width as usize
    }

    /// First beat of a KV head's area of a row.
    pub fn area(&self, row: usize, head: u32) -> u32 {
        self.bases[row] + LAYER + head * self.kv.area_beats() as u32
    }

    /// The passes as they are taken: KV head, and the rows that follow each other in one cache and have slots.
    pub fn planned(&self) -> Vec<(u32, Range<usize>)> {
        let mut all = Vec::new();
        for pass in &self.passes {
            let fit = self.config.slots as usize / pass.heads.len();
            let mut row = 0;
            while row < self.positions.len() {
                let follows = |n: &usize| {
                    self.bases[row + n] == self.bases[row]
                        && self.positions[row + n] == self.positions[row] + *n as u32
                };
                let rows = row..row + (0..self.positions.len() - row).take_while(follows).count().min(fit);
                row = rows.end;
                all.push((pass.kv_head, rows));
            }
        }
        all
    }

    /// The beats that the unit may ask for, in the only order in which it may.
    pub fn requests(&self) -> Vec<u32> {
        let planned = self.planned();
        let mut all = Vec::new();
        for turn in 0..=planned.len() {
            if let Some(pass) = planned.get(turn) {
                let [key_scales, value_scales, keys, _] = self.arrays(pass);
                all.extend(key_scales.chain(value_scales).chain(keys));
            }
            if let Some(pass) = turn.checked_sub(1).map(|turn| &planned[turn]) {
                all.extend(self.arrays(pass)[3].clone());
            }
        }
        all
    }

    /// Beats of KS, VS, K, V of a planned pass.
    fn arrays(&self, (kv_head, rows): &(u32, Range<usize>)) -> [Range<u32>; 4] {
        let (side, in_beat) = (self.config.tokens_per_beat(), self.config.beat_bytes() / 4);
        let first = rows.clone().map(|row| self.tokens(row).start).min().unwrap();
        let end = rows.clone().map(|row| self.tokens(row).end).max().unwrap();
        // whole beats of scales, whole groups of tokens
        let whole = |at: usize, size: usize, each: usize| {
            let at = self.area(rows.start, *kv_head) + at as u32;
            at + (first / size * each) as u32..at + (end.div_ceil(size) * each) as u32
        };
        let (scales, data) =
            (|v| whole(self.kv.scales(v), in_beat, 1), |v| whole(self.kv.data(v), side, self.segments));
        [scales(false), scales(true), data(false), data(true)]
    }

    fn float(&self, beat: u32, index: usize) -> f32 {
        let at = beat as usize * self.config.beat_bytes() + 4 * index;
        f32::from_le_bytes(self.memory[at..at + 4].try_into().unwrap())
    }

    fn codes(&self, beat: u32, token: usize) -> Vec<i64> {
        let start = beat as usize * self.config.beat_bytes();
        let segment = |j| {
            let at = start + self.kv.segment_byte(&self.config, token, j);
            self.memory[at..at + self.config.attention_width as usize].iter().map(|&b| i64::from(b as i8))
        };
        (0..self.segments).flat_map(segment).collect()
    }

    /// The definition once more, with the exact sums, which the golden model does not show.
    pub fn answer(&self) -> Answer {
        let mut answer = Answer::default();
        for row in 0..self.positions.len() {
            for pass in &self.passes {
                for &head in &pass.heads {
                    self.attend(row, pass.kv_head, head.into(), &mut answer);
                }
            }
        }
        answer
    }

    fn attend(&self, row: usize, kv_head: u32, head: usize, answer: &mut Answer) {
        let (size, tokens) = (self.head_size(), self.tokens(row));
        let area = self.area(row, kv_head);
        let at = |beat: usize| area + beat as u32;
        let query = &self.queries[row][head * size..][..size];
        let score = |t: usize| {
            let dot: i64 = self
                .codes(at(self.kv.data(false)), t)
                .iter()
                .zip(query)
                .map(|(k, &q)| k * i64::from(q))
                .sum();
            let scaled = numbers::mul(numbers::int_to_f32(dot), self.float(at(self.kv.scales(false)), t));
            numbers::mul(scaled, self.scales[row][head])
        };
        let scores: Vec<f32> = tokens.clone().map(score).collect();
        let max = scores.iter().copied().max_by(f32::total_cmp).unwrap();
        let powers: Vec<f32> = scores.iter().map(|&s| numbers::exp2(numbers::add(s, -max))).collect();
        let total: i64 = powers.iter().map(|&p| i64::from(numbers::fix24(p))).sum();
        let weight = |(&p, t): (&f32, usize)| numbers::mul(p, self.float(at(self.kv.scales(true)), t));
        let weights: Vec<f32> = powers.iter().zip(tokens.clone()).map(weight).collect();
        let largest = weights.iter().map(|w| w.to_bits() & 0x7fff_ffff).max().unwrap();
        let bound = numbers::max_num(f32::from_bits(largest), TINY);
        let inverse = numbers::mul(32767.0, numbers::recip(bound));
        let mut sums = vec![0; size];
        for (w, t) in weights.iter().zip(tokens) {
            let code = i64::from(numbers::quantize(numbers::mul(*w, inverse), 16));
            let values = self.codes(at(self.kv.data(true)), t);
            sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += code * v);
        }
        let [_, smax, ssum] = SCALARS.map(usize::from);
        answer.scalars.push((row, smax + head, largest));
        answer.scalars.push((row, ssum + head, numbers::int_to_f32(total).to_bits()));
        // the last pass of a head counts
        answer.sums.retain(|(r, first, _)| (*r, *first) != (row, head * size));
        answer.sums.push((row, head * size, sums));
    }
}

/// Codes and scales of one area. What lies beyond the position stays random, NaNs among it.
fn fill(
    memory: &mut [u8],
    c: &Config,
    kv: &KvLayout,
    area: usize,
    style: Style,
    rng: &mut ChaCha8Rng,
    position: usize,
) {
    let beat = c.beat_bytes();
    for t in 0..=position {
        let usual = rng.random_range(0.5f32..2.0) / 65536.0;
        let key = match style {
            Style::Usual => usual * if rng.random_bool(0.5) { 1.0 } else { -1.0 },
            Style::Equal | Style::Zero => 0.0,
            Style::Negative if t == position / 2 => usual,
            Style::Negative => -1e30,
            Style::Extreme => [1e-9, 1.5e-9][t % 2],
            Style::Special => [usual, f32::INFINITY, usual, f32::NAN, 1e-45][t % 5],
        };
        let value = match style {
            Style::Zero => 0.0,
            Style::Equal | Style::Extreme => 0.25,
            Style::Special => [-usual, 1e-45, 3e38, f32::NEG_INFINITY][t % 4],
            _ => usual,
        };
        for (scales, scale) in [(kv.scales(false), key), (kv.scales(true), value)] {
            memory[(area + scales) * beat + 4 * t..][..4].copy_from_slice(&scale.to_le_bytes());
        }
        if style == Style::Extreme || style == Style::Negative {
            for j in 0..kv.segments {
                let at = (area + kv.data(false)) * beat + kv.segment_byte(c, t, j);
                memory[at..at + c.attention_width as usize].fill(0x80);
                let at = (area + kv.data(true)) * beat + kv.segment_byte(c, t, j);
                memory[at..at + c.attention_width as usize].fill(if t % 7 == 6 { 0x7f } else { 0x80 });
            }
        }
    }
}
