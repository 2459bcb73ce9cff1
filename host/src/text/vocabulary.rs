//! A tokenizer from the vocabulary that a GGUF file carries (`tokenizer.ggml.*`).
//!
//! Byte-level BPE ("gpt2") brings its merges and names how texts are cut; SentencePiece BPE ("llama") brings scores, from
//! which the merges follow as transformers' converter derives them.

use super::pretokenizer::Row;
use super::tokenizer::{Tokenizer, byte_of, guarded};
use crate::error::{Error, Result};
use serde_json::json;
use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use tokenizers::decoders::{
    byte_fallback::ByteFallback, byte_level::ByteLevel, fuse::Fuse, sequence::Sequence, strip::Strip,
};
use tokenizers::models::bpe::{BPE, BpeBuilder, Merges};
use tokenizers::normalizers::{self, NormalizerWrapper, Prepend, Replace};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, DecoderWrapper};

/// The vocabulary of a GGUF file, as its metadata has it.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// `tokenizer.ggml.model`: "gpt2" (byte-level BPE) or "llama" (SentencePiece BPE).
    pub model: String,
    /// `tokenizer.ggml.pre`: how "gpt2" cuts a text.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`: the spelling of each id; "gpt2" spells bytes in GPT-2's alphabet.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.scores`: one for each token, higher merges first; "gpt2" has none.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.token_type`, one for each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte;
    /// empty: all normal.
    pub types: Vec<i32>,
    /// `tokenizer.ggml.merges`: pairs of tokens with a space between, first merged first.
    pub merges: Vec<String>,
    /// `tokenizer.ggml.bos_token_id`: starts a text.
    pub bos: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`: ends a text.
    pub eos: Option<u32>,
    /// `tokenizer.ggml.eot_token_id`: ends a turn.
    pub eot: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`: what no token spells.
    pub unk: Option<u32>,
    /// `tokenizer.ggml.padding_token_id`: fills batches.
    pub pad: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`: whether a text starts with `bos`.
    pub add_bos: Option<bool>,
    /// `tokenizer.ggml.add_eos_token`: whether a text ends with `eos`.
    pub add_eos: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`: whether "llama" puts a space before a text.
    pub add_space_prefix: Option<bool>,
}

const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
/// Characters of the longest token from which merges are derived: the search tries every cut of every token, and
/// SentencePiece's own limit is 16 unless its trainer is told otherwise.
const LONGEST: usize = 512;
/// What to do about a vocabulary that holds together but is of a kind not known here.
const OTHER: &str = "use the model's own tokenizer.json instead";
/// What to do about a vocabulary that contradicts itself.
const DAMAGED: &str = "convert the model again or use its own tokenizer.json";

type Checked<T> = std::result::Result<T, String>;

impl Tokenizer {
    /// Builds the tokenizer of a GGUF vocabulary.
    ///
    /// # Errors
    /// [`Error::Vocabulary`]: a kind that is not known, or a vocabulary that contradicts itself.
    pub fn from_vocabulary(vocabulary: &Vocabulary) -> Result<Self> {
        let damaged = |problem| Error::Vocabulary { problem, remedy: DAMAGED };
        let other = |problem| Error::Vocabulary { problem, remedy: OTHER };
        match vocabulary.model.as_str() {
            "gpt2" => {
                let missing = || {
                    format!("it does not say how texts are cut (tokenizer.ggml.pre, one of {})", Row::known())
                };
                let pre = vocabulary.pre.as_deref().ok_or_else(missing).map_err(other)?;
                let row = Row::find(pre).map_err(other)?;
                vocabulary.check().and_then(|ids| vocabulary.byte_level(row, &ids)).map_err(damaged)
            }
            "llama" => vocabulary.check().and_then(|ids| vocabulary.sentencepiece(&ids)).map_err(damaged),
            model => Err(other(format!("the tokenizer model `{model}` is not one of gpt2, llama"))),
        }
    }
}

impl Vocabulary {
    /// Checks counts, spellings and ids; gives the ids by spelling.
    fn check(&self) -> Checked<HashMap<&str, u32>> {
        let count = self.tokens.len();
        if count == 0 {
            return Err("it has no tokens".into());
        }
        for (name, found) in [("scores", self.scores.len()), ("token types", self.types.len())] {
            if found != 0 && found != count {
                return Err(format!("it has {count} tokens but {found} {name}"));
            }
        }
        if let Some(index) = self.types.iter().position(|t| !(1..=6).contains(t)) {
            return Err(format!("token {index} has the type {}, and types are 1 to 6", self.types[index]));
        }
        let mut ids = HashMap::with_capacity(count);
        for (id, token) in (0u32..).zip(&self.tokens) {
            if let Some(first) = ids.insert(token.as_str(), id) {
                return Err(format!("tokens {first} and {id} are both {token:?}"));
            }
        }
        for (name, id) in self.named() {
            if id.is_some_and(|id| id as usize >= count) {
                return Err(format!("the {name} token is {} of {count} tokens", id.unwrap_or_default()));
            }
        }
        if self.eos.is_none() {
            return Err("it has no end token (tokenizer.ggml.eos_token_id)".into());
        }
        Ok(ids)
    }

