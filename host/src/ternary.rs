//! Ternary matrices in whatever form a model file holds them; rows are decoded when asked for.

use crate::error::{Error, Result};
use crate::ggml::{self, i2s, i2s::Layout};
use crate::tensors::{Element, FLOATS, Floats, Tensor, Tensors};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// What a stored `weight_scale` does to an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `y = acc / s_act * weight_scale` (`autobitlinear`)
    Multiply,
    /// `y = acc / (s_act * weight_scale)` (`bitlinear`, the default)
    Divide,
}

/// The form in which a configuration says that ternary weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Packed codes with one `weight_scale` a matrix.
    Packed(Direction),
    /// Numbers that become ternary by the absmean rule when they are loaded.
    Master,
    /// What GGUF holds: blocks of codes, I2_S in the given order, or numbers that already are ternary.
    Gguf(Layout),
}

/// A ternary matrix: `y = codes * x * scale`, codes -1, 0, +1 of shape `[outputs, inputs]`.
#[derive(Debug, Clone)]
pub struct Ternary {
    outputs: usize,
    inputs: usize,
    /// What a product of codes is multiplied with; positive.
    pub scale: f32,
    source: Source,
    /// Heads of this size have their rows interleaved in the file: element i beside element i + d/2.
    interleaved: Option<usize>,
}

#[derive(Debug, Clone)]
enum Source {
    Dense(Array2<i8>),
    Packed(Tensor),
    /// Blocks of TQ1_0 or TQ2_0.
    Blocks(Tensor, ggml::Type),
    I2s(Tensor, Layout),
    /// Random codes from a seed.
    Random(u64),
    /// Numbers, and what they are multiplied with before they are rounded.
    Master(Floats, f32),
}

/// Smallest mean magnitude that the absmean rule divides by.
const SMALLEST_MEAN: f32 = 1e-5;

impl Ternary {
    /// A matrix of codes in memory.
    pub fn dense(codes: Array2<i8>, scale: f32) -> Self {
        let (outputs, inputs) = codes.dim();
        Ternary::new(outputs, inputs, scale, Source::Dense(codes))
    }

    /// Random codes from a seed, made when asked for. About 0.4 of them are zero, more in some rows and fewer in others, as in
    /// trained matrices.
    pub fn random(seed: u64, outputs: usize, inputs: usize, scale: f32) -> Self {
        Ternary::new(outputs, inputs, scale, Source::Random(seed))
    }

    fn new(outputs: usize, inputs: usize, scale: f32, source: Source) -> Self {
        Ternary { outputs, inputs, scale, source, interleaved: None }
    }

    /// Takes the matrix `name` of shape `[outputs, inputs]`, and its `weight_scale` if it has one.
    pub fn take(
        tensors: &mut Tensors,
        name: &str,
        outputs: usize,
        inputs: usize,
        form: Form,
    ) -> Result<Self> {
        let tensor = tensors.take(name)?;
        match (form, tensor.element) {
            (Form::Packed(direction), Element::Packed) => {
                let scale = tensors.take(&format!("{name}_scale"))?;
                Self::packed(tensor, &scale, outputs, inputs, direction)
            }
            (Form::Packed(_), _) => Err(tensor.wrong_type(
                "U8 as quantization_config says (master weights need linear_class autobitlinear and quantization_mode online)",
            )),
            (Form::Master, element) if element.is_float() => {
                let name = tensor.name.clone();
                Self::master(&name, Floats::stored(tensor, outputs, inputs)?)
            }
            (Form::Master, _) => Err(tensor.wrong_type(FLOATS)),
            (Form::Gguf(layout), _) => {
                let mut matrix = Self::gguf(tensor, outputs, inputs, layout)?;
                // llama.cpp multiplies by a scale of its own, where there is one
                let scale = name.strip_suffix("weight").map(|stem| format!("{stem}scale"));
                if let Some(scale) = scale.and_then(|name| tensors.take_optional(&name)) {
                    matrix.scale *= scale.scale()?;
                }
                Ok(matrix)
            }
        }
    }

    /// The same matrix, whose rows the file holds interleaved in heads of `size` rows.
    pub fn interleaved(mut self, size: usize) -> Self {
        self.interleaved = Some(size);
        self
    }

