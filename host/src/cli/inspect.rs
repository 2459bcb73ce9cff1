//! `sterna inspect`: what a model is, what it needs of each device, and what looks wrong with it.

use super::args::InspectArgs;
use super::run::{load, model_folder};
use super::{print, print_json};
use serde_json::{Value, json};
use sterna_host::diagnosis::{Diagnosis, Fit, form, other_weights};
use sterna_host::error::Result;
use sterna_host::model::Model;
use sterna_spec::config::{Config, PRESETS};

/// The command.
pub fn inspect(args: &InspectArgs) -> Result<()> {
    let folder = model_folder(args.model.as_deref())?;
    let model = load(&folder, &args.reading)?;
    let devices = match &args.device {
        Some(name) => vec![name.find()?.config],
        None => PRESETS.iter().map(|name| Ok(Config::preset(name)?)).collect::<Result<_>>()?,
    };
    let found = Diagnosis::new(&model, &devices);
    if args.json { print_json(&as_json(&model, &found)) } else { print(&as_text(&model, &found)) }
}

fn as_json(model: &Model, found: &Diagnosis) -> Value {
    let (c, w) = (&model.config, &model.weights);
    let matrices: Vec<_> = found
        .matrices
        .iter()
        .map(|m| {
            json!({"name": m.name, "shape": [m.outputs, m.inputs], "format": m.format, "scale": m.scale,
                   "minus": m.shares[0], "zero": m.shares[1], "plus": m.shares[2]})
        })
        .collect();
    let devices: Vec<_> = found.fits.iter().map(fit_as_json).collect();
    json!({
        "path": model.path.display().to_string(),
        "architecture": c.family.architectures[0],
        "hidden": c.hidden, "layers": c.layers, "heads": c.heads, "kv_heads": c.kv_heads, "head_size": c.head_size,
        "ffn": c.ffn, "activation": format!("{:?}", c.activation).to_lowercase(),
        "vocab": c.vocab, "tied": c.tied, "context": c.context, "rope_theta": c.rope_theta, "eps": c.eps,
        "windows": c.windows, "eos": found.language.ends,
        "weights": form(c.form),
        "embedding_format": w.embedding.format(), "head_format": w.head.as_ref().map(|h| h.format()),
        "ternary_weights": found.ternary_weights(), "other_weights": other_weights(model),
        "tokenizer": found.language.tokenizer.as_ref().ok(), "tokenizer_problem": found.language.tokenizer.as_ref().err(),
        "chat_template": found.language.template.as_ref().ok(), "chat_template_problem": found.language.template.as_ref().err(),
        "matrices": matrices,
        "devices": devices,
        "notes": model.notes,
        "suspicious": found.suspicions,
    })
}

fn fit_as_json(fit: &Fit) -> Value {
    let mut value = json!({"preset": fit.device.name, "context": fit.context});
    match &fit.needs {
        Err(problem) => value["problem"] = problem.as_str().into(),
        Ok(needs) => {
            value["total"] = needs.total.into();
            value["parts"] = needs
                .parts
                .iter()
                .map(|(n, b)| (n.to_string(), Value::from(*b)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            value["bytes_a_token"] = needs.bytes_a_token.into();
            value["tokens_per_second_modelled"] = needs.tokens_a_second.into();
        }
    }
    value
}

fn as_text(model: &Model, found: &Diagnosis) -> String {
    let mut text = summary(model, found);
    let width = found.matrices.iter().map(|m| m.name.len()).max().unwrap_or(0);
    let formats = found.matrices.iter().map(|m| m.format.len()).max().unwrap_or(0).max(6);
    text += &format!(
        "\n{:<width$}  {:<13}  {:<formats$}  {:<10}  -1      0       +1\n",
        "matrix", "shape", "format", "scale"
    );
    for m in &found.matrices {
        let shape = format!("{} x {}", m.outputs, m.inputs);
        let [minus, zero, plus] = m.shares.map(|s| format!("{:.1} %", 100.0 * s));
        let (name, format, scale) = (&m.name, &m.format, m.scale);
        text += &format!(
            "{name:<width$}  {shape:<13}  {format:<formats$}  {scale:<10.4e}  {minus:<6}  {zero:<6}  {plus}\n"
        );
    }
    for fit in &found.fits {
        text += &fit_as_text(fit);
    }
    for suspicion in &found.suspicions {
        text += &format!("\nsuspicious: {suspicion}\n");
    }
    text
}

fn summary(model: &Model, found: &Diagnosis) -> String {
    let (c, w) = (&model.config, &model.weights);
    let head = w
        .head
        .as_ref()
        .map_or("tied to the embedding".to_string(), |head| format!("of its own, {}", head.format()));
    let tokenizer = match &found.language.tokenizer {
        Ok(tokens) => format!("{tokens} tokens, {:?} end a text", found.language.ends),
        Err(problem) => problem.clone(),
    };
    let template = match &found.language.template {
        Ok(true) => "yes",
        Ok(false) => "none",
        Err(problem) => problem,
    };
    let mut windows: Vec<_> = c.windows.iter().flatten().collect();
    windows.dedup();
    let window = if windows.is_empty() { String::new() } else { format!(", sliding windows of {windows:?}") };
    let rows = [
        ("model", model.path.display().to_string()),
        ("architecture", c.family.architectures[0].to_string()),
        (
            "layers",
            format!(
                "{} of {} heads of {}, {} key/value heads{window}",
                c.layers, c.heads, c.head_size, c.kv_heads
            ),
        ),
        ("hidden", format!("{}, feed-forward {}, {:?}", c.hidden, c.ffn, c.activation)),
        ("positions", format!("{}, rotary base {}, epsilon {:e}", c.context, c.rope_theta, c.eps)),
        ("vocabulary", format!("{}, embedding {}, head {head}", c.vocab, w.embedding.format())),
        (
            "weights",
            format!("{} ternary, {} others; {}", found.ternary_weights(), other_weights(model), form(c.form)),
        ),
        ("tokenizer", tokenizer),
        ("chat template", template.to_string()),
    ];
    rows.iter().map(|(name, value)| format!("{name:<14} {value}\n")).collect()
}

fn fit_as_text(fit: &Fit) -> String {
    let preset = &fit.device.name;
    let needs = match &fit.needs {
        Err(problem) => return format!("\n{preset}: {problem}\n"),
        Ok(needs) => needs,
    };
    let mut text = format!(
        "\n{preset}, {} positions: at most {:.1} tokens/s at {} MHz (modelled: {:.2} MB a token, memory never idle)\n",
        fit.context,
        needs.tokens_a_second,
        fit.device.clock_mhz,
        needs.bytes_a_token as f64 / 1e6
    );
    for (name, bytes) in &needs.parts {
        text += &format!("  {name:<10} {bytes:>13} bytes\n");
    }
    text + &format!("  {:<10} {:>13} bytes\n", "in all", needs.total)
}
