//! The tensors of a GGUF file.

use super::{Element, Tensor, Tensors};
use crate::error::Result;
use crate::ggml::Type;
use crate::gguf::Gguf;

/// All tensors; their names and places were checked when the file was opened.
pub fn tensors(gguf: &Gguf) -> Result<Tensors> {
    let mut tensors = Tensors::new(gguf.path());
    for (name, tensor) in gguf.tensors() {
        let element = match tensor.kind {
            Type::F32 => Element::F32,
            Type::F16 => Element::F16,
            Type::BF16 => Element::Bf16,
            kind => Element::Block(kind),
        };
        let Some(bytes) = gguf.part(tensor) else { continue };
        tensors.insert(Tensor { name: name.into(), element, shape: tensor.shape.clone(), bytes })?;
    }
    Ok(tensors)
}
