//! Serial ports of this machine: which there are, and whether this user may use them. Linux; elsewhere none are listed.

use super::Check;
use std::fs;
use std::path::{Path, PathBuf};

/// Names of serial ports on USB.
const PREFIXES: [&str; 2] = ["ttyUSB", "ttyACM"];

/// The ports below `root` (`/`, or a folder that stands in for it); `may(path)` is whether this user may read and write it.
pub fn ports(root: &Path, may: impl Fn(&Path) -> bool) -> Vec<Check> {
    let mut found: Vec<PathBuf> = fs::read_dir(root.join("dev"))
        .map(|entries| {
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_port(path)).collect()
        })
        .unwrap_or_default();
    found.sort();
    if found.is_empty() {
        return vec![Check::skip("serial ports", "none", Some("plug a board in to use one"))];
    }
    found.iter().map(|path| port(root, path, may(path))).collect()
}

fn is_port(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn port(root: &Path, path: &Path, may: bool) -> Check {
    let shown = Path::new("/").join(path.strip_prefix(root).unwrap_or(path)).display().to_string();
    if !may {
        let remedy = match group(root, path).as_deref() {
            Some("root") | None => format!("let a udev rule give your group access to {shown}"),
            Some(group) => format!("sudo usermod -aG {group} $USER, and log in again"),
        };
        return Check::fail(&shown, "this user may not read and write it", remedy);
    }
    // FTDI chips hold short answers back for so long
    let name = path.file_name().unwrap_or_default();
    let timer = root.join("sys/bus/usb-serial/devices").join(name).join("latency_timer");
    match fs::read_to_string(&timer).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(wait) if wait > 1 => {
            let name = name.to_string_lossy();
            let faster =
                format!("echo 1 | sudo tee /sys/bus/usb-serial/devices/{name}/latency_timer makes it faster");
            let found = format!("may be read and written; it holds each answer back for up to {wait} ms");
            Check { remedy: Some(faster), ..Check::pass(&shown, found) }
        }
        _ => Check::pass(&shown, "may be read and written"),
    }
}

/// The name of the group that a file belongs to.
#[cfg(unix)]
fn group(root: &Path, path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let id = fs::metadata(path).ok()?.gid().to_string();
    let groups = fs::read_to_string(root.join("etc/group")).ok()?;
    let mut lines = groups.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_string())
    })
}

#[cfg(not(unix))]
fn group(_: &Path, _: &Path) -> Option<String> {
    None
}

/// Whether this user may read and write a file, without opening it: opening a port can reset a board.
#[cfg(target_os = "linux")]
pub fn may(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(path, Access::READ_OK | Access::WRITE_OK).is_ok()
}

/// The same elsewhere, where no ports are listed.
#[cfg(not(target_os = "linux"))]
pub fn may(_: &Path) -> bool {
    true
}
