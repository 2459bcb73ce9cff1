//! `sterna logits`: the logits of every position, for comparison with anything.

use super::args::LogitsArgs;
use super::engine::{Engine, check};
use super::run::{load, model_folder, prompt};
use super::{print, print_json};
use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use std::path::Path;
use sterna_host::error::{Error, Result};
use sterna_host::whole;

/// The command.
pub fn logits(args: &LogitsArgs) -> Result<()> {
    let folder = model_folder(args.model.model.as_deref())?;
    let model = load(&folder, &args.model.reading)?;
    let tokens = prompt(&model.path, &args.input)?.0;
    check(&tokens, model.config.vocab)?;
    let source = args.device.find()?;
    let mut engine = Engine::open(&source, &model, tokens.len(), args.head.planes)?;
    let logits = engine.logits(&tokens)?;
    write(&args.output, &tokens, &logits)?;
    let (positions, vocab) = logits.dim();
    if args.json {
        let path = args.output.display().to_string();
        return print_json(
            &json!({"file": path, "device": source.name(), "positions": positions, "vocab": vocab, "tokens": tokens}),
        );
    }
    print(&format!("{}: logits {positions} x {vocab} from {}\n", args.output.display(), source.name()))
}

/// Tensors `logits` (f32, positions x vocabulary) and `tokens` (u32); the file appears when it is complete.
fn write(path: &Path, tokens: &[u32], logits: &Array2<f32>) -> Result<()> {
    let bytes = |words: &mut dyn Iterator<Item = u32>| words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let values = bytes(&mut logits.iter().map(|l| l.to_bits()));
    let ids = bytes(&mut tokens.iter().copied());
    let (positions, vocab) = logits.dim();
    let problem = |e: safetensors::SafeTensorError| Error::Safetensors {
        path: path.into(),
        bytes: values.len(),
        problem: e.to_string(),
    };
    let views = [
        ("logits", TensorView::new(Dtype::F32, vec![positions, vocab], &values).map_err(problem)?),
        ("tokens", TensorView::new(Dtype::U32, vec![positions], &ids).map_err(problem)?),
    ];
    let file = safetensors::serialize(views, None).map_err(problem)?;
    whole::write(path, file).map_err(Error::at(path))
}
