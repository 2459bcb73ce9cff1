//! Small netlists whose depths and counts can be told by looking.

use serde_json::{Map, Value, json};

use super::blocks::Block;
use super::netlist::Netlist;
use super::paths::Depths;
use super::timing::{Design, Timing};

/// `D<3 Q>4,5`: inputs and outputs with the numbers of their wires, constants as letters or `_0`, `_1`.
fn pins(text: &str) -> Vec<(String, &'static str, Value)> {
    let bit = |bit: &str| bit.parse::<u32>().map_or(json!(bit.trim_start_matches('_')), |wire| json!(wire));
    let pin = |pin: &str| {
        let at = pin.find(['<', '>']).unwrap();
        let direction = if pin[at..].starts_with('<') { "input" } else { "output" };
        (pin[..at].to_string(), direction, pin[at + 1..].split(',').map(bit).collect::<Value>())
    };
    text.split_whitespace().map(pin).collect()
}

/// A cell: name, kind, pins, parameters.
type Cell<'a> = (&'a str, &'a str, &'a str, Value);

/// A module as Yosys writes it; each of its ports names its wires.
fn module(ports: &str, cells: &[Cell], names: &str) -> Value {
    let cell = |(name, kind, connected, parameters): &Cell| {
        let connected = pins(connected);
        let directions: Map<_, _> =
            connected.iter().map(|(name, way, _)| (name.clone(), json!(way))).collect();
        let connections: Map<_, _> = connected.into_iter().map(|(name, _, bits)| (name, bits)).collect();
        let cell = json!({"type": kind, "parameters": parameters, "attributes": {"src": "rtl/x.v:7.1-7.9|/share/y.v:1.2"},
            "port_directions": directions, "connections": connections});
        (name.to_string(), cell)
    };
    let named = pins(&format!("{ports} {names}"));
    let port = |(name, way, bits)| (name, json!({"direction": way, "bits": bits}));
    let name = |(name, _, bits): (String, _, Value)| (name, json!({"hide_name": 0, "bits": bits}));
    json!({"attributes": {}, "ports": pins(ports).into_iter().map(port).collect::<Map<_, _>>(),
        "cells": cells.iter().map(cell).collect::<Map<_, _>>(), "netnames": named.into_iter().map(name).collect::<Map<_, _>>()})
}

fn parse(modules: Value) -> Result<Netlist, String> {
    let text = json!({"creator": "Yosys", "modules": modules}).to_string();
    Netlist::parse(text.as_bytes(), "sterna").map_err(|e| e.to_string())
}

fn depths(netlist: &Netlist) -> Result<Depths, String> {
    super::depths(netlist).map_err(|e| e.to_string())
}

/// The worst way through one module, as text: levels, parts, ends.
fn worst(cells: &[Cell], names: &str) -> String {
    let netlist = parse(json!({"sterna": module("clk<2", cells, names)})).unwrap();
    let depths = depths(&netlist).unwrap();
    let path = &depths.worst[0];
    format!(
        "{} = {} lut + {} carry + {} multiplier, {} mux; {} to {} by way of {}",
        path.levels,
        path.lut,
        path.carry,
        path.multiplier,
        path.mux,
        path.from.signal,
        path.to.signal,
        path.through.join(" ")
    )
}

fn none() -> Value {
    json!({})
}

#[test]
fn cells_between_registers_are_levels() {
    let cells = [
        ("$a", "FDRE", "C<2 D<9 CE<_1 R<_0 Q>3", none()),
        ("$l", "LUT2", "I0<3 I1<3 O>4", none()),
        ("$m", "MUXF7", "I0<4 I1<3 S<3 O>5", none()),
        ("$i", "INV", "I<5 O>6", none()),
        ("inner", "$scopeinfo", "", none()),
        ("$b", "FDRE", "C<2 D<6 CE<_1 R<_0 Q>7", none()),
    ];
    assert_eq!(
        worst(&cells, "first>3 second>7 sum>4"),
        "2 = 2 lut + 0 carry + 0 multiplier, 1 mux; first to second by way of first sum"
    );
}

