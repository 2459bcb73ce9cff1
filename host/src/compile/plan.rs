//! Where a model's values live on a device, and every limit that it breaks.

use crate::compile::Options;
use crate::compile::axis::Axis;
use crate::config::ModelConfig;
use sterna_spec::config::Config;
use sterna_spec::isa::{MAX_PLANES, MIN_BLOCKS};

/// Scalars of a row. The first eight are single, then three tables with one entry a head.
pub mod scalar {
    /// Sum of squares of a norm's input.
    pub const SUM: u8 = 0;
    /// Largest magnitude of a norm's output before its scalar factor.
    pub const MAX: u8 = 1;
    /// Reciprocal root of the mean square.
    pub const ROOT: u8 = 2;
    /// Largest magnitude of the normalized activations.
    pub const NORMED: u8 = 3;
    /// Factor from vector memory to activation codes.
    pub const CODES: u8 = 4;
    /// Factor from a product of codes back to a value.
    pub const ROW: u8 = 5;
    /// As ROW, for the gate; with SiLU also its exponent's factor after use.
    pub const GATE: u8 = 6;
    /// As ROW, for the up projection.
    pub const UP: u8 = 7;
    /// First entry of the tables.
    pub const TABLES: u8 = 8;
}

/// Addresses and lengths in words of V elements; scalars as indices.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The residual stream.
    pub hidden: Axis,
    /// All query heads.
    pub queries: Axis,
    /// All key, or all value, heads.
    pub keys: Axis,
    /// The feed-forward part.
    pub ffn: Axis,
    /// Elements of one head with padding.
    pub head_size: usize,
    /// Words of one head.
    pub head: u16,
    /// Vector memory: the residual stream.
    pub x: u16,
    /// Vector memory: everything that does not outlive an operation.
    pub scratch: u16,
    /// Shared memory: gains, two in turn if there is room; scales of a head tile.
    pub gains: [u16; 2],
    /// Words of the first of the two places.
    first_gain: u16,
    /// Words of shared memory.
    shared: usize,
    /// Shared memory: rotary rows, one for each row of the step.
    pub rotary: u16,
    /// Scalars: query scales, by head.
    pub query: u8,
    /// Scalars: largest magnitudes of K or V, then largest attention weights, by head.
    pub first: u8,
    /// Scalars: factors to codes, then attention sums, by head.
    pub second: u8,
    /// Outputs of one MATMUL at most: half of the accumulators, in whole words and blocks.
    pub tile: usize,
}

impl Plan {
    /// Places everything, or says all that does not fit: one sentence each, with numbers and the remedy.
    pub fn new(model: &ModelConfig, device: &Config, options: &Options) -> Result<Self, Vec<String>> {
        let problems = limits(model, device, options);
        if !problems.is_empty() {
            return Err(problems);
        }
        let lanes = device.lanes as usize;
        let [hidden, queries, keys, ffn] = axes(model, device);
        let head_size = padded_head(model, device);
        let head = (head_size / lanes) as u16;
        let tables = model.heads.max(model.kv_heads) as u8;
        let (gain, words) = ((2 * head) * device.rows as u16, (hidden.padded / lanes) as u16);
        Ok(Plan {
            head_size,
            head,
            x: 0,
            scratch: (hidden.padded / lanes) as u16,
            rotary: 0,
            gains: [gain, gain + words],
            first_gain: words,
            shared: device.shared_words as usize,
            query: scalar::TABLES,
            first: scalar::TABLES + tables,
            second: scalar::TABLES + 2 * tables,
            tile: device.outputs as usize / 2 / device.accumulator_banks() * device.accumulator_banks(),
            hidden,
            queries,
            keys,
            ffn,
        })
    }

    /// A place for a gain of so many words, other than `last` if it fits there.
    pub fn other_gain(&self, last: u16, words: u16) -> u16 {
        let [first, second] = self.gains;
        let fits = if last == first {
            usize::from(second) + usize::from(words) <= self.shared
        } else {
            words <= self.first_gain
        };
        match (fits, last == first) {
            (true, true) => second,
            _ => first,
        }
    }
}

/// Elements of a head on the device: whole segments of the attention unit, and whole words of either half.
fn padded_head(m: &ModelConfig, c: &Config) -> usize {
    m.head_size.next_multiple_of(c.attention_width.max(2 * c.lanes) as usize)
}

