//! Reciprocal, reciprocal square root and power of two of a binary32 number.
//!
//! ```text
//! s1   operand examined
//! s2   special results; exponent (recip, rsqrt); fixed point (exp2)
//! s3   fixed point negated; segment and place in it
//! s4   coefficients read from the ROM
//! s5   a second register for block RAM
//! s6   curvature * place
//! s7   + slope
//! s8   slope * place, in two parts, each of one multiplier block of any family
//! s9   + value at the left end of the segment
//! s10  mantissa of a special result or of the table chosen
//! ```
//!
//! At a slow clock s4, which is the ROM's, s7 and s10 end in registers.
//!
//! | port | | |
//! |---|---|---|
//! | `x` | in | binary32 |
//! | `func` | in | 3 bits, [`Func`]: exp2, recip or rsqrt |
//! | `result` | out | binary32, [`Latency::sfu`](super::Latency) cycles later |
//!
//! Tables, widths and order of the integer operations are those of [`sterna_spec::numbers::sfu`].

use super::fields::Fields;
use super::pace::{Depth, Pace, Stages};
use crate::dsl::{Bits, MemStyle, Module, Sig, cat_lsb, u};
use sterna_spec::isa::Func;
use sterna_spec::numbers::sfu::{
    C0_BITS, C1_BITS, C2_BITS, DX_BITS, EXP2_FRACTION_BITS, EXP2_TABLE, GUARD_BITS, INDEX_BITS, RECIP_TABLE,
    RSQRT_TABLE, SEGMENT_BITS, rom,
};

pub(super) const DEPTH: Depth = Depth { stages: 10, slow: &[4, 7, 10] };

/// Module `f32_sfu`: `exp2`, `recip` and `rsqrt` of [`sterna_spec::numbers`].
pub fn sfu(pace: Pace) -> Module {
    let cycles = DEPTH.cycles(pace);
    let doc =
        format!("Elementary functions of a binary32 number: one table, one quadratic; {cycles} cycles.");
    let m = Module::new("f32_sfu", &doc);
    let at = Stages::new(&m, &DEPTH, pace);
    let x = m.input("x", u(32), "binary32");
    let func = m.input("func", u(3), "2 exp2, 3 recip, 4 rsqrt");
    let result = m.output("result", u(32), &format!("binary32, {cycles} cycles later"));

    let operand = Operand::examine(at, x, func);
    let special = at.later("special", operand.special(&m), 2..=3);
    let place = operand.place(at);

    // A special result has its exponent from here on.
    let [sign, direct, ones, nan] = [0, 1, 2, 3].map(|i| special.bit(i));
    let exponent = direct.mux(ones.repeat(8), place.exponent);
    let rest = at.later("rest", cat_lsb(&[exponent, sign, direct, nan]), 4..=9);
    let [exponent, sign, direct, nan] =
        [(0, 8), (8, 1), (9, 1), (10, 1)].map(|(lo, width)| rest.bits(lo, width));
    let fraction = direct.mux(cat_lsb(&[m.u(22, 0), nan]), quadratic(at, place.index, place.dx));
    result.set(at.end(10, "result", cat_lsb(&[fraction, exponent, sign]), ""));
    m
}

/// Stage 1: the operand and what can be said of it.
struct Operand<'m> {
    x: Fields<'m>,
    func: Sig<'m>,
    /// Zero or subnormal.
    zero: Sig<'m>,
    /// Infinity or NaN.
    special: Sig<'m>,
    /// No fraction: a power of two, if normal.
    power: Sig<'m>,
    /// 128 or more: `exp2` is infinite.
    above: Sig<'m>,
    /// Less than -126: `exp2` is zero.
    below: Sig<'m>,
    /// 2^127 or just below, or more: `recip` is zero.
    huge: Sig<'m>,
    /// `exp2`: how far the significand goes right, and whether all the way.
    distance: Sig<'m>,
    vanishes: Sig<'m>,
}

/// Stage 3: where to look, and the exponent of the result.
struct Place<'m> {
    index: Sig<'m>,
    dx: Sig<'m>,
    exponent: Sig<'m>,
}

