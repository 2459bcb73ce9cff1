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
use std::fs;
use std::path::{Path, PathBuf};
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
    let part = beside(path, "part");
    let io = |source| Error::Io { path: part.clone(), source };
    fs::create_dir_all(&part).map_err(io)?;
    let result = formats.iter().try_fold(Written::default(), |mut written, format| {
        match format {
            Format::Safetensors => safetensors::write(model, &part, &mut progress)?,
            Format::Gguf(kind) => {
                let name = format!("model-{kind}.gguf");
                written.notes.extend(gguf::write(model, *kind, &part.join(name), &mut progress)?);
            }
        }
        Ok(written)
    });
    let done = result.and_then(|mut written| {
        if formats.contains(&Format::Safetensors) {
            written.notes.extend(vocabulary::to_folder(&model.path, &part)?);
        }
        written.files = list(&part)?;
        put_in_place(&part, path)?;
        Ok(written)
    });
    if done.is_err() {
        // the first error is the one to tell; a leftover folder is the lesser trouble
        let _ = fs::remove_dir_all(&part);
    }
    done
}

/// A name beside `path` that nobody else uses.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.{what}", std::process::id()));
    path.with_file_name(name)
}

/// Moves the finished folder to its name; an old one goes away after that.
fn put_in_place(part: &Path, path: &Path) -> Result<()> {
    let io = |source| Error::Io { path: path.into(), source };
    let old = beside(path, "old");
    let replaces = path.exists();
    if replaces {
        fs::rename(path, &old).map_err(io)?;
    }
    fs::rename(part, path).map_err(io)?;
    if replaces {
        if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) }.map_err(io)?;
    }
    Ok(())
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
