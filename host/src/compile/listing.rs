//! The disassembler: instructions of a stream with the beats at which they stand. Payloads are skipped.

use sterna_spec::config::Config;
use sterna_spec::isa::{INSTRUCTION_BYTES, Instruction};
use sterna_spec::layout::beats;

/// Instructions of the stream in `bytes`, each with its first beat, up to the end or to the first slot that is none.
pub fn instructions(config: &Config, bytes: &[u8]) -> Vec<(usize, Instruction)> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(slot) =
        bytes.get(at * config.beat_bytes()..).and_then(<[u8]>::first_chunk::<INSTRUCTION_BYTES>)
    {
        let Ok(instruction) = Instruction::decode(slot) else { break };
        all.push((at, instruction));
        at += config.instruction_beats() + payload_beats(config, &instruction);
    }
    all
}

/// Beats of the payload behind an instruction.
pub fn payload_beats(config: &Config, instruction: &Instruction) -> usize {
    match *instruction {
        Instruction::Load { words, .. } => beats(config, 4 * usize::from(words) * config.lanes as usize),
        Instruction::Matmul { blocks, chunks, planes, .. } => {
            usize::from(blocks) * usize::from(chunks) * usize::from(planes)
        }
        Instruction::Attn { passes, .. } => usize::from(passes) * config.instruction_beats(),
        _ => 0,
    }
}
