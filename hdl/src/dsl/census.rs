//! What a module consists of, counted: registers, operators by kind, memories, multipliers, instances. What these cost on a part is
//! somebody else's knowledge.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::ir::{Bin, Id, Inner, MemStyle, Op, RegData, Un};
use super::module::Module;

/// Registers of the shortest chain that is worth a shift register.
const SHORTEST: u64 = 3;

/// Kinds of logic, each counted in the unit that its cost goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Bits of sums and differences.
    Add,
    /// Bits of comparisons by size.
    Less,
    /// Bits of comparisons for equality, of two signals; with a constant half as many.
    Equal,
    /// Bits of choices between two.
    Mux,
    /// Bits of choices among more, a bit for each choice beyond the first.
    Select,
    /// Bits of and, or, exclusive or, not.
    Logic,
    /// Bits that are reduced to one.
    Reduce,
    /// Bits of shifters, for each bit of the distance.
    Shift,
    /// Bits of registers times conditions beyond the first.
    Load,
    /// Bits of tables of constants.
    Constant,
}

/// A memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Bits of a word.
    pub width: u32,
    /// Words.
    pub depth: usize,
    /// What it is to be made of.
    pub style: MemStyle,
    /// Parts of a word that are written each for itself.
    pub lanes: u32,
    /// Read ports; whether all of them have a register.
    pub reads: usize,
    /// All reads are registered.
    pub registered: bool,
}

/// What one module has, instances aside.
#[derive(Clone, Default)]
pub struct Census {
    /// Bits of registers.
    pub registers: u64,
    /// Bits of chains of registers without reset, three or longer, and the chains' ends.
    pub chained: u64,
    /// Chains, one bit each.
    pub chains: u64,
    /// Logic by kind.
    pub logic: BTreeMap<Kind, u64>,
    /// Widths of products of two signals; signed or not.
    pub products: Vec<(u32, u32, bool)>,
    /// Memories that are written.
    pub memories: Vec<Store>,
    /// Modules inside.
    pub inside: Vec<Rc<Module>>,
    /// It is one multiplier's adder where the part has such.
    pub dsp: bool,
}

/// Counts a module.
pub fn census(module: &Module) -> Census {
    let inner = module.get();
    let mut count =
        Count { i: &inner, seen: HashSet::new(), all: Census { dsp: inner.dsp, ..Census::default() } };
    count.registers();
    count.chains();
    count.memories();
    inner.drivers.values().for_each(|id| count.visit(*id));
    for instance in &inner.insts {
        instance.inputs.values().for_each(|id| count.visit(*id));
        count.all.inside.push(instance.child.clone());
    }
    count.all
}

struct Count<'a> {
    i: &'a Inner,
    seen: HashSet<Id>,
    all: Census,
}

