//! `config.json` and `generation_config.json` of a Hugging Face folder.

use super::{Activation, ModelConfig, unsupported};
use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::json::read_json;
use crate::ternary::{Direction, Form};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

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
    rope_scaling: Option<Value>,
    rms_norm_eps: f64,
    hidden_act: String,
    #[serde(default)]
    tie_word_embeddings: bool,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    sliding_window: Option<usize>,
    layer_types: Option<Vec<String>>,
    weight_bits: Option<u32>,
    input_bits: Option<u32>,
    quantization_config: Option<Quantization>,
    eos_token_id: Option<Ids>,
}

#[derive(Debug, Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    partial_rotary_factor: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Quantization {
    quant_method: Option<String>,
    linear_class: Option<String>,
    quantization_mode: Option<String>,
    modules_to_not_convert: Option<Vec<String>>,
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

/// Reads both files; `generation_config.json` may be absent. End tokens of either count.
pub fn load(folder: &Path) -> Result<ModelConfig> {
    let path = folder.join("config.json");
    let raw: Raw = read_json(&path)?;
    let mut config = raw.interpret(&path)?;
    match read_json::<Generation>(&folder.join("generation_config.json")) {
        Ok(Generation { eos_token_id: Some(ids) }) => config.eos.extend(Vec::from(ids)),
        Ok(_) | Err(Error::Missing { .. }) => {}
        Err(other) => return Err(other),
    }
    config.eos.sort_unstable();
    config.eos.dedup();
    Ok(config)
}

impl Raw {
    fn interpret(mut self, path: &Path) -> Result<ModelConfig> {
        let family = self.family(path)?;
        self.refuse_unsupported(path)?;
        let heads = self.num_attention_heads;
        let kv_heads = self.num_key_value_heads.unwrap_or(heads);
        self.check_heads(path, heads, kv_heads)?;
        let mut config = ModelConfig {
            family,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads,
            kv_heads,
            head_size: self.head_dim.unwrap_or(self.hidden_size / heads),
            head_map: Vec::new(),
            ffn: self.intermediate_size,
            vocab: self.vocab_size,
            context: self.max_position_embeddings,
            rope_theta: self.theta(path)?,
            eps: self.rms_norm_eps as f32,
            activation: self.activation(path)?,
            tied: self.tie_word_embeddings,
            windows: Vec::new(),
            form: self.form(path, family)?,
            eos: self.eos_token_id.take().map(Vec::from).unwrap_or_default(),
        };
        // lists as long as these numbers only after the numbers have been looked at
        config.check(path)?;
        config.head_map = ModelConfig::even_map(heads, kv_heads);
        config.windows = self.windows(path, family)?;
        Ok(config)
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
        for (name, value) in [("attention_bias", self.attention_bias), ("mlp_bias", self.mlp_bias)] {
            if value == Some(true) {
                return Err(unsupported(path, name, "true", "use a model without biases"));
            }
        }
        let scaled = self.rope_scaling.as_ref().filter(|v| !v.is_null()).map(ToString::to_string);
        let rope = self.rope_parameters.as_ref();
        let typed = rope.and_then(|r| r.rope_type.clone()).filter(|t| t != "default");
        let partial = rope.and_then(|r| r.partial_rotary_factor).filter(|f| *f != 1.0);
        if let Some(found) = scaled.or(typed).or(partial.map(|f| format!("partial, {f}"))) {
            return Err(unsupported(path, "rope_scaling", found, "use a model with plain rotary embeddings"));
        }
        Ok(())
    }

