//! A TCP port as the end of a line: one host at a time, and then the next one.

use super::{End, failed};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;
use sterna_host::error::Result;

/// Time that a host has to take bytes, before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks for a host.
const LOOK: Duration = Duration::from_millis(20);

/// The port, and the host that is connected.
pub struct Socket {
    listener: TcpListener,
    host: Option<TcpStream>,
    port: u16,
}

impl Socket {
    /// Listens at a port of this machine; 0: a free one.
    pub fn open(port: u16) -> Result<Socket> {
        let listen = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok(Socket { listener, host: None, port })
        };
        listen().map_err(|e| failed(&format!("TCP port {port}"), e))
    }

    /// The host, or the next one that waits.
    fn host(&mut self, wait: Duration) -> io::Result<Option<&mut TcpStream>> {
        if self.host.is_none() {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    self.host = Some(stream);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(wait.min(LOOK)),
                // the host gave up before it was served
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.host.as_mut())
    }
}

/// Bytes that are there, at once or within `wait`.
fn read(host: &mut TcpStream, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
    host.set_nonblocking(wait.is_zero())?;
    if !wait.is_zero() {
        host.set_read_timeout(Some(wait))?;
    }
    let count = host.read(bytes);
    host.set_nonblocking(false)?;
    count
}

impl End for Socket {
    fn receive(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let Some(host) = self.host(wait)? else { return Ok(0) };
        match read(host, bytes, wait) {
            Ok(count) if count > 0 => Ok(count),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(0),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            // closed, or broken off
            _ => {
                self.host = None;
                Ok(0)
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.host.as_mut().is_some_and(|host| host.write_all(bytes).is_err()) {
            self.host = None;
        }
        Ok(())
    }

    fn names(&self, baud: u32) -> (String, String) {
        (self.port.to_string(), format!("tcp:localhost:{}@{baud}", self.port))
    }
}
