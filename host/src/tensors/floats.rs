//! Matrices of numbers, decoded row by row.

use crate::error::{Error, Result};
use crate::tensors::{FLOATS, Tensor};
use ndarray::Array2;
use rayon::prelude::*;

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
}

impl Floats {
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

    /// How the elements are stored.
    pub fn format(&self) -> String {
        match &self.source {
            Source::Dense(_) => "F32".into(),
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

impl From<Array2<f32>> for Floats {
    fn from(values: Array2<f32>) -> Self {
        let (rows, columns) = values.dim();
        Floats { rows, columns, source: Source::Dense(values) }
    }
}
