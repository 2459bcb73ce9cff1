//! The register table as CMSIS-SVD, which debuggers and code generators read.

use std::fmt::Write;

use super::whole_table;
use sterna_spec::config::Config;
use sterna_spec::registers::{Access, SPACE, VERSION};

/// The file.
pub fn text(config: &Config) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <device schemaVersion=\"1.3\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema-instance\" xs:noNamespaceSchemaLocation=\"CMSIS-SVD.xsd\">\n\
         \x20 <name>STERNA</name>\n  <version>{VERSION}</version>\n\
         \x20 <description>Sterna, configuration {} {:016x}</description>\n\
         \x20 <addressUnitBits>8</addressUnitBits>\n  <width>32</width>\n  <size>32</size>\n  <resetValue>0</resetValue>\n\
         \x20 <resetMask>0</resetMask>\n  <peripherals>\n    <peripheral>\n      <name>STERNA</name>\n      <description>The accelerator's registers</description>\n\
         \x20     <baseAddress>0x0</baseAddress>\n      <addressBlock><offset>0x0</offset><size>{SPACE:#x}</size><usage>registers</usage></addressBlock>\n\
         \x20     <registers>\n",
        escaped(&config.name),
        config.hash()
    );
    for r in whole_table(config) {
        let access = match r.access {
            Access::ReadOnly => "read-only",
            Access::ReadWrite => "read-write",
            Access::WriteOne => "write-only",
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
    text + "      </registers>\n    </peripheral>\n  </peripherals>\n</device>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
