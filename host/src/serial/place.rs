//! Where a device is: `uart:PATH[@BAUD]` or `tcp:HOST:PORT[@BAUD]`.

use super::tcp::Tcp;
use super::transport::Transport;
use super::uart::Uart;
use std::fmt;
use std::io;
use sterna_spec::device::DeviceError;

/// Rate if none is named.
pub const BAUD: u32 = 3_000_000;

/// The end of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A serial port and its rate.
    Uart(String, u32),
    /// `host:port`, and the rate behind the socket if it is known.
    Tcp(String, Option<u32>),
}

impl Place {
    /// A serial port from what stands behind `uart:`.
    ///
    /// # Errors
    /// One sentence, if the path or the rate is missing or wrong.
    pub fn uart(text: &str) -> Result<Place, String> {
        let (path, baud) = rated(text, "uart:PATH@BAUD")?;
        if path.is_empty() {
            return Err("the serial port is missing; say uart:PATH or uart:PATH@BAUD, as in uart:/dev/ttyUSB0@3000000".into());
        }
        Ok(Place::Uart(path.into(), baud.unwrap_or(BAUD)))
    }

    /// A socket from what stands behind `tcp:`.
    ///
    /// # Errors
    /// One sentence, if host or port is missing or wrong, or the rate.
    pub fn tcp(text: &str) -> Result<Place, String> {
        let (address, baud) = rated(text, "tcp:HOST:PORT@BAUD")?;
        match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0) => {
                Ok(Place::Tcp(address.into(), baud))
            }
            _ => Err(format!("`{text}` is no host and port; say tcp:HOST:PORT, as in tcp:localhost:1234")),
        }
    }

    /// Opens the line.
    ///
    /// # Errors
    /// One sentence, if the other end is absent, in use or not permitted.
    pub fn open(&self) -> Result<Box<dyn Transport>, DeviceError> {
        let opened: io::Result<Box<dyn Transport>> = match self {
            Place::Uart(path, baud) => Uart::open(path, *baud).map(|port| Box::new(port) as _),
            Place::Tcp(address, baud) => Tcp::open(address, *baud).map(|socket| Box::new(socket) as _),
        };
        opened.map_err(|e| DeviceError::Other(format!("cannot open {self}: {e}; {}", self.remedy(&e))))
    }

    fn remedy(&self, error: &io::Error) -> &'static str {
        use io::ErrorKind::{NotFound, PermissionDenied, ResourceBusy};
        match (self, error.kind()) {
            (Place::Tcp(..), _) => "check host and port, and that the server runs",
            (_, NotFound) => "plug the board in, and see `sterna doctor` for the ports that are there",
            (_, PermissionDenied) => {
                "join the group of the port (sudo usermod -aG dialout $USER) and log in again"
            }
            (_, ResourceBusy) => "another program has it: end that first",
            _ => "check that it is a serial port and knows this rate, and plug the board in again",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Uart(path, baud) => write!(f, "uart:{path}@{baud}"),
            Place::Tcp(address, None) => write!(f, "tcp:{address}"),
            Place::Tcp(address, Some(baud)) => write!(f, "tcp:{address}@{baud}"),
        }
    }
}

/// What stands before `@`, and the rate behind it.
fn rated<'a>(text: &'a str, form: &str) -> Result<(&'a str, Option<u32>), String> {
    let Some((place, baud)) = text.rsplit_once('@') else { return Ok((text, None)) };
    match baud.parse() {
        Ok(baud) if baud > 0 => Ok((place, Some(baud))),
        _ => Err(format!("the rate in `{text}` is no number of bits a second; say {form}")),
    }
}
