//! A model of speed: the cycles of a step, from the program that the host compiles, in milliseconds.
//!
//! ```text
//!   model, configuration ─► the host's compiler ─► instructions ─► walk ─► cycles
//!                                                     memory profile ─┘
//! ```
//!
//! | file | what it models |
//! |---|---|
//! | `machine.rs` | memory: beats a cycle, latency |
//! | `supply.rs` | a queue between memory and a unit, as a fluid |
//! | `vector.rs` | VECTOR |
//! | `attention.rs` | ATTN |
//! | `walk.rs` | the sequencer, MATMUL, LOAD, GATHER, END; what waits for what |
//!
//! Numbers follow from the blocks' descriptions; `docs/results/model.md` compares them with simulations.

mod attention;
mod machine;
mod supply;
mod vector;
mod walk;

use sterna_host::compile::{Options, outline};
use sterna_host::error::Error;
use sterna_host::model::Model;
use sterna_spec::config::Config;
use sterna_spec::profile::Profile;
use sterna_spec::stream::Outlined;

use machine::Machine;
use walk::Walk;

/// A row of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its position in its sequence.
    pub position: usize,
    /// Its sequence.
    pub sequence: usize,
    /// Logits are wanted.
    pub logits: bool,
}

impl Row {
    fn follows(&self, other: &Row) -> bool {
        self.sequence == other.sequence && self.position == other.position + 1
    }
}

/// The program of a model on a configuration, ready to be timed.
#[derive(Debug)]
pub struct Speed {
    machine: Machine,
    program: Vec<Outlined>,
    beats: usize,
}

impl Speed {
    /// Compiles `model` for `config` with the memory that this names.
    ///
    /// # Errors
    /// Every limit of the device that the model breaks.
    pub fn new(model: &Model, config: &Config, options: &Options) -> Result<Speed, Error> {
        let profile = Profile::of(config)?;
        Speed::with_memory(model, config, options, &profile)
    }

    /// As [`Speed::new`], with another memory.
    ///
    /// # Errors
    /// As [`Speed::new`].
    pub fn with_memory(
        model: &Model,
        config: &Config,
        options: &Options,
        profile: &Profile,
    ) -> Result<Speed, Error> {
        let program = outline(model, config, options)?;
        let beats = program.last().map_or(0, |end| end.beat + config.instruction_beats());
        Ok(Speed { machine: Machine::new(config, profile), program, beats })
    }

    /// Cycles of a step.
    pub fn step(&self, rows: &[Row]) -> f64 {
        self.timeline(rows).last().map_or(0.0, |(_, end)| *end)
    }

    /// The instructions of a step, each with the cycle in which it is over.
    pub fn timeline(&self, rows: &[Row]) -> Vec<(&Outlined, f64)> {
        let ends = Walk::ends(&self.machine, &self.program, self.beats, rows);
        self.program.iter().zip(ends).collect()
    }

    /// Cycles of a token that is generated behind `depth` others.
    pub fn token(&self, depth: usize) -> f64 {
        self.step(&[Row { position: depth, sequence: 0, logits: true }])
    }

    /// Cycles of a prompt, whose last token alone asks for logits.
    pub fn prompt(&self, tokens: usize) -> f64 {
        let row = |position| Row { position, sequence: 0, logits: position + 1 == tokens };
        let all: Vec<Row> = (0..tokens).map(row).collect();
        all.chunks(self.machine.config.rows as usize).map(|rows| self.step(rows)).sum()
    }
}
