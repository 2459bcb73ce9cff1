//! The package for Vivado.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use sterna_gen::{Flow, package};
use sterna_spec::config::Config;
use sterna_spec::registers::SPACE;

use super::{Package, presets, said, silent, tool};

const STUBS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/package/vivado.tcl");

/// A port of the wrapper: the bus, the signal and the parameters that its attributes name.
#[derive(Debug)]
struct Port {
    name: String,
    kind: String,
    bus: String,
    signal: String,
    parameters: Option<String>,
}

/// Ports of the wrapper with their attributes, read back from its text.
fn ports(text: &str) -> Vec<Port> {
    let quoted = |line: &str| line.split('"').nth(1).unwrap().to_string();
    let (mut info, mut parameters, mut all) = (None, None, Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with("(* X_INTERFACE_INFO") {
            info = Some(quoted(line));
        } else if line.starts_with("(* X_INTERFACE_PARAMETER") {
            parameters = Some(quoted(line));
        } else if line.starts_with("input ") || line.starts_with("output ") {
            let info = info.take().unwrap_or_else(|| panic!("{line} has no interface"));
            let [kind, bus, signal] = info.split(' ').collect::<Vec<_>>().try_into().unwrap();
            all.push(Port {
                name: line.trim_end_matches(',').rsplit(' ').next().unwrap().into(),
                kind: kind.into(),
                bus: bus.into(),
                signal: signal.into(),
                parameters: parameters.take(),
            });
        }
    }
    all
}

/// Runs a script of the package under `tclsh` with the stand-ins, which report these slacks of setup and hold.
fn script(package: &Package, name: &str, [setup, hold]: [&str; 2]) -> Output {
    let all = ports(&package.read("rtl/sterna_ip.v"));
    let mut buses: Vec<_> =
        all.iter().filter(|p| p.kind.contains(":aximm:")).map(|p| p.bus.as_str()).collect();
    buses.dedup();
    buses.sort();
    buses.dedup();
    let pins: Vec<_> = all.iter().filter(|p| p.kind.contains(":signal:")).map(|p| p.name.as_str()).collect();
    Command::new("tclsh")
        .args([STUBS, name])
        .env("CORE_INTERFACES", buses.join(" "))
        .env("CORE_PINS", pins.join(" "))
        .env("CORE_IP", format!("sterna_{}", package.config.name.replace('-', "_")))
        .env("SLACK", setup)
        .env("HOLD", hold)
        .current_dir(package.folder())
        .output()
        .unwrap_or_else(|e| panic!("tclsh: {e}; run tools/setup.sh all"))
}

fn failure(package: &Package, slacks: [&str; 2]) -> String {
    let output = script(package, "build.tcl", slacks);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    String::from_utf8_lossy(&output.stderr).trim_end().to_string()
}

