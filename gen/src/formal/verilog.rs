//! What the harness needs of the generator's own Verilog: ports of a module, text put into it, and the rules.

use std::collections::BTreeMap;

/// A port of an emitted module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub name: String,
    pub input: bool,
    /// Bits.
    pub width: u32,
}

/// The property sets, one module a file.
const RULES: [(&str, &str); 6] = [
    ("rule.v", include_str!("rules/rule.v")),
    ("stream.v", include_str!("rules/stream.v")),
    ("order.v", include_str!("rules/order.v")),
    ("axi4_read.v", include_str!("rules/axi4_read.v")),
    ("axi4_write.v", include_str!("rules/axi4_write.v")),
    ("axi_lite.v", include_str!("rules/axi_lite.v")),
];

/// The property sets as files.
pub(super) fn rules() -> BTreeMap<String, String> {
    RULES.iter().map(|(name, text)| (format!("rules_{name}"), (*text).to_string())).collect()
}

/// The ports of an emitted module: one a line, as the printer writes them.
pub(super) fn ports(text: &str) -> Vec<Port> {
    let head = text.lines().skip_while(|line| !line.starts_with("module ")).skip(1);
    head.take_while(|line| !line.starts_with(");")).filter_map(port).collect()
}

fn port(line: &str) -> Option<Port> {
    let mut words = line.split("//").next()?.trim().trim_end_matches(',').split_whitespace();
    let input = words.next()? == "input";
    let rest: Vec<&str> = words.filter(|word| !["wire", "reg", "signed"].contains(word)).collect();
    let (shape, name) = match rest[..] {
        [name] => (None, name),
        [shape, name] => (Some(shape), name),
        _ => return None,
    };
    let high = shape.and_then(|s| s.trim_start_matches('[').split(':').next()?.parse::<u32>().ok());
    Some(Port { name: name.into(), input, width: high.map_or(1, |high| high + 1) })
}

/// Puts `text` before the end of a module.
pub(super) fn insert(module: &str, text: &str) -> String {
    module.replacen("endmodule", &format!("{text}endmodule"), 1)
}

/// `{name}` in a text replaced by numbers.
pub(super) fn fill(text: &str, numbers: &[(&str, u32)]) -> String {
    numbers.iter().fold(text.into(), |text, (name, n)| text.replace(&format!("{{{name}}}"), &n.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna_hdl::dsl::{MemStyle, verilog};

    #[test]
    fn ports_are_those_of_the_module() {
        let module = sterna_hdl::blocks::fifo::fifo(9, 4, MemStyle::Lut);
        let ports = ports(&verilog(&module).unwrap());
        let own: Vec<_> = module
            .ports()
            .into_iter()
            .map(|p| Port { name: p.name, input: p.input, width: p.ty.width })
            .collect();
        assert_eq!(ports[2..], own);
        assert_eq!((&*ports[0].name, &*ports[1].name), ("clk", "rst"));
    }
}
