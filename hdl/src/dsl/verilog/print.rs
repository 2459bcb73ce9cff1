//! One module: its head, declarations, combinational nets in the order of their dependence, clocked blocks, instances.

use super::expr::Text;
use crate::dsl::bits::Ty;
use crate::dsl::error::Error;
use crate::dsl::ir::{Id, Inner, Op};
use crate::dsl::module::Module;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Text of one module, and what only printing finds out: bits that nothing reads.
pub(super) fn module(m: &Module) -> (String, Vec<Error>) {
    let inner = m.get();
    let mut p = Printer::new(&inner);
    p.plan();
    let ports = p.ports(m);
    let declarations = p.declarations();
    p.nets();
    let comb = std::mem::take(&mut p.body);
    let clocked = p.clocked();
    let clocked = std::mem::take(&mut p.body) + &clocked;
    let instances = p.instances();
    let instances = std::mem::take(&mut p.body) + &instances;
    let unused = p.unused();
    let unused = std::mem::take(&mut p.body) + &unused;
    let errors = p.unread();
    let mut text = String::from("`default_nettype none\n\n");
    text.push_str(&comment(&inner.doc, ""));
    if inner.dsp {
        text.push_str("(* use_dsp = \"yes\" *)\n");
    }
    text.push_str(&format!("module {} (\n{ports}\n);\n", inner.name));
    let parts = [declarations, comb, clocked, instances, unused];
    let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
    text.push_str(&parts.join("\n"));
    text.push_str("endmodule\n\n`default_nettype wire\n");
    (text, errors)
}

/// Lines of a doc comment.
pub(super) fn comment(doc: &str, indent: &str) -> String {
    let line = |l: &str| format!("{indent}// {l}").trim_end().to_string() + "\n";
    if doc.is_empty() { String::new() } else { doc.lines().map(line).collect() }
}

/// `signed [7:0] ` and the like; empty for one unsigned bit.
pub(super) fn shape(ty: Ty) -> String {
    let sign = if ty.signed { "signed " } else { "" };
    if ty.width == 1 { sign.into() } else { format!("{sign}[{}:0] ", ty.width - 1) }
}

pub(super) struct Printer<'a> {
    pub i: &'a Inner,
    /// Statements printed so far.
    pub body: String,
    /// Nets whose statement is printed.
    done: HashSet<Id>,
    /// Bits that something reads.
    pub read: HashMap<Id, Vec<bool>>,
    /// Names made for anonymous nodes.
    pub auto: BTreeMap<Id, String>,
    /// Anonymous nodes that are used more than once and too large to repeat.
    shared: HashSet<Id>,
    /// Instance inputs that are printed in the port list.
    pub inlined: HashSet<Id>,
    pub names: HashSet<String>,
    /// What the present statement drives, for derived names.
    pub target: String,
}

