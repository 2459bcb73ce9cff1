//! The multipliers of a slot, in chains of G: each adds its product to what comes from the one before, as a DSP block does (UG579).
//!
//! ```text
//! link 0   query code + weight code --> * byte --> + 0 --> sum      one of the two codes is zero
//! link 1     a cycle later          --> * byte --> + ----> sum
//! link 2       ..
//! ```
//!
//! K wants sums over the bytes of a token, V over the tokens side by side. So the bytes change places: of each square of G tokens by G
//! bytes, chain i has row i for K and column i for V. What comes out are parts of a token's score, or of a byte's sum, and no product
//! is added twice.
//!
//! ```text
//! square      K: chain = token     V: chain = byte
//! a b         (a b) (c d)          (a c) (b d)
//! c d
//! ```

use super::shape::{PRODUCT_BITS, Shape, later};
use crate::blocks::fp::Pace;
use crate::blocks::staged;
use crate::dsl::{Module, Sig, s, u};

/// Links of a chain at most: more would only delay the operands further.
const MOST_LINKS: usize = 4;
/// Bits of a chain's sum.
const CHAIN_BITS: u32 = PRODUCT_BITS + MOST_LINKS.ilog2();

/// A chain: the side token whose score it is a part of, and the byte of V whose sum it is a part of.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    pub side: usize,
    pub byte: usize,
}

/// G, a power of two.
pub(super) fn links(shape: &Shape) -> usize {
    shape.side.min(shape.width).min(MOST_LINKS)
}

/// Cycles from a beat to the sums of its chains: look-up, choice, product, sum, or at a slow clock choice and sum; and the links.
pub(super) fn latency(shape: &Shape) -> u32 {
    let first = match shape.pace {
        Pace::Fast => 4,
        Pace::Slow => 2,
    };
    first + links(shape) as u32 - 1
}

/// All chains.
pub(super) fn chains(shape: &Shape) -> Vec<Chain> {
    let g = links(shape);
    let of_side =
        |side: usize| (0..shape.width).step_by(g).map(move |at| Chain { side, byte: at + side % g });
    (0..shape.side).flat_map(of_side).collect()
}

impl Chain {
    /// First side token and first byte of its square.
    fn square(self, g: usize) -> (usize, usize) {
        (self.side / g * g, self.byte / g * g)
    }
}

/// The bytes of a beat by chain and link, each in the cycle in which its link takes it: one later from link to link.
pub(super) fn bytes<'m>(m: &'m Module, shape: &Shape, beat: Sig<'m>, value: Sig<'m>) -> Sig<'m> {
    let g = links(shape);
    let byte = |side: usize, byte: usize| beat.word((side * shape.width + byte) as u32, 8);
    let mut all = Vec::new();
    for (c, chain) in chains(shape).into_iter().enumerate() {
        let (sides, bytes) = chain.square(g);
        for k in 0..g {
            let (key, of_value) = (byte(chain.side, bytes + k), byte(sides + k, chain.byte));
            let chosen = if key.id == of_value.id { key } else { value.mux(of_value, key) };
            let chosen = staged(
                m,
                shape.slow(),
                &format!("byte_{c}_{k}"),
                chosen,
                "a cycle after the beat was offered",
            );
            all.push(later(m, &format!("byte_{c}_{k}"), chosen, k as u32));
        }
    }
    m.cat_lsb(&all)
}

/// The sums of all chains. `query` has a code for each byte, `weights` one for each side token, a cycle after the beat was taken; those that
/// the beat does not need are zero.
pub(super) fn sums<'m>(m: &'m Module, shape: &Shape, [query, weights]: [Vec<Sig<'m>>; 2]) -> Vec<Sig<'m>> {
    let bytes = m.input("bytes", u(shape.beat_bits()), "bytes of the beat by chain and link");
    let g = links(shape);
    let link = std::rc::Rc::new(multiply_add(shape.pace));
    // link k takes its operands k cycles later, and is the one of all places that are k modulo G
    let late = |name: &str, of: Vec<Sig<'m>>| -> Vec<Sig<'m>> {
        let late = |(i, x)| later(m, &format!("{name}_{i}"), x, (i % g) as u32);
        of.into_iter().enumerate().map(late).collect()
    };
    let (query, weights) = (late("query_code", query), late("weight_code", weights));
    let sum = |(c, chain): (usize, &Chain)| {
        let (sides, first) = chain.square(g);
        let sum = (0..g).fold(m.s(CHAIN_BITS, 0), |sum, k| {
            let next = m.instance(&format!("u_link_{c}_{k}"), &link);
            next.connect("query", query[first + k]);
            next.connect("weight", weights[sides + k]);
            next.connect("cached", bytes.word((c * g + k) as u32, 8).as_signed());
            next.connect("chained", sum);
            next.out("sum")
        });
        let bits = PRODUCT_BITS + g.ilog2();
        if bits < CHAIN_BITS {
            m.unused("fewer links, smaller sums", sum.bits(bits, CHAIN_BITS - bits));
        }
        sum.trunc(bits).as_signed()
    };
    chains(shape).iter().enumerate().map(sum).collect()
}

/// A link.
fn multiply_add(pace: Pace) -> Module {
    let m = Module::new(
        "attention_multiply_add",
        "A product added to what comes from the multiplier before, in a multiplier's adders where there are some.",
    );
    m.prefer_dsp();
    let code = |name: &str| m.input(name, s(16), "int16 code; one of the two is zero");
    let code = (code("query") + code("weight")).trunc(16).as_signed();
    let code = m.delay("code", code, "the one that is not zero");
    let byte = m.delay("cached_q", m.input("cached", s(8), "int8 code of the cache"), "with the code");
    let product = staged(&m, pace == Pace::Slow, "product", code * byte, "their product");
    let before = m.input("chained", s(CHAIN_BITS), "sum of the links before, a cycle before this one's");
    let sum = m.delay("sum_q", before.wrapping_add(product.resize(CHAIN_BITS)), "with this product");
    m.output("sum", s(CHAIN_BITS), "sum up to this link").set(sum);
    m
}
