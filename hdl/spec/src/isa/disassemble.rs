//! The disassembler: an instruction as a line of text.

use std::fmt;

use super::{BKind, DstKind, Func, Instruction, MKind, Vector, ZOp};

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instruction::End { body } => write!(f, "end{}", if *body { " body" } else { "" }),
            Instruction::Load { words, dst, beside } => {
                write!(f, "load{} c[{dst}..{}]", if *beside { " beside" } else { "" }, dst + words)
            }
            Instruction::Gather { words, by_position, shared, dst, row_stride, addr, stride } => {
                let index = if *by_position { "position" } else { "token" };
                let to = if *shared { format!("c[{dst} + row*{row_stride}]") } else { format!("v[{dst}]") };
                write!(f, "gather {to} x{words} <- beat {addr} + {index}*{stride}")
            }
            Instruction::Matmul { blocks, chunks, planes, dst, beside } => {
                let beside = if *beside { " beside" } else { "" };
                write!(f, "matmul{beside} acc[{dst}] blocks={blocks} chunks={chunks} planes={planes}")
            }
            Instruction::Attn { passes, segments, window, scale, smax, ssum, addr, beside, queries } => {
                let beside = if *beside { " beside" } else { "" };
                write!(f, "attn{beside} passes={passes} segments={segments}")?;
                if *window > 0 {
                    write!(f, " window={window}")?;
                }
                write!(f, " s[{scale}] -> s[{smax}], s[{ssum}] kv+{addr}")?;
                if *queries > 0 { write!(f, ", awaits query[{queries}..]") } else { Ok(()) }
            }
            Instruction::Vector(v) => v.fmt(f),
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plus = |inc: bool| if inc { "+" } else { "" };
        let a = ["v", "acc", "att", "s"][self.a_kind as usize];
        let mut z = format!("{a}[{}]{}", self.a, if self.rotate { " rotated" } else { "" });
        match self.m_kind {
            MKind::None => {}
            MKind::Imm => z += &format!(" * {:e}", self.imm_m),
            MKind::Sreg => z += &format!(" * s[{}{}]", self.m, plus(self.m_inc)),
            MKind::Cmem => z += &format!(" * c[{} + row*{}]", self.m, self.m_stride),
        }
        if self.func != Func::None {
            z = format!("{}({z})", format!("{:?}", self.func).to_lowercase());
        }
        let b = match self.b_kind {
            BKind::Vmem => format!("v[{}]", self.b),
            BKind::Sreg => format!("s[{}{}]", self.b, plus(self.b_inc)),
            BKind::Imm => format!("{:e}", f32::from_bits(self.imm_b)),
        };
        z = match self.zop {
            ZOp::Pass => z,
            ZOp::Add => format!("{z} + {b}"),
            ZOp::Mul => format!("({z}) * {b}"),
            ZOp::Max => format!("max({z}, {b})"),
            ZOp::Square => format!("({z})^2"),
        };
        let dst = match self.dst_kind {
            DstKind::None => "-".to_string(),
            DstKind::Vmem => format!("v[{}]", self.dst),
            DstKind::Sreg => format!("s[{}]", self.dst),
            DstKind::Act => format!("act[{}]", self.dst),
            DstKind::Query => format!("query[{}]", self.dst),
            DstKind::Kv => format!("{}+{}", if self.dst == 0 { "key" } else { "value" }, self.addr),
            DstKind::KvScale => {
                format!("{} scale+{}", if self.dst == 0 { "key" } else { "value" }, self.addr)
            }
            DstKind::Topk => format!("topk from {} below {}", self.addr, self.imm_b),
            DstKind::Logits => format!("logits from {}", self.addr),
        };
        write!(f, "vector{} {dst} x{}x{} <- {z}", if self.head { " head" } else { "" }, self.rep, self.n)?;
        if let Some(s) = self.reduce_max {
            write!(f, "; s[{s}] = max|z|")?;
        }
        if let Some(s) = self.reduce_sum {
            write!(f, "; s[{s}] = sum a*a")?;
        }
        if self.part {
            write!(f, ", to go on")?;
        }
        if self.after > 0 {
            write!(f, "; after {} heads", self.after)?;
        }
        Ok(())
    }
}
