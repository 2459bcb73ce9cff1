//! What one configuration comes to.

use std::collections::HashMap;

use serde::Serialize;
use sterna_hdl::blocks::{attention::attention, matmul::matmul, vector::vector};
use sterna_hdl::dsl::Module;
use sterna_host::compile::Options;
use sterna_host::model::Model;
use sterna_spec::config::Config;

use crate::area::Area;
use crate::parts::{Cost, Part};
use crate::speed::{Row, Speed};

/// Tokens of the prompt whose first answer is timed.
pub(super) const PROMPT: usize = 64;

/// A configuration and what the models say of it.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// It is the board's preset or named in the order.
    pub named: bool,
    /// No other that fits is at least as good in everything.
    pub best: bool,
    /// Tokens a second behind the context.
    pub tokens_per_second: f64,
    /// Seconds to the first token after a prompt of 64.
    pub seconds_to_first_token: f64,
    /// What it takes of the part.
    #[serde(flatten)]
    pub cost: Cost,
    /// Percent of what is shortest.
    pub fill: f64,
    /// What that is.
    pub fullest: &'static str,
    /// All of its fields.
    pub config: Config,
}

impl Judged {
    /// Speed, time to the first token and look-up tables on a scale of one percent, more is better: finer differences are none.
    pub(super) fn place(&self) -> [i64; 3] {
        let percent = |x: f64| (100.0 * x.ln()).round() as i64;
        [
            percent(self.tokens_per_second),
            -percent(self.seconds_to_first_token),
            -percent(self.cost.lut.max(1) as f64),
        ]
    }
}

/// Resources by part, each counted once for each set of numbers that it depends on.
#[derive(Default)]
pub(super) struct Areas {
    parts: HashMap<(usize, Vec<u32>), Cost>,
}

/// Makes a part; the fields that it depends on.
type Varying = (fn(&Config) -> Module, fn(&Config) -> Vec<u32>);
/// The three parts that vary most.
const PARTS: [Varying; 3] = [
    (matmul, |c| {
        let kind = u32::from(c.table_kind == sterna_spec::config::TableKind::Full);
        vec![c.rows, c.group, c.tables, c.lookups, kind, c.table_banks, c.lanes, c.activations, c.outputs]
    }),
    (vector, |c| {
        let sizes =
            [c.rows, c.lanes, c.lookups, c.tables, c.group, c.outputs, c.heads, c.head_size, c.context];
        [&sizes[..], &[c.vector_words, c.shared_words, c.scalars, c.activations]].concat()
    }),
    (attention, |c| vec![c.rows, c.lanes, c.slots, c.attention_width, c.head_size, c.heads, c.context]),
];

impl Areas {
    /// What a configuration takes.
    pub(super) fn of(&mut self, config: &Config) -> Cost {
        let varying = (0..PARTS.len()).map(|i| self.part(i, config)).fold(Cost::default(), |a, b| a + b);
        varying + self.rest(config)
    }

    fn part(&mut self, index: usize, config: &Config) -> Cost {
        let (build, key) = PARTS[index];
        let count = || Area::of(&build(config), Part::of(config).fabric).cost;
        *self.parts.entry((index, key(config))).or_insert_with(count)
    }

    /// All but the three parts: these do not depend on the engine.
    fn rest(&mut self, config: &Config) -> Cost {
        let key =
            vec![config.rows, config.lanes, config.attention_width, config.shared_words, config.head_size];
        let key = (PARTS.len(), key);
        if let Some(cost) = self.parts.get(&key) {
            return *cost;
        }
        let whole = Area::new(config).cost;
        let parts = (0..PARTS.len()).map(|i| self.part(i, config)).fold(Cost::default(), |a, b| a + b);
        let rest = whole.without(parts);
        self.parts.insert(key, rest);
        rest
    }
}

/// Cycles of a model with many equal layers, from the first one and two of them.
pub(super) struct Layers {
    speeds: [Speed; 2],
    more: f64,
    rows: usize,
}

impl Layers {
    /// `models`: one and two layers of a model with `layers`. Nothing if the model does not fit.
    pub(super) fn new(models: &[Model; 2], layers: usize, config: &Config, context: usize) -> Option<Layers> {
        let options = Options { context, ..Options::default() };
        let speed = |model| Speed::new(model, config, &options).ok();
        let speeds = [speed(&models[0])?, speed(&models[1])?];
        Some(Layers { speeds, more: layers as f64 - 2.0, rows: config.rows as usize })
    }

    fn step(&self, rows: &[Row]) -> f64 {
        let [one, two] = [0, 1].map(|i| self.speeds[i].step(rows));
        two + self.more * (two - one)
    }

    /// Cycles of a token behind `depth` others.
    pub(super) fn token(&self, depth: usize) -> f64 {
        self.step(&[Row { position: depth, sequence: 0, logits: true }])
    }

    /// Cycles of a prompt of [`PROMPT`]: between its first and its last step they grow evenly.
    pub(super) fn prompt(&self) -> f64 {
        let row = |position| Row { position, sequence: 0, logits: position + 1 == PROMPT };
        let all: Vec<Row> = (0..PROMPT).map(row).collect();
        let steps: Vec<&[Row]> = all.chunks(self.rows).collect();
        let Some((last, others)) = steps.split_last() else { return 0.0 };
        let sampled: Vec<f64> = match others {
            [] => return self.step(last),
            [first, .., end] => [first, others[others.len() / 2], end].map(|rows| self.step(rows)).into(),
            [only] => vec![self.step(only)],
        };
        let mean = sampled.iter().sum::<f64>() / sampled.len() as f64;
        self.step(last) + mean * others.len() as f64
    }
}
