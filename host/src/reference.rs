//! The model as its authors define it, in plain f32 and with exact attention: what the device's arithmetic is compared with.
//!
//! Linear layers are ternary with int8 activations, as in the definition; the head and the KV cache stay f32.

use crate::compile::tables::rotary_row;
use crate::config::{Activation, ModelConfig};
use crate::model::{Layer, Model};
use crate::ternary::Ternary;

/// Keys and values of one layer, one entry a position.
#[derive(Debug, Default, Clone)]
struct Cache {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

/// A sequence in progress.
#[derive(Debug)]
pub struct Reference<'a> {
    model: &'a Model,
    caches: Vec<Cache>,
    position: usize,
}

impl<'a> Reference<'a> {
    /// An empty sequence.
    pub fn new(model: &'a Model) -> Self {
        Reference { model, caches: vec![Cache::default(); model.config.layers], position: 0 }
    }

    /// Appends `token` (below the vocabulary) and gives all logits after it, `[vocab]`.
    pub fn forward(&mut self, token: u32) -> Vec<f32> {
        let (config, weights) = (&self.model.config, &self.model.weights);
        let mut x = weights.embedding.row(token as usize).to_vec();
        let turn = rotary_row(config, self.position);
        for (layer, cache) in weights.layers.iter().zip(&mut self.caches) {
            let mixed = attention(config, layer, cache, &turn, &x);
            add(&mut x, &mixed);
            let fed = feed_forward(config, layer, &x);
            add(&mut x, &fed);
        }
        self.position += 1;
        let x = norm(&x, &weights.final_norm, config.eps);
        self.model.head().outer_iter().map(|row| dot(row.iter().copied(), &x)).collect()
    }
}

fn attention(c: &ModelConfig, layer: &Layer, cache: &mut Cache, turn: &[f32], x: &[f32]) -> Vec<f32> {
    let x = norm(x, &layer.input_norm, c.eps);
    let [mut q, mut k, v] = [0, 1, 2].map(|i| linear(&layer.qkv[i], &x));
    rotate(&mut q, turn, c.head_size);
    rotate(&mut k, turn, c.head_size);
    cache.keys.push(k);
    cache.values.push(v);
    let mut out = Vec::with_capacity(c.attention_width());
    for (query, &kv_head) in q.chunks(c.head_size).zip(&c.head_map) {
        let range = kv_head * c.head_size..(kv_head + 1) * c.head_size;
        let score =
            |key: &Vec<f32>| dot(query.iter().copied(), &key[range.clone()]) / (c.head_size as f32).sqrt();
        let scores: Vec<f32> = cache.keys.iter().map(score).collect();
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = scores.iter().map(|s| (s - largest).exp()).collect();
        let total: f32 = weights.iter().sum();
        out.extend(range.map(|d| {
            let weighted = weights.iter().zip(&cache.values).map(|(w, value)| w * value[d]);
            weighted.sum::<f32>() / total
        }));
    }
    let out = layer.attention_norm.as_ref().map_or(out.clone(), |gain| norm(&out, gain, c.eps));
    linear(&layer.output, &out)
}

fn feed_forward(c: &ModelConfig, layer: &Layer, x: &[f32]) -> Vec<f32> {
    let x = norm(x, &layer.ffn_input_norm, c.eps);
    let (gate, up) = (linear(&layer.gate, &x), linear(&layer.up, &x));
    let activate = |g: f32| match c.activation {
        Activation::Relu2 => g.max(0.0) * g.max(0.0),
        Activation::Silu => g / (1.0 + (-g).exp()),
    };
    let h: Vec<f32> = gate.iter().zip(&up).map(|(&g, u)| activate(g) * u).collect();
    let h = layer.ffn_norm.as_ref().map_or(h.clone(), |gain| norm(&h, gain, c.eps));
    linear(&layer.down, &h)
}

fn norm(x: &[f32], gain: &[f32], eps: f32) -> Vec<f32> {
    let mean = x.iter().map(|v| v * v).sum::<f32>() / x.len() as f32;
    let root = 1.0 / (mean + eps).sqrt();
    x.iter().zip(gain).map(|(v, g)| v * root * g).collect()
}

/// Activations to int8 codes by their largest magnitude, the exact integer product, and back.
fn linear(matrix: &Ternary, x: &[f32]) -> Vec<f32> {
    let largest = x.iter().fold(1e-5f32, |m, v| m.max(v.abs()));
    let scale = 127.0 / largest;
    let codes: Vec<i32> =
        x.iter().map(|v| (v * scale).round_ties_even().clamp(-128.0, 127.0) as i32).collect();
    let product =
        |row: ndarray::ArrayView1<i8>| row.iter().zip(&codes).map(|(&w, &c)| i32::from(w) * c).sum::<i32>();
    matrix.codes.outer_iter().map(|row| product(row) as f32 / scale * matrix.scale).collect()
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

fn dot(a: impl Iterator<Item = f32>, b: &[f32]) -> f32 {
    a.zip(b).map(|(a, b)| a * b).sum()
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}
