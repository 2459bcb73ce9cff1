//! Constants and values of any width: little-endian 64-bit limbs, masked to the width.

use std::fmt;

/// Width in bits and sign of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ty {
    /// Bits, at least 1.
    pub width: u32,
    /// Two's complement when true.
    pub signed: bool,
}

/// Unsigned type of `width` bits.
pub const fn u(width: u32) -> Ty {
    Ty { width, signed: false }
}

/// Signed (two's complement) type of `width` bits.
pub const fn s(width: u32) -> Ty {
    Ty { width, signed: true }
}

/// Bits needed to index `n` things (at least 1): the address width of a memory of `n` words.
pub fn index_width(n: usize) -> u32 {
    (n.max(2) - 1).ilog2() + 1
}

/// Bits needed to hold the number `n` (at least 1): the width of a counter that reaches `n`.
pub fn count_width(n: usize) -> u32 {
    n.max(1).ilog2() + 1
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", if self.signed { "signed" } else { "unsigned" }, self.width)
    }
}

/// A value of a given width. Bits above the width are zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bits {
    width: u32,
    limbs: Vec<u64>,
}

/// Limbs that hold `width` bits.
pub(crate) fn limbs_for(width: u32) -> usize {
    width.div_ceil(64) as usize
}

/// Ones in the used bits of the top limb.
pub(crate) fn top_mask(width: u32) -> u64 {
    u64::MAX >> ((64 - width % 64) % 64)
}

impl Bits {
    /// All zero.
    pub fn zero(width: u32) -> Bits {
        Bits { width, limbs: vec![0; limbs_for(width)] }
    }

    /// The low `width` bits of little-endian limbs; missing limbs are zero.
    pub fn from_limbs(width: u32, limbs: &[u64]) -> Bits {
        let mut b = Bits::zero(width);
        let n = b.limbs.len().min(limbs.len());
        b.limbs[..n].copy_from_slice(&limbs[..n]);
        if let Some(top) = b.limbs.last_mut() {
            *top &= top_mask(width);
        }
        b
    }

    /// The low `width` bits of little-endian bytes; missing bytes are zero.
    pub fn from_bytes(width: u32, bytes: &[u8]) -> Bits {
        let limb = |c: &[u8]| c.iter().rev().fold(0, |a, b| a << 8 | u64::from(*b));
        let limbs: Vec<u64> = bytes.chunks(8).map(limb).collect();
        Bits::from_limbs(width, &limbs)
    }

    /// The low `width` bits of `value`.
    pub fn from_u64(width: u32, value: u64) -> Bits {
        Bits::from_limbs(width, &[value])
    }

    /// Two's complement of `value` in `width` bits, cut off above.
    pub fn from_i128(width: u32, value: i128) -> Bits {
        let mut limbs = vec![if value < 0 { u64::MAX } else { 0 }; limbs_for(width).max(2)];
        (limbs[0], limbs[1]) = (value as u64, (value >> 64) as u64);
        Bits::from_limbs(width, &limbs)
    }

    /// Width in bits.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Little-endian limbs.
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// Bit `i`; false beyond the width.
    pub fn bit(&self, i: u32) -> bool {
        i < self.width && self.limbs[(i / 64) as usize] >> (i % 64) & 1 == 1
    }

    /// The low 64 bits.
    pub fn to_u64(&self) -> u64 {
        self.limbs[0]
    }

    /// The low 64 bits of the sign-extended value.
    pub fn to_i64(&self) -> i64 {
        let spare = 64 - self.width.min(64);
        ((self.limbs[0] << spare) as i64) >> spare
    }

    /// Bits `lo .. lo + width`, zero above the top.
    pub fn slice(&self, lo: u32, width: u32) -> Bits {
        let limb = |i: u32| {
            let (at, sh) = ((lo / 64 + i) as usize, lo % 64);
            let get = |k: usize| self.limbs.get(k).copied().unwrap_or(0);
            let high = if sh == 0 { 0 } else { get(at + 1) << (64 - sh) };
            get(at) >> sh | high
        };
        let limbs: Vec<u64> = (0..limbs_for(width) as u32).map(limb).collect();
        Bits::from_limbs(width, &limbs)
    }

