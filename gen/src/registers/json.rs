//! The register table as JSON, for programs.

use serde_json::json;
use sterna_spec::config::Config;
use sterna_spec::registers::{
    Access, COUNTERS, ERROR_BLOCKS, ERROR_CODES, SPACE, TOPK_ROW_BYTES, VERSION, control, offset, status,
    table,
};

/// The table.
pub fn text(config: &Config) -> String {
    let access = |a: Access| match a {
        Access::ReadOnly => "read",
        Access::ReadWrite => "read-write",
        Access::WriteOne => "write-one",
    };
    let registers: Vec<_> = table(config)
        .iter()
        .map(|r| json!({"name": r.name, "offset": r.offset, "access": access(r.access), "doc": r.doc}))
        .collect();
    let errors: Vec<_> =
        ERROR_CODES.iter().map(|(code, name, doc)| json!({"code": code, "name": name, "doc": doc})).collect();
    let blocks: Vec<_> =
        ERROR_BLOCKS.iter().map(|(code, name)| json!({"code": code, "name": name})).collect();
    let value = json!({
        "name": config.name,
        "version": VERSION,
        "config_hash": format!("{:016x}", config.hash()),
        "bytes": SPACE,
        "registers": registers,
        "topk": {"offset": offset::TOPK, "row_bytes": TOPK_ROW_BYTES, "rows": config.rows, "pairs": config.top_k},
        "counters": {"offset": offset::COUNTER, "names": COUNTERS.iter().map(|(name, _)| name).collect::<Vec<_>>()},
        "control": {"start": control::START, "clear": control::CLEAR},
        "status": {"busy": status::BUSY, "done": status::DONE, "error": status::ERROR},
        "errors": errors,
        "error_blocks": blocks,
    });
    format!("{value:#}\n")
}
