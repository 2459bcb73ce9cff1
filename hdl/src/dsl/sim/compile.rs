//! Flattens the hierarchy and orders all operations so that operands come first.

use super::Sim;
use super::exec::{Memory, Program, ReadStep, RegStep, WriteStep};
use super::wide::Arg;
use crate::dsl::bits::{Bits, limbs_for};
use crate::dsl::ir::{Dir, Id, MemStyle, Op};
use crate::dsl::module::Module;
use std::collections::HashMap;
use std::rc::Rc;

/// One instance of a module.
pub(super) struct Ctx {
    module: Option<Rc<Module>>,
    /// Parent and number of the instance in it.
    parent: Option<(usize, usize)>,
    children: Vec<usize>,
    path: String,
    pub(super) first_mem: usize,
    /// Offset of each node's value.
    at: Vec<Option<u32>>,
}

/// The evaluator under construction.
pub(super) struct Builder<'a> {
    top: &'a Module,
    pub(super) ctxs: Vec<Ctx>,
    state: Vec<u64>,
    consts: HashMap<Bits, u32>,
    pub(super) program: Program,
    mems: Vec<Memory>,
    mem_names: HashMap<String, usize>,
}

/// Number of an instance, and a node in its module.
pub(super) type At = (usize, Id);

/// A checked module as an evaluator.
pub(super) fn compile(top: &Module) -> Sim {
    let mut b = Builder {
        top,
        ctxs: vec![],
        state: vec![0],
        consts: HashMap::new(),
        program: Program::default(),
        mems: vec![],
        mem_names: HashMap::new(),
    };
    b.instance(None, None, String::new());
    (0..b.ctxs.len()).for_each(|c| b.sources(c));
    (0..b.ctxs.len()).for_each(|c| b.logic(c));
    (0..b.ctxs.len()).for_each(|c| b.steps(c));
    b.finish()
}

