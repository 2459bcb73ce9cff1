//! Registers and state machines.

use super::bits::{Ty, index_width, u};
use super::error::Error;
use super::ir::{Fsm as FsmData, Id, Op, RegData};
use super::module::Module;
use super::sig::{IntoSig, Sig};

/// A register.
#[derive(Clone, Copy)]
pub struct Reg<'m> {
    m: &'m Module,
    index: usize,
    id: Id,
}

impl Module {
    /// A register of type `ty`; `reset` is its value after reset, `None` leaves it out of the reset (and undefined at
    /// the start). Without [`Reg::set`] or a [`Reg::when`] that holds it keeps its value.
    pub fn reg(&self, name: &str, ty: Ty, reset: Option<i128>, doc: &str) -> Reg<'_> {
        let index = self.get().regs.len();
        let q = self.named(Op::Reg(index), ty, name, "a register").doc(doc);
        let reset = reset.map(|v| self.fit(ty, &v, &format!("the reset of `{name}`")));
        let data = RegData { id: q.id, reset, whens: vec![], always: None, fsm: None };
        let mut inner = self.get_mut();
        inner.regs.push(data);
        Reg { m: self, index: inner.regs.len() - 1, id: q.id }
    }

    /// A register without reset that follows `d` every cycle: one pipeline stage.
    pub fn delay(&self, name: &str, d: Sig<'_>, doc: &str) -> Sig<'_> {
        let d = self.sig(self.own(d));
        let r = self.reg(name, d.ty(), None, doc);
        r.set(d);
        r.q()
    }

    /// A state machine that starts in the first state.
    pub fn fsm(&self, name: &str, states: &[&str], doc: &str) -> Fsm<'_> {
        let ty = u(index_width(states.len()));
        let reg = self.reg(name, ty, Some(0), doc);
        let prefix = name.to_uppercase();
        let named = |(i, state): (usize, &&str)| {
            (state.to_string(), self.param(&format!("{prefix}_{state}"), ty, i).id)
        };
        let states: Vec<(String, Id)> = states.iter().enumerate().map(named).collect();
        self.get_mut().regs[reg.index].fsm = Some(FsmData { states, moves: vec![] });
        Fsm { reg }
    }
}

impl<'m> Reg<'m> {
    /// The present value.
    pub fn q(self) -> Sig<'m> {
        self.m.sig(self.id)
    }

    /// The next value when no [`Reg::when`] holds; without `when`s, the next value.
    pub fn set(self, value: impl IntoSig<'m>) {
        let value = self.value(value);
        let earlier = self.m.get_mut().regs[self.index].always.replace(value);
        if let Some(first) = earlier {
            let (module, kind, name) = (self.m.name(), "register".into(), self.q().describe());
            let (first, second) = (self.m.get().describe(first), self.m.get().describe(value));
            self.m.error(Error::Twice { module, kind, name, first, second });
        }
    }

    /// The next value when `cond` is 1 and the condition of no earlier `when` of this register is.
    pub fn when(self, cond: Sig<'m>, value: impl IntoSig<'m>) {
        let cond = self.m.condition(&format!("the condition of register `{}`", self.q().describe()), cond);
        let value = self.value(value);
        self.m.get_mut().regs[self.index].whens.push((cond, value));
    }

    fn value(self, value: impl IntoSig<'m>) -> Id {
        let q = self.q();
        self.m.assign(&q.describe(), q.ty(), value.like(q))
    }
}

/// A state machine: a register with named states.
#[derive(Clone, Copy)]
pub struct Fsm<'m> {
    reg: Reg<'m>,
}

/// The moves out of one state.
#[derive(Clone, Copy)]
pub struct State<'m> {
    fsm: Fsm<'m>,
    from: usize,
}

impl<'m> Fsm<'m> {
    /// The code of the present state.
    pub fn q(self) -> Sig<'m> {
        self.reg.q()
    }

    /// 1 in state `state`.
    pub fn is(self, state: &str) -> Sig<'m> {
        let m = self.reg.m;
        let id = self.find(state).map(|i| m.get().regs[self.reg.index].fsm.as_ref().map(|f| f.states[i].1));
        match id.flatten() {
            Some(id) => self.q().eq(m.sig(id)),
            None => m.u(1, 0),
        }
    }

    /// The moves out of `state`; the first condition that holds decides.
    pub fn from(self, state: &str) -> State<'m> {
        State { fsm: self, from: self.find(state).unwrap_or(0) }
    }

    fn find(self, state: &str) -> Option<usize> {
        let m = self.reg.m;
        let has: Vec<String> = match &m.get().regs[self.reg.index].fsm {
            Some(f) => f.states.iter().map(|s| s.0.clone()).collect(),
            None => vec![],
        };
        let found = has.iter().position(|s| s == state);
        if found.is_none() {
            let fsm = self.q().describe();
            m.error(Error::State { module: m.name(), fsm, state: state.into(), has });
        }
        found
    }
}

impl<'m> State<'m> {
    /// Goes to state `to` when `cond` is 1.
    pub fn goto(self, cond: Sig<'m>, to: &str) -> State<'m> {
        let reg = self.fsm.reg;
        let cond = reg.m.condition(&format!("a move of state machine `{}`", reg.q().describe()), cond);
        let Some(to) = self.fsm.find(to) else {
            return self;
        };
        let code = reg.m.get().regs[reg.index].fsm.as_ref().map(|f| (f.states[self.from].1, f.states[to].1));
        if let Some((from_id, to_id)) = code {
            let here = reg.q().eq(reg.m.sig(from_id)) & reg.m.sig(cond);
            let data = &mut reg.m.get_mut().regs[reg.index];
            data.whens.push((here.id, to_id));
            if let Some(f) = &mut data.fsm {
                f.moves.push((self.from, cond, to));
            }
        }
        self
    }
}
