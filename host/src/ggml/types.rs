//! The types of ggml by number and name, with the size of their blocks.

use super::{Error, Result};
use std::fmt;

/// Bytes behind the codes of an I2_S tensor; the first four are its scale.
pub(super) const I2S_TAIL: usize = 32;

macro_rules! types {
    ($($variant:ident = $id:literal: $block:literal, $bytes:expr;)*) => {
        /// A ggml tensor type that a file may hold. Many are known by name and size only; see [`super::decode`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(non_camel_case_types, missing_docs)] // the names are ggml's
        pub enum Type { $($variant = $id,)* }

        impl Type {
            const ALL: &[Type] = &[$(Type::$variant),*];

            /// ggml's name.
            pub fn name(self) -> &'static str {
                match self { $(Type::$variant => stringify!($variant),)* }
            }

            fn block(self) -> (usize, usize) {
                match self { $(Type::$variant => ($block, $bytes),)* }
            }
        }
    };
}

types! {
    F32 = 0: 1, 4;
    F16 = 1: 1, 2;
    Q4_0 = 2: 32, 18;
    Q4_1 = 3: 32, 20;
    Q5_0 = 6: 32, 22;
    Q5_1 = 7: 32, 24;
    Q8_0 = 8: 32, 34;
    Q8_1 = 9: 32, 36;
    Q2_K = 10: 256, 84;
    Q3_K = 11: 256, 110;
    Q4_K = 12: 256, 144;
    Q5_K = 13: 256, 176;
    Q6_K = 14: 256, 210;
    Q8_K = 15: 256, 292;
    IQ2_XXS = 16: 256, 66;
    IQ2_XS = 17: 256, 74;
    IQ3_XXS = 18: 256, 98;
    IQ1_S = 19: 256, 50;
    IQ4_NL = 20: 32, 18;
    IQ3_S = 21: 256, 110;
    IQ2_S = 22: 256, 82;
    IQ4_XS = 23: 256, 136;
    I8 = 24: 1, 1;
    I16 = 25: 1, 2;
    I32 = 26: 1, 4;
    I64 = 27: 1, 8;
    F64 = 28: 1, 8;
    IQ1_M = 29: 256, 56;
    BF16 = 30: 1, 2;
    TQ1_0 = 34: 256, 54;
    TQ2_0 = 35: 256, 66;
    I2_S = 36: 4, 1;
    NVFP4 = 40: 64, 36;
    Q1_0 = 41: 128, 18;
}

impl Type {
    /// The type with ggml's number `id`. Unknown, withdrawn and CPU-specific types are errors with a way out. 36 and
    /// above follow bitnet.cpp where it and llama.cpp differ, for the files read here are BitNet's.
    pub fn from_id(id: u32) -> Result<Type> {
        match id {
            4 | 5 => Err(Error::WithdrawnType { id, name: if id == 4 { "Q4_2" } else { "Q4_3" } }),
            31..=33 => {
                Err(Error::WithdrawnType { id, name: ["Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8"][id as usize - 31] })
            }
            37 => Err(Error::WithdrawnType { id, name: "I8_S or IQ4_NL_4_8" }),
            38 => Err(Error::Tiled { id, name: "TL1" }),
            39 => Err(Error::Tiled { id, name: "TL2, or llama.cpp's MXFP4" }),
            _ => Type::ALL.iter().copied().find(|t| t.id() == id).ok_or(Error::UnknownType { id }),
        }
    }

    /// ggml's number.
    pub fn id(self) -> u32 {
        self as u32
    }

    /// Elements of a block. A byte of I2_S codes counts as a block of 4, although they lie apart.
    pub fn block_len(self) -> usize {
        self.block().0
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        self.block().1
    }

    /// True for the types of ternary matrices.
    pub fn is_ternary(self) -> bool {
        matches!(self, Type::TQ1_0 | Type::TQ2_0 | Type::I2_S)
    }

    /// Bytes of a tensor of `rows` rows (the product of all but the innermost dimension) of `elements` elements. A row
    /// must be whole blocks.
    pub fn bytes(self, elements: usize, rows: usize) -> Result<usize> {
        let (block, bytes) = self.block();
        if !elements.is_multiple_of(block) {
            return Err(Error::PartialBlock { kind: self, elements, block });
        }
        let tail = if self == Type::I2_S { I2S_TAIL } else { 0 };
        let size = (elements / block).checked_mul(bytes).and_then(|row| row.checked_mul(rows));
        size.and_then(|s| s.checked_add(tail)).ok_or(Error::TooLarge { rows, elements })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        for &kind in Type::ALL {
            assert_eq!(Type::from_id(kind.id()), Ok(kind));
        }
    }

    #[test]
    fn sizes_follow_the_formats() {
        assert_eq!(Type::TQ2_0.bytes(512, 3), Ok(6 * 66));
        assert_eq!(Type::I2_S.bytes(2560, 640), Ok(2560 * 640 / 4 + 32));
        assert_eq!(Type::F16.bytes(7, 3), Ok(42));
        assert!(Type::TQ1_0.bytes(128, 1).is_err());
        assert!(Type::F32.bytes(usize::MAX / 4, 4).is_err());
    }
}
