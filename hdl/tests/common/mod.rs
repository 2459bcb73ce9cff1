//! Random expressions: built in the DSL, and evaluated by big integers that know nothing of it.

#![allow(dead_code)] // each test binary uses its part

mod expr;

use num_bigint::{BigInt, Sign};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_hdl::dsl::*;

/// An expression with its type, as this file understands the rules of widths.
#[derive(Clone, Debug)]
pub struct Expr {
    pub ty: Ty,
    pub op: Op,
}

#[derive(Clone, Debug)]
pub enum Op {
    Input(usize),
    Lit(BigInt),
    Bin(&'static str, Box<Expr>, Box<Expr>),
    Un(&'static str, Box<Expr>),
    /// Resize, by the sign of the operand.
    Resize(Box<Expr>),
    Slice(Box<Expr>, u32),
    Shl(Box<Expr>, u32),
    Shr(Box<Expr>, u32),
    Word(Box<Expr>, Box<Expr>),
    Cat(Vec<Expr>),
    Repeat(Box<Expr>, u32),
    Mux(Box<Expr>, Box<Expr>, Box<Expr>),
    Case(Box<Expr>, Vec<(u64, Expr)>, Box<Expr>),
    /// Gets a name of its own in the module.
    Named(Box<Expr>),
}

/// Source of random expressions over given inputs.
pub struct Maker {
    pub rng: ChaCha8Rng,
    pub inputs: Vec<Ty>,
    pub max_width: u32,
}

/// `v` brought into the range of `ty`.
pub fn wrap(v: &BigInt, ty: Ty) -> BigInt {
    let m = BigInt::from(1) << ty.width;
    let r = ((v % &m) + &m) % &m;
    if ty.signed && r >= BigInt::from(1) << (ty.width - 1) { r - m } else { r }
}

/// The limbs of a value in its type.
pub fn to_bits(v: &BigInt, width: u32) -> Bits {
    let (_, digits) = wrap(v, u(width)).to_u64_digits();
    Bits::from_limbs(width, &digits)
}

pub fn from_bits(b: &Bits, ty: Ty) -> BigInt {
    let bytes: Vec<u8> = b.limbs().iter().flat_map(|l| l.to_le_bytes()).collect();
    wrap(&BigInt::from_bytes_le(Sign::Plus, &bytes), ty)
}

fn boxed(e: Expr) -> Box<Expr> {
    Box::new(e)
}

impl Maker {
    pub fn new(seed: u64, inputs: Vec<Ty>, max_width: u32) -> Maker {
        Maker { rng: ChaCha8Rng::seed_from_u64(seed), inputs, max_width }
    }

    /// A random value with a liking for the ends of the range.
    pub fn value(&mut self, ty: Ty) -> BigInt {
        let limbs: Vec<u32> = (0..ty.width.div_ceil(32)).map(|_| self.rng.random()).collect();
        let v = match self.rng.random_range(0..6) {
            0 => BigInt::from(0),
            1 => BigInt::from(-1),
            2 => BigInt::from(1) << (ty.width - 1),
            3 => (BigInt::from(1) << (ty.width - 1)) - 1,
            _ => BigInt::new(Sign::Plus, limbs),
        };
        wrap(&v, ty)
    }

    fn width(&mut self) -> u32 {
        self.rng.random_range(1..=self.max_width)
    }

    fn fitted(&mut self, e: Expr, width: u32) -> Expr {
        if e.ty.width == width {
            return e;
        }
        Expr { ty: Ty { width, ..e.ty }, op: Op::Resize(boxed(e)) }
    }

    fn signed_as(&mut self, e: Expr, signed: bool) -> Expr {
        if e.ty.signed == signed {
            return e;
        }
        let op = Op::Un(if signed { "signed" } else { "unsigned" }, boxed(e.clone()));
        Expr { ty: Ty { signed, ..e.ty }, op }
    }

    fn bit(&mut self, depth: u32) -> Expr {
        let e = self.expr(depth);
        if e.ty == u(1) {
            return e;
        }
        Expr { ty: u(1), op: Op::Un("any", boxed(e)) }
    }

    /// Two expressions of one sign.
    fn pair(&mut self, depth: u32) -> (Expr, Expr) {
        let a = self.expr(depth);
        let b = self.expr(depth);
        let b = self.signed_as(b, a.ty.signed);
        (a, b)
    }

    pub fn expr(&mut self, depth: u32) -> Expr {
        let e = self.any_expr(depth);
        let e = if e.ty.width > self.max_width * 2 { self.fitted(e, self.max_width) } else { e };
        if depth > 0 && self.rng.random_range(0..5) == 0 {
            return Expr { ty: e.ty, op: Op::Named(boxed(e)) };
        }
        e
    }

    fn any_expr(&mut self, depth: u32) -> Expr {
        if depth == 0 {
            if self.rng.random_range(0..5) == 0 {
                let ty = Ty { width: self.width(), signed: self.rng.random() };
                return Expr { ty, op: Op::Lit(self.value(ty)) };
            }
            let at = self.rng.random_range(0..self.inputs.len());
            return Expr { ty: self.inputs[at], op: Op::Input(at) };
        }
        let d = depth - 1;
        match self.rng.random_range(0..20) {
            0..=3 => self.arithmetic(d),
            4 | 5 => self.bitwise(d),
            6 | 7 => self.comparison(d),
            8 | 9 => self.unary(d),
            10 | 11 => {
                let (a, width) = (self.expr(d), self.width());
                self.fitted(a, width)
            }
            12 => {
                let a = self.expr(d);
                let lo = self.rng.random_range(0..a.ty.width);
                let width = self.rng.random_range(1..=a.ty.width - lo);
                Expr { ty: u(width), op: Op::Slice(boxed(a), lo) }
            }
            13 => self.shift(d),
            14 => {
                let (a, k) = (self.expr(d), self.rng.random_range(1..6));
                Expr { ty: Ty { width: a.ty.width + k, ..a.ty }, op: Op::Shl(boxed(a), k) }
            }
            15 => {
                let a = self.expr(d);
                let k = self.rng.random_range(1..=a.ty.width);
                Expr { ty: Ty { width: (a.ty.width - k).max(1), ..a.ty }, op: Op::Shr(boxed(a), k) }
            }
            16 => self.word(d),
            17 => self.cat(d),
            18 => {
                let (c, (a, b)) = (self.bit(d), self.pair(d));
                let ty = Ty { width: a.ty.width.max(b.ty.width), ..a.ty };
                Expr { ty, op: Op::Mux(boxed(c), boxed(a), boxed(b)) }
            }
            _ => self.case(d),
        }
    }

    fn arithmetic(&mut self, d: u32) -> Expr {
        let (a, b) = self.pair(d);
        // Verilator's limit for signed products
        let fit = |m: &mut Maker, e: Expr| if e.ty.width > 180 { m.fitted(e, 180) } else { e };
        let product = self.rng.random_range(0..5) == 0;
        let (a, b) = if product { (fit(self, a), fit(self, b)) } else { (a, b) };
        if product {
            let ty = Ty { width: a.ty.width + b.ty.width, ..a.ty };
            return Expr { ty, op: Op::Bin("*", boxed(a), boxed(b)) };
        }
        let max = a.ty.width.max(b.ty.width);
        let (name, ty) = match self.rng.random_range(0..4) {
            0 => ("+", Ty { width: max + 1, ..a.ty }),
            1 => ("-", s(max + 1)),
            2 => ("wrapping_add", Ty { width: max, ..a.ty }),
            _ => ("wrapping_sub", Ty { width: max, ..a.ty }),
        };
        Expr { ty, op: Op::Bin(name, boxed(a), boxed(b)) }
    }

    fn bitwise(&mut self, d: u32) -> Expr {
        let (a, b) = self.pair(d);
        let b = self.fitted(b, a.ty.width);
        let name = ["&", "|", "^"][self.rng.random_range(0..3)];
        Expr { ty: a.ty, op: Op::Bin(name, boxed(a), boxed(b)) }
    }

    fn comparison(&mut self, d: u32) -> Expr {
        let (a, b) = self.pair(d);
        let name = ["eq", "ne", "lt", "le", "gt", "ge"][self.rng.random_range(0..6)];
        Expr { ty: u(1), op: Op::Bin(name, boxed(a), boxed(b)) }
    }

    fn unary(&mut self, d: u32) -> Expr {
        let a = self.expr(d);
        let (name, ty) = match self.rng.random_range(0..7) {
            0 => ("!", a.ty),
            1 => ("neg", s(a.ty.width + 1)),
            2 => ("any", u(1)),
            3 => ("all", u(1)),
            4 => ("parity", u(1)),
            5 => ("signed", s(a.ty.width)),
            _ => ("unsigned", u(a.ty.width)),
        };
        Expr { ty, op: Op::Un(name, boxed(a)) }
    }

    fn shift(&mut self, d: u32) -> Expr {
        let (a, by) = (self.expr(d), self.expr(d));
        let width = self.rng.random_range(1..=7);
        let by = self.fitted(by, width);
        let by = self.signed_as(by, false);
        let name = ["shl", "shr"][self.rng.random_range(0..2)];
        Expr { ty: a.ty, op: Op::Bin(name, boxed(a), boxed(by)) }
    }

    /// A power of two of words, so that no index is out of range.
    fn word(&mut self, d: u32) -> Expr {
        let (width, k) = (self.rng.random_range(1..=9), self.rng.random_range(1..=3));
        let (a, index) = (self.expr(d), self.expr(d));
        let a = self.fitted(a, width << k);
        let index = self.fitted(index, k);
        let index = self.signed_as(index, false);
        Expr { ty: u(width), op: Op::Word(boxed(a), boxed(index)) }
    }

    fn cat(&mut self, d: u32) -> Expr {
        if self.rng.random() {
            let (a, k) = (self.expr(d), self.rng.random_range(1..4));
            return Expr { ty: u(a.ty.width * k), op: Op::Repeat(boxed(a), k) };
        }
        let parts: Vec<Expr> = (0..self.rng.random_range(1..4)).map(|_| self.expr(d)).collect();
        let width = parts.iter().map(|p| p.ty.width).sum();
        Expr { ty: u(width), op: Op::Cat(parts) }
    }

    fn case(&mut self, d: u32) -> Expr {
        let sel = self.expr(d);
        let width = self.rng.random_range(1..=3);
        let sel = self.fitted(sel, width);
        let sel = self.signed_as(sel, false);
        let default = self.expr(d);
        let mut ty = default.ty;
        let mut arms = Vec::new();
        for key in 0..self.rng.random_range(1..=2u64) {
            let arm = self.expr(d);
            let arm = self.signed_as(arm, ty.signed);
            ty.width = ty.width.max(arm.ty.width);
            arms.push((key, arm));
        }
        Expr { ty, op: Op::Case(boxed(sel), arms, boxed(default)) }
    }
}

/// A random module: inputs `i0..`, outputs `y0..` with their expressions.
pub struct Case {
    pub module: Module,
    pub maker: Maker,
    pub outputs: Vec<Expr>,
}

/// Makes a module of random expressions over inputs of up to `width` bits.
pub fn random_module(name: &str, seed: u64, width: u32, outputs: usize, depth: u32) -> Case {
    let mut maker = Maker::new(seed, vec![], width);
    for _ in 0..5 {
        let (width, signed) = (maker.width(), maker.rng.random());
        maker.inputs.push(Ty { width, signed });
    }
    maker.inputs.push(u(1));
    let exprs: Vec<Expr> = (0..outputs).map(|_| maker.expr(depth)).collect();
    let module = Module::new(name, "Random expressions.");
    {
        let m = &module;
        let inputs: Vec<Sig> =
            maker.inputs.iter().enumerate().map(|(i, ty)| m.input(&format!("i{i}"), *ty, "")).collect();
        inputs.iter().for_each(|i| m.unused("random", *i));
        for (at, e) in exprs.iter().enumerate() {
            let sig = e.build(m, &inputs, &format!("y{at}"), &mut 0);
            m.output(&format!("y{at}"), e.ty, "").set(sig);
        }
    }
    Case { module, maker, outputs: exprs }
}
