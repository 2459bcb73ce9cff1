//! `sterna perplexity`: the plain figure, counted as llama.cpp counts it.

use super::args::PerplexityArgs;
use super::engine::{Engine, check};
use super::progress::Progress;
use super::run::{load, model_folder};
use super::{print, print_json, texts};
use serde_json::json;
use sterna_host::error::{Error, Result};
use sterna_host::evaluate::Perplexity;

/// Positions of a piece if nothing is said, as in llama.cpp.
const CONTEXT: usize = 512;

/// The command.
pub fn perplexity(args: &PerplexityArgs) -> Result<()> {
    let folder = model_folder(args.model.model.as_deref())?;
    let model = load(&folder, &args.model.reading)?;
    let source = args.device.find()?;
    let context = source.context(&model, args.ctx, CONTEXT);
    let mut pieces = texts::pieces(&args.text, &model.path, context)?;
    if args.text.file.is_some() && !args.text.paragraphs {
        // the last piece of a stream is shorter, and so harder: llama.cpp leaves it out
        pieces.retain(|piece| piece.len() == context);
    }
    if pieces.is_empty() {
        let (problem, remedy) =
            (format!("it has fewer than {context} tokens"), "give a longer text or a smaller -c");
        let path = args.text.file.clone().unwrap_or(model.path.clone());
        return Err(Error::Inconsistent { path, problem, remedy });
    }
    let mut engine = Engine::open(&source, &model, context, args.head.planes)?;
    let mut sum = Perplexity::default();
    let mut progress = Progress::new("perplexity");
    for (index, piece) in pieces.iter().enumerate() {
        check(piece, model.config.vocab)?;
        sum.add(&engine.logits(piece)?, piece);
        progress.at(index + 1, pieces.len());
    }
    drop(progress);
    let (value, error, count) = (sum.value(), sum.error(), sum.count());
    if args.json {
        return print_json(&json!({
            "device": source.name(), "context": context, "pieces": pieces.len(), "predictions": count,
            "perplexity": value, "error": error,
        }));
    }
    print(&format!(
        "perplexity {value:.4} +/- {error:.4} over {count} predictions in {} pieces of up to {context} tokens ({})\n",
        pieces.len(),
        source.name()
    ))
}