    fn gguf(tensor: Tensor, outputs: usize, inputs: usize, layout: Layout) -> Result<Self> {
        tensor.expect_shape(&[outputs, inputs])?;
        let Element::Block(kind) = tensor.element else {
            return Self::already_ternary(tensor, outputs, inputs);
        };
        let damaged = |problem| Error::Encoding { name: tensor.name.clone(), problem };
        if !kind.is_ternary() {
            return Err(tensor.wrong_type("TQ1_0, TQ2_0, I2_S, or F32, F16 or BF16 with ternary values"));
        }
        let scale = ggml::scale(kind, &tensor.bytes).map_err(damaged)?;
        let source = match kind {
            ggml::Type::I2_S => Source::I2s(tensor.clone(), layout),
            _ => Source::Blocks(tensor.clone(), kind),
        };
        let matrix = Ternary::new(outputs, inputs, scale, source);
        let check = |row| matrix.try_row(row, &mut vec![0; inputs]).err();
        match (0..outputs).into_par_iter().find_map_first(check) {
            None => Ok(matrix),
            Some(problem) => Err(damaged(problem)),
        }
    }

    /// Numbers that must all be 0 or of one magnitude.
    fn already_ternary(tensor: Tensor, outputs: usize, inputs: usize) -> Result<Self> {
        let name = tensor.name.clone();
        let values = Floats::stored(tensor, outputs, inputs)?;
        let rows = || {
            (0..outputs).into_par_iter().map(|row| {
                let mut out = vec![0.0f32; inputs];
                values.row(row, &mut out);
                out
            })
        };
        let scale = rows().map(|row| row.iter().fold(0f32, |m, v| m.max(v.abs()))).reduce(|| 0.0, f32::max);
        let strange = |row: Vec<f32>| row.into_iter().find(|v| *v != 0.0 && v.abs() != scale);
        if let Some(value) = rows().find_map_first(strange) {
            return Err(Error::NotTernary { name, value, scale });
        }
        let scale = if scale > 0.0 { scale } else { 1.0 };
        Ok(Ternary::new(outputs, inputs, scale, Source::Master(values, 1.0 / scale)))
    }

    fn packed(
        tensor: Tensor,
        scale: &Tensor,
        outputs: usize,
        inputs: usize,
        direction: Direction,
    ) -> Result<Self> {
        tensor.expect_shape(&[outputs.div_ceil(4), inputs])?;
        let illegal = |b: &u8| b & (b >> 1) & 0x55 != 0;
        if let Some(index) = tensor.bytes.par_iter().position_first(illegal) {
            return Err(Error::Code { name: tensor.name.clone(), index });
        }
        let stored = scale.scale()?;
        let factor = match direction {
            Direction::Multiply => stored,
            Direction::Divide => 1.0 / stored,
        };
        if !factor.is_finite() {
            return Err(Error::Scale { name: scale.name.clone(), value: stored });
        }
        Ok(Ternary::new(outputs, inputs, factor, Source::Packed(tensor)))
    }

    /// The absmean rule of BitNet b1.58: `s = 1 / max(mean |W|, 1e-5)`, codes `clamp(round(W * s), -1, 1)`, scale `1 / s`.
    pub fn master(name: &str, weights: Floats) -> Result<Self> {
        let (outputs, inputs) = (weights.rows(), weights.columns());
        let sums: Vec<f64> = (0..outputs)
            .into_par_iter()
            .map_init(
                || vec![0.0; inputs],
                |values, row| {
                    weights.row(row, values);
                    values.iter().map(|w| f64::from(w.abs())).sum()
                },
            )
            .collect();
        let mean = ((sums.iter().sum::<f64>() / (outputs * inputs) as f64) as f32).max(SMALLEST_MEAN);
        if !mean.is_finite() {
            return Err(Error::Scale { name: name.into(), value: mean });
        }
        let factor = 1.0 / mean;
        Ok(Ternary::new(outputs, inputs, 1.0 / factor, Source::Master(weights, factor)))
    }

    /// Number of outputs, the rows of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Number of inputs, the columns of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Decodes the codes of output `row` (below [`Ternary::outputs`]) to `out`, which is as long as there are inputs.
    pub fn row(&self, row: usize, out: &mut [i8]) {
        let row = match self.interleaved {
            None => row,
            Some(size) => {
                let (head, element) = (row / size, row % size);
                head * size + 2 * (element % (size / 2)) + element / (size / 2)
            }
        };
        // the constructors decoded every row once
        let decoded = self.try_row(row, out);
        debug_assert!(decoded.is_ok());
    }

