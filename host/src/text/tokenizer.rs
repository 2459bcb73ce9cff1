//! A model's tokenizer: text to ids and back, and what is known of its special tokens.

use crate::error::{Error, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::{Decoder, Model};

/// Tokens with which models end a turn or a text, where they are special; the list that llama.cpp keeps.
const ENDS: [&str; 12] = [
    "</s>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<EOT>",
    "<｜end▁of▁sentence｜>",
];

/// A model's tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    ends: Vec<u32>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Tokenizer`], with the path.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::file(&folder.join("tokenizer.json"))
    }

    /// Reads a `tokenizer.json`.
    pub(super) fn file(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|e| Error::io(path, "take it from the model's folder", e))?;
        Self::parse(&text).map_err(|problem| Error::Tokenizer { path: path.into(), problem })
    }

    fn parse(text: &[u8]) -> std::result::Result<Self, String> {
        refuse_prefix(text)?;
        let mut inner = guarded(|| tokenizers::Tokenizer::from_bytes(text))?;
        // settings of training batches; a prompt must neither lose its end nor gain fillers
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| e.to_string())?;
        // a file that names tokens it does not hold shows it at the first text
        guarded(|| inner.encode("a", true))?;
        Ok(Self::new(inner, []))
    }

    /// Wraps a tokenizer of the library; `ends` are end tokens beyond the well-known ones.
    pub(super) fn new(inner: tokenizers::Tokenizer, ends: impl IntoIterator<Item = u32>) -> Self {
        let mut tokenizer = Tokenizer { inner, ends: Vec::new() };
        let known = ENDS.iter().filter_map(|token| tokenizer.id_of(token));
        let mut all: Vec<u32> = known.filter(|&id| tokenizer.is_special(id)).chain(ends).collect();
        all.sort_unstable();
        all.dedup();
        tokenizer.ends = all;
        tokenizer
    }

    /// The ids of `text`, with the special tokens that the tokenizer puts around a text. Special tokens that are spelled out
    /// in `text` become their ids.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.encode_with_special(text, true)
    }

    /// The ids of `text`; `add_special` says whether the tokenizer puts its special tokens around it. A rendered chat
    /// template has written them already: `false`.
    pub fn encode_with_special(&self, text: &str, add_special: bool) -> Result<Vec<u32>> {
        let encoding = guarded(|| self.inner.encode(text, add_special)).map_err(Error::Tokenize)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of `ids`, without special tokens. Ids beyond the vocabulary have no text.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        guarded(|| {
            let vocabulary = self.inner.get_added_vocabulary();
            let spelled = ids.iter().filter_map(|&id| {
                vocabulary.simple_id_to_token(id).or_else(|| self.inner.get_model().id_to_token(id))
            });
            let tokens: Vec<String> = spelled.filter(|t| !vocabulary.is_special_token(t)).collect();
            match self.inner.get_decoder() {
                Some(decoder) => Ok(decode_chain(decoder, tokens)?.concat()),
                None => Ok(tokens.join(" ")),
            }
        })
        .map_err(Error::Tokenize)
    }

    /// The tokenizer as a tokenizer.json.
    pub fn to_json(&self) -> Result<String> {
        guarded(|| self.inner.to_string(true)).map_err(Error::Tokenize)
    }

    /// The id of a token by its spelling in the vocabulary, special or not.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The spelling of a token in the vocabulary, such as `<|eot_id|>` or `Ġthe`.
    pub fn token_of(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Whether `id` is a special token: one that has no text of its own, such as the start of a text or the end of a turn.
    pub fn is_special(&self, id: u32) -> bool {
        let vocabulary = self.inner.get_added_vocabulary();
        vocabulary.get_added_tokens_decoder().get(&id).is_some_and(|token| token.special)
    }

    /// Number of tokens, the added ones included. The model's own vocabulary may be larger: some pad it.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Ids that end a generation, ascending: the well-known ends of turns and texts that are special tokens here, and those
    /// that a GGUF vocabulary names. To be united with the ids of the model's configuration.
    pub fn end_tokens(&self) -> &[u32] {
        &self.ends
    }
}

thread_local! {
    /// True while a panic of this thread would become an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics of the tokenizer library that become errors from being reported as panics too. For programs, called once.
pub fn silence_guarded_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !GUARDED.get() {
            report(info);
        }
    }));
}

/// Calls into the tokenizer library. It panics on some damaged files, such as a merge that is longer than every token: no
/// check of ours can know all of these, so a panic becomes an error here.
pub(super) fn guarded<T>(call: impl FnOnce() -> tokenizers::Result<T>) -> std::result::Result<T, String> {
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    match outcome {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(_) => Err("it contradicts itself in a way that stops the tokenizer library".into()),
    }
}

/// Refuses the one setting with which the library's BPE leaves safe ground: it cuts the prefix off every merge's second
/// half without looking whether it is there, and takes what remains for UTF-8.
fn refuse_prefix(text: &[u8]) -> std::result::Result<(), String> {
    #[derive(serde::Deserialize)]
    struct File {
        model: Option<Model>,
    }
    #[derive(serde::Deserialize)]
    struct Model {
        r#type: Option<String>,
        continuing_subword_prefix: Option<String>,
    }
    let file: File = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let Some(Model { r#type, continuing_subword_prefix: Some(prefix) }) = file.model else { return Ok(()) };
    if prefix.is_empty() || r#type.is_some_and(|t| t != "BPE") {
        return Ok(());
    }
    Err(format!("`continuing_subword_prefix` is {prefix:?}, which is not supported with BPE"))
}

/// The library's decoders, but for bytes: it turns a whole run of byte tokens into U+FFFD when one of them fits nowhere,
/// also those before it that were characters and may have been shown. Here a byte spoils only itself.
fn decode_chain(decoder: &DecoderWrapper, tokens: Vec<String>) -> tokenizers::Result<Vec<String>> {
    match decoder {
        DecoderWrapper::Sequence(chain) => {
            chain.get_decoders().iter().try_fold(tokens, |tokens, decoder| decode_chain(decoder, tokens))
        }
        DecoderWrapper::ByteFallback(_) => Ok(decode_bytes(tokens)),
        other => other.decode_chain(tokens),
    }
}

/// Joins runs of tokens such as `<0xE2>` to the characters that their bytes are.
fn decode_bytes(tokens: Vec<String>) -> Vec<String> {
    let mut decoded = Vec::with_capacity(tokens.len());
    let mut run = Vec::new();
    for token in tokens {
        match byte_of(&token) {
            Some(byte) => run.push(byte),
            None => {
                if !run.is_empty() {
                    decoded.push(String::from_utf8_lossy(&std::mem::take(&mut run)).into_owned());
                }
                decoded.push(token);
            }
        }
    }
    if !run.is_empty() {
        decoded.push(String::from_utf8_lossy(&run).into_owned());
    }
    decoded
}

/// The byte that a token such as `<0xE2>` stands for.
pub(super) fn byte_of(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal { u8::from_str_radix(digits, 16).ok() } else { None }
}