#[test]
fn a_carry_chain_is_one_level() {
    let chain = |first: &'static str| {
        [
            ("$a", "FDRE", "C<2 D<x Q>3", none()),
            ("$c0", "CARRY4", first, none()),
            (
                "$c1",
                "CARRY4",
                "CI<14 CYINIT<_0 S<_0,_0,_0,_0 DI<_0,_0,_0,_0 O>21,22,23,24 CO>25,26,27,28",
                none(),
            ),
            ("$b", "FDRE", "C<2 D<24 Q>40", none()),
        ]
    };
    let plain = chain("CI<_0 CYINIT<_0 S<3,_0,_0,_0 DI<_0,_0,_0,_0 O>31,32,33,34 CO>11,12,13,14");
    assert!(worst(&plain, "").starts_with("1 = 0 lut + 1 carry + 0 multiplier, 0 mux; x.v:7 to x.v:7"));
    // a carry that comes from a register is no chain
    let fed = chain("CI<3 CYINIT<_0 S<_0,_0,_0,_0 DI<_0,_0,_0,_0 O>31,32,33,34 CO>11,12,13,14");
    assert!(worst(&fed, "").starts_with("1 = "));
}

#[test]
fn bits_of_a_carry_cell_reach_higher_ones_only() {
    let cells = [
        ("$a", "FDRE", "C<2 D<x Q>3", none()),
        ("$c", "CARRY4", "CI<_0 CYINIT<_0 S<3,5,_0,_0 DI<3,5,_0,_0 O>31,32,33,34 CO>11,12,13,14", none()),
        ("$l", "LUT1", "I0<31 O>5", none()),
        ("$b", "FDRE", "C<2 D<32 Q>40", none()),
    ];
    assert!(worst(&cells, "").starts_with("3 = 1 lut + 2 carry"), "{}", worst(&cells, ""));
}

#[test]
fn registers_of_a_multiplier_count() {
    let between = |parameters: Value| {
        let cells = [
            ("$a", "FDRE", "C<2 D<x Q>3", none()),
            ("$m", "DSP48E2", "CLK<2 A<3,3 B<_0 P>4,5", parameters),
            ("$l", "LUT1", "I0<4 O>6", none()),
            ("$b", "FDRE", "C<2 D<6 Q>7", none()),
        ];
        worst(&cells, "a>3 p>4,5 b>7").split(" by").next().unwrap().to_string()
    };
    let (off, on) = ("0000", "0001");
    assert_eq!(
        between(json!({"AREG": off, "MREG": off, "PREG": off})),
        "2 = 1 lut + 0 carry + 1 multiplier, 0 mux; a to b"
    );
    assert_eq!(between(json!({"AREG": on, "PREG": on})), "1 = 1 lut + 0 carry + 0 multiplier, 0 mux; p to b");
    assert_eq!(between(json!({"MREG": on})), "2 = 1 lut + 0 carry + 1 multiplier, 0 mux; p to b");
    let end =
        [("$a", "FDRE", "C<2 D<x Q>3", none()), ("$m", "DSP48E2", "CLK<2 A<3 P>4", json!({"PREG": on}))];
    assert!(worst(&end, "a>3 p>4").starts_with("1 = 0 lut + 0 carry + 1 multiplier, 0 mux; a to p"));
}

#[test]
fn a_read_of_look_up_table_memory_is_a_level_and_its_write_none() {
    let cells = [
        ("$a", "FDRE", "C<2 D<x Q>3", none()),
        ("$l", "LUT1", "I0<3 O>4", none()),
        ("words.0.0", "RAM32M16", "WCLK<2 WE<_1 ADDRA<3,3 ADDRH<4,4 DIA<_0 DOA>5,6", none()),
        ("$b", "FDRE", "C<2 D<5 Q>7", none()),
    ];
    // two ways of one level: to the write address, and from the read address to b
    assert!(worst(&cells, "a>3 b>7").starts_with("1 = 1 lut"));
    let netlist = parse(json!({"sterna": module("clk<2", &cells, "a>3 b>7")})).unwrap();
    let depths = depths(&netlist).unwrap();
    let ends: Vec<_> =
        depths.worst.iter().map(|p| (p.from.signal.as_str(), p.to.signal.as_str(), p.levels)).collect();
    assert_eq!(ends, [("a", "words", 1), ("a", "b", 1)]);
    assert_eq!((depths.ends, depths.by_module), (vec![0, 3], vec![Some(1)]));
}

