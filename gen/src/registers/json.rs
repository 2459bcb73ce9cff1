//! The register table as JSON, for programs.

use super::bridge_table;
use serde_json::{Value, json};
use sterna_spec::bridge::{self, STAGE_WORDS};
use sterna_spec::config::Config;
use sterna_spec::registers::{
    Access, COUNTERS, ERROR_BLOCKS, ERROR_CODES, Register, SPACE, TOPK_ROW_BYTES, VERSION, control, offset,
    status, table,
};

/// Registers by offset, or by address.
fn list(table: &[Register], place: &str) -> Vec<Value> {
    let access = |a: Access| match a {
        Access::ReadOnly => "read",
        Access::ReadWrite => "read-write",
        Access::WriteOne => "write-one",
        Access::WriteOnly => "write",
    };
    let one =
        |r: &Register| json!({"name": r.name, place: r.offset, "access": access(r.access), "doc": r.doc});
    table.iter().map(one).collect()
}

/// The table; with the bridge's address map, if there is a board with so much memory.
pub fn text(config: &Config, memory: Option<u32>) -> String {
    let errors: Vec<_> =
        ERROR_CODES.iter().map(|(code, name, doc)| json!({"code": code, "name": name, "doc": doc})).collect();
    let blocks: Vec<_> =
        ERROR_BLOCKS.iter().map(|(code, name)| json!({"code": code, "name": name})).collect();
    let mut value = json!({
        "name": config.name,
        "version": VERSION,
        "config_hash": format!("{:016x}", config.hash()),
        "bytes": SPACE,
        "registers": list(&table(config), "offset"),
        "topk": {"offset": offset::TOPK, "row_bytes": TOPK_ROW_BYTES, "rows": config.rows, "pairs": config.top_k},
        "counters": {"offset": offset::COUNTER, "names": COUNTERS.iter().map(|(name, _)| name).collect::<Vec<_>>()},
        "control": {"start": control::START, "clear": control::CLEAR},
        "status": {"busy": status::BUSY, "done": status::DONE, "error": status::ERROR},
        "errors": errors,
        "error_blocks": blocks,
    });
    if let Some(bytes) = memory {
        value["bridge"] = json!({
            "version": bridge::VERSION,
            "registers": list(&bridge_table(), "address"),
            "stage": {"address": bridge::STAGE, "words": STAGE_WORDS},
            "memory": {"address": bridge::MEMORY, "bytes": bytes},
            "lock": bridge::LOCK,
            "open": bridge::OPEN,
        });
    }
    format!("{value:#}\n")
}
