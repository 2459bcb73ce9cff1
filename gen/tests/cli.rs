//! The command as a user sees it: output, messages, exit codes.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Exit code, standard output, standard error.
fn gen_in(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sterna-gen")).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The message of a run that must fail, with its exit code.
fn failure(folder: &Path, args: &[&str]) -> String {
    let (code, out, message) = gen_in(folder, args);
    assert_eq!(out, "");
    format!("{code} {}", message.trim_end())
}

#[test]
fn presets_are_listed() {
    let here = Path::new(".");
    let (code, out, _) = gen_in(here, &["list"]);
    assert_eq!(code, 0);
    // widths of columns depend on the other presets
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    insta::assert_snapshot!(out.lines().take(2).map(words).collect::<Vec<_>>().join("\n"), @r"
    preset rows trits/cycle lanes ports beat head context memory clock
    tiny 2 39 = 1x13x3 4 1 x 8 B 8 B 32 512 ideal 100 MHz
    ");
    let (code, out, _) = gen_in(here, &["list", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value[0]["beat_bytes"]), (0, &8.into()));
}

#[test]
fn a_preset_is_emitted_and_its_configuration_emits_the_same() {
    let base = tempfile::tempdir().unwrap();
    let (code, out, _) = gen_in(base.path(), &["emit", "tiny", "-o", "a"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("a: "), "{out}");
    let config = fs::read_to_string(base.path().join("a/config.toml")).unwrap();
    assert_eq!(gen_in(base.path(), &["schema"]), (0, config, String::new()));
    let (code, ..) = gen_in(base.path(), &["emit", "a/config.toml", "-o", "b/c"]);
    assert_eq!(code, 0);
    let mut count = 0;
    for entry in fs::read_dir(base.path().join("a")).unwrap().flatten() {
        let other = fs::read(base.path().join("b/c").join(entry.file_name())).unwrap();
        assert_eq!(fs::read(entry.path()).unwrap(), other, "{:?}", entry.file_name());
        count += 1;
    }
    assert!(count > 3 && base.path().join("a/sterna.v").exists());
    // again, over itself
    assert_eq!(gen_in(base.path(), &["emit", "tiny", "-o", "a"]).0, 0);
    let sum = Command::new("sha256sum")
        .args(["-c", "--quiet", "MANIFEST.sha256"])
        .current_dir(base.path().join("a"))
        .output();
    assert!(sum.unwrap().status.success());
}

#[test]
fn a_package_is_written_and_replaced() {
    let base = tempfile::tempdir().unwrap();
    let args = ["package", "tiny", "--for", "fusesoc", "-o", "p"];
    for _ in 0..2 {
        let (code, out, message) = gen_in(base.path(), &args);
        assert!(code == 0 && out.starts_with("p: "), "{message}");
    }
    assert!(base.path().join("p/rtl/sterna.v").exists() && base.path().join("p/sterna.core").exists());
    fs::write(base.path().join("p/rtl/sterna.v"), "edited").unwrap();
    insta::assert_snapshot!(failure(base.path(), &args), @"1 error: p is not replaced: rtl/sterna.v was changed since it was written; move it away or choose another folder");
}

#[test]
fn mistakes_get_one_sentence() {
    let base = tempfile::tempdir().unwrap();
    let at = base.path();
    fs::write(at.join("bad.toml"), "name = \"x\"\nrows = \"many\"\n").unwrap();
    let (_, tiny, _) = gen_in(at, &["schema"]);
    fs::write(at.join("wrong.toml"), tiny.replace("tables = 13", "tables = 99")).unwrap();
    fs::create_dir(at.join("mine")).unwrap();
    fs::write(at.join("mine/x"), "x").unwrap();
    let all = [
        failure(at, &["emit", "huge", "-o", "x"]),
        failure(at, &["emit", "none.toml", "-o", "x"]),
        failure(at, &["emit", "bad.toml", "-o", "x"]),
        failure(at, &["emit", "wrong.toml", "-o", "x"]),
        failure(at, &["emit", "tiny", "-o", "mine"]),
        failure(at, &["schema", "huge"]),
        failure(at, &["check"]),
    ];
    let presets = sterna_spec::config::PRESETS.join(", ");
    insta::assert_snapshot!(all.join("\n").replace(&format!("of: {presets}"), "of: PRESETS"), @r#"
    2 error: there is no preset 'huge'; choose one of: PRESETS, or name a file that ends in .toml
    1 error: cannot read none.toml: No such file or directory (os error 2)
    1 error: bad.toml: field 'rows': invalid type: string "many", expected u32
    1 error: wrong.toml: lookups * tables * group is 297 trits, but a beat of 8 bytes holds 40; lower tables to 13 or widen the ports
    1 error: mine is not replaced: it has no MANIFEST.sha256, so sterna-gen did not write it; move it away or choose another folder
    2 error: there is no preset 'huge'; choose one of: PRESETS, or name a file that ends in .toml
    1 error: gen/generated/tiny/config.toml is missing; update with `sterna-gen check --update` and commit the result
    "#);
    assert!(!at.join("x").exists());
    for args in [
        &["emit", "tiny"][..],
        &["list", "--xml"],
        &["paint"],
        &["completions", "dos"],
        &["package", "tiny", "--for", "quartus", "-o", "x"],
    ] {
        let (code, out, message) = gen_in(at, args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(message.starts_with("error: "), "{message}");
    }
}

#[test]
fn check_finds_each_kind_of_difference() {
    let base = tempfile::tempdir().unwrap();
    let at = base.path();
    assert_eq!(gen_in(at, &["check", "--update", "out"]).0, 0);
    let (code, out, _) = gen_in(at, &["check", "out"]);
    assert!(code == 0 && out.starts_with("tiny: summary of ") && out.ends_with(" files current\n"), "{out}");
    let tiny = at.join("out/tiny");
    fs::write(tiny.join("extra.v"), "").unwrap();
    let mut all = vec![failure(at, &["check", "out"])];
    fs::remove_file(tiny.join("extra.v")).unwrap();
    let text = fs::read_to_string(tiny.join("sterna.v")).unwrap();
    fs::write(tiny.join("sterna.v"), text.replacen("aclk", "bclk", 1)).unwrap();
    all.push(failure(at, &["check", "out"]));
    fs::remove_file(tiny.join("registers.md")).unwrap();
    all.push(failure(at, &["check", "out"]));
    let hashes = fs::read_to_string(tiny.join("files.sha256")).unwrap();
    let broken = |edit: &dyn Fn(&str) -> String| {
        let line = |line: &str| if line.ends_with("  reader.v") { edit(line) } else { format!("{line}\n") };
        fs::write(tiny.join("files.sha256"), hashes.lines().map(line).collect::<String>()).unwrap();
        failure(at, &["check", "out"])
    };
    all.push(broken(&|_| "0000  reader.v\n".into()));
    all.push(broken(&|_| String::new()));
    all.push(broken(&|line| format!("{line}\n0000  old.v\n")));
    insta::assert_snapshot!(all.join("\n"), @r"
    1 error: out/tiny/extra.v is not made by the generator; update with `sterna-gen check --update` and commit the result
    1 error: out/tiny/sterna.v differs from what the generator makes now; update with `sterna-gen check --update` and commit the result
    1 error: out/tiny/registers.md is missing; update with `sterna-gen check --update` and commit the result
    1 error: out/tiny/files.sha256 has another hash of reader.v than what the generator makes now; update with `sterna-gen check --update` and commit the result
    1 error: out/tiny/files.sha256 does not name reader.v, which the generator makes now; update with `sterna-gen check --update` and commit the result
    1 error: out/tiny/files.sha256 names old.v, which the generator no longer makes; update with `sterna-gen check --update` and commit the result
    ");
}

/// Update with `cargo run -p sterna-gen -- check --update`.
#[test]
fn the_committed_output_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated");
    sterna_gen::check(&folder, false).unwrap();
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, out, _) = gen_in(Path::new("."), &["completions", shell]);
        assert!(code == 0 && out.contains("sterna-gen") && out.contains("schema"), "{shell}");
    }
}
