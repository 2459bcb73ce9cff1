//! Named tensors of model files, whatever their container: checked for shape and type before use, read from disk when used.

mod bytes;
mod floats;
mod gguf;
mod safetensors;

pub use bytes::Bytes;
pub use floats::Floats;

use crate::error::{Error, Result};
use crate::ggml;
use crate::gguf::Gguf;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// How the elements of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// IEEE binary32.
    F32,
    /// IEEE binary16.
    F16,
    /// The upper half of binary32.
    Bf16,
    /// Hugging Face's packed ternary codes: bits `2i..2i+2` of byte row `r` hold row `r + i * ceil(rows / 4)`, code + 1.
    Packed,
    /// A block format of ggml.
    Block(ggml::Type),
    /// Something that safetensors can hold and no ternary model needs.
    Other(::safetensors::tensor::Dtype),
}

/// One tensor: its name, shape (outermost dimension first) and bytes.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// The name, as in the file.
    pub name: String,
    /// How elements are stored.
    pub element: Element,
    /// Outermost dimension first.
    pub shape: Vec<usize>,
    /// Little-endian bytes, as long as shape and element ask for.
    pub bytes: Bytes,
}

/// The tensors of one model, by name. A reader takes what it needs; what is left at the end was not understood.
#[derive(Debug)]
pub struct Tensors {
    origin: PathBuf,
    count: usize,
    tensors: BTreeMap<String, Tensor>,
}

impl Tensors {
    /// The tensors of a Hugging Face folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
    pub fn folder(folder: &Path) -> Result<Self> {
        safetensors::folder(folder)
    }

    /// The tensors of a GGUF file.
    pub fn gguf(gguf: &Gguf) -> Result<Self> {
        gguf::tensors(gguf)
    }

    fn new(origin: &Path) -> Self {
        Tensors { origin: origin.into(), count: 0, tensors: BTreeMap::new() }
    }

    /// Adds a tensor; an error if its name is taken.
    fn insert(&mut self, tensor: Tensor) -> Result<()> {
        let name = tensor.name.clone();
        if self.tensors.insert(name.clone(), tensor).is_some() {
            return Err(Error::DuplicateTensor { name, path: self.origin.clone() });
        }
        self.count += 1;
        Ok(())
    }

    /// Takes the tensor `name`; an error that names it if it is absent or was taken before.
    pub fn take(&mut self, name: &str) -> Result<Tensor> {
        self.take_optional(name).ok_or_else(|| Error::MissingTensor {
            name: name.into(),
            path: self.origin.clone(),
            count: self.count,
        })
    }

    /// Takes the tensor `name` if there is one.
    pub fn take_optional(&mut self, name: &str) -> Option<Tensor> {
        self.tensors.remove(name)
    }

    /// The tensor `name`, left where it is.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The tensors that nobody took, in the order of their names.
    pub fn left(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.values()
    }

    /// The file or folder.
    pub fn origin(&self) -> &Path {
        &self.origin
    }
}

impl Tensor {
    /// Checks the shape.
    pub fn expect_shape(&self, expected: &[usize]) -> Result<()> {
        if self.shape == expected {
            return Ok(());
        }
        Err(Error::Shape { name: self.name.clone(), found: self.shape.clone(), expected: expected.into() })
    }

    /// All elements as f32, in row-major order; an error names the first that is not finite.
    pub fn floats(&self, shape: &[usize]) -> Result<Vec<f32>> {
        self.expect_shape(shape)?;
        let values = self.convert()?;
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(values),
            Some(index) => Err(Error::NotFinite { name: self.name.clone(), index, value: values[index] }),
        }
    }

    /// The one element of a scale (`[]` or `[1]`), which must be positive and finite.
    pub fn scale(&self) -> Result<f32> {
        if self.shape.iter().product::<usize>() != 1 {
            self.expect_shape(&[1])?;
        }
        let value = self.convert()?[0];
        if value.is_finite() && value > 0.0 {
            return Ok(value);
        }
        Err(Error::Scale { name: self.name.clone(), value })
    }

    /// All elements as they are.
    fn convert(&self) -> Result<Vec<f32>> {
        let mut values = vec![0.0; self.shape.iter().product()];
        self.element.decode(&self.bytes, &mut values).map_err(|()| self.wrong_type(FLOATS))?;
        Ok(values)
    }

    pub(crate) fn wrong_type(&self, expected: &'static str) -> Error {
        Error::Dtype { name: self.name.clone(), found: self.element.to_string(), expected }
    }
}

/// Types that hold numbers rather than packed codes.
pub(crate) const FLOATS: &str = "F32, F16, BF16, Q8_0 or Q6_K";

impl Element {
    /// Bytes of `count` elements that follow each other; none if there can be no such run.
    pub fn bytes(self, count: usize) -> Option<usize> {
        match self {
            Element::F32 => count.checked_mul(4),
            Element::F16 | Element::Bf16 => count.checked_mul(2),
            Element::Packed => Some(count),
            Element::Block(kind) if count.is_multiple_of(kind.block_len()) => {
                (count / kind.block_len()).checked_mul(kind.block_bytes())
            }
            Element::Block(_) => None,
            Element::Other(dtype) => Some(count.checked_mul(dtype.bitsize())? / 8),
        }
    }

    /// True if the elements are numbers.
    pub fn is_float(self) -> bool {
        match self {
            Element::F32 | Element::F16 | Element::Bf16 => true,
            Element::Block(kind) => matches!(kind, ggml::Type::Q8_0 | ggml::Type::Q6_K),
            Element::Packed | Element::Other(_) => false,
        }
    }

    /// Numbers to f32; an error if the elements are none.
    fn decode(self, bytes: &[u8], out: &mut [f32]) -> std::result::Result<(), ()> {
        let pairs = bytes.as_chunks().0;
        match self {
            Element::F32 => {
                out.iter_mut().zip(bytes.as_chunks().0).for_each(|(o, b)| *o = f32::from_le_bytes(*b))
            }
            Element::F16 => {
                out.iter_mut().zip(pairs).for_each(|(o, b)| *o = half::f16::from_le_bytes(*b).to_f32());
            }
            Element::Bf16 => {
                out.iter_mut().zip(pairs).for_each(|(o, b)| *o = half::bf16::from_le_bytes(*b).to_f32());
            }
            Element::Block(kind) => ggml::decode(kind, bytes, out).map_err(|_| ())?,
            Element::Packed | Element::Other(_) => return Err(()),
        }
        Ok(())
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::F32 => f.write_str("F32"),
            Element::F16 => f.write_str("F16"),
            Element::Bf16 => f.write_str("BF16"),
            Element::Packed => f.write_str("U8"),
            Element::Block(kind) => write!(f, "{kind}"),
            Element::Other(dtype) => write!(f, "{dtype}"),
        }
    }
}
