//! Small random model folders, made with the public safetensors format, for tests to spoil in one place at a time.
#![allow(dead_code)] // each test program uses a part

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use sterna_host::model::Model;
use tempfile::TempDir;

/// The seed of every random folder.
pub const SEED: u64 = 11;

/// Element type, shape, bytes.
pub type Raw = (Dtype, Vec<usize>, Vec<u8>);

/// A model folder before it is written.
pub struct Folder {
    pub config: Value,
    pub tensors: BTreeMap<String, Raw>,
}

/// Dimensions of a random model.
pub struct Shape {
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_size: usize,
    pub ffn: usize,
    pub vocab: usize,
    pub act: &'static str,
    /// Packed codes, or master weights in f32.
    pub packed: bool,
}

pub const SHAPE: Shape = Shape {
    hidden: 48,
    layers: 2,
    heads: 6,
    kv_heads: 2,
    head_size: 16,
    ffn: 72,
    vocab: 50,
    act: "relu2",
    packed: true,
};

pub fn floats(shape: &[usize], values: impl Iterator<Item = f32>) -> Raw {
    (Dtype::F32, shape.to_vec(), values.flat_map(f32::to_le_bytes).collect())
}

impl Folder {
    pub fn random(s: &Shape) -> Self {
        println!("seed {SEED}");
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut folder = Folder { config: config(s), tensors: BTreeMap::new() };
        let mut uniform = |low: f32, high: f32| low + (high - low) * random.random::<f32>();
        let mut put = |name: &str, raw: Raw| folder.tensors.insert(name.into(), raw);
        put(
            "model.embed_tokens.weight",
            floats(&[s.vocab, s.hidden], (0..s.vocab * s.hidden).map(|_| uniform(-1.0, 1.0))),
        );
        put("model.norm.weight", floats(&[s.hidden], (0..s.hidden).map(|_| uniform(0.5, 1.5))));
        let (width, kv_width) = (s.heads * s.head_size, s.kv_heads * s.head_size);
        for layer in 0..s.layers {
            let norms = [
                ("input_layernorm", s.hidden),
                ("self_attn.attn_sub_norm", width),
                ("post_attention_layernorm", s.hidden),
                ("mlp.ffn_sub_norm", s.ffn),
            ];
            for (name, size) in norms {
                let gain = floats(&[size], (0..size).map(|_| uniform(0.5, 1.5)));
                put(&format!("model.layers.{layer}.{name}.weight"), gain);
            }
            let matrices = [
                ("self_attn.q_proj", width, s.hidden),
                ("self_attn.k_proj", kv_width, s.hidden),
                ("self_attn.v_proj", kv_width, s.hidden),
                ("self_attn.o_proj", s.hidden, width),
                ("mlp.gate_proj", s.ffn, s.hidden),
                ("mlp.up_proj", s.ffn, s.hidden),
                ("mlp.down_proj", s.hidden, s.ffn),
            ];
            for (name, outputs, inputs) in matrices {
                let name = format!("model.layers.{layer}.{name}.weight");
                if !s.packed {
                    let master = (0..outputs * inputs).map(|_| uniform(-0.1, 0.1));
                    put(&name, floats(&[outputs, inputs], master));
                    continue;
                }
                let mut code = || (uniform(0.0, 3.0) as u8).min(2);
                let byte = |_| code() | code() << 2 | code() << 4 | code() << 6;
                let bytes = (0..outputs / 4 * inputs).map(byte).collect();
                put(&name, (Dtype::U8, vec![outputs / 4, inputs], bytes));
                put(&format!("{name}_scale"), floats(&[1], std::iter::once(uniform(0.02, 0.2))));
            }
        }
        folder
    }

    /// The tensors as one safetensors file.
    pub fn bytes(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, (dtype, shape, bytes))| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    /// Writes the folder.
    pub fn write(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("model.safetensors"), self.bytes()).unwrap();
        std::fs::write(dir.path().join("config.json"), self.config.to_string()).unwrap();
        dir
    }

    /// Writes the folder with its tensors dealt to `count` files and an index.
    pub fn write_shards(&self, count: usize) -> TempDir {
        let dir = self.write();
        std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
        let file = |index: usize| format!("shard-{}.safetensors", index % count);
        let map: BTreeMap<_, _> = self.tensors.keys().enumerate().map(|(i, name)| (name, file(i))).collect();
        for shard in 0..count {
            let part = Folder {
                config: Value::Null,
                tensors: self
                    .tensors
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| i % count == shard)
                    .map(|(_, (n, t))| (n.clone(), t.clone()))
                    .collect(),
            };
            std::fs::write(dir.path().join(file(shard)), part.bytes()).unwrap();
        }
        let index = json!({"metadata": {}, "weight_map": map});
        std::fs::write(dir.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
        dir
    }

    pub fn load(&self) -> Model {
        Model::load(self.write().path()).unwrap()
    }

    /// The message of loading this folder, with the folder's own path as FOLDER.
    pub fn error(&self) -> String {
        message(self.write().path())
    }
}

/// The message of loading a folder, with its path as FOLDER.
pub fn message(folder: &Path) -> String {
    let message = Model::load(folder).unwrap_err().to_string();
    message.replace(&*folder.to_string_lossy(), "FOLDER")
}

fn config(s: &Shape) -> Value {
    json!({
        "architectures": ["BitNetForCausalLM"],
        "vocab_size": s.vocab,
        "hidden_size": s.hidden,
        "num_hidden_layers": s.layers,
        "num_attention_heads": s.heads,
        "num_key_value_heads": s.kv_heads,
        "head_dim": s.head_size,
        "intermediate_size": s.ffn,
        "max_position_embeddings": 128,
        "rope_theta": 10000.0,
        "rms_norm_eps": 1e-5,
        "hidden_act": s.act,
        "tie_word_embeddings": true,
        "eos_token_id": 1,
        "quantization_config": {
            "quant_method": "bitnet",
            "linear_class": "autobitlinear",
            "quantization_mode": if s.packed { "offline" } else { "online" },
        },
    })
}
