//! What fuzzing feeds: each function takes bytes as a hostile file and must come back, with a model or with an error. The corpus test
//! (`host/tests/corpus.rs`) and the fuzz targets share it.

use std::fs;
use std::path::Path;
use sterna_host::compile::{Options, compile};
use sterna_host::config::Activation;
use sterna_host::model::{Model, Overrides};
use sterna_host::record::Recording;
use sterna_host::text::{ChatTemplate, Message, Tokenizer, Vocabulary};
use sterna_spec::config::Config;

/// A loaded model must give an image or sentences, whatever its numbers are.
fn use_model(loaded: sterna_host::error::Result<Model>) -> Result<(), String> {
    let model = loaded.map_err(|e| e.to_string())?;
    let device = Config::preset("tiny")?;
    let options = Options { context: 8, planes: Some(4), ..Options::default() };
    compile(&model, &device, &options).map(drop).map_err(|e| e.to_string())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|e| e.to_string())
}

/// A GGUF file: model and tokenizer.
pub fn gguf_model(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    let path = folder.join("model.gguf");
    put(&path, bytes)?;
    let tokenizer = Tokenizer::open(&path).map(drop).map_err(|e| e.to_string());
    drop(ChatTemplate::open(&path));
    // said outright, or one architecture would go no further
    let overrides = Overrides { activation: Some(Activation::Silu), ..Overrides::default() };
    use_model(Model::load_with(&path, &overrides, |_, _| {})).and(tokenizer.or(Ok(())))
}

/// `model.safetensors` of a folder that holds the other files.
pub fn safetensors_folder(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    put(&folder.join("model.safetensors"), bytes)?;
    use_model(Model::load(folder))
}

/// `config.json` of a folder that holds the other files.
pub fn hf_config(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    put(&folder.join("config.json"), bytes)?;
    use_model(Model::load(folder))
}

/// `generation_config.json` of a folder that holds the other files.
pub fn generation_config(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    put(&folder.join("generation_config.json"), bytes)?;
    use_model(Model::load(folder))
}

/// `model.safetensors.index.json` of a folder of shards.
pub fn index(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    put(&folder.join("model.safetensors.index.json"), bytes)?;
    use_model(Model::load(folder))
}

/// A `tokenizer.json`.
pub fn tokenizer_json(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    let path = folder.join("tokenizer.json");
    put(&path, bytes)?;
    let tokenizer = Tokenizer::open(&path).map_err(|e| e.to_string())?;
    let ids = tokenizer.encode("a <s> b\u{1f426}").map_err(|e| e.to_string())?;
    tokenizer.decode(&ids).map(drop).map_err(|e| e.to_string())
}

/// A vocabulary: lines are tokens, then after an empty line merges.
pub fn vocabulary(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let (tokens, merges) = text.split_once("\n\n").unwrap_or((&text, ""));
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    for (model, pre) in [("gpt2", Some("gpt-2".to_string())), ("llama", None)] {
        let tokens = lines(tokens);
        let scores = (0..tokens.len()).map(|i| -(i as f32)).collect();
        let vocabulary = Vocabulary {
            model: model.into(),
            pre,
            scores,
            merges: lines(merges),
            tokens,
            ..Vocabulary::default()
        };
        if let Ok(tokenizer) = Tokenizer::from_vocabulary(&vocabulary) {
            tokenizer.encode("a b").map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

/// The source of a chat template.
pub fn chat_template(bytes: &[u8]) -> Result<(), String> {
    let source = String::from_utf8_lossy(bytes);
    let template =
        ChatTemplate::from_source(&source, Some("<s>"), None, "a template").map_err(|e| e.to_string())?;
    template.render(&[Message::new("user", "Hello")], true).map(drop).map_err(|e| e.to_string())
}

/// A configuration as TOML: legal, or one sentence.
pub fn configuration(bytes: &[u8]) -> Result<(), String> {
    Config::from_toml(&String::from_utf8_lossy(bytes)).map(drop)
}

/// A recorded session, read to its end.
pub fn recording(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    let path = folder.join("session.rec");
    put(&path, bytes)?;
    let mut recording = Recording::open(&path).map_err(|e| e.to_string())?;
    while recording.next_call().map_err(|e| e.to_string())?.is_some() {}
    Ok(())
}
