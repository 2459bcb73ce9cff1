//! Places of the fields in an instruction.

/// A field of an instruction: word, lowest bit, width in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Word of the instruction, 0..8.
    pub word: usize,
    /// Lowest bit in the word.
    pub lo: u32,
    /// Width in bits.
    pub width: u32,
}

impl Field {
    const fn new(word: usize, lo: u32, width: u32) -> Self {
        Field { word, lo, width }
    }

    /// Lowest bit counted over the whole instruction.
    pub const fn bit(self) -> u32 {
        self.word as u32 * 32 + self.lo
    }

    pub(super) fn mask(self) -> u32 {
        if self.width == 32 { u32::MAX } else { (1 << self.width) - 1 }
    }

    /// Reads the field from an instruction's words.
    pub fn get(self, words: &[u32; 8]) -> u32 {
        (words[self.word] >> self.lo) & self.mask()
    }

    pub(super) fn put(self, words: &mut [u32; 8], value: u32) {
        debug_assert!(value <= self.mask(), "{self:?} cannot hold {value}");
        words[self.word] |= (value & self.mask()) << self.lo;
    }
}

/// The fields' places: the one definition for encoder, decoder and hardware.
pub mod field {
    use super::Field;
    /// Operation code.
    pub const OP: Field = Field::new(0, 0, 8);
    /// Only rows that ask for logits.
    pub const HEAD: Field = Field::new(0, 8, 1);
    /// The matrix, or the load, does not wait for the vector instructions before it; those behind the attention do not wait for it.
    pub const BESIDE: Field = Field::new(0, 9, 1);
    /// Heads of the attention at work that must be done.
    pub const AFTER: Field = Field::new(0, 10, 6);
    /// Words, elements, blocks or passes.
    pub const N: Field = Field::new(0, 16, 16);
    /// Address of A; chunks; segments; index kind.
    pub const A: Field = Field::new(1, 0, 16);
    /// Address of b; planes; window.
    pub const B: Field = Field::new(1, 16, 16);
    /// Address of m.
    pub const M: Field = Field::new(2, 0, 16);
    /// Address of the result; first word of the queries that come behind an attention.
    pub const DST: Field = Field::new(2, 16, 16);
    /// Repetitions (heads).
    pub const REP: Field = Field::new(3, 0, 8);
    /// Scalar of the maximum.
    pub const SMAX: Field = Field::new(3, 8, 8);
    /// Scalar of the sum.
    pub const SSUM: Field = Field::new(3, 16, 8);
    /// Words between the rows' parts in shared memory.
    pub const M_STRIDE: Field = Field::new(3, 24, 8);
    /// Immediate factor; stride of a gather in beats.
    pub const IMM_M: Field = Field::new(4, 0, 32);
    /// Source of A.
    pub const A_KIND: Field = Field::new(5, 0, 3);
    /// Read A with its halves exchanged.
    pub const ROTATE: Field = Field::new(5, 3, 1);
    /// Source of m.
    pub const M_KIND: Field = Field::new(5, 4, 3);
    /// Advance m's scalar.
    pub const M_INC: Field = Field::new(5, 7, 1);
    /// Function.
    pub const FN: Field = Field::new(5, 8, 3);
    /// Second operation.
    pub const ZOP: Field = Field::new(5, 12, 3);
    /// Source of b.
    pub const B_KIND: Field = Field::new(5, 16, 2);
    /// Advance b's scalar.
    pub const B_INC: Field = Field::new(5, 18, 1);
    /// Destination.
    pub const DST_KIND: Field = Field::new(5, 20, 4);
    /// Reduce to the maximum magnitude.
    pub const REDUCE_MAX: Field = Field::new(5, 24, 1);
    /// Reduce to the sum of squares of A.
    pub const REDUCE_SUM: Field = Field::new(5, 25, 1);
    /// The reductions go on in the next instruction that has them.
    pub const PART: Field = Field::new(5, 26, 1);
    /// Immediate b; limit of ids.
    pub const IMM_B: Field = Field::new(6, 0, 32);
    /// Memory address in beats; first id.
    pub const ADDR: Field = Field::new(7, 0, 32);
}
