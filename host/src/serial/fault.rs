//! What can go wrong with one request, and the sentence when it goes wrong again and again.

use std::io;

/// Why a request was not answered as it should be.
#[derive(Debug)]
pub enum Fault {
    /// The line is gone.
    Gone(io::Error),
    /// The device was reset: its lock is open.
    Reset,
    /// No byte came, or none went out.
    Silent,
    /// Fewer bytes than asked for.
    Short {
        /// Bytes that came.
        have: usize,
        /// Bytes asked for.
        want: usize,
    },
    /// All bytes came, with a wrong CRC.
    Damaged,
    /// The device did not carry out what it got.
    Refused,
    /// Bytes that nobody asked for, without end.
    Babble(usize),
}

impl Fault {
    /// True if trying again is of no use.
    pub fn is_final(&self) -> bool {
        matches!(self, Fault::Gone(_) | Fault::Reset)
    }

    /// The sentence about the device `name` after so many tries.
    pub fn sentence(&self, name: &str, tries: u32) -> String {
        match self {
            Fault::Gone(e) => format!(
                "{name} is gone ({e}); plug it in and run the command again: an upload goes on where it stopped"
            ),
            Fault::Reset => format!("{name} was reset during the session; run the command again"),
            Fault::Silent => format!(
                "{name} did not answer {tries} times; check power, cable and baud rate, and load the bitstream"
            ),
            Fault::Short { have, want } => format!(
                "{name} answered {tries} times, the last time with {have} of {want} bytes; check cable and baud rate"
            ),
            Fault::Damaged => format!(
                "{name} answered {tries} times with a wrong CRC; check cable and baud rate, and that the bitstream is Sterna's"
            ),
            Fault::Refused => format!(
                "{name} did not carry out a write {tries} times, because it arrives damaged; check cable and baud rate"
            ),
            Fault::Babble(bytes) => format!(
                "{name} sent {bytes} bytes that nobody asked for; check that this is the port of the board, and its baud rate"
            ),
        }
    }
}
