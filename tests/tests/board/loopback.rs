//! The port of `board-sim --tcp` is on loopback, as the machine itself tells.

use std::fs;

use crate::command::Served;

/// Addresses at which a process listens, as `/proc` writes them.
fn listens(process: u32) -> Vec<String> {
    let fds = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let targets = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
    let names: Vec<String> = targets.map(|target| target.to_string_lossy().into_owned()).collect();
    let mut addresses = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [address, state, inode] = [1, 3, 9].map(|at| words[at]);
            let waits = state == "0A" || table.starts_with("udp");
            if waits && names.contains(&format!("socket:[{inode}]")) {
                addresses.push(format!("{table} {}", address.split(':').next().unwrap_or_default()));
            }
        }
    }
    addresses
}

#[test]
fn the_port_is_on_loopback() {
    let board = Served::start(&["--tcp", "0"]);
    // 127.0.0.1, lowest byte first
    assert_eq!(listens(board.id()), ["tcp 0100007F"]);
    board.end();
}
