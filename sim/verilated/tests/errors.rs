//! Goldens of the messages for mistakes in Verilog, tools and source names. Paths are redacted.

mod common;

use std::fs;

use common::{cache, options, script};
use verilated::{Design, Error, Format, Options, Source, Warnings};

/// The message of a failed build with the cache folder, the key and the program redacted.
fn said(source: &Source, options: &Options) -> String {
    let error = Design::build(source, options).err().expect("the build must fail");
    redact(&error)
}

/// Verilator's own words differ between its releases, so only where it points is kept of them.
fn redact(error: &Error) -> String {
    let root = cache().canonicalize().unwrap();
    let program = std::env::var("VERILATOR").unwrap_or("verilator".into());
    let text =
        error.to_string().replace(&root.display().to_string(), "<cache>").replace(&program, "verilator");
    let words = text.split('/').map(|part| match part {
        key if key.len() == 32 && key.bytes().all(|c| c.is_ascii_hexdigit()) => "<key>",
        other => other,
    });
    let text = words.collect::<Vec<_>>().join("/");
    let lines = text.lines().map(|line| match line.split_once(": src/t.v:") {
        Some((start, rest)) => {
            let (kind, place) = (start.split('-').next(), rest.split(": ").next());
            format!("{}: src/t.v:{}: <words>", kind.unwrap_or_default(), place.unwrap_or_default())
        }
        None => line.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn module(text: &str) -> Source {
    Source::new("t").file("t.v", text)
}

#[test]
fn a_syntax_error_shows_the_line_the_command_and_the_log() {
    let source = module("module t(input a, output b);\n  assign b = a +;\nendmodule\n");
    insta::assert_snapshot!(said(&source, &options()), @r"
    Verilator refused the design: %Error: src/t.v:2:17: <words>
      command: verilator --cc --prefix Vdut --Mdir obj -Isrc --top-module t --no-timing --x-assign unique --x-initial unique --assert -Wno-fatal src/t.v
      log: <cache>/failed/<key>/build.log
    ");
    let Err(Error::Verilator { log, .. }) = Design::build(&source, &options()) else { panic!("not refused") };
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("syntax error"), "{text}");
    assert!(text.contains("%Error") && log.with_file_name("src").join("t.v").is_file(), "{text}");
}

#[test]
fn a_missing_module_is_named() {
    insta::assert_snapshot!(said(&module("module t; nothing x(); endmodule"), &options()), @r"
    Verilator refused the design: %Error: src/t.v:1:11: <words>
      command: verilator --cc --prefix Vdut --Mdir obj -Isrc --top-module t --no-timing --x-assign unique --x-initial unique --assert -Wno-fatal src/t.v
      log: <cache>/failed/<key>/build.log
    ");
}

#[test]
fn warnings_fail_only_when_denied() {
    let source = module("module t(input [7:0] a, output [3:0] b); assign b = a; endmodule");
    let with = |warnings| Options { warnings, clock: None, ..options() };
    insta::assert_snapshot!(said(&source, &with(Warnings::Deny)), @r"
    Verilator refused the design: %Warning: src/t.v:1:51: <words>
      command: verilator --cc --prefix Vdut --Mdir obj -Isrc --top-module t --no-timing --x-assign unique --x-initial unique --assert src/t.v
      log: <cache>/failed/<key>/build.log
    ");
    let design = Design::build(&source, &with(Warnings::Log)).unwrap();
    assert!(fs::read_to_string(design.log()).unwrap().contains("%Warning-WIDTH"));
}

#[test]
fn ports_that_are_not_vectors_are_refused() {
    insta::assert_snapshot!(said(&module("module t(input real x); endmodule"), &options()), @"module t: cannot bind the port declared as `double &x;`: ports must be packed vectors, not real, string or unpacked arrays");
}

#[test]
fn names_of_files_are_checked() {
    let source = |name: &str| Source::new("t").file("t.v", "").file(name, "");
    insta::assert_snapshot!(said(&source("../x.v"), &options()), @r#"source file name "../x.v" is not usable: it must be a relative path without `..` and without spaces"#);
    insta::assert_snapshot!(said(&source("a b.v"), &options()), @r#"source file name "a b.v" is not usable: it must be a relative path without `..` and without spaces"#);
    insta::assert_snapshot!(said(&source("t.v"), &options()), @r#"source file name "t.v" is not usable: it was added twice"#);
    insta::assert_snapshot!(said(&Source::new("t").file("t.txt", ""), &options()), @r#"source file name "" is not usable: the source has no file that ends in .v or .sv"#);
}

#[test]
fn tools_that_are_missing_or_old_are_named_with_the_remedy() {
    let source = module("module t; endmodule");
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("verilator");
    script(&old, "echo 'Verilator 4.038 2020-07-11 rev v4.036'");
    let verilator = |path: &str| Options { verilator: Some(path.into()), ..options() };
    insta::assert_snapshot!(said(&source, &verilator("/nowhere/verilator")), @"cannot start Verilator (tried /nowhere/verilator): install it with `apt-get install verilator`, or name it in VERILATOR");
    insta::assert_snapshot!(said(&source, &verilator(&old.display().to_string())), @"found Verilator 4.038 2020-07-11 rev v4.036, but 5.0 or newer is needed: `apt-get install verilator`, or name a newer one in VERILATOR");
    insta::assert_snapshot!(said(&source, &Options { cxx: Some("/nowhere/g++ -m64".into()), ..options() }), @"cannot start a C++ compiler (tried /nowhere/g++ -m64): install one with `apt-get install g++`, or name it in CXX");
}

#[test]
fn missing_headers_of_the_fst_writer_are_named_with_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let cxx = folder.path().join("cxx");
    script(
        &cxx,
        "[ $1 = --version ] && exec echo 1\necho 'fatal error: zlib.h: No such file or directory'\nexit 1",
    );
    let with = |trace| Options { cxx: Some(cxx.display().to_string()), trace: Some(trace), ..options() };
    insta::assert_snapshot!(said(&module("module t; endmodule"), &with(Format::Fst)), @r"
    FST traces need zlib: install it with `apt-get install zlib1g-dev`, or trace to VCD
      log: <cache>/failed/<key>/build.log
    ");
    let vcd = Design::build(&module("module t; endmodule"), &with(Format::Vcd));
    assert!(matches!(vcd, Err(Error::Compile { .. })));
}

#[test]
fn an_error_of_the_compiler_shows_the_line_the_command_and_the_log() {
    // Verilator passes the text of $c through.
    let source =
        module("module t(output reg a); initial begin $c(\"no_such_function();\"); a = 0; end endmodule");
    let error = Design::build(&source, &options()).err().unwrap();
    let Error::Compile { first, command, log } = &error else { panic!("{error}") };
    assert!(first.contains("no_such_function"), "{first}");
    assert!(command.contains(" -c obj/"), "{command}");
    assert!(fs::read_to_string(log).unwrap().contains("no_such_function"));
}
