//! `sterna eval`: how far a device is from the float32 reference over a text, and what each of its approximations costs.

use super::args::EvalArgs;
use super::engine::{Engine, Source, check};
use super::progress::Progress;
use super::run::{load, model_folder};
use super::{print, print_json, texts};
use serde_json::{Value, json};
use sterna_host::compile::head::Head;
use sterna_host::compile::{Options, compile};
use sterna_host::error::Result;
use sterna_host::evaluate::Scores;
use sterna_host::flips::{Flip, first_flip};
use sterna_host::model::Model;
use sterna_host::reference::{Emulation, Reference};
use sterna_spec::config::Config;

/// Scores of everything that was compared with the reference.
struct Outcome {
    rows: Vec<(String, Scores)>,
    flip: Option<Flip>,
    tokens: usize,
    pieces: usize,
}

/// The command.
pub fn eval(args: &EvalArgs) -> Result<()> {
    let folder = model_folder(args.model.model.as_deref())?;
    let model = load(&folder, &args.model.reading)?;
    let device = args.device.find()?;
    let config = device.config.clone();
    let source = Source::Device(Box::new(device));
    let context = source.context(&model, args.ctx, usize::MAX);
    let pieces = texts::pieces(&args.text, &model.path, context)?;
    pieces.iter().try_for_each(|piece| check(piece, model.config.vocab))?;
    let outcome = compare(args, &model, (&source, &config), &pieces, context)?;
    if args.json { print_json(&as_json(&source, &outcome)) } else { print(&as_text(&outcome)) }
}

fn compare(
    args: &EvalArgs,
    model: &Model,
    (source, config): (&Source, &Config),
    pieces: &[Vec<u32>],
    context: usize,
) -> Result<Outcome> {
    let head = Head::new(model.head(), &model.weights.final_norm, args.head.planes);
    let coarse_head = Emulation { head: Some(&head), ..Emulation::default() };
    let coarse_kv = Emulation { kv: true, ..Emulation::default() };
    let mut engine = Engine::open(source, model, context, Some(head.planes))?;
    let names = [
        "reference".to_string(),
        "int8 KV cache alone".into(),
        format!("head in {} planes alone", head.planes),
        source.name(),
    ];
    let mut rows = names.map(|name| (name, Scores::default())).to_vec();
    let mut progress = Progress::new("comparing");
    for (index, piece) in pieces.iter().enumerate() {
        let mut exact = Reference::new(model);
        let hidden = exact.hidden(piece);
        let want = exact.logits(&hidden);
        let others = [
            want.clone(),
            Reference::emulating(model, coarse_kv).forward(piece),
            Reference::emulating(model, coarse_head).logits(&hidden),
            engine.logits(piece)?,
        ];
        for ((_, scores), logits) in rows.iter_mut().zip(&others) {
            scores.add(&want, logits, piece);
        }
        progress.at(index + 1, pieces.len());
    }
    drop(progress);
    let image =
        compile(model, config, &Options { context, planes: Some(head.planes), ..Options::default() })?;
    let flip = first_flip(model, &image, &pieces[0])?;
    Ok(Outcome { rows, flip, tokens: pieces.iter().map(Vec::len).sum(), pieces: pieces.len() })
}

fn as_text(outcome: &Outcome) -> String {
    let mut text = format!("{} tokens in {} pieces\n\n", outcome.tokens, outcome.pieces);
    let width = outcome.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    text += &format!(
        "{:<width$}  perplexity  KL mean    KL worst   top 1     largest logit error\n",
        "against the reference"
    );
    for (name, s) in &outcome.rows {
        let perplexity = s.perplexity().map_or("-".into(), |p| format!("{p:.4}"));
        let share = f64::from(s.logit_error) / f64::from(s.logit_range);
        text += &format!(
            "{name:<width$}  {perplexity:<10}  {:<9.2e}  {:<9.2e}  {:<8}  {:.4} ({:.2} % of the range)\n",
            s.mean_divergence(),
            s.worst,
            format!("{:.2} %", 100.0 * s.agreement()),
            s.logit_error,
            100.0 * share,
        );
    }
    match &outcome.flip {
        None => text + "\nevery activation code of the first piece equals the reference's\n",
        Some(f) => {
            let (different, all) = f.count;
            text + &format!(
                "\n{different} of {all} activation codes of the first piece differ; the first: layer {}, {}, token {}, element {}: {} where the reference rounds {:.4} to {}\n",
                f.layer, f.group, f.position, f.element, f.device, f.value, f.reference
            )
        }
    }
}

fn as_json(source: &Source, outcome: &Outcome) -> Value {
    let row = |(name, s): &(String, Scores)| {
        json!({
            "name": name, "perplexity": s.perplexity(), "kl_mean": s.mean_divergence(), "kl_worst": s.worst,
            "top1_agreement": s.agreement(), "logit_error": s.logit_error, "logit_range": s.logit_range, "regret": s.regret,
        })
    };
    let flip = outcome.flip.as_ref().map(|f| {
        json!({
            "layer": f.layer, "group": f.group, "token": f.position, "element": f.element, "value": f.value,
            "reference": f.reference, "device": f.device, "different": f.count.0, "codes": f.count.1,
        })
    });
    json!({
        "device": source.name(), "tokens": outcome.tokens, "pieces": outcome.pieces,
        "rows": outcome.rows.iter().map(row).collect::<Vec<_>>(), "first_flip": flip,
    })
}
