//! Ternary matrices and the two ways in which model files hold them.

use crate::config::ScaleDirection;
use crate::error::{Error, Result};
use crate::tensors::{Tensor, Tensors};
use ndarray::Array2;

/// A ternary matrix: `y = codes * x * scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ternary {
    /// `[outputs, inputs]`, each -1, 0 or +1.
    pub codes: Array2<i8>,
    /// What a product of codes is multiplied with; positive.
    pub scale: f32,
}

/// Smallest mean magnitude that the absmean rule divides by.
const SMALLEST_MEAN: f32 = 1e-5;

impl Ternary {
    /// Reads the matrix `name` of shape `[outputs, inputs]`: packed codes with `name`'s `weight_scale`, or master weights,
    /// which are ternarized.
    pub fn load(
        tensors: &Tensors,
        name: &str,
        outputs: usize,
        inputs: usize,
        direction: ScaleDirection,
    ) -> Result<Self> {
        let tensor = tensors.get(name)?;
        if !tensor.is_packed() {
            return Self::from_master(name, tensor.matrix(outputs, inputs)?);
        }
        let codes = unpack(name, &tensor, outputs, inputs)?;
        let scale_name = format!("{name}_scale");
        let stored = tensors.get(&scale_name)?.scale()?;
        let scale = match direction {
            ScaleDirection::Multiply => stored,
            ScaleDirection::Divide => 1.0 / stored,
        };
        if !scale.is_finite() {
            return Err(Error::Scale { name: scale_name, value: stored });
        }
        Ok(Ternary { codes, scale })
    }

    /// The absmean rule of BitNet b1.58: `mean = max(mean |W|, 1e-5)`, codes `clamp(round(W / mean), -1, 1)`.
    pub fn from_master(name: &str, weights: Array2<f32>) -> Result<Self> {
        let sum: f64 = weights.iter().map(|w| f64::from(w.abs())).sum();
        let mean = ((sum / weights.len() as f64) as f32).max(SMALLEST_MEAN);
        if !mean.is_finite() {
            return Err(Error::Scale { name: name.into(), value: mean });
        }
        let inverse = 1.0 / mean;
        let codes = weights.mapv(|w| (w * inverse).round_ties_even().clamp(-1.0, 1.0) as i8);
        Ok(Ternary { codes, scale: mean })
    }

    /// How many codes are -1, 0 and +1.
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for &code in &self.codes {
            counts[(code + 1) as usize] += 1;
        }
        counts
    }
}

/// Hugging Face packing: bits `2i..2i+2` of byte row `r` hold output row `r + i * ceil(outputs / 4)`, code + 1.
fn unpack(name: &str, tensor: &Tensor, outputs: usize, inputs: usize) -> Result<Array2<i8>> {
    let quarter = outputs.div_ceil(4);
    let bytes = tensor.packed(&[quarter, inputs])?;
    if let Some(index) = bytes.iter().position(|b| b & (b >> 1) & 0x55 != 0) {
        return Err(Error::Code { name: name.into(), index });
    }
    let code = |(row, column): (usize, usize)| {
        let byte = bytes[(row % quarter) * inputs + column];
        ((byte >> (2 * (row / quarter))) & 3) as i8 - 1
    };
    Ok(Array2::from_shape_fn((outputs, inputs), code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn absmean_rounds_and_clamps() {
        let t = Ternary::from_master("w", arr2(&[[1.0, -1.0, 0.1, 0.5], [3.0, -0.4, 0.0, -2.0]])).unwrap();
        assert_eq!(t.scale, 1.0);
        assert_eq!(t.codes, arr2(&[[1, -1, 0, 0], [1, 0, 0, -1]]));
        assert_eq!(t.counts(), [2, 4, 2]);
    }

    #[test]
    fn absmean_of_zeros_keeps_a_finite_scale() {
        let t = Ternary::from_master("w", Array2::zeros((4, 4))).unwrap();
        assert_eq!((t.scale, t.counts()), (SMALLEST_MEAN, [0, 16, 0]));
    }
}
