//! A model in memory: configuration, weights, and the folder that both came from.

use crate::config::{Activation, ModelConfig};
use crate::error::{Error, Result};
use crate::families::Names;
use crate::ggml::i2s::Layout;
use crate::gguf::{Gguf, i2s_layout};
use crate::tensors::{Floats, Tensors};
use crate::ternary::{Form, Ternary};
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
    pub embedding: Floats,
    /// One entry a layer.
    pub layers: Vec<Layer>,
    /// Gain of the last norm, `[hidden]`.
    pub final_norm: Vec<f32>,
    /// `[vocab, hidden]`; absent if the embedding serves as head.
    pub head: Option<Floats>,
}

/// What a GGUF file does not tell, or tells wrongly.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides {
    /// The order of I2_S codes; found by plausibility if none is given.
    pub layout: Option<Layout>,
    /// The gate's activation function; the family's if none is given.
    pub activation: Option<Activation>,
}

/// Configuration and weights.
#[derive(Debug)]
pub struct Model {
    /// The folder or file.
    pub path: PathBuf,
    /// Dimensions and rules.
    pub config: ModelConfig,
    /// The tensors.
    pub weights: Weights,
    /// What was found rather than read, and how sure it is: a sentence each.
    pub notes: Vec<String>,
}

impl Model {
    /// Reads a model: a Hugging Face folder (`config.json`, `generation_config.json` if there is one, `model.safetensors` or
    /// shards with an index), or a GGUF file.
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_with(path, &Overrides::default(), |_, _| {})
    }

    /// As [`Model::load`]; `progress(done, layers)` is called after each layer.
    pub fn load_with(path: &Path, overrides: &Overrides, progress: impl FnMut(usize, usize)) -> Result<Self> {
        let mut notes = Vec::new();
        let (config, mut tensors, names) = if path.is_dir() {
            let config = ModelConfig::load(path)?;
            let names = config.family.names.clone();
            (config, Tensors::folder(path)?, names)
        } else {
            let gguf = Gguf::open(path)?;
            let overrides = Overrides { layout: Some(layout(&gguf, overrides, &mut notes)?), ..*overrides };
            let config = ModelConfig::gguf(&gguf, &overrides)?;
            let names = config.family.gguf_names();
            (config, Tensors::gguf(&gguf)?, names)
        };
        let weights = Weights::take(&mut tensors, &config, &names, progress).map_err(|e| e.within(path))?;
        Ok(Model { path: path.into(), weights, config, notes })
    }

    /// Keeps the first `layers` layers: a model of the same shape that is quicker to simulate.
    pub fn truncate(&mut self, layers: usize) {
        self.weights.layers.truncate(layers);
        self.config.windows.truncate(layers);
        self.config.layers = self.weights.layers.len();
    }

    /// The head's rows, `[vocab, hidden]`.
    pub fn head(&self) -> &Floats {
        self.weights.head.as_ref().unwrap_or(&self.weights.embedding)
    }

    /// Every ternary matrix with its name, in the order of use.
    pub fn matrices(&self) -> impl Iterator<Item = (String, &Ternary)> {
        let family = &self.config.family.names;
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

/// The order of I2_S codes, as asked for or as found; a note says which and how sure.
fn layout(gguf: &Gguf, overrides: &Overrides, notes: &mut Vec<String>) -> Result<Layout> {
    if let Some(layout) = overrides.layout {
        return Ok(layout);
    }
    let Some(found) = i2s_layout(gguf)? else { return Ok(Layout::X86) };
    let (layout, sure) = (found.layout(), found.confidence());
    notes.push(if found.decided() {
        format!("its I2_S weights are in {layout} order ({sure:.0} standard deviations ahead of any other)")
    } else {
        format!(
            "nothing tells the order of its I2_S weights ({sure:.1} standard deviations); {layout} is taken, as published files have it: if the text is garbage, say --i2s-layout"
        )
    });
    Ok(layout)
}

impl Weights {
    /// Takes all tensors that `names` names; refuses what is left unless it is known to change nothing.
    fn take(
        tensors: &mut Tensors,
        c: &ModelConfig,
        names: &Names,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self> {
        let embedding = Floats::stored(tensors.take(names.embedding)?, c.vocab, c.hidden)?;
        let mut layers = Vec::new();
        for index in 0..c.layers {
            layers.push(Layer::take(tensors, c, names, index)?);
            progress(index + 1, c.layers);
        }
        let final_norm = tensors.take(names.final_norm)?.floats(&[c.hidden])?;
        let head = tensors.take_optional(names.head).filter(|_| !c.tied);
        let head = head.map(|head| Floats::stored(head, c.vocab, c.hidden)).transpose()?;
        if head.is_none() && !c.tied {
            tensors.take(names.head)?;
        }
        match tensors.left().find(|t| !t.name.ends_with(HARMLESS)) {
            None => Ok(Weights { embedding, layers, final_norm, head }),
            Some(unknown) => Err(Error::UnknownTensor {
                name: unknown.name.clone(),
                path: tensors.origin().into(),
                family: c.family.architectures[0].into(),
            }),
        }
    }
}

/// The end of names of tensors that follow from the configuration.
const HARMLESS: &str = "rotary_emb.inv_freq";

impl Layer {
    fn take(tensors: &mut Tensors, c: &ModelConfig, names: &Names, index: usize) -> Result<Self> {
        let (width, kv_width) = (c.attention_width(), c.kv_heads * c.head_size);
        let mut gain = |name: &str, size: usize| tensors.take(&in_layer(name, index))?.floats(&[size]);
        let input_norm = gain(names.input_norm, c.hidden)?;
        let attention_norm = names.attention_norm.map(|name| gain(name, width)).transpose()?;
        let ffn_input_norm = gain(names.ffn_input_norm, c.hidden)?;
        let ffn_norm = names.ffn_norm.map(|name| gain(name, c.ffn)).transpose()?;
        let mut matrix = |name: &str, outputs: usize, inputs: usize| {
            Ternary::take(tensors, &in_layer(name, index), outputs, inputs, c.form)
        };
        let ([q, k, v], [gate, up, down]) = (names.qkv, names.ffn);
        let (mut query, mut key) = (matrix(q, width, c.hidden)?, matrix(k, kv_width, c.hidden)?);
        if matches!(c.form, Form::Gguf(_)) && c.family.gguf_interleaved {
            (query, key) = (query.interleaved(c.head_size), key.interleaved(c.head_size));
        }
        Ok(Layer {
            input_norm,
            qkv: [query, key, matrix(v, kv_width, c.hidden)?],
            attention_norm,
            output: matrix(names.output, c.hidden, width)?,
            ffn_input_norm,
            gate: matrix(gate, c.ffn, c.hidden)?,
            up: matrix(up, c.ffn, c.hidden)?,
            ffn_norm,
            down: matrix(down, c.hidden, c.ffn)?,
        })
    }
}

/// The name of a layer's tensor.
pub(crate) fn in_layer(template: &str, layer: usize) -> String {
    template.replace("{}", &layer.to_string())
}
