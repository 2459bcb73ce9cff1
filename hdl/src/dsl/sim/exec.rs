//! The operations and their execution: values of up to 64 bits in one instruction each, wider ones in `wide`.

use super::wide::Wide;
use crate::dsl::bits::{Bits, limbs_for};

/// What an instruction does with the sign-extended operands a and b.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Not,
    Neg,
    Eq,
    Ne,
    LtU,
    LtS,
    LeU,
    LeS,
    Shl,
    ShrU,
    ShrS,
    Any,
    All,
    Parity,
    /// Sign extension and cut.
    Copy,
    /// a shifted right by `imm`.
    Slice,
    /// Two neighbouring limbs shifted right by `imm`.
    Slice2,
    /// a | b << imm.
    Join,
    /// Word b of a, `imm` bits each.
    Word,
    /// a ? b : c.
    Mux,
    /// Word a of memory `imm`.
    Read,
    /// Number `imm` of the wide operations.
    Wide,
}

/// One instruction: operands and result are offsets into the state.
pub(super) struct Instr {
    pub kind: Kind,
    /// 64 minus the width of a signed operand; 0 for an unsigned one.
    pub sa: u8,
    pub sb: u8,
    pub imm: u32,
    pub dst: u32,
    pub a: u32,
    pub b: u32,
    pub c: u32,
    pub mask: u64,
}

pub(super) struct RegStep {
    pub q: u32,
    pub width: u32,
    pub limbs: u32,
    /// Offset of the reset value.
    pub reset: Option<u32>,
    /// Offsets of condition and value; the first that holds decides.
    pub arms: Vec<(u32, u32)>,
    pub always: Option<u32>,
}

pub(super) struct ReadStep {
    pub q: u32,
    pub mem: usize,
    pub addr: u32,
    pub enable: u32,
    /// Numbers of the writes that must not meet it: none if the old word is sure.
    pub rivals: Vec<usize>,
}

pub(super) struct WriteStep {
    pub mem: usize,
    pub mask: u32,
    pub lanes: u32,
    pub addr: u32,
    pub data: u32,
}

#[derive(Default)]
pub(super) struct Program {
    pub code: Vec<Instr>,
    pub wide: Vec<Wide>,
    pub regs: Vec<RegStep>,
    pub reads: Vec<ReadStep>,
    pub writes: Vec<WriteStep>,
}

pub(super) struct Memory {
    pub width: u32,
    pub depth: usize,
    pub init_words: usize,
    limbs: usize,
    data: Vec<u64>,
    zero: Vec<u64>,
}

impl Memory {
    pub fn new(width: u32, depth: usize) -> Memory {
        let limbs = limbs_for(width);
        Memory { width, depth, init_words: 0, limbs, data: vec![0; limbs * depth], zero: vec![0; limbs] }
    }

    /// The limbs of a word; zero beyond the depth.
    pub fn read(&self, addr: usize) -> &[u64] {
        self.data.get(addr * self.limbs..(addr + 1) * self.limbs).unwrap_or(&self.zero)
    }

    pub fn write(&mut self, addr: usize, value: &[u64]) {
        if let Some(word) = self.data.get_mut(addr * self.limbs..(addr + 1) * self.limbs) {
            word.copy_from_slice(&value[..word.len()]);
        }
    }

    fn write_lanes(&mut self, addr: usize, mask: &[u64], lanes: u32, value: &[u64]) {
        let (each, limbs) = (self.width / lanes, self.limbs);
        let Some(word) = self.data.get_mut(addr * limbs..(addr + 1) * limbs) else {
            return;
        };
        for lane in (0..lanes).filter(|l| mask[(l / 64) as usize] >> (l % 64) & 1 == 1) {
            let (mut at, end) = (lane * each, (lane + 1) * each);
            while at < end {
                let (limb, low) = ((at / 64) as usize, at % 64);
                let n = (64 - low).min(end - at);
                let bits = (u64::MAX >> (64 - n)) << low;
                word[limb] = word[limb] & !bits | value[limb] & bits;
                at += n;
            }
        }
    }
}

/// Sign extension of a value of 64 - `spare` bits; nothing for `spare` = 0.
fn sx(value: u64, spare: u8) -> u64 {
    ((value << spare) as i64 >> spare) as u64
}

