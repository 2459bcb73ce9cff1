//! The layout of a file's I2_S tensors, found from all of them together and the gains of the norms in front of them.

use super::Gguf;
use crate::error::Result;
use crate::ggml::detect::{Detection, detect};
use crate::ggml::{Type, decode};

/// Matrices of a block and the norm whose output each one multiplies, as llama.cpp names them.
const NORMS: [(&str, &str); 7] = [
    ("attn_q", "attn_norm"),
    ("attn_k", "attn_norm"),
    ("attn_v", "attn_norm"),
    ("attn_output", "attn_sub_norm"),
    ("ffn_gate", "ffn_norm"),
    ("ffn_up", "ffn_norm"),
    ("ffn_down", "ffn_sub_norm"),
];

/// Tensors after which the search ends if it is decided: one kind of matrix alone should not settle it.
const ENOUGH: usize = 8;

/// Weighs the layouts of the file's I2_S matrices; none if it has none. Reads as few tensors as it takes.
pub fn i2s_layout(gguf: &Gguf) -> Result<Option<Detection>> {
    let mut total = Detection::default();
    let mut seen = 0;
    for (name, tensor) in gguf.tensors().filter(|(_, t)| t.kind == Type::I2_S) {
        let gains = gains(gguf, name, tensor.columns());
        let found = detect(gguf.bytes(tensor), tensor.columns(), gains.as_deref());
        total.add(&found.map_err(|e| gguf.tensor_error(name, e))?);
        seen += 1;
        if seen >= ENOUGH && total.decided() {
            break;
        }
    }
    Ok((seen > 0).then_some(total))
}

/// The gains of the norm in front of the matrix `name`, if the file has them under a known name and in a usable form.
fn gains(gguf: &Gguf, name: &str, columns: usize) -> Option<Vec<f32>> {
    let (block, matrix) = name.strip_suffix(".weight")?.rsplit_once('.')?;
    let (_, norm) = NORMS.iter().find(|(known, _)| *known == matrix)?;
    let tensor = gguf.tensor(&format!("{block}.{norm}.weight"))?;
    let mut gains = vec![0.0; columns];
    decode(tensor.kind, gguf.bytes(tensor), &mut gains).ok()?;
    Some(gains)
}
