//! Operations on values of more than 64 bits, limb by limb.

use super::exec::Memory;
use crate::dsl::bits::{Bits, Ty, limbs_for, top_mask};
use crate::dsl::ir::{Bin, Op, Un};

/// An operand: offset of its lowest limb, width, sign.
#[derive(Clone, Copy)]
pub(super) struct Arg {
    pub at: u32,
    pub width: u32,
    pub signed: bool,
}

pub(super) enum WideOp {
    Un(Un, Arg),
    Bin(Bin, Arg, Arg),
    /// Extended by the sign, or bits from `.1` up.
    Slice(Arg, u32),
    ShlC(Arg, u32),
    Word(Arg, Arg),
    Cat(Vec<Arg>),
    Mux(Arg, Arg, Arg),
    Read(usize, Arg),
}

pub(super) struct Wide {
    pub op: WideOp,
    pub dst: u32,
    pub width: u32,
}

impl Arg {
    /// Limb `i` of the value extended without end.
    fn limb(&self, st: &[u64], i: usize) -> u64 {
        let n = limbs_for(self.width);
        let spare = (64 - self.width % 64) % 64;
        let top = || ((st[self.at as usize + n - 1] << spare) as i64) >> spare;
        match (i + 1).cmp(&n) {
            std::cmp::Ordering::Less => st[self.at as usize + i],
            std::cmp::Ordering::Equal if self.signed => top() as u64,
            std::cmp::Ordering::Equal => st[self.at as usize + i],
            std::cmp::Ordering::Greater if self.signed => (top() >> 63) as u64,
            std::cmp::Ordering::Greater => 0,
        }
    }

    /// Limb `i` of the value shifted right by `shift`.
    fn shifted(&self, st: &[u64], i: usize, shift: u64) -> u64 {
        let (whole, part) = ((shift / 64) as usize, shift % 64);
        let low = self.limb(st, i + whole);
        if part == 0 { low } else { low >> part | self.limb(st, i + whole + 1) << (64 - part) }
    }

    /// The value, no larger than `cap`.
    fn number(&self, st: &[u64], cap: u64) -> u64 {
        let high = (1..limbs_for(self.width)).any(|i| self.limb(st, i) != 0);
        if high { cap } else { self.limb(st, 0).min(cap) }
    }
}

impl Wide {
    /// The wide operation that `op` is; `None` for a node that is no operation.
    pub fn new(op: &Op, args: &[Arg], dst: u32, ty: Ty) -> Option<Wide> {
        let raw = |a: Arg| Arg { signed: false, ..a };
        let op = match op {
            Op::Un(un, _) => WideOp::Un(*un, args[0]),
            Op::Bin(bin, ..) => WideOp::Bin(*bin, args[0], args[1]),
            Op::Slice(_, lo) => WideOp::Slice(raw(args[0]), *lo),
            Op::Resize(_) => WideOp::Slice(args[0], 0),
            Op::ShlC(_, k) => WideOp::ShlC(args[0], *k),
            Op::Word(..) => WideOp::Word(raw(args[0]), args[1]),
            Op::Mux(..) => WideOp::Mux(args[0], args[1], args[2]),
            Op::Cat(_) => WideOp::Cat(args.to_vec()),
            Op::Repeat(_, k) => WideOp::Cat(vec![args[0]; *k as usize]),
            _ => return None,
        };
        Some(Wide { op, dst, width: ty.width })
    }

    /// Computes the result. Operands lie below `dst` in the state.
    pub fn run(&self, state: &mut [u64], mems: &[Memory]) {
        let n = limbs_for(self.width);
        let (st, rest) = state.split_at_mut(self.dst as usize);
        let out = &mut rest[..n];
        match &self.op {
            WideOp::Un(un, a) => unary(*un, a, st, out),
            WideOp::Bin(bin, a, b) => binary(*bin, a, b, self.width, st, out),
            WideOp::Slice(a, lo) => fill(out, |i| a.shifted(st, i, u64::from(*lo))),
            WideOp::ShlC(a, k) => shl(a, u64::from(*k), st, out),
            WideOp::Word(a, index) => {
                let words = a.width / self.width;
                let at = index.number(st, u64::from(words));
                fill(out, |i| a.shifted(st, i, at * u64::from(self.width)));
            }
            WideOp::Cat(parts) => cat(parts, st, out),
            WideOp::Mux(c, a, b) => {
                let chosen = if st[c.at as usize] != 0 { a } else { b };
                fill(out, |i| chosen.limb(st, i));
            }
            WideOp::Read(mem, addr) => {
                let word = mems[*mem].read(addr.number(st, u64::from(u32::MAX)) as usize);
                out.copy_from_slice(word);
            }
        }
        out[n - 1] &= top_mask(self.width);
    }
}

