//! The module around a block: every input free, reset in the first cycle, and the rules at every port that has some.

use super::verilog::Port;

/// Signals of the AXI channels, without `valid` and `ready`, in no order that matters.
const READ: &[&str] =
    &["arid", "araddr", "arlen", "arsize", "arburst", "arlock", "arcache", "arprot", "arqos"];
const READ_BACK: &[&str] = &["rid", "rdata", "rresp", "rlast"];
const WRITE: &[&str] =
    &["awid", "awaddr", "awlen", "awsize", "awburst", "awlock", "awcache", "awprot", "awqos"];
const WRITE_DATA: &[&str] = &["wdata", "wstrb", "wlast", "bid", "bresp"];
const LITE: &[&str] = &["awaddr", "awprot", "wdata", "wstrb", "bresp", "araddr", "arprot", "rdata", "rresp"];

/// A set of rules at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    Read,
    Write,
    Lite,
}

/// Where rules hold: a port's prefix, what it is, and whether the block drives it as producer or master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub prefix: String,
    pub kind: Kind,
    pub drives: bool,
}

impl Place {
    /// Pairs of an output and an input that it must not follow within a cycle: every `valid` that the block drives with its `ready`
    /// (stream rule 2, AXI A3.2.1), and the `ready` of a stream that it takes with its `valid` (stream rule 4).
    pub fn apart(&self) -> Vec<(String, String)> {
        let (sent, back): (&[&str], &[&str]) = match self.kind {
            Kind::Stream => (&[""], &[]),
            Kind::Read => (&["ar"], &["r"]),
            Kind::Write => (&["aw", "w"], &["b"]),
            Kind::Lite => (&["ar", "aw", "w"], &["r", "b"]),
        };
        if self.kind == Kind::Stream && !self.drives {
            return vec![(format!("{}_ready", self.prefix), format!("{}_valid", self.prefix))];
        }
        let own = if self.drives { sent } else { back };
        let pair = |channel: &&str| ["valid", "ready"].map(|end| format!("{}_{channel}{end}", self.prefix));
        own.iter().map(pair).map(|[valid, ready]| (valid, ready)).collect()
    }
}

/// Finds the ports that have rules.
pub(super) fn places(ports: &[Port]) -> Vec<Place> {
    let has = |name: &str| ports.iter().any(|port| port.name == name);
    let place = |port: &Port| {
        let ends = [("_valid", "_data", Kind::Stream), ("_arvalid", "_arid", Kind::Read)];
        let more = [("_awvalid", "_awlen", Kind::Write), ("_awvalid", "_awaddr", Kind::Lite)];
        let found = ends.into_iter().chain(more).find_map(|(end, other, kind)| {
            let prefix = port.name.strip_suffix(end)?;
            let ready = format!("{prefix}{}", end.replace("valid", "ready"));
            (has(&ready) && has(&format!("{prefix}{other}"))).then(|| (prefix.to_string(), kind))
        });
        found.map(|(prefix, kind)| Place { prefix, kind, drives: !port.input })
    };
    ports.iter().filter_map(place).collect()
}

fn width(ports: &[Port], name: &str) -> u32 {
    ports.iter().find(|port| port.name == name).map_or(1, |port| port.width)
}

