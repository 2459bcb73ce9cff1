//! The tokenizer that goes with a converted model: copied where formats allow it, expressed anew where they differ.

use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::gguf::{Array, Gguf, Value, Writer};
use crate::text::{Tokenizer, pre_tokenizer_name};
use std::fs;
use std::path::Path;

/// Files of a Hugging Face folder that belong to the tokenizer.
const FILES: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];
/// ggml's types of tokens.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// Puts the tokenizer of the model at `source` into `folder`; gives what could not be expressed.
pub fn to_folder(source: &Path, folder: &Path) -> Result<Vec<String>> {
    if source.is_dir() {
        for file in FILES.iter().filter(|file| source.join(file).exists()) {
            let path = folder.join(file);
            fs::copy(source.join(file), &path).map_err(|e| Error::Io { path, source: e })?;
        }
        return Ok(Vec::new());
    }
    if !source.exists() {
        return Ok(vec!["a shape has no tokenizer".into()]);
    }
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| Error::Io { path, source })
    };
    let gguf = Gguf::open(source)?;
    if let Ok(Some(template)) = gguf.metadata().optional_str("tokenizer.chat_template") {
        put("chat_template.jinja", template)?;
    }
    match Tokenizer::open(source).and_then(|tokenizer| tokenizer.to_json()) {
        Ok(text) => put("tokenizer.json", &text).map(|()| Vec::new()),
        Err(problem) => Ok(vec![format!("no tokenizer.json is written: {problem}")]),
    }
}

/// Sets the `tokenizer.*` keys from the model at `source`; gives what could not be expressed.
pub fn to_gguf(source: &Path, config: &ModelConfig, writer: &mut Writer) -> Result<Vec<String>> {
    if source.is_file() {
        for (key, value) in
            Gguf::open(source)?.metadata().iter().filter(|(key, _)| key.starts_with("tokenizer."))
        {
            writer.set(key, value.clone());
        }
        return Ok(Vec::new());
    }
    for (name, id) in ["eos", "eot", "eom"].iter().zip(&config.eos) {
        writer.set(&format!("tokenizer.ggml.{name}_token_id"), *id);
    }
    let path = source.join("tokenizer.json");
    if !path.exists() {
        return Ok(vec![format!(
            "{} has no tokenizer.json, so the GGUF file has no tokenizer",
            source.display()
        )]);
    }
    let text = fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    match keys(&json, config) {
        Ok(keys) => {
            for (key, value) in keys {
                writer.set(key, value);
            }
            let template = crate::text::ChatTemplate::load(source)?;
            if let Some(template) = template {
                writer.set("tokenizer.chat_template", template.source());
            }
            Ok(Vec::new())
        }
        Err(problem) => Ok(vec![format!(
            "{}: {problem}, so the GGUF file has no tokenizer; use --tokenizer with it",
            path.display()
        )]),
    }
}

/// The keys of a byte-level BPE vocabulary in `tokenizer.json`.
fn keys(
    json: &serde_json::Value,
    config: &ModelConfig,
) -> std::result::Result<Vec<(&'static str, Value)>, String> {
    let model = &json["model"];
    if model["type"] != "BPE" || model["byte_fallback"] == true {
        return Err("only byte-level BPE can be expressed in GGUF here".into());
    }
    let pre = pre_tokenizer_name(&json["pre_tokenizer"]).ok_or("its pre-tokenizer has no name in GGUF")?;
    let mut tokens: Vec<Option<(String, i32)>> = vec![None; config.vocab];
    let mut put = |id: Option<u64>, token: &str, kind: i32| {
        let slot = id.and_then(|id| tokens.get_mut(id as usize));
        let slot = slot.ok_or_else(|| {
            format!("token {token:?} lies outside the model's vocabulary of {}", config.vocab)
        })?;
        *slot = Some((token.to_string(), kind));
        Ok::<(), String>(())
    };
    for (token, id) in model["vocab"].as_object().into_iter().flatten() {
        put(id.as_u64(), token, NORMAL)?;
    }
    for added in json["added_tokens"].as_array().into_iter().flatten() {
        let kind = if added["special"] == true { CONTROL } else { USER_DEFINED };
        put(added["id"].as_u64(), added["content"].as_str().unwrap_or_default(), kind)?;
    }
    let merge = |merge: &serde_json::Value| match merge {
        serde_json::Value::String(text) => Some(text.clone()),
        pair => Some(format!("{} {}", pair[0].as_str()?, pair[1].as_str()?)),
    };
    let merges = model["merges"].as_array().into_iter().flatten().map(merge).collect::<Option<Vec<_>>>();
    let merges = merges.ok_or("a merge is no pair of tokens")?;
    // rows of the embedding beyond the vocabulary, as some models have them
    let unused = |id: usize| (format!("[PAD{id}]"), 5);
    let tokens: Vec<_> =
        tokens.into_iter().enumerate().map(|(id, t)| t.unwrap_or_else(|| unused(id))).collect();
    let opening = opening(json);
    let mut keys = vec![
        ("tokenizer.ggml.model", Value::from("gpt2")),
        ("tokenizer.ggml.pre", pre.into()),
        ("tokenizer.ggml.tokens", Array::String(tokens.iter().map(|(t, _)| t.clone()).collect()).into()),
        ("tokenizer.ggml.token_type", Array::I32(tokens.iter().map(|(_, k)| *k).collect()).into()),
        ("tokenizer.ggml.merges", Array::String(merges).into()),
        ("tokenizer.ggml.add_bos_token", opening.is_some().into()),
    ];
    keys.extend(opening.map(|id| ("tokenizer.ggml.bos_token_id", id.into())));
    Ok(keys)
}

/// The id of the token that the post-processor puts in front of a text, if it is one.
fn opening(json: &serde_json::Value) -> Option<u32> {
    let find = |processor: &serde_json::Value| -> Option<u32> {
        let first = &processor["single"][0]["SpecialToken"]["id"];
        let ids = &processor["special_tokens"][first.as_str()?]["ids"];
        u32::try_from(ids[0].as_u64()?).ok()
    };
    let processor = &json["post_processor"];
    find(processor).or_else(|| processor["processors"].as_array()?.iter().find_map(find))
}
