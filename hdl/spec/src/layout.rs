//! Where everything lies in memory: beats and ports, trits in a beat, matrices as blocks and chunks, and the KV cache.

use crate::config::Config;

/// Beats that hold `bytes` bytes.
pub fn beats(config: &Config, bytes: usize) -> usize {
    bytes.div_ceil(config.beat_bytes())
}

/// One stretch of physical memory: `(address, range of the logical bytes)` for each port and beat range.
///
/// Port `p` holds bytes `p*W..(p+1)*W` of each beat, from `bases[p]` on. Calls `f(address, offset, len)` for every
/// contiguous piece of the logical bytes `start..start + len`; `offset` counts from `start`.
pub fn stripe(config: &Config, bases: &[u64], start: u64, len: usize, mut f: impl FnMut(u64, usize, usize)) {
    let (beat, width) = (config.beat_bytes() as u64, u64::from(config.port_bytes));
    if config.ports == 1 {
        f(bases[0] + start, 0, len);
        return;
    }
    let mut offset = 0;
    while offset < len {
        let at = start + offset as u64;
        let (port, byte) = ((at % beat) / width, at % width);
        let piece = ((width - byte) as usize).min(len - offset);
        f(bases[port as usize] + at / beat * width + byte, offset, piece);
        offset += piece;
    }
}

/// The shape of a matrix in beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixShape {
    /// Blocks of R outputs, at least [`crate::isa::MIN_BLOCKS`], whole words of the vector unit.
    pub blocks: usize,
    /// Chunks of T*G inputs.
    pub chunks: usize,
}

impl MatrixShape {
    /// The shape of a matrix of `outputs` x `inputs`.
    pub fn new(config: &Config, outputs: usize, inputs: usize) -> Self {
        let padded = outputs.next_multiple_of(config.accumulator_banks());
        let blocks = (padded / config.lookups as usize).max(crate::isa::MIN_BLOCKS);
        MatrixShape { blocks, chunks: inputs.div_ceil(config.chunk()) }
    }

    /// Beats of one plane.
    pub fn plane_beats(&self) -> usize {
        self.blocks * self.chunks
    }

    /// Outputs with padding.
    pub fn outputs(&self, config: &Config) -> usize {
        self.blocks * config.lookups as usize
    }
}

/// Packs trits (-1, 0, 1), five a byte, the first the least significant digit.
pub fn pack_trits(trits: &[i8], bytes: &mut [u8]) {
    for (byte, five) in bytes.iter_mut().zip(trits.chunks(5)) {
        *byte = five.iter().rev().fold(0, |acc, &t| acc * 3 + (t + 1) as u8);
        // a short last byte is filled with trit 0 (digit 1)
        let mut place = 3u8.pow(five.len() as u32);
        for _ in five.len()..5 {
            *byte += place;
            place = place.saturating_mul(3);
        }
    }
}

/// The five digits of every byte, least significant first, as trits. Bytes above 242 give the digits of the byte
/// modulo 243.
pub fn unpack_table() -> [[i8; 5]; 256] {
    std::array::from_fn(|byte| {
        let mut rest = byte % 243;
        std::array::from_fn(|_| {
            let digit = (rest % 3) as i8 - 1;
            rest /= 3;
            digit
        })
    })
}

/// Lays out one ternary plane of `outputs` x `inputs` as beats; `weight(output, input)` gives a trit. Appends to `out`.
pub fn pack_plane(
    config: &Config,
    outputs: usize,
    inputs: usize,
    weight: impl Fn(usize, usize) -> i8,
    out: &mut Vec<u8>,
) {
    let shape = MatrixShape::new(config, outputs, inputs);
    let (lookups, width, beat) = (config.lookups as usize, config.chunk(), config.beat_bytes());
    let mut trits = vec![0i8; lookups * width];
    for chunk in 0..shape.chunks {
        for block in 0..shape.blocks {
            for (i, trit) in trits.iter_mut().enumerate() {
                let (n, k) = (block * lookups + i / width, chunk * width + i % width);
                *trit = if n < outputs && k < inputs { weight(n, k) } else { 0 };
            }
            let start = out.len();
            out.resize(start + beat, 121); // five trits 0
            pack_trits(&trits, &mut out[start..]);
        }
    }
}

/// Ternary digit `plane` (0 the least significant) of an integer in balanced ternary.
pub fn balanced_digit(value: i32, plane: u32) -> i8 {
    let mut rest = value;
    for _ in 0..plane {
        rest = (rest - balanced_remainder(rest)) / 3;
    }
    balanced_remainder(rest) as i8
}

