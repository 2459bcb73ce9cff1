//! The register table as CMSIS-SVD, which debuggers and code generators read.

use std::fmt::Write;

use super::whole_table;
use sterna_spec::bridge;
use sterna_spec::config::Config;
use sterna_spec::registers::{Access, Register, SPACE, VERSION};

/// The file; with the bridge, if there is a board.
pub fn text(config: &Config, memory: Option<u32>) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <device schemaVersion=\"1.3\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema-instance\" xs:noNamespaceSchemaLocation=\"CMSIS-SVD.xsd\">\n\
         \x20 <name>STERNA</name>\n  <version>{VERSION}</version>\n\
         \x20 <description>Sterna, configuration {} {:016x}</description>\n\
         \x20 <addressUnitBits>8</addressUnitBits>\n  <width>32</width>\n  <size>32</size>\n  <resetValue>0</resetValue>\n\
         \x20 <resetMask>0</resetMask>\n  <peripherals>\n",
        escaped(&config.name),
        config.hash()
    );
    text += &peripheral("STERNA", "The accelerator's registers", 0, SPACE, &whole_table(config));
    if memory.is_some() {
        let doc = "The serial bridge's registers";
        text += &peripheral("STERNA_BRIDGE", doc, bridge::BRIDGE, bridge::SPACE, &bridge::table());
    }
    text + "  </peripherals>\n</device>\n"
}

fn peripheral(name: &str, doc: &str, base: u32, size: u32, table: &[Register]) -> String {
    let mut text = format!(
        "    <peripheral>\n      <name>{name}</name>\n      <description>{doc}</description>\n\
         \x20     <baseAddress>{base:#x}</baseAddress>\n      <addressBlock><offset>0x0</offset><size>{size:#x}</size><usage>registers</usage></addressBlock>\n\
         \x20     <registers>\n"
    );
    for r in table {
        let access = match r.access {
            Access::ReadOnly => "read-only",
            Access::ReadWrite => "read-write",
            Access::WriteOne | Access::WriteOnly => "write-only",
        };
        let _ = write!(
            text,
            "        <register>\n          <name>{}</name>\n          <description>{}</description>\n          \
             <addressOffset>{:#06x}</addressOffset>\n          <access>{access}</access>\n        </register>\n",
            r.name,
            escaped(&r.doc),
            r.offset
        );
    }
    text + "      </registers>\n    </peripheral>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
