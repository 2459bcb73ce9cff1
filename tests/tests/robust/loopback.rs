//! No program here listens where another machine could reach it: every socket of the sources is bound to loopback. (That the one that
//! `sterna board-sim --tcp` opens is, is also seen from outside: `tests/tests/board/loopback.rs`.)

use std::fs;
use std::path::{Path, PathBuf};

use sterna_tests::programs::root;

/// Ways to listen, in the sources that there are.
const LISTENS: [&str; 6] =
    ["TcpListener::bind", "UdpSocket::bind", "UnixListener::bind", "http.server", "socketserver", "0.0.0.0"];
const LOOPBACK: [&str; 3] = ["LOCALHOST", "127.0.0.1", "localhost"];

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') && name != "robust" {
            sources(&path, all);
        } else if [".rs", ".py", ".sh", "Makefile"].iter().any(|end| name.ends_with(end)) {
            all.push(path);
        }
    }
}

#[test]
fn every_socket_is_bound_to_loopback() {
    let mut all = Vec::new();
    sources(root(), &mut all);
    let mut found = Vec::new();
    for path in &all {
        let text = fs::read_to_string(path).unwrap();
        let binds = |line: &&str| LISTENS.iter().any(|way| line.contains(way));
        for line in text.lines().filter(binds) {
            assert!(LOOPBACK.iter().any(|own| line.contains(own)), "{}: {line}", path.display());
            found.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
        }
    }
    let products: Vec<_> = found.iter().filter(|path| path.contains("/src/")).collect();
    assert_eq!(products, ["host/src/cli/board_sim/socket.rs"], "the one that there is; {} files", all.len());
}
