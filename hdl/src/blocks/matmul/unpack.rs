//! Trits of a beat to table indices, once for all rows.
//!
//! ```text
//! beat --[ninth]--[half]--[digits]--> five base-3 digits a byte --> groups of G digits --[index, negative]--> tables
//! ```
//!
//! A byte b = 64h + l, l = 9a + m gives b mod 9 = (h + m) mod 9 and b div 9 = 7h + a + carry: three look-ups of six bits
//! each instead of one of eight. At a slow clock the look-up of eight is a block memory.
//!
//! Ports: `beat`, `data` in; `stage`: one to three cycles after `beat`; four cycles after it `index` (R*T
//! entries) and `negative` (R*T signs, `signed` tables only).

use std::rc::Rc;

use super::dims::Dims;
use crate::dsl::{Bits, MemStyle, Module, Sig, cat_lsb, u};

/// Base-3 digits of `value` as 2-bit fields, least significant first.
fn digit_fields(value: u64, count: u32) -> u64 {
    (0..count).map(|i| (value / 3u64.pow(i) % 3) << (2 * i)).sum()
}

/// The table `f(0), f(1), ..` of `count` words.
fn words(width: u32, count: u64, f: impl Fn(u64) -> u64) -> Vec<Bits> {
    (0..count).map(|i| Bits::from_u64(width, f(i))).collect()
}

/// The five digits of a byte in three cycles, so that no function has more than six inputs. Each look-up has a table of
/// its own: tools that find memories do badly at many reads of one.
fn byte_digits(slow: bool) -> Module {
    let m = Module::new(
        "matmul_byte_digits",
        "The five base-3 digits of a byte, two bits each, in three cycles.",
    );
    let b = m.input("trits", u(8), "a byte of a beat");
    let stage = m.input("stage", u(3), "the byte is taken; one, two cycles later");
    let found = if slow { in_a_table(&m, b, stage) } else { in_steps(&m, b, stage) };
    let digits = m.reg("digits_q", u(10), None, "five digits");
    digits.when(stage.bit(2), found);
    m.output("digits", u(10), "the digits, least significant first").set(digits.q());
    m
}

/// The digits in a block memory.
fn in_a_table<'m>(m: &'m Module, b: Sig<'m>, stage: Sig<'m>) -> Sig<'m> {
    let taken = m.reg("taken", u(8), None, "the byte");
    taken.when(stage.bit(0), b);
    let table = m.mem("five_digits", 10, 256, MemStyle::Block, "digits of each byte");
    table.init(&words(10, 256, |byte| digit_fields(byte, 5))).read("found", taken.q(), stage.bit(1))
}

/// The digits in three look-ups.
fn in_steps<'m>(m: &'m Module, b: Sig<'m>, stage: Sig<'m>) -> Sig<'m> {
    let ninths = words(7, 64, |l| (l % 9) | ((l / 9) << 4));
    let low = words(5, 64, |i| {
        let sum = i % 16 + i / 16;
        digit_fields(sum % 9, 2) | (u64::from(sum >= 9) << 4)
    });
    let high = words(6, 64, |i| digit_fields((i % 8 + i / 8 % 2 + 7 * (i / 16)) % 27, 3));
    let ninths = m.rom("ninths", 7, &ninths, "remainder and quotient of the low six bits by 9");
    let low = m.rom("low_digits", 5, &low, "two digits and a carry from remainder and the top two bits");
    let high = m.rom("high_digits", 6, &high, "three digits from quotient, carry and the top two bits");

    let ninth = m.reg("ninth", u(9), None, "remainder 4, quotient 3, top two bits");
    ninth.when(stage.bit(0), cat_lsb(&[ninths.read_async("ninth_now", b.bits(0, 6)), b.bits(6, 2)]));
    let [remainder, quotient, top] = [(0, 4), (4, 3), (7, 2)].map(|(lo, width)| ninth.q().bits(lo, width));
    let half = m.reg("half", u(10), None, "two digits 4, carry 1, quotient 3, top two bits");
    let low_now = low.read_async("low_now", cat_lsb(&[remainder, top]));
    half.when(stage.bit(1), cat_lsb(&[low_now, quotient, top]));
    let select = cat_lsb(&[half.q().bits(5, 3), half.q().bit(4), half.q().bits(8, 2)]);
    cat_lsb(&[half.q().bits(0, 4), high.read_async("high_now", select)])
}

