//! How deep the pipelines are. Stages are numbered as each file draws them; at a slow clock only some of them end in registers, the
//! others' ends are plain nodes of the same name.

use super::{add, from_int, mul, sfu, to_int};
use crate::dsl::{Module, Sig};
use std::ops::RangeInclusive;
use sterna_spec::config::Config;

/// For which clock a pipeline is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A register after each stage.
    Fast,
    /// As few registers as a slow clock allows.
    Slow,
}

impl Pace {
    /// Both.
    pub const ALL: [Pace; 2] = [Pace::Fast, Pace::Slow];

    /// That of the configuration's clock.
    pub fn of(c: &Config) -> Pace {
        if c.fast_clock() { Pace::Fast } else { Pace::Slow }
    }
}

/// Stages of a module.
pub(super) struct Depth {
    pub stages: u32,
    /// Those that end in registers at a slow clock; the last one does.
    pub slow: &'static [u32],
}

impl Depth {
    pub const fn cycles(&self, pace: Pace) -> u32 {
        match pace {
            Pace::Fast => self.stages,
            Pace::Slow => self.slow.len() as u32,
        }
    }
}

/// Cycles of the modules.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Of [`add`](super::add()).
    pub add: u32,
    /// Of [`mul`](super::mul()).
    pub mul: u32,
    /// Of [`int_to_f32`](super::int_to_f32).
    pub int_to_f32: u32,
    /// Of [`f32_to_int`](super::f32_to_int).
    pub f32_to_int: u32,
    /// Of [`fix24`](super::fix24).
    pub fix24: u32,
    /// Of [`sfu`](super::sfu()), whatever the function.
    pub sfu: u32,
}

impl Latency {
    /// At a pace.
    pub const fn at(pace: Pace) -> Latency {
        Latency {
            add: add::DEPTH.cycles(pace),
            mul: mul::DEPTH.cycles(pace),
            int_to_f32: from_int::DEPTH.cycles(pace),
            f32_to_int: to_int::DEPTH.cycles(pace),
            fix24: to_int::FIX24_DEPTH.cycles(pace),
            sfu: sfu::DEPTH.cycles(pace),
        }
    }
}

/// The stages of a module that is being built.
#[derive(Clone, Copy)]
pub(super) struct Stages<'m> {
    pub m: &'m Module,
    pace: Pace,
    slow: &'static [u32],
}

impl<'m> Stages<'m> {
    pub fn new(m: &'m Module, depth: &Depth, pace: Pace) -> Stages<'m> {
        Stages { m, pace, slow: depth.slow }
    }

    /// `d` after `stage`, as `s<stage>_<name>`.
    pub fn end(self, stage: u32, name: &str, d: Sig<'m>, doc: &str) -> Sig<'m> {
        let name = format!("s{stage}_{name}");
        match self.pace {
            Pace::Slow if !self.slow.contains(&stage) => self.m.node(&name, d).doc(doc),
            _ => self.m.delay(&name, d, doc),
        }
    }

    /// `d` after each of `stages`, one after another.
    pub fn later(self, name: &str, d: Sig<'m>, stages: RangeInclusive<u32>) -> Sig<'m> {
        stages.fold(d, |d, stage| self.end(stage, name, d, ""))
    }
}
