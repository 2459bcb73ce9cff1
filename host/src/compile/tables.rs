//! Tables that GATHER reads: embedding rows by token, rotary rows by position. Rows start at a beat.

use crate::compile::axis::Axis;
use crate::config::ModelConfig;
use crate::image::row_beats;
use crate::tensors::Floats;
use rayon::prelude::*;
use sterna_spec::config::Config;

/// Appends the embedding, binary32, each row with the padding of `axis`.
pub fn embedding(config: &Config, rows: &Floats, axis: &Axis, out: &mut Vec<u8>) {
    let stride = row_beats(config, axis.padded) * config.beat_bytes();
    let start = out.len();
    out.resize(start + rows.rows() * stride, 0);
    out[start..].par_chunks_exact_mut(stride).enumerate().for_each(|(index, bytes)| {
        let mut row = vec![0.0; rows.columns()];
        rows.row(index, &mut row);
        for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(axis.padded(&row)) {
            *bytes = value.to_le_bytes();
        }
    });
}

/// Cosines and signed sines of one position, `2 * head_size` values: `rotated(a) * sine + a * cosine` turns element i
/// against i + d/2, so the first half of the sines is negative.
///
/// Frequencies and angles are rounded to binary32, as `transformers` has them (`modeling_rope_utils.py`): at position 4096 an
/// exact angle would differ by up to 2e-4.
pub fn rotary_row(model: &ModelConfig, position: usize) -> Vec<f32> {
    let (size, half) = (model.head_size, model.head_size / 2);
    let angle = |i: usize| {
        let exponent = (2 * (i % half)) as f32 / size as f32;
        let power = f64::from(model.rope_theta as f32).powf(f64::from(exponent)) as f32;
        f64::from(1.0 / power * position as f32)
    };
    let cosines = (0..size).map(|i| angle(i).cos() as f32);
    let sines = (0..size).map(|i| {
        let sine = angle(i).sin() as f32;
        if i < half { -sine } else { sine }
    });
    cosines.chain(sines).collect()
}

/// Appends the rotary rows of all positions of a context, cosines and sines each with the padding of a head, `head_size`.
pub fn rotary(config: &Config, model: &ModelConfig, context: usize, head_size: usize, out: &mut Vec<u8>) {
    let axis = Axis::heads(2, model.head_size, head_size);
    for position in 0..context {
        let end = out.len() + row_beats(config, axis.padded) * config.beat_bytes();
        out.extend(axis.padded(&rotary_row(model, position)).into_iter().flat_map(f32::to_le_bytes));
        out.resize(end, 0);
    }
}
