//! Hugging Face folders: one `model.safetensors`, or several that an index names.

use super::{Bytes, Element, Tensor, Tensors};
use crate::error::{Error, Result};
use crate::json::read_json;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const REMEDY: &str = "give the folder of a Hugging Face model";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// All tensors of a folder.
pub fn folder(folder: &Path) -> Result<Tensors> {
    let index = folder.join(INDEX);
    if folder.join(SINGLE).exists() || !index.exists() {
        let mut tensors = Tensors::new(&folder.join(SINGLE));
        add(&folder.join(SINGLE), &mut tensors)?;
        return Ok(tensors);
    }
    let weight_map = read_json::<Index>(&index)?.weight_map;
    let mut tensors = Tensors::new(&index);
    let mut shards: Vec<&String> = weight_map.values().collect();
    shards.sort();
    shards.dedup();
    for shard in shards {
        if Path::new(shard).file_name() != Some(shard.as_ref()) {
            return Err(Error::Inconsistent {
                path: index,
                problem: format!("it names the shard `{shard}`, which is not a plain file name"),
                remedy: "fetch the index again",
            });
        }
        add(&folder.join(shard), &mut tensors)?;
    }
    if let Some(name) = weight_map.keys().find(|name| tensors.get(name).is_none()) {
        let path = folder.join(&weight_map[name]);
        return Err(Error::MissingTensor { name: name.clone(), path, count: tensors.count });
    }
    Ok(tensors)
}

/// Maps and validates one file. Errors name it and what is wrong with its header.
fn add(path: &Path, tensors: &mut Tensors) -> Result<()> {
    let all = Bytes::open(path, REMEDY)?;
    let damaged = |problem: String| Error::Safetensors { path: path.into(), bytes: all.len(), problem };
    let (header, metadata) = SafeTensors::read_metadata(&all).map_err(|e| damaged(e.to_string()))?;
    let start = header + 8;
    if start.checked_add(metadata.data_len()) != Some(all.len()) {
        let promised = metadata.data_len();
        return Err(damaged(format!("its header promises {promised} bytes of data after byte {start}")));
    }
    // in the order of the names, so that a damaged file gives the same message every time
    for (name, info) in metadata.tensors().into_iter().collect::<BTreeMap<_, _>>() {
        let (from, to) = info.data_offsets;
        let bytes = all.part(start + from..start + to);
        let bytes = bytes.ok_or_else(|| damaged(format!("tensor `{name}` lies outside of it")))?;
        let element = match info.dtype {
            Dtype::F32 => Element::F32,
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::U8 => Element::Packed,
            other => Element::Other(other),
        };
        tensors.insert(Tensor { name, element, shape: info.shape.clone(), bytes })?;
    }
    Ok(())
}
