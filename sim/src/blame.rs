//! The block of the top that a difference points at, and the signal that showed it.
//!
//! Everything that flows into a value was compared before the value: integers that matrix engine and attention unit deliver before the
//! lanes take them, words of the lanes before memory. So the first difference is the work of the block that made it, or of the one that
//! fed it memory: of a wrong weight on the way through the reader the accumulators tell first.

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
        Place::Write { kind: Write::SCALAR, .. } | Place::Order if attention => ("attend", "s_wdata".into()),
        Place::Write { kind: Write::SCALAR, .. } => ("lanes", "scalars.w_data".into()),
        Place::Write { kind, lane, .. } => ("lanes", format!("lane{lane}.{}", output(kind))),
        Place::Order => ("lanes", "probe_address".into()),
        Place::Memory { .. } => ("keep", "w_data".into()),
        Place::Register { offset: offset::TOPK.. } => ("select", "rd_logit".into()),
        Place::Register { offset: offset::STATUS | offset::ERROR } => ("control", "error_code".into()),
        Place::Register { .. } => ("register_block", "s_axi_rdata".into()),
    };
    (block, format!("{}.{block}.{signal}", sterna_hdl::top::TOP))
}

/// A lane's port that goes to a destination.
fn output(kind: u8) -> &'static str {
    match DstKind::from_bits(kind.into()) {
        Some(DstKind::Act | DstKind::Kv) => "code8",
        Some(DstKind::Query) => "code16",
        _ => "z",
    }
}