/// An instance of the rules at a place.
fn rules(place: &Place, ports: &[Port], ids: u32, depth: u32) -> String {
    let Place { prefix, kind, drives } = place;
    let (master, slave) = (u8::from(!drives), u8::from(*drives));
    let roles = format!(".DEPTH({depth}), .MASTER_ASSUMED({master}), .SLAVE_ASSUMED({slave})");
    let sizes = |address: &str, data: &str| {
        let [address, data] = [address, data].map(|name| width(ports, &format!("{prefix}_{name}")));
        format!(".ADDRESS({address}), .DATA({data}), .IDS({ids}), {roles}")
    };
    let (module, parameters, channels, signals) = match kind {
        Kind::Stream => {
            let parameters =
                format!(".WIDTH({}), .ASSUMED({master})", width(ports, &format!("{prefix}_data")));
            ("stream_rules", parameters, &[""][..], vec!["data"])
        }
        Kind::Read => ("axi4_read", sizes("araddr", "rdata"), &["ar", "r"][..], [READ, READ_BACK].concat()),
        Kind::Write => {
            ("axi4_write", sizes("awaddr", "wdata"), &["aw", "w", "b"][..], [WRITE, WRITE_DATA].concat())
        }
        Kind::Lite => {
            let address = width(ports, &format!("{prefix}_araddr"));
            let channels = &["aw", "w", "b", "ar", "r"][..];
            ("axi_lite", format!(".ADDRESS({address}), {roles}"), channels, LITE.to_vec())
        }
    };
    let ends = channels.iter().flat_map(|channel| ["valid", "ready"].map(|end| format!("{channel}{end}")));
    let all = ends.chain(signals.into_iter().map(String::from));
    let pins: Vec<String> = all.map(|name| format!(".{name}({prefix}_{name})")).collect();
    // what the rules count, for more rules in the harness
    let counts: &[&str] = match kind {
        Kind::Stream => &[],
        Kind::Read => &["flying"],
        Kind::Write => &["skew", "flying"],
        Kind::Lite => &["aw_owed", "w_owed", "r_owed"],
    };
    let name = match kind {
        Kind::Stream => prefix.clone(),
        Kind::Read => format!("{prefix}_read"),
        Kind::Write => format!("{prefix}_write"),
        Kind::Lite => format!("{prefix}_lite"),
    };
    let wires: String = counts.iter().map(|count| format!("    wire [3:0] {name}_{count};\n")).collect();
    let counted: String = counts.iter().map(|count| format!(", .{count}({name}_{count})")).collect();
    let pins = pins.join(", ") + &counted;
    format!("{wires}    {module} #({parameters}) {name}_rules (.clk(clk), .rst(rst), {pins});\n")
}

/// The harness of module `top`; `chosen` are the places with rules, `extra` is more Verilog inside it. `ids` and `depth` are those of
/// the AXI rules.
pub(super) fn harness(
    top: &str,
    ports: &[Port],
    chosen: &[Place],
    extra: &str,
    (ids, depth): (u32, u32),
) -> String {
    let free = |port: &&Port| !["clk", "rst"].contains(&&*port.name);
    let shape = |port: &Port| format!("wire [{}:0] {}", port.width - 1, port.name);
    let inputs: Vec<String> = ports
        .iter()
        .filter(|port| port.input)
        .filter(free)
        .map(|p| format!(", input {}", shape(p)))
        .collect();
    let outputs: String =
        ports.iter().filter(|port| !port.input).map(|p| format!("    {};\n", shape(p))).collect();
    let pins: Vec<String> = ports.iter().map(|p| format!(".{0}({0})", p.name)).collect();
    let rules: String = chosen.iter().map(|place| rules(place, ports, ids, depth)).collect();
    format!(
        "module harness (input wire clk{});\n    reg booted = 0;\n    always @(posedge clk) booted <= 1;\n    \
         wire rst = !booted;\n{outputs}    {top} block ({});\n{rules}{extra}endmodule\n",
        inputs.concat(),
        pins.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, input: bool) -> Port {
        Port { name: name.into(), input, width: 1 }
    }

    #[test]
    fn streams_are_found_with_their_direction() {
        let ports = ["x_valid", "x_data", "y_ready"].map(|name| port(name, true));
        let back = ["x_ready", "y_valid", "y_data", "z_valid"].map(|name| port(name, false));
        let places = places(&[&ports[..], &back].concat());
        let found: Vec<_> = places.iter().map(|p| (&*p.prefix, p.kind, p.drives)).collect();
        assert_eq!(found, [("x", Kind::Stream, false), ("y", Kind::Stream, true)]);
        assert_eq!(places[0].apart(), [("x_ready".to_string(), "x_valid".to_string())]);
        assert_eq!(places[1].apart(), [("y_valid".to_string(), "y_ready".to_string())]);
    }
}
