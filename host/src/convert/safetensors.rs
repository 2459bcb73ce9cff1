//! A Hugging Face folder: `config.json`, `generation_config.json`, `model.safetensors` with packed codes, as `transformers` reads
//! them with `linear_class` `autobitlinear`.

use crate::config::Activation;
use crate::error::{Error, Result};
use crate::model::{Model, in_layer};
use crate::tensors::Floats;
use crate::ternary::Ternary;
use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::Path;

/// A tensor whose bytes are made when they are written.
struct Lazy<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Box<dyn Fn() -> Vec<u8> + 'a>,
}

impl View for Lazy<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        (self.bytes)().into()
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

/// Writes the three files into `folder`.
pub fn write(model: &Model, folder: &Path, progress: &mut dyn FnMut(usize, usize)) -> Result<()> {
    json_file(&folder.join("config.json"), &config(model))?;
    json_file(&folder.join("generation_config.json"), &json!({"eos_token_id": model.config.eos}))?;
    let path = folder.join("model.safetensors");
    let tensors = tensors(model);
    let count = tensors.len();
    let done = std::cell::Cell::new(0);
    let progress = std::cell::RefCell::new(progress);
    let counted = tensors.into_iter().map(|(name, lazy)| {
        let (done, progress) = (&done, &progress);
        let bytes = lazy.bytes;
        let counted = move || {
            done.set(done.get() + 1);
            (progress.borrow_mut())(done.get(), count);
            bytes()
        };
        (name, Lazy { bytes: Box::new(counted), ..lazy_head(lazy.dtype, lazy.shape) })
    });
    safetensors::serialize_to_file(counted, None, &path).map_err(|e| Error::Safetensors {
        path: path.clone(),
        bytes: 0,
        problem: e.to_string(),
    })
}

fn lazy_head<'a>(dtype: Dtype, shape: Vec<usize>) -> Lazy<'a> {
    Lazy { dtype, shape, bytes: Box::new(Vec::new) }
}

fn json_file(path: &Path, value: &Value) -> Result<()> {
    let text = format!("{value:#}\n");
    std::fs::write(path, text).map_err(|source| Error::Io { path: path.into(), source })
}

fn config(model: &Model) -> Value {
    let c = &model.config;
    let mut value = json!({
        "architectures": [c.family.architectures[0]],
        "hidden_size": c.hidden,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.head_size,
        "intermediate_size": c.ffn,
        "vocab_size": c.vocab,
        "max_position_embeddings": c.context,
        "rope_theta": c.rope_theta,
        // the shortest decimal that gives the same f32
        "rms_norm_eps": c.eps.to_string().parse::<f64>().unwrap_or(f64::from(c.eps)),
        "hidden_act": match c.activation {
            Activation::Relu2 => "relu2",
            Activation::Silu => "silu",
        },
        "tie_word_embeddings": c.tied,
        "attention_bias": false,
        "eos_token_id": c.eos,
        "torch_dtype": "float32",
        "quantization_config": {
            "quant_method": "bitnet",
            "linear_class": "autobitlinear",
            "quantization_mode": "offline",
        },
    });
    if !c.family.model_type.is_empty() {
        value["model_type"] = c.family.model_type.into();
    }
    if c.windows.iter().any(Option::is_some) {
        let kinds =
            c.windows.iter().map(|w| if w.is_some() { "sliding_attention" } else { "full_attention" });
        value["sliding_window"] = c.windows.iter().flatten().next().copied().into();
        value["layer_types"] = kinds.collect::<Vec<_>>().into();
    }
    value
}

fn tensors(model: &Model) -> Vec<(String, Lazy<'_>)> {
    let (w, names) = (&model.weights, &model.config.family.names);
    let mut all = vec![(names.embedding.to_string(), floats(&w.embedding))];
    all.extend(w.head.as_ref().map(|head| (names.head.to_string(), floats(head))));
    all.push((names.final_norm.to_string(), gain(&w.final_norm)));
    for (index, layer) in w.layers.iter().enumerate() {
        let norms = [
            (Some(names.input_norm), Some(&layer.input_norm)),
            (names.attention_norm, layer.attention_norm.as_ref()),
            (Some(names.ffn_input_norm), Some(&layer.ffn_input_norm)),
            (names.ffn_norm, layer.ffn_norm.as_ref()),
        ];
        for (name, values) in norms {
            if let (Some(name), Some(values)) = (name, values) {
                all.push((in_layer(name, index), gain(values)));
            }
        }
    }
    for (name, matrix) in model.matrices() {
        let scale = matrix.scale;
        all.push((
            format!("{name}_scale"),
            Lazy { dtype: Dtype::F32, shape: vec![1], bytes: Box::new(move || scale.to_le_bytes().to_vec()) },
        ));
        all.push((name, packed(matrix)));
    }
    all
}

fn gain(values: &[f32]) -> Lazy<'_> {
    let bytes = || values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Lazy { dtype: Dtype::F32, shape: vec![values.len()], bytes: Box::new(bytes) }
}

/// Numbers in the precision in which they are stored, or binary32.
fn floats(values: &Floats) -> Lazy<'_> {
    let shape = vec![values.rows(), values.columns()];
    if let Some((dtype, bytes)) = values.plain() {
        return Lazy { dtype, shape, bytes: Box::new(|| bytes.to_vec()) };
    }
    let bytes = || {
        let mut row = vec![0.0; values.columns()];
        let mut out = Vec::with_capacity(4 * values.rows() * values.columns());
        for index in 0..values.rows() {
            values.row(index, &mut row);
            out.extend(row.iter().flat_map(|v| v.to_le_bytes()));
        }
        out
    };
    Lazy { dtype: Dtype::F32, shape, bytes: Box::new(bytes) }
}

/// Codes, four output rows a byte row (see [`crate::tensors::Element::Packed`]).
fn packed(matrix: &Ternary) -> Lazy<'_> {
    let (quarter, inputs) = (matrix.outputs().div_ceil(4), matrix.inputs());
    let bytes = move || {
        let (mut out, mut codes) = (vec![0u8; quarter * inputs], vec![0i8; inputs]);
        for row in 0..matrix.outputs() {
            matrix.row(row, &mut codes);
            let (start, shift) = ((row % quarter) * inputs, 2 * (row / quarter));
            for (byte, code) in out[start..start + inputs].iter_mut().zip(&codes) {
                *byte |= ((code + 1) as u8) << shift;
            }
        }
        out
    };
    Lazy { dtype: Dtype::U8, shape: vec![quarter, inputs], bytes: Box::new(bytes) }
}
