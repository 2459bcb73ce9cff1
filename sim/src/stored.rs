//! Bytes on their way to memory, and the same bytes in it.

use std::collections::HashMap;

use sterna_spec::config::Config;
use sterna_spec::device::DeviceError;
use sterna_spec::layout::stripe;

use crate::report::Place;
use crate::transfer::{Step, Wrong, wrong};

impl Step<'_> {
    /// Bytes that the store hands to the writer, then the same bytes in memory.
    pub(crate) fn stored(&mut self, config: &Config, bases: &[u64]) -> Result<Option<Wrong>, DeviceError> {
        let width = config.beat_bytes();
        let mut got: HashMap<u64, (u8, u64)> = HashMap::new();
        for (cycle, data) in self.passed("stored").all() {
            let byte = |at: usize| (data[at / 4] >> (8 * (at % 4))) as u8;
            let strobe = |i: usize| data[(8 * width + i) / 32] >> ((8 * width + i) % 32) & 1 == 1;
            let first = stored_beat(config, data) * width as u64;
            got.extend((0..width).filter(|i| strobe(*i)).map(|i| (first + i as u64, (byte(i), cycle))));
        }
        let mut due: HashMap<u64, (u8, usize)> = HashMap::new();
        for (i, stored) in self.stores.iter().enumerate() {
            due.extend((stored.start..).zip(stored.bytes.iter().map(|byte| (*byte, i))));
        }
        for (i, stored) in self.stores.iter().enumerate() {
            let at = |wrong| Wrong { instruction: Some(stored.instruction), row: Some(stored.row), ..wrong };
            for byte in (stored.start..).take(stored.bytes.len()).filter(|byte| due[byte].1 == i) {
                let (want, text) = (due[&byte].0, |x: u8| format!("{x:#04x}"));
                let (value, cycle) = match got.get(&byte) {
                    Some(&(value, cycle)) if value == want => (value, cycle),
                    Some(&(value, cycle)) => {
                        return Ok(Some(at(wrong("stored", byte, text(want), text(value), cycle))));
                    }
                    None if !self.whole => continue,
                    None => {
                        let none = "never stored".into();
                        return Ok(Some(at(wrong(
                            "stored",
                            byte,
                            text(want),
                            none,
                            self.passed("stored").last(),
                        ))));
                    }
                };
                let (mut address, mut held) = (0, [0]);
                stripe(config, bases, byte, 1, |at, _, _| address = at);
                if self.memory.read(address, &mut held).is_ok() && held[0] != value {
                    let place = Place::Memory { address };
                    let (expected, got) = (text(value), text(held[0]));
                    let wrong =
                        Wrong { place, expected, got, ..wrong("stored", byte, text(0), text(0), cycle) };
                    return Ok(Some(at(wrong)));
                }
            }
        }
        let extra =
            got.iter().filter(|(byte, _)| !due.contains_key(byte)).min_by_key(|(_, (_, cycle))| *cycle);
        Ok(extra.map(|(&byte, &(value, cycle))| {
            let got = format!("{value:#04x}");
            // which instruction it was is not known; the first that stores is the earliest that it can be
            let instruction = self.stores.first().map(|stored| stored.instruction);
            Wrong { instruction, ..wrong("stored", byte, "no such byte".into(), got, cycle) }
        }))
    }
}

/// Where a beat goes that the store hands on.
pub(crate) fn stored_beat(config: &Config, data: &[u32]) -> u64 {
    let low = 9 * config.beat_bytes();
    let bits = (0..32).filter(|i| data[(low + i) / 32] >> ((low + i) % 32) & 1 == 1);
    bits.fold(0, |beat, i| beat | 1 << i)
}
