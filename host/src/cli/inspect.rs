//! `sterna inspect`: what a model folder holds and what it needs of a device.

use super::args::InspectArgs;
use super::run::{load, model_folder};
use super::{print, print_json};
use serde_json::{Value, json};
use sterna_host::compile::{Options, compile};
use sterna_host::error::Result;
use sterna_host::image::Image;
use sterna_host::model::Model;

/// One ternary matrix.
struct Matrix {
    name: String,
    outputs: usize,
    inputs: usize,
    format: String,
    scale: f32,
    /// Shares of -1, 0, +1.
    shares: [f64; 3],
}

/// The command.
pub fn inspect(args: &InspectArgs) -> Result<()> {
    let folder = model_folder(args.model.as_deref())?;
    let model = load(&folder, &args.reading)?;
    let matrices: Vec<_> = model
        .matrices()
        .map(|(name, t)| {
            let (outputs, inputs) = (t.outputs(), t.inputs());
            let shares = t.counts().map(|count| count as f64 / (outputs * inputs) as f64);
            Matrix { name, outputs, inputs, format: t.format(), scale: t.scale, shares }
        })
        .collect();
    let config = &args.device.config;
    let context = model.config.context.min(config.context as usize);
    // a model that does not fit is worth looking at too: the reason stands in the place of the memory map
    let image =
        compile(&model, config, &Options { context, ..Options::default() }).map_err(|e| e.to_string());
    if args.json {
        return print_json(&as_json(&model, &matrices, &image));
    }
    print(&as_text(&model, &matrices, &image))
}

fn ternary_weights(matrices: &[Matrix]) -> usize {
    matrices.iter().map(|m| m.outputs * m.inputs).sum()
}

/// Name and bytes of each part of device memory.
fn memory(image: &Image) -> Vec<(&'static str, usize)> {
    let (m, beat) = (&image.map, image.config.beat_bytes());
    let parts = [
        ("embedding", m.embedding),
        ("rotary", m.rotary),
        ("step", m.step),
        ("logits", m.logits),
        ("kv", m.kv),
        ("result", m.result),
    ];
    parts.map(|(name, region)| (name, region.beats * beat)).to_vec()
}

fn as_json(model: &Model, matrices: &[Matrix], image: &std::result::Result<Image, String>) -> Value {
    let c = &model.config;
    let list: Vec<_> = matrices
        .iter()
        .map(|m| {
            json!({"name": m.name, "shape": [m.outputs, m.inputs], "format": m.format, "scale": m.scale,
                   "minus": m.shares[0], "zero": m.shares[1], "plus": m.shares[2]})
        })
        .collect();
    let needed = match image {
        Ok(image) => {
            let parts: serde_json::Map<_, _> =
                memory(image).into_iter().map(|(n, b)| (n.into(), b.into())).collect();
            json!({"preset": image.config.name, "context": image.context, "total": image.memory_bytes(), "parts": parts})
        }
        Err(problem) => json!({"problem": problem}),
    };
    json!({
        "architecture": c.family.architectures[0],
        "hidden": c.hidden, "layers": c.layers, "heads": c.heads, "kv_heads": c.kv_heads, "head_size": c.head_size,
        "ffn": c.ffn, "activation": format!("{:?}", c.activation).to_lowercase(),
        "vocab": c.vocab, "tied": c.tied, "context": c.context, "rope_theta": c.rope_theta, "eps": c.eps, "eos": c.eos,
        "ternary_weights": ternary_weights(matrices),
        "matrices": list,
        "memory": needed,
    })
}

fn as_text(model: &Model, matrices: &[Matrix], image: &std::result::Result<Image, String>) -> String {
    let c = &model.config;
    let mut text = format!(
        "architecture  {}\nlayers        {}\nhidden        {}\nheads         {} of {}, {} key/value heads\nfeed-forward  {}, {:?}\n\
         vocabulary    {}, head {}\ncontext       {}\nternary       {} weights\n\n",
        c.family.architectures[0],
        c.layers,
        c.hidden,
        c.heads,
        c.head_size,
        c.kv_heads,
        c.ffn,
        c.activation,
        c.vocab,
        if c.tied { "tied to the embedding" } else { "of its own" },
        c.context,
        ternary_weights(matrices),
    );
    let width = matrices.iter().map(|m| m.name.len()).max().unwrap_or(0);
    text += &format!("{:<width$}  shape          format  scale       -1      0      +1\n", "matrix");
    for m in matrices {
        let shape = format!("{} x {}", m.outputs, m.inputs);
        let [minus, zero, plus] = m.shares.map(|s| format!("{:.1} %", 100.0 * s));
        let (name, format, scale) = (&m.name, &m.format, m.scale);
        text +=
            &format!("{name:<width$}  {shape:<13}  {format:<6}  {scale:<10.4e}  {minus}  {zero}  {plus}\n");
    }
    match image {
        Err(problem) => text + &format!("\n{problem}\n"),
        Ok(image) => {
            let (preset, context) = (&image.config.name, image.context);
            text += &format!("\nmemory on {preset} with {context} positions\n");
            for (name, bytes) in memory(image) {
                text += &format!("  {name:<10} {bytes:>12} bytes\n");
            }
            text + &format!("  {:<10} {:>12} bytes\n", "total", image.memory_bytes())
        }
    }
}