impl<'m> Operand<'m> {
    fn examine(at: Stages<'m>, x: Sig<'m>, func: Sig<'m>) -> Operand<'m> {
        let f = Fields::of(x);
        let least = (-126f32).abs().to_bits();
        // 2^-126 is the reciprocal of 2^126; that of the next number is flushed.
        let huge = f.exponent.ge(254u8) | f.exponent.eq(253u8) & f.fraction.any();
        Operand {
            x: Fields::of(at.end(1, "x", x, "")),
            func: at.end(1, "func", func, ""),
            zero: at.end(1, "zero", f.is_zero(), "zero or subnormal"),
            special: at.end(1, "special", f.is_special(), "infinity or NaN"),
            power: at.end(1, "power_of_two", !f.fraction.any(), "no fraction"),
            above: at.end(1, "exp2_above", !f.sign & f.exponent.ge(134u8), "128 or more"),
            below: at.end(1, "exp2_below", f.sign & x.bits(0, 31).gt(least), "less than -126"),
            huge: at.end(1, "recip_huge", huge, "above 2^126"),
            distance: at.end(
                1,
                "distance",
                at.m.u(8, 133).wrapping_sub(f.exponent).bits(0, 5),
                "exp2: to the right",
            ),
            vanishes: at.end(1, "vanishes", f.exponent.lt(102u8), "exp2: too small to matter"),
        }
    }

    fn is(&self, function: Func) -> Sig<'m> {
        self.func.eq(function as u8)
    }

