//! What passed from block to block, as the observation port of the top tells (`sterna_hdl::observe`).

use sterna_hdl::observe::PASSAGES;
use verilated::{Error, Model, Port};

/// Everything that passed one place, in order.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Cycle of each.
    pub cycles: Vec<u64>,
    /// Words of 32 bits of one.
    size: usize,
    words: Vec<u32>,
}

impl Passed {
    /// Cycle of the last one, 0 if there is none.
    pub fn last(&self) -> u64 {
        self.cycles.last().copied().unwrap_or(0)
    }

    /// The bits of each, as words of 32 bits.
    pub fn all(&self) -> impl Iterator<Item = (u64, &[u32])> {
        self.cycles.iter().copied().zip(self.words.chunks(self.size.max(1)))
    }
}

/// What passed since the last [`Passages::take`], in the order of [`PASSAGES`].
pub type All = [Passed; PASSAGES.len()];

/// The pins and what they said.
pub struct Passages {
    pins: [(Port, Port); PASSAGES.len()],
    passed: All,
}

impl Passages {
    /// The pins, on a model of a configuration with `probe`.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let mut pins = Vec::new();
        for name in PASSAGES {
            let pin = |part: &str| model.port(&format!("probe_{name}_{part}"));
            pins.push((pin("valid")?, pin("data")?));
        }
        let pins: [(Port, Port); PASSAGES.len()] = std::array::from_fn(|i| pins[i]);
        let size = |data: Port| model.info(data).width.div_ceil(32) as usize;
        let passed = pins.map(|(_, data)| Passed { size: size(data), ..Passed::default() });
        Ok(Passages { pins, passed })
    }

    /// Looks at the port after the clock edge that began `cycle`.
    #[inline]
    pub fn sample(&mut self, model: &Model, cycle: u64) -> Result<(), Error> {
        for (&(valid, data), passed) in self.pins.iter().zip(&mut self.passed) {
            if model.get(valid) != 0 {
                let first = passed.words.len();
                passed.words.resize(first + passed.size, 0);
                model.get_wide(data, &mut passed.words[first..])?;
                passed.cycles.push(cycle);
            }
        }
        Ok(())
    }

    /// Takes what passed since the last call.
    pub fn take(&mut self) -> All {
        self.passed.each_mut().map(|passed| {
            let size = passed.size;
            std::mem::replace(passed, Passed { size, ..Passed::default() })
        })
    }
}
