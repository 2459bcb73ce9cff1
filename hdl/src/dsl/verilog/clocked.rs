//! Declarations of state, and the `always` blocks: registers, state machines, memories.

use super::expr::literal;
use super::print::{Printer, comment, shape};
use crate::dsl::bits::u;
use crate::dsl::ir::{Dir, Fsm, Id, MemData, MemStyle, Op, RegData, Write};

impl Printer<'_> {
    /// Parameters, registers, memories and the nets that instances drive.
    pub(super) fn declarations(&mut self) -> String {
        let mut text = String::new();
        for n in &self.i.nodes {
            if let Op::Param(b) = &n.op {
                text.push_str(&comment(&n.doc, "    "));
                let name = n.name.as_deref().unwrap_or_default();
                text.push_str(&format!(
                    "    localparam {}{name} = {};\n",
                    shape(n.ty),
                    literal(b, n.ty.signed)
                ));
            }
        }
        for r in &self.i.regs {
            let n = self.i.node(r.id);
            text.push_str(&comment(&n.doc, "    "));
            text.push_str(&format!("    reg {}{};\n", shape(n.ty), self.name(r.id)));
        }
        for m in &self.i.mems {
            text.push_str(&self.memory(m));
        }
        for x in &self.i.insts {
            for p in x.child.get().ports.iter().filter(|p| p.dir == Dir::Out) {
                text.push_str(&format!("    wire {}{}_{};\n", shape(p.ty), x.name, p.name));
            }
        }
        text
    }

    fn name(&self, id: Id) -> String {
        self.i.node(id).name.clone().unwrap_or_default()
    }

    fn memory(&self, m: &MemData) -> String {
        let mut text = comment(&m.doc, "    ");
        let style = match m.style {
            MemStyle::Auto if m.writes.is_empty() => "",
            MemStyle::Auto => "(* no_rw_check *)\n    ",
            MemStyle::Lut => "(* ram_style = \"distributed\" *)\n    ",
            MemStyle::Block => "(* ram_style = \"block\", no_rw_check *)\n    ",
            MemStyle::Ultra => "(* ram_style = \"ultra\", no_rw_check *)\n    ",
        };
        text.push_str(&format!("    {style}reg {}{} [0:{}];\n", shape(u(m.width)), m.name, m.depth - 1));
        if !m.init.is_empty() {
            text.push_str("    initial begin\n");
            for (at, word) in m.init.iter().enumerate() {
                text.push_str(&format!("        {}[{at}] = {};\n", m.name, literal(word, false)));
            }
            text.push_str("    end\n");
        }
        for r in m.reads.iter().filter(|r| r.enable.is_some()) {
            text.push_str(&comment(&self.i.node(r.id).doc, "    "));
            text.push_str(&format!("    reg {}{};\n", shape(self.i.ty(r.id)), self.name(r.id)));
        }
        if m.writes.iter().any(|w| w.lanes > 1) {
            text.push_str(&format!("    integer {}_lane;\n", m.name));
        }
        text
    }

    /// All `always` blocks. Registers with equal conditions, one after the other, share one.
    pub(super) fn clocked(&mut self) -> String {
        let i = self.i;
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < i.regs.len() {
            let same = |r: &RegData| {
                let first = &i.regs[at];
                let conds = |r: &RegData| r.whens.iter().map(|w| w.0).collect::<Vec<_>>();
                r.fsm.is_none()
                    && r.reset.is_some() == first.reset.is_some()
                    && r.always.is_some() == first.always.is_some()
                    && conds(r) == conds(first)
            };
            let mut end = at + 1;
            while end < i.regs.len() && i.regs[at].fsm.is_none() && same(&i.regs[end]) {
                end += 1;
            }
            let body = match &i.regs[at].fsm {
                Some(fsm) => self.fsm_block(&i.regs[at], fsm),
                None => self.reg_block(&i.regs[at..end]),
            };
            blocks.push(match body.strip_prefix("    begin") {
                Some(rest) => format!("    always @(posedge {}) begin{rest}", i.clock),
                None => format!("    always @(posedge {})\n{body}", i.clock),
            });
            at = end;
        }
        for m in &i.mems {
            for w in &m.writes {
                let body = self.write(m, w);
                blocks.push(format!("    always @(posedge {})\n{body}", i.clock));
            }
            for r in &m.reads {
                let Some(enable) = r.enable else { continue };
                self.target = self.name(r.id);
                let addr = self.index(r.addr, i.ty(r.addr).width);
                let cond = self.condition(enable);
                let body = format!("{cond}{} <= {}[{addr}];\n", self.name(r.id), m.name);
                blocks.push(format!("    always @(posedge {})\n        {body}", i.clock));
            }
        }
        blocks.join("\n")
    }

    fn in_reset(&self) -> String {
        format!("{}{}", if self.i.reset_low { "!" } else { "" }, self.i.reset)
    }

    /// `if (..) `, or nothing for a condition that is always true.
    fn condition(&mut self, id: Id) -> String {
        match &self.i.node(id).op {
            Op::Lit(b) if b.is_ones() => String::new(),
            _ => format!("if ({}) ", self.whole(id, 1).s),
        }
    }

    fn reg_block(&mut self, regs: &[RegData]) -> String {
        let mut arms: Vec<(String, String)> = Vec::new();
        if regs[0].reset.is_some() {
            let line = |r: &RegData| {
                let value = r.reset.as_ref().map(|b| literal(b, self.i.ty(r.id).signed)).unwrap_or_default();
                format!("            {} <= {value};\n", self.name(r.id))
            };
            arms.push((format!("if ({})", self.in_reset()), regs.iter().map(line).collect()));
        }
        for at in 0..regs[0].whens.len() {
            self.target = self.name(regs[0].id);
            let cond = self.whole(regs[0].whens[at].0, 1).s;
            let lines = regs.iter().map(|r| self.next(r.id, r.whens[at].1)).collect();
            arms.push((format!("if ({cond})"), lines));
        }
        if regs[0].always.is_some() {
            let lines = regs.iter().filter_map(|r| r.always.map(|v| self.next(r.id, v))).collect();
            arms.push((String::new(), lines));
        }
        join_arms(arms, regs.len())
    }

    fn next(&mut self, reg: Id, value: Id) -> String {
        let name = self.name(reg);
        self.target = format!("next_{name}");
        self.assignment("            ", &format!("{name} <="), value, self.i.ty(reg).width, ";")
    }

    fn fsm_block(&mut self, r: &RegData, fsm: &Fsm) -> String {
        let (name, first) = (self.name(r.id), self.name(fsm.states[0].1));
        let mut text = format!("        if ({})\n            {name} <= {first};\n", self.in_reset());
        text.push_str(&format!("        else\n            case ({name})\n"));
        self.mark(r.id, 0, self.i.ty(r.id).width);
        self.target = name.clone();
        for (at, (_, id)) in fsm.states.iter().enumerate() {
            self.mark(*id, 0, self.i.ty(*id).width);
            let moves: Vec<(Id, usize)> =
                fsm.moves.iter().filter(|m| m.0 == at).map(|m| (m.1, m.2)).collect();
            text.push_str(&format!("                {}:", self.name(*id)));
            if moves.is_empty() {
                text.push_str(" ;\n");
            }
            for (k, (cond, to)) in moves.iter().enumerate() {
                let cond = self.condition(*cond);
                let lead = if k == 0 { "\n                    " } else { "                    else " };
                text.push_str(&format!("{lead}{cond}{name} <= {};\n", self.name(fsm.states[*to].1)));
                if cond.is_empty() {
                    break;
                }
            }
        }
        if !fsm.states.len().is_power_of_two() || fsm.states.len() == 1 {
            text.push_str(&format!("                default: {name} <= {first};\n"));
        }
        text + "            endcase\n"
    }

    fn write(&mut self, m: &MemData, w: &Write) -> String {
        self.target = format!("{}_write", m.name);
        let addr = self.index(w.addr, self.i.ty(w.addr).width);
        if w.lanes == 1 {
            let cond = self.condition(w.mask);
            return self.assignment(
                "        ",
                &format!("{cond}{}[{addr}] <=", m.name),
                w.data,
                m.width,
                ";",
            );
        }
        let ((mask_id, mask), (data_id, data)) = (self.net(w.mask), self.net(w.data));
        self.mark(mask_id, 0, w.lanes);
        self.mark(data_id, 0, m.width);
        let (name, lanes, each) = (&m.name, w.lanes, m.width / w.lanes);
        let part =
            if each == 1 { format!("[{name}_lane]") } else { format!("[{name}_lane*{each} +: {each}]") };
        format!(
            "        for ({name}_lane = 0; {name}_lane < {lanes}; {name}_lane = {name}_lane + 1)\n            \
             if ({mask}[{name}_lane])\n                {name}[{addr}]{part} <= {data}{part};\n"
        )
    }
}

/// `if .. else if .. else ..`, with `begin` and `end` around several statements.
fn join_arms(arms: Vec<(String, String)>, statements: usize) -> String {
    let mut text = String::new();
    let many = statements > 1;
    for (at, (head, lines)) in arms.iter().enumerate() {
        let lead = match (at, head.is_empty()) {
            (0, _) => "        ".to_string(),
            (_, false) if many => " else ".into(),
            (_, true) if many => " else".into(),
            (_, false) => "        else ".into(),
            (_, true) => "        else".into(),
        };
        if at == 0 && head.is_empty() {
            let lines: String = lines.lines().map(|l| format!("{}\n", &l[4..])).collect();
            let one = lines.trim_start();
            return if many { format!("    begin\n{lines}    end\n") } else { format!("        {one}") };
        }
        text.push_str(&format!("{lead}{head}"));
        let gap = if head.is_empty() && !lead.ends_with("else") { "" } else { " " };
        text.push_str(&if many { format!("{gap}begin\n{lines}        end") } else { format!("\n{lines}") });
    }
    if many { text + "\n" } else { text }
}
