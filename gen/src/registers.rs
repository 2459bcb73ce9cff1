//! The register table in the forms that others read, all from the table in `spec`: Markdown, JSON, a C header, LiteX's `csr.csv`, and
//! CMSIS-SVD.

mod c_header;
mod csr_csv;
mod json;
mod markdown;
mod svd;

use sterna_spec::bridge;
use sterna_spec::config::Config;
use sterna_spec::registers::{Access, Register, TOPK_ROW_BYTES, offset, table};

/// Every form, with the name of its file.
pub fn files(config: &Config) -> [(&'static str, String); 5] {
    forms(config, None)
}

/// The same for a board: with the registers of its serial bridge, and its `memory` of so many bytes.
pub fn board_files(config: &Config, memory: u32) -> [(&'static str, String); 5] {
    forms(config, Some(memory))
}

fn forms(config: &Config, memory: Option<u32>) -> [(&'static str, String); 5] {
    [
        ("registers.md", markdown::text(config, memory)),
        ("registers.json", json::text(config, memory)),
        ("sterna.h", c_header::text(config, memory)),
        ("csr.csv", csr_csv::text(config, memory)),
        ("sterna.svd", svd::text(config, memory)),
    ]
}

/// The bridge's registers where the bus has them.
fn bridge_table() -> Vec<Register> {
    bridge::table().into_iter().map(|r| Register { offset: bridge::BRIDGE + r.offset, ..r }).collect()
}

/// A name without the prefix of the bridge, which some of its registers have and the forms give to all.
fn short(name: &str) -> &str {
    name.strip_prefix("BRIDGE_").unwrap_or(name)
}

/// The table with the selection's pairs, which `spec` describes as an area.
fn whole_table(config: &Config) -> Vec<Register> {
    let mut all = table(config);
    for row in 0..config.rows {
        for pair in 0..config.top_k {
            let at = offset::TOPK + row * TOPK_ROW_BYTES + 8 * pair;
            let mut add = |what: &str, offset: u32, doc: &str| {
                let name = format!("TOPK_{row}_{pair}_{what}");
                all.push(Register { name, offset, access: Access::ReadOnly, doc: doc.into() });
            };
            add("ID", at, "token of the pair, 0xffffffff if there is none");
            add("LOGIT", at + 4, "logit of the pair, binary32");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn config() -> Config {
        Config { rows: 3, ports: 2, ..Config::preset("tiny").unwrap() }
    }

    fn form(name: &str) -> String {
        let file = files(&config()).into_iter().find(|(n, _)| *n == name);
        file.unwrap().1
    }

    #[test]
    fn every_form_has_every_register() {
        let all = table(&config());
        let json: serde_json::Value = serde_json::from_str(&form("registers.json")).unwrap();
        let [markdown, header, csv, svd] = ["registers.md", "sterna.h", "csr.csv", "sterna.svd"].map(form);
        for (i, r) in all.iter().enumerate() {
            let (name, at, lower) = (&r.name, r.offset, r.name.to_lowercase());
            assert!(markdown.contains(&format!("| {at:#06x} | {name} | ")), "{name}");
            assert_eq!(
                (&json["registers"][i]["name"], &json["registers"][i]["offset"]),
                (&name.as_str().into(), &at.into())
            );
            assert!(header.contains(&format!("#define STERNA_{name} {at:#06x}u")), "{name}");
            assert!(csv.contains(&format!("\ncsr_register,sterna_{lower},{at:#010x},1,")), "{name}");
            let entry = format!("<name>{name}</name>\n          <description>");
            assert!(
                svd.contains(&entry) && svd.contains(&format!("<addressOffset>{at:#06x}</addressOffset>")),
                "{name}"
            );
        }
        assert!(markdown.contains("| 0x2000..0x25fc | TOPK |"));
        assert!(csv.contains("csr_register,sterna_topk_2_39_logit,0x0000253c,1,ro\n"));
    }

    #[test]
    fn the_header_compiles_and_means_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sterna.h"), form("sterna.h")).unwrap();
        let mut source = "#include \"sterna.h\"\n#include <stdio.h>\nint main(void) {\n".to_string();
        for r in table(&config()) {
            source += &format!("  printf(\"{} %u\\n\", STERNA_{});\n", r.name, r.name);
        }
        source +=
            "  printf(\"TOPK %u %u\\n\", STERNA_TOPK_ID(2, 39), STERNA_TOPK_LOGIT(2, 39));\n  return 0;\n}\n";
        std::fs::write(folder.path().join("main.c"), source).unwrap();
        let cc = Command::new("g++")
            .args(["-x", "c", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "main.c", "-o", "main"])
            .current_dir(folder.path())
            .output();
        let cc = cc.expect("g++ runs");
        assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
        let out = Command::new(folder.path().join("main")).output().unwrap();
        let mut want: String =
            table(&config()).iter().map(|r| format!("{} {}\n", r.name, r.offset)).collect();
        want += &format!("TOPK {} {}\n", 0x253c - 4, 0x253c);
        assert_eq!(String::from_utf8_lossy(&out.stdout), want);
    }

    #[test]
    fn boards_have_the_bridge_too() {
        let files = board_files(&config(), 1 << 25);
        let [markdown, json, header, csv, svd] = files.each_ref().map(|(_, text)| text.as_str());
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        for (i, r) in bridge::table().iter().enumerate() {
            let (name, at) = (short(&r.name), bridge::BRIDGE + r.offset);
            assert!(markdown.contains(&format!("| {at:#010x} | {} | ", r.name)), "{name}");
            let entry = &json["bridge"]["registers"][i];
            assert_eq!((&entry["name"], &entry["address"]), (&r.name.as_str().into(), &at.into()));
            assert!(header.contains(&format!("#define STERNA_BRIDGE_{name} {at:#010x}u")), "{name}");
            let row = format!("\ncsr_register,sterna_bridge_{},{at:#010x},1,", name.to_lowercase());
            assert!(csv.contains(&row), "{name}");
            let entry = format!("<name>{}</name>\n          <description>{}", r.name, &r.doc[..1]);
            assert!(svd.contains(&entry), "{name}");
        }
        assert!(csv.contains("\nmemory_region,sterna_memory,0x40000000,33554432,cached\n"));
        for constant in ["config_csr_data_width,32", "config_bus_address_width,32"] {
            assert!(csv.contains(&format!("\nconstant,{constant},,\n")), "{constant}");
        }
        assert!(svd.contains("<baseAddress>0x10000</baseAddress>"));
        for ((name, board), (_, core)) in files.iter().zip(super::files(&config())) {
            assert!(board.len() > core.len(), "{name}");
        }
    }

    #[test]
    fn names_are_unique_in_the_whole_table() {
        let all = whole_table(&config());
        let names: std::collections::BTreeSet<_> = all.iter().map(|r| &r.name).collect();
        let offsets: std::collections::BTreeSet<_> = all.iter().map(|r| r.offset).collect();
        assert_eq!((names.len(), offsets.len()), (all.len(), all.len()));
    }

    #[test]
    fn the_short_forms_as_text() {
        let head = |name: &str| form(name).lines().take(24).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(
            ["sterna.h", "csr.csv", "sterna.svd", "registers.json"].map(head).join("\n--------\n")
        );
    }
}