impl Builder<'_> {
    pub(super) fn module(&self, ctx: usize) -> &Module {
        self.ctxs[ctx].module.as_deref().unwrap_or(self.top)
    }

    fn instance(
        &mut self,
        module: Option<Rc<Module>>,
        parent: Option<(usize, usize)>,
        path: String,
    ) -> usize {
        let own = self.ctxs.len();
        self.ctxs.push(Ctx {
            module,
            parent,
            children: vec![],
            path: path.clone(),
            first_mem: self.mems.len(),
            at: vec![],
        });
        let children: Vec<(String, Rc<Module>)> =
            self.module(own).get().insts.iter().map(|x| (x.name.clone(), x.child.clone())).collect();
        let nodes = self.module(own).get().nodes.len();
        self.ctxs[own].at = vec![None; nodes];
        let mut mems = Vec::new();
        for m in &self.module(own).get().mems {
            let mut mem = Memory::new(m.width, m.depth);
            m.init.iter().enumerate().for_each(|(at, word)| mem.write(at, word.limbs()));
            mem.init_words = m.init.len();
            mems.push((format!("{path}{}", m.name), mem));
        }
        for (name, mem) in mems {
            self.mem_names.insert(name, self.mems.len());
            self.mems.push(mem);
        }
        for (at, (name, child)) in children.into_iter().enumerate() {
            let ctx = self.instance(Some(child), Some((own, at)), format!("{path}{name}."));
            self.ctxs[own].children.push(ctx);
        }
        own
    }

    pub(super) fn alloc(&mut self, width: u32) -> u32 {
        let at = self.state.len() as u32;
        self.state.resize(self.state.len() + limbs_for(width), 0);
        at
    }

    pub(super) fn constant(&mut self, bits: &Bits) -> u32 {
        if let Some(at) = self.consts.get(bits) {
            return *at;
        }
        let at = self.alloc(bits.width());
        self.state[at as usize..].copy_from_slice(bits.limbs());
        self.consts.insert(bits.clone(), at);
        at
    }

    /// Places for what begins a cycle: inputs, registers, registered reads, constants.
    fn sources(&mut self, ctx: usize) {
        for id in 0..self.ctxs[ctx].at.len() {
            let (op, ty) = {
                let inner = self.module(ctx).get();
                let n = inner.node(id as Id);
                let sync = match n.op {
                    Op::MemOut(mem, at) => inner.mems[mem].reads[at].enable.is_some(),
                    Op::Reg(_) => true,
                    Op::Input => ctx == 0,
                    Op::Lit(_) | Op::Param(_) | Op::InReset => true,
                    _ => false,
                };
                if !sync {
                    continue;
                }
                (n.op.clone(), n.ty)
            };
            let at = match op {
                Op::Lit(b) | Op::Param(b) => self.constant(&b),
                Op::InReset => 0,
                Op::Reg(index) => {
                    let at = self.alloc(ty.width);
                    let reset = self.module(ctx).get().regs[index].reset.clone();
                    if let Some(b) = reset {
                        self.state[at as usize..].copy_from_slice(b.limbs());
                    }
                    at
                }
                _ => self.alloc(ty.width),
            };
            self.ctxs[ctx].at[id] = Some(at);
        }
    }

    /// Operands of a node, across instances.
    fn operands(&self, (ctx, id): At) -> Vec<At> {
        let inner = self.module(ctx).get();
        match &inner.node(id).op {
            Op::Net => inner.drivers.get(&id).map(|d| (ctx, *d)).into_iter().collect(),
            Op::MemOut(mem, at) => vec![(ctx, inner.mems[*mem].reads[*at].addr)],
            Op::InstOut(inst, port) => {
                let child = self.ctxs[ctx].children[*inst];
                vec![(child, self.module(child).get().ports[*port].id)]
            }
            Op::Input => {
                let Some((parent, inst)) = self.ctxs[ctx].parent else {
                    return vec![];
                };
                let port = inner.ports.iter().position(|p| p.id == id);
                let outer = self.module(parent).get();
                port.and_then(|p| outer.insts[inst].inputs.get(&p).map(|d| (parent, *d)))
                    .into_iter()
                    .collect()
            }
            op => op.operands().into_iter().map(|o| (ctx, o)).collect(),
        }
    }

    /// Orders everything that a name or a state element needs.
    fn logic(&mut self, ctx: usize) {
        let roots: Vec<Id> = {
            let inner = self.module(ctx).get();
            let mut all: Vec<Id> =
                (0..inner.nodes.len() as Id).filter(|id| inner.node(*id).name.is_some()).collect();
            for r in &inner.regs {
                all.extend(r.whens.iter().flat_map(|w| [w.0, w.1]).chain(r.always));
            }
            for m in &inner.mems {
                all.extend(m.writes.iter().flat_map(|w| [w.mask, w.addr, w.data]));
                all.extend(m.reads.iter().flat_map(|r| [Some(r.addr), r.enable].into_iter().flatten()));
            }
            all
        };
        for root in roots {
            let mut stack = vec![((ctx, root), false)];
            while let Some((at, ready)) = stack.pop() {
                if self.ctxs[at.0].at[at.1 as usize].is_some() {
                    continue;
                }
                let operands = self.operands(at);
                if ready {
                    let place = self.emit(at, &operands);
                    self.ctxs[at.0].at[at.1 as usize] = Some(place);
                    continue;
                }
                stack.push((at, true));
                stack.extend(operands.into_iter().map(|o| (o, false)));
            }
        }
    }

    fn place(&self, (ctx, id): At) -> u32 {
        self.ctxs[ctx].at[id as usize].unwrap_or(0)
    }

    pub(super) fn arg(&self, at: At) -> Arg {
        let ty = self.module(at.0).get().ty(at.1);
        Arg { at: self.place(at), width: ty.width, signed: ty.signed }
    }

    /// What happens at the clock edge.
    fn steps(&mut self, ctx: usize) {
        let mut resets = Vec::new();
        for r in &self.module(ctx).get().regs {
            resets.push(r.reset.clone());
        }
        let resets: Vec<Option<u32>> = resets.iter().map(|r| r.as_ref().map(|b| self.constant(b))).collect();
        let (mut regs, mut reads, mut writes) = (vec![], vec![], vec![]);
        let inner = self.module(ctx).get();
        let at = |id: Id| self.place((ctx, id));
        for (r, reset) in inner.regs.iter().zip(resets) {
            let width = inner.ty(r.id).width;
            let arms = r.whens.iter().map(|w| (at(w.0), at(w.1))).collect();
            let (q, limbs, always) = (at(r.id), limbs_for(width) as u32, r.always.map(at));
            regs.push(RegStep { q, width, limbs, reset, arms, always });
        }
        for (m, data) in inner.mems.iter().enumerate() {
            let mem = self.ctxs[ctx].first_mem + m;
            for r in &data.reads {
                if let Some(enable) = r.enable {
                    let all = self.program.writes.len() + writes.len();
                    let rivals = if data.style == MemStyle::Lut { 0 } else { data.writes.len() };
                    let rivals = (all..all + rivals).collect();
                    reads.push(ReadStep { q: at(r.id), mem, addr: at(r.addr), enable: at(enable), rivals });
                }
            }
            for w in &data.writes {
                writes.push(WriteStep {
                    mem,
                    mask: at(w.mask),
                    lanes: w.lanes,
                    addr: at(w.addr),
                    data: at(w.data),
                });
            }
        }
        drop(inner);
        self.program.regs.extend(regs);
        self.program.reads.extend(reads);
        self.program.writes.extend(writes);
    }

    fn finish(self) -> Sim {
        let (mut names, mut inputs) = (HashMap::new(), HashMap::new());
        for (ctx, c) in self.ctxs.iter().enumerate() {
            let inner = self.module(ctx).get();
            for (id, n) in inner.nodes.iter().enumerate() {
                if let (Some(name), Some(at)) = (&n.name, c.at[id]) {
                    names.insert(format!("{}{name}", c.path), (at, n.ty));
                }
            }
            for p in inner.ports.iter().filter(|p| ctx == 0 && p.dir == Dir::In) {
                inputs.insert(p.name.clone(), (self.place((0, p.id)), p.ty));
            }
        }
        let top = self.top.get();
        let shadow = vec![0; self.state.len()];
        Sim {
            program: self.program,
            shadow,
            state: self.state,
            mems: self.mems,
            names,
            inputs,
            mem_names: self.mem_names,
            clock: top.clock.clone(),
            reset: (top.reset.clone(), top.reset_low),
            stale: true,
            cycle: 0,
            noise: None,
        }
    }
}
