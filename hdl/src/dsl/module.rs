//! A module under construction: ports, nets, constants; registers, memories and instances are in their own files.

use super::bits::{Bits, Ty, Value, u};
use super::error::{Error, Errors};
use super::ir::{Dir, Id, Inner, Op, Port};
use super::names;
use super::sig::Sig;
use std::cell::{Ref, RefCell, RefMut};

/// A hardware module. All methods take `&self`; signals borrow the module.
pub struct Module {
    inner: RefCell<Inner>,
}

/// A net that is driven later, exactly once: an output port, a forward-declared wire or an instance's input.
#[derive(Clone, Copy)]
pub struct Wire<'m> {
    pub(crate) m: &'m Module,
    pub(crate) id: Id,
}

/// A port of a finished module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortInfo {
    /// Its name.
    pub name: String,
    /// True for an input.
    pub input: bool,
    /// Width and sign.
    pub ty: Ty,
    /// Its comment.
    pub doc: String,
}

impl Module {
    /// An empty module. `doc` becomes the comment above it; it may have several lines.
    pub fn new(name: &str, doc: &str) -> Module {
        let inner = Inner {
            name: name.into(),
            doc: doc.into(),
            clock: "clk".into(),
            reset: "rst".into(),
            ..Inner::default()
        };
        let m = Module { inner: RefCell::new(inner) };
        m.check_name(name);
        m
    }

    /// The module's name.
    pub fn name(&self) -> String {
        self.get().name.clone()
    }

    /// Names the clock port; without a call it is `clk`.
    pub fn clock(&self, name: &str) {
        self.check_name(name);
        self.get_mut().clock = name.into();
    }

    /// Asks synthesis to make the module's sum, and the register behind it, of a multiplier's adder: `use_dsp` of Vivado (UG901). Other
    /// tools take look-up tables.
    pub fn prefer_dsp(&self) {
        self.get_mut().dsp = true;
    }

    /// Names the active-high synchronous reset port; without a call it is `rst`.
    pub fn reset(&self, name: &str) {
        self.check_name(name);
        self.get_mut().reset = name.into();
    }

    /// Names an active-low synchronous reset port, such as `aresetn`.
    pub fn reset_low(&self, name: &str) {
        self.reset(name);
        self.get_mut().reset_low = true;
    }

