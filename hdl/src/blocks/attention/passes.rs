//! The pass descriptors of an instruction.
//!
//! ```text
//! stream w --> words 0..3 of 32 bytes --> LUT RAM of 64 passes --> plan, query, output
//! ```
//!
//! A pass can be read as soon as `loaded` counts it: work begins before the last descriptor has arrived.

use super::shape::{COUNT_BITS, HEAD_BITS, PASS_BITS, PASS_COUNT_BITS, PASSES, Shape};
use crate::dsl::{MemStyle, Module, Sig, count_width, u};
use sterna_spec::isa::INSTRUCTION_BYTES;

/// Bits of a KV head.
pub(super) const KV_HEAD_BITS: u32 = 8;
/// Bytes of a descriptor that carry something.
const USED_BYTES: usize = 16;

/// Module `attention_passes_*`.
pub(super) fn passes(shape: &Shape) -> Module {
    let name = format!("attention_passes_b{}_q{}", shape.beat_bytes, shape.slots);
    let m = Module::new(&name, "The pass descriptors of an attention instruction.");
    let start = m.input("start", u(1), "an instruction starts");
    let count = m.input("passes", u(PASS_COUNT_BITS), "descriptors of the instruction");
    let w = m.stream_in("w", u(shape.beat_bits()), "descriptors, 32 bytes each, padded to a beat");
    let loaded_out = m.output("loaded", u(PASS_COUNT_BITS), "descriptors that can be read");

    let loaded = m.reg("loaded_count", u(PASS_COUNT_BITS), Some(0), "descriptors so far");
    let loading = m.reg("loading", u(1), Some(0), "more descriptors are to come");
    w.ready.set(loading.q());
    let taken = m.node("taken", w.valid & loading.q());
    let (last_beat, words) = assemble(&m, shape, start, taken, w.data);
    let done = m.node("descriptor_done", taken & last_beat);
    loaded.when(start, 0);
    loaded.when(done, loaded.q().wrapping_add(1));
    loading.when(start, count.ne(0));
    loading.when(done & (loaded.q() + 1u8).eq(count), 0);
    loaded_out.set(loaded.q());
    m.output("all_loaded", u(1), "no descriptor is to come").set(!loading.q());

    let heads = |i: usize| words.bits(64 + 8 * i as u32, HEAD_BITS);
    let mut parts = vec![words.bits(0, KV_HEAD_BITS), words.bits(32, COUNT_BITS)];
    parts.extend((0..shape.slots).map(heads));
    let word = m.node("kept", m.cat_lsb(&parts));
    let memory = m.mem("descriptors", word.width(), PASSES, MemStyle::Lut, "KV head, number of heads, heads");
    memory.write(done, loaded.q().bits(0, PASS_BITS), word);
    leave_unread(&m, words, shape.slots);

    let heads_lo = KV_HEAD_BITS + COUNT_BITS;
    for reader in ["plan", "query", "step"] {
        let at = m.input(&format!("{reader}_pass"), u(PASS_BITS), "pass to read");
        let word = memory.read_async(&format!("{reader}_word"), at);
        let heads = word.bits(heads_lo, shape.heads_bits());
        if reader == "plan" {
            m.output("kv_head", u(KV_HEAD_BITS), "its KV head").set(word.bits(0, KV_HEAD_BITS));
            m.output("count", u(COUNT_BITS), "its number of query heads")
                .set(word.bits(KV_HEAD_BITS, COUNT_BITS));
            m.unused("the plan does not depend on which query heads they are", heads);
        } else {
            m.output(&format!("{reader}_heads"), u(shape.heads_bits()), "its query heads").set(heads);
            m.unused("the plan has the rest", word.bits(0, heads_lo));
        }
    }
    m
}

/// The descriptor's 16 used bytes, complete in the last of its beats.
fn assemble<'m>(
    m: &'m Module,
    shape: &Shape,
    start: Sig<'m>,
    taken: Sig<'m>,
    data: Sig<'m>,
) -> (Sig<'m>, Sig<'m>) {
    let beats = INSTRUCTION_BYTES / shape.beat_bytes;
    if beats <= 1 {
        if data.width() > 8 * USED_BYTES as u32 {
            let used = 8 * USED_BYTES as u32;
            m.unused("padding of descriptors", data.bits(used, data.width() - used));
        }
        return (m.u(1, 1), data.bits(0, 8 * USED_BYTES as u32));
    }
    let beat = m.reg("beat", u(count_width(beats - 1)), Some(0), "beat of the descriptor");
    beat.when(start, 0);
    beat.when(taken, beat.q().wrapping_add(1));
    let used = USED_BYTES / shape.beat_bytes;
    let word = |k: usize| {
        let r = m.reg(&format!("bytes_{k}"), data.ty(), None, "part of the descriptor");
        r.when(taken & beat.q().eq(k), data);
        r.q()
    };
    let words: Vec<Sig> = (0..used).map(word).collect();
    (beat.q().eq(beats - 1), m.cat_lsb(&words).named("words"))
}

fn leave_unread(m: &Module, words: Sig, slots: usize) {
    m.unused("KV heads are fewer than 256", words.bits(KV_HEAD_BITS, 32 - KV_HEAD_BITS));
    m.unused("heads of a pass are fewer than 16", words.bits(32 + COUNT_BITS, 32 - COUNT_BITS));
    for i in 0..8u32 {
        if (i as usize) < slots {
            m.unused("heads are fewer than 64", words.bits(64 + 8 * i + HEAD_BITS, 8 - HEAD_BITS));
        } else {
            m.unused("there are fewer slots", words.bits(64 + 8 * i, 8));
        }
    }
}