    fn check_heads(&self, path: &Path, heads: usize, kv_heads: usize) -> Result<()> {
        let hidden = self.hidden_size;
        let problem = if heads == 0 || kv_heads == 0 {
            format!("it has {heads} query heads and {kv_heads} key/value heads")
        } else if !heads.is_multiple_of(kv_heads) {
            format!("{heads} query heads do not divide among {kv_heads} key/value heads")
        } else if self.head_dim.is_none() && !hidden.is_multiple_of(heads) {
            format!("hidden_size {hidden} does not divide among {heads} heads")
        } else {
            return Ok(());
        };
        let remedy = "use the config.json that belongs to the weights";
        Err(Error::Inconsistent { path: path.into(), problem, remedy })
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

    /// The window of each layer. `layer_types`, where present, says which layers have one.
    fn windows(&self, path: &Path, family: &Family) -> Result<Vec<Option<usize>>> {
        let layers = self.num_hidden_layers;
        let window = self.sliding_window.filter(|_| family.windows);
        if window == Some(0) {
            return Err(unsupported(path, "sliding_window", "0", "give the number of positions"));
        }
        let Some(types) = &self.layer_types else { return Ok(vec![window; layers]) };
        let of = |kind: &String| match kind.as_str() {
            "full_attention" => Ok(None),
            "sliding_attention" => self.sliding_window.map(Some).ok_or_else(|| {
                unsupported(path, "sliding_window", "absent", "layer_types asks for one: give its size")
            }),
            other => {
                let remedy = "known are full_attention and sliding_attention";
                Err(unsupported(path, "layer_types", other, remedy))
            }
        };
        let windows: Vec<_> = types.iter().map(of).collect::<Result<_>>()?;
        if windows.len() == layers {
            return Ok(windows);
        }
        let found = format!("a list of {}", windows.len());
        Err(unsupported(path, "layer_types", found, format!("give one for each of {layers} layers")))
    }

    /// How the linear layers' weights are stored and which way their scales work.
    fn form(&self, path: &Path, family: &Family) -> Result<Form> {
        let Some(quantization) = &self.quantization_config else {
            return if family.quantizes_itself { self.own_form(path) } else { Err(not_ternary(path)) };
        };
        quantization.form(path)
    }

    /// For classes that make weights ternary themselves.
    fn own_form(&self, path: &Path) -> Result<Form> {
        for (name, found, expected) in
            [("weight_bits", self.weight_bits, 1), ("input_bits", self.input_bits, 8)]
        {
            if found != Some(expected) {
                let found = found.map_or("absent".into(), |bits| bits.to_string());
                let remedy = format!("only models with {name} {expected} are ternary");
                return Err(unsupported(path, name, found, remedy));
            }
        }
        Ok(Form::Master)
    }
}

fn not_ternary(path: &Path) -> Error {
    let remedy = "without `quant_method`: `bitnet` the linear layers are not ternary; use a model that was trained to be";
    unsupported(path, "quantization_config", "absent", remedy)
}

impl Quantization {
    fn form(&self, path: &Path) -> Result<Form> {
        let refuse = |field: &str, found: &str, remedy: &str| {
            Err(unsupported(path, format!("quantization_config.{field}"), found, remedy))
        };
        if self.use_rms_norm {
            return refuse(
                "use_rms_norm",
                "true",
                "use a model whose linear layers have no norm of their own",
            );
        }
        match self.quant_method.as_deref() {
            None | Some("bitnet") => {}
            Some(other) => return refuse("quant_method", other, "only `bitnet` weights are ternary"),
        }
        let kept = |name: &&String| !["lm_head", "lm_head.weight"].contains(&name.as_str());
        if let Some(name) = self.modules_to_not_convert.iter().flatten().find(kept) {
            return refuse("modules_to_not_convert", name, "only the head may stay unquantized");
        }
        match (self.linear_class.as_deref(), self.quantization_mode.as_deref()) {
            (Some("autobitlinear"), None | Some("offline")) => Ok(Form::Packed(Direction::Multiply)),
            (Some("autobitlinear"), Some("online")) => Ok(Form::Master),
            (None | Some("bitlinear"), None | Some("offline")) => Ok(Form::Packed(Direction::Divide)),
            (None | Some("bitlinear"), Some("online")) => {
                refuse("quantization_mode", "online", "only linear_class autobitlinear has it")
            }
            (None | Some("bitlinear" | "autobitlinear"), Some(other)) => {
                refuse("quantization_mode", other, "known are offline and online")
            }
            (Some(other), _) => refuse("linear_class", other, "known are bitlinear and autobitlinear"),
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
