//! Expressions. The one rule that keeps widths and signs right: every text that is made has exactly the width that was
//! asked for, so that Verilog never extends anything by itself; and `Text::signed` tells what Verilog takes it for.

use super::print::Printer;
use crate::dsl::bits::{Bits, Ty, count_width, index_width};
use crate::dsl::ir::{Bin, Id, Op, Un};

/// How tightly a text binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bind {
    /// A name, literal, select, concatenation, call or unary operator on one of them.
    Atom,
    /// A negative literal: needs parentheses only after another unary operator.
    Minus,
    /// A reduction, in parentheses everywhere but alone.
    Reduction,
    /// Binary operator.
    Binary(Bin),
    Ternary,
}

/// An expression in Verilog.
pub(super) struct Text {
    pub s: String,
    pub bind: Bind,
    /// What Verilog takes the expression for.
    pub signed: bool,
}

fn atom(s: String) -> Text {
    Text { s, bind: Bind::Atom, signed: false }
}

impl Text {
    /// In parentheses unless it is an atom.
    pub(super) fn tight(self) -> String {
        if self.bind == Bind::Atom { self.s } else { format!("({})", self.s) }
    }

    /// As the operand of a unary operator.
    fn unary(self) -> String {
        if self.bind == Bind::Atom { self.s } else { format!("({})", self.s) }
    }

    /// As the left operand of `op`: chains of one associative operator, and of plus and minus, need no parentheses.
    fn left_of(self, op: Bin) -> String {
        let chain = match self.bind {
            Bind::Binary(inner) => match op {
                Bin::Add | Bin::Sub => matches!(inner, Bin::Add | Bin::Sub),
                Bin::And | Bin::Or | Bin::Xor => inner == op,
                _ => false,
            },
            _ => false,
        };
        if chain { self.s } else { self.tight() }
    }

    fn make_signed(self) -> Text {
        if self.signed {
            self
        } else {
            Text { s: format!("$signed({})", self.s), bind: Bind::Atom, signed: true }
        }
    }
}

/// A literal: decimal when small, else hexadecimal.
pub(super) fn literal(b: &Bits, signed: bool) -> String {
    let w = b.width();
    let sign = if signed { "s" } else { "" };
    if signed && w <= 64 && b.bit(w - 1) && b.to_i64() != i64::MIN >> (64 - w) && b.to_i64() > -65536 {
        return format!("-{w}'sd{}", -b.to_i64());
    }
    let value = b.resize(w.max(64), false);
    if value.limbs()[1..].iter().all(|l| *l == 0) && b.to_u64() < 65536 {
        return format!("{w}'{sign}d{}", b.to_u64());
    }
    format!("{w}'{sign}h{b:x}")
}

fn literal_text(b: &Bits, signed: bool) -> Text {
    let s = literal(b, signed);
    let bind = if s.starts_with('-') { Bind::Minus } else { Bind::Atom };
    Text { s, bind, signed }
}

/// `[7:4]` or `[3]`.
fn range(lo: u32, width: u32) -> String {
    if width == 1 { format!("[{lo}]") } else { format!("[{}:{lo}]", lo + width - 1) }
}

