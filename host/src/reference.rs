//! The model as `transformers` defines it, in binary32 and with exact attention: what the device's arithmetic is judged by.
//!
//! Linear layers are ternary with int8 activations, as in the definition; the head is a plain product and the KV cache is not
//! quantized. [`Emulation`] turns on one of the device's approximations at a time, to find what each of them costs.

use crate::compile::head::Head;
use crate::compile::tables::rotary_row;
use crate::config::Activation;
use crate::model::{Layer, Model};
use crate::ternary::Ternary;
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

/// Which of the device's approximations the reference makes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Emulation<'a> {
    /// Keys and values as int8 codes with one scale for each token and head.
    pub kv: bool,
    /// The head as integers, on int8 activations.
    pub head: Option<&'a Head<'a>>,
}

/// The four vectors of a layer that become int8 codes.
pub const GROUPS: [&str; 4] = ["query, key and value", "output", "gate and up", "down"];

/// Activations that were quantized on the way: of one group of a layer, `[positions, inputs]`.
#[derive(Debug, Clone)]
pub struct Quantized {
    /// The values, each times its row's scale: what is rounded to a code.
    pub scaled: Array2<f32>,
    /// The codes.
    pub codes: Array2<i8>,
}

/// Keys and values of one layer, one row of all heads a position.
#[derive(Debug, Default, Clone)]
struct Cache {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

/// A sequence in progress.
#[derive(Debug)]
pub struct Reference<'a> {
    model: &'a Model,
    emulation: Emulation<'a>,
    caches: Vec<Cache>,
    record: Option<Vec<Quantized>>,
}

impl<'a> Reference<'a> {
    /// An empty sequence, exact.
    pub fn new(model: &'a Model) -> Self {
        Self::emulating(model, Emulation::default())
    }

    /// An empty sequence with some of the device's approximations.
    pub fn emulating(model: &'a Model, emulation: Emulation<'a>) -> Self {
        Reference { model, emulation, caches: vec![Cache::default(); model.config.layers], record: None }
    }

    /// Starts recording what is quantized.
    pub fn record(&mut self) {
        self.record = Some(Vec::new());
    }

