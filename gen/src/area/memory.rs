//! What a memory takes: of block memories exactly, as Yosys picks the narrowest of the shapes that a block has.

use sterna_hdl::dsl::{MemStyle, Store};

use crate::parts::{Cost, Fabric};

/// Words and bits of a block of 18 kbit.
const SHAPES: [(u64, u64); 6] = [(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)];
/// Words and bits of a block of 288 kbit.
const LARGE: (u64, u64) = (4096, 72);
/// Bits up to which a registered memory that asks for nothing becomes logic.
const SMALL: u64 = 1024;

/// Cells of a memory.
pub(super) fn cost(fabric: Fabric, m: &Store) -> Cost {
    let (width, depth) = (u64::from(m.width), m.depth as u64);
    let copies = m.reads.max(1) as u64;
    let blocks = m.registered && (m.style != MemStyle::Auto || width * depth > SMALL);
    match m.style {
        MemStyle::Ultra => {
            let each = width.div_ceil(LARGE.1) * depth.div_ceil(LARGE.0);
            Cost { uram: copies * each, ..Cost::default() }
        }
        MemStyle::Block | MemStyle::Auto if blocks => {
            let lanes = u64::from(m.lanes.max(1));
            let lane = width / lanes;
            let each = |&(words, bits): &(u64, u64)| {
                // a byte enable serves nine bits, of which eight are used where a lane takes several
                let used = if bits >= 9 && lanes > 1 && lane >= bits { bits / 9 * 8 } else { bits };
                lanes * lane.div_ceil(used) * depth.div_ceil(words)
            };
            Cost { bram18: copies * SHAPES.iter().map(each).min().unwrap_or(0), ..Cost::default() }
        }
        _ => {
            let lut = tables(fabric, width, depth, copies);
            Cost { lut, lut_memory: lut, ..Cost::default() }
        }
    }
}

/// Look-up tables of a distributed memory with so many read ports.
fn tables(fabric: Fabric, width: u64, depth: u64, ports: u64) -> u64 {
    match fabric {
        // RAM32M16 or RAM64M8: eight tables, seven of them for bits of one port, or of one port each
        Fabric::UltraScale => {
            let bits = if depth <= 32 { 2 } else { 1 };
            let (apart, together) =
                (ports * width.div_ceil(7 * bits), ports.div_ceil(7) * width.div_ceil(bits));
            8 * apart.min(together) * depth.div_ceil(64)
        }
        // 16 x 4 bits, and the places that the write address takes
        Fabric::Ecp5 | Fabric::Gowin => 6 * ports * width.div_ceil(4) * depth.div_ceil(16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As synthesis has them: `docs/results/kv260-resources.md`.
    #[test]
    fn memories_as_synthesized() {
        let block = |width, depth, lanes| {
            let m = Store { width, depth, style: MemStyle::Block, lanes, reads: 1, registered: true };
            cost(Fabric::UltraScale, &m).bram18
        };
        assert_eq!(block(512, 3072, 16), 96);
        assert_eq!(block(512, 640, 16), 32);
        assert_eq!(block(576, 1024, 1), 32);
        assert_eq!(block(128, 4096, 1), 30);
        assert_eq!(block(116, 512, 1), 4);
        assert_eq!(block(540, 128, 1), 15);
        assert_eq!(block(64, 256, 1), 2);
        let lut = |width, depth, reads| {
            let m = Store { width, depth, style: MemStyle::Lut, lanes: 1, reads, registered: false };
            cost(Fabric::UltraScale, &m).lut
        };
        assert_eq!((lut(10, 64, 4), lut(609, 4, 1), lut(32, 16, 1)), (64, 352, 24));
        assert_eq!((lut(10, 32, 7), lut(10, 32, 1), lut(10, 32, 3)), (40, 8, 24));
    }
}
