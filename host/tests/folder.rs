//! Reading model folders: both formats of weights, and one golden sentence for each way in which a folder can be wrong.

mod common;

use common::{Folder, SHAPE, Shape, floats, message};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use sterna_host::model::Model;

const Q: &str = "model.layers.1.self_attn.q_proj.weight";

/// The message after changing a sound folder.
fn spoiled(change: impl FnOnce(&mut Folder)) -> String {
    let mut folder = Folder::random(&SHAPE);
    change(&mut folder);
    folder.error()
}

fn with_field(field: &str, value: Value) -> String {
    spoiled(|f| f.config[field] = value)
}

#[test]
fn packed_weights_are_read() {
    let folder = Folder::random(&SHAPE);
    let codes = folder.load().weights.layers[1].qkv[0].codes();
    // the format's own definition, written out for one byte
    let (_, shape, bytes) = &folder.tensors[Q];
    for i in 0..4 {
        let expected = ((bytes[5 * shape[1] + 7] >> (2 * i)) & 3) as i8 - 1;
        assert_eq!(codes[(5 + i * shape[0], 7)], expected);
    }
}

#[test]
fn master_weights_become_the_codes_they_stand_for() {
    let codes = Folder::random(&SHAPE).load().weights.layers[1].qkv[0].codes();
    let mut folder = Folder::random(&Shape { packed: false, ..SHAPE });
    let values = codes.iter().map(|&c| f32::from(c) * 0.25);
    folder.tensors.insert(Q.into(), floats(&[codes.nrows(), codes.ncols()], values));
    let model = folder.load();
    let master = &model.weights.layers[1].qkv[0];
    assert_eq!(master.codes(), codes);
    let zeros = master.counts()[1] as f32 / codes.len() as f32;
    assert!((master.scale - 0.25 * (1.0 - zeros)).abs() < 1e-6, "{}", master.scale);
}

#[test]
fn the_form_of_weights_is_what_the_configuration_says() {
    let mut master = Folder::random(&Shape { packed: false, ..SHAPE });
    master.config["quantization_config"]["quantization_mode"] = json!("offline");
    let mut packed = Folder::random(&SHAPE);
    packed.config["quantization_config"]["quantization_mode"] = json!("online");
    insta::assert_snapshot!([master.error(), packed.error()].join("\n"));
}

