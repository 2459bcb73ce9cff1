//! What carries bytes: a UART or a TCP socket, and in tests anything.

use std::io;
use std::time::Duration;

/// A line that carries bytes both ways and may lose, change or delay them.
pub trait Transport: Send {
    /// Sends all bytes.
    ///
    /// # Errors
    /// If the line is gone, or takes no bytes any more.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Receives at least one byte; 0 if none came within `limit`.
    ///
    /// # Errors
    /// If the line is gone.
    fn receive(&mut self, bytes: &mut [u8], limit: Duration) -> io::Result<usize>;
    /// What a byte takes on the line, as far as is known before the first one.
    fn byte(&self) -> Duration;
}

/// Makes "nothing yet" a 0, and the end of the line an error.
pub(super) fn received(result: io::Result<usize>) -> io::Result<usize> {
    use io::ErrorKind::{Interrupted, TimedOut, UnexpectedEof, WouldBlock};
    match result {
        Ok(0) => Err(io::Error::new(UnexpectedEof, "the other end closed the connection")),
        Err(e) if matches!(e.kind(), Interrupted | TimedOut | WouldBlock) => Ok(0),
        other => other,
    }
}