    /// What was quantized since the last call: layer by layer, each with its [`GROUPS`].
    pub fn take_record(&mut self) -> Vec<Quantized> {
        self.record.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Appends `tokens` (below the vocabulary) and gives all logits after each, `[tokens, vocab]`.
    pub fn forward(&mut self, tokens: &[u32]) -> Array2<f32> {
        let hidden = self.hidden(tokens);
        self.logits(&hidden)
    }

    /// Appends `tokens` and gives the residual stream behind the last layer, `[tokens, hidden]`.
    pub fn hidden(&mut self, tokens: &[u32]) -> Array2<f32> {
        let embedding = &self.model.weights.embedding;
        let mut x = Array2::zeros((tokens.len(), embedding.columns()));
        for (&token, mut row) in tokens.iter().zip(x.outer_iter_mut()) {
            let mut values = vec![0.0; embedding.columns()];
            embedding.row(token as usize, &mut values);
            row.assign(&ArrayView1::from(&values));
        }
        for layer in 0..self.caches.len() {
            x = self.layer(layer, &x);
        }
        x
    }

    /// Layer `index` on the next positions' residual stream, `[positions, hidden]`: the residual stream behind it.
    pub fn layer(&mut self, index: usize, x: &Array2<f32>) -> Array2<f32> {
        let (config, layer) = (&self.model.config, &self.model.weights.layers[index]);
        let x = x + &self.attention(index, &norm(x, &layer.input_norm, config.eps));
        let normed = norm(&x, &layer.ffn_input_norm, config.eps);
        &x + &self.feed_forward(layer, &normed)
    }

    /// Codes and scales of each row, noted if the record is on.
    fn quantize(&mut self, x: &Array2<f32>) -> (Array2<i8>, Vec<f32>) {
        let (codes, scales) = quantize(x);
        if let Some(record) = &mut self.record {
            let mut scaled = x.clone();
            scaled.outer_iter_mut().zip(&scales).for_each(|(mut row, scale)| row *= *scale);
            record.push(Quantized { scaled, codes: codes.clone() });
        }
        (codes, scales)
    }

    /// Logits for residual streams `[positions, hidden]`.
    pub fn logits(&self, hidden: &Array2<f32>) -> Array2<f32> {
        let x = norm(hidden, &self.model.weights.final_norm, self.model.config.eps);
        if let Some(head) = self.emulation.head {
            return quantized_head(head, &x);
        }
        let head = self.model.head();
        outputs_in_parallel(head.rows(), x.nrows(), |row, out| {
            let mut weights = vec![0.0; head.columns()];
            head.row(row, &mut weights);
            for (out, x) in out.iter_mut().zip(x.outer_iter()) {
                *out = dot(x.as_slice().unwrap_or_default(), &weights);
            }
        })
    }

    fn attention(&mut self, index: usize, x: &Array2<f32>) -> Array2<f32> {
        let (c, layer) = (&self.model.config, &self.model.weights.layers[index]);
        let (codes, scales) = self.quantize(x);
        let cache = &mut self.caches[index];
        let first = cache.keys.len();
        let [mut q, mut k, mut v] = [0, 1, 2].map(|i| product(&layer.qkv[i], &codes, &scales));
        for row in 0..x.nrows() {
            let turn = rotary_row(c, first + row);
            rotate(q.row_mut(row).into_slice().unwrap_or_default(), &turn, c.head_size);
            rotate(k.row_mut(row).into_slice().unwrap_or_default(), &turn, c.head_size);
            if self.emulation.kv {
                to_int8(k.row_mut(row).into_slice().unwrap_or_default(), c.head_size);
                to_int8(v.row_mut(row).into_slice().unwrap_or_default(), c.head_size);
            }
            cache.keys.push(k.row(row).to_vec());
            cache.values.push(v.row(row).to_vec());
        }
        let window = c.windows[index].unwrap_or(usize::MAX);
        let width = c.attention_width();
        let mut mixed = vec![0.0; x.nrows() * width];
        mixed.par_chunks_exact_mut(width).enumerate().for_each(|(row, out)| {
            let tokens = (first + row + 1).saturating_sub(window)..first + row + 1;
            let (keys, values) = (&cache.keys[tokens.clone()], &cache.values[tokens]);
            let queries = q.row(row);
            let queries = queries.as_slice().unwrap_or_default().chunks(c.head_size);
            for ((query, out), &kv_head) in queries.zip(out.chunks_mut(c.head_size)).zip(&c.head_map) {
                attend(query, keys, values, kv_head * c.head_size, out);
            }
        });
        let mut mixed = Array2::from_shape_vec((x.nrows(), width), mixed).unwrap_or_default();
        if let Some(gain) = &layer.attention_norm {
            mixed = norm(&mixed, gain, c.eps);
        }
        let (codes, scales) = self.quantize(&mixed);
        product(&layer.output, &codes, &scales)
    }

    /// The feed-forward part on normalized activations `[positions, hidden]`.
    fn feed_forward(&mut self, layer: &Layer, x: &Array2<f32>) -> Array2<f32> {
        let config = &self.model.config;
        let (codes, scales) = self.quantize(x);
        let (mut gate, up) = (product(&layer.gate, &codes, &scales), product(&layer.up, &codes, &scales));
        match config.activation {
            Activation::Relu2 => gate.mapv_inplace(|g| g.max(0.0) * g.max(0.0)),
            Activation::Silu => gate.mapv_inplace(|g| g / (1.0 + (-g).exp())),
        }
        let mut h = gate * up;
        if let Some(gain) = &layer.ffn_norm {
            h = norm(&h, gain, config.eps);
        }
        let (codes, scales) = self.quantize(&h);
        product(&layer.down, &codes, &scales)
    }
}

/// One query head over the keys and values at `offset` of each token's row.
fn attend(query: &[f32], keys: &[Vec<f32>], values: &[Vec<f32>], offset: usize, out: &mut [f32]) {
    let size = query.len();
    let scaling = 1.0 / (size as f64).sqrt();
    let score = |key: &Vec<f32>| dot(query, &key[offset..offset + size]) * scaling as f32;
    let scores: Vec<f32> = keys.iter().map(score).collect();
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = scores.iter().map(|s| (s - largest).exp()).collect();
    let total: f32 = weights.iter().sum();
    for (weight, value) in weights.iter().zip(values) {
        let share = weight / total;
        out.iter_mut().zip(&value[offset..offset + size]).for_each(|(o, v)| *o += share * v);
    }
}

/// RMSNorm of each row: `x * rsqrt(mean(x^2) + eps) * gain`.
pub fn norm(x: &Array2<f32>, gain: &[f32], eps: f32) -> Array2<f32> {
    let mut out = x.clone();
    for mut row in out.outer_iter_mut() {
        let squares: f64 = row.iter().map(|v| f64::from(v * v)).sum();
        let root = 1.0 / ((squares / row.len() as f64) as f32 + eps).sqrt();
        row.iter_mut().zip(gain).for_each(|(v, g)| *v = *v * root * g);
    }
    out
}

/// Each row's activations as int8 codes by its largest magnitude, and `127 / max(|x|, 1e-5)`.
pub fn quantize(x: &Array2<f32>) -> (Array2<i8>, Vec<f32>) {
    let largest = |row: ArrayView1<f32>| row.iter().fold(1e-5f32, |m, v| m.max(v.abs()));
    let scales: Vec<f32> = x.outer_iter().map(|row| 127.0 / largest(row)).collect();
    let mut codes = Array2::zeros(x.dim());
    for ((mut codes, row), scale) in codes.outer_iter_mut().zip(x.outer_iter()).zip(&scales) {
        let code = |v: &f32| (v * scale).round_ties_even().clamp(-128.0, 127.0) as i8;
        codes.iter_mut().zip(row).for_each(|(c, v)| *c = code(v));
    }
    (codes, scales)
}

/// A ternary linear layer on `[positions, inputs]`.
pub fn linear(matrix: &Ternary, x: &Array2<f32>) -> Array2<f32> {
    let (codes, scales) = quantize(x);
    product(matrix, &codes, &scales)
}

/// The exact integer product and back to numbers.
fn product(matrix: &Ternary, codes: &Array2<i8>, scales: &[f32]) -> Array2<f32> {
    outputs_in_parallel(matrix.outputs(), codes.nrows(), |output, out| {
        let mut weights = vec![0; matrix.inputs()];
        matrix.row(output, &mut weights);
        for ((out, codes), scale) in out.iter_mut().zip(codes.outer_iter()).zip(scales) {
            let sum = integer_dot(codes.as_slice().unwrap_or_default(), &weights);
            *out = sum as f32 / scale * matrix.scale;
        }
    })
}

/// The head as the device has it.
fn quantized_head(head: &Head, x: &Array2<f32>) -> Array2<f32> {
    let (codes, scales) = quantize(x);
    outputs_in_parallel(head.scales.len(), x.nrows(), |row, out| {
        let mut weights = vec![0; x.ncols()];
        head.codes(row, &mut weights);
        for ((out, codes), scale) in out.iter_mut().zip(codes.outer_iter()).zip(&scales) {
            let sum = integer_dot(codes.as_slice().unwrap_or_default(), &weights);
            *out = sum as f32 / scale * head.scales[row];
        }
    })
}

/// `[positions, outputs]` from a function that gives one output at all positions, so that each row of weights is decoded once.
fn outputs_in_parallel(
    outputs: usize,
    positions: usize,
    work: impl Fn(usize, &mut [f32]) + Sync,
) -> Array2<f32> {
    let mut turned = vec![0.0; outputs * positions];
    turned.par_chunks_exact_mut(positions.max(1)).enumerate().for_each(|(output, out)| work(output, out));
    Array2::from_shape_fn((positions, outputs), |(position, output)| turned[output * positions + position])
}

fn integer_dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

/// Sixteen partial sums, so that it is fast and its error small.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_parts, a_rest) = a.as_chunks::<16>();
    let (b_parts, b_rest) = b.as_chunks::<16>();
    let mut sums = [0.0f32; 16];
    for (a, b) in a_parts.iter().zip(b_parts) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Each head's elements as int8 codes by their largest magnitude, and back.
fn to_int8(heads: &mut [f32], size: usize) {
    for head in heads.chunks_mut(size) {
        let largest = head.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
        head.iter_mut().for_each(|v| *v = (*v * (127.0 / largest)).round_ties_even() * (largest / 127.0));
    }
}

/// Turns element i of each head against element i + d/2; `turn` holds d cosines and d signed sines.
fn rotate(heads: &mut [f32], turn: &[f32], size: usize) {
    for head in heads.chunks_mut(size) {
        let old = head.to_vec();
        for i in 0..size {
            head[i] = old[i] * turn[i] + old[(i + size / 2) % size] * turn[size + i];
        }
    }
}
