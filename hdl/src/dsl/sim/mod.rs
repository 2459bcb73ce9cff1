//! The cycle evaluator: a module with everything below it, flattened into a list of operations on 64-bit limbs.

mod compile;
mod exec;
mod lower;
pub(crate) mod wide;

use super::bits::{Bits, Ty, Value, limbs_for};
use super::check;
use super::error::Errors;
use super::module::Module;
use std::collections::HashMap;

/// A module being evaluated. Unknown names and values that do not fit are faults of the test: they panic with a
/// sentence.
pub struct Sim {
    program: exec::Program,
    state: Vec<u64>,
    shadow: Vec<u64>,
    mems: Vec<exec::Memory>,
    names: HashMap<String, (u32, Ty)>,
    inputs: HashMap<String, (u32, Ty)>,
    mem_names: HashMap<String, usize>,
    clock: String,
    reset: (String, bool),
    stale: bool,
    cycle: u64,
    noise: Option<SplitMix>,
}

impl Sim {
    /// The module as it is after reset; inputs are zero, and so is all state that reset does not reach.
    pub fn new(top: &Module) -> Result<Sim, Errors> {
        check::check(top)?;
        Ok(compile::compile(top))
    }

    /// Like [`Sim::new`], but registers without reset and memories without initial contents start with random values,
    /// and reads of block RAM give random values where a write to their address collides, so that whoever relies on them shows.
    pub fn seeded(top: &Module, seed: u64) -> Result<Sim, Errors> {
        let mut sim = Sim::new(top)?;
        let mut random = SplitMix(seed);
        for reg in &sim.program.regs {
            if reg.reset.is_none() {
                let at = reg.q as usize;
                let value: Vec<u64> = (0..reg.limbs).map(|_| random.next()).collect();
                let value = Bits::from_limbs(reg.width, &value);
                sim.state[at..at + value.limbs().len()].copy_from_slice(value.limbs());
            }
        }
        for mem in &mut sim.mems {
            for at in mem.init_words..mem.depth {
                let value: Vec<u64> = (0..limbs_for(mem.width)).map(|_| random.next()).collect();
                mem.write(at, Bits::from_limbs(mem.width, &value).limbs());
            }
        }
        sim.noise = Some(random);
        Ok(sim)
    }

    /// From now on reads of block RAM that collide with a write give the old word, as the printed Verilog does in a simulator.
    pub fn keep_old_words(&mut self) {
        self.noise = None;
    }

    /// Sets an input port (or the reset port, whatever its polarity).
    ///
    /// # Panics
    /// When there is no such input or the value does not fit.
    pub fn set(&mut self, port: &str, value: impl Value) {
        if port == self.reset.0 {
            let on = value.to_bits(super::bits::u(1)).is_some_and(|b| !b.is_zero());
            self.state[0] = u64::from(on != self.reset.1);
            self.stale = true;
            return;
        }
        let Some((at, ty)) = self.inputs.get(port).copied() else {
            let mut has: Vec<&String> = self.inputs.keys().collect();
            has.sort();
            panic!("there is no input `{port}`; there are {has:?}");
        };
        let Some(bits) = value.to_bits(ty) else {
            panic!("the value {} does not fit input `{port}`, which is {ty}", value.show());
        };
        self.state[at as usize..at as usize + bits.limbs().len()].copy_from_slice(bits.limbs());
        self.stale = true;
    }

    /// The value of a port, or of a named signal below it: `"sum"`, `"u_fifo.count"`.
    ///
    /// # Panics
    /// When there is no such signal.
    pub fn bits(&mut self, path: &str) -> Bits {
        self.settle();
        let (at, ty) = self.find(path);
        Bits::from_limbs(ty.width, &self.state[at as usize..at as usize + limbs_for(ty.width)])
    }

    /// Like [`Sim::bits`] for up to 64 bits.
    ///
    /// # Panics
    /// When there is no such signal or it is wider.
    pub fn get(&mut self, path: &str) -> u64 {
        self.settle();
        let (at, ty) = self.find(path);
        assert!(ty.width <= 64, "`{path}` is {ty}: use `bits`");
        self.state[at as usize]
    }

    /// The two's complement value of a signal of up to 64 bits, whatever its sign.
    ///
    /// # Panics
    /// As [`Sim::get`].
    pub fn get_signed(&mut self, path: &str) -> i64 {
        let width = self.find(path).1.width;
        Bits::from_u64(width, self.get(path)).to_i64()
    }

    /// True when a 1-bit signal is 1.
    ///
    /// # Panics
    /// As [`Sim::get`].
    pub fn is_high(&mut self, path: &str) -> bool {
        self.get(path) == 1
    }

    fn find(&self, path: &str) -> (u32, Ty) {
        self.names.get(path).copied().unwrap_or_else(|| panic!("there is no signal `{path}`"))
    }

    /// A word of a memory.
    ///
    /// # Panics
    /// When there is no such memory or word.
    pub fn mem(&self, path: &str, addr: usize) -> Bits {
        let mem = &self.mems[self.find_mem(path)];
        Bits::from_limbs(mem.width, mem.read(addr))
    }

    /// Overwrites a word of a memory.
    ///
    /// # Panics
    /// When there is no such memory or word, or the value does not fit.
    pub fn set_mem(&mut self, path: &str, addr: usize, value: impl Value) {
        let at = self.find_mem(path);
        let ty = super::bits::u(self.mems[at].width);
        let Some(bits) = value.to_bits(ty) else {
            panic!("the value {} does not fit `{path}`", value.show())
        };
        self.mems[at].write(addr, bits.limbs());
        self.stale = true;
    }

    fn find_mem(&self, path: &str) -> usize {
        self.mem_names.get(path).copied().unwrap_or_else(|| panic!("there is no memory `{path}`"))
    }

    /// One rising edge of the clock.
    pub fn tick(&mut self) {
        self.settle();
        let mut noise = self.noise.as_mut().map(|random| || random.next());
        let noise = noise.as_mut().map(|noise| noise as &mut dyn FnMut() -> u64);
        self.program.edge(&mut self.state, &mut self.shadow, &mut self.mems, noise);
        self.stale = true;
        self.cycle += 1;
    }

    /// One cycle in reset.
    pub fn reset(&mut self) {
        let before = std::mem::replace(&mut self.state[0], 1);
        self.stale = true;
        self.tick();
        self.state[0] = before;
    }

    /// Rising edges so far.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Operations evaluated in each cycle.
    pub fn operations(&self) -> usize {
        self.program.code.len()
    }

    /// The name of the clock port.
    pub fn clock(&self) -> &str {
        &self.clock
    }

    fn settle(&mut self) {
        if std::mem::replace(&mut self.stale, false) {
            self.program.run(&mut self.state, &self.mems);
        }
    }
}

/// Steele, Lea and Flood's generator: small, and good enough for initial values.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
