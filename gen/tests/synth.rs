//! `sterna-gen synth` with a stand-in for Yosys: what it runs, prints and writes, and its one sentence for each failure.

mod common;

use std::fs;

use common::{Bench, PYTHON, timeless};

/// Says a version; needs the Verilog and the names in its script; leaves a netlist: two registers in `topk` with a memory and a
/// look-up table between them, and one engine of 78 look-up tables and a memory.
const YOSYS: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then
    [ "$FAKE" = old ] && echo "Yosys 0.23 (git sha1 0123)" || echo "Yosys 0.70 (git sha1 0123, clang 18)"
    exit
fi
for script; do :; done
if [ "$FAKE" = syntax ]; then echo "rtl/topk.v:7: ERROR: syntax error" > synthesis.log; exit 1; fi
echo "$script" > synthesis.log
[ -e rtl/topk.v ] || exit 1
cell() { # name, kind, pins, more
    comma=; directions=; bits=
    for pin in $3; do
        case $pin in *'>'*) way=output ;; *) way=input ;; esac
        directions="$directions$comma\"${pin%%[<>]*}\": \"$way\""
        bits="$bits$comma\"${pin%%[<>]*}\": [${pin##*[<>]}]"
        comma=,
    done
    echo "\"$1\": {\"type\": \"$2\", \"parameters\": {}, \"attributes\": {\"src\": \"rtl/x.v:3.1-3.4\"},
        \"port_directions\": {$directions}, \"connections\": {$bits}}$4"
}
port() { echo "\"$1\": {\"direction\": \"input\", \"bits\": [$2]}$3"; }
name() { echo "\"$1\": {\"hide_name\": 0, \"bits\": [$2]}$3"; }
lut=LUT4; [ "$FAKE" = odd ] && lut=LUT9
ram=RAMB36E2; [ "$FAKE" = small ] && ram=RAM64M8
{
    echo '{"modules": {"LUT4": {"attributes": {"blackbox": "1"}, "ports": {}, "cells": {}, "netnames": {}},'
    echo '"matmul": {"attributes": {}, "ports": {}, "netnames": {}, "cells": {'
    for i in $(seq 77); do cell "\$$i" "$lut" "I0<\"0\" O>$i" ,; done
    for i in 0 1 2; do cell accumulators.0.$i RAMB36E2 '' ,; done
    cell last "$lut" 'I0<"1" O>99'
    echo '}}, "topk": {"attributes": {}, "ports": {'; port clk 2; echo '}, "cells": {'
    cell lists.0.0 $ram 'CLKARDCLK<2 ADDRARDADDR<5 DOUTADOUT>3' ,
    cell '$l' "$lut" 'I0<3 I1<5 O>4' ,
    cell '$r' FDRE 'C<2 D<4 Q>5'
    echo '}, "netnames": {'; name order 5; echo '}}, "sterna": {"attributes": {}, "ports": {'; port aclk 2; echo '}, "cells": {'
    cell engine matmul '' ,
    cell select topk 'clk<2' ,
    cell again topk 'clk<2'
    echo '}, "netnames": {}}}}'
} > "${script##* }"
"#;

const ALL: [(&str, &str); 1] = [("yosys", YOSYS)];

