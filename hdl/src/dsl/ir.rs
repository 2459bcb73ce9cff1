//! What a module consists of: nodes in one arena, and tables of ports, registers, memories and instances.

use super::bits::{Bits, Ty};
use super::error::Error;
use super::module::Module;
use std::collections::HashMap;
use std::rc::Rc;

/// Index of a node in its module.
pub(crate) type Id = u32;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Un {
    Not,
    Neg,
    Any,
    All,
    Parity,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Bin {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Shl,
    Shr,
}

/// One operation. Arithmetic and bitwise operands are extended by their own sign to the width of the node,
/// comparisons to the wider operand; the result is cut to the width of the node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Op {
    Lit(Bits),
    /// A `localparam`; the name is the node's.
    Param(Bits),
    Input,
    /// Driven later, through `Inner::drivers`.
    Net,
    /// An expression with a name.
    Alias(Id),
    Reg(usize),
    /// Output of read port `.1` of memory `.0`.
    MemOut(usize, usize),
    /// Output port `.1` of instance `.0`.
    InstOut(usize, usize),
    /// One while the module is in reset.
    InReset,
    Un(Un, Id),
    Bin(Bin, Id, Id),
    /// Same bits, other sign.
    Cast(Id),
    /// Extended by the operand's sign, or cut.
    Resize(Id),
    /// Shifted left by a constant; the width grows by it.
    ShlC(Id, u32),
    /// Bits from `.1` up.
    Slice(Id, u32),
    /// Word number `.1` of `.0`.
    Word(Id, Id),
    /// Least significant part first.
    Cat(Vec<Id>),
    Repeat(Id, u32),
    Mux(Id, Id, Id),
    /// Selector, arms, default.
    Case(Id, Vec<(Bits, Id)>, Id),
}

impl Op {
    /// Operands that the value depends on within the cycle, in this module's own expressions.
    pub(crate) fn operands(&self) -> Vec<Id> {
        match self {
            Op::Lit(_) | Op::Param(_) | Op::Input | Op::Net | Op::Reg(_) | Op::InReset => vec![],
            Op::MemOut(..) | Op::InstOut(..) => vec![],
            Op::Alias(a) | Op::Un(_, a) | Op::Cast(a) | Op::Resize(a) => vec![*a],
            Op::ShlC(a, _) | Op::Slice(a, _) | Op::Repeat(a, _) => vec![*a],
            Op::Bin(_, a, b) | Op::Word(a, b) => vec![*a, *b],
            Op::Cat(parts) => parts.clone(),
            Op::Mux(c, a, b) => vec![*c, *a, *b],
            Op::Case(sel, arms, default) => {
                let mut all = vec![*sel];
                all.extend(arms.iter().map(|(_, a)| *a));
                all.push(*default);
                all
            }
        }
    }
}

pub(crate) struct Node {
    pub op: Op,
    pub ty: Ty,
    pub name: Option<String>,
    pub doc: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dir {
    In,
    Out,
}

pub(crate) struct Port {
    pub name: String,
    pub dir: Dir,
    pub ty: Ty,
    pub id: Id,
}

pub(crate) struct Fsm {
    /// Name and `localparam` node of each state; the code is the position.
    pub states: Vec<(String, Id)>,
    /// From, condition, to.
    pub moves: Vec<(usize, Id, usize)>,
}

pub(crate) struct RegData {
    pub id: Id,
    pub reset: Option<Bits>,
    /// The first condition that holds decides.
    pub whens: Vec<(Id, Id)>,
    /// Value when no condition holds.
    pub always: Option<Id>,
    pub fsm: Option<Fsm>,
}

pub(crate) struct Write {
    /// One bit a lane.
    pub mask: Id,
    pub lanes: u32,
    pub addr: Id,
    pub data: Id,
}

pub(crate) struct Read {
    pub id: Id,
    pub addr: Id,
    /// Registered read when present.
    pub enable: Option<Id>,
}

/// Which RAM a memory is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemStyle {
    /// The synthesis tool decides.
    Auto,
    /// LUT RAM (distributed), the one for asynchronous reads.
    Lut,
    /// Block RAM.
    Block,
    /// UltraRAM.
    Ultra,
}

pub(crate) struct MemData {
    pub name: String,
    pub width: u32,
    pub depth: usize,
    pub style: MemStyle,
    pub doc: String,
    pub init: Vec<Bits>,
    pub writes: Vec<Write>,
    pub reads: Vec<Read>,
}

pub(crate) struct InstData {
    pub name: String,
    pub child: Rc<Module>,
    /// Driver of each input port of the child, by port number.
    pub inputs: HashMap<usize, Id>,
    /// Nodes of the output ports that the author asked for, by port number.
    pub outputs: HashMap<usize, Id>,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub name: String,
    pub doc: String,
    pub nodes: Vec<Node>,
    pub shared: HashMap<(Op, Ty), Id>,
    /// What each used name stands for.
    pub names: HashMap<String, String>,
    pub ports: Vec<Port>,
    pub drivers: HashMap<Id, Id>,
    /// Nets that stand for an instance's input: printed in the port list where that reads well.
    pub pins: HashMap<Id, String>,
    pub regs: Vec<RegData>,
    pub mems: Vec<MemData>,
    pub insts: Vec<InstData>,
    pub unused: Vec<(String, Id)>,
    pub errors: Vec<Error>,
    pub clock: String,
    pub reset: String,
    pub reset_low: bool,
    /// Its sums belong into a multiplier's adder.
    pub dsp: bool,
    pub uses_reset: bool,
}