fn balanced_remainder(value: i32) -> i32 {
    (value + 1).rem_euclid(3) - 1
}

/// Largest magnitude that `planes` balanced ternary planes hold.
pub fn plane_range(planes: u32) -> i32 {
    (3i32.pow(planes) - 1) / 2
}

/// The KV cache of one session: areas for each layer and KV head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvLayout {
    /// Beats of one array of scales (SB).
    pub scale_beats: usize,
    /// Beats of one array of codes (DB).
    pub data_beats: usize,
    /// Segments of U bytes of a head.
    pub segments: usize,
}

impl KvLayout {
    /// The layout for heads of `head_size` codes (a multiple of U) and `context` positions.
    pub fn new(config: &Config, head_size: usize, context: usize) -> Self {
        let segments = head_size / config.attention_width as usize;
        KvLayout {
            scale_beats: beats(config, 4 * context),
            data_beats: context.div_ceil(config.tokens_per_beat()) * segments,
            segments,
        }
    }

    /// Beats of the area of one layer and KV head.
    pub fn area_beats(&self) -> usize {
        2 * (self.scale_beats + self.data_beats)
    }

    /// Beat offset in an area of the scales of K (`false`) or V (`true`).
    pub fn scales(&self, value: bool) -> usize {
        if value { self.scale_beats } else { 0 }
    }

    /// Beat offset in an area of the codes of K (`false`) or V (`true`).
    pub fn data(&self, value: bool) -> usize {
        2 * self.scale_beats + if value { self.data_beats } else { 0 }
    }

    /// Byte offset in an array of codes of segment `segment` of the token at `position`.
    pub fn segment_byte(&self, config: &Config, position: usize, segment: usize) -> usize {
        let side = config.tokens_per_beat();
        ((position / side) * self.segments + segment) * config.beat_bytes()
            + (position % side) * config.attention_width as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trits_survive_packing() {
        let table = unpack_table();
        let trits: Vec<i8> = (0..243 * 5).map(|i| [(-1), 0, 1][(i * i + i / 7) % 3]).collect();
        let mut bytes = vec![0; trits.len() / 5];
        pack_trits(&trits, &mut bytes);
        let back: Vec<i8> = bytes.iter().flat_map(|&b| table[b as usize]).collect();
        assert_eq!(back, trits);
        let mut short = [0u8];
        pack_trits(&[1, -1], &mut short);
        assert_eq!(table[short[0] as usize], [1, -1, 0, 0, 0]);
    }

    #[test]
    fn balanced_digits_rebuild_the_value() {
        for planes in 1..=5 {
            let range = plane_range(planes);
            for value in -range..=range {
                let sum: i32 = (0..planes).map(|p| 3i32.pow(p) * i32::from(balanced_digit(value, p))).sum();
                assert_eq!(sum, value);
            }
        }
    }

    #[test]
    fn a_plane_lies_chunk_by_chunk() {
        let config = Config { tables: 2, lookups: 2, ..Config::preset("tiny").unwrap() };
        let mut bytes = Vec::new();
        pack_plane(&config, 20, 10, |n, k| ((n * 10 + k) % 3) as i8 - 1, &mut bytes);
        let shape = MatrixShape::new(&config, 20, 10);
        assert_eq!(shape, MatrixShape { blocks: 10, chunks: 2 });
        assert_eq!(bytes.len(), shape.plane_beats() * 8);
        let table = unpack_table();
        let beat = |chunk: usize, block: usize| {
            let at = (chunk * shape.blocks + block) * 8;
            bytes[at..at + 8].iter().flat_map(|&b| table[b as usize]).collect::<Vec<_>>()
        };
        // chunk 1, block 3, output 7, table 0, member 2 is input 8
        assert_eq!(beat(1, 3)[6 + 2], ((7 * 10 + 8) % 3) as i8 - 1);
        assert_eq!(beat(1, 3)[6 + 4], 0, "input 10 is padding");
    }

    #[test]
    fn stripes_cover_each_byte_once() {
        let config = Config { ports: 4, port_bytes: 4, ..Config::preset("tiny").unwrap() };
        let bases = [0x1000, 0x3000, 0x8000, 0x9000];
        let mut seen = Vec::new();
        stripe(&config, &bases, 21, 50, |address, offset, len| {
            for i in 0..len {
                seen.push((offset + i, address + i as u64));
            }
        });
        assert_eq!(seen.len(), 50);
        for (offset, address) in seen {
            let at = 21 + offset as u64;
            assert_eq!(address, bases[(at % 16 / 4) as usize] + at / 16 * 4 + at % 4);
        }
    }
}