#[test]
fn a_preset_is_synthesized() {
    let bench = Bench::new(&ALL, true);
    let (code, out, progress) = bench.run("", &["synth", "tiny", "-o", "out"]);
    assert_eq!(code, 0, "{progress}");
    insta::assert_snapshot!(timeless(&progress), @r"
    synthesis ...
    measuring depths ...
    ");
    insta::assert_snapshot!(out, @r"
    # `tiny` on the XCK26, synthesized

    Configuration 7b0a55d093aaa857, made by

    ```sh
    sterna-gen synth tiny -o DIR
    ```

    with Yosys 0.70, `synth_xilinx -family xcup -flatten -noiopad -noclkbuf`. Modules with registers are mapped apart, once each, and counted
    once for each instance; the others are dissolved in them. Nothing is placed or routed.

    | block                | instances |     LUT | of these memory |      FF |   DSP | BRAM36 | URAM | levels |
    |----------------------|----------:|--------:|----------------:|--------:|------:|-------:|-----:|-------:|
    | sterna               |         1 |      80 |               0 |       2 |     0 |      5 |    0 |      1 |
    | · matmul             |         1 |      78 |               0 |       0 |     0 |      3 |    0 |        |
    | · topk               |         2 |       2 |               0 |       2 |     0 |      2 |    0 |      1 |
    | XCK26 has            |           | 117,120 |          57,600 | 234,240 | 1,248 |    144 |   64 |        |
    | share of the part    |           |     0 % |             0 % |     0 % |   0 % |    3 % |  0 % |        |
    | TeLLMe v2, published |           |  98,303 |                 | 136,721 |   610 |   98.5 |   60 |        |

    LUT: small functions are not paired in one look-up table, and registers are not drawn into multipliers and block memories, as a
    vendor's tool does.

    The matrix engine takes 1.00 LUT for each of its 78 ternary multiply-adds a cycle.

    ## Depths

    A level is a look-up table, a carry chain, a multiplier or the read of a look-up table memory; multiplexers inside a slice are none.
    0 of 4 register inputs that depend on registers lie behind more than 8 levels.

    | levels | register inputs |
    |-------:|----------------:|
    |      0 |               2 |
    |      1 |               2 |

    The deepest, those between the same signals as one (numbers in names aside):

    | levels | LUT | carry | DSP | mux | from          | to            | inputs |
    |-------:|----:|------:|----:|----:|---------------|---------------|-------:|
    |      1 |   1 |     0 |   0 |   0 | topk: `lists` | topk: `order` |      2 |
    |      0 |   0 |     0 |   0 |   0 | topk: `order` | topk: `lists` |      2 |

    ## Memories

    Every memory became what the Verilog asks for.

    | block  | instances | memory       | words x bits | asked | became |     each | bits used |
    |--------|----------:|--------------|-------------:|-------|--------|---------:|----------:|
    | matmul |         1 | accumulators |    2048 x 50 | block | BRAM   | 3 BRAM36 |      92 % |
    | topk   |         2 | lists        |     128 x 64 | block | BRAM   | 1 BRAM36 |      22 % |
    ");
    assert_eq!(bench.text("summary.md"), out);
    let script = bench.text("synthesis.log");
    assert!(
        script.starts_with("read_verilog rtl/*.v; setattr -mod -set keep_hierarchy 1 attention "),
        "{script}"
    );
    // clocked modules are kept, others are not
    assert!(script.contains(" topk ") && !script.contains(" matmul_group_index "), "{script}");
    insta::assert_snapshot!(script.rsplit_once("; ").unwrap().1, @"synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top sterna -json sterna.json");
    assert!(
        ["rtl/sterna.v", "config.toml", "summary.json", "MANIFEST.sha256"].iter().all(|name| bench.has(name))
    );
    let (code, json, _) = bench.run("", &["synth", "tiny", "--json"]);
    assert_eq!((code, &json), (0, &bench.text("summary.json")));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["products"], &json["luts_per_product"]), (&78.into(), &1.0.into()));
    assert_eq!(json["blocks"]["inside"][1]["bram18"], 4);
    assert_eq!(json["depths"]["worst"][1]["through"][0], "order");
}

#[test]
fn the_part_is_that_of_the_memory() {
    let bench = Bench::new(&ALL, true);
    let pass = |preset: &str| {
        let (_, json, _) = bench.run("", &["synth", preset, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        format!("{} {}", json["part"], json["pass"])
    };
    insta::assert_snapshot!(["kv260", "ulx3s-85f", "tang-nano-20k"].map(pass).join("\n"), @r#"
    "XCK26" "synth_xilinx -family xcup -flatten -noiopad -noclkbuf"
    "LFE5U-85F" "synth_ecp5 -abc9"
    "GW2AR-18" "synth_gowin -family gw2a -nowidelut -noiopads"
    "#);
}

#[test]
fn a_memory_of_another_kind_is_called_out() {
    let bench = Bench::new(&ALL, true);
    let (_, out, _) = bench.run("small", &["synth", "tiny"]);
    let lines = |word: &str| out.lines().filter(|line| line.contains(word)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(lines("not as asked"), @"| topk   |         2 | lists        |     128 x 64 | block | LUTRAM, not as asked |    8 LUT |           |");
}

#[test]
fn failures_get_one_sentence_and_leave_nothing() {
    let bench = Bench::new(&ALL, true);
    let failure = |bench: &Bench, fake: &str, args: &[&str]| {
        let (code, out, message) = bench.run(fake, &[&["synth"], args].concat());
        assert_eq!(out, "");
        format!("{code} {}", message.lines().last().unwrap_or_default())
    };
    let mut all = ["syntax", "odd"].map(|fake| failure(&bench, fake, &["tiny", "-o", "out"])).to_vec();
    assert!(!bench.has(""));
    fs::create_dir(bench.at().join("out")).unwrap();
    fs::write(bench.at().join("out/mine"), "").unwrap();
    all.push(failure(&bench, "", &["tiny", "-o", "out"]));
    all.push(failure(&bench, "", &["huge"]).split(';').next().unwrap().into());
    // an old Yosys does not do
    all.push(failure(&Bench::new(&[ALL[0], ("python3", PYTHON)], true), "old", &["tiny"]));
    insta::assert_snapshot!(all.join("\n"), @r"
    1 error: synthesis failed: rtl/topk.v:7: ERROR: syntax error
    1 error: reading the netlist of Yosys failed: 'matmul' holds a cell of unknown kind, 'LUT9'
    1 error: out is not replaced: it has no MANIFEST.sha256, so sterna-gen did not write it; move it away or choose another folder
    2 error: there is no preset 'huge'
    1 error: python3 -m venv failed: Temporary failure in name resolution; install yosys, nextpnr and their packers yourself, or Python 3 with venv and a way to PyPI
    ");
}
