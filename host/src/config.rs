//! What a model is: dimensions and rules. `config/huggingface.rs` reads them from a folder, `config/gguf.rs` from
//! the metadata of a GGUF file.
//!
//! Everything after this file works on [`ModelConfig`], which knows no family. What differs between families is a row of data,
//! [`Family`], in one file each under `families/`.

mod gguf;
mod huggingface;

use crate::error::{Error, Result};
use crate::families::Family;
use crate::gguf::Gguf;
use crate::model::Overrides;
use crate::ternary::Form;
use std::path::Path;

/// The gate's activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `relu(g)^2`
    Relu2,
    /// `g / (1 + exp(-g))`
    Silu,
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
    /// Positions that each layer attends to, its own included; none: all. `[layers]`
    pub windows: Vec<Option<usize>>,
    /// How ternary weights are stored.
    pub form: Form,
    /// Tokens that end a text; may be empty.
    pub eos: Vec<u32>,
}

impl std::str::FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "relu2" => Ok(Activation::Relu2),
            "silu" => Ok(Activation::Silu),
            other => Err(format!("`{other}` is no activation function known here; choose relu2 or silu")),
        }
    }
}

impl ModelConfig {
    /// Reads `config.json` and `generation_config.json` of a Hugging Face folder; the latter may be absent.
    pub fn load(folder: &Path) -> Result<Self> {
        huggingface::load(folder)
    }

    /// Reads the metadata of a GGUF file.
    pub fn gguf(gguf: &Gguf, overrides: &Overrides) -> Result<Self> {
        gguf::read(gguf, overrides)
    }

    /// The map of grouped-query attention: neighbouring query heads share a key/value head.
    pub fn even_map(heads: usize, kv_heads: usize) -> Vec<usize> {
        (0..heads).map(|h| h / (heads / kv_heads).max(1)).collect()
    }

    /// Outputs of the joined query, key and value matrix.
    pub fn qkv_rows(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_size
    }

    /// Width of all query heads together.
    pub fn attention_width(&self) -> usize {
        self.heads * self.head_size
    }

    /// Refuses numbers that contradict each other.
    fn check(&self, path: &Path) -> Result<()> {
        let inconsistent = |problem: String| Error::Inconsistent {
            path: path.into(),
            problem,
            remedy: "use the configuration that belongs to the weights",
        };
        let sizes = [
            ("hidden size", self.hidden, LARGEST),
            ("number of query heads", self.heads, MOST),
            ("number of key/value heads", self.kv_heads, MOST),
            ("number of layers", self.layers, MOST),
            ("feed-forward size", self.ffn, LARGEST),
            ("vocabulary", self.vocab, LARGEST),
            ("context", self.context, LARGEST),
            ("head size", self.head_size, LARGEST),
        ];
        for (name, size, largest) in sizes {
            if size == 0 {
                return Err(inconsistent(format!("the {name} is 0")));
            }
            if size > largest {
                return Err(inconsistent(format!("the {name} is {size}, more than {largest}")));
            }
        }
        let (heads, kv_heads) = (self.heads, self.kv_heads);
        if kv_heads > heads {
            return Err(inconsistent(format!(
                "{kv_heads} key/value heads are more than {heads} query heads"
            )));
        }
        if !self.head_size.is_multiple_of(2) {
            let size = self.head_size;
            return Err(inconsistent(format!("the head size {size} is not even, as rotary embeddings need")));
        }
        if !(self.eps.is_finite() && self.eps > 0.0) {
            return Err(inconsistent(format!("the norm's epsilon is {}, not a positive number", self.eps)));
        }
        Ok(())
    }
}

/// No dimension of a model is larger; products of two then fit any integer in use.
const LARGEST: usize = 1 << 24;
/// No model has more layers or heads.
const MOST: usize = 4096;

/// A value that would change numbers if it were ignored.
fn unsupported(
    path: &Path,
    field: impl Into<String>,
    found: impl Into<String>,
    remedy: impl Into<String>,
) -> Error {
    Error::Unsupported { path: path.into(), field: field.into(), found: found.into(), remedy: remedy.into() }
}
