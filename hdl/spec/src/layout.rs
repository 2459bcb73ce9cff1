//! Where everything lies in memory: beats and ports, trits in a beat, matrices as blocks and chunks, and the KV cache.

use crate::config::Config;
use std::thread;

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

/// Packs trits (-1, 0, 1), five a byte, the first the least significant digit. A short last byte is filled with trit 0.
pub fn pack_trits(trits: &[i8], bytes: &mut [u8]) {
    let (fives, rest) = trits.as_chunks();
    for (byte, five) in bytes.iter_mut().zip(fives) {
        *byte = pack_five(*five);
    }
    if let Some(byte) = bytes.get_mut(fives.len()).filter(|_| !rest.is_empty()) {
        let mut five = [0; 5];
        five[..rest.len()].copy_from_slice(rest);
        *byte = pack_five(five);
    }
}

fn pack_five([a, b, c, d, e]: [i8; 5]) -> u8 {
    (i16::from(a) + 3 * i16::from(b) + 9 * i16::from(c) + 27 * i16::from(d) + 81 * i16::from(e) + 121) as u8
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
    weight: impl Fn(usize, usize) -> i8 + Sync,
    out: &mut Vec<u8>,
) {
    pack_rows(config, outputs, inputs, |n, row| (0..inputs).for_each(|k| row[k] = weight(n, k)), out);
}

/// As [`pack_plane`], from whole rows: `fill(output, row)` writes the trits of `row`, as long as there are inputs. Rows and beats
/// are made on all cores.
pub fn pack_rows(
    config: &Config,
    outputs: usize,
    inputs: usize,
    fill: impl Fn(usize, &mut [i8]) + Sync,
    out: &mut Vec<u8>,
) {
    let shape = MatrixShape::new(config, outputs, inputs);
    let (lookups, width, beat) = (config.lookups as usize, config.chunk(), config.beat_bytes());
    // the matrix with its padding: trit 0
    let row_width = shape.chunks * width;
    let mut rows = vec![0i8; shape.outputs(config) * row_width];
    on_all_cores(&mut rows[..outputs * row_width], row_width, |n, row| fill(n, &mut row[..inputs]));
    let start = out.len();
    out.resize(start + shape.plane_beats() * beat, 121); // five trits 0
    on_all_cores(&mut out[start..], shape.blocks * beat, |chunk, bytes| {
        let mut trits = vec![0i8; lookups * width];
        for (block, bytes) in bytes.chunks_exact_mut(beat).enumerate() {
            for (r, trits) in trits.chunks_exact_mut(width).enumerate() {
                let from = (block * lookups + r) * row_width + chunk * width;
                trits.copy_from_slice(&rows[from..from + width]);
            }
            pack_trits(&trits, bytes);
        }
    });
}

/// Calls `work(index, unit)` for each `unit` elements of `all`, on as many threads as there are cores.
fn on_all_cores<T: Send>(all: &mut [T], unit: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    /// Elements below which a thread costs more than it brings.
    const SMALL: usize = 1 << 16;
    let units = all.len().div_ceil(unit.max(1));
    let cores = if all.len() < SMALL { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
    let share = units.div_ceil(cores).max(1);
    let part = |first: usize, part: &mut [T]| {
        part.chunks_mut(unit).enumerate().for_each(|(index, one)| work(first + index, one));
    };
    if cores == 1 {
        return part(0, all);
    }
    thread::scope(|scope| {
        for (index, slice) in all.chunks_mut(share * unit).enumerate() {
            let part = &part;
            scope.spawn(move || part(index * share, slice));
        }
    });
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
