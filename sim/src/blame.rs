//! The block of the top that a difference points at, and the signal that showed it.
//!
//! Everything that flows into a value was compared before the value: beats of the reader with memory, instructions with the program, words
//! that are loaded, integers that matrix engine and attention unit deliver before the lanes take them, words of the lanes before the
//! store passes them on, and that before memory. So the first difference is the work of the block that made it. What no passage
//! shows is laid to whoever works with it: a register that a unit is given wrong, an instruction that begins too early.

use sterna_spec::golden::Write;
use sterna_spec::isa::{DstKind, Instruction};
use sterna_spec::registers::offset;

use crate::report::Place;

/// Instance of the top, and path of a signal.
pub(crate) fn blame(place: &Place, instruction: Option<&Instruction>) -> (&'static str, String) {
    let attention = matches!(instruction, Some(Instruction::Attn { .. }));
    let (block, signal) = match *place {
        Place::Write { kind: Write::MATRIX, .. } => ("engine", "acc_data".into()),
        Place::Write { kind: Write::ATTENTION, .. } => ("attend", "att_data".into()),
        Place::Write { kind: Write::WEIGHTS, .. } => ("attend", "s_wdata".into()),
        Place::Order if attention => ("attend", "s_wdata".into()),
        Place::Write { kind: Write::SCALAR, .. } => ("lanes", "scalars.w_data".into()),
        Place::Write { kind, lane, .. } => ("lanes", format!("lane{lane}.{}", output(kind))),
        Place::Order => ("lanes", "probe_address".into()),
        Place::Passage { name, .. } => passage(name),
        Place::Payload { block } => (block, if block == "load" { "p_ready" } else { "w_ready" }.into()),
        Place::Memory { .. } => ("write", "w_data".into()),
        Place::Register { offset: offset::TOPK.. } => ("select", "rd_logit".into()),
        Place::End { block: 2 } => ("read", "error".into()),
        Place::End { block: 3 } => ("write", "error".into()),
        Place::End { .. } => ("control", "error_code".into()),
        Place::Register { .. } => ("register_block", "s_axi_rdata".into()),
    };
    (block, format!("{}.{block}.{signal}", sterna_hdl::top::TOP))
}

/// The block that a passage leaves, and its port.
fn passage(name: &str) -> (&'static str, String) {
    let (block, signal) = match name {
        "program" => ("read", "p_data"),
        "data" => ("read", "d_data"),
        "begun" => ("control", "insn"),
        "vector" => ("control", "vector_insn"),
        "loaded" => ("load", "ld_data"),
        _ => ("keep", "w_data"),
    };
    (block, signal.into())
}

/// A lane's port that goes to a destination.
fn output(kind: u8) -> &'static str {
    match DstKind::from_bits(kind.into()) {
        Some(DstKind::Act | DstKind::Kv) => "code8",
        Some(DstKind::Query) => "code16",
        _ => "z",
    }
}
