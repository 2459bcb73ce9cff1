//! What a model is: dimensions and rules, read from `config.json` and `generation_config.json`.
//!
//! Everything after this file works on [`ModelConfig`], which knows no family. What differs between families is a row of data,
//! [`Family`], in one file each under `families/`.

use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::json::read_json;
use serde::Deserialize;
use std::path::Path;

/// The gate's activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `relu(g)^2`
    Relu2,
    /// `g / (1 + exp(-g))`
    Silu,
}

/// What a stored `weight_scale` does to an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleDirection {
    /// `y = acc / s_act * weight_scale` (`autobitlinear`)
    Multiply,
    /// `y = acc / (s_act * weight_scale)` (`bitlinear`, the default)
    Divide,
}

/// Dimensions and rules of a model.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The family: names of tensors, which norms exist.
    pub family: &'static Family,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key/value heads.
    pub kv_heads: usize,
    /// Elements of a head; even.
    pub head_size: usize,
    /// KV head of each query head, `[heads]`.
    pub head_map: Vec<usize>,
    /// Width of the feed-forward part.
    pub ffn: usize,
    /// Number of tokens.
    pub vocab: usize,
    /// Largest number of positions that the model was made for.
    pub context: usize,
    /// Base of the rotary embedding's wavelengths.
    pub rope_theta: f64,
    /// Added to the mean square in norms.
    pub eps: f32,
    /// The gate's activation function.
    pub activation: Activation,
    /// True if the head is the embedding.
    pub tied: bool,
    /// Direction of stored weight scales.
    pub scale_direction: ScaleDirection,
    /// Tokens that end a text; may be empty.
    pub eos: Vec<u32>,
}

/// `config.json` as it stands in the file.
#[derive(Debug, Deserialize)]
struct Raw {
    architectures: Vec<String>,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    rope_theta: Option<f64>,
    rope_parameters: Option<Rope>,
    rope_scaling: Option<serde_json::Value>,
    rms_norm_eps: f64,
    hidden_act: String,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    quantization_config: Option<Quantization>,
    eos_token_id: Option<Ids>,
}

#[derive(Debug, Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Quantization {
    quant_method: Option<String>,
    linear_class: Option<String>,
    #[serde(default)]
    use_rms_norm: bool,
}

#[derive(Debug, Deserialize)]
struct Generation {
    eos_token_id: Option<Ids>,
}

