//! Writes a model in other formats, equal weight for weight and scale for scale.
//!
//! | file | what it writes |
//! |---|---|
//! | `safetensors.rs` | a Hugging Face folder with packed weights |
//! | `gguf.rs` | a GGUF file with TQ2_0, TQ1_0 or I2_S weights |
//! | `vocabulary.rs` | a tokenizer for either, from what the model came with |

mod gguf;
mod safetensors;
mod vocabulary;

use crate::error::{Error, Result};
use crate::ggml;
use crate::model::Model;
use crate::whole::Part;
use std::fs;
use std::path::Path;
use std::str::FromStr;

/// A format that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A Hugging Face folder: packed codes with one `weight_scale` a matrix.
    Safetensors,
    /// A GGUF file with this encoding of ternary matrices.
    Gguf(ggml::Type),
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "safetensors" => Ok(Format::Safetensors),
            "tq2_0" => Ok(Format::Gguf(ggml::Type::TQ2_0)),
            "tq1_0" => Ok(Format::Gguf(ggml::Type::TQ1_0)),
            "i2_s" => Ok(Format::Gguf(ggml::Type::I2_S)),
            other => Err(format!("`{other}` is no format; choose safetensors, tq2_0, tq1_0 or i2_s")),
        }
    }
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// Files and their sizes in bytes, sorted by name.
    pub files: Vec<(String, u64)>,
    /// What could not be expressed.
    pub notes: Vec<String>,
}

/// Writes `model` to the new folder `path` in all `formats`; replaces an old one if `force`. The folder appears when it is
/// complete. `progress(done, all)` counts tensors.
pub fn write(
    model: &Model,
    formats: &[Format],
    path: &Path,
    force: bool,
    mut progress: impl FnMut(usize, usize),
) -> Result<Written> {
    if path.exists() && !force {
        return Err(Error::Exists { path: path.into() });
    }
    let part = Part::of(path);
    let folder = part.place();
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    let mut written = Written::default();
    for format in formats {
        match format {
            Format::Safetensors => safetensors::write(model, folder, &mut progress)?,
            Format::Gguf(kind) => {
                let name = format!("model-{kind}.gguf");
                written.notes.extend(gguf::write(model, *kind, &folder.join(name), &mut progress)?);
            }
        }
    }
    if formats.contains(&Format::Safetensors) {
        written.notes.extend(vocabulary::to_folder(&model.path, folder)?);
    }
    written.files = list(folder)?;
    part.finish().map_err(Error::at(path))?;
    Ok(written)
}

fn list(folder: &Path) -> Result<Vec<(String, u64)>> {
    let io = |source| Error::Io { path: folder.into(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        files.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata().map_err(io)?.len()));
    }
    files.sort();
    Ok(files)
}