impl Count<'_> {
    fn add(&mut self, kind: Kind, bits: u64) {
        *self.all.logic.entry(kind).or_default() += bits;
    }

    fn width(&self, id: Id) -> u64 {
        self.i.ty(id).width.into()
    }

    fn constant(&self, id: Id) -> bool {
        match &self.i.node(id).op {
            Op::Alias(a) | Op::Cast(a) | Op::Resize(a) | Op::Repeat(a, _) => self.constant(*a),
            Op::Cat(parts) => parts.iter().all(|part| self.constant(*part)),
            _ => self.i.constant(id).is_some(),
        }
    }

    fn registers(&mut self) {
        for reg in &self.i.regs {
            let bits = self.width(reg.id);
            self.all.registers += bits;
            let chain = reg.always.filter(|_| reg.whens.is_empty() && reg.reset.is_none());
            if let Some(fresh) = chain.and_then(|value| self.fresh(value, reg.id)) {
                let length = bits / fresh;
                if length >= SHORTEST {
                    self.all.chained += bits;
                    self.all.chains += fresh * length.div_ceil(16);
                }
            }
            let changing = reg.whens.iter().filter(|(_, value)| !self.constant(*value)).count() as u64;
            let arms = changing + u64::from(reg.always.is_some());
            self.add(Kind::Load, bits * arms.saturating_sub(1));
            if let Some(fsm) = &reg.fsm {
                self.add(Kind::Logic, fsm.moves.len() as u64);
            }
            for (condition, value) in &reg.whens {
                self.visit(*condition);
                self.visit(*value);
            }
            reg.always.into_iter().for_each(|value| self.visit(value));
            let moves = reg.fsm.iter().flat_map(|fsm| &fsm.moves);
            let conditions: Vec<Id> = moves.map(|(_, condition, _)| *condition).collect();
            conditions.into_iter().for_each(|condition| self.visit(condition));
        }
    }

    /// Bits that enter a shift register, if `value` is what register `id` takes as one: fresh bits below its own lower ones.
    fn fresh(&self, value: Id, id: Id) -> Option<u64> {
        let Op::Cat(parts) = &self.i.node(value).op else { return None };
        let (last, first) = parts.split_last()?;
        let Op::Slice(of, 0) = self.i.node(*last).op else { return None };
        (of == id).then(|| first.iter().map(|part| self.width(*part)).sum())
    }

    /// The node behind names and casts.
    fn base(&self, mut id: Id) -> Id {
        while let Op::Alias(a) | Op::Cast(a) = self.i.node(id).op {
            id = a;
        }
        id
    }

    /// Chains of registers that delay a signal, each read by the next alone.
    fn chains(&mut self) {
        let uses = self.uses();
        let mut next: HashMap<Id, Id> = HashMap::new();
        let plain = |reg: &&RegData| reg.whens.is_empty() && reg.reset.is_none() && reg.fsm.is_none();
        let ids: HashSet<Id> = self.i.regs.iter().filter(plain).map(|reg| reg.id).collect();
        for reg in self.i.regs.iter().filter(plain) {
            let before = reg.always.map(|value| self.base(value)).filter(|id| ids.contains(id));
            if let Some(before) = before.filter(|id| uses.get(id) == Some(&1)) {
                next.insert(before, reg.id);
            }
        }
        let inner: HashSet<Id> = next.values().copied().collect();
        for first in ids.iter().filter(|id| !inner.contains(id)) {
            let (mut length, mut at) = (1, *first);
            while let Some(after) = next.get(&at) {
                (length, at) = (length + 1, *after);
            }
            if length >= SHORTEST {
                let width = self.width(*first);
                self.all.chained += width * length;
                self.all.chains += width * length.div_ceil(16);
            }
        }
    }

    /// How often each node is read, other than by names and casts.
    fn uses(&self) -> HashMap<Id, u32> {
        let mut uses = HashMap::new();
        let mut read = |id: Id| *uses.entry(self.base(id)).or_insert(0) += 1;
        for node in &self.i.nodes {
            if !matches!(node.op, Op::Alias(_) | Op::Cast(_)) {
                node.op.operands().into_iter().for_each(&mut read);
            }
        }
        for reg in &self.i.regs {
            reg.whens
                .iter()
                .for_each(|(condition, value)| [*condition, *value].into_iter().for_each(&mut read));
            reg.always.into_iter().for_each(&mut read);
        }
        self.i.drivers.values().copied().for_each(&mut read);
        self.i.insts.iter().flat_map(|instance| instance.inputs.values()).copied().for_each(&mut read);
        for mem in &self.i.mems {
            mem.writes.iter().for_each(|w| [w.mask, w.addr, w.data].into_iter().for_each(&mut read));
            mem.reads.iter().for_each(|r| [Some(r.addr), r.enable].into_iter().flatten().for_each(&mut read));
        }
        uses
    }

    fn memories(&mut self) {
        for mem in &self.i.mems {
            for write in &mem.writes {
                [write.mask, write.addr, write.data].into_iter().for_each(|id| self.visit(id));
            }
            for read in &mem.reads {
                [Some(read.addr), read.enable].into_iter().flatten().for_each(|id| self.visit(id));
            }
            let registered = mem.reads.iter().all(|read| read.enable.is_some());
            let bits = u64::from(mem.width) * mem.depth as u64;
            if mem.writes.is_empty() && (!registered || mem.depth < 64) {
                self.add(Kind::Constant, bits * mem.reads.len() as u64);
                continue;
            }
            if !registered || mem.style == MemStyle::Lut {
                let reads = mem.reads.iter().filter(|read| read.enable.is_some());
                self.all.registers += reads.count() as u64 * u64::from(mem.width);
            }
            self.all.memories.push(Store {
                width: mem.width,
                depth: mem.depth,
                style: mem.style,
                lanes: mem.writes.iter().map(|write| write.lanes).max().unwrap_or(1),
                reads: mem.reads.len(),
                registered,
            });
        }
    }

    fn visit(&mut self, id: Id) {
        if !self.seen.insert(id) {
            return;
        }
        let op = &self.i.node(id).op;
        op.operands().into_iter().for_each(|operand| self.visit(operand));
        let width = self.width(id);
        match op {
            Op::Un(Un::Neg, _) => self.add(Kind::Add, width),
            Op::Un(Un::Not, _) => self.add(Kind::Logic, width),
            Op::Un(_, a) => self.add(Kind::Reduce, self.width(*a)),
            Op::Bin(bin, a, b) => self.binary(*bin, *a, *b, width),
            Op::Mux(_, a, b) if self.constant(*a) || self.constant(*b) => self.add(Kind::Logic, width),
            Op::Mux(..) => self.add(Kind::Mux, width),
            Op::Case(_, arms, other) => {
                let choices = arms.iter().map(|(_, value)| *value).chain([*other]);
                let signals = choices.filter(|value| !self.constant(*value)).count() as u64;
                let kind = if signals == 0 { Kind::Constant } else { Kind::Select };
                self.add(kind, width * signals.max(arms.len() as u64 / 2).max(1));
            }
            Op::Word(a, _) => self.add(Kind::Select, self.width(*a).saturating_sub(width)),
            _ => {}
        }
    }

    fn binary(&mut self, bin: Bin, a: Id, b: Id, width: u64) {
        let wide = self.width(a).max(self.width(b));
        let constant = self.constant(a) || self.constant(b);
        match bin {
            Bin::Add | Bin::Sub => self.add(Kind::Add, width),
            Bin::Mul if constant => self.add(Kind::Add, width),
            Bin::Mul => {
                let product = (self.width(a) as u32, self.width(b) as u32, self.i.ty(a).signed);
                self.all.products.push(product);
            }
            Bin::And | Bin::Or | Bin::Xor => self.add(Kind::Logic, width),
            Bin::Eq | Bin::Ne => self.add(Kind::Equal, if constant { wide.div_ceil(2) } else { wide }),
            Bin::Lt | Bin::Le | Bin::Gt | Bin::Ge => self.add(Kind::Less, wide),
            Bin::Shl | Bin::Shr => self.add(Kind::Shift, width * self.width(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Module, mux, u};
    use super::*;

    #[test]
    fn a_small_module_is_counted() {
        let m = Module::new("small", "For the count.");
        let (a, b) = (m.input("a", u(8), ""), m.input("b", u(8), ""));
        let sum = m.reg("sum", u(9), Some(0), "");
        sum.when(a.eq(3), a + b);
        let line = m.reg("line", u(12), None, "");
        line.set(m.cat_lsb(&[a.bits(0, 3), line.q().bits(0, 9)]));
        m.output("y", u(16), "").set(mux(a.gt(b), a * b, sum.q().zext(16)));
        m.output("z", u(12), "").set(line.q());
        let census = census(&m);
        assert_eq!((census.registers, census.chained, census.chains), (21, 12, 3));
        assert_eq!(census.products, [(8, 8, false)]);
        let logic: Vec<_> = census.logic.into_iter().filter(|(_, bits)| *bits > 0).collect();
        assert_eq!(logic, [(Kind::Add, 9), (Kind::Less, 8), (Kind::Equal, 4), (Kind::Mux, 16)]);
    }
}