/// Entry and sign of a group of digits.
fn group_look_up(d: &Dims) -> Module {
    let m = Module::new("matmul_group_index", "Entry (and sign above it) that a group of digits stands for.");
    let (both, places) = (d.index_bits() + u32::from(d.signed), 2 * d.group as u32);
    let digits = m.input("digits", u(places), "base-3 digits, two bits each");
    let rom = m.rom("indices", both, &words(both, 1 << places, |fields| group_index(d, fields)), "by digits");
    m.output("index", u(both), "entry, sign").set(rom.read_async("found", digits));
    m
}

/// The unpacker of an engine.
pub(super) fn unpack(d: &Dims) -> Module {
    let m = Module::new("matmul_unpack", "Trits of a beat to table indices, once for all rows.");
    let beat = m.input("beat", u(1), "a beat is taken");
    let stage = m.input("stage", u(3), "one, two and three cycles later");
    let data = m.input("data", u(8 * d.beat_bytes as u32), "five trits a byte");
    let groups = d.lookups * d.tables;
    let trits = groups * d.group;
    let bytes = trits.div_ceil(5);
    let used = 8 * bytes as u32;
    if used < data.width() {
        m.unused("bytes without trits", data.bits(used, data.width() - used));
    }
    let byte = Rc::new(byte_digits(d.slow));
    let digits_of = |j: usize| {
        let b = m.instance(&format!("u_byte{j}"), &byte);
        b.connect("stage", cat_lsb(&[beat, stage.bits(0, 2)]));
        b.connect("trits", data.word(j as u32, 8));
        b.out("digits")
    };
    let all = m.cat_lsb(&(0..bytes).map(digits_of).collect::<Vec<_>>()).named("all_digits");
    let width = 2 * trits as u32;
    if width < all.width() {
        m.unused("digits of the last byte without a weight", all.bits(width, all.width() - width));
    }
    let bits = d.index_bits();
    let places = 2 * d.group as u32;
    let group = Rc::new(group_look_up(d));
    let index_of = |i: usize| {
        let g = m.instance(&format!("u_group_{}_{}", i / d.tables, i % d.tables), &group);
        g.connect("digits", all.word(i as u32, places));
        g.out("index")
    };
    let found: Vec<Sig> = (0..groups).map(index_of).collect();
    let index = m.reg("index_q", u(bits * groups as u32), None, "entry to read, for each look-up and table");
    index.when(stage.bit(2), m.cat_lsb(&found.iter().map(|f| f.bits(0, bits)).collect::<Vec<_>>()));
    m.output("index", index.q().ty(), "entry to read, table by table, then look-up by look-up")
        .set(index.q());
    if d.signed {
        let negative = m.reg("negative_q", u(groups as u32), None, "sign of what is read");
        negative.when(stage.bit(2), m.cat_lsb(&found.iter().map(|f| f.bit(bits)).collect::<Vec<_>>()));
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
        for slow in [false, true] {
            let mut sim = Sim::new(&byte_digits(slow)).unwrap();
            for (byte, trits) in sterna_spec::layout::unpack_table().iter().enumerate() {
                sim.set("trits", byte);
                for stage in [1, 2, 4] {
                    sim.set("stage", stage);
                    sim.tick();
                }
                let digits = sim.get("digits");
                let got: Vec<i8> = (0..5).map(|i| ((digits >> (2 * i)) & 3) as i8 - 1).collect();
                assert_eq!(got, trits, "byte {byte}");
            }
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
