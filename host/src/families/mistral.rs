//! Mistral with ternary linear layers: Llama with a sliding window.
//!
//! Source: `transformers`, models/mistral with integrations/bitnet.

use super::{Family, TRANSFORMERS};
use crate::config::Activation;

/// `MistralForCausalLM`.
pub const FAMILY: Family = Family {
    architectures: &["MistralForCausalLM"],
    model_type: "mistral",
    gguf: &[],
    quantizes_itself: false,
    gguf_activation: Activation::Silu,
    gguf_interleaved: true,
    windows: true,
    names: TRANSFORMERS,
};
