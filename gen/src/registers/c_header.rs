//! The register table as a C header: offsets in bytes, bits, error codes.

use std::fmt::Write;

use super::{bridge_table, short};
use sterna_spec::bridge::{self, STAGE_WORDS};
use sterna_spec::config::Config;
use sterna_spec::registers::{
    ERROR_BLOCKS, ERROR_CODES, ROW_BYTES, ROW_LOGITS, SPACE, TOPK_ROW_BYTES, VERSION, control, offset,
    status, table,
};

/// The header; with the bridge's address map, if there is a board with so much memory.
pub fn text(config: &Config, memory: Option<u32>) -> String {
    let hash = config.hash();
    let mut text = format!(
        "/* Registers of `{}`: byte offsets from the base of the AXI4-Lite slave. Made by sterna-gen. */\n\
         #ifndef STERNA_H\n#define STERNA_H\n\n\
         #define STERNA_CONTRACT_VERSION {VERSION}u\n\
         #define STERNA_CONFIG_HASH_LOW_VALUE {:#010x}u\n#define STERNA_CONFIG_HASH_HIGH_VALUE {:#010x}u\n\
         #define STERNA_BYTES {SPACE:#06x}u\n\n",
        config.name,
        hash as u32,
        (hash >> 32) as u32
    );
    for r in table(config) {
        let _ = writeln!(text, "/* {} */\n#define STERNA_{} {:#06x}u", r.doc, r.name, r.offset);
    }
    let _ = write!(
        text,
        "\n/* row r's descriptor */\n#define STERNA_ROW(r) ({:#06x}u + {ROW_BYTES}u * (r))\n#define STERNA_ROW_LOGITS {ROW_LOGITS}u\n\
         /* pair i of row r's selection, from the largest logit on: token, binary32 logit */\n\
         #define STERNA_TOPK_PAIRS {}u\n\
         #define STERNA_TOPK_ID(r, i) ({:#06x}u + {TOPK_ROW_BYTES}u * (r) + 8u * (i))\n\
         #define STERNA_TOPK_LOGIT(r, i) (STERNA_TOPK_ID(r, i) + 4u)\n\n",
        offset::ROW,
        config.top_k,
        offset::TOPK,
    );
    for (name, bit) in [
        ("CONTROL_START", control::START),
        ("CONTROL_CLEAR", control::CLEAR),
        ("STATUS_BUSY", status::BUSY),
        ("STATUS_DONE", status::DONE),
        ("STATUS_ERROR", status::ERROR),
    ] {
        let _ = writeln!(text, "#define STERNA_{name} {bit}u");
    }
    let constant = |name: &str| name.replace('-', "_").to_uppercase();
    for (code, name, doc) in ERROR_CODES {
        let _ = writeln!(text, "/* {doc} */\n#define STERNA_ERROR_{} {code}u", constant(name));
    }
    for (code, name) in ERROR_BLOCKS {
        let _ = writeln!(text, "#define STERNA_BLOCK_{} {code}u", constant(name));
    }
    if let Some(bytes) = memory {
        text += &board(bytes);
    }
    text + "\n#endif\n"
}

/// What a serial line shows besides.
fn board(memory: u32) -> String {
    let mut text =
        "\n/* byte addresses on the serial line; the registers above lie at 0 there */\n".to_string();
    for r in bridge_table() {
        let _ =
            writeln!(text, "/* {} */\n#define STERNA_BRIDGE_{} {:#010x}u", r.doc, short(&r.name), r.offset);
    }
    for (name, value) in [
        ("BRIDGE_ID_VALUE", bridge::ID),
        ("BRIDGE_LOCK_VALUE", bridge::LOCK),
        ("BRIDGE_OPEN_VALUE", bridge::OPEN),
        ("STAGE", bridge::STAGE),
        ("STAGE_WORDS", STAGE_WORDS as u32),
        ("MEMORY", bridge::MEMORY),
        ("MEMORY_SIZE", memory),
    ] {
        let _ = writeln!(text, "#define STERNA_{name} {value:#010x}u");
    }
    text
}
