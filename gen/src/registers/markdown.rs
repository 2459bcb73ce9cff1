//! The register table as Markdown, for people.

use std::fmt::Write;

use super::bridge_table;
use sterna_spec::bridge::{MEMORY, STAGE, STAGE_WORDS};
use sterna_spec::config::Config;
use sterna_spec::registers::{
    self, Access, ERROR_BLOCKS, ERROR_CODES, Register, SPACE, TOPK_ROW_BYTES, VERSION, offset,
};

/// The table; with the bridge's address map, if there is a board with so much memory.
pub fn text(config: &Config, memory: Option<u32>) -> String {
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
        Access::WriteOnly => "write",
    };
    let row = |Register { name, offset, access: a, doc }: &Register, digits: usize| {
        format!("| {offset:#0digits$x} | {name} | {} | {doc} |\n", access(*a))
    };
    text.extend(registers::table(config).iter().map(|r| row(r, 6)));
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
    if let Some(bytes) = memory {
        text += "\n## Bridge\n\nSeen through the serial line; the core's registers lie at 0.\n\n\
                 | address | name | access | meaning |\n|---|---|---|---|\n";
        text.extend(bridge_table().iter().map(|r| row(r, 10)));
        let last = STAGE + 4 * STAGE_WORDS as u32 - 4;
        let _ = write!(
            text,
            "| {STAGE:#010x}..{last:#010x} | STAGE | write | staged words |\n\
             | {MEMORY:#010x}.. | MEMORY | read, write | {bytes} bytes of memory |\n"
        );
    }
    text
}
