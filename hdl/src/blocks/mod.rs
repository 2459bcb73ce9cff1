//! The blocks of the accelerator, one file each; `docs/architecture.md` has the table of their ports.

pub mod arbiter;
pub mod attention;
pub mod axi;
pub mod bridge;
pub mod counters;
pub mod fifo;
pub mod fp;
pub mod loader;
pub mod matmul;
pub mod reader;
pub mod registers;
pub mod relay;
pub mod sdram;
pub mod sequencer;
pub mod store;
pub mod topk;
pub mod uart;
pub mod vector;
pub mod writer;

use sterna_spec::isa::Field;

use crate::dsl::{MemStyle, Module, Sig, index_width};

/// Blocks of 18 kbit (512 x 36) that one of 288 kbit (4096 x 72) must replace at least: a part has more than four times as many.
const REPLACED: usize = 5;

/// Style of a memory that is read at the clock: `large_blocks` if the part has blocks of 288 kbit, which it then takes where they
/// are well used.
pub(crate) fn memory_style(large_blocks: bool, width: u32, depth: usize) -> MemStyle {
    let blocks = |bits: u32, words: usize| width.div_ceil(bits) as usize * depth.div_ceil(words);
    let large = large_blocks && REPLACED * blocks(72, 4096) <= blocks(36, 512);
    if large { MemStyle::Ultra } else { MemStyle::Block }
}

/// Field of an instruction on a 256-bit signal.
pub(crate) fn field_of<'m>(insn: Sig<'m>, field: Field) -> Sig<'m> {
    insn.bits(field.bit(), field.width)
}

/// Descriptor of row `row` (4 bits): 128 bits {token, position, kv_base, flags}.
pub(crate) fn row_word<'m>(m: &'m Module, row_info: Sig<'m>, row: Sig<'m>, rows: u32) -> Sig<'m> {
    if rows == 1 {
        m.unused("the only row", row);
        return row_info;
    }
    let bits = index_width(rows as usize);
    if bits < row.width() {
        m.unused("rows beyond the hardware's", row);
    }
    row_info.word_dyn(row.trunc(bits), 128)
}

/// The bits of a beat's number that addresses are made of, see [`Config::place_bits`].
pub(crate) fn place_of(beat: Sig, bits: u32) -> Sig {
    if bits < beat.width() {
        beat.module().unused("beats beyond the address bus", beat.bits(bits, beat.width() - bits));
    }
    beat.bits(0, bits)
}

/// `sig` a cycle later, or with a slow clock, to which it is early enough, itself.
pub(crate) fn staged<'m>(m: &'m Module, slow: bool, name: &str, sig: Sig<'m>, doc: &str) -> Sig<'m> {
    if slow { sig } else { m.delay(name, sig, doc) }
}

/// Declares all bits of an instruction but those of the given fields, `(lowest, width)`, unread.
pub(crate) fn unused_fields<'m>(m: &'m Module, insn: Sig<'m>, read: &[(u32, u32)]) {
    let mut sorted = read.to_vec();
    sorted.sort_unstable();
    sorted.push((insn.width(), 0));
    let mut at = 0;
    for (lo, width) in sorted {
        if at < lo {
            m.unused("fields that this unit does not have", insn.bits(at, lo - at));
        }
        at = lo + width;
    }
}

#[cfg(test)]
mod tests {
    use sterna_spec::config::Config;

    /// Names of the memories for which the Verilog of a preset asks for large blocks.
    fn large(preset: &str) -> Vec<String> {
        let files = crate::emit(&Config::preset(preset).unwrap()).unwrap();
        let lines = files.values().flat_map(|text| text.lines().zip(text.lines().skip(1)));
        let asked =
            lines.filter(|(style, _)| style.contains("ram_style = \"ultra\"")).map(|(_, memory)| memory);
        asked.map(|memory| memory.trim().rsplit(' ').nth(1).unwrap().into()).collect()
    }

    #[test]
    fn large_memories_take_large_blocks_where_there_are_any() {
        assert_eq!(large("kv260"), ["att", "query", "even", "odd", "ram", "ram", "codes", "vmem", "cmem"]);
        for preset in ["tiny", "ulx3s-85f", "tang-nano-20k"] {
            assert_eq!(large(preset), [""; 0], "{preset}");
        }
    }
}
