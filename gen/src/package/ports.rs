//! The top's ports as bus interfaces: which signals belong to which AXI port.

use sterna_hdl::blocks::axi;
use sterna_hdl::dsl::PortInfo;
use sterna_hdl::top::top;
use sterna_spec::config::Config;

/// Name prefix of the register interface.
pub const REGISTERS: &str = "s_axi";

/// Name prefixes of the AXI4 masters.
pub fn masters(config: &Config) -> Vec<String> {
    (0..config.ports).map(|i| axi::prefix(config, i)).collect()
}

/// Every port but clock and reset, with the bus interface that it is part of and its name there in lower case.
pub fn ports(config: &Config) -> Vec<(PortInfo, Option<(String, String)>)> {
    let mut buses = masters(config);
    buses.push(REGISTERS.into());
    let of_bus = |port: &PortInfo| {
        buses.iter().find_map(|bus| {
            let signal = port.name.strip_prefix(bus)?.strip_prefix('_')?;
            Some((bus.clone(), signal.to_string()))
        })
    };
    top(config).ports().into_iter().map(|port| (port.clone(), of_bus(&port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_belongs_somewhere() {
        for (name, buses) in [("tiny", 2), ("kv260", 5)] {
            let all = ports(&Config::preset(name).unwrap());
            let mut found: Vec<_> =
                all.iter().filter_map(|(_, bus)| bus.as_ref().map(|(bus, _)| bus.clone())).collect();
            found.sort();
            found.dedup();
            assert_eq!(found.len(), buses);
            let rest: Vec<_> = all.iter().filter(|(_, bus)| bus.is_none()).map(|(p, _)| &p.name).collect();
            assert_eq!(rest, ["irq"]);
        }
    }
}
