//! What is linked: every dependency has a licence that `deny.toml` allows and comes from crates.io, and no crate is there in several
//! versions but those that it lists. As cargo-deny, for machines without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;
use sterna_tests::programs::root;

/// The lists of `deny.toml`.
struct Rules {
    allow: BTreeSet<String>,
    skip: BTreeSet<String>,
}

fn rules() -> Rules {
    let rules: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let list = |table: &str, name: &str| {
        let all = rules[table][name].as_array().unwrap();
        all.iter().map(|entry| entry.as_str().unwrap().to_string()).collect()
    };
    Rules { allow: list("licenses", "allow"), skip: list("bans", "skip") }
}

/// Whether an SPDX expression can be met with licences from a list; `/` is an old way to say OR.
fn allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    let met = either(&mut rest, allow);
    met && rest.is_empty()
}

fn either(rest: &mut &[&str], allow: &BTreeSet<String>) -> bool {
    let mut met = all(rest, allow);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        met |= all(rest, allow);
    }
    met
}

fn all(rest: &mut &[&str], allow: &BTreeSet<String>) -> bool {
    let mut met = one(rest, allow);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        met &= one(rest, allow);
    }
    met
}

fn one(rest: &mut &[&str], allow: &BTreeSet<String>) -> bool {
    let Some((&word, behind)) = rest.split_first() else { return false };
    *rest = behind;
    if word == "(" {
        let met = either(rest, allow);
        let closes = rest.first() == Some(&")");
        *rest = rest.get(1..).unwrap_or_default();
        return met && closes;
    }
    let name = match rest {
        ["WITH", exception, behind @ ..] => {
            let name = format!("{word} WITH {exception}");
            *rest = behind;
            name
        }
        _ => word.into(),
    };
    allow.contains(&name)
}

/// Every package of the lock file: name, version, licence, source.
fn packages() -> Vec<[String; 4]> {
    let mut command = Command::new(env!("CARGO"));
    let output =
        command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let fields = |p: &Value| ["name", "version", "license", "source"].map(|field| text(&p[field]));
    all["packages"].as_array().unwrap().iter().map(fields).collect()
}

#[test]
fn licences_and_sources_are_allowed() {
    let (rules, packages) = (rules(), packages());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for [name, version, licence, source] in &packages {
        assert!(
            allowed(licence, &rules.allow),
            "{name} {version} has licence `{licence}`, which deny.toml does not allow"
        );
        let own = source.is_empty();
        assert!(
            own || source.starts_with("registry+https://github.com/rust-lang/crates.io-index"),
            "{name} comes from {source}"
        );
        *counts.entry(licence).or_default() += 1;
    }
    println!("{} packages", packages.len());
    counts.iter().for_each(|(licence, count)| println!("| `{licence}` | {count} |"));
    for licence in &rules.allow {
        let without: BTreeSet<String> =
            rules.allow.iter().filter(|other| *other != licence).cloned().collect();
        println!("{} need {licence}", packages.iter().filter(|p| !allowed(&p[2], &without)).count());
    }
    assert!(packages.len() > 100);
}

#[test]
fn crates_in_several_versions_are_listed() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for [name, version, ..] in packages() {
        versions.entry(name).or_default().insert(version);
    }
    versions.retain(|_, all| all.len() > 1);
    versions.iter().for_each(|(name, all)| {
        println!("| {name} | {} |", all.iter().cloned().collect::<Vec<_>>().join(", "))
    });
    let found: BTreeSet<String> = versions.into_keys().collect();
    assert_eq!(found, rules().skip, "those of the lock file, and `skip` of deny.toml");
}

#[test]
fn expressions_are_read() {
    let allow = BTreeSet::from(["MIT", "Apache-2.0 WITH LLVM-exception"].map(String::from));
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(GPL-3.0 OR MIT) AND MIT", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(allowed(good, &allow), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "Apache-2.0", "MIT MIT", "(MIT AND X) OR Y"] {
        assert!(!allowed(bad, &allow), "{bad}");
    }
}
