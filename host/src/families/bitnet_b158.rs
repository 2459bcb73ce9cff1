//! bitnet_b1_58 as 1bitLLM publishes it: master weights, a norm before each output projection, SiLU.
//!
//! Source: `1bitLLM/bitnet_b1_58-large` and `-3B`, modeling_bitnet.py and utils_quant.py.

use super::{Family, Names, TRANSFORMERS};
use crate::config::Activation;

/// `BitnetForCausalLM`: not the class of the same name with a capital N.
pub const FAMILY: Family = Family {
    architectures: &["BitnetForCausalLM"],
    model_type: "llama",
    gguf: &["bitnet"],
    quantizes_itself: true,
    gguf_activation: Activation::Silu,
    gguf_interleaved: false,
    windows: false,
    names: Names {
        attention_norm: Some("model.layers.{}.self_attn.inner_attn_ln.weight"),
        ffn_norm: Some("model.layers.{}.mlp.ffn_layernorm.weight"),
        ..TRANSFORMERS
    },
};
