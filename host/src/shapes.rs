//! Published models' shapes, with random weights in the place of trained ones: what a full-size model needs and how fast it would be can
//! be seen without it.
//!
//! Weights are made when they are asked for, from a seed, so that a shape costs no memory beyond what is compiled from it.

use crate::config::{Activation, ModelConfig};
use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::model::{Layer, Model, Weights};
use crate::tensors::Floats;
use crate::ternary::{Direction, Form, Ternary};
use sterna_spec::config::Config;

/// Dimensions of a published model.
#[derive(Debug)]
pub struct Shape {
    /// What `--shape` calls it.
    pub name: &'static str,
    /// The value of `architectures` in its config.json.
    architecture: &'static str,
    hidden: usize,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head_size: usize,
    ffn: usize,
    activation: Activation,
    vocab: usize,
    tied: bool,
    rope_theta: f64,
    eps: f32,
    context: usize,
}

/// All shapes. Sources: the models' config.json, but for Falcon-E, whose dimensions are from its model card and unverified.
pub const ALL: [Shape; 7] = [
    Shape {
        name: "bitnet-2b4t",
        architecture: "BitNetForCausalLM",
        hidden: 2560,
        layers: 30,
        heads: 20,
        kv_heads: 5,
        head_size: 128,
        ffn: 6912,
        activation: Activation::Relu2,
        vocab: 128_256,
        tied: true,
        rope_theta: 500_000.0,
        eps: 1e-5,
        context: 4096,
    },
    Shape {
        name: "bitnet_b1_58-large",
        architecture: "BitnetForCausalLM",
        hidden: 1536,
        layers: 24,
        heads: 16,
        kv_heads: 16,
        head_size: 96,
        ffn: 4096,
        activation: Activation::Silu,
        vocab: 32_002,
        tied: true,
        rope_theta: 10_000.0,
        eps: 1e-5,
        context: 2048,
    },
    Shape {
        name: "bitnet_b1_58-3b",
        architecture: "BitnetForCausalLM",
        hidden: 3200,
        layers: 26,
        heads: 32,
        kv_heads: 32,
        head_size: 100,
        ffn: 8640,
        activation: Activation::Silu,
        vocab: 32_002,
        tied: true,
        rope_theta: 10_000.0,
        eps: 1e-5,
        context: 2048,
    },
    Shape {
        name: "llama3-8b",
        architecture: "LlamaForCausalLM",
        hidden: 4096,
        layers: 32,
        heads: 32,
        kv_heads: 8,
        head_size: 128,
        ffn: 14_336,
        activation: Activation::Silu,
        vocab: 128_256,
        tied: false,
        rope_theta: 500_000.0,
        eps: 1e-5,
        context: 8192,
    },
    Shape {
        name: "falcon3-1b",
        architecture: "LlamaForCausalLM",
        hidden: 2048,
        layers: 18,
        heads: 8,
        kv_heads: 4,
        head_size: 256,
        ffn: 8192,
        activation: Activation::Silu,
        vocab: 131_072,
        tied: false,
        rope_theta: 1_000_042.0,
        eps: 1e-6,
        context: 8192,
    },
    Shape {
        name: "falcon3-3b",
        architecture: "LlamaForCausalLM",
        hidden: 3072,
        layers: 22,
        heads: 12,
        kv_heads: 4,
        head_size: 256,
        ffn: 9216,
        activation: Activation::Silu,
        vocab: 131_072,
        tied: false,
        rope_theta: 1_000_042.0,
        eps: 1e-6,
        context: 4096,
    },
    Shape {
        name: "falcon-e-1b",
        architecture: "LlamaForCausalLM",
        hidden: 2048,
        layers: 24,
        heads: 16,
        kv_heads: 2,
        head_size: 128,
        ffn: 9216,
        activation: Activation::Silu,
        vocab: 32_768,
        tied: false,
        rope_theta: 1_000_000.0,
        eps: 1e-5,
        context: 32_768,
    },
];

/// Mean square of a random code: 0.6 of them are not zero.
const CODE_POWER: f64 = 0.6;
/// Standard deviation that random logits get.
const LOGITS: f64 = 2.5;

