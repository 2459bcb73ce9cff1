//! Memories.

use super::bits::{Bits, index_width, u};
use super::error::Error;
use super::ir::{Id, MemData, MemStyle, Op, Read, Write};
use super::module::Module;
use super::sig::Sig;

/// A memory of `depth` words of `width` bits. Addresses have [`Mem::addr_width`] bits and stay below the depth.
#[derive(Clone, Copy)]
pub struct Mem<'m> {
    m: &'m Module,
    index: usize,
}

impl Module {
    /// A memory; its contents are undefined at the start unless [`Mem::init`] gives them.
    pub fn mem(&self, name: &str, width: u32, depth: usize, style: MemStyle, doc: &str) -> Mem<'_> {
        self.claim(name, "a memory");
        if width == 0 || depth == 0 {
            self.error(Error::Zero { module: self.name(), what: format!("memory `{name}`") });
        }
        let (width, depth) = (width.max(1), depth.max(1));
        let (name, doc, init) = (name.into(), doc.into(), vec![]);
        let data = MemData { name, width, depth, style, doc, init, writes: vec![], reads: vec![] };
        let mut inner = self.get_mut();
        inner.mems.push(data);
        Mem { m: self, index: inner.mems.len() - 1 }
    }

    /// A table of constants, read within the cycle: `values[addr]`, zero beyond the last.
    pub fn rom(&self, name: &str, width: u32, values: &[Bits], doc: &str) -> Mem<'_> {
        let depth = 1 << index_width(values.len());
        let mut all = values.to_vec();
        all.resize(depth, Bits::zero(width.max(1)));
        self.mem(name, width, depth, MemStyle::Auto, doc).init(&all)
    }
}

impl<'m> Mem<'m> {
    /// Initial contents from address 0; the rest stays undefined.
    pub fn init(self, values: &[Bits]) -> Mem<'m> {
        let (name, width, depth) = self.shape();
        if values.len() > depth || values.iter().any(|v| v.width() != width) {
            let what = format!(
                "`{name}` holds {depth} words of {width} bits; its initial contents do not match that"
            );
            self.m.error(Error::Shape { module: self.m.name(), what });
            return self;
        }
        self.m.get_mut().mems[self.index].init = values.to_vec();
        self
    }

    /// Bits of an address.
    pub fn addr_width(self) -> u32 {
        index_width(self.shape().2)
    }

    /// Writes `data` to `addr` at the clock edge when `en` is 1. Of several writes to one address the last declared wins.
    pub fn write(self, en: Sig<'m>, addr: Sig<'m>, data: Sig<'m>) {
        let mask = self.m.condition(&format!("the write enable of `{}`", self.shape().0), en);
        self.add_write(mask, 1, addr, data);
    }

    /// Writes the lanes whose `mask` bit is 1; the width of the mask divides the width of the memory.
    pub fn write_lanes(self, mask: Sig<'m>, addr: Sig<'m>, data: Sig<'m>) {
        let (name, width, _) = self.shape();
        let lanes = mask.width();
        if width % lanes != 0 {
            let what = format!("{lanes} write lanes do not divide `{name}`, which is {width} bits wide");
            self.m.error(Error::Shape { module: self.m.name(), what });
            return;
        }
        let mask = self.m.own(mask);
        if lanes > 1 && self.m.get().mems[self.index].writes.iter().all(|w| w.lanes == 1) {
            self.m.claim(&format!("{name}_lane"), "the lane counter of a memory");
        }
        self.add_write(mask, lanes, addr, data);
    }

    fn add_write(self, mask: Id, lanes: u32, addr: Sig<'m>, data: Sig<'m>) {
        let (name, width, _) = self.shape();
        let addr = self.address(addr);
        let data = self.exact(&format!("data written to `{name}`"), data.as_unsigned(), width);
        self.m.get_mut().mems[self.index].writes.push(Write { mask, lanes, addr, data });
    }

    /// The word at `addr`, within the cycle. Best for [`MemStyle::Lut`].
    pub fn read_async(self, name: &str, addr: Sig<'m>) -> Sig<'m> {
        self.add_read(name, addr, None)
    }

    /// The word at `addr`, one cycle later; the register `name` keeps its value while `en` is 0.
    /// A write to the same address in the same cycle gives the old word in [`MemStyle::Lut`] and anything in the others, which so
    /// need no logic beside the RAM.
    pub fn read(self, name: &str, addr: Sig<'m>, en: Sig<'m>) -> Sig<'m> {
        let en = self.m.condition(&format!("the read enable of `{}`", self.shape().0), en);
        self.add_read(name, addr, Some(en))
    }

    fn add_read(self, name: &str, addr: Sig<'m>, enable: Option<Id>) -> Sig<'m> {
        let addr = self.address(addr);
        let at = self.m.get().mems[self.index].reads.len();
        let out = self.m.named(Op::MemOut(self.index, at), u(self.shape().1), name, "a memory read");
        self.m.get_mut().mems[self.index].reads.push(Read { id: out.id, addr, enable });
        out
    }

    fn address(self, addr: Sig<'m>) -> Id {
        self.exact(&format!("an address of `{}`", self.shape().0), addr.as_unsigned(), self.addr_width())
    }

    fn exact(self, what: &str, sig: Sig<'m>, want: u32) -> Id {
        let id = self.m.own(sig);
        let have = self.m.get_ty(id).width;
        if have == want {
            return id;
        }
        let (module, what, sig) = (self.m.name(), what.into(), sig.describe());
        self.m.fail(Error::Exact { module, what, sig, have, want }, u(want)).id
    }

    fn shape(self) -> (String, u32, usize) {
        let inner = self.m.get();
        let mem = &inner.mems[self.index];
        (mem.name.clone(), mem.width, mem.depth)
    }
}