/// One id or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl ModelConfig {
    /// Reads the two configuration files of a model folder; `generation_config.json` may be absent.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let raw: Raw = read_json(&path)?;
        let mut config = raw.interpret(&path)?;
        match read_json::<Generation>(&folder.join("generation_config.json")) {
            Ok(Generation { eos_token_id: Some(ids) }) => config.eos = ids.into(),
            Ok(_) | Err(Error::Missing { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(config)
    }

    /// Outputs of the joined query, key and value matrix.
    pub fn qkv_rows(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_size
    }

    /// Width of all query heads together.
    pub fn attention_width(&self) -> usize {
        self.heads * self.head_size
    }
}

impl Raw {
    fn interpret(self, path: &Path) -> Result<ModelConfig> {
        let family = self.family(path)?;
        self.refuse_unsupported(path)?;
        let heads = self.num_attention_heads;
        let kv_heads = self.num_key_value_heads.unwrap_or(heads);
        let head_size = self.head_size(path, kv_heads)?;
        Ok(ModelConfig {
            family,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads,
            kv_heads,
            head_size,
            head_map: (0..heads).map(|h| h / (heads / kv_heads)).collect(),
            ffn: self.intermediate_size,
            vocab: self.vocab_size,
            context: self.max_position_embeddings,
            rope_theta: self.theta(path)?,
            eps: self.rms_norm_eps as f32,
            activation: self.activation(path)?,
            tied: self.tie_word_embeddings,
            scale_direction: self.direction(path)?,
            eos: self.eos_token_id.map(Vec::from).unwrap_or_default(),
        })
    }

    fn family(&self, path: &Path) -> Result<&'static Family> {
        let known =
            |name: &String| families::ALL.iter().copied().find(|f| f.architectures.contains(&name.as_str()));
        self.architectures.iter().find_map(known).ok_or_else(|| {
            let names: Vec<_> = families::ALL.iter().flat_map(|f| f.architectures).copied().collect();
            unsupported(
                path,
                "architectures",
                self.architectures.join(", "),
                format!("known are {}", names.join(", ")),
            )
        })
    }

    /// Refuses what would change numbers if it were ignored.
    fn refuse_unsupported(&self, path: &Path) -> Result<()> {
        if self.attention_bias {
            return Err(unsupported(path, "attention_bias", "true", "use a model without biases"));
        }
        let scaled = self.rope_scaling.as_ref().filter(|v| !v.is_null()).map(ToString::to_string);
        let typed =
            self.rope_parameters.as_ref().and_then(|r| r.rope_type.clone()).filter(|t| t != "default");
        if let Some(found) = scaled.or(typed) {
            return Err(unsupported(path, "rope_scaling", found, "use a model with plain rotary embeddings"));
        }
        let Some(quantization) = &self.quantization_config else { return Ok(()) };
        if quantization.use_rms_norm {
            let remedy = "use a model whose linear layers have no norm of their own";
            return Err(unsupported(path, "quantization_config.use_rms_norm", "true", remedy));
        }
        match quantization.quant_method.as_deref() {
            None | Some("bitnet") => Ok(()),
            Some(other) => Err(unsupported(
                path,
                "quantization_config.quant_method",
                other,
                "only `bitnet` weights are ternary",
            )),
        }
    }

    fn head_size(&self, path: &Path, kv_heads: usize) -> Result<usize> {
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        let inconsistent = |problem: String| Error::Inconsistent {
            path: path.into(),
            problem,
            remedy: "use the config.json that belongs to the weights",
        };
        let sizes = [
            ("hidden_size", hidden),
            ("num_attention_heads", heads),
            ("num_key_value_heads", kv_heads),
            ("num_hidden_layers", self.num_hidden_layers),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(inconsistent(format!("{name} is 0")));
        }
        if !heads.is_multiple_of(kv_heads) {
            return Err(inconsistent(format!(
                "{heads} query heads do not divide among {kv_heads} key/value heads"
            )));
        }
        if self.head_dim.is_none() && !hidden.is_multiple_of(heads) {
            return Err(inconsistent(format!("hidden_size {hidden} does not divide among {heads} heads")));
        }
        let size = self.head_dim.unwrap_or(hidden / heads);
        if size == 0 || !size.is_multiple_of(2) {
            return Err(inconsistent(format!("the head size {size} is not even, as rotary embeddings need")));
        }
        Ok(size)
    }

    fn theta(&self, path: &Path) -> Result<f64> {
        let theta = self.rope_theta.or(self.rope_parameters.as_ref().and_then(|r| r.rope_theta));
        match theta {
            Some(theta) if theta.is_finite() && theta > 0.0 => Ok(theta),
            other => {
                let found = other.map_or("absent".into(), |t| t.to_string());
                Err(unsupported(path, "rope_theta", found, "give a positive number"))
            }
        }
    }

    fn activation(&self, path: &Path) -> Result<Activation> {
        match self.hidden_act.as_str() {
            "relu2" => Ok(Activation::Relu2),
            "silu" => Ok(Activation::Silu),
            other => Err(unsupported(path, "hidden_act", other, "known are relu2 and silu")),
        }
    }

    fn direction(&self, path: &Path) -> Result<ScaleDirection> {
        match self.quantization_config.as_ref().and_then(|q| q.linear_class.as_deref()) {
            Some("autobitlinear") => Ok(ScaleDirection::Multiply),
            None | Some("bitlinear") => Ok(ScaleDirection::Divide),
            Some(other) => {
                let remedy = "known are bitlinear and autobitlinear";
                Err(unsupported(path, "quantization_config.linear_class", other, remedy))
            }
        }
    }
}

impl From<Ids> for Vec<u32> {
    fn from(ids: Ids) -> Self {
        match ids {
            Ids::One(id) => vec![id],
            Ids::Many(ids) => ids,
        }
    }
}

fn unsupported(
    path: &Path,
    field: &'static str,
    found: impl Into<String>,
    remedy: impl Into<String>,
) -> Error {
    Error::Unsupported { path: path.into(), field, found: found.into(), remedy: remedy.into() }
}
