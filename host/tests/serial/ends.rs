//! Real ends of lines: a pseudo-terminal and a socket, with the board in a thread behind them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sterna_spec::device::Device;
use sterna_spec::golden::bridge::Bridge;

/// What the other end does.
#[derive(Clone, Copy)]
pub struct Script {
    /// Bytes received until the cable is pulled.
    pub length: usize,
}

impl Default for Script {
    fn default() -> Self {
        Script { length: usize::MAX }
    }
}

/// Carries bytes until the other side closes, or the cable is pulled.
fn serve(mut stream: impl Read + Write, board: &Mutex<Bridge<impl Device>>, script: Script) -> bool {
    let (mut rest, mut bytes) = (script.length, [0; 4096]);
    loop {
        let count = match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return true,
            Ok(count) => count,
        };
        let Some(left) = rest.checked_sub(count) else { return false };
        rest = left;
        let mut board = board.lock().unwrap();
        bytes[..count].iter().for_each(|byte| board.byte(*byte));
        let answer: Vec<u8> = board.out.drain(..).collect();
        if stream.write_all(&answer).is_err() {
            return true;
        }
    }
}

/// A socket; serves one host after the other. Gives `127.0.0.1:PORT`.
pub fn socket<D: Device + Send + 'static>(board: &Arc<Mutex<Bridge<D>>>, script: Script) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let board = board.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &board, script);
        }
    });
    address
}

/// A pseudo-terminal; gives the path of the side for the host.
#[cfg(target_os = "linux")]
pub fn terminal<D: Device + Send + 'static>(board: &Arc<Mutex<Bridge<D>>>, script: Script) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let board = board.clone();
    std::thread::spawn(move || {
        let file = std::fs::File::from(ours);
        // reading fails while no host has the other side open
        while serve(&file, &board, script) {
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    path
}
