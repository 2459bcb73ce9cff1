//! Model families: one file each, one row of data each.

mod bitnet;

/// What differs between families. In names, `{}` is the layer's number.
#[derive(Debug)]
pub struct Family {
    /// Values of `architectures` in config.json.
    pub architectures: &'static [&'static str],
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

/// All families that can be read.
pub const ALL: &[&Family] = &[&bitnet::FAMILY];
