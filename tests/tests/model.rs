//! The model of speed against the simulated Verilog, in three steps of `tiny`; `docs/results/model.md` has more.

use sterna_gen::speed::Speed;
use sterna_host::compile::{Options, compile, listing, outline};
use sterna_sim::Profile;
use sterna_tests::speed::{Point, SHAPES, prompt, token};
use sterna_tests::{random_model, tiny};

/// Largest error.
const TOLERANCE: f64 = 0.015;

fn error(memory: &'static str, shape: usize, test: sterna_host::bench::Test) -> f64 {
    let point = Point { config: tiny(), memory, shape: SHAPES[shape], test, planes: 2 };
    let result = point.compare().unwrap();
    println!(
        "{memory}, {}, {}: {} cycles, {:+.2} %",
        point.shape.name,
        test.name(),
        result.simulated,
        100.0 * result.error()
    );
    result.error().abs()
}

#[test]
fn a_token_is_as_long_as_predicted() {
    assert!(error("ideal", 0, token(100, 1)) < TOLERANCE);
}

#[test]
fn a_prompt_is_as_long_as_predicted() {
    assert!(error("ideal", 1, prompt(4)) < TOLERANCE);
}

#[test]
fn a_slow_memory_is_as_slow_as_predicted() {
    // the other shape's step is so short that the logits which enter the lists by chance count
    assert!(error("ulx3s", 1, token(20, 2)) < TOLERANCE);
}

#[test]
fn what_matters_moves_the_prediction_beyond_the_tolerance() {
    let (model, options) =
        (SHAPES[0].model(), Options { context: 320, planes: Some(2), ..Options::default() });
    type Change<'c> = &'c dyn Fn(&mut sterna_spec::config::Config);
    let differs = |change: Change, cycles: fn(&Speed) -> f64| {
        let of = |change: Change| {
            let mut config = tiny();
            change(&mut config);
            let profile = Profile::named(&config.memory, config.clock_mhz).unwrap();
            cycles(&Speed::with_memory(&model, &config, &options, &profile).unwrap())
        };
        (of(change) / of(&|_| {}) - 1.0).abs() > TOLERANCE
    };
    let token = |speed: &Speed| speed.token(300);
    assert!(differs(&|c| c.memory = "ulx3s".into(), token), "memory");
    assert!(differs(&|c| c.table_banks = 1, token), "tables");
    let two_lanes = |c: &mut sterna_spec::config::Config| {
        (c.lanes, c.vector_words, c.shared_words) = (2, 2 * c.vector_words, 2 * c.shared_words);
    };
    // of a token much of the vector work hides beside attention
    assert!(differs(&two_lanes, |speed| speed.prompt(8)), "lanes");
    assert!(differs(&|c| c.slots = 1, token), "slots");
}

#[test]
fn an_outline_is_the_program_without_its_weights() {
    for seed in 0..6 {
        let device = sterna_tests::random_config(seed);
        let model = random_model(seed, &device, 2);
        let options = Options { context: 16, planes: Some(3), ..Options::default() };
        let image = compile(&model, &device, &options).unwrap();
        let whole: Vec<_> = listing::instructions(&device, image.region(image.map.step));
        let outline = outline(&model, &device, &options).unwrap();
        let outline: Vec<_> = outline.into_iter().map(|each| (each.beat, each.instruction)).collect();
        assert_eq!(outline, whole, "seed {seed}");
    }
}