    /// Extended (by the sign when `signed`) or cut to `width` bits.
    pub fn resize(&self, width: u32, signed: bool) -> Bits {
        let mut b = Bits::from_limbs(width, &self.limbs);
        if signed && width > self.width && self.bit(self.width - 1) {
            let first = limbs_for(self.width) - 1;
            b.limbs[first] |= !top_mask(self.width);
            b.limbs[first + 1..].fill(u64::MAX);
            if let Some(top) = b.limbs.last_mut() {
                *top &= top_mask(width);
            }
        }
        b
    }

    /// True when every bit is zero.
    pub fn is_zero(&self) -> bool {
        self.limbs.iter().all(|l| *l == 0)
    }

    /// True when every bit is one.
    pub fn is_ones(&self) -> bool {
        let last = self.limbs.len() - 1;
        self.limbs[..last].iter().all(|l| *l == u64::MAX) && self.limbs[last] == top_mask(self.width)
    }
}

/// Hexadecimal digits without prefix, as many as the width needs.
impl fmt::LowerHex for Bits {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for d in (0..self.width.div_ceil(4)).rev() {
            let digit = self.limbs[(d / 16) as usize] >> (d % 16 * 4) & 15;
            write!(f, "{digit:x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}'h{self:x}", self.width)
    }
}

/// What can be written as a constant: integers, `bool`, limbs and [`Bits`].
pub trait Value {
    /// The value in type `ty`, or `None` when it does not fit.
    fn to_bits(&self, ty: Ty) -> Option<Bits>;
    /// Width of the smallest type of that sign that holds the value.
    fn min_width(&self, signed: bool) -> u32;
    /// The value for messages.
    fn show(&self) -> String;
}

impl Value for i128 {
    fn to_bits(&self, ty: Ty) -> Option<Bits> {
        let fits = match (ty.signed, ty.width) {
            (true, 128..) => true,
            (true, w) => (-(1i128 << (w - 1))..1i128 << (w - 1)).contains(self),
            (false, 127..) => *self >= 0,
            (false, w) => (0..1i128 << w).contains(self),
        };
        fits.then(|| Bits::from_i128(ty.width, *self))
    }
    fn min_width(&self, signed: bool) -> u32 {
        let magnitude = if *self < 0 { !*self } else { *self };
        (128 - magnitude.leading_zeros() + u32::from(signed)).max(1)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! int_values {
    ($($t:ty),*) => {$(
        impl Value for $t {
            fn to_bits(&self, ty: Ty) -> Option<Bits> {
                (*self as i128).to_bits(ty)
            }
            fn min_width(&self, signed: bool) -> u32 {
                (*self as i128).min_width(signed)
            }
            fn show(&self) -> String {
                (*self as i128).to_string()
            }
        }
    )*};
}
int_values!(bool, u8, u16, u32, u64, usize, i8, i16, i32, i64);

impl Value for Bits {
    fn to_bits(&self, ty: Ty) -> Option<Bits> {
        let fits = (ty.width..self.width).all(|i| !self.bit(i));
        fits.then(|| self.resize(ty.width, false))
    }
    fn min_width(&self, _signed: bool) -> u32 {
        self.width
    }
    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl Value for &Bits {
    fn to_bits(&self, ty: Ty) -> Option<Bits> {
        (*self).to_bits(ty)
    }
    fn min_width(&self, _signed: bool) -> u32 {
        self.width
    }
    fn show(&self) -> String {
        (*self).show()
    }
}

impl Value for &[u64] {
    fn to_bits(&self, ty: Ty) -> Option<Bits> {
        Bits::from_limbs(64 * self.len().max(1) as u32, self).to_bits(ty)
    }
    fn min_width(&self, _signed: bool) -> u32 {
        64 * self.len().max(1) as u32
    }
    fn show(&self) -> String {
        format!("{self:x?}")
    }
}
