//! Two memories of all slots' scores: in one scores become weights, in the other weights become codes. Then they change places.
//!
//! ```text
//! score or weight of each slot --> the one memory  --> score of the token, whether it counts
//!                                  the other one   --> weight of the token
//! ```
//!
//! All slots work on the same token, so a memory is as wide as all of them and has one address to write and one to read.

use super::shape::Shape;
use crate::dsl::{Module, u};

/// Cycles from a token to its score or weight.
pub(super) const READ: u32 = 2;
/// Bits of a score or weight, and whether the token counts.
pub(super) const SCORE_BITS: u32 = 33;

/// Module `attention_scores_*`.
pub(super) fn scores(shape: &Shape) -> Module {
    let Shape { slots, context, .. } = *shape;
    let m = Module::new(
        &format!("attention_scores_q{slots}_c{context}"),
        "Scores that become weights, and weights that become codes, of all slots.",
    );
    let width = SCORE_BITS * slots as u32;
    let token = |name: &str, doc: &str| m.input(name, u(shape.token_bits()), doc);
    let read = token("read_token", "token whose score is read");
    let code = token("code_token", "token whose weight is read for its code");
    let write = token("write_token", "token whose score or weight arrives");
    let [score_we, weight_we] = [("score_we", "a score arrives"), ("weight_we", "a weight arrives")]
        .map(|(n, d)| m.input(n, u(1), d));
    let we = m.node("we", score_we | weight_we);
    let words = m.input("words", u(width), "score or weight of each slot, and whether the token counts");
    let bank = m.input("code_bank", u(1), "memory that codes are made from");
    let [even, odd] = [("even", !bank), ("odd", bank)].map(|(name, coded)| {
        let doc = "scores, then weights, and whether the token counts, of each slot";
        let memory = m.mem(name, width, context, shape.style(width, context), doc);
        memory.write(we & !coded, write, words);
        memory.read(&format!("{name}_read"), coded.mux(code, read), m.u(1, 1))
    });
    let old = m.delay("old", bank.mux(even, odd), "score of the token, and whether it counts");
    m.output("scores", u(width), "scores of the token, and whether it counts").set(old);
    let words = odd.words(SCORE_BITS).into_iter().zip(even.words(SCORE_BITS));
    let weights = words.map(|(odd, even)| bank.mux(odd.bits(0, 32), even.bits(0, 32)));
    let weights = m.delay("old_weights", m.cat_lsb(&weights.collect::<Vec<_>>()), "weights of the token");
    m.output("weights", u(32 * slots as u32), "weights of the token").set(weights);
    m
}
