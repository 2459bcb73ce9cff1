//! Texts to judge a model by, as sequences of tokens.

use super::args::TextArgs;
use std::path::Path;
use sterna_host::error::{Error, Result};
use sterna_host::text::Tokenizer;

/// The text beside a model that is used when none is named.
const OWN: &str = "eval.txt";

/// The text's tokens in pieces of up to `context`, each with the tokenizer's opening tokens in front. Pieces of one token, which predict
/// nothing, are left out.
pub fn pieces(args: &TextArgs, model: &Path, context: usize) -> Result<Vec<Vec<u32>>> {
    if let Some(ids) = &args.tokens {
        return Ok(ids.chunks(context).map(<[u32]>::to_vec).collect());
    }
    let tokenizer = Tokenizer::open(args.tokenizer.as_deref().unwrap_or(model))?;
    let own = model.join(OWN);
    let path = match &args.file {
        Some(path) => path.as_path(),
        None if own.exists() => &own,
        None => return Err(Error::Missing { path: own, remedy: "name a text with -f" }),
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let texts: Vec<&str> = match args.paragraphs || args.file.is_none() {
        true => text.split("\n\n").map(str::trim).filter(|t| !t.is_empty()).collect(),
        false => vec![&text],
    };
    let opening = tokenizer.encode("")?;
    let room = context.saturating_sub(opening.len()).max(1);
    let mut left = args.number.unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    for text in texts {
        for part in tokenizer.encode_with_special(text, false)?.chunks(room) {
            let tokens: Vec<u32> = opening.iter().chain(part).copied().take(left).collect();
            left -= tokens.len();
            if tokens.len() > 1 {
                pieces.push(tokens);
            }
        }
    }
    if pieces.is_empty() {
        let problem = "it has fewer than two tokens".into();
        return Err(Error::Inconsistent { path: path.into(), problem, remedy: "give a longer text with -f" });
    }
    Ok(pieces)
}