impl Shape {
    /// The shape of a name; the error lists all.
    pub fn find(name: &str) -> Result<&'static Shape> {
        ALL.iter().find(|shape| shape.name == name).ok_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|shape| shape.name).collect();
            Error::Setting {
                name: "shape",
                value: name.into(),
                range: format!("one of {}", names.join(", ")),
            }
        })
    }

    /// A model of one layer, made to what a device has, so small that any memory holds it.
    pub fn small(device: &Config) -> Shape {
        let (lanes, unit) = (device.lanes as usize, device.attention_width.max(2 * device.lanes) as usize);
        let words = |elements: usize| (elements / lanes).max(1) * lanes;
        let activations = device.activations as usize;
        let heads = (activations / unit).clamp(1, 4).min(device.heads as usize);
        Shape {
            name: "small",
            architecture: "BitNetForCausalLM",
            hidden: words(48).min(activations),
            layers: 1,
            heads,
            kv_heads: heads.div_ceil(2),
            head_size: unit,
            ffn: words(72).min(activations),
            activation: Activation::Relu2,
            vocab: 100,
            tied: true,
            rope_theta: 10_000.0,
            eps: 1e-5,
            context: 16,
        }
    }

    fn family(&self) -> &'static Family {
        let of = |f: &&&Family| f.architectures.contains(&self.architecture);
        families::ALL.iter().find(of).copied().unwrap_or(families::ALL[0])
    }

    /// The model of this shape; equal seeds give equal weights.
    pub fn model(&self, seed: u64) -> Model {
        let config = ModelConfig {
            family: self.family(),
            hidden: self.hidden,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_size: self.head_size,
            head_map: ModelConfig::even_map(self.heads, self.kv_heads),
            ffn: self.ffn,
            vocab: self.vocab,
            context: self.context,
            rope_theta: self.rope_theta,
            eps: self.eps,
            activation: self.activation,
            tied: self.tied,
            windows: vec![None; self.layers],
            form: Form::Packed(Direction::Multiply),
            eos: Vec::new(),
        };
        let mut seeds = seed.wrapping_mul(1 << 20)..;
        let mut next = move || seeds.next().unwrap_or_default();
        // logits of unit states have this standard deviation
        let spread = (LOGITS / (self.hidden as f64).sqrt()) as f32;
        let weights = Weights {
            embedding: Floats::random(next(), self.vocab, self.hidden, spread),
            layers: (0..self.layers).map(|_| layer(&config, &mut next)).collect(),
            final_norm: vec![1.0; self.hidden],
            head: (!self.tied).then(|| Floats::random(next(), self.vocab, self.hidden, spread)),
        };
        let notes = vec![format!("the weights are random: only the shape is that of {}", self.name)];
        Model { path: self.name.into(), config, weights, notes }
    }
}

/// A layer whose matrices keep the size of what goes through them.
fn layer(c: &ModelConfig, next: &mut impl FnMut() -> u64) -> Layer {
    let mut matrix = |outputs: usize, inputs: usize| {
        Ternary::random(next(), outputs, inputs, (1.0 / (CODE_POWER * inputs as f64).sqrt()) as f32)
    };
    let (width, kv_width) = (c.attention_width(), c.kv_heads * c.head_size);
    let names = &c.family.names;
    Layer {
        input_norm: vec![1.0; c.hidden],
        qkv: [matrix(width, c.hidden), matrix(kv_width, c.hidden), matrix(kv_width, c.hidden)],
        attention_norm: names.attention_norm.map(|_| vec![1.0; width]),
        output: matrix(c.hidden, width),
        ffn_input_norm: vec![1.0; c.hidden],
        gate: matrix(c.ffn, c.hidden),
        up: matrix(c.ffn, c.hidden),
        ffn_norm: names.ffn_norm.map(|_| vec![1.0; c.ffn]),
        down: matrix(c.hidden, c.ffn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_weights_have_the_statistics_of_trained_ones() {
        let matrix = Ternary::random(7, 300, 1000, 0.1);
        let [minus, zero, plus] = matrix.counts().map(|count| count as f64 / 300_000.0);
        assert!((zero - 0.4).abs() < 0.01 && (minus - plus).abs() < 0.01, "{minus} {zero} {plus}");
        let shares: Vec<f64> = (0..300)
            .map(|row| {
                let mut codes = vec![0; 1000];
                matrix.row(row, &mut codes);
                codes.iter().filter(|&&c| c == 0).count() as f64 / 1000.0
            })
            .collect();
        let deviation = (shares.iter().map(|s| (s - zero).powi(2)).sum::<f64>() / 300.0).sqrt();
        assert!(deviation > 0.02, "rows differ as those of trained matrices do: {deviation}");
        assert!(matrix.codes() == Ternary::random(7, 300, 1000, 0.1).codes());
        assert!(matrix.codes() != Ternary::random(8, 300, 1000, 0.1).codes());
        let values = Floats::random(3, 50, 1000, 2.0).to_dense();
        let power = values.iter().map(|v| f64::from(v * v)).sum::<f64>() / 50_000.0;
        assert!((power.sqrt() - 2.0).abs() < 0.05, "{power}");
    }

    #[test]
    fn names_are_found() {
        assert_eq!(Shape::find("bitnet-2b4t").map(|s| s.hidden).ok(), Some(2560));
        insta::assert_snapshot!(Shape::find("gpt-5").err().map(|e| e.to_string()).unwrap_or_default());
    }
}
