//! The dimensions of the unit, and the small circuits that its parts share.

use crate::blocks::fp::{Latency, Pace};
use crate::blocks::memory_style;
use crate::dsl::{MemStyle, Module, Sig, count_width, index_width, u};
use sterna_spec::config::Config;
use sterna_spec::isa::Field;

/// Largest number of passes of an instruction.
pub(super) const PASSES: usize = 64;
/// Bits of a pass number.
pub(super) const PASS_BITS: u32 = 6;
/// Bits of a number of passes.
pub(super) const PASS_COUNT_BITS: u32 = 7;
/// Bits of a head in a pass descriptor as it is kept.
pub(super) const HEAD_BITS: u32 = 6;
/// Bits of a number of heads of a pass.
pub(super) const COUNT_BITS: u32 = 4;
/// Bits of a number of heads of an instruction.
pub(super) const HEADS_BITS: u32 = HEAD_BITS + 1;
/// Bits of the number of tokens that a row attends to beside its own.
pub(super) const PAST_BITS: u32 = 16;
/// Passes that the plan holds at most.
pub(super) const PLANNED: usize = 16;
/// Bits of a place in the plan.
pub(super) const PLAN_BITS: u32 = PLANNED.ilog2();
/// Bits of the number of a planned pass, which therefore says whether there are more.
pub(super) const NUMBER_BITS: u32 = PLAN_BITS + 1;
/// Bits of a product of a query or weight code and a byte of the cache.
pub(super) const PRODUCT_BITS: u32 = 24;

/// What follows from the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// P.
    pub rows: usize,
    /// B.
    pub beat_bytes: usize,
    /// U: bytes of one token in a beat.
    pub width: usize,
    /// S: tokens side by side in a beat.
    pub side: usize,
    /// V.
    pub lanes: usize,
    /// Q.
    pub slots: usize,
    /// Largest head size.
    pub head_size: usize,
    /// Largest number of positions.
    pub context: usize,
    /// Words of a row in the QUERY and ATT memories.
    pub row_words: usize,
    /// Bits of the number of a beat.
    pub place: u32,
    /// The part has blocks of 288 kbit.
    pub large_blocks: bool,
    /// The binary32 units are the vector unit's.
    pub lent_units: bool,
    /// Of the binary32 arithmetic.
    pub pace: Pace,
}

impl Shape {
    pub fn new(c: &Config) -> Shape {
        Shape {
            rows: c.rows as usize,
            beat_bytes: c.beat_bytes(),
            width: c.attention_width as usize,
            side: c.tokens_per_beat(),
            lanes: c.lanes as usize,
            slots: c.slots as usize,
            head_size: c.head_size as usize,
            context: c.context as usize,
            row_words: (c.heads * c.head_size / c.lanes) as usize,
            place: c.place_bits(),
            large_blocks: c.ultrascale(),
            lent_units: c.lends_units(),
            pace: Pace::of(c),
        }
    }

    /// Cycles of the binary32 arithmetic.
    pub fn latency(&self) -> Latency {
        Latency::at(self.pace)
    }
    /// Paths may be long, and area counts.
    pub fn slow(&self) -> bool {
        self.pace == Pace::Slow
    }

    /// Style of a memory that is read at the clock.
    pub fn style(&self, width: u32, depth: usize) -> MemStyle {
        memory_style(self.large_blocks, width, depth)
    }

    /// Bits of a beat.
    pub fn beat_bits(&self) -> u32 {
        8 * self.beat_bytes as u32
    }
    /// Largest number of segments of a head.
    pub fn segments(&self) -> usize {
        self.head_size / self.width
    }
    /// Bits of a segment's number.
    pub fn segment_bits(&self) -> u32 {
        index_width(self.segments())
    }
    /// Bits of a number of segments.
    pub fn segment_count_bits(&self) -> u32 {
        count_width(self.segments())
    }
    /// Words of V codes in a segment.
    pub fn parts(&self) -> usize {
        self.width / self.lanes
    }
    /// Bits of a position.
    pub fn token_bits(&self) -> u32 {
        index_width(self.context)
    }
    /// log2 S.
    pub fn side_bits(&self) -> u32 {
        self.side.ilog2()
    }
    /// Bits of the number of a group of S tokens.
    pub fn group_bits(&self) -> u32 {
        self.token_bits() - self.side_bits()
    }
    /// log2 of the scales in a beat.
    pub fn scale_bits(&self) -> u32 {
        (self.beat_bytes / 4).ilog2()
    }
    /// Bits of the number of a beat of scales.
    pub fn scale_beat_bits(&self) -> u32 {
        self.token_bits() - self.scale_bits()
    }
    /// Bits of a number of rows of a pass.
    pub fn group_rows_bits(&self) -> u32 {
        count_width(self.slots)
    }
    /// Bits of a slot's number.
    pub fn slot_bits(&self) -> u32 {
        index_width(self.slots)
    }
    /// Bits of a row's number.
    pub fn row_bits(&self) -> u32 {
        index_width(self.rows)
    }
    /// Bits of a score before it becomes binary32.
    pub fn score_bits(&self) -> u32 {
        PRODUCT_BITS + index_width(self.head_size)
    }
    /// Bits of an output sum: `context` products.
    pub fn sum_bits(&self) -> u32 {
        PRODUCT_BITS + self.token_bits()
    }
    /// Words of the QUERY and ATT memories.
    pub fn row_depth(&self) -> usize {
        (self.rows * self.row_words).max(2)
    }
    /// Bits of an address of the QUERY and ATT memories.
    pub fn address_bits(&self) -> u32 {
        index_width(self.row_depth())
    }
    /// Bits of a number of words of a row in the QUERY memory.
    pub fn words_bits(&self) -> u32 {
        count_width(self.row_words)
    }
    /// Bits of the heads of a pass.
    pub fn heads_bits(&self) -> u32 {
        HEAD_BITS * self.slots as u32
    }
    /// Part of the names of modules that depend on everything here.
    pub fn name(&self, part: &str) -> String {
        let Shape { rows, beat_bytes, width, lanes, slots, head_size, context, row_words, .. } = self;
        format!(
            "{part}_p{rows}_b{beat_bytes}_u{width}_v{lanes}_q{slots}_d{head_size}_c{context}_w{row_words}"
        )
    }

