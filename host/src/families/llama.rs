//! Llama with ternary linear layers: no norms before output projections, SiLU.
//!
//! Source: `transformers`, models/llama with integrations/bitnet; `HF1BitLLM/Llama3-8B-1.58-100B-tokens`, Falcon3 1.58-bit, Falcon-E.

use super::{Family, TRANSFORMERS};
use crate::config::Activation;

/// `LlamaForCausalLM`.
pub const FAMILY: Family = Family {
    architectures: &["LlamaForCausalLM"],
    model_type: "llama",
    gguf: &["llama"],
    quantizes_itself: false,
    gguf_activation: Activation::Silu,
    gguf_interleaved: true,
    windows: false,
    names: TRANSFORMERS,
};
