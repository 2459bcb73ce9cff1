//! The metadata of a GGUF file as a model's dimensions and rules.
//!
//! Keys: `docs/gguf.md` of the ggml project; what an absent key means: llama.cpp's `llama-model.cpp`.

use super::{Activation, ModelConfig, unsupported};
use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::ggml::i2s::Layout;
use crate::gguf::Gguf;
use crate::model::Overrides;
use crate::ternary::Form;

/// Tokens that end a text, by the keys that name them.
const END: [&str; 3] = ["eos", "eot", "eom"];
/// What llama.cpp takes if `rope.freq_base` is absent.
const DEFAULT_THETA: f32 = 10000.0;

/// Reads everything and checks it.
pub fn read(gguf: &Gguf, overrides: &Overrides) -> Result<ModelConfig> {
    let keys = Keys::new(gguf)?;
    keys.refuse_unsupported()?;
    let (heads, hidden) = (keys.size("attention.head_count")?, keys.size("embedding_length")?);
    let kv_heads = keys.optional("attention.head_count_kv")?.unwrap_or(heads);
    let head_size = keys.head_size(heads, hidden)?;
    let layers = keys.size("block_count")?;
    let theta = keys.float("rope.freq_base")?.unwrap_or(DEFAULT_THETA);
    let eps = keys.float("attention.layer_norm_rms_epsilon")?;
    let window = keys.optional("attention.sliding_window")?.filter(|_| keys.family.windows);
    let config = ModelConfig {
        family: keys.family,
        hidden,
        layers,
        heads,
        kv_heads,
        head_size,
        head_map: Vec::new(),
        ffn: keys.size("feed_forward_length")?,
        vocab: gguf.tensor("token_embd.weight").map_or(0, |t| t.rows()),
        context: keys.size("context_length")?,
        rope_theta: f64::from(theta),
        eps: eps.ok_or_else(|| keys.absent("attention.layer_norm_rms_epsilon"))?,
        activation: keys.activation(overrides, heads == kv_heads)?,
        tied: gguf.tensor("output.weight").is_none(),
        windows: Vec::new(),
        form: Form::Gguf(overrides.layout.unwrap_or(Layout::X86)),
        eos: keys.end_tokens()?,
    };
    config.check(gguf.path())?;
    if !(theta.is_finite() && theta > 0.0) {
        return Err(unsupported(
            gguf.path(),
            keys.name("rope.freq_base"),
            theta.to_string(),
            "it must be positive",
        ));
    }
    if !heads.is_multiple_of(kv_heads) {
        let problem = format!("{heads} query heads do not divide among {kv_heads} key/value heads");
        return Err(Error::Inconsistent {
            path: gguf.path().into(),
            problem,
            remedy: "convert the model again",
        });
    }
    let head_map = ModelConfig::even_map(heads, kv_heads);
    Ok(ModelConfig { head_map, windows: vec![window; layers], ..config })
}

/// The keys of one architecture.
struct Keys<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
    family: &'static Family,
}

impl<'a> Keys<'a> {
    fn new(gguf: &'a Gguf) -> Result<Self> {
        let architecture = gguf.metadata().str("general.architecture").map_err(|e| e.of(gguf.path()))?;
        let family = families::ALL.iter().copied().find(|f| f.gguf.contains(&architecture));
        let family = family.ok_or_else(|| {
            let known: Vec<_> = families::ALL.iter().flat_map(|f| f.gguf).copied().collect();
            let remedy = format!("known are {}", known.join(", "));
            unsupported(gguf.path(), "general.architecture", architecture, remedy)
        })?;
        Ok(Keys { gguf, architecture, family })
    }

    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn optional(&self, key: &str) -> Result<Option<usize>> {
        let value = self.gguf.metadata().optional_u32(&self.name(key)).map_err(|e| e.of(self.gguf.path()))?;
        Ok(value.map(|v| v as usize))
    }

    fn size(&self, key: &str) -> Result<usize> {
        self.optional(key)?.ok_or_else(|| self.absent(key))
    }

    fn float(&self, key: &str) -> Result<Option<f32>> {
        self.gguf.metadata().optional_f32(&self.name(key)).map_err(|e| e.of(self.gguf.path()))
    }

    fn absent(&self, key: &str) -> Error {
        unsupported(self.gguf.path(), self.name(key), "absent", "convert the model again")
    }

    /// Refuses what would change numbers if it were ignored.
    fn refuse_unsupported(&self) -> Result<()> {
        let scaling = self.name("rope.scaling.type");
        let found = self.gguf.metadata().optional_str(&scaling).map_err(|e| e.of(self.gguf.path()))?;
        let factor = self.float("rope.scaling.factor")?;
        match found {
            None | Some("none") => Ok(()),
            // what the converters of 1bitLLM's models write
            Some("linear") if factor.is_none_or(|f| f == 1.0) => Ok(()),
            Some(found) => {
                let remedy = "use a model with plain rotary embeddings";
                Err(unsupported(self.gguf.path(), scaling, found, remedy))
            }
        }
    }

    /// The size of query, key and value heads, which must be one, and all of which must be rotated.
    fn head_size(&self, heads: usize, hidden: usize) -> Result<usize> {
        let key_length = self.optional("attention.key_length")?;
        if key_length.is_none() && (heads == 0 || !hidden.is_multiple_of(heads)) {
            let problem = format!("embedding_length {hidden} does not divide among {heads} heads");
            let remedy = "convert the model again";
            return Err(Error::Inconsistent { path: self.gguf.path().into(), problem, remedy });
        }
        let size = key_length.unwrap_or_else(|| hidden / heads);
        for key in ["attention.value_length", "rope.dimension_count"] {
            if let Some(other) = self.optional(key)?.filter(|other| *other != size) {
                let remedy = format!("it must be the head size, {size}");
                return Err(unsupported(self.gguf.path(), self.name(key), other.to_string(), remedy));
            }
        }
        Ok(size)
    }

    /// The gate's activation function. `bitnet` stands for two families since llama.cpp converts Microsoft's model to it as well;
    /// only 1bitLLM's has as many key/value heads as query heads.
    fn activation(&self, overrides: &Overrides, multi_head: bool) -> Result<Activation> {
        match overrides.activation {
            Some(activation) => Ok(activation),
            None if self.architecture == "bitnet" && !multi_head => {
                let remedy = "with grouped heads it does not tell squared ReLU (Microsoft's models) from SiLU (1bitLLM's): say --activation relu2 or --activation silu";
                Err(unsupported(self.gguf.path(), "general.architecture", "bitnet", remedy))
            }
            None => Ok(self.family.gguf_activation),
        }
    }

    fn end_tokens(&self) -> Result<Vec<u32>> {
        let key = |name: &str| format!("tokenizer.ggml.{name}_token_id");
        let id =
            |name: &&str| self.gguf.metadata().optional_u32(&key(name)).map_err(|e| e.of(self.gguf.path()));
        let ids: Vec<_> = END.iter().map(id).collect::<Result<_>>()?;
        let mut ids: Vec<u32> = ids.into_iter().flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}
