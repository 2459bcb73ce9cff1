//! The printed Verilog under the tools: no warning from Verilator, Icarus Verilog and Yosys, and the same values from
//! Icarus Verilog as from the evaluator.

mod common;

use common::{Case, random_module, to_bits};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use sterna_hdl::blocks::fifo::fifo;
use sterna_hdl::dsl::*;

/// Runs a tool; its output must be empty and its status zero.
fn silent(dir: &Path, tool: &str, args: &[&str]) {
    let out = Command::new(tool).args(args).current_dir(dir).output().expect(tool);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.trim().is_empty(), "{tool} {args:?} in {}:\n{text}", dir.display());
}

/// The text of the module that a test fails on.
fn show(top: &Module) {
    println!("{}", verilog(top).unwrap_or_else(|e| e.to_string()));
}

fn write_files(dir: &Path, top: &Module) -> Vec<String> {
    let files = emit(top).unwrap_or_else(|e| panic!("{e}"));
    for (name, text) in &files {
        std::fs::write(dir.join(name), text).expect("write");
    }
    files.into_keys().collect()
}

/// Lints a hierarchy with all three tools. Random expressions contain parts that Verilator finds to be constant; for
/// them `more` turns the warnings of that off.
fn lint(dir: &Path, top: &Module, more: &[&str]) -> Vec<String> {
    let files = write_files(dir, top);
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let module = top.name();
    silent(
        dir,
        "verilator",
        &[&["--lint-only", "-Wall", "--top-module", &module], more, &names[..]].concat(),
    );
    silent(dir, "iverilog", &[&["-Wall", "-g2001", "-t", "null", "-s", &module], &names[..]].concat());
    let script =
        format!("read_verilog {}; hierarchy -check -top {module}; proc; check -assert", files.join(" "));
    silent(dir, "yosys", &["-q", "-p", &script]);
    files
}

/// Verilog literal of a value.
fn hex(b: &Bits) -> String {
    format!("{}'h{b:x}", b.width())
}

/// Runs a test bench under Icarus Verilog; it prints nothing when all is well.
fn simulate(dir: &Path, files: &[String], bench: &str) {
    std::fs::write(dir.join("bench.v"), bench).expect("write");
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let args = [&["-g2001", "-o", "bench.vvp", "-s", "bench", "bench.v"], &names[..]].concat();
    silent(dir, "iverilog", &args);
    silent(dir, "vvp", &["-n", "bench.vvp"]);
}

/// Random expressions print without warnings and mean the same to Icarus Verilog as to the evaluator.
fn check_expressions(seed: u64, width: u32, depth: u32) {
    let Case { module, mut maker, outputs } = random_module("random", seed, width, 8, depth);
    let dir = tempfile::tempdir().expect("temporary folder");
    println!("seed {seed}, width {width}, depth {depth}");
    show(&module);
    let off = ["-Wno-UNSIGNED", "-Wno-CMPCONST", "-Wno-UNUSEDSIGNAL"];
    let files = lint(dir.path(), &module, &off[..if depth > 3 || seed % 10_000 > 20 { 3 } else { 2 }]);
    let mut sim = Sim::new(&module).unwrap_or_else(|e| panic!("{e}"));
    let (mut decls, mut pins, mut body) = (String::new(), vec![], String::new());
    for (i, ty) in maker.inputs.iter().enumerate() {
        writeln!(decls, "reg [{}:0] i{i};", ty.width - 1).expect("text");
        pins.push(format!(".i{i}(i{i})"));
    }
    for (at, e) in outputs.iter().enumerate() {
        writeln!(decls, "wire [{}:0] y{at};", e.ty.width - 1).expect("text");
        pins.push(format!(".y{at}(y{at})"));
    }
    for _ in 0..24 {
        for (i, ty) in maker.inputs.clone().into_iter().enumerate() {
            let bits = to_bits(&maker.value(ty), ty.width);
            writeln!(body, "i{i} = {};", hex(&bits)).expect("text");
            sim.set(&format!("i{i}"), bits);
        }
        writeln!(body, "#1;").expect("text");
        for at in 0..outputs.len() {
            let want = hex(&sim.bits(&format!("y{at}")));
            let say = format!("$display(\"y{at} is %h, the evaluator says {want}\", y{at})");
            writeln!(body, "if (y{at} !== {want}) {say};").expect("text");
        }
    }
    let bench = format!(
        "module bench;\n{decls}\nrandom dut({});\ninitial begin\n{body}\nend\nendmodule\n",
        pins.join(", ")
    );
    simulate(dir.path(), &files, &bench);
}

