//! `sterna-gen build` with stand-ins for the tools: what it runs, what it writes, and its one sentence for each failure.

mod common;

use std::fs;

use common::{Bench, PYTHON, timeless};

/// Says its version; makes the netlist that its script names last.
const YOSYS: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "Yosys 0.70 (git sha1 0123, clang 18)"; exit; fi
for script; do :; done
if [ "$FAKE" = syntax ]; then echo "rtl/soc.v:7: ERROR: syntax error" > synthesis.log; exit 1; fi
echo "$script" > synthesis.log
[ -e rtl/soc.v ] && echo netlist > "${script##* }"
"#;

/// Says its version; needs netlist and pins; routes as `FAKE` says, with a margin that depends on the seed.
const NEXTPNR: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo '"nextpnr-ecp5" -- Next Generation Place and Route (Version nextpnr-0.11.1)'; exit; fi
while [ $# -gt 0 ]; do
    case $1 in
        --json | --lpf) [ -e "$2" ] || exit 3 ;;
        --seed) seed=$2 ;;
        --textcfg) routed=$2 ;;
        --report) report=$2 ;;
    esac
    shift
done
echo "routed with seed $seed" > "$routed"
echo "Info: DP16KD: 85/ 208 40%" > route.log
case $FAKE in
    slow) mhz=$((45 + 10 * seed)).25 ;;
    worse) mhz=$((79 - seed)).5 ;;
    large) echo "Info: DP16KD: 300/ 208 144%
ERROR: Unable to place cell 'ram', no BELs remaining" >> route.log; exit 1 ;;
    endless) echo "Info: DP16KD: 300/ 208 144%" >> route.log; exec sleep 600 ;;
    odd) echo "ERROR: cell 'x' has no clock" >> route.log; exit 1 ;;
    killed) kill -9 $$ ;;
    *) mhz=400.5 ;;
esac
clock="\"\$glbnet\$clock\": {\"achieved\": $mhz, \"constraint\": 12.0}"
[ "$FAKE" = lost ] && clock=
step() { echo "{\"delay\": $1, \"type\": \"$2\", \"from\": {\"cell\": \"$3\", \"loc\": [1, 2]}, \"to\": {\"cell\": \"$4\"}}"; }
cat > "$report" <<END
{"fmax": {$clock}, "utilization": {"DP16KD": {"used": 85, "available": 208}, "DCUA": {"used": 0, "available": 2}, "IOBUF": {"used": 3, "available": 0}},
 "critical_paths": [{"from": "posedge \$glbnet\$clock", "to": "posedge \$glbnet\$clock", "path": [
  $(step 0.5 clk-to-q soc.core.a_TRELLIS_FF_Q_3 soc.core.a_TRELLIS_FF_Q_3),
  $(step 1.25 routing soc.core.a_TRELLIS_FF_Q_3 soc.core.sum_LUT4_Z),
  $(step 0.25 logic soc.core.sum_LUT4_Z soc.core.sum_LUT4_Z),
  $(step 0.5 routing soc.core.sum_LUT4_Z soc.core.b_TRELLIS_FF_Q),
  $(step 0 setup soc.core.b_TRELLIS_FF_Q soc.core.b_TRELLIS_FF_Q)]}]}
END
"#;

/// A bitstream that says what was packed.
const ECPPACK: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --input) in=$2 ;; --bit) out=$2 ;; esac
    shift
done
[ "$FAKE" = unpacked ] && exit 1
{ echo bits of; cat "$in"; } > "$out"
"#;

const ALL: [(&str, &str); 3] = [("yosys", YOSYS), ("nextpnr-ecp5", NEXTPNR), ("ecppack", ECPPACK)];

/// Exit code, standard output, standard error of `sterna-gen build ulx3s-85f -o out ...`.
fn build(bench: &Bench, fake: &str, more: &[&str]) -> (i32, String, String) {
    bench.run(fake, &[&["build", "ulx3s-85f", "-o", "out"], more].concat())
}