/// Residual stream, query heads, key heads, feed-forward part.
fn axes(m: &ModelConfig, c: &Config) -> [Axis; 4] {
    let (lanes, head) = (c.lanes as usize, padded_head(m, c));
    [
        Axis::plain(m.hidden, lanes),
        Axis::heads(m.heads, m.head_size, head),
        Axis::heads(m.kv_heads, m.head_size, head),
        Axis::plain(m.ffn, lanes),
    ]
}

fn limits(m: &ModelConfig, c: &Config, options: &Options) -> Vec<String> {
    let mut found = c.check();
    if !found.is_empty() {
        return found;
    }
    for (what, value, name, limit) in needs(m, c) {
        if value > limit as usize {
            let remedy = format!("use a device with {name} >= {value}");
            found.push(format!("{what} is {value} but the device has {name} = {limit}; {remedy}"));
        }
    }
    let context = options.context;
    if context == 0 {
        found.push("the context is 0 positions; ask for at least 1".into());
    }
    for (whose, limit) in [("device", c.context as usize), ("model", m.context)] {
        if context > limit {
            found.push(format!(
                "the context is {context} positions but the {whose} has {limit}; ask for at most {limit} (-c)"
            ));
        }
    }
    for (what, planes) in [("head", options.planes), ("head's first pass", options.draft)] {
        if let Some(planes) = planes.filter(|&p| p == 0 || usize::from(p) > MAX_PLANES) {
            found.push(format!("the {what} has {planes} planes; choose 1 to {MAX_PLANES}"));
        }
    }
    if options.sequences == 0 {
        found.push("the image has no sequences; ask for at least 1".into());
    }
    let words = 2 * padded_head(m, c) / c.lanes as usize;
    if words > 255 {
        found.push(format!(
            "a rotary row has {words} words but 255 is the most; use a device with more lanes"
        ));
    }
    found
}

/// What the model needs of the device's sizes: (what, how much, field, limit).
fn needs(m: &ModelConfig, c: &Config) -> [(&'static str, usize, &'static str, u32); 7] {
    let (lanes, head_size) = (c.lanes as usize, padded_head(m, c));
    let [hidden, queries, _, ffn] = axes(m, c);
    let widest = hidden.padded.max(ffn.padded).max(queries.padded);
    let rotary = c.rows as usize * 2 * head_size / lanes;
    let tables = 3 * m.heads.max(m.kv_heads);
    [
        ("the head size", head_size, "head_size", c.head_size),
        ("the number of heads", m.heads, "heads", c.heads),
        ("the widest matrix input", widest, "activations", c.activations),
        (
            "twice the smallest piece of a matrix output",
            2 * head_size.max(MIN_BLOCKS * c.lookups as usize).next_multiple_of(c.accumulator_banks()),
            "outputs",
            c.outputs,
        ),
        (
            "the vector memory for a row, in words,",
            (hidden.padded + widest) / lanes,
            "vector_words",
            c.vector_words,
        ),
        ("the shared memory, in words,", rotary + widest / lanes, "shared_words", c.shared_words),
        ("the number of scalars of a row", scalar::TABLES as usize + tables, "scalars", c.scalars),
    ]
}

/// The device with memories as large as the model needs, and no larger; the accumulators stay as they are if they are enough.
pub fn fitted(model: &ModelConfig, device: &Config) -> Config {
    let mut fitted = device.clone();
    for (_, value, field, _) in needs(model, device) {
        let value = value as u32;
        match field {
            "head_size" => fitted.head_size = value,
            "heads" => fitted.heads = value,
            "activations" => fitted.activations = value,
            "outputs" => fitted.outputs = device.outputs.max(value),
            "vector_words" => fitted.vector_words = value,
            "shared_words" => fitted.shared_words = value,
            "scalars" => fitted.scalars = value.next_power_of_two().max(32),
            _ => {}
        }
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Shape;

    #[test]
    fn published_shapes_fit_the_kv260() {
        let device = Config::preset("kv260").unwrap();
        for name in ["bitnet_b1_58-large", "bitnet-2b4t"] {
            let model = Shape::find(name).unwrap().model(0).config;
            let context = model.context.min(device.context as usize);
            let plan = Plan::new(&model, &device, &Options { context, ..Options::default() });
            assert!(plan.is_ok(), "{name}: {:?}", plan.err());
        }
    }
}
