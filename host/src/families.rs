//! Model families: one file each, one row of data each.

mod bitnet;
mod bitnet_b158;
mod llama;
mod mistral;

use crate::config::Activation;

/// What differs between families.
#[derive(Debug)]
pub struct Family {
    /// Values of `architectures` in config.json.
    pub architectures: &'static [&'static str],
    /// `model_type` in config.json.
    pub model_type: &'static str,
    /// Values of `general.architecture` in GGUF.
    pub gguf: &'static [&'static str],
    /// True if the class itself makes weights ternary (config.json then says `weight_bits` and `input_bits`); false if
    /// `quantization_config` must say that they are.
    pub quantizes_itself: bool,
    /// True if config.json may ask for a sliding window.
    pub windows: bool,
    /// The gate's activation function in GGUF, whose metadata does not tell it.
    pub gguf_activation: Activation,
    /// True if GGUF has the rows of query and key heads interleaved: element i beside element i + d/2.
    pub gguf_interleaved: bool,
    /// Names of tensors in a Hugging Face folder.
    pub names: Names,
}

impl Family {
    /// Names of tensors in a GGUF file.
    pub fn gguf_names(&self) -> Names {
        Names {
            attention_norm: self.names.attention_norm.and(Some("blk.{}.attn_sub_norm.weight")),
            ffn_norm: self.names.ffn_norm.and(Some("blk.{}.ffn_sub_norm.weight")),
            ..GGUF
        }
    }
}

/// Names of a model's tensors; `{}` is the layer's number.
#[derive(Debug, Clone)]
pub struct Names {
    /// The embedding, `[vocab, hidden]`.
    pub embedding: &'static str,
    /// The last norm, `[hidden]`.
    pub final_norm: &'static str,
    /// The head, `[vocab, hidden]`; only read if the embedding is not tied.
    pub head: &'static str,
    /// The norm before attention, `[hidden]`.
    pub input_norm: &'static str,
    /// The norm before the output projection, `[heads * head_size]`, if the family has one.
    pub attention_norm: Option<&'static str>,
    /// The norm before the feed-forward part, `[hidden]`.
    pub ffn_input_norm: &'static str,
    /// The norm before the down projection, `[ffn]`, if the family has one.
    pub ffn_norm: Option<&'static str>,
    /// Query, key and value projections.
    pub qkv: [&'static str; 3],
    /// The output projection.
    pub output: &'static str,
    /// Gate, up and down projections.
    pub ffn: [&'static str; 3],
}

/// The names that `transformers` gives to the parts of a decoder, without norms before output projections.
pub(crate) const TRANSFORMERS: Names = Names {
    embedding: "model.embed_tokens.weight",
    final_norm: "model.norm.weight",
    head: "lm_head.weight",
    input_norm: "model.layers.{}.input_layernorm.weight",
    attention_norm: None,
    ffn_input_norm: "model.layers.{}.post_attention_layernorm.weight",
    ffn_norm: None,
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

/// The names that llama.cpp gives to the parts of a decoder, without norms before output projections.
const GGUF: Names = Names {
    embedding: "token_embd.weight",
    final_norm: "output_norm.weight",
    head: "output.weight",
    input_norm: "blk.{}.attn_norm.weight",
    attention_norm: None,
    ffn_input_norm: "blk.{}.ffn_norm.weight",
    ffn_norm: None,
    qkv: ["blk.{}.attn_q.weight", "blk.{}.attn_k.weight", "blk.{}.attn_v.weight"],
    output: "blk.{}.attn_output.weight",
    ffn: ["blk.{}.ffn_gate.weight", "blk.{}.ffn_up.weight", "blk.{}.ffn_down.weight"],
};

/// All families that can be read.
pub const ALL: &[&Family] = &[&bitnet::FAMILY, &bitnet_b158::FAMILY, &llama::FAMILY, &mistral::FAMILY];