/// The value of an operation on constants.
pub(crate) fn fold(op: &Op, ty: Ty, operands: &[(&Bits, bool)]) -> Option<Bits> {
    let mut state = Vec::new();
    let mut args = Vec::new();
    for (bits, signed) in operands {
        args.push(Arg { at: state.len() as u32, width: bits.width(), signed: *signed });
        state.extend_from_slice(bits.limbs());
    }
    let dst = state.len();
    let wide = Wide::new(op, &args, dst as u32, ty)?;
    state.resize(dst + limbs_for(ty.width), 0);
    wide.run(&mut state, &[]);
    Some(Bits::from_limbs(ty.width, &state[dst..]))
}

fn fill(out: &mut [u64], f: impl Fn(usize) -> u64) {
    out.iter_mut().enumerate().for_each(|(i, o)| *o = f(i));
}

fn unary(un: Un, a: &Arg, st: &[u64], out: &mut [u64]) {
    let n = limbs_for(a.width);
    let raw = Arg { signed: false, ..*a };
    match un {
        Un::Not => fill(out, |i| !a.limb(st, i)),
        Un::Neg => {
            let mut carry = true;
            for (i, o) in out.iter_mut().enumerate() {
                (*o, carry) = (!a.limb(st, i)).overflowing_add(u64::from(carry));
            }
        }
        Un::Any => out[0] = u64::from((0..n).any(|i| raw.limb(st, i) != 0)),
        Un::All => {
            let low = (0..n - 1).all(|i| raw.limb(st, i) == u64::MAX);
            out[0] = u64::from(low && raw.limb(st, n - 1) == top_mask(a.width));
        }
        Un::Parity => out[0] = u64::from((0..n).map(|i| raw.limb(st, i).count_ones()).sum::<u32>() & 1),
    }
}

fn binary(bin: Bin, a: &Arg, b: &Arg, width: u32, st: &[u64], out: &mut [u64]) {
    match bin {
        Bin::Add => sum(a, b, 0, st, out),
        Bin::Sub => sum(a, b, u64::MAX, st, out),
        Bin::Mul => product(a, b, st, out),
        Bin::And => fill(out, |i| a.limb(st, i) & b.limb(st, i)),
        Bin::Or => fill(out, |i| a.limb(st, i) | b.limb(st, i)),
        Bin::Xor => fill(out, |i| a.limb(st, i) ^ b.limb(st, i)),
        Bin::Shl => shl(a, b.number(st, u64::from(width)), st, out),
        Bin::Shr => {
            let by = b.number(st, u64::from(width));
            fill(out, |i| a.shifted(st, i, by));
        }
        Bin::Eq | Bin::Ne | Bin::Lt | Bin::Le | Bin::Gt | Bin::Ge => {
            let order = order(a, b, st);
            out[0] = u64::from(match bin {
                Bin::Eq => order.is_eq(),
                Bin::Ne => order.is_ne(),
                Bin::Lt => order.is_lt(),
                Bin::Le => order.is_le(),
                Bin::Gt => order.is_gt(),
                _ => order.is_ge(),
            });
        }
    }
}

/// a + b, or a - b when `flip` is all ones.
fn sum(a: &Arg, b: &Arg, flip: u64, st: &[u64], out: &mut [u64]) {
    let mut carry = flip != 0;
    for (i, o) in out.iter_mut().enumerate() {
        let (x, c0) = a.limb(st, i).overflowing_add(b.limb(st, i) ^ flip);
        let (x, c1) = x.overflowing_add(u64::from(carry));
        (*o, carry) = (x, c0 | c1);
    }
}

fn product(a: &Arg, b: &Arg, st: &[u64], out: &mut [u64]) {
    out.fill(0);
    for i in 0..out.len() {
        let (x, mut carry) = (u128::from(a.limb(st, i)), 0u128);
        for j in 0..out.len() - i {
            let t = x * u128::from(b.limb(st, j)) + u128::from(out[i + j]) + carry;
            out[i + j] = t as u64;
            carry = t >> 64;
        }
    }
}

fn shl(a: &Arg, by: u64, st: &[u64], out: &mut [u64]) {
    let (whole, part) = ((by / 64) as usize, by % 64);
    fill(out, |i| {
        let high = if i >= whole { a.limb(st, i - whole) << part } else { 0 };
        let low = if part > 0 && i > whole { a.limb(st, i - whole - 1) >> (64 - part) } else { 0 };
        high | low
    });
}

fn order(a: &Arg, b: &Arg, st: &[u64]) -> std::cmp::Ordering {
    let n = limbs_for(a.width.max(b.width)) + 1;
    let top = (a.limb(st, n - 1) as i64).cmp(&(b.limb(st, n - 1) as i64));
    (0..n - 1).rev().fold(top, |o, i| o.then_with(|| a.limb(st, i).cmp(&b.limb(st, i))))
}

fn cat(parts: &[Arg], st: &[u64], out: &mut [u64]) {
    out.fill(0);
    let mut at = 0u32;
    for p in parts {
        let raw = Arg { signed: false, ..*p };
        for i in 0..limbs_for(p.width) {
            let (limb, shift) = ((at / 64) as usize + i, at % 64);
            let value = raw.limb(st, i);
            out[limb] |= value << shift;
            if shift > 0 && limb + 1 < out.len() {
                out[limb + 1] |= value >> (64 - shift);
            }
        }
        at += p.width;
    }
}
