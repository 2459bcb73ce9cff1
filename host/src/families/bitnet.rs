//! BitNet b1.58 as Microsoft publishes it: a norm before each output projection, squared ReLU.
//!
//! Source: `transformers`, models/bitnet; `microsoft/bitnet-b1.58-2B-4T`.

use super::{Family, Names, TRANSFORMERS};
use crate::config::Activation;

/// `BitNetForCausalLM`.
pub const FAMILY: Family = Family {
    architectures: &["BitNetForCausalLM"],
    model_type: "bitnet",
    gguf: &["bitnet-b1.58", "bitnet-25"],
    quantizes_itself: false,
    gguf_activation: Activation::Relu2,
    gguf_interleaved: false,
    windows: false,
    names: Names {
        attention_norm: Some("model.layers.{}.self_attn.attn_sub_norm.weight"),
        ffn_norm: Some("model.layers.{}.mlp.ffn_sub_norm.weight"),
        ..TRANSFORMERS
    },
};
