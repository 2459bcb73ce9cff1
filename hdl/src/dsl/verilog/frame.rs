//! What surrounds the logic of a module: its ports, its instances, and the signals that nobody reads.

use super::print::{Printer, comment, shape, wrap};
use crate::dsl::error::Error;
use crate::dsl::ir::{Dir, Id, Op};
use crate::dsl::module::Module;

impl Printer<'_> {
    pub(super) fn ports(&self, m: &Module) -> String {
        let mut rows: Vec<(String, String, String)> = Vec::new();
        if m.clocked() {
            rows.push(("input  wire ".into(), self.i.clock.clone(), String::new()));
        }
        if m.resettable() {
            let doc = if self.i.reset_low { "synchronous, active low" } else { "synchronous, active high" };
            rows.push(("input  wire ".into(), self.i.reset.clone(), doc.into()));
        }
        for p in &self.i.ports {
            let dir = if p.dir == Dir::In { "input  wire " } else { "output wire " };
            rows.push((format!("{dir}{}", shape(p.ty)), p.name.clone(), self.i.node(p.id).doc.clone()));
        }
        let kind = rows.iter().map(|r| r.0.len()).max().unwrap_or(0);
        let name = rows.iter().map(|r| r.1.len()).max().unwrap_or(0) + 1;
        let count = rows.len();
        let row = |(at, (head, port, doc)): (usize, (String, String, String))| {
            let comma = if at + 1 < count { "," } else { "" };
            let doc = doc.lines().collect::<Vec<_>>().join(" ");
            let note = if doc.is_empty() { String::new() } else { format!("  // {doc}") };
            format!("    {head:kind$}{:name$}{note}", port + comma).trim_end().to_string()
        };
        rows.into_iter().enumerate().map(row).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn instances(&mut self) -> String {
        let mut text = String::new();
        for x in &self.i.insts {
            let child = x.child.get();
            let mut rows = Vec::new();
            if x.child.clocked() {
                rows.push((child.clock.clone(), self.i.clock.clone()));
            }
            if x.child.resettable() {
                let not = if child.reset_low == self.i.reset_low { "" } else { "!" };
                rows.push((child.reset.clone(), format!("{not}{}", self.i.reset)));
            }
            for (at, p) in child.ports.iter().enumerate() {
                let value = match p.dir {
                    Dir::In => {
                        self.target = format!("{}_{}", x.name, p.name);
                        self.whole(x.inputs[&at], p.ty.width).s
                    }
                    Dir::Out => format!("{}_{}", x.name, p.name),
                };
                rows.push((p.name.clone(), value));
            }
            let wide = rows.iter().map(|r| r.0.len()).max().unwrap_or(0) + 1;
            let rows: Vec<String> = rows.iter().map(|(p, v)| format!("        .{p:wide$}({v})")).collect();
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}    {} {} (\n{}\n    );\n", child.name, x.name, rows.join(",\n")));
        }
        text
    }

    /// The signals that are deliberately unread, in the form that lint tools accept.
    pub(super) fn unused(&mut self) -> String {
        let mut text = String::new();
        let mut parts = Vec::new();
        self.target = "unused".into();
        for (why, id) in &self.i.unused {
            let shown = self.whole(*id, self.i.ty(*id).width).s;
            if !parts.contains(&shown) {
                text.push_str(&comment(&format!("{shown}: {why}"), "    "));
                parts.push(shown);
            }
        }
        for x in &self.i.insts {
            for (at, p) in x.child.get().ports.iter().enumerate() {
                if p.dir == Dir::Out && !x.outputs.contains_key(&at) {
                    parts.push(format!("{}_{}", x.name, p.name));
                }
            }
        }
        for (id, name) in &self.auto {
            for (lo, width) in self.unread_bits(*id) {
                let whole = width == self.i.ty(*id).width;
                parts.push(if whole { name.clone() } else { format!("{name}[{}]", bit_range(lo, width)) });
            }
        }
        if parts.is_empty() {
            return text;
        }
        let line = format!("    wire _unused_ok = &{{1'b0, {}}};\n", parts.join(", "));
        text + &wrap(&line, "    ")
    }

    fn unread_bits(&self, id: Id) -> Vec<(u32, u32)> {
        let width = self.i.ty(id).width;
        let Some(bits) = self.read.get(&id) else {
            return vec![(0, width)];
        };
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for at in (0..width).filter(|at| !bits[*at as usize]) {
            match runs.last_mut() {
                Some((lo, n)) if *lo + *n == at => *n += 1,
                _ => runs.push((at, 1)),
            }
        }
        runs
    }

    /// Named signals of which bits are read by nothing.
    pub(super) fn unread(&self) -> Vec<Error> {
        let mut errors = Vec::new();
        for (id, n) in self.i.nodes.iter().enumerate() {
            let kind = match n.op {
                Op::Input => "input",
                Op::Net if !self.i.ports.iter().any(|p| p.id == id as Id) => "wire",
                Op::Alias(_) => "node",
                Op::Reg(_) => "register",
                Op::MemOut(..) => "memory read",
                Op::InstOut(..) => "instance output",
                Op::Param(_) => "parameter",
                _ => continue,
            };
            let fsm_param = matches!(n.op, Op::Param(_))
                && !self.read.contains_key(&(id as Id))
                && self.fsm_state(id as Id);
            let runs = if self.inlined.contains(&(id as Id)) || fsm_param {
                vec![]
            } else {
                self.unread_bits(id as Id)
            };
            if !runs.is_empty() {
                let bits: Vec<String> = runs.iter().map(|(lo, w)| bit_range(*lo, *w)).collect();
                let (module, name) = (self.i.name.clone(), n.name.clone().unwrap_or_default());
                errors.push(Error::Unused { module, kind: kind.into(), name, bits: bits.join(", ") });
            }
        }
        errors
    }

    fn fsm_state(&self, id: Id) -> bool {
        self.i.regs.iter().filter_map(|r| r.fsm.as_ref()).any(|f| f.states.iter().any(|s| s.1 == id))
    }
}

/// `7:4` or `3`.
fn bit_range(lo: u32, width: u32) -> String {
    if width == 1 { lo.to_string() } else { format!("{}:{lo}", lo + width - 1) }
}
