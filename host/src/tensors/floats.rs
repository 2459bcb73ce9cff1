//! Matrices of numbers, decoded row by row.

use crate::error::{Error, Result};
use crate::ggml;
use crate::tensors::{Element, FLOATS, Tensor};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use safetensors::tensor::Dtype;

/// A matrix whose rows are decoded when asked for, so that a large embedding costs no memory beyond its file.
#[derive(Debug, Clone)]
pub struct Floats {
    rows: usize,
    columns: usize,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Dense(Array2<f32>),
    Stored(Tensor),
    /// Random numbers from a seed, and their standard deviation.
    Random(u64, f32),
}

impl Floats {
    /// Random numbers from a seed, made when asked for; `deviation` is their standard deviation.
    pub fn random(seed: u64, rows: usize, columns: usize, deviation: f32) -> Self {
        Floats { rows, columns, source: Source::Random(seed, deviation) }
    }

    /// A stored matrix `[rows, columns]`; an error if shape or type are wrong or an element is not finite.
    pub fn stored(tensor: Tensor, rows: usize, columns: usize) -> Result<Self> {
        tensor.expect_shape(&[rows, columns])?;
        if !tensor.element.is_float() || tensor.element.bytes(columns).is_none() {
            return Err(tensor.wrong_type(FLOATS));
        }
        let floats = Floats { rows, columns, source: Source::Stored(tensor) };
        floats.check()?;
        Ok(floats)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Decodes row `row` (below [`Floats::rows`]) to `out`, which is as long as a row.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        match &self.source {
            Source::Dense(values) => out.iter_mut().zip(values.row(row)).for_each(|(o, v)| *o = *v),
            Source::Random(seed, deviation) => random_values(*seed, row, *deviation, out),
            Source::Stored(tensor) => {
                // the constructor made sure that the bytes are numbers and as many as the shape says
                let size = tensor.element.bytes(self.columns).unwrap_or_default();
                let decoded = tensor.element.decode(&tensor.bytes[row * size..(row + 1) * size], out);
                debug_assert!(decoded.is_ok());
            }
        }
    }

    /// All elements.
    pub fn to_dense(&self) -> Array2<f32> {
        let mut values = Array2::zeros((self.rows, self.columns));
        for (row, mut out) in values.outer_iter_mut().enumerate() {
            if let Some(out) = out.as_slice_mut() {
                self.row(row, out);
            }
        }
        values
    }

    /// The stored bytes and their type, if they are plain numbers.
    pub(crate) fn plain(&self) -> Option<(Dtype, &[u8])> {
        let Source::Stored(tensor) = &self.source else { return None };
        let dtype = match tensor.element {
            Element::F32 => Dtype::F32,
            Element::F16 => Dtype::F16,
            Element::Bf16 => Dtype::BF16,
            _ => return None,
        };
        Some((dtype, &tensor.bytes))
    }

    /// The stored bytes and their type in ggml.
    pub(crate) fn block(&self) -> Option<(ggml::Type, &[u8])> {
        let Source::Stored(tensor) = &self.source else { return None };
        let kind = match tensor.element {
            Element::F32 => ggml::Type::F32,
            Element::F16 => ggml::Type::F16,
            Element::Bf16 => ggml::Type::BF16,
            Element::Block(kind) => kind,
            Element::Packed | Element::Other(_) => return None,
        };
        Some((kind, &tensor.bytes))
    }

    /// How the elements are stored.
    pub fn format(&self) -> String {
        match &self.source {
            Source::Dense(_) => "F32".into(),
            Source::Random(..) => "random".into(),
            Source::Stored(tensor) => tensor.element.to_string(),
        }
    }

    fn check(&self) -> Result<()> {
        let Source::Stored(tensor) = &self.source else { return Ok(()) };
        let bad = (0..self.rows).into_par_iter().find_map_first(|row| {
            let mut values = vec![0.0; self.columns];
            self.row(row, &mut values);
            let column = values.iter().position(|v| !v.is_finite())?;
            Some((row * self.columns + column, values[column]))
        });
        match bad {
            None => Ok(()),
            Some((index, value)) => Err(Error::NotFinite { name: tensor.name.clone(), index, value }),
        }
    }
}

/// Values of a row of a random matrix: sums of four bytes, nearly normal.
fn random_values(seed: u64, row: usize, deviation: f32, out: &mut [f32]) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(row as u64);
    let mut bytes = vec![0u8; 4 * out.len()];
    random.fill_bytes(&mut bytes);
    // four uniform bytes have a variance of (256^2 - 1) / 3
    let unit = deviation / (65535f32 / 3.0).sqrt();
    for (value, four) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
        let sum: i32 = four.iter().map(|&b| i32::from(b)).sum();
        *value = (sum - 510) as f32 * unit;
    }
}

impl From<Array2<f32>> for Floats {
    fn from(values: Array2<f32>) -> Self {
        let (rows, columns) = values.dim();
        Floats { rows, columns, source: Source::Dense(values) }
    }
}
