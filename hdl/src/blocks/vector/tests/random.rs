//! Random legal VECTOR instructions without overlaps other than in place.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sterna_spec::config::Config;
use sterna_spec::isa::{AKind, BKind, DstKind, Func, MKind, Vector, ZOp};

type Range = std::ops::Range<u32>;

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn apart(a: &Range, b: &Range) -> bool {
    a.end <= b.start || b.end <= a.start
}

/// The instruction maker.
pub struct Maker<'a> {
    pub config: &'a Config,
    pub rng: ChaCha8Rng,
    /// `head` of an instruction whose reductions go on, and which it has.
    pub open: Option<(bool, [bool; 2])>,
}

impl Maker<'_> {
    /// A start for `len` things out of `size`.
    fn start(&mut self, len: u32, size: u32) -> u16 {
        self.rng.random_range(0..=size - len) as u16
    }

    /// A start like it that keeps off `taken`, if one is found.
    fn start_off(&mut self, len: u32, size: u32, taken: &[Range]) -> Option<u16> {
        (0..50).map(|_| self.start(len, size)).find(|&s| {
            let own = u32::from(s)..u32::from(s) + len;
            taken.iter().all(|t| apart(t, &own))
        })
    }

    fn float(&mut self) -> f32 {
        match self.rng.random_range(0..8) {
            0 => pick(&mut self.rng, &[0.0, -0.0, f32::NAN, f32::INFINITY, 1e-40, -1.0, 127.0]),
            1 => f32::from_bits(self.rng.random()),
            _ => self.rng.random_range(-8.0..8.0),
        }
    }

    /// The next instruction.
    pub fn next(&mut self) -> Vector {
        loop {
            if let Some(v) = self.attempt() {
                return v;
            }
        }
    }

    fn attempt(&mut self) -> Option<Vector> {
        let c = self.config;
        let a_kind = pick(&mut self.rng, &[AKind::Vmem, AKind::Vmem, AKind::Acc, AKind::Att, AKind::Sreg]);
        let source = match a_kind {
            AKind::Vmem => c.vector_words,
            AKind::Acc => c.outputs / c.lanes,
            AKind::Att => c.heads * c.head_size / c.lanes,
            AKind::Sreg => c.scalars,
        };
        let scalar = a_kind == AKind::Sreg;
        let longest = [1, 2, 4, 12, source][self.rng.random_range(0..5)].min(source);
        let n = self.rng.random_range(1..=longest);
        let most = if scalar { 1 } else { (source / n).min(12) };
        let rep = self.rng.random_range(1..=most);
        let total = n * rep;
        let mut v = Vector { n: n as u16, rep: rep as u8, a_kind, ..Vector::default() };
        v.head = self.rng.random_range(0..4) == 0;
        v.a = self.start(total, source);
        v.rotate = n.is_multiple_of(2) && !scalar && self.rng.random();
        v.func =
            pick(&mut self.rng, &[Func::None, Func::None, Func::Relu, Func::Exp2, Func::Recip, Func::Rsqrt]);
        v.zop = pick(&mut self.rng, &[ZOp::Pass, ZOp::Add, ZOp::Mul, ZOp::Max, ZOp::Square]);
        v.imm_m = self.float();
        v.imm_b = self.float().to_bits();
        v.addr = self.rng.random_range(0..40);
        let mut scalars_read = Vec::new();
        self.factor(&mut v, &mut scalars_read);
        self.second(&mut v, total, &mut scalars_read);
        if scalar {
            scalars_read.push(u32::from(v.a)..u32::from(v.a) + total);
        }
        self.destination(&mut v, total, &scalars_read)?;
        self.reductions(&mut v, &scalars_read)?;
        Some(v)
    }

    fn scalar(&mut self, v: &Vector, inc: bool, read: &mut Vec<Range>) -> u16 {
        let span = match (inc, v.a_kind) {
            (false, _) => 1,
            (true, AKind::Sreg) => u32::from(v.n),
            _ => u32::from(v.rep),
        };
        let start = self.start(span, self.config.scalars);
        read.push(u32::from(start)..u32::from(start) + span);
        start
    }

    fn factor(&mut self, v: &mut Vector, read: &mut Vec<Range>) {
        v.m_kind = pick(&mut self.rng, &[MKind::None, MKind::Imm, MKind::Sreg, MKind::Cmem]);
        let c = self.config;
        if v.m_kind == MKind::Cmem {
            v.m_stride = self.rng.random_range(0..4);
            let need = u32::from(v.n) + (c.rows - 1) * u32::from(v.m_stride);
            match v.a_kind == AKind::Sreg || need > c.shared_words {
                true => v.m_kind = MKind::Imm,
                false => v.m = self.start(need, c.shared_words),
            }
        }
        if v.m_kind == MKind::Sreg {
            v.m_inc = self.rng.random();
            v.m = self.scalar(v, v.m_inc, read);
        }
    }

    fn second(&mut self, v: &mut Vector, total: u32, read: &mut Vec<Range>) {
        v.b_kind = pick(&mut self.rng, &[BKind::Vmem, BKind::Sreg, BKind::Imm]);
        if v.b_kind == BKind::Vmem {
            let twice = v.a_kind == AKind::Vmem && !matches!(v.zop, ZOp::Pass | ZOp::Square);
            match v.a_kind == AKind::Sreg || twice || total > self.config.vector_words {
                true => v.b_kind = BKind::Imm,
                false => v.b = self.start(total, self.config.vector_words),
            }
        }
        if v.b_kind == BKind::Sreg {
            v.b_inc = self.rng.random();
            v.b = self.scalar(v, v.b_inc, read);
        }
    }

    fn destination(&mut self, v: &mut Vector, total: u32, scalars_read: &[Range]) -> Option<()> {
        use DstKind::*;
        let c = self.config;
        let stays = [None, Vmem, Vmem, Act, Query];
        v.dst_kind = match v.a_kind {
            AKind::Sreg => pick(&mut self.rng, &[None, Sreg, KvScale]),
            AKind::Acc => pick(&mut self.rng, &stays),
            _ => pick(&mut self.rng, &[&stays[..], &[Kv, Topk, Logits]].concat()),
        };
        let size = match v.dst_kind {
            Vmem => c.vector_words,
            Act => c.activations / c.lanes,
            Query => c.heads * c.head_size / c.lanes,
            Sreg => c.scalars,
            Kv if !v.n.is_multiple_of((c.attention_width / c.lanes) as u16) => {
                v.dst_kind = None;
                return Some(());
            }
            Kv | KvScale => {
                v.dst = self.rng.random_range(0..2);
                return Some(());
            }
            Logits => {
                v.addr = v.addr.next_multiple_of(c.lanes);
                return Some(());
            }
            _ => return Some(()),
        };
        if total > size {
            v.dst_kind = None;
            return Some(());
        }
        let in_place = self.rng.random();
        let range = |s: u16| u32::from(s)..u32::from(s) + total;
        let (a, b) = (range(v.a), range(v.b));
        let b_read = v.b_kind == BKind::Vmem;
        match v.dst_kind {
            Vmem if in_place && b_read && (v.a_kind != AKind::Vmem || apart(&a, &b)) => v.dst = v.b,
            Vmem if in_place
                && v.a_kind == AKind::Vmem
                && !v.rotate
                && (!b_read || a == b || apart(&a, &b)) =>
            {
                v.dst = v.a;
            }
            Vmem => {
                let mut taken = vec![];
                taken.extend((v.a_kind == AKind::Vmem).then_some(a));
                taken.extend(b_read.then_some(b));
                v.dst = self.start_off(total, size, &taken)?;
            }
            Sreg if in_place && scalars_read.iter().all(|r| *r == a || apart(r, &a)) => v.dst = v.a,
            Sreg => v.dst = self.start_off(total, size, scalars_read)?,
            _ => v.dst = self.start(total, size),
        }
        Some(())
    }

    fn reductions(&mut self, v: &mut Vector, scalars_read: &[Range]) -> Option<()> {
        let size = self.config.scalars;
        let max = v.dst_kind != DstKind::Sreg && u32::from(v.rep) <= size;
        let sum = !v.dst_kind.leaves() && v.rep == 1 && v.a_kind != AKind::Sreg;
        let wanted = match self.open {
            // those that go on, or none
            Some((head, kinds)) if self.rng.random() && (max || !kinds[0]) && (sum || !kinds[1]) => {
                v.head = head;
                kinds
            }
            Some(_) => return Some(()),
            None => [max && self.rng.random_range(0..3) == 0, sum && self.rng.random()],
        };
        if wanted[0] {
            v.reduce_max = Some(self.start_off(v.rep.into(), size, scalars_read)? as u8);
        }
        if wanted[1] {
            (v.zop, v.func) = (ZOp::Pass, Func::None);
            v.reduce_sum = Some(self.start_off(1, size, scalars_read)? as u8);
        }
        if wanted != [false; 2] {
            v.part = v.rep == 1 && v.a_kind != AKind::Sreg && self.rng.random_range(0..3) == 0;
            self.open = v.part.then_some((v.head, wanted));
        }
        Some(())
    }
}
