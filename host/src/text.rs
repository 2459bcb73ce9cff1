//! Between text and tokens: the model's tokenizer, and a detokenizer for text that appears token by token.

use crate::error::{Error, Result};
use std::path::Path;

/// A model's tokenizer.
pub struct Tokenizer(tokenizers::Tokenizer);

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("tokenizer.json");
        let text =
            std::fs::read(&path).map_err(|e| Error::io(&path, "take it from the model's folder", e))?;
        let tokenizer = tokenizers::Tokenizer::from_bytes(text);
        Ok(Tokenizer(tokenizer.map_err(|e| Error::Tokenizer { path, problem: e.to_string() })?))
    }

    /// The ids of `text`, with the special tokens that the tokenizer puts around a text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.0.encode(text, true).map_err(|e| Error::Tokenize(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of `ids`, without special tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.0.decode(ids, true).map_err(|e| Error::Tokenize(e.to_string()))
    }
}

/// What incomplete UTF-8 decodes to.
const INCOMPLETE: char = '\u{fffd}';
/// Bytes of the longest UTF-8 character, and so the most tokens that one can span.
const LONGEST: usize = 4;

/// Turns tokens into text as they come and never gives half a character.
///
/// A token may hold part of a character, and what a token decodes to may depend on its predecessors, so a window of tokens is
/// decoded with and without the new one; the difference is the new text.
#[derive(Debug, Default)]
pub struct Detokenizer {
    /// Tokens whose text was given, as context for the next, then tokens that wait.
    window: Vec<u32>,
    /// How many of the window's tokens have been given.
    given: usize,
}

impl Detokenizer {
    /// The text that `token` completes; empty while a character is incomplete. `decode` gives the text of tokens.
    pub fn push(&mut self, token: u32, decode: impl Fn(&[u32]) -> Result<String>) -> Result<String> {
        self.window.push(token);
        let text = decode(&self.window)?;
        let waiting = self.window.len() - self.given;
        if text.ends_with(INCOMPLETE) && waiting < LONGEST {
            return Ok(String::new());
        }
        self.give(&text, decode)
    }

    /// What is left at the end; bytes that never became a character appear as U+FFFD.
    pub fn finish(&mut self, decode: impl Fn(&[u32]) -> Result<String>) -> Result<String> {
        let text = decode(&self.window)?;
        self.give(&text, decode)
    }

    fn give(&mut self, text: &str, decode: impl Fn(&[u32]) -> Result<String>) -> Result<String> {
        let before = decode(&self.window[..self.given])?;
        let fresh = text.strip_prefix(before.as_str()).unwrap_or_default().to_string();
        self.window.drain(..self.given);
        self.given = self.window.len();
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each token is one byte.
    fn bytes(ids: &[u32]) -> Result<String> {
        let bytes: Vec<u8> = ids.iter().map(|&id| id as u8).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn stream(text: &[u8]) -> Vec<String> {
        let mut detokenizer = Detokenizer::default();
        let mut pieces: Vec<String> =
            text.iter().map(|&b| detokenizer.push(b.into(), bytes).unwrap()).collect();
        pieces.push(detokenizer.finish(bytes).unwrap());
        pieces
    }

    #[test]
    fn characters_stay_whole() {
        assert_eq!(stream("aé€".as_bytes()), ["a", "", "é", "", "", "€", ""]);
        assert_eq!(stream("🐦!".as_bytes()), ["", "", "", "🐦", "!", ""]);
    }

    #[test]
    fn nothing_is_lost() {
        let text = "Die Küstenseeschwalbe 🐦 fliegt 70 000 km — jedes Jahr.";
        assert_eq!(stream(text.as_bytes()).concat(), text);
    }

    #[test]
    fn broken_bytes_appear_as_replacement() {
        assert_eq!(stream(b"a\xff\xfe").concat(), "a\u{fffd}\u{fffd}");
        assert_eq!(stream(b"\xff\xff\xff\xffb").concat(), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}b");
    }

    #[test]
    fn leading_spaces_that_depend_on_context_survive() {
        // a decoder that drops the first space, as many do
        let decode = |ids: &[u32]| Ok(bytes(ids)?.trim_start().to_string());
        let mut detokenizer = Detokenizer::default();
        let pieces: Vec<_> = b"a b".iter().map(|&b| detokenizer.push(b.into(), decode).unwrap()).collect();
        assert_eq!(pieces, ["a", " ", "b"]);
    }
}