/// Two registers in one module, logic in the next, a third module that only passes on.
fn hierarchy() -> Netlist {
    let keep = module("clk<2 d<3 q>4", &[("$r", "FDRE", "C<2 D<3 Q>4", none())], "");
    let pass = module("x<2 y>2", &[], "");
    let logic =
        module("x<2 y>3", &[("$l", "LUT1", "I0<2 O>3", none()), ("$n", "LUT1", "I0<2 O>9", none())], "");
    let top = module(
        "clk<2",
        &[
            ("first", "keep", "clk<2 d<9 q>3", none()),
            ("wire", "pass", "x<3 y>4", none()),
            ("once", "logic", "x<4 y>5", none()),
            ("twice", "logic", "x<5 y>6", none()),
            ("last", "keep", "clk<2 d<6 q>7", none()),
        ],
        "",
    );
    parse(json!({"keep": keep, "pass": pass, "logic": logic, "sterna": top})).unwrap()
}

#[test]
fn ways_lead_through_modules_as_if_they_were_not_there() {
    let netlist = hierarchy();
    let design = Design::new(&netlist);
    let timing = Timing::new(&design).unwrap();
    let depths = Depths::new(&timing, netlist.modules.len());
    let path = &depths.worst[0];
    assert_eq!((depths.worst.len(), path.levels, path.lut, path.ends), (1, 2, 2, 1));
    assert_eq!((path.from.instance.as_str(), path.to.instance.as_str()), ("first", "last"));
    assert_eq!(path.through, ["q", "y"]);
}

#[test]
fn blocks_count_every_instance() {
    let netlist = hierarchy();
    let tree = Block::tree(&netlist, &depths(&netlist).unwrap().by_module);
    let list: Vec<_> = tree
        .list()
        .iter()
        .map(|(depth, b)| (*depth, b.name.clone(), b.instances, b.cost.lut, b.cost.ff, b.levels))
        .collect();
    let row =
        |depth, name: &str, instances, lut, ff, levels| (depth, name.to_string(), instances, lut, ff, levels);
    assert_eq!(
        list,
        [
            row(0, "sterna", 1, 4, 2, Some(2)),
            row(1, "logic", 2, 4, 0, None),
            row(1, "keep", 2, 0, 2, Some(2)),
            row(1, "pass", 1, 0, 0, None),
        ]
    );
}

#[test]
fn what_cannot_be_measured_is_said() {
    let looped = [("$a", "LUT1", "I0<4 O>3", none()), ("$b", "LUT1", "I0<3 O>4", none())];
    let netlist = parse(json!({"sterna": module("", &looped, "")})).unwrap();
    insta::assert_snapshot!(depths(&netlist).err().unwrap(), @"measuring depths failed: logic depends on itself at x.v:7");
    let odd = json!({"sterna": module("", &[("$a", "IBUFDS", "I<2 O>3", none())], "")});
    insta::assert_snapshot!(parse(odd).err().unwrap(), @"reading the netlist of Yosys failed: 'sterna' holds a cell of unknown kind, 'IBUFDS'");
    insta::assert_snapshot!(parse(json!({"other": module("", &[], "")})).err().unwrap(), @"reading the netlist of Yosys failed: there is no module 'sterna'");
    assert!(parse(Value::Null).is_err());
}

/// Ports as declared, without comments.
fn ports(verilog: &str) -> Vec<String> {
    let lines = verilog.lines().map(|line| line.split("//").next().unwrap_or_default());
    let ports = lines.filter(|line| ["input", "output"].iter().any(|way| line.trim_start().starts_with(way)));
    ports.map(|line| line.replace(',', "").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn what_goes_into_multipliers_has_the_ports_of_the_verilog() {
    let files = crate::files(&sterna_spec::config::Config::preset("kv260").unwrap()).unwrap();
    for (name, made) in super::IN_MULTIPLIERS {
        let emitted = &files[name.strip_prefix("rtl/").unwrap()];
        assert!(emitted.contains("use_dsp"), "{name} does not ask for a multiplier");
        let [mut emitted, mut made] = [emitted, made].map(ports);
        emitted.sort();
        made.sort();
        assert!(made.len() > 3 && emitted == made, "{name}: {emitted:?} {made:?}");
    }
}