/// Exit code and last line of a build that must fail.
fn failure(bench: &Bench, fake: &str, more: &[&str]) -> String {
    let (code, out, message) = build(bench, fake, more);
    assert_eq!(out, "");
    format!("{code} {}", message.lines().last().unwrap_or_default())
}

#[test]
fn a_bitstream_is_built() {
    let bench = Bench::new(&ALL, true);
    let (code, out, progress) = build(&bench, "", &[]);
    assert_eq!(code, 0, "{progress}");
    insta::assert_snapshot!(timeless(&progress), @r"
    synthesis ...
    placement and routing, seed 4 ...
      seed 4: clock reaches 400.5 MHz of 80
    packing ...
    ");
    insta::assert_snapshot!(out, @r"
    # `ulx3s-85f`: 80 MHz, timing met

    Preset `ulx3s-85f`, configuration 68362ee72e02b4a4, made by

    ```sh
    sterna-gen build ulx3s-85f --seed 4 -o DIR
    ```

    with Yosys 0.70, nextpnr-0.11.1.

    | clock | needs MHz | reaches MHz |
    |---|---|---|
    | `clock` | 80 | 400.5 |

    | cells | | used | of | |
    |---|---|---|---|---|
    | DP16KD | block memories of 18 kbit | 85 | 208 | 40 % |

    | worst path | ns | in cells | on wires | cells between |
    |---|---|---|---|---|
    | clock to clock: `soc.core.a` to `soc.core.b` | 2.50 | 0.75 | 1.75 | 1 |
    ");
    assert_eq!(bench.text("ulx3s-85f.bit"), "bits of\nrouted with seed 4\n");
    assert_eq!(bench.text("summary.md"), out);
    insta::assert_snapshot!(bench.text("synthesis.log"), @"read_verilog rtl/*.v; synth_ecp5 -abc9 -top ulx3s_85f -json ulx3s_85f.json");
    let kept = [
        "ulx3s-85f.lpf",
        "rtl/soc.v",
        "rtl/ulx3s_85f.v",
        "config.toml",
        "registers.md",
        "route.log",
        "MANIFEST.sha256",
    ];
    assert!(kept.iter().all(|name| bench.has(name)));
    assert!(bench.text("csr.csv").contains("csr_register,sterna_bridge_lock,0x00010020,1,rw\n"));
    let summary: serde_json::Value = serde_json::from_str(&bench.text("summary.json")).unwrap();
    assert_eq!(
        (&summary["timing_met"], &summary["worst_paths"][0]["signals"][1]),
        (&true.into(), &"soc.core.sum".into())
    );
    // again, over itself
    assert_eq!(build(&bench, "", &["--seed", "5"]).0, 0);
    assert_eq!(bench.text("ulx3s-85f.bit"), "bits of\nrouted with seed 5\n");
}

#[test]
fn seeds_are_tried_until_one_meets_timing() {
    let bench = Bench::new(&ALL, true);
    let (code, _, progress) = build(&bench, "slow", &["--tries", "9"]);
    assert_eq!(code, 0, "{progress}");
    let met = progress.lines().rfind(|line| line.contains("reaches")).unwrap();
    let seed = met.trim().strip_prefix("seed ").unwrap().split(':').next().unwrap();
    assert_eq!(bench.text("ulx3s-85f.bit"), format!("bits of\nrouted with seed {seed}\n"));
}

#[test]
fn without_timing_there_is_no_bitstream_but_all_else() {
    let bench = Bench::new(&ALL, true);
    insta::assert_snapshot!(failure(&bench, "worse", &["--tries", "3"]), @"1 error: timing is not met and there is no bitstream: seed 4: clock reaches 75.5 MHz of 80; try other seeds (--seed 5 --tries 4), or a copy of the preset with a lower clock_mhz (--config FILE.toml)");
    assert!(!bench.has("ulx3s-85f.bit") && bench.has("rtl/soc.v") && bench.has("route.log"));
    let summary: serde_json::Value = serde_json::from_str(&bench.text("summary.json")).unwrap();
    assert_eq!(
        (&summary["timing_met"], &summary["seed"]),
        (&false.into(), &4.into()),
        "the best seed is kept"
    );
    insta::assert_snapshot!(failure(&bench, "lost", &[]), @"1 error: timing is not met and there is no bitstream: seed 4: there is no clock; try other seeds (--seed 5 --tries 4), or a copy of the preset with a lower clock_mhz (--config FILE.toml)");
}

#[test]
fn failures_get_one_sentence_and_leave_nothing() {
    let bench = Bench::new(&ALL, true);
    let mut all: Vec<String> = ["syntax", "large", "endless", "odd", "killed", "unpacked"]
        .iter()
        .map(|fake| failure(&bench, fake, &[]))
        .collect();
    let (_, tiny, _) = bench.run("", &["schema", "ulx3s-85f"]);
    let clock = tiny.lines().find(|line| line.starts_with("clock_mhz = ")).unwrap();
    fs::write(bench.at().join("odd.toml"), tiny.replace(clock, "clock_mhz = 83")).unwrap();
    fs::write(bench.at().join("wide.toml"), tiny.replace("\nports = 1", "\nports = 2")).unwrap();
    all.extend(["odd.toml", "wide.toml", "none.toml"].map(|file| failure(&bench, "", &["--config", file])));
    insta::assert_snapshot!(all.join("\n"), @r"
    1 error: synthesis failed: rtl/soc.v:7: ERROR: syntax error
    1 error: 'ulx3s-85f' does not fit the Radiona ULX3S with LFE5U-85F: 300 DP16KD of 208; lower rows, tables, slots or the depths of its buffers in a copy of the preset (--config FILE.toml)
    1 error: 'ulx3s-85f' does not fit the Radiona ULX3S with LFE5U-85F: 300 DP16KD of 208; lower rows, tables, slots or the depths of its buffers in a copy of the preset (--config FILE.toml)
    1 error: placement and routing, seed 4 failed: ERROR: cell 'x' has no clock
    1 error: placement and routing, seed 4 failed: signal: 9 (SIGKILL): no output yet
    1 error: packing failed: exit status: 1: no output yet
    1 error: the Verilog of 'ulx3s-85f' cannot be emitted: no setting of the PLL makes 83 MHz from 25 MHz; choose another clock_mhz, such as a multiple of 5
    1 error: the Verilog of 'ulx3s-85f' cannot be emitted: 2 port(s) of 4 bytes on a memory of 16 bits: it takes one port whose beat is 1, 2, 4 or 8 words of the memory
    1 error: cannot read none.toml: No such file or directory (os error 2)
    ");
    assert!(!bench.at().join("out").exists());
    let (code, _, message) = bench.run("", &["build", "ulx4s", "-o", "out"]);
    assert!(
        code == 2 && message.starts_with("error: there is no board 'ulx4s'; choose one of: ulx3s-85f, "),
        "{message}"
    );
}

#[test]
fn a_folder_of_others_is_refused_before_anything_runs() {
    let bench = Bench::new(&ALL, true);
    fs::create_dir(bench.at().join("out")).unwrap();
    fs::write(bench.at().join("out/mine"), "").unwrap();
    let (code, _, message) = build(&bench, "", &[]);
    insta::assert_snapshot!(format!("{code} {}", message.trim()), @"1 error: out is not replaced: it has no MANIFEST.sha256, so sterna-gen did not write it; move it away or choose another folder");
}

#[test]
fn tools_come_from_path_all_of_them_or_none() {
    let some = [ALL[0], ALL[1], ("python3", PYTHON)];
    insta::assert_snapshot!(failure(&Bench::new(&some, false), "", &[]), @"1 error: python3 -m venv failed: Temporary failure in name resolution; install yosys, nextpnr and their packers yourself, or Python 3 with venv and a way to PyPI");
    insta::assert_snapshot!(failure(&Bench::new(&ALL[..2], false), "", &[]), @"1 error: python3 -m venv failed: No such file or directory (os error 2); install yosys, nextpnr and their packers yourself, or Python 3 with venv and a way to PyPI");
}
