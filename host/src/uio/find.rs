//! Devices by name below `/sys/class`.

use super::{Result, failed, other};
use std::fs;
use std::path::{Path, PathBuf};

/// A device file and its folder below `/sys/class`.
#[derive(Debug)]
pub struct Found {
    /// `/dev/...`
    pub device: PathBuf,
    /// `/sys/class/.../...`
    pub class: PathBuf,
}

/// Names in a folder, sorted; none if it is not there.
fn entries(folder: &Path) -> Vec<String> {
    let read = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = read.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn listed(names: &[String]) -> String {
    let named: Vec<_> = names.iter().filter(|name| !name.is_empty()).map(String::as_str).collect();
    if named.is_empty() { "none".into() } else { named.join(", ") }
}

/// The UIO device of a name.
pub fn uio(root: &Path, name: &str) -> Result<Found> {
    let class = root.join("sys/class/uio");
    let numbers = entries(&class);
    let names: Vec<_> = numbers
        .iter()
        .map(|number| {
            fs::read_to_string(class.join(number).join("name")).unwrap_or_default().trim().to_string()
        })
        .collect();
    match names.iter().position(|n| n == name) {
        Some(i) => Ok(Found { device: root.join("dev").join(&numbers[i]), class: class.join(&numbers[i]) }),
        None => other(format!(
            "there is no UIO device `{name}` on this machine (there are: {}); load the design (xmutil loadapp) and uio_pdrv_genirq of_id=generic-uio",
            listed(&names)
        )),
    }
}

/// The buffer of a device: `NAME-memory`, or the only one that there is.
pub fn buffer(root: &Path, name: &str) -> Result<Found> {
    let class = root.join("sys/class/u-dma-buf");
    let names = entries(&class);
    let own = format!("{name}-memory");
    let chosen = match &names[..] {
        all if all.contains(&own) => &own,
        [only] => only,
        _ => {
            return other(format!(
                "there is no u-dma-buf `{own}` on this machine (there are: {}); load the module u-dma-buf and the design's overlay",
                listed(&names)
            ));
        }
    };
    Ok(Found { device: root.join("dev").join(chosen), class: class.join(chosen) })
}

/// A number that a file of `/sys` says, decimal or hexadecimal.
pub fn number(path: &Path) -> Result<u64> {
    let text = fs::read_to_string(path).map_err(|e| failed("read", path, &e))?;
    let text = text.trim();
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.or_else(|_| {
        other(format!("{} says `{text}`, which is no number; check the driver's version", path.display()))
    })
}
