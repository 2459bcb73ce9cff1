//! Who answers: the definition, the evaluator of the hardware description, or the emitted Verilog under Verilator.

use std::collections::VecDeque;

use sterna_hdl::blocks::fp::Pace;
use sterna_hdl::dsl::{Bits, Sim, emit};
use verilated::{Model, Options, Port, Source};

use super::ops::{Op, Unit};
use crate::error::Error;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// [`sterna_spec::numbers`].
    Golden,
    /// The module in the evaluator.
    Evaluator(Pace),
    /// The module's Verilog under Verilator.
    Rtl(Pace),
}

impl Engine {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Golden => "golden",
            Engine::Evaluator(Pace::Fast) => "evaluator",
            Engine::Evaluator(Pace::Slow) => "evaluator, slow clock",
            Engine::Rtl(Pace::Fast) => "rtl",
            Engine::Rtl(Pace::Slow) => "rtl, slow clock",
        }
    }
}

/// An engine with an operation's hardware in it.
pub(super) enum Running {
    Golden(Op),
    Evaluator(Box<Sim>, Box<Unit>),
    Rtl { model: Box<Model>, operands: Vec<Port>, output: Port, latency: u32 },
}

impl Running {
    /// Elaborates or builds what is needed.
    pub fn new(engine: Engine, op: Op) -> Result<Running, Error> {
        let failed = |why: String| Error::Tool { tool: format!("making the hardware of {}", op.name()), why };
        match engine {
            Engine::Golden => Ok(Running::Golden(op)),
            Engine::Evaluator(pace) => {
                let unit = op.unit(pace);
                let mut sim = Sim::new(&unit.module).map_err(|e| failed(e.to_string()))?;
                if let Some((port, value)) = unit.select {
                    sim.set(port, value);
                }
                Ok(Running::Evaluator(Box::new(sim), Box::new(unit)))
            }
            Engine::Rtl(pace) => {
                let unit = op.unit(pace);
                let files = emit(&unit.module).map_err(|e| failed(e.to_string()))?;
                let source = files
                    .into_iter()
                    .fold(Source::new(unit.module.name()), |s, (name, text)| s.file(name, text));
                verilated(&source, &unit).map_err(|e| failed(e.to_string()))
            }
        }
    }

    /// The answers to a batch of operands, in order.
    pub fn answers(&mut self, batch: &[[u32; 2]]) -> Result<Vec<u32>, Error> {
        match self {
            Running::Golden(op) => Ok(batch.iter().map(|&operands| op.golden(operands)).collect()),
            Running::Evaluator(sim, unit) => Ok(piped(batch, unit.latency, |operands| {
                unit.operands
                    .iter()
                    .zip(operands)
                    .for_each(|(port, value)| sim.set(port, Bits::from_u64(32, value.into())));
                sim.tick();
                sim.get(unit.output) as u32
            })),
            Running::Rtl { model, operands: ports, output, latency } => {
                let mut failed = None;
                let answers = piped(batch, *latency, |operands| {
                    let done = ports
                        .iter()
                        .zip(operands)
                        .try_for_each(|(port, value)| model.set(*port, value.into()));
                    failed = done.and_then(|()| model.tick(1).map(drop)).err().or(failed.take());
                    model.get(*output) as u32
                });
                let tool = "simulating the Verilog".into();
                failed.map_or(Ok(answers), |e| Err(Error::Tool { tool, why: e.to_string() }))
            }
        }
    }
}

/// Operands go in one set a cycle; what `cycle` returns after the edge that took a set in is `latency - 1` sets old.
fn piped(batch: &[[u32; 2]], latency: u32, mut cycle: impl FnMut([u32; 2]) -> u32) -> Vec<u32> {
    let behind = latency as usize - 1;
    let padded = batch.iter().copied().chain(std::iter::repeat_n([0; 2], behind));
    let mut answers: VecDeque<u32> = padded.map(&mut cycle).collect();
    answers.drain(..behind);
    answers.into()
}

fn verilated(source: &Source, unit: &Unit) -> Result<Running, verilated::Error> {
    let mut model = Model::load(source, &Options { clock: Some("clk".into()), ..Options::default() })?;
    let operands = unit.operands.iter().map(|name| model.port(name)).collect::<Result<_, _>>()?;
    let output = model.port(unit.output)?;
    if let Some((port, value)) = unit.select {
        let port = model.port(port)?;
        model.set(port, value.into())?;
    }
    Ok(Running::Rtl { model: Box::new(model), operands, output, latency: unit.latency })
}
