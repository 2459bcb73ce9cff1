//! Instructions for the operations: up to 64 bits in one, wider ones through `wide`.

use super::compile::{At, Builder};
use super::exec::{Instr, Kind};
use super::wide::{Arg, Wide, WideOp};
use crate::dsl::bits::{Bits, Ty, top_mask, u};
use crate::dsl::ir::{Bin, Op, Un};

impl Builder<'_> {
    /// The instruction for a node whose operands have places; the place of the result.
    pub(super) fn emit(&mut self, at: At, operands: &[At]) -> u32 {
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
}

/// The bits without a sign.
fn raw(a: Arg) -> Arg {
    Arg { signed: false, ..a }
}
