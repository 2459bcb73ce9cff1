//! Signals and their operators.

use super::bits::{Ty, Value, s, u};
use super::error::Error;
use super::ir::{Bin, Id, Op, Un};
use super::module::Module;

/// A value in a module, a copyable handle. It deliberately has no `==`; use [`Sig::eq`].
#[derive(Clone, Copy)]
pub struct Sig<'m> {
    pub(crate) m: &'m Module,
    pub(crate) id: Id,
}

/// A signal, or an integer or `bool` that becomes a constant.
pub trait IntoSig<'m>: Copy {
    /// A constant takes the type of `other`.
    fn like(self, other: Sig<'m>) -> Sig<'m>;
    /// A constant takes the sign of `other` and the smallest width that holds it.
    fn small(self, other: Sig<'m>) -> Sig<'m>;
}

impl<'m> IntoSig<'m> for Sig<'m> {
    fn like(self, _: Sig<'m>) -> Sig<'m> {
        self
    }
    fn small(self, _: Sig<'m>) -> Sig<'m> {
        self
    }
}

macro_rules! int_sigs {
    ($($t:ty),*) => {$(
        impl<'m> IntoSig<'m> for $t {
            fn like(self, other: Sig<'m>) -> Sig<'m> {
                other.m.lit(other.ty(), self)
            }
            fn small(self, other: Sig<'m>) -> Sig<'m> {
                let ty = Ty { width: self.min_width(other.ty().signed), ..other.ty() };
                other.m.lit(ty, self)
            }
        }
    )*};
}
int_sigs!(bool, u8, u16, u32, u64, usize, i8, i16, i32, i64, i128);

impl<'m> Sig<'m> {
    /// Width and sign.
    pub fn ty(self) -> Ty {
        self.m.get_ty(self.id)
    }

    /// Width in bits.
    pub fn width(self) -> u32 {
        self.ty().width
    }

    /// The module that the signal belongs to.
    pub fn module(self) -> &'m Module {
        self.m
    }

    /// Same as [`Module::node`]: names the expression.
    pub fn named(self, name: &str) -> Sig<'m> {
        self.m.node(name, self)
    }

    /// Sets the comment of a port, node, wire or register.
    pub fn doc(self, doc: &str) -> Sig<'m> {
        self.m.get_mut().nodes[self.id as usize].doc = doc.into();
        self
    }

    pub(crate) fn describe(self) -> String {
        self.m.get().describe(self.id)
    }

    pub(super) fn un(self, op: Un, ty: Ty) -> Sig<'m> {
        self.m.op(Op::Un(op, self.id), ty)
    }

    /// Both operands of `what` in this module and of one sign.
    fn pair(self, what: &str, other: Sig<'m>) -> Result<(Ty, Ty, Sig<'m>), Sig<'m>> {
        let other = self.m.sig(self.m.own(other));
        let (lt, rt) = (self.ty(), other.ty());
        if lt.signed == rt.signed {
            return Ok((lt, rt, other));
        }
        let (left, right) = (self.describe(), other.describe());
        let e = Error::Sign { module: self.m.name(), what: what.into(), left, lt, right, rt };
        Err(self.m.fail(e, Ty { width: lt.width.max(rt.width), ..lt }))
    }

    pub(super) fn arith(self, op: Bin, other: Sig<'m>, ty: impl Fn(Ty, Ty) -> Ty) -> Sig<'m> {
        match self.pair(&format!("`{}`", op.symbol(false)), other) {
            Ok((lt, rt, other)) => self.m.op(Op::Bin(op, self.id, other.id), ty(lt, rt)),
            Err(zero) => zero.resize(ty(zero.ty(), zero.ty()).width),
        }
    }

    pub(super) fn bitwise(self, op: Bin, other: impl IntoSig<'m>) -> Sig<'m> {
        let what = format!("`{}`", op.symbol(false));
        match self.pair(&what, other.like(self)) {
            Ok((lt, rt, other)) if lt == rt => self.m.op(Op::Bin(op, self.id, other.id), lt),
            Ok((lt, rt, other)) => {
                let (left, right) = (self.describe(), other.describe());
                self.m.fail(Error::Width { module: self.m.name(), what, left, lt, right, rt }, lt)
            }
            Err(zero) => zero,
        }
    }

    fn compare(self, op: Bin, other: impl IntoSig<'m>) -> Sig<'m> {
        match self.pair(&format!("`{}`", op.symbol(false)), other.like(self)) {
            Ok((lt, rt, other)) => match self.decided(op, lt, rt, other) {
                Some(known) => self.m.u(1, known),
                None => self.m.op(Op::Bin(op, self.id, other.id), u(1)),
            },
            Err(_) => self.m.u(1, 0),
        }
    }

    /// Comparisons with the end of the range, which lint tools refuse.
    fn decided(self, op: Bin, lt: Ty, rt: Ty, other: Sig<'m>) -> Option<bool> {
        let inner = self.m.get();
        let b = inner.constant(other.id)?;
        let top = b.is_ones() && rt.width >= lt.width;
        match op {
            _ if lt.signed => None,
            Bin::Lt if b.is_zero() => Some(false),
            Bin::Ge if b.is_zero() => Some(true),
            Bin::Gt if top => Some(false),
            Bin::Le if top => Some(true),
            _ => None,
        }
    }

    /// 1 when equal. Like all comparisons: same sign, the narrower operand is extended.
    pub fn eq(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.compare(Bin::Eq, other)
    }
    /// 1 when different.
    pub fn ne(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.compare(Bin::Ne, other)
    }
    /// 1 when less.
    pub fn lt(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.compare(Bin::Lt, other)
    }
    /// 1 when less or equal.
    pub fn le(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.compare(Bin::Le, other)
    }
    /// 1 when greater.
    pub fn gt(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.compare(Bin::Gt, other)
    }
    /// 1 when greater or equal.
    pub fn ge(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.compare(Bin::Ge, other)
    }

    /// Sum modulo 2 to the width of the wider operand; an integer takes the type of `self`.
    pub fn wrapping_add(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.arith(Bin::Add, other.like(self), |a, b| Ty { width: a.width.max(b.width), ..a })
    }
    /// Difference modulo 2 to the width of the wider operand; keeps the sign of the operands.
    pub fn wrapping_sub(self, other: impl IntoSig<'m>) -> Sig<'m> {
        self.arith(Bin::Sub, other.like(self), |a, b| Ty { width: a.width.max(b.width), ..a })
    }

    /// 1 when any bit is set.
    pub fn any(self) -> Sig<'m> {
        if self.width() == 1 { self.as_unsigned() } else { self.un(Un::Any, u(1)) }
    }
    /// 1 when all bits are set.
    pub fn all(self) -> Sig<'m> {
        if self.width() == 1 { self.as_unsigned() } else { self.un(Un::All, u(1)) }
    }
    /// Exclusive or of all bits.
    pub fn xor_reduce(self) -> Sig<'m> {
        if self.width() == 1 { self.as_unsigned() } else { self.un(Un::Parity, u(1)) }
    }

    /// The same bits read as two's complement.
    pub fn as_signed(self) -> Sig<'m> {
        self.cast(s(self.width()))
    }
    /// The same bits read as an unsigned number.
    pub fn as_unsigned(self) -> Sig<'m> {
        self.cast(u(self.width()))
    }
    fn cast(self, ty: Ty) -> Sig<'m> {
        if self.ty() == ty {
            return self;
        }
        let op = self.m.get().node(self.id).op.clone();
        match op {
            Op::Lit(b) => self.m.op(Op::Lit(b), ty),
            Op::Cast(a) if self.m.get_ty(a) == ty => self.m.sig(a),
            _ => self.m.op(Op::Cast(self.id), ty),
        }
    }

    /// Extended by its own sign or cut to `width` bits; the sign stays.
    pub fn resize(self, width: u32) -> Sig<'m> {
        let ty = Ty { width, ..self.ty() };
        if width == self.width() {
            return self;
        }
        if width == 0 {
            return self.m.fail(Error::Zero { module: self.m.name(), what: "`.resize(0)`".into() }, ty);
        }
        let op = self.m.get().node(self.id).op.clone();
        match op {
            Op::Lit(b) => self.m.op(Op::Lit(b.resize(width, ty.signed)), ty),
            Op::Resize(a) if self.m.get_ty(a).width <= self.width() || width <= self.width() => {
                self.m.sig(a).resize(width)
            }
            _ => self.m.op(Op::Resize(self.id), ty),
        }
    }
    fn wider(self, what: &str, width: u32) -> Sig<'m> {
        if width >= self.width() {
            return self.resize(width);
        }
        self.wrong_way(what, width)
    }
    fn wrong_way(self, what: &str, width: u32) -> Sig<'m> {
        let (sig, ty) = (self.describe(), self.ty());
        let e = Error::Resize { module: self.m.name(), what: what.into(), sig, ty, width };
        self.m.fail(e, Ty { width, ..ty })
    }
    /// Extended to `width` bits by its own sign.
    pub fn ext(self, width: u32) -> Sig<'m> {
        self.wider("`.ext`", width)
    }
    /// Extended with zeros, unsigned.
    pub fn zext(self, width: u32) -> Sig<'m> {
        self.as_unsigned().wider("`.zext`", width)
    }
    /// Extended with the top bit, signed.
    pub fn sext(self, width: u32) -> Sig<'m> {
        self.as_signed().wider("`.sext`", width)
    }
    /// The low `width` bits; the sign stays.
    pub fn trunc(self, width: u32) -> Sig<'m> {
        if width <= self.width() { self.resize(width) } else { self.wrong_way("`.trunc`", width) }
    }

    /// Shifted left by a signal; the width stays.
    pub fn shl_dyn(self, by: Sig<'m>) -> Sig<'m> {
        self.shift(Bin::Shl, by)
    }
    /// Shifted right by a signal, arithmetically when signed; the width stays.
    pub fn shr_dyn(self, by: Sig<'m>) -> Sig<'m> {
        self.shift(Bin::Shr, by)
    }
    fn shift(self, op: Bin, by: Sig<'m>) -> Sig<'m> {
        let by = self.m.sig(self.m.own(by));
        if by.ty().signed {
            let (sig, what) = (by.describe(), "a shift amount");
            let e = Error::Shape {
                module: self.m.name(),
                what: format!("{what} is unsigned, but `{sig}` is {}", by.ty()),
            };
            return self.m.fail(e, self.ty());
        }
        self.m.op(Op::Bin(op, self.id, by.id), self.ty())
    }

    /// `yes` when this bit is 1, else `no`; see [`mux`].
    pub fn mux(self, yes: Sig<'m>, no: impl IntoSig<'m>) -> Sig<'m> {
        let no = no.like(yes);
        let cond = self.m.condition("the condition of a multiplexer", self);
        let yes = self.m.sig(self.m.own(yes));
        match yes.pair("a multiplexer", no) {
            Ok((a, b, no)) => {
                let ty = Ty { width: a.width.max(b.width), ..a };
                self.m.op(Op::Mux(cond, yes.id, no.id), ty)
            }
            Err(zero) => zero,
        }
    }

    /// The arm whose constant equals this signal, else `default`; arms are extended to the widest.
    pub fn case<V: Value>(self, arms: &[(V, Sig<'m>)], default: impl IntoSig<'m>) -> Sig<'m> {
        let Some((_, first)) = arms.first() else {
            return default.like(self);
        };
        let default = default.like(*first);
        let mut ty = default.ty();
        let mut list = Vec::new();
        for (value, arm) in arms {
            let key = self.m.fit(self.ty(), value, &format!("an arm of case({})", self.describe()));
            match default.pair("a case", *arm) {
                Ok((_, t, arm)) => {
                    ty.width = ty.width.max(t.width);
                    list.push((key, arm.id));
                }
                Err(zero) => return zero,
            }
        }
        let default = self.m.own(default);
        self.m.op(Op::Case(self.id, list, default), ty)
    }
}

/// `yes` when `cond` is 1, else `no`. Same sign; the narrower is extended.
pub fn mux<'m>(cond: Sig<'m>, yes: Sig<'m>, no: impl IntoSig<'m>) -> Sig<'m> {
    cond.mux(yes, no)
}