    /// Decodes row `row` of the file.
    fn try_row(&self, row: usize, out: &mut [i8]) -> ggml::Result<()> {
        match &self.source {
            Source::Dense(codes) => out.iter_mut().zip(codes.row(row)).for_each(|(o, c)| *o = *c),
            Source::Packed(tensor) => {
                let quarter = self.outputs.div_ceil(4);
                let (start, shift) = ((row % quarter) * self.inputs, 2 * (row / quarter));
                let bytes = &tensor.bytes[start..start + self.inputs];
                out.iter_mut().zip(bytes).for_each(|(o, b)| *o = ((b >> shift) & 3) as i8 - 1);
            }
            Source::Blocks(tensor, kind) => {
                let size = kind.bytes(self.inputs, 1)?;
                ggml::codes(*kind, &tensor.bytes[row * size..(row + 1) * size], out)?;
            }
            Source::Random(seed) => random_codes(*seed, row, out),
            Source::I2s(tensor, layout) => i2s::row(*layout, &tensor.bytes, row, out)?,
            Source::Master(weights, factor) => {
                let mut values = vec![0.0; self.inputs];
                weights.row(row, &mut values);
                let code = |w: f32| (w * factor).round_ties_even().clamp(-1.0, 1.0) as i8;
                out.iter_mut().zip(values).for_each(|(o, w)| *o = code(w));
            }
        }
        Ok(())
    }

    /// All codes, `[outputs, inputs]`.
    pub fn codes(&self) -> Array2<i8> {
        let mut codes = vec![0; self.outputs * self.inputs];
        codes.par_chunks_exact_mut(self.inputs.max(1)).enumerate().for_each(|(row, out)| self.row(row, out));
        Array2::from_shape_vec((self.outputs, self.inputs), codes).unwrap_or_default()
    }

    /// How many codes are -1, 0 and +1.
    pub fn counts(&self) -> [usize; 3] {
        let count = |row| {
            let mut codes = vec![0i8; self.inputs];
            self.row(row, &mut codes);
            let of = |code| codes.iter().filter(|&&c| c == code).count();
            [of(-1), of(0), of(1)]
        };
        let add = |a: [usize; 3], b: [usize; 3]| std::array::from_fn(|i| a[i] + b[i]);
        (0..self.outputs).into_par_iter().map(count).reduce(|| [0; 3], add)
    }

    /// How the codes are stored.
    pub fn format(&self) -> String {
        match &self.source {
            Source::Dense(_) => "codes".into(),
            Source::Random(_) => "random".into(),
            Source::Packed(_) => "packed".into(),
            Source::Blocks(_, kind) => kind.to_string(),
            Source::I2s(_, layout) => format!("I2_S {layout}"),
            Source::Master(weights, _) => format!("{} master", weights.format()),
        }
    }
}

/// Codes of a row of a random matrix.
fn random_codes(seed: u64, row: usize, out: &mut [i8]) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(row as u64);
    let mut bytes = vec![0u8; out.len() + 1];
    random.fill_bytes(&mut bytes);
    // of 256 byte values, 86 to 118 stand for zero, so 102 on average
    let zeros = 86 + bytes[out.len()] % 33;
    for (code, byte) in out.iter_mut().zip(bytes) {
        *code = if byte < zeros { 0 } else { 2 * ((byte - zeros) & 1) as i8 - 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn absmean_rounds_and_clamps() {
        let weights = arr2(&[[1.0, -1.0, 0.1, 0.5], [3.0, -0.4, 0.0, -2.0]]);
        let t = Ternary::master("w", weights.into()).unwrap();
        assert_eq!(t.scale, 1.0);
        assert_eq!(t.codes(), arr2(&[[1, -1, 0, 0], [1, 0, 0, -1]]));
        assert_eq!(t.counts(), [2, 4, 2]);
    }

    #[test]
    fn absmean_of_zeros_keeps_a_finite_scale() {
        let t = Ternary::master("w", Array2::zeros((4, 4)).into()).unwrap();
        assert_eq!((t.scale, t.counts()), (1.0 / (1.0 / SMALLEST_MEAN), [0, 16, 0]));
    }
}
