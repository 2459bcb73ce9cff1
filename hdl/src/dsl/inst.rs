//! Instances of modules inside modules.

use super::bits::{Ty, u};
use super::error::Error;
use super::ir::{Dir, InstData, Op};
use super::module::{Module, Wire};
use super::sig::{IntoSig, Sig};
use std::collections::HashMap;
use std::rc::Rc;

/// An instance. Clock and reset are connected by themselves.
#[derive(Clone, Copy)]
pub struct Inst<'m> {
    pub(crate) m: &'m Module,
    pub(crate) index: usize,
}

/// What can be instantiated: a module, or a shared one.
pub trait Child {
    /// The module, shared.
    fn share(self) -> Rc<Module>;
}

impl Child for Module {
    fn share(self) -> Rc<Module> {
        Rc::new(self)
    }
}

impl Child for Rc<Module> {
    fn share(self) -> Rc<Module> {
        self
    }
}

impl Child for &Rc<Module> {
    fn share(self) -> Rc<Module> {
        self.clone()
    }
}

impl Module {
    /// An instance of `child` (a [`Module`], an `Rc<Module>` or a reference to one). Modules of the same name must have
    /// the same contents; they are emitted once.
    pub fn instance(&self, name: &str, child: impl Child) -> Inst<'_> {
        self.claim(name, "an instance");
        let (inputs, outputs) = (HashMap::new(), HashMap::new());
        let mut inner = self.get_mut();
        inner.insts.push(InstData { name: name.into(), child: child.share(), inputs, outputs });
        Inst { m: self, index: inner.insts.len() - 1 }
    }

    /// Makes ports of this module for all ports of `inst` whose names start with `inner`, with that prefix replaced
    /// by `outer`, and connects them: for AXI and other bundles that pass through.
    pub fn export(&self, inst: Inst<'_>, inner: &str, outer: &str) {
        for (name, dir, ty, doc) in inst.ports(inner) {
            let own = format!("{outer}{}", &name[inner.len()..]);
            match dir {
                Dir::In => inst.input_of(&name, self.input(&own, ty, &doc)),
                Dir::Out => self.output(&own, ty, &doc).set(self.sig(self.own(inst.out(&name)))),
            }
        }
    }
}

type PortRow = (String, Dir, Ty, String);

impl<'m> Inst<'m> {
    /// Drives input `port`; a narrower value of the same sign is extended.
    pub fn connect(self, port: &str, value: impl IntoSig<'m>) {
        if let Some((at, ty)) = self.find(port, Dir::In) {
            let like = self.m.op(Op::Lit(super::bits::Bits::zero(ty.width)), ty);
            self.drive(at, port, ty, value.like(like));
        }
    }

    fn input_of(self, port: &str, value: Sig<'_>) {
        let value = self.m.sig(self.m.own(value));
        self.connect(port, value);
    }

    fn drive(self, at: usize, port: &str, ty: Ty, value: Sig<'m>) {
        let name = format!("{}.{port}", self.name());
        let id = self.m.assign(&name, ty, value);
        let earlier = self.m.get_mut().insts[self.index].inputs.insert(at, id);
        if let Some(first) = earlier {
            let (module, kind) = (self.m.name(), "instance input".into());
            let (first, second) = (self.m.get().describe(first), value.describe());
            self.m.error(Error::Twice { module, kind, name, first, second });
        }
    }

    /// Input `port` as a net to be driven later.
    pub fn input(self, port: &str) -> Wire<'m> {
        let name = format!("{}_{port}", self.name());
        let Some((at, ty)) = self.find(port, Dir::In) else {
            let dummy = self.m.get_mut().push(Op::Net, u(1), Some(name));
            return Wire { m: self.m, id: dummy };
        };
        let wire = self.m.wire(&name, ty);
        self.m.get_mut().pins.insert(wire.id, name);
        self.drive(at, port, ty, wire.sig());
        wire
    }

    /// Output `port`, as the net `<instance>_<port>`. Outputs that nobody asks for are left unread.
    pub fn out(self, port: &str) -> Sig<'m> {
        let Some((at, ty)) = self.find(port, Dir::Out) else {
            return self.m.u(1, 0);
        };
        let known = self.m.get().insts[self.index].outputs.get(&at).copied();
        if let Some(id) = known {
            return self.m.sig(id);
        }
        let name = format!("{}_{port}", self.name());
        let out = self.m.named(Op::InstOut(self.index, at), ty, &name, "an instance output");
        self.m.get_mut().insts[self.index].outputs.insert(at, out.id);
        out
    }

    /// Connects all ports that start with `mine` to those of `other` that start with `theirs`, outputs to inputs and
    /// inputs to outputs: two ends of a bundle.
    pub fn join(self, mine: &str, other: Inst<'m>, theirs: &str) {
        for (name, dir, ..) in self.ports(mine) {
            let peer = format!("{theirs}{}", &name[mine.len()..]);
            match dir {
                Dir::Out => other.connect(&peer, self.out(&name)),
                Dir::In => self.connect(&name, other.out(&peer)),
            }
        }
    }

    pub(crate) fn name(self) -> String {
        self.m.get().insts[self.index].name.clone()
    }

    fn child(self) -> Rc<Module> {
        self.m.get().insts[self.index].child.clone()
    }

    pub(crate) fn ports(self, prefix: &str) -> Vec<PortRow> {
        let child = self.child();
        let inner = child.get();
        let rows = inner.ports.iter().filter(|p| p.name.starts_with(prefix));
        rows.map(|p| (p.name.clone(), p.dir, p.ty, inner.node(p.id).doc.clone())).collect()
    }

    /// Number and type of a port; a fault when it is missing or points the other way.
    fn find(self, port: &str, dir: Dir) -> Option<(usize, Ty)> {
        let child = self.child();
        let inner = child.get();
        let (module, instance, name) = (self.m.name(), self.name(), inner.name.clone());
        let word = |d: Dir| if d == Dir::In { "input" } else { "output" };
        match inner.ports.iter().position(|p| p.name == port) {
            Some(at) if inner.ports[at].dir == dir => return Some((at, inner.ports[at].ty)),
            Some(at) => {
                let (is, wanted) = (word(inner.ports[at].dir).into(), word(dir).into());
                self.m.error(Error::Direction {
                    module,
                    instance,
                    child: name,
                    port: port.into(),
                    is,
                    wanted,
                });
            }
            None => {
                let has = inner.ports.iter().filter(|p| p.dir == dir).map(|p| p.name.clone()).collect();
                let (dir, port) = (word(dir).into(), port.into());
                self.m.error(Error::Port { module, instance, child: name, dir, port, has });
            }
        }
        None
    }
}
