//! Checks before printing or evaluating: drivers, combinational loops (through instances too), equal child modules.

use super::error::{Error, Errors};
use super::ir::{Dir, Id, Inner, Op};
use super::module::Module;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// For each output port, the input ports that reach it within the cycle (port numbers).
pub(crate) type Reach = Rc<BTreeMap<usize, BTreeSet<usize>>>;

/// Checks of a whole hierarchy; remembers what it knows of each module object.
#[derive(Default)]
pub(crate) struct Checker {
    reach: HashMap<*const Module, Reach>,
    pub errors: Vec<Error>,
}

/// All faults of `top` and below that do not need the printed text.
pub(crate) fn check(top: &Module) -> Result<(), Errors> {
    let mut c = Checker::default();
    c.module(top);
    if c.errors.is_empty() { Ok(()) } else { Err(Errors(c.errors)) }
}

impl Checker {
    fn module(&mut self, m: &Module) -> Reach {
        if let Some(known) = self.reach.get(&std::ptr::from_ref(m)) {
            return known.clone();
        }
        let inner = m.get();
        let children: Vec<Reach> = inner.insts.iter().map(|x| self.module(&x.child)).collect();
        let before = self.errors.len();
        self.errors.extend(inner.errors.iter().cloned());
        self.port_clashes(m, &inner);
        if self.errors.len() == before {
            self.drivers(&inner);
            self.memories(&inner);
        }
        let mut reach = Reach::default();
        if self.errors.len() == before {
            match find_loop(&inner, &children) {
                Some(path) => self.errors.push(Error::Loop { module: inner.name.clone(), path }),
                None => reach = Rc::new(reaches(&inner, &children)),
            }
        }
        self.reach.insert(m, reach.clone());
        reach
    }

    fn port_clashes(&mut self, m: &Module, inner: &Inner) {
        let named = [(m.clocked(), &inner.clock, "the clock"), (m.resettable(), &inner.reset, "the reset")];
        for (there, name, what) in named {
            if let Some(first) = inner.names.get(name).filter(|_| there) {
                let (module, name, first, second) =
                    (inner.name.clone(), name.clone(), first.clone(), what.into());
                self.errors.push(Error::Duplicate { module, name, first, second });
            }
        }
    }

    fn drivers(&mut self, inner: &Inner) {
        let module = || inner.name.clone();
        for (id, n) in inner.nodes.iter().enumerate() {
            if matches!(n.op, Op::Net) && !inner.drivers.contains_key(&(id as Id)) {
                let port = inner.ports.iter().any(|p| p.id == id as Id);
                let kind = if port { "output" } else { "wire" }.into();
                let name = inner.describe(id as Id);
                self.errors.push(Error::Undriven { module: module(), kind, name });
            }
        }
        for x in &inner.insts {
            let child = x.child.get();
            for (at, port) in child.ports.iter().enumerate().filter(|(_, p)| p.dir == Dir::In) {
                if !x.inputs.contains_key(&at) {
                    let kind = format!("input of `{}`,", child.name);
                    let name = format!("{}.{}", x.name, port.name);
                    self.errors.push(Error::Undriven { module: module(), kind, name });
                }
            }
        }
        for r in inner.regs.iter().filter(|r| r.whens.is_empty() && r.always.is_none()) {
            let name = inner.describe(r.id);
            self.errors.push(Error::Undriven { module: module(), kind: "register".into(), name });
        }
    }

    fn memories(&mut self, inner: &Inner) {
        for m in &inner.mems {
            let fault = match () {
                _ if m.reads.is_empty() => "is never read",
                _ if m.writes.is_empty() && m.init.is_empty() => {
                    "is never written and has no initial contents"
                }
                _ => continue,
            };
            let what = format!("memory `{}` {fault}", m.name);
            self.errors.push(Error::Shape { module: inner.name.clone(), what });
        }
    }
}

/// Nodes of this module that `id` depends on within the cycle.
fn depends(inner: &Inner, children: &[Reach], id: Id) -> Vec<Id> {
    match &inner.node(id).op {
        Op::Net => inner.drivers.get(&id).copied().into_iter().collect(),
        Op::MemOut(mem, at) => {
            let read = &inner.mems[*mem].reads[*at];
            if read.enable.is_some() { vec![] } else { vec![read.addr] }
        }
        Op::InstOut(inst, port) => match children[*inst].get(port) {
            Some(ins) => ins.iter().filter_map(|p| inner.insts[*inst].inputs.get(p).copied()).collect(),
            None => vec![],
        },
        op => op.operands(),
    }
}

/// The names along a combinational loop, first name repeated at the end.
fn find_loop(inner: &Inner, children: &[Reach]) -> Option<Vec<String>> {
    let mut done = vec![false; inner.nodes.len()];
    let mut on_path = vec![false; inner.nodes.len()];
    for start in 0..inner.nodes.len() as Id {
        let mut path: Vec<(Id, Vec<Id>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(id) = next.take().filter(|id| !done[*id as usize]) {
                on_path[id as usize] = true;
                path.push((id, depends(inner, children, id)));
            }
            let Some((id, rest)) = path.last_mut() else {
                break;
            };
            match rest.pop() {
                Some(dep) if on_path[dep as usize] => {
                    let from = path.iter().position(|p| p.0 == dep).unwrap_or(0);
                    return Some(loop_names(inner, &path[from..]));
                }
                Some(dep) => next = Some(dep),
                None => {
                    done[*id as usize] = true;
                    on_path[*id as usize] = false;
                    path.pop();
                }
            }
        }
    }
    None
}

fn loop_names(inner: &Inner, path: &[(Id, Vec<Id>)]) -> Vec<String> {
    let mut names: Vec<String> = path.iter().rev().filter_map(|p| inner.node(p.0).name.clone()).collect();
    names.extend(names.first().cloned());
    names.into_iter().map(|n| format!("`{n}`")).collect()
}

fn reaches(inner: &Inner, children: &[Reach]) -> BTreeMap<usize, BTreeSet<usize>> {
    let input_at: HashMap<Id, usize> =
        inner.ports.iter().enumerate().filter(|(_, p)| p.dir == Dir::In).map(|(i, p)| (p.id, i)).collect();
    let mut all = BTreeMap::new();
    for (at, port) in inner.ports.iter().enumerate().filter(|(_, p)| p.dir == Dir::Out) {
        let mut seen = vec![false; inner.nodes.len()];
        let mut todo = vec![port.id];
        let mut found = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            found.extend(input_at.get(&id));
            todo.extend(depends(inner, children, id));
        }
        all.insert(at, found);
    }
    all
}
