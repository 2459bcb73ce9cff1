//! The ports of the top module, read from the header that Verilator writes for it.
//!
//! The header is used rather than Verilator's XML or JSON because its port lines are the same in all 5.x releases and name the
//! very C++ members that the shim takes the addresses of.

use crate::error::Error;

/// Which way a port carries values, seen from the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Set from outside.
    Input,
    /// Set by the module.
    Output,
    /// Both.
    Inout,
}

impl Direction {
    /// The number in the shim's table.
    pub(crate) fn code(self) -> u32 {
        match self {
            Direction::Input => 0,
            Direction::Output => 1,
            Direction::Inout => 2,
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        [Direction::Input, Direction::Output, Direction::Inout]
            .into_iter()
            .find(|direction| direction.code() == code)
    }
}

/// One port line of the header.
#[derive(Debug, PartialEq)]
pub(crate) struct Declared {
    /// The C++ member.
    pub member: String,
    /// The name in Verilog.
    pub name: String,
    pub direction: Direction,
    /// Bits.
    pub width: u32,
    /// Bytes of storage: 1, 2, 4, 8, or 0 for an array of 32-bit words.
    pub storage: u32,
}

/// All ports of the header of module `top`.
pub(crate) fn read_header(top: &str, header: &str) -> Result<Vec<Declared>, Error> {
    let lines = header.lines().map(str::trim);
    let inside = lines.skip_while(|line| *line != "// PORTS").take_while(|line| *line != "// CELLS");
    inside
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .map(|line| {
            read_line(line)
                .ok_or_else(|| Error::UnsupportedPort { top: top.into(), declaration: line.into() })
        })
        .collect()
}

/// Reads `VL_IN8(&name,msb,lsb);` or `VL_OUTW(&name,msb,lsb,words);`.
fn read_line(line: &str) -> Option<Declared> {
    let (kind, rest) = line.strip_prefix("VL_")?.strip_suffix(");")?.split_once('(')?;
    let (direction, size) =
        [("INOUT", Direction::Inout), ("IN", Direction::Input), ("OUT", Direction::Output)]
            .into_iter()
            .find_map(|(word, direction)| Some((direction, kind.strip_prefix(word)?)))?;
    let storage = match size {
        "8" => 1,
        "16" => 2,
        "" => 4,
        "64" => 8,
        "W" => 0,
        _ => return None,
    };
    let mut fields = rest.split(',');
    let member = fields.next()?.strip_prefix('&')?.to_string();
    let msb: u32 = fields.next()?.parse().ok()?;
    let lsb: u32 = fields.next()?.parse().ok()?;
    Some(Declared {
        name: verilog_name(&member),
        member,
        direction,
        width: msb.checked_sub(lsb)? + 1,
        storage,
    })
}

/// Undoes Verilator's encoding of names: `__SYM__` before C++ words, `__0` and two hexadecimal digits for a character.
fn verilog_name(member: &str) -> String {
    let mut rest = member.strip_prefix("__SYM__").unwrap_or(member);
    let mut name = String::new();
    while let Some(first) = rest.chars().next() {
        let code = rest.strip_prefix("__0").and_then(|tail| u8::from_str_radix(tail.get(..2)?, 16).ok());
        match code {
            Some(code) => {
                name.push(char::from(code));
                rest = &rest[5..];
            }
            None => {
                name.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    name
}

/// The prelude of the shim: the model's header, the kind of trace and the table of ports.
pub(crate) fn shim_prelude(ports: &[Declared], trace: u32, abi: u32) -> String {
    let mut text = format!(
        "#include \"Vdut.h\"\n#define VRS_ABI {abi}\n#define VRS_TRACE {trace}\n#define VRS_PORTS(X)"
    );
    for port in ports {
        // Debug formatting escapes `\` and `"`, as C++ wants; names are otherwise printable.
        text += &format!(
            " \\\n    X({}, {:?}, {}, {}, {})",
            port.member,
            port.name,
            port.direction.code(),
            port.width,
            port.storage
        );
    }
    text + "\n\n"
}

/// The names nearest to `asked`, nearest first, at most three.
pub(crate) fn near<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (asked.chars().count() / 3).max(2);
    let mut found: Vec<(usize, &str)> = names.map(|name| (distance(asked, name), name)).collect();
    found.sort();
    let close = |name: &str, d: usize| d <= limit || (!asked.is_empty() && name.contains(asked));
    found.into_iter().filter(|(d, name)| close(name, *d)).take(3).map(|(_, name)| name).collect()
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "
    // PORTS
    // The application code writes and reads these signals
    VL_IN8(&clk,0,0);
    VL_OUT16(&a___05Fb,15,4);
    VL_INOUT(&__SYM__class,31,0);
    VL_OUT64(&esc__02eport,33,0);
    VL_INW(&wide,599,0,19);

    // CELLS
    VL_IN8(&not_a_port,0,0);
";

    #[test]
    fn reads_every_kind_of_port() {
        let ports = read_header("t", HEADER).unwrap();
        let rows: Vec<_> = ports.iter().map(|p| (p.name.as_str(), p.direction, p.width, p.storage)).collect();
        assert_eq!(
            rows,
            [
                ("clk", Direction::Input, 1, 1),
                ("a__b", Direction::Output, 12, 2),
                ("class", Direction::Inout, 32, 4),
                ("esc.port", Direction::Output, 34, 8),
                ("wide", Direction::Input, 600, 0),
            ]
        );
        assert_eq!(ports[3].member, "esc__02eport");
    }

    #[test]
    fn refuses_what_is_not_a_packed_vector() {
        for line in ["VL_IN8((&a)[4],7,0);", "double &r;", "std::string &s;"] {
            let error = read_header("t", &format!("// PORTS\n{line}\n// CELLS")).unwrap_err();
            assert!(error.to_string().contains(line), "{error}");
        }
    }

    #[test]
    fn near_names_come_nearest_first() {
        let names = ["rd_data", "rd_addr", "wr_data", "clk"];
        assert_eq!(near("rd_dat", names.into_iter()), ["rd_data"]);
        assert_eq!(near("zzzz", names.into_iter()), [""; 0]);
    }
}
