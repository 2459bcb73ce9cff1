//! A TCP socket: a board behind a serial server such as ser2net or socat, or a simulated board.

use super::transport::{Transport, received};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Time to connect, and for the other end to take bytes.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a byte takes until it is known better: half a million baud behind the socket.
const BYTE: Duration = Duration::from_micros(20);

/// A connected socket, and what a byte takes behind it.
pub struct Tcp(TcpStream, Duration);

impl Tcp {
    /// Connects to `host:port`, behind which there may be a line of a rate that is known.
    ///
    /// # Errors
    /// What the system says about the last address tried.
    pub fn open(address: &str, baud: Option<u32>) -> io::Result<Tcp> {
        let byte = baud.map_or(BYTE, |baud| Duration::from_secs(10) / baud.max(1));
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(Tcp(stream, byte));
                }
                Err(e) => last = e,
            }
        }
        Err(last)
    }
}

impl Transport for Tcp {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn receive(&mut self, bytes: &mut [u8], limit: Duration) -> io::Result<usize> {
        self.0.set_read_timeout(Some(limit.max(Duration::from_millis(1))))?;
        received(self.0.read(bytes))
    }

    fn byte(&self) -> Duration {
        self.1
    }
}
