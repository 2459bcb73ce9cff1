//! Text that appears token by token.

use crate::error::Result;

/// What incomplete UTF-8 decodes to.
const INCOMPLETE: char = '\u{fffd}';

/// Turns tokens into text as they come and never gives half a character.
///
/// A token may hold part of a character, and what a token decodes to may depend on its predecessors, so a window of tokens is
/// decoded with and without the new ones; the difference is the new text. Text that ends in U+FFFD waits: the next token may
/// complete it.
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
        if text.ends_with(INCOMPLETE) {
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
        let fresh = text[common(&before, text)..].to_string();
        // tokens without text, such as special ones, are no context: a decoder may drop the space after them
        if !fresh.is_empty() {
            self.window.drain(..self.given);
            self.given = self.window.len();
        }
        Ok(fresh)
    }
}

/// Bytes with which both texts begin, in whole characters. With decoders whose text only grows this is all of `before`.
fn common(before: &str, text: &str) -> usize {
    let same = before.chars().zip(text.chars()).take_while(|(a, b)| a == b);
    same.map(|(a, _)| a.len_utf8()).sum()
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

    #[test]
    fn text_that_changes_its_past_is_not_lost() {
        // as decoders do that spoil a whole run of bytes for one
        let decode = |ids: &[u32]| Ok(if ids.contains(&9) { "?".repeat(ids.len()) } else { bytes(ids)? });
        let mut detokenizer = Detokenizer::default();
        let pieces: Vec<_> = [65, 66, 9].map(|token| detokenizer.push(token, decode).unwrap()).into();
        assert_eq!(pieces, ["A", "B", "??"]);
    }
}
