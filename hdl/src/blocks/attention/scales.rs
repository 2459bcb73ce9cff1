//! The scales of the tokens of a pass: whole beats in, one binary32 a cycle out, for all slots.
//!
//! ```text
//! d --> beat memory, KS in one half and VS in the other --> beat --> the token's scale   (READ_LATENCY cycles)
//! ```

use super::shape::{Shape, later};
use crate::dsl::{MemStyle, Module, u};

/// Cycles from a token's number to its scale.
pub(super) const READ_LATENCY: u32 = 2;

/// Module `attention_scales_*`.
pub(super) fn scales(shape: &Shape) -> Module {
    let (beat_bits, token_bits) = (shape.beat_bits(), shape.token_bits());
    let (low, high) = (shape.scale_bits(), shape.scale_beat_bits());
    let name = format!("attention_scales_b{}_c{}", shape.beat_bytes, shape.context);
    let m = Module::new(&name, "Scales of the keys and values of a pass.");
    let we = m.input("we", u(1), "writes a beat");
    let value = m.input("value", u(1), "the beat is one of VS");
    let beat = m.input("beat", u(high), "number of the beat");
    let data = m.input("data", u(beat_bits), "the beat");
    let read_value = m.input("read_value", u(1), "the scale wanted is one of V");
    let token = m.input("token", u(token_bits), "token whose scale is wanted");
    let scale = m.output("scale", u(32), "its scale, binary32");

    let memory = m.mem("beats", beat_bits, 2 << high, MemStyle::Auto, "scales of K, then of V");
    memory.write(we, m.cat_lsb(&[beat, value]), data);
    let at = m.cat_lsb(&[token.bits(low, high), read_value]);
    let word = memory.read("word", at, m.u(1, 1));
    let chosen =
        if low == 0 { word } else { word.word_dyn(later(&m, "token_in_beat", token.bits(0, low), 1), 32) };
    scale.set(m.delay("chosen", chosen, "the token's scale"));
    m
}