#[test]
fn shards_are_one_model() {
    let folder = Folder::random(&SHAPE);
    let whole = folder.load();
    let dir = folder.write_shards(3);
    let shards = Model::load(dir.path()).unwrap();
    for ((name, one), (_, other)) in whole.matrices().zip(shards.matrices()) {
        assert!(one.codes() == other.codes() && one.scale == other.scale, "{name}");
    }
    let index = dir.path().join("model.safetensors.index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let mut errors = Vec::new();
    for (from, to) in
        [("shard-2.safetensors", "../shard-2.safetensors"), ("model.norm.weight", "model.other.weight")]
    {
        std::fs::write(&index, text.replace(from, to)).unwrap();
        errors.push(message(dir.path()));
    }
    std::fs::write(&index, &text).unwrap();
    std::fs::copy(dir.path().join("shard-0.safetensors"), dir.path().join("shard-1.safetensors")).unwrap();
    errors.push(message(dir.path()));
    std::fs::remove_file(dir.path().join("shard-1.safetensors")).unwrap();
    errors.push(message(dir.path()));
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn tensors_that_are_not_understood_are_refused() {
    let bias = spoiled(|f| {
        drop(f.tensors.insert(Q.replace("weight", "bias"), floats(&[96], (0..96).map(|i| i as f32))))
    });
    insta::assert_snapshot!(bias);
    let mut folder = Folder::random(&SHAPE);
    let name = "model.layers.0.self_attn.rotary_emb.inv_freq".to_string();
    folder.tensors.insert(name, floats(&[8], (0..8).map(|i| i as f32)));
    folder.load();
}

#[test]
fn half_precision_is_read() {
    let mut folder = Folder::random(&SHAPE);
    let gains: Vec<f32> = (0..48).map(|i| 1.0 + i as f32 / 64.0).collect();
    let bf16 = gains.iter().flat_map(|g| half::bf16::from_f32(*g).to_le_bytes()).collect();
    let f16 = gains.iter().flat_map(|g| half::f16::from_f32(*g).to_le_bytes()).collect();
    folder.tensors.insert("model.norm.weight".into(), (Dtype::BF16, vec![48], bf16));
    folder.tensors.insert("model.layers.0.input_layernorm.weight".into(), (Dtype::F16, vec![48], f16));
    let model = folder.load();
    assert_eq!(model.weights.final_norm, gains);
    assert_eq!(model.weights.layers[0].input_norm, gains);
}

#[test]
fn the_direction_of_scales_follows_the_linear_class() {
    let mut folder = Folder::random(&SHAPE);
    let multiply = folder.load().weights.layers[0].down.scale;
    folder.config["quantization_config"]["linear_class"] = json!("bitlinear");
    assert_eq!(folder.load().weights.layers[0].down.scale, 1.0 / multiply);
}

#[test]
fn an_untied_head_is_read() {
    let mut folder = Folder::random(&SHAPE);
    folder.config["tie_word_embeddings"] = json!(false);
    insta::assert_snapshot!(folder.error());
    folder.tensors.insert("lm_head.weight".into(), floats(&[50, 48], (0..50 * 48).map(|i| i as f32)));
    assert_eq!(folder.load().head().to_dense()[(1, 2)], 50.0);
}

#[test]
fn end_tokens_come_from_both_files() {
    let dir = Folder::random(&SHAPE).write();
    assert_eq!(Model::load(dir.path()).unwrap().config.eos, [1]);
    std::fs::write(dir.path().join("generation_config.json"), r#"{"eos_token_id": [7, 9]}"#).unwrap();
    assert_eq!(Model::load(dir.path()).unwrap().config.eos, [1, 7, 9]);
}

#[test]
fn configurations_that_cannot_be_run_are_refused() {
    let all = [
        with_field("architectures", json!(["PhiForCausalLM"])),
        with_field("hidden_act", json!("gelu")),
        with_field("num_key_value_heads", json!(4)),
        with_field("head_dim", json!(15)),
        with_field("num_hidden_layers", json!(0)),
        with_field("attention_bias", json!(true)),
        with_field("rope_scaling", json!({"type": "linear", "factor": 2.0})),
        with_field("rope_theta", json!(-1.0)),
        with_field("quantization_config", json!({"quant_method": "gptq"})),
        with_field("quantization_config", json!({"linear_class": "other"})),
        with_field("quantization_config", json!({"use_rms_norm": true})),
        with_field("quantization_config", json!({"quantization_mode": "online"})),
        with_field("quantization_config", json!({"modules_to_not_convert": ["lm_head", "mlp"]})),
        with_field("quantization_config", Value::Null),
        with_field("mlp_bias", json!(true)),
        with_field("layer_types", json!(["full_attention"])),
        with_field("layer_types", json!(["full_attention", "sliding_attention"])),
        with_field("layer_types", json!(["full_attention", "linear_attention"])),
        with_field("rope_parameters", json!({"rope_type": "default", "partial_rotary_factor": 0.5})),
        with_field("architectures", json!(["BitnetForCausalLM"])),
        with_field("vocab_size", json!(1u64 << 40)),
        with_field("rms_norm_eps", json!(0.0)),
        with_field("hidden_size", json!("many")),
        spoiled(|f| {
            f.config["head_dim"] = Value::Null;
            f.config["num_attention_heads"] = json!(10);
        }),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let master = |f: &mut Folder, value: f32| {
        f.tensors.insert(Q.into(), floats(&[96, 48], (0..96 * 48).map(|_| value)));
    };
    let scale = |f: &mut Folder, value: f32| {
        f.tensors.insert(format!("{Q}_scale"), floats(&[1], std::iter::once(value)));
    };
    let all = [
        spoiled(|f| drop(f.tensors.remove(Q))),
        spoiled(|f| drop(f.tensors.remove(&format!("{Q}_scale")))),
        spoiled(|f| drop(f.tensors.remove("model.norm.weight"))),
        spoiled(|f| drop(f.tensors.insert(Q.into(), (Dtype::U8, vec![24, 40], vec![0; 24 * 40])))),
        spoiled(|f| drop(f.tensors.insert(Q.into(), (Dtype::I8, vec![96, 48], vec![0; 96 * 48])))),
        spoiled(|f| drop(f.tensors.insert("model.norm.weight".into(), (Dtype::U8, vec![48], vec![0; 48])))),
        spoiled(|f| f.tensors.get_mut(Q).unwrap().2[100] = 0b00_11_00_01),
        spoiled(|f| scale(f, f32::NAN)),
        spoiled(|f| scale(f, 0.0)),
        spoiled(|f| scale(f, f32::INFINITY)),
        {
            let mut folder = Folder::random(&Shape { packed: false, ..SHAPE });
            master(&mut folder, f32::NAN);
            folder.error()
        },
        spoiled(|f| {
            let gain = &mut f.tensors.get_mut("model.norm.weight").unwrap().2;
            gain[8..12].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
        }),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn damaged_files_are_refused() {
    let dir = Folder::random(&Shape { layers: 1, ..SHAPE }).write();
    let path = dir.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let mut all = Vec::new();
    let mut check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        all.push(message(dir.path()));
    };
    check(&bytes[..bytes.len() - 1]);
    check(&bytes[..100]);
    check(&bytes[..4]);
    check(&[]);
    check(&[&[0xff; 8], &bytes[8..]].concat());
    check(&[&bytes[..8], b"?", &bytes[9..]].concat());
    std::fs::remove_file(&path).unwrap();
    all.push(message(dir.path()));
    std::fs::write(dir.path().join("config.json"), "{\"architectures\": ").unwrap();
    all.push(message(dir.path()));
    std::fs::remove_file(dir.path().join("config.json")).unwrap();
    all.push(message(dir.path()));
    insta::assert_snapshot!(all.join("\n"));
}

/// The message of loading the GGUF case `name` after changing its bytes.
fn spoiled_gguf(name: &str, change: impl FnOnce(&sterna_host::gguf::Gguf, &mut Vec<u8>)) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/reference/gguf/");
    let path = std::path::PathBuf::from(format!("{path}{name}.gguf"));
    let mut bytes = std::fs::read(&path).unwrap();
    change(&sterna_host::gguf::Gguf::open(&path).unwrap(), &mut bytes);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.gguf");
    std::fs::write(&file, bytes).unwrap();
    let message = Model::load(&file).unwrap_err().to_string();
    message.replace(&*file.to_string_lossy(), "FILE")
}

#[test]
fn gguf_weights_that_are_not_ternary_are_named() {
    let start = |gguf: &sterna_host::gguf::Gguf, name: &str| gguf.tensor(name).unwrap().range.start;
    let at = "blk.0.ffn_up.weight";
    let nan = half::f16::NAN.to_le_bytes();
    let all = [
        // the unused code 3, a scale that differs from block to block, one that is no number
        spoiled_gguf("llama-158", |g, b| b[start(g, at) + 5] = 0xff),
        spoiled_gguf("llama-158", |g, b| b[start(g, at) + 65] ^= 0x04),
        spoiled_gguf("llama-158", |g, b| b[start(g, at) + 64..][..2].copy_from_slice(&nan)),
        spoiled_gguf("bitnet-2b4t-i2s", |g, b| b[start(g, at) + 3] = 0xff),
        spoiled_gguf("bitnet-2b4t-i2s", |g, b| {
            let end = g.tensor(at).unwrap().range.end;
            b[end - 32..end - 28].copy_from_slice(&f32::INFINITY.to_le_bytes());
        }),
        spoiled_gguf("llama-158", |g, b| {
            let from = start(g, "token_embd.weight");
            b[from..from + 2].copy_from_slice(&nan);
        }),
        numbers_in_gguf(&[0.5, -0.5, 0.0, 0.25]),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

/// The message of loading a GGUF file whose matrices are F32 with these values over and over.
fn numbers_in_gguf(values: &[f32]) -> String {
    use sterna_host::ggml::{Type, encode};
    use sterna_host::gguf::Writer;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.gguf");
    let mut writer = Writer::new();
    writer.set("general.architecture", "llama");
    let keys = [
        ("embedding_length", 32u32),
        ("block_count", 1),
        ("feed_forward_length", 32),
        ("context_length", 16),
        ("attention.head_count", 1),
    ];
    for (key, value) in keys {
        writer.set(&format!("llama.{key}"), value);
    }
    writer.set("llama.attention.layer_norm_rms_epsilon", 1e-5f32);
    let mut tensor = |name: &str, shape: &[usize]| {
        let row: Vec<f32> = values.iter().copied().cycle().take(shape[shape.len() - 1]).collect();
        writer.tensor(name, Type::F32, shape, move |_, out| {
            encode(Type::F32, &row, out).unwrap();
            Ok(())
        });
    };
    tensor("token_embd.weight", &[8, 32]);
    for name in ["attn_norm", "ffn_norm"] {
        tensor(&format!("blk.0.{name}.weight"), &[32]);
    }
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
        tensor(&format!("blk.0.{name}.weight"), &[32, 32]);
    }
    tensor("output_norm.weight", &[32]);
    writer.write(&file).unwrap();
    match Model::load(&file) {
        Ok(model) => format!("codes with scale {}", model.weights.layers[0].up.scale),
        Err(e) => e.to_string().replace(&*file.to_string_lossy(), "FILE"),
    }
}

#[test]
fn numbers_that_are_ternary_already_are_codes() {
    assert_eq!(numbers_in_gguf(&[0.5, -0.5, 0.0]), "codes with scale 0.5");
}