    /// {sign, whether the result needs no table; if so: all ones in its exponent, and it is the canonical NaN}.
    fn special(&self, m: &'m Module) -> Sig<'m> {
        let (exp2, rsqrt) = (self.is(Func::Exp2), self.is(Func::Rsqrt));
        let sign = self.x.sign;
        let is_nan = m.node("s1_nan", self.special & !self.power);
        let nan = m.node("result_nan", is_nan | rsqrt & sign & !self.zero);
        let infinite = m.node("result_infinite", exp2.mux(self.above, self.zero));
        let zero = m.node("result_zero", exp2.mux(self.below, rsqrt.mux(self.special, self.huge)));
        let sign = sign & !(exp2 | rsqrt | nan);
        cat_lsb(&[sign, nan | infinite | zero, nan | infinite, nan])
    }

    /// Stages 2 and 3: ROM address, place in the segment, exponent.
    fn place(&self, at: Stages<'m>) -> Place<'m> {
        let m = at.m;
        let (exp2, rsqrt) = (self.is(Func::Exp2), self.is(Func::Rsqrt));
        // An even biased exponent stands for an odd one: its factor 2 goes to the table.
        let octave = m.u(2, RSQRT_TABLE) | (!self.x.exponent.bit(0)).zext(2);
        let table = exp2.mux(m.u(2, EXP2_TABLE), rsqrt.mux(octave, m.u(2, RECIP_TABLE)));
        let table = at.end(2, "table", table, "upper part of the ROM address");
        let fraction = at.end(2, "fraction", self.x.fraction, "");
        let exponent = at.end(2, "exponent", self.exponent(m), "of the result, but for exp2");
        let fixed = self.fixed(at);

        let exp2 = m.node("s2_exp2", table.eq(EXP2_TABLE));
        let low = cat_lsb(&[m.u(1, 0), fraction]);
        let place = m.node("place", exp2.mux(fixed.bits(0, EXP2_FRACTION_BITS), low));
        let index = cat_lsb(&[place.bits(DX_BITS, SEGMENT_BITS), table]);
        let exponent = exp2.mux(fixed.bits(EXP2_FRACTION_BITS, 8), exponent);
        let exponent = at.end(3, "exponent", exponent, "of the result, for exp2 without bias");
        let exp2 = at.end(3, "exp2", exp2, "");
        Place {
            index: at.end(3, "index", index, "ROM address"),
            dx: at.end(3, "dx", place.bits(0, DX_BITS), "place in the segment"),
            exponent: exponent.wrapping_add(exp2.repeat(7).zext(8)),
        }
    }

    /// Biased exponent of `recip` (253 - e, 254 - e for a power of two) or `rsqrt` ((380 - e) / 2, one more for an even power).
    fn exponent(&self, m: &'m Module) -> Sig<'m> {
        let rsqrt = self.is(Func::Rsqrt);
        let even_power = self.power & self.x.exponent.bit(0);
        let twice = even_power.mux(m.u(9, 382), m.u(9, 380));
        let once = self.power.mux(m.u(9, 254), m.u(9, 253));
        let from = m.node("exponent_from", rsqrt.mux(twice, once));
        let difference = m.node("exponent_difference", from.wrapping_sub(self.x.exponent));
        rsqrt.mux(difference.bits(1, 8), difference.bits(0, 8))
    }

    /// The operand of `exp2` as a number with 24 fraction bits, modulo 256, in stage 2.
    fn fixed(&self, at: Stages<'m>) -> Sig<'m> {
        let m = at.m;
        let significand = cat_lsb(&[m.u(8, 0), self.x.fraction, m.u(1, 1)]);
        let halves = significand.shr_dyn(self.distance) & (!self.vanishes).repeat(32);
        let halves = at.end(2, "halves", halves, "exp2: magnitude in units of 2^-25");
        let sign = at.end(2, "sign", self.x.sign, "");
        // To the nearest 2^-24, ties away from zero: -(h + l) = ~h + 1 - l, where l is the lowest bit.
        let flipped = halves.bits(1, 31).zext(32) ^ sign.repeat(32);
        let carry = m.node("fixed_carry", sign ^ halves.bit(0));
        m.node("fixed", flipped.wrapping_add(carry))
    }
}

/// Stages 4 to 9: the 23 bits of the fraction.
fn quadratic<'m>(at: Stages<'m>, index: Sig<'m>, dx: Sig<'m>) -> Sig<'m> {
    let m = at.m;
    let words: Vec<Bits> = rom().iter().map(|c| word(c.c0, c.c1, c.c2)).collect();
    let table = m.mem(
        "coefficients",
        C0_BITS + C1_BITS + C2_BITS,
        1 << INDEX_BITS,
        MemStyle::Auto,
        "c0, c1, c2 from bit 0 on",
    );
    let entry = table.init(&words).read("s4_entry", index, m.u(1, 1));
    let entry = at.end(5, "entry", entry, "");
    let dx = at.later("dx", dx, 4..=5);
    let c0 = at.later("c0", entry.bits(0, C0_BITS), 6..=8);
    let c1 = at.later("c1", entry.bits(C0_BITS, C1_BITS).as_signed(), 6..=6);
    let c2 = entry.bits(C0_BITS + C1_BITS, C2_BITS);

    let bend = at.end(6, "bend", (c2 * dx) >> DX_BITS, "c2 * dx");
    let slope = at.end(7, "slope", c1.wrapping_add(bend.zext(C1_BITS).as_signed()), "c1 + c2 * dx");
    let dx = at.later("dx", dx, 6..=7);
    // the part of the slope above 2^DX_BITS makes whole steps, so the fraction is cut off the other part's product alone
    let low = at.end(8, "low", (slope.bits(0, DX_BITS) * dx) >> DX_BITS, "dx * low part of the slope");
    let steep = slope.bits(DX_BITS, C1_BITS - DX_BITS).as_signed();
    let high = at.end(8, "high", steep * dx.zext(DX_BITS + 1).as_signed(), "dx * high part of the slope");
    let rise = high.resize(C0_BITS).as_unsigned().wrapping_add(low.zext(C0_BITS));
    let sum = m.node("sum", c0.wrapping_add(rise));
    m.unused("guard bits", sum.bits(0, GUARD_BITS));
    at.end(9, "fraction", sum.bits(GUARD_BITS, 23), "")
}

/// One word of the ROM.
fn word(c0: u32, c1: i32, c2: u32) -> Bits {
    let c1 = c1 as u64 & ((1 << C1_BITS) - 1);
    let all = u64::from(c0) | c1 << C0_BITS | u64::from(c2) << (C0_BITS + C1_BITS);
    Bits::from_u64(C0_BITS + C1_BITS + C2_BITS, all)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use sterna_spec::numbers;

    fn reference([x, func]: [i64; 2]) -> u64 {
        let x = f32::from_bits(x as u32);
        let y = match Func::from_bits(func as u32) {
            Some(Func::Exp2) => numbers::exp2(x),
            Some(Func::Recip) => numbers::recip(x),
            Some(Func::Rsqrt) => numbers::rsqrt(x),
            _ => x,
        };
        y.to_bits().into()
    }

    #[test]
    fn equals_the_definition() {
        // exp2 has most to do between 2^-26 and 2^7; the functions change from one operand to the next.
        let mut x = operands(40_000, 0..256);
        x.extend(operands(40_000, 100..135));
        let x: Vec<[i64; 2]> = x.iter().flat_map(|x| (2..5).map(move |f| [i64::from(*x), f])).collect();
        for pace in Pace::ALL {
            let answers = run(&sfu(pace), ["x", "func"], "result", DEPTH.cycles(pace), &x);
            check(&x, &answers, reference);
            let exact = |[x, f]: [i64; 2]| match f {
                3 => u64::from((1.0 / f32::from_bits(x as u32)).to_bits()),
                _ => reference([x, f]),
            };
            assert!(contradictions(&x, &answers, exact) > 100, "the table is not exact to the last place");
        }
    }

    #[test]
    fn each_rom_entry_is_read() {
        // All segments at both ends and inside.
        let mut x = Vec::new();
        for segment in 0..128u32 {
            for low in [0, 1, 0x7fff, 0x8000, 0xffff] {
                let fraction = segment << 16 | low;
                x.extend([
                    [0x3f80_0000 | fraction, 3],
                    [0x3f80_0000 | fraction, 4],
                    [0x4000_0000 | fraction, 4],
                ]);
                x.extend([[0x3f80_0000 | fraction, 2], [0xbf80_0000 | fraction, 2]]);
            }
        }
        let x: Vec<[i64; 2]> = x.iter().map(|p| p.map(i64::from)).collect();
        for pace in Pace::ALL {
            check(&x, &run(&sfu(pace), ["x", "func"], "result", DEPTH.cycles(pace), &x), reference);
        }
    }
}
