//! Ports, clock, initial values, several models, and models that stop.

mod common;

use common::{options, probe, source};
use verilated::{Design, Direction, Error, Init, Model, Options, Port};

fn model() -> Model {
    probe().model(Init::Zero).unwrap()
}

fn ports<const N: usize>(model: &Model, names: [&str; N]) -> [Port; N] {
    names.map(|name| model.port(name).unwrap())
}

#[test]
fn every_port_is_found_with_width_and_direction() {
    let design = probe();
    let row = |name: &str| {
        let (_, info) = design.ports().find(|(_, info)| info.name == name).unwrap();
        (info.width, info.direction)
    };
    assert_eq!(row("clk"), (1, Direction::Input));
    assert_eq!(row("d33"), (33, Direction::Input));
    assert_eq!(row("q600"), (600, Direction::Output));
    assert_eq!(row("other__name"), (32, Direction::Input));
    assert_eq!(design.ports().count(), 23);
}

/// Each width: its largest value, walking ones, and nothing beside it.
#[test]
fn values_of_every_width_pass_through_a_register() {
    let mut model = model();
    for width in [1, 8, 16, 33, 64, 65, 600_usize] {
        let [d, q] = ports(&model, [&format!("d{width}")[..], &format!("q{width}")]);
        let words = width.div_ceil(32);
        let mut patterns: Vec<Vec<u32>> = (0..width).map(|bit| one_hot(bit, words)).collect();
        let ones: Vec<u32> = (0..words).map(|i| u32::MAX >> (32 - (width - 32 * i).min(32))).collect();
        patterns.push(ones);
        for pattern in patterns {
            model.set_wide(d, &pattern).unwrap();
            model.tick(1).unwrap();
            let mut got = vec![0xdead_beef; words];
            model.get_wide(q, &mut got).unwrap();
            assert_eq!(got, pattern, "width {width}");
            let low = u64::from(pattern[0]) | u64::from(pattern.get(1).copied().unwrap_or(0)) << 32;
            assert_eq!(model.get(q), low, "width {width}");
            // The short way gives the same where it can.
            if words <= 2 {
                model.set(d, 0).unwrap();
                model.set(d, low).unwrap();
                model.tick(1).unwrap();
                assert_eq!(model.get(q), low, "width {width}");
            }
        }
    }
}

fn one_hot(bit: usize, words: usize) -> Vec<u32> {
    (0..words).map(|word| if word == bit / 32 { 1 << (bit % 32) } else { 0 }).collect()
}

#[test]
fn set_clears_the_words_above_64_bits() {
    let mut model = model();
    let [d, q] = ports(&model, ["d600", "q600"]);
    model.set_wide(d, &[u32::MAX >> 8; 19]).unwrap();
    model.set(d, 0x1234_5678_9abc_def0).unwrap();
    model.tick(1).unwrap();
    let mut got = [1; 19];
    model.get_wide(q, &mut got).unwrap();
    assert_eq!(got[..3], [0x9abc_def0, 0x1234_5678, 0]);
    assert!(got[2..].iter().all(|&word| word == 0));
}

#[test]
fn tick_samples_inputs_at_the_rising_edge_and_eval_settles_outputs() {
    let mut model = model();
    let [clk, d8, q8, sum, fell, cycles] = ports(&model, ["clk", "d8", "q8", "sum", "fell", "cycles"]);
    model.set(d8, 5).unwrap();
    assert_eq!((model.get(sum), model.get(q8)), (0, 0), "nothing is evaluated before eval or tick");
    model.eval().unwrap();
    assert_eq!((model.get(sum), model.get(q8)), (5, 0), "eval settles combinational outputs without a clock");
    assert_eq!(model.tick(1).unwrap(), 1);
    assert_eq!((model.get(q8), model.get(sum)), (5, 10), "after tick: new register, old input");
    assert_eq!((model.get(clk), model.cycle()), (1, 1));
    model.set(d8, 7).unwrap();
    assert_eq!(model.get(sum), 10);
    model.eval().unwrap();
    assert_eq!((model.get(q8), model.get(sum)), (5, 12));
    assert_eq!(model.tick(1).unwrap(), 1);
    assert_eq!((model.get(q8), model.get(sum), model.get(fell)), (7, 14, 7), "the falling edge comes first");
    assert_eq!(model.tick(1000).unwrap(), 1000);
    assert_eq!((model.get(cycles), model.cycle()), (1002, 1002));
    assert_eq!(model.tick(0).unwrap(), 0);
    assert_eq!(model.cycle(), 1002);
}