/// Modules in each test; `STERNA_SEEDS` asks for more.
fn seeds(usual: u64) -> u64 {
    std::env::var("STERNA_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn narrow_expressions() {
    (0..seeds(20)).for_each(|seed| check_expressions(seed, 10, 2 + seed as u32 % 4));
}

#[test]
fn wide_expressions() {
    (10_000..10_000 + seeds(8)).for_each(|seed| check_expressions(seed, 700, 2 + seed as u32 % 3));
}

/// A clocked module does the same under Icarus Verilog as in the evaluator, for random inputs. State without reset is
/// unknown to Icarus Verilog at first; unknown outputs are accepted in the first cycles only.
fn check_clocked(module: &Module, seed: u64, reset: &str) {
    let dir = tempfile::tempdir().expect("temporary folder");
    println!("seed {seed}");
    show(module);
    let files = lint(dir.path(), module, &[]);
    let mut sim = Sim::seeded(module, seed).unwrap_or_else(|e| panic!("{e}"));
    sim.keep_old_words();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let active = if reset == "rst" { 1 } else { 0 };
    let mut decls = format!("reg {0}; reg {reset};\n", sim.clock());
    let mut pins = vec![format!(".{0}({0}), .{reset}({reset})", sim.clock())];
    for p in module.ports() {
        let kind = if p.input { "reg" } else { "wire" };
        writeln!(decls, "{kind} [{}:0] {};", p.ty.width - 1, p.name).expect("text");
        pins.push(format!(".{0}({0})", p.name));
    }
    let mut body = format!("{} = 0;\n", sim.clock());
    for cycle in 0..600 {
        let in_reset = cycle < 2 || cycle == 200;
        let level = if in_reset { active } else { 1 - active };
        sim.set(reset, level);
        writeln!(body, "{reset} = {level};").expect("text");
        for p in module.ports().iter().filter(|p| p.input) {
            let limbs: Vec<u64> = (0..p.ty.width.div_ceil(64)).map(|_| rng.random()).collect();
            let bits = Bits::from_limbs(p.ty.width, &limbs);
            writeln!(body, "{} = {};", p.name, hex(&bits)).expect("text");
            sim.set(&p.name, bits);
        }
        writeln!(body, "#1;").expect("text");
        for p in module.ports().iter().filter(|p| !p.input && cycle > 1) {
            let (name, want) = (&p.name, hex(&sim.bits(&p.name)));
            let known = if cycle < 300 { format!("^{name} !== 1'bx && ") } else { String::new() };
            let say = format!("$display(\"cycle {cycle}: {name} is %h, the evaluator says {want}\", {name})");
            writeln!(body, "if ({known}{name} !== {want}) {say};").expect("text");
        }
        writeln!(body, "{0} = 1; #1; {0} = 0;", sim.clock()).expect("text");
        sim.tick();
    }
    let (pins, name) = (pins.join(", "), module.name());
    let bench =
        format!("module bench;\n{decls}\n{name} dut({pins});\ninitial begin\n{body}\nend\nendmodule\n");
    simulate(dir.path(), &files, &bench);
}

/// A bit of everything that has a clock.
fn mixture() -> Module {
    let leaf = Module::new("leaf", "A counter that can be held.");
    let hold = leaf.input("hold", u(1), "stops it");
    let at = leaf.reg("at", s(6), Some(-5), "the count");
    at.when(!hold, at.q().wrapping_add(3));
    leaf.output("now", s(6), "the count").set(at.q());
    leaf.output("odd", u(1), "the lowest bit").set(at.q().bit(0));

    let m = Module::new("mixture", "Registers, memories, a state machine and instances.");
    m.clock("aclk");
    m.reset_low("aresetn");
    let a = m.input("a", s(8), "a signed number");
    let word = m.input("word", u(96), "a wide word");
    let go = m.input("go", u(1), "starts the machine");

    let state = m.fsm("state", &["IDLE", "RUN", "DONE"], "what happens");
    let sum = m.reg("sum", s(20), Some(-7), "running sum");
    state.from("IDLE").goto(go & a.gt(0), "RUN");
    state.from("RUN").goto(sum.q().gt(2000), "DONE").goto(!go & a.lt(-60), "IDLE");
    state.from("DONE").goto(m.u(1, 1), "IDLE");
    sum.when(state.is("DONE"), 0);
    sum.when(state.is("RUN"), (sum.q() + a * a).trunc(20));
    sum.set(sum.q().wrapping_sub(a.ext(20)));
    m.output("total", s(20), "the sum").set(sum.q());
    m.output("running", u(1), "the machine runs").set(state.is("RUN") & !m.in_reset());

    let p1_product = m.delay("p1_product", a * word.bits(3, 5).as_signed(), "stage 1: product");
    let p2_product = m.delay("p2_product", p1_product >> 2, "stage 2: shifted");
    m.unused("rounded off", p1_product.bits(0, 2));
    m.output("product", s(16), "the product").set(p2_product);

    let ram = m.mem("ram", 96, 8, MemStyle::Block, "written in lanes");
    let addr = word.bits(20, 3);
    ram.write_lanes(word.bits(30, 12), addr, word);
    m.output("old", u(96), "what was there").set(ram.read("old_word", addr, go | word.bit(90)));
    let scratch = m.mem("scratch", 8, 4, MemStyle::Lut, "read at once");
    scratch.write(go, word.bits(0, 2), a);
    m.output("quick", u(8), "a word of the scratch memory")
        .set(scratch.read_async("quick_word", word.bits(1, 2)));
    let squares: Vec<Bits> = (0..13).map(|i| Bits::from_u64(8, i * i)).collect();
    let table = m.rom("table_of_squares", 8, &squares, "squares");
    m.output("square", u(8), "square of four bits").set(table.read_async("square_word", word.bits(40, 4)));

    let child = std::rc::Rc::new(leaf);
    let (one, two) = (m.instance("u_one", &child), m.instance("u_two", &child));
    one.connect("hold", two.out("odd"));
    two.connect("hold", go ^ word.bit(77));
    m.output("counts", s(13), "both counts").set(one.out("now") * two.out("now") + 1);
    m
}

/// Signed operators beside operands that Verilog takes for unsigned: there an arithmetic shift would become a logical
/// one, and a signed comparison an unsigned one.
fn mixed_signs() -> Module {
    let m = Module::new("mixed_signs", "Arithmetic shifts beside parts of words.");
    let a = m.input("a", s(8), "a signed number");
    let by = m.input("by", u(3), "a distance");
    let word = m.input("word", u(11), "a word");
    let (part, high) = (word.bits(0, 8).as_signed(), a.shr_dyn(by));
    let out = |name: &str, x: Sig| m.output(name, x.ty(), "a result").set(x);
    out("parity", high ^ part);
    out("masked", high & part);
    out("sum", high.wrapping_add(part));
    out("difference", part.wrapping_sub(high));
    out("chosen", mux(word.bit(10), high, part));
    out("same", high.eq(part));
    out("less", high.lt(part));
    out("least", part.le(a));
    out("larger", a.as_unsigned().gt((!a).as_unsigned()));
    out("twice", part.shr_dyn(by).shr_dyn(word.bits(8, 2)));
    out("product", (part * high) - (a * a).trunc(9));
    out("picked", by.case(&[(1, high), (6, part)], -7));
    let place = m.input("place", s(3), "a signed number that serves as an index").as_unsigned();
    out("bit_there", word.bits(0, 8).bit_dyn(place));
    let seen = m.mem("seen", 8, 8, MemStyle::Lut, "what was there");
    seen.write(word.bit(9), place, a);
    out("seen_now", seen.read_async("seen_word", place));
    out("seen_then", seen.read("seen_before", place, word.bit(8)));
    let count = m.reg("count", u(1), Some(0), "so that there is a reset");
    count.set(!count.q());
    m.unused("clocked", count.q());
    m
}

#[test]
fn signed_beside_unsigned() {
    let m = mixed_signs();
    (0..2).for_each(|seed| check_clocked(&m, seed, "rst"));
}

#[test]
fn clocked_modules() {
    (0..4).for_each(|seed| check_clocked(&mixture(), seed, "aresetn"));
    check_clocked(&fifo(70, 4, MemStyle::Block), 5, "rst");
    check_clocked(&fifo(1, 5, MemStyle::Lut), 6, "rst");
}

#[test]
fn the_mixture_reads_well() {
    insta::assert_snapshot!(verilog(&mixture()).unwrap_or_else(|e| e.to_string()));
}
