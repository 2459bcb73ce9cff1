//! A GGUF file, with keys and names as llama.cpp's converter writes them.
//!
//! TQ1_0 and TQ2_0 hold an f16 scale in every block. A scale that f16 cannot hold exactly goes to a tensor of its own, `blk.N.NAME.scale`
//! (llama.cpp multiplies by it), and the blocks hold 1.

use super::vocabulary;
use crate::error::{Error, Result};
use crate::families::Family;
use crate::ggml::{self, Type, i2s};
use crate::gguf::Writer;
use crate::model::{Model, in_layer};
use crate::tensors::Floats;
use crate::ternary::Ternary;
use std::path::Path;

/// Writes the file; gives what could not be expressed.
pub fn write(
    model: &Model,
    kind: Type,
    path: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<String>> {
    check(model, kind)?;
    let architecture = architecture(model)?;
    let mut writer = Writer::new();
    metadata(&mut writer, model, architecture);
    let notes = vocabulary::to_gguf(&model.path, &model.config, &mut writer)?;
    let (w, names) = (&model.weights, model.config.family.gguf_names());
    let progress = std::cell::RefCell::new(progress);
    let done = std::cell::Cell::new(0);
    let count = 7 * w.layers.len();
    let step = || {
        done.set(done.get() + 1);
        (progress.borrow_mut())(done.get(), count);
    };
    floats(&mut writer, names.embedding, &w.embedding);
    if let Some(head) = &w.head {
        floats(&mut writer, names.head, head);
    }
    gain(&mut writer, names.final_norm, &w.final_norm);
    for (index, layer) in w.layers.iter().enumerate() {
        let norms = [
            (Some(names.input_norm), Some(&layer.input_norm)),
            (names.attention_norm, layer.attention_norm.as_ref()),
            (Some(names.ffn_input_norm), Some(&layer.ffn_input_norm)),
            (names.ffn_norm, layer.ffn_norm.as_ref()),
        ];
        for (name, values) in norms {
            if let (Some(name), Some(values)) = (name, values) {
                gain(&mut writer, &in_layer(name, index), values);
            }
        }
        let ([q, k, v], [gate, up, down]) = (names.qkv, names.ffn);
        let heads = model.config.family.gguf_interleaved.then_some(model.config.head_size);
        let [query, key, value] = &layer.qkv;
        for (name, of, interleaved) in [
            (q, query, heads),
            (k, key, heads),
            (v, value, None),
            (names.output, &layer.output, None),
            (gate, &layer.gate, None),
            (up, &layer.up, None),
            (down, &layer.down, None),
        ] {
            matrix(&mut writer, kind, &in_layer(name, index), of, interleaved, &step);
        }
    }
    writer.write(path)?;
    Ok(notes)
}

/// Refuses shapes that the encoding cannot hold.
fn check(model: &Model, kind: Type) -> Result<()> {
    for (name, matrix) in model.matrices() {
        let (outputs, inputs) = (matrix.outputs(), matrix.inputs());
        let fits = match kind {
            Type::I2_S => i2s::Layout::X86.check(outputs, inputs).is_ok(),
            _ => kind.bytes(inputs, outputs).is_ok(),
        };
        if !fits {
            let needs =
                if kind == Type::I2_S { "a multiple of 128 elements" } else { "rows of a multiple of 256" };
            return Err(Error::CannotHold {
                name,
                shape: [outputs, inputs],
                format: kind.to_string(),
                needs,
            });
        }
    }
    Ok(())
}

/// The architecture's name that reads back as the same model.
fn architecture(model: &Model) -> Result<&'static str> {
    let c = &model.config;
    let family: &Family = c.family;
    let expressible = c.activation == family.gguf_activation && c.windows.iter().all(Option::is_none);
    match family.gguf.first() {
        Some(name) if expressible => Ok(name),
        _ => Err(Error::NotExpressible {
            family: family.architectures[0].into(),
            format: "GGUF",
            remedy: "write --format safetensors",
        }),
    }
}