#[test]
fn mistakes_with_ports_are_named() {
    let mut model = model();
    let [d8, d65, q8] = ports(&model, ["d8", "d65", "q8"]);
    let said = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert_eq!(said(model.set(d8, 256)), "port d8 is 8 bits wide: the value 0x100 does not fit");
    assert_eq!(said(model.set_wide(d8, &[256])), "port d8 is 8 bits wide: the value 0x100 does not fit");
    let wide = "port d65 is 65 bits wide: the value 0x20000000000000001 does not fit";
    assert_eq!(said(model.set_wide(d65, &[1, 0, 2])), wide);
    assert_eq!(
        said(model.set_wide(d65, &[1])),
        "port d65 is 65 bits wide and takes 3 words of 32 bits: got 1"
    );
    let few = said(model.get_wide(d65, &mut [0; 4]));
    assert_eq!(few, "port d65 is 65 bits wide and takes 3 words of 32 bits: got 4");
    assert_eq!(said(model.set(q8, 1)), "port q8 is an output: it cannot be set");
    let unknown = model.port("d601").unwrap_err().to_string();
    assert_eq!(unknown, "module probe has no port \"d601\"; near: d600, d1, d64");
}

#[test]
fn mistakes_with_the_clock_are_named() {
    let load = |clock: Option<&str>| {
        Model::load(&source(), &Options { clock: clock.map(String::from), ..options() })
    };
    let said = |clock| load(clock).err().unwrap().to_string();
    assert_eq!(said(Some("d8")), "port d8 cannot be the clock: it must be a 1-bit input");
    assert_eq!(said(Some("q1")), "port q1 cannot be the clock: it must be a 1-bit input");
    assert_eq!(said(Some("clock")), "module probe has no port \"clock\"; near: clk");
    let none = load(None).unwrap().tick(1).unwrap_err().to_string();
    assert_eq!(none, "module probe: no clock was named: set Options::clock to tick");
}

/// The register and the memory that nothing assigns.
fn initial(design: &Design, init: Init) -> Vec<u64> {
    let mut model = design.model(init).unwrap();
    let [unset, at, word] = ports(&model, ["unset", "at", "word"]);
    let mut values = vec![model.get(unset)];
    for address in 0..256 {
        model.set(at, address).unwrap();
        model.eval().unwrap();
        values.push(model.get(word));
    }
    values
}

#[test]
fn initial_values_depend_on_the_seed_alone() {
    let design = &probe();
    assert!(initial(design, Init::Zero).iter().all(|&word| word == 0));
    let first = initial(design, Init::Random(1));
    let other = initial(design, Init::Random(2));
    assert!(
        first.iter().zip(&other).filter(|(a, b)| a == b).count() < 4,
        "two seeds must differ nearly everywhere"
    );
    let ones: u32 = first.iter().map(|word| word.count_ones()).sum();
    assert!((4000..12500).contains(&ones), "of 16448 bits about half must be 1, not {ones}");
}

/// Verilator's generator is reseeded in all threads whenever any model is made.
#[test]
fn models_made_at_the_same_time_do_not_disturb_each_others_seeds() {
    let design = &probe();
    let ends = |seed| {
        let mut model = design.model(Init::Random(seed)).unwrap();
        let [unset, at, word] = ports(&model, ["unset", "at", "word"]);
        let mut value = |address| {
            model.set(at, address).unwrap();
            model.eval().unwrap();
            (model.get(unset), model.get(word))
        };
        [value(0), value(255)]
    };
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let expected = ends(seed);
            scope.spawn(move || (0..2000).for_each(|_| assert_eq!(ends(seed), expected, "seed {seed}")));
        }
    });
}

