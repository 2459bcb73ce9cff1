//! A serial port in software: 8 data bits, no parity, one stop bit, at the cycles of a bit that the board was built for.

use std::collections::VecDeque;

/// Bits of a frame: start, eight of data, stop.
const FRAME: u32 = 10;

/// Both directions of the line.
pub(super) struct Line {
    /// Cycles of a bit.
    bit: u32,
    /// Bytes on their way to the board.
    to_board: VecDeque<u8>,
    /// Bits of the byte that is being sent, the next one lowest, how many are left, and cycles left of the one on the line.
    frame: u32,
    bits: u32,
    wait: u32,
    level: bool,
    /// Cycles since the start bit of the byte that comes, and its bits so far.
    coming: Option<(u32, u32)>,
    from_board: Vec<u8>,
    framing: u64,
}

impl Line {
    pub fn new(bit: u32) -> Line {
        Line {
            bit,
            to_board: VecDeque::new(),
            frame: 0,
            bits: 0,
            wait: 0,
            level: true,
            coming: None,
            from_board: Vec::new(),
            framing: 0,
        }
    }

    pub fn send(&mut self, byte: u8) {
        self.to_board.push_back(byte);
    }

    /// Bytes that arrived since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.from_board)
    }

    /// Bytes that have not left yet.
    pub fn waiting(&self) -> usize {
        self.to_board.len()
    }

    /// A byte is on its way, or waits to be taken.
    pub fn busy(&self) -> bool {
        self.bits + self.wait > 0
            || self.coming.is_some()
            || !self.to_board.is_empty()
            || !self.from_board.is_empty()
    }

    /// Stop bits of the board that were low.
    pub fn framing(&self) -> u64 {
        self.framing
    }

    /// The level towards the board in the next cycle.
    #[inline]
    pub fn next(&mut self) -> bool {
        if self.wait > 0 {
            self.wait -= 1;
            return self.level;
        }
        if self.bits == 0 {
            let Some(byte) = self.to_board.pop_front() else { return true };
            (self.frame, self.bits) = (u32::from(byte) << 1 | 1 << (FRAME - 1), FRAME);
        }
        self.level = self.frame & 1 == 1;
        (self.frame, self.bits, self.wait) = (self.frame >> 1, self.bits - 1, self.bit - 1);
        self.level
    }

    /// The level from the board in a cycle.
    #[inline]
    pub fn sample(&mut self, level: bool) {
        let Some((at, bits)) = self.coming else {
            self.coming = (!level).then_some((1, 0));
            return;
        };
        // the middle of each bit
        let next = match at.checked_sub(self.bit / 2).filter(|at| at.is_multiple_of(self.bit)) {
            Some(middle) if middle == self.bit * (FRAME - 1) => {
                match level {
                    true => self.from_board.push((bits >> 1) as u8),
                    false => self.framing += 1,
                }
                self.coming = None;
                return;
            }
            Some(_) => bits >> 1 | u32::from(level) << (FRAME - 2),
            None => bits,
        };
        self.coming = Some((at + 1, next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received() {
        for bit in [4, 5, 80] {
            let bytes: Vec<u8> = (0..=255).collect();
            let mut line = Line::new(bit);
            assert!(!line.busy());
            bytes.iter().for_each(|byte| line.send(*byte));
            let mut cycles = 0;
            let mut have = Vec::new();
            while line.busy() {
                let level = line.next();
                line.sample(level);
                have.extend(line.take());
                cycles += 1;
            }
            assert_eq!((have, line.framing()), (bytes, 0));
            assert!(cycles <= 256 * FRAME * bit, "{cycles}");
        }
    }

    #[test]
    fn a_stop_bit_that_is_low_is_counted() {
        let mut line = Line::new(4);
        (0..40).for_each(|_| line.sample(false));
        assert_eq!((line.take(), line.framing()), (vec![], 1));
    }
}
