//! A model in memory: configuration, weights, and the folder that both came from.

use crate::config::ModelConfig;
use crate::error::Result;
use crate::tensors::Tensors;
use crate::ternary::Ternary;
use ndarray::Array2;
use std::path::{Path, PathBuf};

/// Weights of one layer.
#[derive(Debug)]
pub struct Layer {
    /// Gain of the norm before attention, `[hidden]`.
    pub input_norm: Vec<f32>,
    /// Query, key and value projections, `[heads or kv_heads * head_size, hidden]`.
    pub qkv: [Ternary; 3],
    /// Gain of the norm before the output projection, `[heads * head_size]`.
    pub attention_norm: Option<Vec<f32>>,
    /// The output projection, `[hidden, heads * head_size]`.
    pub output: Ternary,
    /// Gain of the norm before the feed-forward part, `[hidden]`.
    pub ffn_input_norm: Vec<f32>,
    /// The gate projection, `[ffn, hidden]`.
    pub gate: Ternary,
    /// The up projection, `[ffn, hidden]`.
    pub up: Ternary,
    /// Gain of the norm before the down projection, `[ffn]`.
    pub ffn_norm: Option<Vec<f32>>,
    /// The down projection, `[hidden, ffn]`.
    pub down: Ternary,
}

/// All weights.
#[derive(Debug)]
pub struct Weights {
    /// `[vocab, hidden]`.
    pub embedding: Array2<f32>,
    /// One entry a layer.
    pub layers: Vec<Layer>,
    /// Gain of the last norm, `[hidden]`.
    pub final_norm: Vec<f32>,
    /// `[vocab, hidden]`; absent if the embedding serves as head.
    pub head: Option<Array2<f32>>,
}

/// Configuration and weights.
#[derive(Debug)]
pub struct Model {
    /// The folder.
    pub folder: PathBuf,
    /// Dimensions and rules.
    pub config: ModelConfig,
    /// The tensors.
    pub weights: Weights,
}

impl Model {
    /// Reads a Hugging Face folder: `config.json`, `generation_config.json` (optional), `model.safetensors`.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::load_with(folder, |_, _| {})
    }

    /// As [`Model::load`]; `progress(done, layers)` is called after each layer.
    pub fn load_with(folder: &Path, mut progress: impl FnMut(usize, usize)) -> Result<Self> {
        let config = ModelConfig::load(folder)?;
        let tensors = Tensors::open(&folder.join("model.safetensors"))?;
        let (c, family) = (&config, config.family);
        let embedding = tensors.get(family.embedding)?.matrix(c.vocab, c.hidden)?;
        let mut layers = Vec::with_capacity(c.layers);
        for index in 0..c.layers {
            layers.push(Layer::load(&tensors, c, index)?);
            progress(index + 1, c.layers);
        }
        let final_norm = tensors.get(family.final_norm)?.floats(&[c.hidden])?;
        let head = match c.tied {
            true => None,
            false => Some(tensors.get(family.head)?.matrix(c.vocab, c.hidden)?),
        };
        Ok(Model { folder: folder.into(), weights: Weights { embedding, layers, final_norm, head }, config })
    }

    /// The head's rows, `[vocab, hidden]`.
    pub fn head(&self) -> &Array2<f32> {
        self.weights.head.as_ref().unwrap_or(&self.weights.embedding)
    }

    /// Every ternary matrix with its name, in the order of use.
    pub fn matrices(&self) -> impl Iterator<Item = (String, &Ternary)> {
        let family = self.config.family;
        self.weights.layers.iter().enumerate().flat_map(move |(index, layer)| {
            let [q, k, v] = &layer.qkv;
            let [gate, up, down] = family.ffn;
            [
                (family.qkv[0], q),
                (family.qkv[1], k),
                (family.qkv[2], v),
                (family.output, &layer.output),
                (gate, &layer.gate),
                (up, &layer.up),
                (down, &layer.down),
            ]
            .map(|(name, matrix)| (in_layer(name, index), matrix))
        })
    }
}

impl Layer {
    fn load(tensors: &Tensors, c: &ModelConfig, index: usize) -> Result<Self> {
        let family = c.family;
        let gain = |name: &str, size: usize| tensors.get(&in_layer(name, index))?.floats(&[size]);
        let matrix = |name: &str, outputs: usize, inputs: usize| {
            Ternary::load(tensors, &in_layer(name, index), outputs, inputs, c.scale_direction)
        };
        let (width, kv_width) = (c.attention_width(), c.kv_heads * c.head_size);
        let [q, k, v] = family.qkv;
        let [gate, up, down] = family.ffn;
        Ok(Layer {
            input_norm: gain(family.input_norm, c.hidden)?,
            qkv: [
                matrix(q, width, c.hidden)?,
                matrix(k, kv_width, c.hidden)?,
                matrix(v, kv_width, c.hidden)?,
            ],
            attention_norm: family.attention_norm.map(|name| gain(name, width)).transpose()?,
            output: matrix(family.output, c.hidden, width)?,
            ffn_input_norm: gain(family.ffn_input_norm, c.hidden)?,
            gate: matrix(gate, c.ffn, c.hidden)?,
            up: matrix(up, c.ffn, c.hidden)?,
            ffn_norm: family.ffn_norm.map(|name| gain(name, c.ffn)).transpose()?,
            down: matrix(down, c.hidden, c.ffn)?,
        })
    }
}

/// The name of a layer's tensor.
fn in_layer(template: &str, layer: usize) -> String {
    template.replace("{}", &layer.to_string())
}
