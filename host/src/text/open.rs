//! Tokenizers and templates of whatever holds a model: a folder, a `tokenizer.json`, or a GGUF file.

use super::{ChatTemplate, Tokenizer, Vocabulary};
use crate::error::Result;
use crate::gguf::Gguf;
use std::path::Path;

impl Vocabulary {
    /// The `tokenizer.ggml.*` keys of a GGUF file.
    ///
    /// # Errors
    /// If a key has another type than it should, or the model or its tokens are absent.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self> {
        let keys = gguf.metadata();
        let read = || {
            let id = |name: &str| keys.optional_u32(&format!("tokenizer.ggml.{name}_token_id"));
            Ok(Vocabulary {
                model: keys.str("tokenizer.ggml.model")?.into(),
                pre: keys.optional_str("tokenizer.ggml.pre")?.map(Into::into),
                tokens: keys.strings("tokenizer.ggml.tokens")?.into(),
                scores: keys.optional_f32s("tokenizer.ggml.scores")?.unwrap_or_default().into(),
                types: keys.optional_i32s("tokenizer.ggml.token_type")?.unwrap_or_default().into(),
                merges: keys.optional_strings("tokenizer.ggml.merges")?.unwrap_or_default().into(),
                bos: id("bos")?,
                eos: id("eos")?,
                eot: id("eot")?,
                unk: id("unknown")?,
                pad: id("padding")?,
                add_bos: keys.optional_bool("tokenizer.ggml.add_bos_token")?,
                add_eos: keys.optional_bool("tokenizer.ggml.add_eos_token")?,
                add_space_prefix: keys.optional_bool("tokenizer.ggml.add_space_prefix")?,
            })
        };
        read().map_err(|e: crate::gguf::Error| e.of(gguf.path()))
    }
}

impl Tokenizer {
    /// The tokenizer of a model: of its folder, of a GGUF file, or a `tokenizer.json` itself.
    ///
    /// # Errors
    /// As [`Tokenizer::load`] and [`Tokenizer::from_vocabulary`].
    pub fn open(path: &Path) -> Result<Self> {
        if path.extension().is_some_and(|e| e == "json") {
            return Self::file(path);
        }
        if path.is_dir() {
            return Self::load(path);
        }
        Self::from_vocabulary(&Vocabulary::from_gguf(&Gguf::open(path)?)?)
    }
}

impl ChatTemplate {
    /// The chat template of a model's folder or GGUF file, if it has one.
    ///
    /// # Errors
    /// As [`ChatTemplate::load`].
    pub fn open(path: &Path) -> Result<Option<Self>> {
        if path.is_dir() {
            return Self::load(path);
        }
        let gguf = Gguf::open(path)?;
        let source = gguf.metadata().optional_str("tokenizer.chat_template").map_err(|e| e.of(path))?;
        let Some(source) = source else { return Ok(None) };
        let vocabulary = Vocabulary::from_gguf(&gguf)?;
        let spelled = |id: Option<u32>| vocabulary.tokens.get(id? as usize).map(String::as_str);
        let (bos, eos) = (spelled(vocabulary.bos), spelled(vocabulary.eos));
        Self::from_source(source, bos, eos, &path.display().to_string()).map(Some)
    }
}
