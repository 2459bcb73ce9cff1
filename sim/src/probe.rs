//! The observation port: every word and every scalar that the device's vector and attention units wrote, and every word of integers
//! that the vector unit took from matrix engine and attention unit, each kind in order.

use sterna_spec::config::Config;
use sterna_spec::golden::Write;
use verilated::{Error, Model, Port};

/// One observed write. A word's lanes lie in [`Observed::data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Cycle in which the port showed it.
    pub cycle: u64,
    /// [`sterna_spec::isa::DstKind`], or a kind of [`Write`].
    pub kind: u8,
    /// Row.
    pub row: u8,
    /// Word, scalar index or first id.
    pub address: u32,
    /// First entry of its data.
    first: usize,
    /// Entries.
    len: usize,
}

/// What was observed since the last [`Probe::take`], words and scalars apart: their order among each other is the
/// hardware's own.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Words.
    pub words: Vec<Event>,
    /// Scalars of reductions.
    pub scalars: Vec<Event>,
    /// Scalars of the attention unit.
    pub weights: Vec<Event>,
    /// Words of integers that were read from the matrix engine and the attention unit.
    pub reads: Vec<Event>,
    data: Vec<u32>,
}

impl Observed {
    /// Cycle of the last write.
    pub fn last_cycle(&self) -> Option<u64> {
        [&self.words, &self.scalars, &self.weights]
            .into_iter()
            .filter_map(|of| of.last())
            .map(|event| event.cycle)
            .max()
    }

    /// The lanes of a write.
    pub fn data(&self, event: &Event) -> &[u32] {
        &self.data[event.first..event.first + event.len]
    }
}

/// The pins of scalars of one kind.
struct Scalars {
    valid: Port,
    row: Port,
    index: Port,
    data: Port,
}

impl Scalars {
    fn new(model: &Model, kind: &str) -> Result<Self, Error> {
        let port = |name: &str| model.port(&format!("probe_{kind}_{name}"));
        Ok(Scalars { valid: port("valid")?, row: port("row")?, index: port("index")?, data: port("data")? })
    }
}

/// The pins of the observation port, and what they said.
pub struct Probe {
    valid: Port,
    kind: Port,
    row: Port,
    address: Port,
    data: Port,
    scalars: Scalars,
    weights: Scalars,
    r_valid: Port,
    r_attention: Port,
    r_row: Port,
    r_address: Port,
    r_data: Port,
    lanes: usize,
    observed: Observed,
}

impl Probe {
    /// The pins, on a model of a configuration with `probe`.
    pub fn new(model: &Model, config: &Config) -> Result<Self, Error> {
        let port = |name: &str| model.port(&format!("probe_{name}"));
        Ok(Probe {
            valid: port("valid")?,
            kind: port("kind")?,
            row: port("row")?,
            address: port("address")?,
            data: port("data")?,
            scalars: Scalars::new(model, "s")?,
            weights: Scalars::new(model, "h")?,
            r_valid: port("r_valid")?,
            r_attention: port("r_attention")?,
            r_row: port("r_row")?,
            r_address: port("r_address")?,
            r_data: port("r_data")?,
            lanes: config.lanes as usize,
            observed: Observed::default(),
        })
    }

    /// Looks at the port after the clock edge that began `cycle`.
    #[inline]
    pub fn sample(&mut self, model: &Model, cycle: u64) -> Result<(), Error> {
        let Observed { words, scalars, weights, reads, data } = &mut self.observed;
        if model.get(self.valid) != 0 {
            let first = data.len();
            data.resize(first + self.lanes, 0);
            model.get_wide(self.data, &mut data[first..])?;
            let (kind, row) = (model.get(self.kind) as u8, model.get(self.row) as u8);
            let address = model.get(self.address) as u32;
            words.push(Event { cycle, kind, row, address, first, len: self.lanes });
        }
        for (ports, kind, events) in
            [(&self.scalars, Write::SCALAR, scalars), (&self.weights, Write::WEIGHTS, weights)]
        {
            if model.get(ports.valid) != 0 {
                let (row, address) = (model.get(ports.row) as u8, model.get(ports.index) as u32);
                events.push(Event { cycle, kind, row, address, first: data.len(), len: 1 });
                data.push(model.get(ports.data) as u32);
            }
        }
        if model.get(self.r_valid) != 0 {
            let (first, len) = (data.len(), 2 * self.lanes);
            data.resize(first + len, 0);
            model.get_wide(self.r_data, &mut data[first..])?;
            let attention = model.get(self.r_attention) != 0;
            let kind = if attention { Write::ATTENTION } else { Write::MATRIX };
            let (row, address) = (model.get(self.r_row) as u8, model.get(self.r_address) as u32);
            reads.push(Event { cycle, kind, row, address, first, len });
        }
        Ok(())
    }

    /// Takes what was observed since the last call.
    pub fn take(&mut self) -> Observed {
        std::mem::take(&mut self.observed)
    }
}
