//! Flattens the hierarchy and orders all operations so that operands come first.

use super::Sim;
use super::exec::{Instr, Kind, Memory, Program, ReadStep, RegStep, WriteStep};
use super::wide::{Arg, Wide, WideOp};
use crate::dsl::bits::{Bits, Ty, limbs_for, top_mask, u};
use crate::dsl::ir::{Bin, Dir, Id, Op, Un};
use crate::dsl::module::Module;
use std::collections::HashMap;
use std::rc::Rc;

/// One instance of a module.
struct Ctx {
    module: Option<Rc<Module>>,
    /// Parent and number of the instance in it.
    parent: Option<(usize, usize)>,
    children: Vec<usize>,
    path: String,
    first_mem: usize,
    /// Offset of each node's value.
    at: Vec<Option<u32>>,
}

struct Builder<'a> {
    top: &'a Module,
    ctxs: Vec<Ctx>,
    state: Vec<u64>,
    consts: HashMap<Bits, u32>,
    program: Program,
    mems: Vec<Memory>,
    mem_names: HashMap<String, usize>,
}

/// Number of an instance, and a node in its module.
type At = (usize, Id);

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
    fn module(&self, ctx: usize) -> &Module {
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

    fn alloc(&mut self, width: u32) -> u32 {
        let at = self.state.len() as u32;
        self.state.resize(self.state.len() + limbs_for(width), 0);
        at
    }

    fn constant(&mut self, bits: &Bits) -> u32 {
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

    fn arg(&self, at: At) -> Arg {
        let ty = self.module(at.0).get().ty(at.1);
        Arg { at: self.place(at), width: ty.width, signed: ty.signed }
    }

    /// The instruction for a node whose operands have places; the place of the result.
    fn emit(&mut self, at: At, operands: &[At]) -> u32 {
        let (op, ty) = {
            let inner = self.module(at.0).get();
            let n = inner.node(at.1);
            (n.op.clone(), n.ty)
        };
        let args: Vec<Arg> = operands.iter().map(|o| self.arg(*o)).collect();
        match op {
            Op::Alias(_) | Op::Cast(_) | Op::Net | Op::InstOut(..) | Op::Input => {
                args.first().map_or(0, |a| a.at)
            }
            Op::MemOut(mem, _) => {
                let mem = self.ctxs[at.0].first_mem + mem;
                match ty.width {
                    ..=64 => self.narrow(Kind::Read, ty, &args, mem as u32),
                    _ => {
                        let (op, dst, width) = (WideOp::Read(mem, args[0]), self.alloc(ty.width), ty.width);
                        self.push_wide(Wide { op, dst, width });
                        dst
                    }
                }
            }
            Op::Case(_, arms, _) => {
                let sel = args[0];
                let mut rest = args[args.len() - 1];
                for ((key, _), arm) in arms.iter().zip(&args[1..]).rev() {
                    let key = Arg { at: self.constant(key), ..sel };
                    let test = self.compute(Op::Bin(Bin::Eq, 0, 0), u(1), &[sel, key]);
                    let test = Arg { at: test, width: 1, signed: false };
                    let chosen = self.compute(Op::Mux(0, 0, 0), ty, &[test, *arm, rest]);
                    rest = Arg { at: chosen, width: ty.width, signed: ty.signed };
                }
                rest.at
            }
            op => self.compute(op, ty, &args),
        }
    }

    fn compute(&mut self, op: Op, ty: Ty, args: &[Arg]) -> u32 {
        let narrow = ty.width <= 64 && args.iter().all(|a| a.width <= 64);
        match (narrow, op) {
            (true, Op::Un(un, _)) => self.unary(un, ty, args),
            (true, Op::Bin(bin, ..)) => self.binary(bin, ty, args),
            (true, Op::Resize(_)) => self.narrow(Kind::Copy, ty, args, 0),
            (true, Op::Slice(_, lo)) => self.narrow(Kind::Slice, ty, &[raw(args[0])], lo),
            (true, Op::ShlC(_, k)) => {
                let zero = Arg { at: self.constant(&Bits::zero(1)), width: 1, signed: false };
                self.narrow(Kind::Join, ty, &[zero, args[0]], k)
            }
            (true, Op::Word(..)) => self.narrow(Kind::Word, ty, &[raw(args[0]), args[1]], ty.width),
            (true, Op::Mux(..)) => self.narrow(Kind::Mux, ty, args, 0),
            (true, Op::Cat(_)) => self.join(args),
            (true, Op::Repeat(_, k)) => self.join(&vec![args[0]; k as usize]),
            (false, Op::Slice(_, lo)) if ty.width <= 64 => self.cut(args[0], lo, ty),
            (false, Op::Resize(_)) if ty.width <= 64 => self.cut(args[0], 0, ty),
            (_, op) => {
                let dst = self.alloc(ty.width);
                if let Some(wide) = Wide::new(&op, args, dst, ty) {
                    self.push_wide(wide);
                }
                dst
            }
        }
    }

    /// Up to 64 bits of a wide value.
    fn cut(&mut self, a: Arg, lo: u32, ty: Ty) -> u32 {
        let from = Arg { at: a.at + lo / 64, width: 64, signed: false };
        let spans = lo % 64 + ty.width > 64;
        self.narrow(if spans { Kind::Slice2 } else { Kind::Slice }, ty, &[from], lo % 64)
    }

    fn unary(&mut self, un: Un, ty: Ty, args: &[Arg]) -> u32 {
        let kind = match un {
            Un::Not => Kind::Not,
            Un::Neg => return self.narrow(Kind::Neg, ty, args, 0),
            Un::Any => Kind::Any,
            Un::All => Kind::All,
            Un::Parity => Kind::Parity,
        };
        self.narrow(kind, ty, &[raw(args[0])], 64 - args[0].width)
    }

    fn binary(&mut self, bin: Bin, ty: Ty, args: &[Arg]) -> u32 {
        let signed = args[0].signed;
        let pick = |u, s| if signed { s } else { u };
        let swapped = [args[1], args[0]];
        match bin {
            Bin::Add => self.narrow(Kind::Add, ty, args, 0),
            Bin::Sub => self.narrow(Kind::Sub, ty, args, 0),
            Bin::Mul => self.narrow(Kind::Mul, ty, args, 0),
            Bin::And => self.narrow(Kind::And, ty, args, 0),
            Bin::Or => self.narrow(Kind::Or, ty, args, 0),
            Bin::Xor => self.narrow(Kind::Xor, ty, args, 0),
            Bin::Eq => self.narrow(Kind::Eq, ty, args, 0),
            Bin::Ne => self.narrow(Kind::Ne, ty, args, 0),
            Bin::Lt => self.narrow(pick(Kind::LtU, Kind::LtS), ty, args, 0),
            Bin::Le => self.narrow(pick(Kind::LeU, Kind::LeS), ty, args, 0),
            Bin::Gt => self.narrow(pick(Kind::LtU, Kind::LtS), ty, &swapped, 0),
            Bin::Ge => self.narrow(pick(Kind::LeU, Kind::LeS), ty, &swapped, 0),
            Bin::Shl => self.narrow(Kind::Shl, ty, args, 0),
            Bin::Shr => self.narrow(pick(Kind::ShrU, Kind::ShrS), ty, args, 0),
        }
    }

    fn join(&mut self, parts: &[Arg]) -> u32 {
        let mut low = raw(parts[0]);
        for p in &parts[1..] {
            let width = low.width + p.width;
            let at = self.narrow(Kind::Join, u(width), &[low, raw(*p)], low.width);
            low = Arg { at, width, signed: false };
        }
        low.at
    }

    fn narrow(&mut self, kind: Kind, ty: Ty, args: &[Arg], imm: u32) -> u32 {
        let spare = |a: &Arg| if a.signed { 64 - a.width } else { 0 };
        let part = |i: usize| args.get(i).map_or((0, 0), |a| (a.at, spare(a) as u8));
        let ((a, sa), (b, sb), (c, sc)) = (part(0), part(1), part(2));
        let imm = if kind == Kind::Mux { u32::from(sc) } else { imm };
        let sa = if kind == Kind::Mux || kind == Kind::Read { 0 } else { sa };
        let dst = self.alloc(ty.width);
        self.program.code.push(Instr { kind, sa, sb, imm, dst, a, b, c, mask: top_mask(ty.width) });
        dst
    }

    fn push_wide(&mut self, wide: Wide) {
        let (imm, dst) = (self.program.wide.len() as u32, wide.dst);
        self.program.wide.push(wide);
        let (kind, mask) = (Kind::Wide, 0);
        self.program.code.push(Instr { kind, sa: 0, sb: 0, imm, dst, a: 0, b: 0, c: 0, mask });
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
                    reads.push(ReadStep { q: at(r.id), mem, addr: at(r.addr), enable: at(enable) });
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
        }
    }
}

/// The bits without a sign.
fn raw(a: Arg) -> Arg {
    Arg { signed: false, ..a }
}
