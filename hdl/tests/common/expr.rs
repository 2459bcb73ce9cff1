//! An expression in a module of the DSL, and its value by the definition of each operator.

use num_bigint::BigInt;
use sterna_hdl::dsl::*;

use super::{Expr, Op, to_bits, wrap};

impl Expr {
    /// The expression in a module; named parts get names beginning with `tag`, and are declared read.
    pub fn build<'m>(&self, m: &'m Module, inputs: &[Sig<'m>], tag: &str, count: &mut u32) -> Sig<'m> {
        let mut b = |e: &Expr| e.build(m, inputs, tag, count);
        let sig = match &self.op {
            Op::Input(i) => inputs[*i],
            Op::Lit(v) => m.lit(self.ty, to_bits(v, self.ty.width)),
            Op::Bin(name, x, y) => {
                let (x, y) = (b(x), b(y));
                match *name {
                    "+" => x + y,
                    "-" => x - y,
                    "*" => x * y,
                    "wrapping_add" => x.wrapping_add(y),
                    "wrapping_sub" => x.wrapping_sub(y),
                    "&" => x & y,
                    "|" => x | y,
                    "^" => x ^ y,
                    "eq" => x.eq(y),
                    "ne" => x.ne(y),
                    "lt" => x.lt(y),
                    "le" => x.le(y),
                    "gt" => x.gt(y),
                    "ge" => x.ge(y),
                    "shl" => x.shl_dyn(y),
                    _ => x.shr_dyn(y),
                }
            }
            Op::Un(name, x) => {
                let x = b(x);
                match *name {
                    "!" => !x,
                    "neg" => -x,
                    "any" => x.any(),
                    "all" => x.all(),
                    "parity" => x.xor_reduce(),
                    "signed" => x.as_signed(),
                    _ => x.as_unsigned(),
                }
            }
            Op::Resize(x) => b(x).resize(self.ty.width),
            Op::Slice(x, lo) => b(x).bits(*lo, self.ty.width),
            Op::Shl(x, k) => b(x) << *k,
            Op::Shr(x, k) => b(x) >> *k,
            Op::Word(x, i) => {
                let (x, i) = (b(x), b(i));
                x.word_dyn(i, self.ty.width)
            }
            Op::Cat(parts) => {
                let parts: Vec<Sig> = parts.iter().map(b).collect();
                cat_lsb(&parts)
            }
            Op::Repeat(x, k) => b(x).repeat(*k),
            Op::Mux(c, x, y) => {
                let (c, x, y) = (b(c), b(x), b(y));
                mux(c, x, y)
            }
            Op::Case(sel, arms, default) => {
                let sel = b(sel);
                let arms: Vec<(u64, Sig)> = arms.iter().map(|(k, a)| (*k, b(a))).collect();
                sel.case(&arms, b(default))
            }
            Op::Named(x) => {
                let x = b(x);
                *count += 1;
                let x = x.named(&format!("{tag}_part{count}"));
                m.unused("random", x);
                x
            }
        };
        assert_eq!(sig.ty(), self.ty, "{self:?}");
        sig
    }

    /// The value, by the definition of each operator.
    pub fn eval(&self, inputs: &[BigInt]) -> BigInt {
        let e = |x: &Expr| x.eval(inputs);
        let bits = |x: &Expr| wrap(&e(x), u(x.ty.width));
        let number = |x: &Expr| bits(x).to_u64_digits().1.first().copied().unwrap_or(0);
        let v = match &self.op {
            Op::Input(i) => inputs[*i].clone(),
            Op::Lit(v) => v.clone(),
            Op::Bin(name, x, y) => match *name {
                "+" | "wrapping_add" => e(x) + e(y),
                "-" | "wrapping_sub" => e(x) - e(y),
                "*" => e(x) * e(y),
                "&" => e(x) & e(y),
                "|" => e(x) | e(y),
                "^" => e(x) ^ e(y),
                "eq" => BigInt::from(e(x) == e(y)),
                "ne" => BigInt::from(e(x) != e(y)),
                "lt" => BigInt::from(e(x) < e(y)),
                "le" => BigInt::from(e(x) <= e(y)),
                "gt" => BigInt::from(e(x) > e(y)),
                "ge" => BigInt::from(e(x) >= e(y)),
                "shl" => e(x) << number(y),
                _ => e(x) >> number(y),
            },
            Op::Un(name, x) => match *name {
                "!" => !e(x),
                "neg" => -e(x),
                "any" => BigInt::from(bits(x) != BigInt::from(0)),
                "all" => BigInt::from(bits(x) + 1 == BigInt::from(1) << x.ty.width),
                "parity" => BigInt::from(bits(x).magnitude().count_ones() % 2),
                _ => e(x),
            },
            Op::Resize(x) | Op::Named(x) => e(x),
            Op::Slice(x, lo) => bits(x) >> *lo,
            Op::Shl(x, k) => e(x) << *k,
            Op::Shr(x, k) => e(x) >> *k,
            Op::Word(x, i) => bits(x) >> (number(i) * u64::from(self.ty.width)),
            Op::Cat(parts) => {
                let mut at = 0;
                let mut all = BigInt::from(0);
                for p in parts {
                    all |= bits(p) << at;
                    at += p.ty.width;
                }
                all
            }
            Op::Repeat(x, k) => (0..*k).fold(BigInt::from(0), |a, i| a | bits(x) << (i * x.ty.width)),
            Op::Mux(c, x, y) => {
                if e(c) == BigInt::from(1) {
                    e(x)
                } else {
                    e(y)
                }
            }
            Op::Case(sel, arms, default) => {
                let key = number(sel);
                arms.iter().find(|a| a.0 == key).map_or_else(|| e(default), |a| e(&a.1))
            }
        };
        wrap(&v, self.ty)
    }
}
