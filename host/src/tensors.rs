//! Named tensors of a memory-mapped `model.safetensors`, checked for shape and type before use.

use crate::error::{Error, Result};
use memmap2::Mmap;
use ndarray::Array2;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Types that hold numbers rather than packed codes.
const FLOATS: &str = "BF16, F16 or F32";

/// An open tensor file. Nothing is read from disk until a tensor is used.
#[derive(Debug)]
pub struct Tensors {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    data_start: usize,
}

/// One tensor: its name, shape and raw little-endian bytes.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'a> {
    name: &'a str,
    info: &'a TensorInfo,
    bytes: &'a [u8],
}

impl Tensors {
    /// Maps and validates `path`. Errors name the file and what is wrong with its header.
    pub fn open(path: &Path) -> Result<Self> {
        let remedy = "give the folder of a Hugging Face model";
        let file = File::open(path).map_err(|e| Error::io(path, remedy, e))?;
        // SAFETY: the map is read-only and private to this value. Should another process truncate the file meanwhile,
        // the system ends this process; no Rust object is ever built on the bytes without a copy.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io(path, remedy, e))?;
        let damaged = |problem: String| Error::Safetensors { path: path.into(), bytes: map.len(), problem };
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|e| damaged(e.to_string()))?;
        let data_start = header + 8;
        if data_start.checked_add(metadata.data_len()) != Some(map.len()) {
            let problem =
                format!("its header promises {} bytes of data after byte {data_start}", metadata.data_len());
            return Err(damaged(problem));
        }
        Ok(Tensors { path: path.into(), map, metadata, data_start })
    }

    /// Element type of `name`, as safetensors calls it.
    pub fn dtype(&self, name: &str) -> Option<String> {
        self.metadata.info(name).map(|info| info.dtype.to_string())
    }

    /// The tensor `name`, or an error that names it.
    pub fn get<'a>(&'a self, name: &'a str) -> Result<Tensor<'a>> {
        let missing = || Error::MissingTensor {
            name: name.into(),
            path: self.path.clone(),
            count: self.metadata.tensors().len(),
        };
        let info = self.metadata.info(name).ok_or_else(missing)?;
        let (from, to) = info.data_offsets;
        let bytes = self.map.get(self.data_start + from..self.data_start + to).ok_or_else(missing)?;
        Ok(Tensor { name, info, bytes })
    }
}

impl<'a> Tensor<'a> {
    /// True if the elements are bytes of packed ternary codes.
    pub fn is_packed(&self) -> bool {
        self.info.dtype == Dtype::U8
    }

    /// Checks the shape.
    pub fn expect_shape(&self, expected: &[usize]) -> Result<()> {
        if self.info.shape == expected {
            return Ok(());
        }
        Err(Error::Shape {
            name: self.name.into(),
            found: self.info.shape.clone(),
            expected: expected.into(),
        })
    }

    /// The raw bytes of a U8 tensor of the given shape.
    pub fn packed(&self, shape: &[usize]) -> Result<&'a [u8]> {
        if !self.is_packed() {
            return Err(self.wrong_type("U8"));
        }
        self.expect_shape(shape)?;
        Ok(self.bytes)
    }

    /// All elements as f32, in row-major order; an error names the first that is not finite.
    pub fn floats(&self, shape: &[usize]) -> Result<Vec<f32>> {
        self.expect_shape(shape)?;
        let values = self.convert()?;
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(values),
            Some(index) => Err(Error::NotFinite { name: self.name.into(), index, value: values[index] }),
        }
    }

    /// As [`Tensor::floats`], for a matrix `[rows, columns]`.
    pub fn matrix(&self, rows: usize, columns: usize) -> Result<Array2<f32>> {
        let values = self.floats(&[rows, columns])?;
        Array2::from_shape_vec((rows, columns), values).map_err(|_| Error::Shape {
            name: self.name.into(),
            found: self.info.shape.clone(),
            expected: vec![rows, columns],
        })
    }

    /// The one element of a scale (`[]` or `[1]`), which must be positive and finite.
    pub fn scale(&self) -> Result<f32> {
        if self.info.shape.iter().product::<usize>() != 1 {
            self.expect_shape(&[1])?;
        }
        let value = self.convert()?[0];
        if value.is_finite() && value > 0.0 {
            return Ok(value);
        }
        Err(Error::Scale { name: self.name.into(), value })
    }

    fn convert(&self) -> Result<Vec<f32>> {
        let pairs = || self.bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        Ok(match self.info.dtype {
            Dtype::BF16 => pairs().map(|b| half::bf16::from_le_bytes(b).to_f32()).collect(),
            Dtype::F16 => pairs().map(|b| half::f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::F32 => {
                self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            _ => return Err(self.wrong_type(FLOATS)),
        })
    }

    fn wrong_type(&self, expected: &'static str) -> Error {
        Error::Dtype { name: self.name.into(), found: format!("{}", self.info.dtype), expected }
    }
}
