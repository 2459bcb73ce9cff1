//! Reading of JSON files with errors that name the field.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a JSON file; an error names the field.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        std::fs::read(path).map_err(|e| Error::io(path, "give the folder of a Hugging Face model", e))?;
    let reader = &mut serde_json::Deserializer::from_slice(&text);
    serde_path_to_error::deserialize(reader).map_err(|e| Error::Json {
        path: path.into(),
        field: e.path().to_string(),
        problem: e.inner().to_string(),
    })
}
