//! Trits of a beat to table indices, once for all rows.
//!
//! ```text
//! beat --> bytes to five base-3 digits --[digits]--> groups of G digits to entry and sign --[index, negative]-->
//! ```
//!
//! A byte b = 64h + l, l = 9a + m gives b mod 9 = (h + m) mod 9 and b div 9 = 7h + a + carry: three look-ups of six bits
//! each instead of one of eight.
//!
//! Ports: `beat`, `data` in; `index` (R*T entries), `negative` (R*T signs, `signed` tables only) two cycles later.
//! `second` is high in the cycle after `beat`.

use super::dims::Dims;
use crate::dsl::{Bits, Module, Sig, cat_lsb, u};

/// Base-3 digits of `value` as 2-bit fields, least significant first.
fn digit_fields(value: u64, count: u32) -> u64 {
    (0..count).map(|i| (value / 3u64.pow(i) % 3) << (2 * i)).sum()
}

/// The table `f(0), f(1), ..` of `count` words.
fn words(width: u32, count: u64, f: impl Fn(u64) -> u64) -> Vec<Bits> {
    (0..count).map(|i| Bits::from_u64(width, f(i))).collect()
}

/// The digits of the first `count` bytes of `data`, ten bits a byte.
fn bytes_to_digits<'m>(m: &'m Module, data: Sig<'m>, count: usize) -> Sig<'m> {
    let ninths = m.rom(
        "ninths",
        7,
        &words(7, 64, |l| (l % 9) | ((l / 9) << 4)),
        "remainder and quotient of the low six bits by 9",
    );
    let low = m.rom(
        "low_digits",
        5,
        &words(5, 64, |i| {
            let sum = i % 16 + i / 16;
            digit_fields(sum % 9, 2) | (u64::from(sum >= 9) << 4)
        }),
        "two digits and a carry from remainder and the top two bits",
    );
    let high = m.rom(
        "high_digits",
        6,
        &words(6, 64, |i| digit_fields((i % 8 + i / 8 % 2 + 7 * (i / 16)) % 27, 3)),
        "three digits from quotient, carry and the top two bits",
    );
    let byte = |j: usize| {
        let b = data.word(j as u32, 8);
        let ninth = ninths.read_async(&format!("ninth_{j}"), b.bits(0, 6));
        let low = low.read_async(&format!("low_{j}"), cat_lsb(&[ninth.bits(0, 4), b.bits(6, 2)]));
        let select = cat_lsb(&[ninth.bits(4, 3), low.bit(4), b.bits(6, 2)]);
        let high = high.read_async(&format!("high_{j}"), select);
        cat_lsb(&[low.bits(0, 4), high])
    };
    m.cat_lsb(&(0..count).map(byte).collect::<Vec<_>>())
}

/// The unpacker of an engine.
pub(super) fn unpack(d: &Dims) -> Module {
    let m = Module::new("matmul_unpack", "Trits of a beat to table indices, once for all rows.");
    let beat = m.input("beat", u(1), "a beat is taken");
    let second = m.input("second", u(1), "the cycle after a beat was taken");
    let data = m.input("data", u(8 * d.beat_bytes as u32), "five trits a byte");
    let groups = d.lookups * d.tables;
    let trits = groups * d.group;
    let bytes = trits.div_ceil(5);
    let used = 8 * bytes as u32;
    if used < data.width() {
        m.unused("bytes without trits", data.bits(used, data.width() - used));
    }
    let all = bytes_to_digits(&m, data, bytes);
    let width = 2 * trits as u32;
    if width < all.width() {
        m.unused("digits of the last byte without a weight", all.bits(width, all.width() - width));
    }
    let digits = m.reg("digits", u(width), None, "base-3 digits of the beat, two bits each");
    digits.when(beat, all.bits(0, width));

    let bits = d.index_bits();
    let both = bits + u32::from(d.signed);
    let places = 2 * d.group as u32;
    let rom = m.rom(
        "group_index",
        both,
        &words(both, 1 << places, |fields| group_index(d, fields)),
        if d.signed { "magnitude and sign of a group of digits" } else { "number of a group of digits" },
    );
    let found: Vec<Sig> = (0..groups)
        .map(|i| {
            rom.read_async(
                &format!("group_{}_{}", i / d.tables, i % d.tables),
                digits.q().word(i as u32, places),
            )
        })
        .collect();
    let index = m.reg("index_q", u(bits * groups as u32), None, "entry to read, for each look-up and table");
    index.when(second, m.cat_lsb(&found.iter().map(|f| f.bits(0, bits)).collect::<Vec<_>>()));
    m.output("index", index.q().ty(), "entry to read, table by table, then look-up by look-up")
        .set(index.q());
    if d.signed {
        let negative = m.reg("negative_q", u(groups as u32), None, "sign of what is read");
        negative.when(second, m.cat_lsb(&found.iter().map(|f| f.bit(bits)).collect::<Vec<_>>()));
        m.output("negative", negative.q().ty(), "1: the negative of the entry counts").set(negative.q());
    }
    m
}

/// Entry (and sign above it) of a group given as 2-bit digits; digit 3 does not occur.
fn group_index(d: &Dims, fields: u64) -> u64 {
    let group = d.group as u32;
    let index: i64 = (0..group).map(|g| (((fields >> (2 * g)) & 3).min(2) * 3u64.pow(g)) as i64).sum();
    let value = index - (3i64.pow(group) - 1) / 2;
    match d.signed {
        false => index as u64,
        true => value.unsigned_abs() | (u64::from(value < 0) << d.index_bits()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::Sim;
    use sterna_spec::config::Config;

    #[test]
    fn every_byte_gives_its_five_digits() {
        let m = Module::new("one_byte", "");
        let data = m.input("data", u(8), "");
        m.output("digits", u(10), "").set(bytes_to_digits(&m, data, 1));
        let mut sim = Sim::new(&m).unwrap();
        for (byte, trits) in sterna_spec::layout::unpack_table().iter().enumerate() {
            sim.set("data", byte);
            let digits = sim.get("digits");
            let got: Vec<i8> = (0..5).map(|i| ((digits >> (2 * i)) & 3) as i8 - 1).collect();
            assert_eq!(got, trits, "byte {byte}");
        }
    }

    #[test]
    fn signed_indices_are_magnitude_and_sign() {
        let d = Dims::new(&Config::preset("tiny").unwrap());
        assert!(d.signed);
        assert_eq!(group_index(&d, 0b01_01_01), 0);
        assert_eq!(group_index(&d, 0b10_01_01), 9);
        assert_eq!(group_index(&d, 0b00_01_01), 9 | 16);
        assert_eq!(group_index(&d, 0), 13 | 16);
        assert_eq!(d.entry_digits(5), [-1, -1, 1]);
        assert_eq!(Dims { signed: false, ..d }.entry_digits(0), [-1, -1, -1]);
    }
}