#[test]
fn models_of_one_design_are_apart_and_move_between_threads() {
    let design = probe();
    let mut models: Vec<Model> = (0..4).map(|_| design.model(Init::Zero).unwrap()).collect();
    let [d33, q33] = ports(&models[0], ["d33", "q33"]);
    for (value, model) in models.iter_mut().enumerate() {
        model.set(d33, value as u64).unwrap();
    }
    let threads = models.into_iter().enumerate().map(|(index, mut model)| {
        std::thread::spawn(move || {
            model.tick(1000 * (index as u64 + 1)).unwrap();
            model
        })
    });
    for (index, thread) in threads.collect::<Vec<_>>().into_iter().enumerate() {
        let model = thread.join().unwrap();
        assert_eq!((model.get(q33), model.cycle()), (index as u64, 1000 * (index as u64 + 1)));
    }
}

#[test]
fn finish_ends_ticking_without_an_error() {
    let mut model = model();
    let [how, cycles] = ports(&model, ["stop_how", "cycles"]);
    model.tick(2).unwrap();
    model.set(how, 1).unwrap();
    assert_eq!(model.tick(10).unwrap(), 1, "the cycle of $finish is the last");
    assert!(model.finished());
    assert_eq!(model.tick(10).unwrap(), 0);
    assert_eq!((model.get(cycles), model.cycle()), (3, 3));
}

#[test]
fn stop_fatal_assert_and_endless_loops_are_errors_and_the_process_lives() {
    for how in [2, 3, 4, 5] {
        let mut model = model();
        let stop_how = model.port("stop_how").unwrap();
        model.tick(2).unwrap();
        model.set(stop_how, how).unwrap();
        let error = model.tick(10).unwrap_err();
        assert!(matches!(error, Error::Stopped { cycle: 2 | 3, .. }), "{error}");
        assert!(error.to_string().contains("probe.v:"), "{error}");
        let again = model.tick(1).unwrap_err();
        assert!(matches!(again, Error::Stopped { .. }), "stays stopped: {again}");
        assert!(model.eval().is_err());
        assert!(!model.finished());
    }
    let mut fine = model();
    let [how, d8] = ports(&fine, ["stop_how", "d8"]);
    fine.set(how, 4).unwrap();
    fine.set(d8, 1).unwrap();
    fine.tick(10).unwrap();
}

/// Counts of lines and toggles are left beside the sources, and name the line that never ran.
#[test]
fn coverage_names_the_line_that_never_ran() {
    let folder = tempfile::tempdir().unwrap();
    let text = "module dut(input clk, input on, output reg [1:0] q);
always @(posedge clk)
    if (on) q <= q + 1;
    else
        q <= 0;
endmodule";
    let source = verilated::Source::new("dut").file("dut.v", text);
    let coverage = Some(folder.path().into());
    let options = Options { clock: Some("clk".into()), coverage, ..Options::default() };
    let mut model = Model::load(&source, &options).unwrap();
    model.set(model.port("on").unwrap(), 1).unwrap();
    model.tick(5).unwrap();
    drop(model);
    let design = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_to_string(design.join("src/dut.v")).unwrap(), text);
    let counts = std::fs::read_dir(&design).unwrap().map(|e| e.unwrap().path());
    let counts = counts.filter(|p| p.extension().is_some_and(|e| e == "dat")).collect::<Vec<_>>();
    let text = std::fs::read_to_string(&counts[0]).unwrap();
    let of = |line: &str| {
        let lines = text.lines().find(|l| l.contains(&format!("\u{1}S\u{2}{line}\u{1}"))).unwrap();
        lines.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!((of("3"), of("5")), (5, 0), "{text}");
}