impl Printer<'_> {
    /// Node `id` extended by its own sign or cut to `w` bits.
    pub(super) fn at(&mut self, id: Id, w: u32) -> Text {
        if let Some(name) = self.leaf(id) {
            return self.leaf_at(id, &name, w);
        }
        let (op, ty) = (self.i.node(id).op.clone(), self.i.ty(id));
        let n = ty.width;
        match op {
            Op::Lit(b) => literal_text(&b.resize(w, ty.signed), ty.signed),
            Op::Net => {
                let driver = self.i.drivers[&id];
                self.at(driver, w)
            }
            Op::Cast(a) if w <= n => self.at(a, w),
            Op::Resize(a) if w <= n || n >= self.i.ty(a).width => self.at(a, w),
            Op::ShlC(a, k) if w > k => {
                let high = self.at(a, w - k).s;
                atom(format!("{{{high}, {k}'d0}}"))
            }
            Op::Bin(bin @ (Bin::Add | Bin::Sub | Bin::Mul), a, b) if w <= n || self.exact(bin, a, b, ty) => {
                self.binary(bin, a, b, w, ty.signed)
            }
            Op::Bin(bin @ (Bin::And | Bin::Or | Bin::Xor), a, b) => self.binary(bin, a, b, w, false),
            Op::Bin(Bin::Shl, a, b) if w <= n => self.shift(Bin::Shl, a, b, w, false),
            Op::Bin(Bin::Shr, a, b) if w == n => self.shift(Bin::Shr, a, b, w, ty.signed),
            Op::Bin(bin, a, b) if w == n && bin.compares() => self.comparison(bin, a, b),
            Op::Un(Un::Not, a) if w <= n || ty.signed => {
                let (a, sign) = (self.at(a, w), if w == 1 { "!" } else { "~" });
                let signed = a.signed && w > 1;
                let a = a.unary();
                // twice is not at all
                let s = a.strip_prefix(sign).map_or_else(|| format!("{sign}{a}"), String::from);
                Text { s, bind: Bind::Atom, signed }
            }
            Op::Un(Un::Neg, a) => {
                let a = self.at(a, w);
                let (bind, signed) = (Bind::Binary(Bin::Sub), a.signed);
                Text { s: format!("-{}", a.unary()), bind, signed }
            }
            Op::Un(un, a) if w == n => self.reduction(un, a),
            Op::Mux(c, a, b) => {
                let cond = self.at(c, 1).tight();
                let (yes, no) = (self.at(a, w), self.at(b, w));
                let signed = yes.signed && no.signed;
                Text { s: format!("{cond} ? {} : {}", yes.tight(), no.tight()), bind: Bind::Ternary, signed }
            }
            Op::Case(sel, arms, default) => self.case(sel, &arms, default, w),
            Op::Slice(a, lo) if w <= n => self.slice(a, lo, w),
            Op::Word(a, i) if w == n => self.word(a, i, w),
            Op::Cat(parts) if w == n => {
                let parts: Vec<String> =
                    parts.iter().rev().map(|p| self.at(*p, self.i.ty(*p).width).s).collect();
                atom(format!("{{{}}}", parts.join(", ")))
            }
            Op::Repeat(a, k) if w == n => {
                let a = self.at(a, self.i.ty(a).width);
                atom(format!("{{{k}{{{}}}}}", a.s))
            }
            _ => self.extended(id, ty, w),
        }
    }

    /// By concatenation or selection, where the operator itself cannot be widened or narrowed.
    fn extended(&mut self, id: Id, ty: Ty, w: u32) -> Text {
        if w > ty.width && !ty.signed {
            let low = self.at(id, ty.width).s;
            return atom(format!("{{{}'d0, {low}}}", w - ty.width));
        }
        if w > ty.width
            && let Some((a, lo)) = self.part_of(id)
        {
            let top = self.slice(a, lo + ty.width - 1, 1).s;
            let all = self.slice(a, lo, ty.width).s;
            let k = w - ty.width;
            return atom(if k == 1 {
                format!("{{{top}, {all}}}")
            } else {
                format!("{{{{{k}{{{top}}}}}, {all}}}")
            });
        }
        let (root, name) = self.net(id);
        self.select_at(root, &name, ty, w)
    }

    /// The larger signal and the position in it, when `id` selects bits of something that has a name.
    fn part_of(&mut self, id: Id) -> Option<(Id, u32)> {
        let (a, lo) = match self.i.node(id).op {
            Op::Cast(a) if self.leaf(a).is_some() => return None,
            Op::Cast(a) => return self.part_of(a),
            Op::Slice(a, lo) => (a, lo),
            Op::Resize(a) if self.i.ty(id).width < self.i.ty(a).width => (a, 0),
            _ => return None,
        };
        self.leaf(a).map(|_| (a, lo))
    }

    fn leaf_at(&mut self, id: Id, name: &str, w: u32) -> Text {
        let ty = self.i.ty(id);
        if let Op::Param(b) = &self.i.node(id).op
            && w != ty.width
        {
            return literal_text(&b.resize(w, ty.signed), ty.signed);
        }
        self.select_at(id, name, ty, w)
    }

    /// The net `name` (node `id`), read as `ty`, extended or cut to `w` bits.
    fn select_at(&mut self, id: Id, name: &str, ty: Ty, w: u32) -> Text {
        let n = ty.width;
        self.mark(id, 0, w.min(n));
        if w == n {
            return Text {
                signed: self.i.ty(id).signed && !matches!(self.i.node(id).op, Op::InReset),
                ..atom(name.into())
            };
        }
        if w < n {
            return atom(format!("{name}{}", range(0, w)));
        }
        let k = w - n;
        match (ty.signed, n) {
            (false, _) => atom(format!("{{{k}'d0, {name}}}")),
            (true, 1) => atom(format!("{{{w}{{{name}}}}}")),
            (true, _) if k == 1 => atom(format!("{{{name}[{}], {name}}}", n - 1)),
            (true, _) => atom(format!("{{{{{k}{{{name}[{}]}}}}, {name}}}", n - 1)),
        }
    }

    /// True when the result holds every value, so that extending it equals extending the operands.
    fn exact(&self, bin: Bin, a: Id, b: Id, ty: Ty) -> bool {
        let (x, y) = (self.i.ty(a), self.i.ty(b));
        match bin {
            Bin::Mul => false, // a product has a net of its own rather than a wider multiplier
            Bin::Sub => ty.signed && ty.width > x.width.max(y.width),
            _ => ty.width > x.width.max(y.width),
        }
    }

    fn binary(&mut self, bin: Bin, a: Id, b: Id, w: u32, keep_sign: bool) -> Text {
        let (mut x, mut y) = (self.at(a, w), self.at(b, w));
        if bin == Bin::Mul && keep_sign {
            (x, y) = (x.make_signed(), y.make_signed());
        }
        let signed = x.signed && y.signed;
        let s = format!("{} {} {}", x.left_of(bin), bin.symbol(false), y.tight());
        Text { s, bind: Bind::Binary(bin), signed }
    }

    /// A product of two names or parts of them alone on the right of an assignment of its own width: Verilog extends them itself.
    pub(super) fn product(&mut self, id: Id, w: u32) -> Option<Text> {
        let Op::Bin(Bin::Mul, a, b) = self.i.node(id).op else {
            return None;
        };
        let (ta, tb) = (self.i.ty(a), self.i.ty(b));
        let whole = ta.width + tb.width == w && self.i.ty(id).width == w;
        if !whole || self.leaf(id).is_some() || !self.is_name(a) || !self.is_name(b) {
            return None;
        }
        let (x, y) = (self.at(a, ta.width), self.at(b, tb.width));
        let (x, y) = match ta.signed {
            true => (x.make_signed(), y.make_signed()),
            false if x.signed && y.signed => return None,
            false => (x, y),
        };
        let s = format!("{} * {}", x.s, y.s);
        let (bind, signed) = (Bind::Binary(Bin::Mul), ta.signed);
        Some(Text { s, bind, signed })
    }

    fn is_name(&mut self, id: Id) -> bool {
        match self.i.node(id).op {
            _ if self.leaf(id).is_some() => true,
            Op::Cast(a) | Op::Slice(a, _) => self.is_name(a),
            Op::Lit(ref b) => !self.i.ty(id).signed || !b.bit(b.width() - 1),
            _ => false,
        }
    }

    /// An arithmetic shift is isolated by `$signed`, since an unsigned neighbour would make it a logical one.
    fn shift(&mut self, bin: Bin, a: Id, by: Id, w: u32, arithmetic: bool) -> Text {
        let x = self.at(a, w);
        let x = if arithmetic { x.make_signed() } else { x };
        let by = self.at(by, self.i.ty(by).width).tight();
        let signed = x.signed;
        let s = format!("{} {} {by}", x.tight(), bin.symbol(arithmetic));
        if arithmetic {
            return Text { s: format!("$signed({s})"), bind: Bind::Atom, signed: true };
        }
        Text { s, bind: Bind::Binary(bin), signed }
    }

    fn comparison(&mut self, bin: Bin, a: Id, b: Id) -> Text {
        let (ta, tb) = (self.i.ty(a), self.i.ty(b));
        let w = ta.width.max(tb.width);
        let (mut x, mut y) = (self.at(a, w), self.at(b, w));
        let ordered = !matches!(bin, Bin::Eq | Bin::Ne);
        if ordered && ta.signed {
            (x, y) = (x.make_signed(), y.make_signed());
        } else if ordered && x.signed && y.signed {
            x = Text { s: format!("$unsigned({})", x.s), bind: Bind::Atom, signed: false };
        }
        let s = format!("{} {} {}", x.tight(), bin.symbol(false), y.tight());
        Text { s, bind: Bind::Binary(bin), signed: false }
    }

    fn reduction(&mut self, un: Un, a: Id) -> Text {
        let symbol = match un {
            Un::Any => "|",
            Un::All => "&",
            _ => "^",
        };
        let a = self.at(a, self.i.ty(a).width).unary();
        // `|~` is one token to some tools
        let a = if a.starts_with(['~', '!']) { format!("({a})") } else { a };
        Text { s: format!("{symbol}{a}"), bind: Bind::Reduction, signed: false }
    }

    fn case(&mut self, sel: Id, arms: &[(Bits, Id)], default: Id, w: u32) -> Text {
        let mut signed = true;
        let mut s = String::new();
        for (key, arm) in arms {
            let test = self.arm_test(sel, key);
            let arm = self.at(*arm, w);
            signed &= arm.signed;
            s.push_str(&format!("{test} ? {} : ", arm.tight()));
        }
        let default = self.at(default, w);
        signed &= default.signed;
        Text { s: s + &default.tight(), bind: Bind::Ternary, signed }
    }

    /// `(sel == key)`.
    pub(super) fn arm_test(&mut self, sel: Id, key: &Bits) -> String {
        let ty = self.i.ty(sel);
        let (root, name) = self.net(sel);
        self.mark(root, 0, ty.width);
        format!("({name} == {})", literal(key, self.i.ty(root).signed))
    }

    fn slice(&mut self, a: Id, lo: u32, w: u32) -> Text {
        if lo == 0 {
            return self.at(a, w);
        }
        if let Op::Resize(inner) | Op::Cast(inner) = self.i.node(a).op
            && self.leaf(a).is_none()
            && lo + w <= self.i.ty(inner).width
        {
            return self.slice(inner, lo, w);
        }
        let (root, name) = self.net(a);
        self.mark(root, lo, w);
        atom(format!("{name}{}", range(lo, w)))
    }

    /// `id` as an index: Verilog would take a signed name for a negative one.
    pub(super) fn index(&mut self, id: Id, w: u32) -> String {
        let text = self.whole(id, w);
        if text.signed { format!("$unsigned({})", text.s) } else { text.s }
    }

    fn word(&mut self, a: Id, index: Id, w: u32) -> Text {
        let total = self.i.ty(a).width;
        let (root, name) = self.net(a);
        self.mark(root, 0, total);
        let wi = self.i.ty(index).width;
        if w == 1 {
            let i = self.index(index, index_width(total as usize));
            return atom(format!("{name}[{i}]"));
        }
        let i = if w.is_power_of_two() {
            format!("{{{}, {}'d0}}", self.at(index, wi).s, w.trailing_zeros())
        } else {
            let wide = index_width(total as usize).max(count_width(w as usize)).max(wi);
            let stride = literal(&Bits::from_u64(wide, u64::from(w)), false);
            format!("{} * {stride}", self.at(index, wide).tight())
        };
        atom(format!("{name}[{i} +: {w}]"))
    }
}