impl Inner {
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    pub fn ty(&self, id: Id) -> Ty {
        self.node(id).ty
    }

    /// Adds a node; anonymous nodes of equal content are shared.
    pub fn add(&mut self, op: Op, ty: Ty) -> Id {
        let key = (op.clone(), ty);
        if let Some(id) = self.shared.get(&key) {
            return *id;
        }
        let id = self.push(op, ty, None);
        self.shared.insert(key, id);
        id
    }

    /// Adds a node of its own, not shared.
    pub fn push(&mut self, op: Op, ty: Ty, name: Option<String>) -> Id {
        self.nodes.push(Node { op, ty, name, doc: String::new() });
        (self.nodes.len() - 1) as Id
    }

    /// The value of a literal or parameter.
    pub fn constant(&self, id: Id) -> Option<&Bits> {
        match &self.node(id).op {
            Op::Lit(b) | Op::Param(b) => Some(b),
            _ => None,
        }
    }

    /// The value of an operation whose operands are all literals.
    pub fn folded(&self, op: &Op, ty: Ty) -> Option<Bits> {
        let literal = |id: &Id| match &self.node(*id).op {
            Op::Lit(b) => Some((b, self.ty(*id).signed)),
            _ => None,
        };
        let operands: Option<Vec<_>> = op.operands().iter().map(literal).collect();
        operands.filter(|o| !o.is_empty()).and_then(|o| super::sim::wide::fold(op, ty, &o))
    }

    /// A node as the author would write it, for messages.
    pub fn describe(&self, id: Id) -> String {
        self.describe_to(id, 3)
    }

    fn describe_to(&self, id: Id, depth: u32) -> String {
        let n = self.node(id);
        if let Some(name) = &n.name {
            return name.clone();
        }
        if depth == 0 {
            return "..".into();
        }
        let d = |i: &Id| self.describe_to(*i, depth - 1);
        match &n.op {
            Op::Lit(b) if n.ty.width <= 64 && n.ty.signed => b.to_i64().to_string(),
            Op::Lit(b) if n.ty.width <= 64 => b.to_u64().to_string(),
            Op::Lit(b) => format!("{b:?}"),
            Op::InReset => "in_reset".into(),
            Op::Un(un, a) => match un {
                Un::Not => format!("!{}", d(a)),
                Un::Neg => format!("-{}", d(a)),
                Un::Any => format!("{}.any()", d(a)),
                Un::All => format!("{}.all()", d(a)),
                Un::Parity => format!("{}.parity()", d(a)),
            },
            Op::Bin(bin, a, b) => format!("({} {} {})", d(a), bin.symbol(n.ty.signed), d(b)),
            Op::Cast(a) => d(a),
            Op::Resize(a) => format!("{}.resize({})", d(a), n.ty.width),
            Op::ShlC(a, k) => format!("({} << {k})", d(a)),
            Op::Slice(a, lo) => format!("{}[{}:{lo}]", d(a), lo + n.ty.width - 1),
            Op::Word(a, i) => format!("{}[{}]", d(a), d(i)),
            Op::Cat(parts) => {
                let shown: Vec<String> = parts.iter().take(4).map(d).collect();
                format!("cat_lsb({}{})", shown.join(", "), if parts.len() > 4 { ", .." } else { "" })
            }
            Op::Repeat(a, k) => format!("{}.repeat({k})", d(a)),
            Op::Mux(c, a, b) => format!("mux({}, {}, {})", d(c), d(a), d(b)),
            Op::Case(sel, ..) => format!("case({}, ..)", d(sel)),
            _ => "?".into(),
        }
    }
}

impl Bin {
    /// The Verilog operator.
    pub(crate) fn symbol(self, signed: bool) -> &'static str {
        match self {
            Bin::Add => "+",
            Bin::Sub => "-",
            Bin::Mul => "*",
            Bin::And => "&",
            Bin::Or => "|",
            Bin::Xor => "^",
            Bin::Eq => "==",
            Bin::Ne => "!=",
            Bin::Lt => "<",
            Bin::Le => "<=",
            Bin::Gt => ">",
            Bin::Ge => ">=",
            Bin::Shl => "<<",
            Bin::Shr if signed => ">>>",
            Bin::Shr => ">>",
        }
    }

    /// True for the operators with a 1-bit result.
    pub(crate) fn compares(self) -> bool {
        matches!(self, Bin::Eq | Bin::Ne | Bin::Lt | Bin::Le | Bin::Gt | Bin::Ge)
    }
}
