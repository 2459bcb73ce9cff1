//! A serial port of this machine, for one process at a time.

use super::transport::{Transport, received};
use serialport::SerialPort;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

/// Time for the port to take bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open serial port: 8N1, no flow control.
pub struct Uart {
    port: Box<dyn SerialPort>,
    baud: u32,
}

impl Uart {
    /// Opens the port at `path`, for this process alone (TIOCEXCL and flock).
    ///
    /// # Errors
    /// If it is absent, in use (`ResourceBusy`), not permitted, or does not know the rate.
    pub fn open(path: &str, baud: u32) -> io::Result<Uart> {
        let port = serialport::new(path, baud).timeout(PATIENCE).open().map_err(|e| match e.kind {
            // the library has one kind for ports that are absent and in use
            serialport::ErrorKind::NoDevice if Path::new(path).exists() => io::ErrorKind::ResourceBusy.into(),
            _ => io::Error::from(e),
        })?;
        Ok(Uart { port, baud })
    }
}

impl Transport for Uart {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.port.set_timeout(PATIENCE)?;
        self.port.write_all(bytes)
    }

    fn receive(&mut self, bytes: &mut [u8], limit: Duration) -> io::Result<usize> {
        self.port.set_timeout(limit.max(Duration::from_millis(1)))?;
        received(self.port.read(bytes))
    }

    fn byte(&self) -> Duration {
        Duration::from_secs(10) / self.baud.max(1)
    }
}