fn metadata(writer: &mut Writer, model: &Model, architecture: &str) {
    let c = &model.config;
    let name = model.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    writer.set("general.architecture", architecture).set("general.name", name);
    let key = |name: &str| format!("{architecture}.{name}");
    for (name, value) in [
        ("vocab_size", c.vocab),
        ("context_length", c.context),
        ("embedding_length", c.hidden),
        ("block_count", c.layers),
        ("feed_forward_length", c.ffn),
        ("rope.dimension_count", c.head_size),
        ("attention.head_count", c.heads),
        ("attention.head_count_kv", c.kv_heads),
        ("attention.key_length", c.head_size),
        ("attention.value_length", c.head_size),
    ] {
        writer.set(&key(name), value as u32);
    }
    writer.set(&key("attention.layer_norm_rms_epsilon"), c.eps);
    writer.set(&key("rope.freq_base"), c.rope_theta as f32);
}

fn gain<'a>(writer: &mut Writer<'a>, name: &str, values: &'a [f32]) {
    writer.tensor(name, Type::F32, &[values.len()], move |_, out| encode(Type::F32, values, out));
}

fn encode(kind: Type, values: &[f32], out: &mut [u8]) -> Result<()> {
    ggml::encode(kind, values, out).map_err(|problem| Error::Encoding { name: "a row".into(), problem })
}

/// Numbers in the encoding in which they are stored, or binary32.
fn floats<'a>(writer: &mut Writer<'a>, name: &str, values: &'a Floats) {
    let shape = [values.rows(), values.columns()];
    if let Some((kind, bytes)) = values.block() {
        let row = bytes.len() / values.rows().max(1);
        writer.tensor(name, kind, &shape, move |index, out| {
            out.copy_from_slice(&bytes[index * row..(index + 1) * row]);
            Ok(())
        });
        return;
    }
    writer.tensor(name, Type::F32, &shape, move |index, out| {
        let mut row = vec![0.0; values.columns()];
        values.row(index, &mut row);
        encode(Type::F32, &row, out)
    });
}

/// A ternary matrix; `interleaved`: the size of heads whose rows the file holds interleaved.
fn matrix<'a>(
    writer: &mut Writer<'a>,
    kind: Type,
    name: &str,
    matrix: &'a Ternary,
    interleaved: Option<usize>,
    step: &'a dyn Fn(),
) {
    let (outputs, inputs) = (matrix.outputs(), matrix.inputs());
    let damaged = |name: String| move |problem| Error::Encoding { name, problem };
    let row_of = move |place: usize| match interleaved {
        None => place,
        Some(size) => {
            let (head, element) = (place / size, place % size);
            head * size + (element % 2) * (size / 2) + element / 2
        }
    };
    let owned = name.to_string();
    if kind == Type::I2_S {
        writer.tensor(name, kind, &[outputs, inputs], move |_, out| {
            let mut codes = vec![0; outputs * inputs];
            codes
                .chunks_exact_mut(inputs)
                .enumerate()
                .for_each(|(place, row)| matrix.row(row_of(place), row));
            let bytes = i2s::encode(i2s::Layout::X86, &codes, inputs, matrix.scale);
            out.copy_from_slice(&bytes.map_err(damaged(owned.clone()))?);
            step();
            Ok(())
        });
        return;
    }
    let exact = half::f16::from_f32(matrix.scale);
    let fits = exact.to_f32() == matrix.scale && exact.is_normal();
    let scale = if fits { matrix.scale } else { 1.0 };
    if !fits && let Some(stem) = name.strip_suffix("weight") {
        let own = matrix.scale;
        writer.tensor(&format!("{stem}scale"), Type::F32, &[1], move |_, out| encode(Type::F32, &[own], out));
    }
    writer.tensor(name, kind, &[outputs, inputs], move |place, out| {
        let mut codes = vec![0; inputs];
        matrix.row(row_of(place), &mut codes);
        if place + 1 == outputs {
            step();
        }
        ggml::encode_codes(kind, &codes, scale, out).map_err(damaged(owned.clone()))
    });
}
