//! Names for expressions that Verilog wants named and the author did not: made of the operands or of the target.

use super::print::Printer;
use crate::dsl::ir::{Bin, Id, Op, Un};

impl Printer<'_> {
    /// A free name for the anonymous node `id`.
    pub(super) fn derive_name(&mut self, id: Id) -> String {
        let base = self.operand_name(id).filter(|n| n.len() <= 32);
        let base = base.unwrap_or_else(|| format!("{}_{}", self.target, kind(&self.i.node(id).op)));
        let mut name = base.clone();
        let mut tail = String::new();
        while !self.names.insert(name.clone()) {
            tail = next_letters(&tail);
            name = format!("{base}_{tail}");
        }
        name
    }

    fn short(&self, id: Id) -> Option<String> {
        match &self.i.node(id).op {
            Op::Cast(a) | Op::Resize(a) => self.short(*a),
            Op::Lit(b) if b.width() <= 16 => Some(b.to_u64().to_string()),
            _ => self.i.node(id).name.clone().or_else(|| self.auto.get(&id).cloned()),
        }
    }

    fn operand_name(&self, id: Id) -> Option<String> {
        let start = |a: &Id| self.short(*a).filter(|n| !n.starts_with(|c: char| c.is_ascii_digit()));
        Some(match &self.i.node(id).op {
            Op::Un(Un::Not, a) => format!("not_{}", self.short(*a)?),
            Op::Un(Un::Neg, a) => format!("minus_{}", self.short(*a)?),
            Op::Resize(a) => format!("{}_low", start(a)?),
            Op::Bin(Bin::Shl | Bin::Shr, a, _) => format!("{}_shifted", start(a)?),
            Op::Bin(bin, a, b) => {
                let word = match bin {
                    Bin::Add => "plus",
                    Bin::Sub => "minus",
                    Bin::Mul => "times",
                    Bin::And => "and",
                    Bin::Or => "or",
                    Bin::Xor => "xor",
                    Bin::Eq => "eq",
                    Bin::Ne => "ne",
                    Bin::Lt => "lt",
                    Bin::Le => "le",
                    Bin::Gt => "gt",
                    Bin::Ge => "ge",
                    Bin::Shl | Bin::Shr => return None,
                };
                format!("{}_{word}_{}", start(a)?, self.short(*b)?)
            }
            Op::ShlC(a, k) => format!("{}_times_2_to_{k}", start(a)?),
            Op::Word(a, i) => format!("{}_at_{}", start(a)?, self.short(*i)?),
            _ => return None,
        })
    }
}

fn kind(op: &Op) -> &'static str {
    match op {
        Op::Un(Un::Not, _) => "inverse",
        Op::Un(Un::Neg, _) => "negative",
        Op::Un(..) => "flag",
        Op::Bin(bin, ..) => match bin {
            Bin::Add => "sum",
            Bin::Sub => "difference",
            Bin::Mul => "product",
            Bin::And => "masked",
            Bin::Or => "joint",
            Bin::Xor => "parity",
            Bin::Shl | Bin::Shr => "shifted",
            _ => "test",
        },
        Op::Mux(..) | Op::Case(..) => "choice",
        Op::Slice(..) | Op::Word(..) => "part",
        Op::Resize(_) => "low",
        _ => "bits",
    }
}

/// b, c, .. z, ba, bb, ..
fn next_letters(tail: &str) -> String {
    let mut letters: Vec<u8> = tail.bytes().collect();
    for at in (0..letters.len()).rev() {
        if letters[at] < b'z' {
            letters[at] += 1;
            return String::from_utf8(letters).unwrap_or_default();
        }
        letters[at] = b'a';
    }
    format!("b{}", String::from_utf8(letters).unwrap_or_default())
}