    /// First token that the row at `position` attends to, if it attends to `past` tokens before its own.
    pub fn first_token<'m>(&self, position: Sig<'m>, past: Sig<'m>) -> Sig<'m> {
        position.gt(past).mux(position.wrapping_sub(past).trunc(self.token_bits()), 0)
    }
    /// Number of the group of S tokens that holds `token`.
    pub fn group_of<'m>(&self, token: Sig<'m>) -> Sig<'m> {
        token.bits(self.side_bits(), self.group_bits())
    }
    /// Number of the beat that holds the scale of `token`.
    pub fn scale_beat_of<'m>(&self, token: Sig<'m>) -> Sig<'m> {
        token.bits(self.scale_bits(), self.scale_beat_bits())
    }

    /// First or last token of the group of S tokens that holds `token`.
    pub fn whole<'m>(&self, token: Sig<'m>, last: bool) -> Sig<'m> {
        let low = self.side_bits();
        if low == 0 {
            return token;
        }
        let m = token.module();
        m.unused("groups are whole", token.bits(0, low));
        m.cat_lsb(&[m.u(1, last).repeat(low), self.group_of(token)])
    }

    /// Declares the bits of first and last tokens that neither groups nor beats of scales depend on.
    pub fn unread_tokens(&self, m: &Module, tokens: [Sig; 2]) {
        let low = self.side_bits().min(self.scale_bits());
        if low > 0 {
            let why = "beats of scales and groups of tokens are whole";
            tokens.iter().for_each(|token| m.unused(why, token.bits(0, low)));
        }
    }

    /// Address of word `word` of row `row` in the QUERY and ATT memories.
    pub fn address<'m>(&self, m: &'m Module, row: Sig<'m>, word: Sig<'m>) -> Sig<'m> {
        let bits = self.address_bits();
        let base = |r: usize| m.u(bits, (r * self.row_words) % (1 << bits));
        let arms: Vec<_> = (1..self.rows).map(|r| (r, base(r))).collect();
        let word = word.resize(bits);
        if arms.is_empty() { word } else { row.case(&arms, base(0)).wrapping_add(word) }
    }

    /// Number of the first word of `head` in a row: `head * segments * U / V`.
    pub fn head_word<'m>(&self, m: &'m Module, head: Sig<'m>, segments: Sig<'m>) -> Sig<'m> {
        m.node("head_word", ((head * segments) << self.parts().ilog2()).resize(self.address_bits()))
    }
}

/// The `width` low bits of some instruction fields, in the order asked for; the other bits are declared unread.
pub(super) fn fields<'m>(m: &'m Module, insn: Sig<'m>, wanted: &[(Field, u32)]) -> Vec<Sig<'m>> {
    let mut places: Vec<(u32, u32)> = wanted.iter().map(|(f, w)| (f.bit(), *w)).collect();
    places.sort_unstable();
    places.push((insn.width(), 0));
    let mut at = 0;
    for (lo, width) in places {
        if lo > at {
            m.unused("other fields of the instruction", insn.bits(at, lo - at));
        }
        at = lo + width;
    }
    wanted.iter().map(|(f, w)| insn.bits(f.bit(), *w)).collect()
}

/// A one-bit signal and itself 1, 2, .. `length` cycles later: a shift register.
pub(super) fn taps<'m>(m: &'m Module, name: &str, bit: Sig<'m>, length: u32) -> Vec<Sig<'m>> {
    let line = m.reg(name, u(length), Some(0), "tags, bit k is k + 1 cycles old");
    let next = if length == 1 { bit } else { m.cat_lsb(&[bit, line.q().bits(0, length - 1)]) };
    line.set(next);
    std::iter::once(bit).chain((0..length).map(|k| line.q().bit(k))).collect()
}

/// `sig` delayed by `cycles`, without reset.
pub(super) fn later<'m>(m: &'m Module, name: &str, sig: Sig<'m>, cycles: u32) -> Sig<'m> {
    (1..=cycles).fold(sig, |s, k| m.delay(&format!("{name}_{k}"), s, ""))
}
