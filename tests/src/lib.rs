//! What the tests across crates share: random legal configurations, random models that fit them, the programs, and the comparison of
//! the model of speed with simulations.

pub mod programs;
pub mod speed;

use std::path::PathBuf;

use ndarray::Array2;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sterna_host::config::{Activation, ModelConfig};
use sterna_host::families;
use sterna_host::model::{Layer, Model, Weights};
use sterna_host::ternary::{Form, Ternary};
use sterna_spec::config::{Config, TableKind};

/// A generator for one case; print the seed with every failure.
pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn pick<T: Copy>(rng: &mut impl Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// A legal configuration that is small enough for the evaluator; every dimension varies.
pub fn random_config(seed: u64) -> Config {
    let rng = &mut rng(seed);
    loop {
        let (lookups, group) = (pick(rng, &[1, 1, 2, 4, 8]), pick(rng, &[2, 3, 3, 3, 4]));
        let (ports, port_bytes) = (pick(rng, &[1, 1, 2, 4]), pick(rng, &[4, 8, 8, 16]));
        let beat = ports * port_bytes;
        let most_tables = (5 * beat / (lookups * group)).min(12);
        if most_tables == 0 || beat > 32 {
            continue;
        }
        let lanes = pick(rng, &[1, 2, 4, 8]);
        let width = pick(rng, &[2u32, 4, 8, 16]);
        let burst = pick(rng, &[1, 4, 8, 16]);
        let config = Config {
            name: format!("random-{seed}"),
            rows: pick(rng, &[1, 1, 2, 3, 4]),
            group,
            tables: rng.random_range(1..=most_tables),
            lookups,
            table_kind: pick(rng, &[TableKind::Full, TableKind::Signed]),
            table_banks: pick(rng, &[1, 2]),
            lanes,
            ports,
            port_bytes,
            attention_width: width,
            slots: pick(rng, &[1, 2, 3, 4]),
            head_size: width.max(2 * lanes) * pick(rng, &[1, 2]),
            heads: 6,
            context: 64,
            activations: 96,
            outputs: 256,
            vector_words: 512 / lanes + 8 * rng.random_range(0..4u32),
            shared_words: 512 / lanes + 8 * rng.random_range(0..4u32),
            scalars: pick(rng, &[64, 128]),
            prefetch_beats: burst * pick(rng, &[4, 8, 32]),
            kv_beats: burst * pick(rng, &[4, 8]),
            burst_beats: burst,
            outstanding: pick(rng, &[1, 2, 8]),
            top_k: rng.random_range(1..=8),
            address_bits: pick(rng, &[32, 40]),
            ..tiny()
        };
        if config.check().is_empty() {
            return config;
        }
    }
}

/// The preset that the project ships.
pub fn tiny() -> Config {
    match Config::preset("tiny") {
        Ok(config) => config,
        Err(message) => panic!("{message}"),
    }
}

/// A random model whose dimensions fit `device`; `layers` layers.
pub fn random_model(seed: u64, device: &Config, layers: usize) -> Model {
    let rng = &mut rng(seed ^ 0x6d6f_6465);
    let unit = device.attention_width.max(2 * device.lanes);
    let head_size = (unit * rng.random_range(1..=device.head_size / unit)) as usize;
    let most = (device.activations as usize / head_size).min(6);
    let heads = rng.random_range(1..=most);
    let kv_heads = rng.random_range(1..=heads);
    // any map from query head to KV head is legal, as long as a KV head's group fits the passes
    let head_map: Vec<usize> =
        (0..heads).map(|h| if h < kv_heads { h } else { rng.random_range(0..kv_heads) }).collect();
    let lanes = device.lanes as usize;
    let (hidden, ffn) = (lanes * rng.random_range(1..=48 / lanes), lanes * rng.random_range(1..=64 / lanes));
    let vocab = rng.random_range(9..80);
    let config = ModelConfig {
        family: families::ALL[0],
        hidden,
        layers,
        heads,
        kv_heads,
        head_size,
        head_map,
        ffn,
        vocab,
        context: 64,
        rope_theta: 10000.0,
        eps: 1e-5,
        activation: pick(rng, &[Activation::Relu2, Activation::Silu]),
        tied: true,
        windows: vec![None; layers],
        form: Form::Master,
        eos: vec![],
    };
    let weights = random_weights(rng, &config);
    Model { path: PathBuf::new(), config, weights, notes: Vec::new() }
}

/// Random weights of a shape.
pub fn random_weights(rng: &mut ChaCha8Rng, c: &ModelConfig) -> Weights {
    let embedding = Array2::from_shape_simple_fn((c.vocab, c.hidden), || rng.random_range(-1.0f32..1.0));
    let width = c.heads * c.head_size;
    let mut layers = Vec::new();
    for _ in 0..c.layers {
        let mut gain = |n: usize| (0..n).map(|_| rng.random_range(0.5f32..1.5)).collect::<Vec<_>>();
        let gains = [gain(c.hidden), gain(width), gain(c.hidden), gain(c.ffn)];
        let mut matrix = |outputs: usize, inputs: usize| {
            let codes = Array2::from_shape_simple_fn((outputs, inputs), || rng.random_range(-1i8..=1));
            Ternary::dense(codes, rng.random_range(0.2f32..1.0) / (inputs as f32).sqrt())
        };
        let [input_norm, attention_norm, ffn_input_norm, ffn_norm] = gains;
        let kv = c.kv_heads * c.head_size;
        layers.push(Layer {
            input_norm,
            qkv: [matrix(width, c.hidden), matrix(kv, c.hidden), matrix(kv, c.hidden)],
            attention_norm: Some(attention_norm),
            output: matrix(c.hidden, width),
            ffn_input_norm,
            gate: matrix(c.ffn, c.hidden),
            up: matrix(c.ffn, c.hidden),
            ffn_norm: Some(ffn_norm),
            down: matrix(c.hidden, c.ffn),
        });
    }
    let final_norm = (0..c.hidden).map(|_| rng.random_range(0.5f32..1.5)).collect();
    Weights { embedding: embedding.into(), layers, final_norm, head: None }
}