#[test]
fn the_wrapper_passes_the_linters() {
    for name in presets() {
        let package = Package::new(name, Flow::Vivado);
        let (folder, files) = (package.folder(), package.verilog());
        let all: Vec<_> = files.iter().map(String::as_str).collect();
        let with = |args: &[&'static str]| [args, &all[..]].concat();
        silent(&folder, "verilator", &with(&["--lint-only", "-Wall", "--top-module", "sterna_ip"]));
        silent(&folder, "iverilog", &with(&["-g2001", "-Wall", "-o", "/dev/null", "-s", "sterna_ip"]));
        let script =
            format!("read_verilog {}; hierarchy -top sterna_ip -check; proc; check -assert", all.join(" "));
        silent(&folder, "yosys", &["-q", "-p", &script]);
    }
}

/// Names that the AXI4 interface has in Vivado (PG021, UG1118).
const AXI: &str = "ID ADDR LEN SIZE BURST LOCK CACHE PROT QOS VALID READY";

#[test]
fn attributes_are_those_of_the_ports() {
    for name in presets() {
        let package = Package::new(name, Flow::Vivado);
        let all = ports(&package.read("rtl/sterna_ip.v"));
        let core = package.read("rtl/sterna.v");
        let of_core = core.split(");").next().unwrap().lines().filter(|l| l.contains(" wire ")).count();
        assert_eq!(all.len(), of_core, "every port of the core");
        let mut signals: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for port in &all {
            *signals.entry((&port.bus, &port.signal)).or_default() += 1;
            if port.kind == "xilinx.com:interface:aximm:1.0" {
                assert_eq!(port.name, format!("{}_{}", port.bus, port.signal.to_lowercase()));
                let known = AXI
                    .split(' ')
                    .flat_map(|s| [format!("AW{s}"), format!("AR{s}")])
                    .chain(
                        "WDATA WSTRB WLAST WVALID WREADY BID BRESP BVALID BREADY"
                            .split(' ')
                            .map(String::from),
                    )
                    .chain("RID RDATA RRESP RLAST RVALID RREADY".split(' ').map(String::from))
                    .any(|known| known == port.signal);
                assert!(known, "{port:?}");
            }
        }
        assert!(signals.values().all(|count| *count == 1), "each signal once: {signals:?}");
        let described: Vec<_> = all.iter().filter(|p| p.parameters.is_some()).collect();
        let clock = described.iter().find(|p| p.name == "aclk").unwrap();
        let mut listed: Vec<_> = clock
            .parameters
            .as_ref()
            .unwrap()
            .split("ASSOCIATED_BUSIF ")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .split(':')
            .collect();
        listed.sort();
        let mut buses: Vec<_> =
            described.iter().filter(|p| p.kind.contains("aximm")).map(|p| p.bus.as_str()).collect();
        buses.sort();
        assert_eq!(listed, buses, "the clock names every bus, and every bus is described once");
        assert_eq!(buses.len(), 1 + package.config.ports as usize);
        for port in described {
            assert!(port.parameters.as_ref().unwrap().contains(&format!("XIL_INTERFACENAME {}", port.bus)));
        }
    }
}

#[test]
fn the_scripts_build_a_whole_design() {
    for name in presets() {
        let package = Package::new(name, Flow::Vivado);
        let output = script(&package, "build.tcl", ["0.123", "0.01"]);
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        let lines: Vec<_> = text.lines().collect();
        let added = lines.iter().filter(|l| l.starts_with("add_files ") && l.contains("/rtl/")).count();
        assert_eq!(added, package.verilog().len(), "all Verilog is in the IP");
        let address = format!("assign_bd_address -offset 0xa0000000 -range {SPACE:#x} core/s_axi/registers");
        assert!(lines.contains(&address.as_str()), "{text}");
        let clock = format!(
            "set_property ps CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {}",
            package.config.clock_mhz
        );
        assert!(lines.contains(&clock.as_str()), "{text}");
        for port in 0..package.config.ports {
            let width =
                format!("CONFIG.PSU__SAXIGP{}__DATA_WIDTH {}", port + 2, 8 * package.config.port_bytes);
            assert!(text.contains(&width), "{width}");
            assert!(text.contains(&format!("_axi ps/S_AXI_HP{port}_FPD")));
        }
        let mut at = 0;
        for step in ["validate_bd_design", "synth_design", "place_design", "route_design", "write_bitstream"]
        {
            let found = lines[at..].iter().position(|l| l.starts_with(step));
            at += found.unwrap_or_else(|| panic!("{step} comes too late or not at all"));
        }
        assert!(lines.contains(&"set_property project board_part xilinx.com:kv260_som:part0:1.10"));
    }
}

#[test]
fn faults_in_the_scripts_are_found() {
    let fault = |file: &str, from: &str, to: &str| {
        let package = Package::new("kv260", Flow::Vivado);
        package.edit(file, from, to);
        failure(&package, ["0.1", "0"])
    };
    let missed = |slacks| failure(&Package::new("kv260", Flow::Vivado), slacks);
    let all = [
        fault("bd.tcl", "ps/pl_ps_irq0", "ps/pl_ps_irq"),
        fault("bd.tcl", "lappend clocked ps/saxihp${i}_fpd_aclk", ""),
        fault("bd.tcl", "core/$master", "core/m0_axi"),
        fault("bd.tcl", "CONFIG.PSU__USE__M_AXI_GP0 {1}", ""),
        fault("bd.tcl", ":1.0 core", ":2.0 core"),
        fault("package_ip.tcl", "rtl/reader.v", "rtl/other.v"),
        fault("build.tcl", "opt_design\nplace", "opt_desing\nplace"),
        fault("package_ip.tcl", "-taxonomy", "-taxonmy"),
        fault("bd.tcl", "PSU__USE__IRQ0", "PSU__USE_IRQ0"),
        fault("kv260.xdc", "GENERAL.COMPRESS", "COMPRESS"),
        missed(["-0.5", "0"]),
        missed(["0.1", "-0.02"]),
    ];
    let tail = |text: &String| match text.rsplit_once("/package/") {
        Some((_, end)) => format!("no such file: {end}"),
        None => text.clone(),
    };
    insta::assert_snapshot!(all.iter().map(tail).collect::<Vec<_>>().join("\n"), @r#"
    no such pin: ps/pl_ps_irq
    ps/saxihp0_fpd_aclk is not connected
    core/m0_axi is connected twice
    no such pin: ps/maxihpm0_fpd_aclk
    no such IP: sterna:accelerator:sterna_kv260:2.0
    no such file: rtl/other.v
    invalid command name "opt_desing"
    ipx::package_project has no option -taxonmy
    ps has no property CONFIG.PSU__USE_IRQ0
    design has no property BITSTREAM.COMPRESS
    250 MHz are missed by 0.5 ns: see timing.txt, and lower clock_mhz in config.toml or try other directives
    hold times are missed by 0.02 ns, which no slower clock mends: see timing.txt, and try other directives
    "#);
}

#[test]
fn the_overlay_compiles_and_says_what_the_design_has() {
    for name in presets() {
        let package = Package::new(name, Flow::Vivado);
        let folder = package.folder();
        silent(&folder, "dtc", &["-@", "-I", "dts", "-O", "dtb", "-o", "o.dtbo", "overlay/sterna.dtso"]);
        let back = said(&tool(&folder, "dtc", &["-I", "dtb", "-O", "dts", "o.dtbo"]));
        let config = &package.config;
        for line in [
            format!("reg = <0x00 0xa0000000 0x00 {SPACE:#x}>;"),
            format!("assigned-clock-rates = <{:#x}>;", u64::from(config.clock_mhz) * 1_000_000),
            "firmware-name = \"sterna.bit.bin\";".into(),
            "compatible = \"generic-uio\";".into(),
            "linux,uio-name = \"sterna\";".into(),
            "compatible = \"ikwzm,u-dma-buf\";".into(),
            "interrupts = <0x00 0x59 0x04>;".into(),
            format!("config-afi = <0x04 {:#04x} ", (16 / config.port_bytes).ilog2()), // 128, 64, 32 bits
        ] {
            assert!(back.contains(&line), "{line}:\n{back}");
        }
        for symbol in ["fpga_full", "amba", "gic", "zynqmp_clk", "zynqmp_reset"] {
            assert!(
                back.contains(&format!("{symbol} = \"/fragment")),
                "{symbol} is left to the board's tree:\n{back}"
            );
        }
        let shell: serde_json::Value = serde_json::from_str(&package.read("overlay/shell.json")).unwrap();
        assert_eq!(shell["shell_type"], "XRT_FLAT");
    }
}

#[test]
fn ports_that_the_chip_does_not_have_are_refused() {
    let config = Config { ports: 1, port_bytes: 64, burst_beats: 16, ..Config::preset("kv260").unwrap() };
    assert_eq!(config.check(), Vec::<String>::new());
    insta::assert_snapshot!(package(&config, Flow::Vivado).unwrap_err(), @"'kv260' cannot be packaged for Vivado: its ports have 64 bytes but those of the Zynq UltraScale+ have at most 16; lower port_bytes to 16");
}