    /// High while the module is in reset, whatever the polarity of the port.
    pub fn in_reset(&self) -> Sig<'_> {
        self.get_mut().uses_reset = true;
        self.op(Op::InReset, u(1))
    }

    /// An input port.
    pub fn input(&self, name: &str, ty: Ty, doc: &str) -> Sig<'_> {
        self.port(name, ty, doc, Dir::In, Op::Input)
    }

    /// An output port, to be driven once.
    pub fn output(&self, name: &str, ty: Ty, doc: &str) -> Wire<'_> {
        let sig = self.port(name, ty, doc, Dir::Out, Op::Net);
        Wire { m: self, id: sig.id }
    }

    fn port(&self, name: &str, ty: Ty, doc: &str, dir: Dir, op: Op) -> Sig<'_> {
        let sig = self.named(op, ty, name, "a port").doc(doc);
        self.get_mut().ports.push(Port { name: name.into(), dir, ty, id: sig.id });
        sig
    }

    /// An internal net that is driven later, once.
    pub fn wire(&self, name: &str, ty: Ty) -> Wire<'_> {
        let sig = self.named(Op::Net, ty, name, "a wire");
        Wire { m: self, id: sig.id }
    }

    /// Gives an expression a name: it becomes `wire [..] name = ..;`.
    pub fn node(&self, name: &str, expr: Sig<'_>) -> Sig<'_> {
        let id = self.own(expr);
        self.named(Op::Alias(id), self.get_ty(id), name, "a node")
    }

    /// A constant of type `ty`; it must fit.
    pub fn lit(&self, ty: Ty, value: impl Value) -> Sig<'_> {
        let bits = self.fit(ty, &value, "a constant");
        self.op(Op::Lit(bits), ty)
    }

    /// An unsigned constant.
    pub fn u(&self, width: u32, value: impl Value) -> Sig<'_> {
        self.lit(u(width), value)
    }

    /// A signed constant.
    pub fn s(&self, width: u32, value: impl Value) -> Sig<'_> {
        self.lit(super::bits::s(width), value)
    }

    /// A named constant: `localparam [..] NAME = ..;`.
    pub fn param(&self, name: &str, ty: Ty, value: impl Value) -> Sig<'_> {
        let bits = self.fit(ty, &value, &format!("parameter `{name}`"));
        self.named(Op::Param(bits), ty, name, "a parameter")
    }

    /// Declares a signal, or part of one, deliberately unread; `why` becomes a comment.
    pub fn unused(&self, why: &str, sig: Sig<'_>) {
        let id = self.own(sig);
        self.get_mut().unused.push((why.into(), id));
    }

    /// Parts joined into one unsigned signal, the **least significant part first**.
    pub fn cat_lsb<'m>(&'m self, parts: &[Sig<'m>]) -> Sig<'m> {
        let ids: Vec<Id> = parts.iter().map(|p| self.own(*p)).collect();
        if ids.is_empty() {
            return self
                .fail(Error::Zero { module: self.name(), what: "a concatenation of nothing".into() }, u(1));
        }
        if ids.len() == 1 {
            return self.sig(ids[0]).as_unsigned();
        }
        let width = ids.iter().map(|i| self.get_ty(*i).width).sum();
        self.op(Op::Cat(ids), u(width))
    }

    /// The ports, without clock and reset.
    pub fn ports(&self) -> Vec<PortInfo> {
        let inner = self.get();
        let info = |p: &Port| PortInfo {
            name: p.name.clone(),
            input: p.dir == Dir::In,
            ty: p.ty,
            doc: inner.node(p.id).doc.clone(),
        };
        inner.ports.iter().map(info).collect()
    }

    /// Records a fault of the author's own, such as parameters that do not go together.
    pub fn fault(&self, what: &str) {
        self.error(Error::Shape { module: self.name(), what: what.into() });
    }

    /// Every fault in this module and below, checked as `emit` does.
    pub fn check(&self) -> Result<(), Errors> {
        super::verilog::emit(self).map(|_| ())
    }

    pub(crate) fn get(&self) -> Ref<'_, Inner> {
        self.inner.borrow()
    }

    pub(crate) fn get_mut(&self) -> RefMut<'_, Inner> {
        self.inner.borrow_mut()
    }

    pub(crate) fn get_ty(&self, id: Id) -> Ty {
        self.get().ty(id)
    }

    pub(crate) fn sig(&self, id: Id) -> Sig<'_> {
        Sig { m: self, id }
    }

    /// Records a fault and carries on with zero.
    pub(crate) fn fail(&self, e: Error, ty: Ty) -> Sig<'_> {
        self.error(e);
        let ty = Ty { width: ty.width.max(1), ..ty };
        self.op(Op::Lit(Bits::zero(ty.width)), ty)
    }

    pub(crate) fn error(&self, e: Error) {
        self.get_mut().errors.push(e);
    }

    pub(crate) fn op(&self, op: Op, ty: Ty) -> Sig<'_> {
        let op = self.get().folded(&op, ty).map_or(op, Op::Lit);
        let id = self.get_mut().add(op, ty);
        self.sig(id)
    }

    /// A node that has a name and is not shared. `what` says what it is, for messages.
    pub(crate) fn named(&self, op: Op, ty: Ty, name: &str, what: &str) -> Sig<'_> {
        self.claim(name, what);
        if ty.width == 0 {
            self.error(Error::Zero { module: self.name(), what: format!("`{name}`") });
        }
        let ty = Ty { width: ty.width.max(1), ..ty };
        let id = self.get_mut().push(op, ty, Some(name.into()));
        self.sig(id)
    }

    /// The id of a signal of this module; a fault for a signal of another.
    pub(crate) fn own(&self, sig: Sig<'_>) -> Id {
        if std::ptr::eq(self, sig.m) {
            return sig.id;
        }
        let e = Error::Foreign { module: self.name(), sig: sig.describe(), other: sig.m.name() };
        self.fail(e, sig.ty()).id
    }

    fn check_name(&self, name: &str) {
        let module = self.name();
        if !names::is_identifier(name) {
            self.error(Error::Identifier { module, name: name.into() });
        } else if names::is_reserved(name) {
            self.error(Error::Reserved { module, name: name.into() });
        }
    }

    pub(crate) fn claim(&self, name: &str, what: &str) {
        self.check_name(name);
        let earlier = self.get_mut().names.insert(name.into(), what.into());
        if let Some(first) = earlier {
            self.error(Error::Duplicate {
                module: self.name(),
                name: name.into(),
                first,
                second: what.into(),
            });
        }
    }

    pub(crate) fn fit(&self, ty: Ty, value: &impl Value, what: &str) -> Bits {
        let ty = Ty { width: ty.width.max(1), ..ty };
        value.to_bits(ty).unwrap_or_else(|| {
            let (module, what, value) = (self.name(), what.into(), value.show());
            self.error(Error::Range { module, what, value, ty });
            Bits::zero(ty.width)
        })
    }

    /// `sig` as the value of a target: extended by its own sign, never cut, never of the other sign.
    pub(crate) fn assign(&self, target: &str, tt: Ty, sig: Sig<'_>) -> Id {
        let id = self.own(sig);
        let (vt, value) = (self.get_ty(id), self.get().describe(id));
        let (module, target) = (self.name(), target.to_string());
        if vt.signed != tt.signed {
            let what = "an assignment".into();
            return self
                .fail(Error::Sign { module, what, left: target, lt: tt, right: value, rt: vt }, tt)
                .id;
        }
        if vt.width > tt.width {
            return self.fail(Error::Narrow { module, target, tt, value, vt }, tt).id;
        }
        self.sig(id).resize(tt.width).id
    }

    /// `sig` where one bit is wanted.
    pub(crate) fn condition(&self, what: &str, sig: Sig<'_>) -> Id {
        let id = self.own(sig);
        let ty = self.get_ty(id);
        if ty.width == 1 {
            return id;
        }
        let e = Error::Condition { module: self.name(), what: what.into(), sig: sig.describe(), ty };
        self.fail(e, u(1)).id
    }

    /// True when the module, or one below it, has a clock.
    pub(crate) fn clocked(&self) -> bool {
        let i = self.get();
        !i.regs.is_empty()
            || i.mems.iter().any(|m| !m.writes.is_empty() || m.reads.iter().any(|r| r.enable.is_some()))
            || i.insts.iter().any(|x| x.child.clocked())
    }

    /// True when the module, or one below it, has a reset.
    pub(crate) fn resettable(&self) -> bool {
        let i = self.get();
        i.uses_reset
            || i.regs.iter().any(|r| r.reset.is_some())
            || i.insts.iter().any(|x| x.child.resettable())
    }
}

impl<'m> Wire<'m> {
    /// Drives the net. A narrower value of the same sign is extended.
    pub fn set(self, value: impl super::sig::IntoSig<'m>) {
        let (name, ty) = (self.sig().describe(), self.sig().ty());
        let value = value.like(self.sig());
        let id = self.m.assign(&name, ty, value);
        let earlier = self.m.get_mut().drivers.insert(self.id, id);
        if let Some(first) = earlier {
            let (module, kind) = (self.m.name(), "net".into());
            let (first, second) = (self.m.get().describe(first), value.describe());
            self.m.error(Error::Twice { module, kind, name, first, second });
        }
    }

    /// Reads the net.
    pub fn sig(self) -> Sig<'m> {
        self.m.sig(self.id)
    }

    /// Sets the comment that goes with the net.
    pub fn doc(self, doc: &str) -> Wire<'m> {
        self.sig().doc(doc);
        self
    }
}