    fn named(&self) -> [(&'static str, Option<u32>); 5] {
        [
            ("start", self.bos),
            ("end", self.eos),
            ("end-of-turn", self.eot),
            ("unknown", self.unk),
            ("padding", self.pad),
        ]
    }

    fn kind(&self, id: usize) -> i32 {
        self.types.get(id).copied().unwrap_or(1)
    }

    fn byte_level(&self, row: &Row, ids: &HashMap<&str, u32>) -> Checked<Tokenizer> {
        if self.merges.is_empty() {
            return Err("it has no merges".into());
        }
        let model = self.model(self.listed_merges(ids)?).ignore_merges(row.whole_words);
        guarded(|| {
            let mut inner = tokenizers::Tokenizer::new(model.build()?);
            inner.with_normalizer(row.normalizer())?;
            inner.with_pre_tokenizer(Some(row.build()?));
            inner.with_decoder(Some(ByteLevel::default()));
            Ok(inner)
        })
        .and_then(|inner| self.finish(inner, row.add_bos))
    }

    fn sentencepiece(&self, ids: &HashMap<&str, u32>) -> Checked<Tokenizer> {
        let merges = match self.merges.is_empty() {
            true => self.derived_merges(ids)?,
            false => self.listed_merges(ids)?,
        };
        let bytes = self.tokens.iter().filter(|token| byte_of(token).is_some()).count();
        let mut model = self.model(merges).fuse_unk(true).byte_fallback(bytes == 256);
        if bytes != 256 {
            let unk = self.unk.ok_or_else(|| {
                format!(
                    "it has {bytes} of the 256 byte tokens and no unknown token, so that text could vanish"
                )
            })?;
            model = model.unk_token(self.tokens[unk as usize].clone());
        }
        let prefix = self.add_space_prefix.unwrap_or(true);
        guarded(|| {
            let mut inner = tokenizers::Tokenizer::new(model.build()?);
            // as Llama's own tokenizer.json, llama.cpp and SentencePiece have it: a text that begins with a space gets another
            let spaces: NormalizerWrapper = Replace::new(" ", "▁")?.into();
            let normalizers =
                if prefix { vec![Prepend::new("▁".into()).into(), spaces] } else { vec![spaces] };
            inner.with_normalizer(Some(normalizers::Sequence::new(normalizers)))?;
            let mut decoders: Vec<DecoderWrapper> =
                vec![Replace::new("▁", " ")?.into(), ByteFallback::new().into(), Fuse::new().into()];
            if prefix {
                decoders.push(Strip::new(' ', 1, 0).into());
            }
            inner.with_decoder(Some(Sequence::new(decoders)));
            Ok(inner)
        })
        .and_then(|inner| self.finish(inner, true))
    }

    fn model(&self, merges: Merges) -> BpeBuilder {
        let ids = self.tokens.iter().cloned().zip(0u32..).collect::<tokenizers::models::bpe::Vocab>();
        BPE::builder().vocab_and_merges(ids, merges)
    }

    /// Adds what both kinds share: tokens that texts name as a whole, and those around a text.
    fn finish(&self, mut inner: tokenizers::Tokenizer, add_bos: bool) -> Checked<Tokenizer> {
        let named: Vec<u32> = self.named().iter().filter_map(|(_, id)| *id).collect();
        let added = (0u32..).zip(&self.tokens).filter_map(|(id, token)| {
            let kind = self.kind(id as usize);
            let special = [UNKNOWN, CONTROL].contains(&kind) || named.contains(&id);
            (special || kind == USER_DEFINED).then(|| AddedToken::from(token, special).normalized(false))
        });
        let added: Vec<AddedToken> = added.collect();
        guarded(|| inner.add_tokens(added))?;
        let around = |wanted: bool, name, id: Option<u32>| match (wanted, id) {
            (false, _) => Ok(None),
            (true, Some(id)) => Ok(Some((self.tokens[id as usize].as_str(), id))),
            (true, None) => Err(format!("every text gets a {name} token, but none is named")),
        };
        let bos = around(self.add_bos.unwrap_or(add_bos), "start", self.bos)?;
        let eos = around(self.add_eos.unwrap_or(false), "end", self.eos)?;
        inner.with_post_processor(Some(template(bos, eos)?));
        Ok(Tokenizer::new(inner, self.eos.into_iter().chain(self.eot)))
    }

    /// The merges that the file lists.
    fn listed_merges(&self, ids: &HashMap<&str, u32>) -> Checked<Merges> {
        let mut whole = String::new();
        let merges = self.merges.iter().enumerate().map(|(index, merge)| {
            let (left, right) = merge
                .split_once(' ')
                .ok_or_else(|| format!("merge {index} is {merge:?}, which is no pair of tokens"))?;
            whole.clear();
            whole.extend([left, right]);
            match [left, right, &whole].iter().find(|part| !ids.contains_key(**part)) {
                Some(part) => Err(format!("merge {index} is {merge:?}, and {part:?} is no token")),
                None => Ok((left.to_string(), right.to_string())),
            }
        });
        merges.collect()
    }

    /// The merges that scores imply: each cut of a token into two tokens, best token first, then longest halves first.
    fn derived_merges(&self, ids: &HashMap<&str, u32>) -> Checked<Merges> {
        if self.scores.is_empty() {
            return Err("it has neither scores nor merges".into());
        }
        if let Some(index) = self.scores.iter().position(|s| s.is_nan()) {
            return Err(format!("the score of token {index} is no number"));
        }
        let merged = |id: &usize| matches!(self.kind(*id), 1 | USER_DEFINED);
        let mut cuts = Vec::new();
        for id in (0..self.tokens.len()).filter(merged) {
            let token = &self.tokens[id];
            if token.chars().count() > LONGEST {
                return Err(format!("token {id} has more than {LONGEST} characters"));
            }
            let halves = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
            let known = halves.filter_map(|(left, right)| Some((*ids.get(left)?, *ids.get(right)?)));
            let cut = known.filter(|(l, r)| merged(&(*l as usize)) && merged(&(*r as usize)));
            cuts.extend(cut.map(|pair| (id, pair)));
        }
        let length = |id: u32| self.tokens[id as usize].chars().count();
        cuts.sort_by(|(a, (al, ar)), (b, (bl, br))| {
            let score = self.scores[*b].partial_cmp(&self.scores[*a]).unwrap_or(Ordering::Equal);
            score.then_with(|| Reverse((length(*al), length(*ar))).cmp(&Reverse((length(*bl), length(*br)))))
        });
        let spelled = |id: u32| self.tokens[id as usize].clone();
        Ok(cuts.into_iter().map(|(_, (left, right))| (spelled(left), spelled(right))).collect())
    }
}

/// What stands around a text. The library's own notation cuts at spaces and colons, which tokens may hold; this is its file
/// format.
fn template(bos: Option<(&str, u32)>, eos: Option<(&str, u32)>) -> Checked<TemplateProcessing> {
    let token = |(name, _): (&str, u32)| json!({ "SpecialToken": { "id": name, "type_id": 0 } });
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let single: Vec<_> = bos.map(token).into_iter().chain([text]).chain(eos.map(token)).collect();
    let named = bos
        .into_iter()
        .chain(eos)
        .map(|(name, id)| (name.to_string(), json!({ "id": name, "ids": [id], "tokens": [name] })));
    let special_tokens: serde_json::Map<_, _> = named.collect();
    let pair =
        json!([{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }]);
    let file = json!({ "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens });
    serde_json::from_value(file).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts hardly show the order of merges that make the same token; this is transformers' list.
    #[test]
    fn scores_imply_the_merges_of_transformers() {
        let text = include_str!("../../tests/data/text/sentencepiece.json");
        let fixture: serde_json::Value = serde_json::from_str(text).unwrap();
        let list = |name: &str| fixture["vocabulary"][name].clone();
        let vocabulary = Vocabulary {
            tokens: serde_json::from_value(list("tokens")).unwrap(),
            scores: serde_json::from_value(list("scores")).unwrap(),
            types: serde_json::from_value(list("types")).unwrap(),
            eos: Some(0),
            ..Vocabulary::default()
        };
        let ids = vocabulary.check().unwrap();
        let found = vocabulary.derived_merges(&ids).unwrap();
        let found: Vec<[u32; 2]> = found.iter().map(|(l, r)| [ids[l.as_str()], ids[r.as_str()]]).collect();
        let expected: Vec<[u32; 2]> = serde_json::from_value(fixture["merges"].clone()).unwrap();
        assert!(expected.len() > 300);
        assert_eq!(found, expected);
    }

    #[test]
    fn only_words_merge() {
        let tokens = ["</s>", "<", "/s>", "a", "a</s>", "<0x0A>", "0x0A>", "</", "s>", "ab", "b"];
        let vocabulary = Vocabulary {
            tokens: tokens.map(str::to_string).to_vec(),
            scores: vec![0.0; tokens.len()],
            types: vec![3, 1, 1, 1, 1, 6, 1, 1, 5, 4, 1],
            eos: Some(0),
            ..Vocabulary::default()
        };
        let ids = vocabulary.check().unwrap();
        assert_eq!(vocabulary.derived_merges(&ids).unwrap(), [("a".to_string(), "b".to_string())]);
    }
}
