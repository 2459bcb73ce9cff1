//! The register table as Markdown, for people.

use std::fmt::Write;

use sterna_spec::config::Config;
use sterna_spec::registers::{
    self, Access, ERROR_BLOCKS, ERROR_CODES, Register, SPACE, TOPK_ROW_BYTES, VERSION, offset,
};

/// The table.
pub fn text(config: &Config) -> String {
    let mut text = format!(
        "# Registers of `{}`\n\n\
         Version {VERSION} of the contract, configuration {:016x}. AXI4-Lite, {SPACE} bytes, 32-bit registers; other addresses \
         read as 0.\n\n\
         | offset | name | access | meaning |\n|---|---|---|---|\n",
        config.name,
        config.hash(),
    );
    let access = |a: Access| match a {
        Access::ReadOnly => "read",
        Access::ReadWrite => "read, write",
        Access::WriteOne => "write 1",
    };
    for Register { name, offset, access: a, doc } in registers::table(config) {
        let _ = writeln!(text, "| {offset:#06x} | {name} | {} | {doc} |", access(a));
    }
    let last = offset::TOPK + config.rows * TOPK_ROW_BYTES - 4;
    let _ = write!(
        text,
        "| {:#06x}..{last:#06x} | TOPK | read | the largest logits: {TOPK_ROW_BYTES} bytes a row, {} pairs of id and logit \
         (binary32) from the largest on; unused pairs read as id 0xffffffff, logit -inf |\n\n",
        offset::TOPK,
        config.top_k
    );
    text += "## Errors\n\n| ERROR 7:0 | name | meaning |\n|---|---|---|\n";
    for (code, name, meaning) in ERROR_CODES {
        let _ = writeln!(text, "| {code} | {name} | {meaning} |");
    }
    text += "\n| ERROR 15:8 | block |\n|---|---|\n";
    for (block, name) in ERROR_BLOCKS {
        let _ = writeln!(text, "| {block} | {name} |");
    }
    text
}
