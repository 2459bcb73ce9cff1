//! BitNet b1.58 as Microsoft publishes it: grouped heads, squared ReLU or SiLU, a norm before each output projection.
//!
//! Source: `transformers`, models/bitnet; `microsoft/bitnet-b1.58-2B-4T`.

use super::Family;

/// Names of the family's tensors.
pub const FAMILY: Family = Family {
    architectures: &["BitNetForCausalLM", "BitnetForCausalLM"],
    embedding: "model.embed_tokens.weight",
    final_norm: "model.norm.weight",
    head: "lm_head.weight",
    input_norm: "model.layers.{}.input_layernorm.weight",
    attention_norm: Some("model.layers.{}.self_attn.attn_sub_norm.weight"),
    ffn_input_norm: "model.layers.{}.post_attention_layernorm.weight",
    ffn_norm: Some("model.layers.{}.mlp.ffn_sub_norm.weight"),
    qkv: [
        "model.layers.{}.self_attn.q_proj.weight",
        "model.layers.{}.self_attn.k_proj.weight",
        "model.layers.{}.self_attn.v_proj.weight",
    ],
    output: "model.layers.{}.self_attn.o_proj.weight",
    ffn: [
        "model.layers.{}.mlp.gate_proj.weight",
        "model.layers.{}.mlp.up_proj.weight",
        "model.layers.{}.mlp.down_proj.weight",
    ],
};
