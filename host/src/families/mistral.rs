//! Mistral with ternary linear layers: Llama with a sliding window.
//!
//! Source: `transformers`, models/mistral with integrations/bitnet.

use super::{Family, TRANSFORMERS};

/// `MistralForCausalLM`.
pub const FAMILY: Family = Family {
    architectures: &["MistralForCausalLM"],
    gguf: &[],
    quantizes_itself: false,
    windows: true,
    names: TRANSFORMERS,
};
