//! Faults planted on purpose into a finished module: a test shows with them that it can fail.

use super::ir::{Id, Op};
use super::module::Module;
use super::sig::Sig;

impl Module {
    /// Puts `fault(value)` in the place of the value of a named expression, of a net, or of every next value of a
    /// register. `path` names it, `"port0.room"` one in an instance (and in those that share the module).
    ///
    /// # Panics
    /// When there is no such signal, or the fault has another type.
    pub(crate) fn plant(&self, path: &str, fault: impl Fn(Sig<'_>) -> Sig<'_>) {
        if let Some((inst, rest)) = path.split_once('.') {
            let child = self.get().insts.iter().find(|x| x.name == inst).map(|x| x.child.clone());
            return child.unwrap_or_else(|| panic!("there is no instance `{inst}`")).plant(rest, fault);
        }
        let change = |old: Id| {
            let new = fault(self.sig(old));
            assert_eq!(new.ty(), self.get_ty(old), "the fault at `{path}` has another type");
            new.id
        };
        let id = self.signal(path).id;
        let op = self.get().node(id).op.clone();
        match op {
            Op::Alias(old) => {
                let new = change(old);
                self.get_mut().nodes[id as usize].op = Op::Alias(new);
            }
            Op::Net => {
                let old = self.get().drivers[&id];
                let new = change(old);
                self.get_mut().drivers.insert(id, new);
            }
            Op::Reg(at) => {
                let whens = self.get().regs[at].whens.clone();
                let whens = whens.into_iter().map(|(condition, value)| (condition, change(value))).collect();
                let always = self.get().regs[at].always;
                let always = always.map(change);
                let reg = &mut self.get_mut().regs[at];
                (reg.whens, reg.always) = (whens, always);
            }
            _ => panic!("`{path}` has no value of its own"),
        }
    }

    /// A named signal of this module.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn signal(&self, name: &str) -> Sig<'_> {
        let id = self.get().nodes.iter().position(|n| n.name.as_deref() == Some(name));
        self.sig(id.unwrap_or_else(|| panic!("there is no signal `{name}`")) as Id)
    }
}

#[test]
fn a_planted_fault_changes_a_value_and_nothing_else() {
    use super::{Sim, u};
    let build = || {
        let child = Module::new("child", "");
        let x = child.input("x", u(8), "");
        let next = child.node("next", x.wrapping_add(1));
        let kept = child.reg("kept", u(8), Some(0), "");
        kept.when(x.any(), next);
        child.output("y", u(8), "").set(kept.q());
        let m = Module::new("parent", "");
        let inst = m.instance("inner", child);
        inst.connect("x", m.input("x", u(8), ""));
        m.output("y", u(8), "").set(inst.out("y"));
        m
    };
    let run = |m: &Module| {
        let mut sim = Sim::new(m).unwrap();
        sim.set("x", 5);
        sim.tick();
        sim.get("y")
    };
    let planted = |path: &str, fault: fn(Sig<'_>) -> Sig<'_>| {
        let m = build();
        m.plant(path, fault);
        run(&m)
    };
    assert_eq!(run(&build()), 6);
    assert_eq!(planted("inner.next", |s| s.wrapping_add(s.module().signal("x"))), 11);
    assert_eq!(planted("inner.kept", |s| !s), 249);
    assert_eq!(planted("y", |s| s.wrapping_sub(1)), 5);
}