impl Program {
    /// All combinational values from the state and inputs.
    pub fn run(&self, st: &mut [u64], mems: &[Memory]) {
        for i in &self.code {
            let a = sx(st[i.a as usize], i.sa);
            let b = sx(st[i.b as usize], i.sb);
            let value = match i.kind {
                Kind::Add => a.wrapping_add(b),
                Kind::Sub => a.wrapping_sub(b),
                Kind::Mul => a.wrapping_mul(b),
                Kind::And => a & b,
                Kind::Or => a | b,
                Kind::Xor => a ^ b,
                Kind::Not => !a,
                Kind::Neg => a.wrapping_neg(),
                Kind::Eq => u64::from(a == b),
                Kind::Ne => u64::from(a != b),
                Kind::LtU => u64::from(a < b),
                Kind::LtS => u64::from((a as i64) < b as i64),
                Kind::LeU => u64::from(a <= b),
                Kind::LeS => u64::from(a as i64 <= b as i64),
                Kind::Shl => {
                    if b < 64 {
                        a << b
                    } else {
                        0
                    }
                }
                Kind::ShrU => {
                    if b < 64 {
                        a >> b
                    } else {
                        0
                    }
                }
                Kind::ShrS => (a as i64 >> b.min(63)) as u64,
                Kind::Any => u64::from(a != 0),
                Kind::All => u64::from(a == u64::MAX >> i.imm),
                Kind::Parity => u64::from(a.count_ones() & 1),
                Kind::Copy => a,
                Kind::Slice => a >> i.imm,
                Kind::Slice2 => a >> i.imm | st[i.a as usize + 1] << (64 - i.imm),
                Kind::Join => a | b << i.imm,
                Kind::Word => {
                    let shift = b.saturating_mul(u64::from(i.imm));
                    if shift < 64 { a >> shift } else { 0 }
                }
                Kind::Mux => {
                    if a != 0 {
                        b
                    } else {
                        sx(st[i.c as usize], i.imm as u8)
                    }
                }
                Kind::Read => mems[i.imm as usize].read(a as usize)[0],
                Kind::Wide => {
                    self.wide[i.imm as usize].run(st, mems);
                    continue;
                }
            };
            st[i.dst as usize] = value & i.mask;
        }
    }

    /// A write goes to the address that `r` reads.
    fn collides(&self, r: &ReadStep, st: &[u64]) -> bool {
        r.rivals.iter().map(|w| &self.writes[*w]).any(|w| {
            let mask = &st[w.mask as usize..][..limbs_for(w.lanes)];
            st[w.addr as usize] == st[r.addr as usize] && mask.iter().any(|limb| *limb != 0)
        })
    }

    /// The clock edge: every register and registered read takes its next value, then memories are written. `noise`: what reads
    /// that collide with a write give, if not the old word.
    pub fn edge(
        &self,
        st: &mut [u64],
        shadow: &mut [u64],
        mems: &mut [Memory],
        mut noise: Option<&mut dyn FnMut() -> u64>,
    ) {
        let in_reset = st[0] != 0;
        for r in &self.regs {
            let hit = || r.arms.iter().find(|(cond, _)| st[*cond as usize] != 0).map(|(_, value)| *value);
            let from = match r.reset {
                Some(value) if in_reset => value,
                _ => hit().or(r.always).unwrap_or(r.q),
            };
            let (from, n) = (from as usize, r.limbs as usize);
            shadow[r.q as usize..r.q as usize + n].copy_from_slice(&st[from..from + n]);
        }
        for r in &self.reads {
            let (q, n) = (r.q as usize, mems[r.mem].limbs);
            let from = if st[r.enable as usize] != 0 {
                mems[r.mem].read(st[r.addr as usize] as usize)
            } else {
                &st[q..q + n]
            };
            shadow[q..q + n].copy_from_slice(from);
            if let Some(noise) = noise.as_mut().filter(|_| st[r.enable as usize] != 0 && self.collides(r, st))
            {
                let words: Vec<u64> = (0..n).map(|_| noise()).collect();
                shadow[q..q + n].copy_from_slice(Bits::from_limbs(mems[r.mem].width, &words).limbs());
            }
        }
        for w in &self.writes {
            let addr = st[w.addr as usize] as usize;
            let data = &st[w.data as usize..];
            if w.lanes == 1 && st[w.mask as usize] != 0 {
                mems[w.mem].write(addr, data);
            } else if w.lanes > 1 {
                mems[w.mem].write_lanes(addr, &st[w.mask as usize..], w.lanes, data);
            }
        }
        for r in &self.regs {
            let at = r.q as usize..(r.q + r.limbs) as usize;
            st[at.clone()].copy_from_slice(&shadow[at]);
        }
        for r in &self.reads {
            let at = r.q as usize..r.q as usize + mems[r.mem].limbs;
            st[at.clone()].copy_from_slice(&shadow[at]);
        }
    }
}
