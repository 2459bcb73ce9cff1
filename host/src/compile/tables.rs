//! Tables that GATHER reads: embedding rows by token, rotary rows by position. Rows start at a beat.

use crate::config::ModelConfig;
use crate::image::row_beats;
use ndarray::Array2;
use sterna_spec::config::Config;

/// Appends the embedding, binary32.
pub fn embedding(config: &Config, rows: &Array2<f32>, out: &mut Vec<u8>) {
    for row in rows.outer_iter() {
        append(config, row.iter().copied(), row.len(), out);
    }
}

/// Cosines and signed sines of one position, `2 * head_size` values: `rotated(a) * sine + a * cosine` turns element i
/// against i + d/2, so the first half of the sines is negative.
pub fn rotary_row(model: &ModelConfig, position: usize) -> Vec<f32> {
    let half = model.head_size / 2;
    let angle = |i: usize| position as f64 * model.rope_theta.powf(-((i % half) as f64) / half as f64);
    let cosines = (0..model.head_size).map(|i| angle(i).cos() as f32);
    let sines = (0..model.head_size).map(|i| {
        let sine = angle(i).sin() as f32;
        if i < half { -sine } else { sine }
    });
    cosines.chain(sines).collect()
}

/// Appends the rotary rows of all positions of a context.
pub fn rotary(config: &Config, model: &ModelConfig, context: usize, out: &mut Vec<u8>) {
    for position in 0..context {
        append(config, rotary_row(model, position).into_iter(), 2 * model.head_size, out);
    }
}

fn append(config: &Config, row: impl Iterator<Item = f32>, elements: usize, out: &mut Vec<u8>) {
    let end = out.len() + row_beats(config, elements) * config.beat_bytes();
    out.extend(row.flat_map(f32::to_le_bytes));
    out.resize(end, 0);
}
