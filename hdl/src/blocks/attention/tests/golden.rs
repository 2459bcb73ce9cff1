//! A case on the golden model: a program that loads its queries and shows its sums.

use super::case::{Case, LAYER, SCALARS};
use sterna_spec::device::Device;
use sterna_spec::golden::{Golden, Write};
use sterna_spec::isa::{AKind, DstKind, Instruction, Vector};
use sterna_spec::layout::beats;
use sterna_spec::numbers;
use sterna_spec::registers::{ROW_BYTES, control, offset};
use sterna_spec::stream::StreamBuilder;

impl Case {
    /// The answer is the golden model's.
    pub fn check_golden(&self) {
        let log = self.golden();
        let answer = self.answer();
        let scalars: Vec<(usize, usize, u32)> = log
            .iter()
            .filter(|w| w.instruction == 3 && w.kind == Write::WEIGHTS)
            .map(|w| (w.row as usize, w.address as usize, w.data[0]))
            .collect();
        assert_eq!(answer.scalars, scalars, "seed {}", self.seed);
        let lanes = self.config.lanes as usize;
        for (row, first, sums) in answer.sums {
            let words = log.iter().filter(|w| w.instruction == 4 && w.row as usize == row);
            let values: Vec<u32> = words.flat_map(|w| w.data.clone()).skip(first).take(sums.len()).collect();
            let floats: Vec<u32> = sums.iter().map(|&x| numbers::int_to_f32(x).to_bits()).collect();
            assert_eq!(floats, values, "seed {}, row {row}, element {first}, {lanes} lanes", self.seed);
        }
    }

    /// What the golden model writes. Instruction 3 is ATTN, 4 shows ATT.
    fn golden(&self) -> Vec<Write> {
        let c = &self.config;
        let (lanes, heads) = (c.lanes as usize, c.heads as usize);
        let words = heads * self.head_size() / lanes;
        let stride = beats(c, 4 * lanes * (words + heads));
        let table = self.memory.len() / c.beat_bytes();
        let program = table + stride * self.positions.len();
        let mut stream = StreamBuilder::new(c);
        stream.push(Instruction::Gather {
            words: (words + heads) as u16,
            by_position: false,
            shared: false,
            dst: 0,
            row_stride: 0,
            addr: table as u32,
            stride: stride as u32,
        });
        let n = words as u16;
        stream.vector(Vector { n, dst_kind: DstKind::Query, ..Vector::default() });
        let scales =
            Vector { n: 1, rep: heads as u8, a: n, reduce_max: Some(SCALARS[0]), ..Vector::default() };
        stream.vector(scales);
        stream.attention(&self.passes, self.segments as u16, self.window, SCALARS, LAYER);
        stream.vector(Vector { n, a_kind: AKind::Att, dst_kind: DstKind::Vmem, ..Vector::default() });
        stream.push(Instruction::End { body: false });

        let mut golden = Golden::new(c);
        golden.reserve_memory(((program + stream.beats()) * c.beat_bytes()) as u64).unwrap();
        golden.write_memory(0, &self.memory).unwrap();
        for row in 0..self.positions.len() {
            let mut floats: Vec<f32> = self.queries[row].iter().map(|&q| q.into()).collect();
            for &scale in &self.scales[row] {
                floats.push(scale);
                floats.resize(floats.len() + lanes - 1, 0.0);
            }
            let bytes: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
            golden.write_memory(((table + row * stride) * c.beat_bytes()) as u64, &bytes).unwrap();
        }
        golden.write_memory((program * c.beat_bytes()) as u64, stream.bytes()).unwrap();
        self.start(&mut golden, program as u32, stream.beats() as u32)
    }

    fn start(&self, golden: &mut Golden, program: u32, beats: u32) -> Vec<Write> {
        let mut registers = vec![
            (offset::PROGRAM_BASE, program),
            (offset::PROGRAM_BEATS, beats),
            (offset::ROWS, self.positions.len() as u32),
            (offset::KV_SCALE_BEATS, self.kv.scale_beats as u32),
            (offset::KV_DATA_BEATS, self.kv.data_beats as u32),
        ];
        for (row, (&position, &base)) in self.positions.iter().zip(&self.bases).enumerate() {
            let at = offset::ROW + ROW_BYTES * row as u32;
            registers.extend([(at, row as u32), (at + 4, position), (at + 8, base)]);
        }
        registers.push((offset::CONTROL, control::START));
        golden.record(true);
        for (at, value) in registers {
            golden.write_register(at, value).unwrap();
        }
        assert_eq!(golden.read_register(offset::ERROR).unwrap(), 0, "seed {}", self.seed);
        golden.take_log()
    }
}
