//! What rust-hdl prints of designs with cores: ports as the core has them, text that the linters take.

#[path = "../examples/board/top.rs"]
mod top;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rust_hdl_core::prelude::*;
use sterna_hdl::blocks::axi::prefix;
use sterna_rust_hdl::{Core, LiteMaster, LiteSlave, Master, Slave};
use sterna_spec::config::{Config, PRESETS};
use top::Board;

/// Ports of a block as rust-hdl sees them: whether it is an input, and its width.
#[derive(Default)]
struct Ports {
    bus: String,
    all: BTreeMap<String, (bool, usize)>,
}

impl Probe for Ports {
    fn visit_start_namespace(&mut self, name: &str, _: &dyn Block) {
        self.bus = format!("{name}$");
    }

    fn visit_end_namespace(&mut self, _: &str, _: &dyn Block) {
        self.bus.clear();
    }

    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        let input = signal.kind() == AtomKind::InputParameter;
        self.all.insert(format!("{}{name}", self.bus), (input, signal.bits()));
    }
}

/// Ports of a configuration's core: name, name in rust-hdl, whether it is an input, width.
fn expected(config: &Config) -> Vec<(String, String, bool, usize)> {
    let inside = |name: &str| {
        let master = (0..config.ports).find_map(|i| {
            let signal = name.strip_prefix(&prefix(config, i))?.strip_prefix('_')?;
            Some(format!("m_axi${i}${signal}"))
        });
        master.unwrap_or_else(|| name.replace("s_axi_", "s_axi$"))
    };
    let of_top = sterna_hdl::top::top(config).ports().into_iter();
    let all = of_top.map(|port| (port.name, port.input, port.ty.width as usize));
    let all = all.chain(["aclk", "aresetn"].map(|name| (name.to_string(), true, 1)));
    all.map(|(name, input, width)| (name.clone(), inside(&name), input, width)).collect()
}

fn check<const A: usize, const D: usize, const S: usize, const P: usize>(config: &Config) {
    let core = Core::<A, D, S, P>::new(config).unwrap();
    let mut ports = Ports::default();
    core.accept("core", &mut ports);
    let expected = expected(config);
    let all = expected.iter().map(|(_, inside, input, width)| (inside.clone(), (*input, *width)));
    assert_eq!(ports.all, all.collect(), "{}", config.name);
    let Verilog::Wrapper(wrapper) = core.hdl() else { panic!("no wrapper") };
    assert_eq!(wrapper.code.matches("    .").count(), expected.len(), "{}", wrapper.code);
    for (name, inside, ..) in expected {
        assert!(wrapper.code.contains(&format!(" .{name}({inside})")), "{name} in {}", wrapper.code);
    }
}

#[test]
fn ports_are_those_of_the_core() {
    for name in PRESETS {
        let config = Config::preset(name).unwrap();
        match (config.address_bits, config.port_bytes, config.ports) {
            (32, 8, 1) => check::<32, 64, 8, 1>(&config),
            (24, 4, 1) => check::<24, 32, 4, 1>(&config),
            (32, 4, 1) => check::<32, 32, 4, 1>(&config),
            (40, 16, 4) => check::<40, 128, 16, 4>(&config),
            shape => panic!("a row for {name}: {shape:?}"),
        }
    }
}

/// Runs a tool that must have nothing to say.
fn silent(folder: &Path, tool: &str, args: &[&str]) {
    let output = Command::new(tool).args(args).current_dir(folder).output();
    let output = output.unwrap_or_else(|e| panic!("{tool}: {e}; run tools/setup.sh all"));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.trim().is_empty(), "{tool} {args:?}:\n{text}");
}

/// Lints the text of a design, but for some of Verilator's warnings.
fn lint(design: &impl Block, but: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("top.v"), generate_verilog(design)).unwrap();
    // all modules are in one file
    let args = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "--top-module", "top", "top.v"];
    silent(folder, "verilator", &[&args[..], but].concat());
    silent(folder, "iverilog", &["-g2001", "-Wall", "-t", "null", "-s", "top", "top.v"]);
    let script = "read_verilog top.v; hierarchy -check -top top; proc; check -assert";
    silent(folder, "yosys", &["-q", "-p", script]);
}

#[test]
fn the_board_passes_the_linters() {
    let config = Config { ports: 2, port_bytes: 4, ..Config::preset("tiny").unwrap() };
    // rust-hdl prints every literal with 32 bits
    lint(&Board::<32, 32, 4, 2>::new(&config).unwrap(), &["-Wno-WIDTH"]);
}

/// A host that asks nothing and a memory that does not answer.
#[derive(Default, LogicBlock)]
struct Quiet {
    host: LiteMaster,
    memory: Slave<32, 64, 8>,
}

impl Logic for Quiet {
    #[hdl_gen]
    fn update(&mut self) {
        self.host.awvalid.next = false;
        self.host.awaddr.next = 0.into();
        self.host.awprot.next = 0.into();
        self.host.wvalid.next = false;
        self.host.wdata.next = 0.into();
        self.host.wstrb.next = 0.into();
        self.host.bready.next = false;
        self.host.arvalid.next = false;
        self.host.araddr.next = 0.into();
        self.host.arprot.next = 0.into();
        self.host.rready.next = false;
        self.memory.awready.next = false;
        self.memory.wready.next = false;
        self.memory.bvalid.next = false;
        self.memory.bid.next = self.memory.awid.val();
        self.memory.bresp.next = 0.into();
        self.memory.arready.next = false;
        self.memory.rvalid.next = false;
        self.memory.rid.next = self.memory.arid.val();
        self.memory.rdata.next = 0.into();
        self.memory.rresp.next = 0.into();
        self.memory.rlast.next = false;
    }
}

/// Two cores of one configuration: the pins have the first one's memory and the second one's registers.
#[derive(LogicBlock)]
struct Pair {
    clock: Signal<In, Clock>,
    reset_n: Signal<In, Bit>,
    s_axi: LiteSlave,
    m_axi: Master<32, 64, 8>,
    irq: Signal<Out, Bit>,
    first: Core<32, 64, 8, 1>,
    second: Core<32, 64, 8, 1>,
    quiet: Quiet,
}

impl Logic for Pair {
    #[hdl_gen]
    fn update(&mut self) {
        self.first.aclk.next = self.clock.val();
        self.second.aclk.next = self.clock.val();
        self.first.aresetn.next = self.reset_n.val();
        self.second.aresetn.next = self.reset_n.val();
        LiteMaster::join(&mut self.quiet.host, &mut self.first.s_axi);
        Master::<32, 64, 8>::link(&mut self.m_axi, &mut self.first.m_axi[0]);
        LiteSlave::link(&mut self.s_axi, &mut self.second.s_axi);
        Master::<32, 64, 8>::join(&mut self.second.m_axi[0], &mut self.quiet.memory);
        self.irq.next = self.first.irq.val() | self.second.irq.val();
    }
}

#[test]
fn two_cores_and_own_interfaces_pass_the_linters() {
    let core = || Core::new(&Config::preset("tiny").unwrap()).unwrap();
    let mut pair = Pair {
        clock: Signal::default(),
        reset_n: Signal::default(),
        s_axi: LiteSlave::default(),
        m_axi: Master::default(),
        irq: Signal::default(),
        first: core(),
        second: core(),
        quiet: Quiet::default(),
    };
    pair.connect_all();
    lint(&pair, &["-Wno-WIDTH", "-Wno-UNUSED"]); // `quiet` looks at little
}