impl<'a> Printer<'a> {
    fn new(i: &'a Inner) -> Printer<'a> {
        let mut names: HashSet<String> = i.names.keys().cloned().collect();
        names.extend([i.clock.clone(), i.reset.clone(), "lane".into(), "_unused_ok".into()]);
        Printer {
            i,
            body: String::new(),
            done: HashSet::new(),
            read: HashMap::new(),
            auto: BTreeMap::new(),
            shared: HashSet::new(),
            inlined: HashSet::new(),
            names,
            target: i.name.clone(),
        }
    }

    /// Where expressions begin: whatever is printed in a statement of its own.
    fn roots(&self) -> Vec<Id> {
        let i = self.i;
        let mut all: Vec<Id> = i.drivers.values().copied().collect();
        all.extend(i.nodes.iter().filter_map(|n| if let Op::Alias(a) = n.op { Some(a) } else { None }));
        for r in &i.regs {
            match &r.fsm {
                Some(f) => all.extend(f.moves.iter().map(|m| m.1)),
                None => all.extend(r.whens.iter().flat_map(|w| [w.0, w.1])),
            }
            all.extend(r.always);
        }
        for m in &i.mems {
            all.extend(m.writes.iter().flat_map(|w| [w.mask, w.addr, w.data]));
            all.extend(m.reads.iter().flat_map(|r| [Some(r.addr), r.enable].into_iter().flatten()));
        }
        all.extend(i.insts.iter().flat_map(|x| x.inputs.values().copied()));
        all.extend(i.unused.iter().map(|u| u.1));
        all
    }

    /// Decides which anonymous nodes get a net of their own and which instance inputs do not.
    fn plan(&mut self) {
        let i = self.i;
        let mut uses = vec![0u32; i.nodes.len()];
        let mut seen = vec![false; i.nodes.len()];
        let mut todo = self.roots();
        todo.iter().for_each(|id| uses[*id as usize] += 1);
        while let Some(id) = todo.pop() {
            if std::mem::replace(&mut seen[id as usize], true) || matches!(i.node(id).op, Op::Alias(_)) {
                continue;
            }
            let operands = i.node(id).op.operands();
            operands.iter().for_each(|o| uses[*o as usize] += 1);
            todo.extend(operands);
        }
        let mut cost = vec![0u32; i.nodes.len()];
        for id in 0..i.nodes.len() {
            let n = &i.nodes[id];
            if n.name.is_some() {
                continue;
            }
            let below: u32 = n.op.operands().iter().map(|o| cost[*o as usize]).sum();
            cost[id] =
                below + u32::from(!matches!(n.op, Op::Lit(_) | Op::Slice(..) | Op::Cast(_) | Op::Resize(_)));
            if uses[id] > 1 && cost[id] >= 3 || cost[id] > 40 && !matches!(n.op, Op::Cat(_)) {
                self.shared.insert(id as Id);
                cost[id] = 0;
            }
        }
        let short =
            |id: &&Id| uses[**id as usize] == 1 && i.drivers.get(id).is_some_and(|d| cost[*d as usize] <= 2);
        self.inlined = i.pins.keys().filter(short).copied().collect();
    }

    /// The name of a node that has one (its statement is printed by now); `None` for an expression.
    pub(super) fn leaf(&mut self, id: Id) -> Option<String> {
        let n = self.i.node(id);
        match n.op {
            Op::InReset => {
                Some(if self.i.reset_low { format!("!{}", self.i.reset) } else { self.i.reset.clone() })
            }
            Op::Net if self.inlined.contains(&id) => None,
            Op::Net | Op::Alias(_) | Op::MemOut(..) => {
                self.statement(id);
                n.name.clone()
            }
            _ if n.name.is_some() => n.name.clone(),
            _ if self.shared.contains(&id) => Some(self.net(id).1),
            _ => self.auto.get(&id).cloned(),
        }
    }

    /// A net that holds the bits of `id`, named after what it is made of where the author did not name it.
    pub(super) fn net(&mut self, id: Id) -> (Id, String) {
        if let Some(name) = self.auto.get(&id) {
            return (id, name.clone());
        }
        if !self.shared.contains(&id) {
            if let Some(name) = self.leaf(id) {
                return (id, name);
            }
            match self.i.node(id).op {
                Op::Cast(a) => return self.net(a),
                Op::Net => return self.net(self.i.drivers[&id]),
                _ => {}
            }
        }
        let name = self.derive_name(id);
        let target = std::mem::replace(&mut self.target, name.clone());
        self.shared.remove(&id);
        let ty = self.i.ty(id);
        let head = format!("wire {}{name} =", shape(ty));
        let line = self.assignment("    ", &head, id, ty.width, ";");
        self.body.push_str(&line);
        self.auto.insert(id, name.clone());
        self.target = target;
        (id, name)
    }

    /// Prints the nets that `id` shares with others, lowest first, so that long chains need no deep recursion.
    pub(super) fn prepare(&mut self, id: Id) {
        let mut found = BTreeSet::new();
        let mut seen = HashSet::from([id]);
        let mut todo = vec![id];
        while let Some(at) = todo.pop() {
            let n = self.i.node(at);
            if n.name.is_some() || self.auto.contains_key(&at) {
                continue;
            }
            if at != id && self.shared.contains(&at) {
                found.insert(at);
            }
            todo.extend(n.op.operands().into_iter().filter(|o| seen.insert(*o)));
        }
        for at in found {
            self.net(at);
        }
    }

    /// Like `at`, for the whole of an expression.
    pub(super) fn whole(&mut self, id: Id, w: u32) -> Text {
        self.prepare(id);
        self.at(id, w)
    }

    /// Marks bits `lo .. lo + width` of a net as read.
    pub(super) fn mark(&mut self, id: Id, lo: u32, width: u32) {
        let all = self.i.ty(id).width as usize;
        let bits = self.read.entry(id).or_insert_with(|| vec![false; all]);
        bits[lo as usize..(lo + width) as usize].fill(true);
    }

    /// `<head> <expression><tail>`, over several lines where that reads better.
    pub(super) fn assignment(&mut self, indent: &str, head: &str, id: Id, w: u32, tail: &str) -> String {
        self.prepare(id);
        let text = self.value(id, w);
        let line = format!("{indent}{head} {text}{tail}\n");
        if line.len() <= 110 {
            return line;
        }
        if let Some(rows) = self.choice(id, w) {
            let gap = format!("\n{indent}    ");
            return format!("{indent}{head}{gap}{}{tail}\n", rows.join(&gap));
        }
        wrap(&line, indent)
    }

    fn value(&mut self, id: Id, w: u32) -> Text {
        match self.product(id, w) {
            Some(t) => t,
            None => self.at(id, w),
        }
    }

    /// The rows of a chain of choices: `condition ? value :`, and the last value.
    fn choice(&mut self, mut id: Id, w: u32) -> Option<Vec<String>> {
        let mut rows = Vec::new();
        loop {
            if self.leaf(id).is_some() {
                break;
            }
            match self.i.node(id).op.clone() {
                Op::Mux(c, a, b) => {
                    let cond = self.at(c, 1).tight();
                    rows.push(format!("{cond} ? {} :", self.at(a, w).tight()));
                    id = b;
                }
                Op::Case(sel, arms, default) => {
                    for (key, arm) in &arms {
                        let test = self.arm_test(sel, key);
                        rows.push(format!("{test} ? {} :", self.at(*arm, w).tight()));
                    }
                    id = default;
                }
                _ => break,
            }
        }
        if rows.is_empty() {
            return None;
        }
        rows.push(self.at(id, w).tight());
        Some(rows)
    }

    /// Combinational nets: named expressions, driven wires and outputs, asynchronous reads.
    fn nets(&mut self) {
        for id in 0..self.i.nodes.len() as Id {
            if matches!(self.i.node(id).op, Op::Net | Op::Alias(_) | Op::MemOut(..))
                && !self.inlined.contains(&id)
            {
                self.statement(id);
            }
        }
    }

    /// Prints the statement of a combinational net, after those of the nets that it reads.
    fn statement(&mut self, id: Id) {
        if !self.done.insert(id) {
            return;
        }
        let n = self.i.node(id);
        let name = n.name.clone().unwrap_or_default();
        let target = std::mem::replace(&mut self.target, name.clone());
        let port = self.i.ports.iter().any(|p| p.id == id);
        let head = if port { format!("assign {name} =") } else { format!("wire {}{name} =", shape(n.ty)) };
        let line = match n.op {
            Op::Alias(a) => self.assignment("    ", &head, a, n.ty.width, ";"),
            Op::Net => self.assignment("    ", &head, self.i.drivers[&id], n.ty.width, ";"),
            Op::MemOut(mem, at) if self.i.mems[mem].reads[at].enable.is_none() => {
                let (data, read) = (&self.i.mems[mem], &self.i.mems[mem].reads[at]);
                let addr = self.index(read.addr, self.i.ty(read.addr).width);
                format!("    {head} {}[{addr}];\n", data.name)
            }
            _ => String::new(),
        };
        if !line.is_empty() && !port {
            self.body.push_str(&comment(&n.doc, "    "));
        }
        self.body.push_str(&line);
        self.target = target;
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.s)
    }
}

/// Breaks a long statement at spaces.
pub(super) fn wrap(line: &str, indent: &str) -> String {
    if line.len() <= 110 {
        return line.into();
    }
    let mut out = indent.to_string();
    let mut column = indent.len();
    for (at, word) in line.split_ascii_whitespace().enumerate() {
        if at > 0 && column + 1 + word.len() > 110 {
            out.push_str(&format!("\n{indent}    "));
            column = indent.len() + 4;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out + "\n"
}
