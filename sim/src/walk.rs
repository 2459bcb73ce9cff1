//! Instructions of a step stream by number: reads the stream from memory, payload by payload skipped.

use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::Golden;
use sterna_spec::isa::{INSTRUCTION_BYTES, Instruction};
use sterna_spec::layout::{beats, stripe};
use sterna_spec::registers::offset;

/// Beats of the payload behind an instruction.
fn payload_beats(config: &Config, instruction: &Instruction) -> u64 {
    match *instruction {
        Instruction::Load { words, .. } => {
            beats(config, usize::from(words) * config.lanes as usize * 4) as u64
        }
        Instruction::Matmul { blocks, chunks, planes, .. } => {
            u64::from(blocks) * u64::from(chunks) * u64::from(planes)
        }
        Instruction::Attn { passes, .. } => u64::from(passes) * config.instruction_beats() as u64,
        _ => 0,
    }
}

/// Base address of each port.
pub fn bases(golden: &mut Golden) -> Result<Vec<u64>, DeviceError> {
    let at = |port: u32| offset::PORT_BASE + 8 * port;
    let ports = golden.config().ports;
    let base = |port: u32| {
        let (low, high) = (golden.read_register(at(port))?, golden.read_register(at(port) + 4)?);
        Ok(u64::from(low) | u64::from(high) << 32)
    };
    (0..ports).map(base).collect()
}

/// An instruction where it stands.
pub struct Slot {
    /// Its bytes.
    pub bytes: [u8; INSTRUCTION_BYTES],
    /// Beats of the payload behind it.
    pub payload: u64,
}

/// The instructions of the program that a device's registers name, up to its end or the first that is not legal.
pub fn slots(golden: &mut Golden) -> Result<Vec<Slot>, DeviceError> {
    let config = golden.config().clone();
    let bases = bases(golden)?;
    let first = u64::from(golden.read_register(offset::PROGRAM_BASE)?);
    let end = first + u64::from(golden.read_register(offset::PROGRAM_BEATS)?);
    let (mut at, mut slots) = (first, Vec::new());
    while at + config.instruction_beats() as u64 <= end {
        let mut slot = [0; INSTRUCTION_BYTES];
        let mut result = Ok(());
        stripe(&config, &bases, at * config.beat_bytes() as u64, slot.len(), |address, offset, len| {
            if result.is_ok() {
                result = golden.read_memory(address, &mut slot[offset..offset + len]);
            }
        });
        result?;
        let Ok(instruction) = Instruction::decode(&slot) else { break };
        let payload = payload_beats(&config, &instruction);
        slots.push(Slot { bytes: slot, payload });
        at += config.instruction_beats() as u64 + payload;
    }
    Ok(slots)
}

/// Instruction `number` of that program; `None` if it ends before.
pub fn instruction(golden: &mut Golden, number: u32) -> Result<Option<Instruction>, DeviceError> {
    Ok(slots(golden)?.get(number as usize).and_then(|slot| Instruction::decode(&slot.bytes).ok()))
}

#[cfg(test)]
mod tests {
    use sterna_spec::isa::{Pass, Vector};
    use sterna_spec::stream::StreamBuilder;

    use super::*;

    #[test]
    fn payloads_are_skipped() {
        let config = Config::preset("tiny").unwrap();
        for (ports, port_bytes) in [(1, 8), (4, 16)] {
            let config = Config { ports, port_bytes, ..config.clone() };
            let mut stream = StreamBuilder::new(&config);
            let vector = Vector { n: 3, a: 7, ..Vector::default() };
            stream.load(2, &[1.0; 9]);
            stream.matmul(30, 100, 2, |_, _, _| 1);
            stream.attention(
                &[Pass { kv_head: 0, heads: vec![0] }, Pass { kv_head: 1, heads: vec![1] }],
                4,
                0,
                [0; 3],
                0,
            );
            stream.vector(vector);
            stream.push(Instruction::End { body: false });
            let beats = stream.beats() as u32;
            let mut golden = Golden::new(&config);
            golden.reserve_memory(1 << 16).unwrap();
            let bases: Vec<u64> = (0..u64::from(ports)).map(|p| p * 8192).collect();
            for (p, base) in (0..).zip(&bases) {
                golden.write_register(offset::PORT_BASE + 8 * p, *base as u32).unwrap();
            }
            golden.write_register(offset::PROGRAM_BASE, 5).unwrap();
            golden.write_register(offset::PROGRAM_BEATS, beats).unwrap();
            let start = 5 * config.beat_bytes() as u64;
            stripe(&config, &bases, start, stream.bytes().len(), |address, offset, len| {
                golden.write_memory(address, &stream.bytes()[offset..offset + len]).unwrap();
            });
            assert_eq!(instruction(&mut golden, 3).unwrap(), Some(Instruction::Vector(vector)));
            assert_eq!(instruction(&mut golden, 4).unwrap(), Some(Instruction::End { body: false }));
            assert_eq!(instruction(&mut golden, 5).unwrap(), None);
        }
    }
}
