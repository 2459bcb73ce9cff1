//! Compiled programs: their listing, their limits, and that results depend on the model alone and not on the device's dimensions.

mod common;

use common::{Folder, SHAPE, Shape};
use ndarray::Array2;
use sterna_host::compile::listing::instructions;
use sterna_host::compile::{Options, compile};
use sterna_host::image::Region;
use sterna_host::model::Model;
use sterna_host::reference::Reference;
use sterna_host::session::Session;
use sterna_host::ternary::Ternary;
use sterna_spec::config::{Config, TableKind};
use sterna_spec::golden::Golden;

const OPTIONS: Options = Options { context: 24, sequences: 1, planes: Some(5), draft: None };
const TOKENS: [u32; 9] = [3, 49, 0, 17, 17, 8, 30, 2, 41];

fn tiny() -> Config {
    Config::preset("tiny").unwrap()
}

fn logits(model: &Model, config: &Config) -> Array2<f32> {
    let image = compile(model, config, &OPTIONS).unwrap();
    Session::new(Box::new(Golden::new(config)), image).unwrap().logits(&TOKENS).unwrap()
}

/// Largest difference from the reference, relative to the reference's largest logit.
fn distance(model: &Model, reference: &Model) -> f32 {
    let (got, mut reference) = (logits(model, &tiny()), Reference::new(reference));
    let (mut worst, mut largest) = (0f32, 0f32);
    for (g, w) in got.iter().zip(&reference.forward(&TOKENS)) {
        worst = worst.max((g - w).abs());
        largest = largest.max(w.abs());
    }
    println!("distance {:.4}", worst / largest);
    worst / largest
}

#[test]
fn the_program_of_a_small_model() {
    let model = Folder::random(&Shape { layers: 1, ..SHAPE }).load();
    let image = compile(&model, &tiny(), &OPTIONS).unwrap();
    let list = |region: Region| {
        let lines = instructions(&image.config, image.region(region));
        lines.iter().map(|(beat, i)| format!("{beat:>6}  {i}\n")).collect::<String>()
    };
    insta::assert_snapshot!(format!("step\n{}\nlogits\n{}", list(image.map.step), list(image.map.logits)));
}

#[test]
fn parts_of_the_step_have_names() {
    let image = compile(&Folder::random(&SHAPE).load(), &tiny(), &OPTIONS).unwrap();
    let listing = instructions(&image.config, image.region(image.map.step));
    let lines =
        image.instruction_names().into_iter().map(|(n, name)| format!("{name}: {}\n", listing[n as usize].1));
    insta::assert_snapshot!(lines.collect::<String>());
}

#[test]
fn the_program_with_silu() {
    let model = Folder::random(&Shape { layers: 1, act: "silu", ..SHAPE }).load();
    let image = compile(&model, &tiny(), &OPTIONS).unwrap();
    let lines = instructions(&image.config, image.region(image.map.step));
    let text: Vec<_> = lines.iter().map(|(_, i)| i.to_string()).collect();
    let from = text.iter().position(|l| l.contains("exp2")).unwrap();
    insta::assert_snapshot!(text[from - 5..from + 5].join("\n"));
}

#[test]
fn results_do_not_depend_on_the_device() {
    let model = Folder::random(&SHAPE).load();
    let want = logits(&model, &tiny());
    let devices = [
        ("one row", Config { rows: 1, ..tiny() }),
        ("many rows", Config { rows: 8, ..tiny() }),
        ("heads and halves in tiles", Config { outputs: 32, ..tiny() }),
        ("wide lanes", Config { lanes: 8, ..tiny() }),
        ("pairs of lookups", Config { lookups: 4, tables: 3, table_kind: TableKind::Full, ..tiny() }),
        ("four ports", Config { ports: 4, port_bytes: 16, tables: 20, ..tiny() }),
        ("two tokens a beat", Config { port_bytes: 16, ..tiny() }),
        ("one query at a time", Config { slots: 1, ..tiny() }),
        ("head tiles bounded by shared memory", Config { shared_words: 16 + 24, ..tiny() }),
    ];
    for (name, config) in devices {
        assert_eq!(config.check(), Vec::<String>::new(), "{name}");
        let got = logits(&model, &config);
        assert!(got == want, "{name}: logits differ");
    }
}

#[test]
fn random_models_agree_with_the_reference() {
    for act in ["relu2", "silu"] {
        for packed in [true, false] {
            let model = Folder::random(&Shape { act, packed, ..SHAPE }).load();
            assert!(distance(&model, &model) < 0.03, "{act}, packed: {packed}");
        }
    }
}

#[test]
fn sizes_need_not_be_multiples_of_anything() {
    let odd = Shape {
        hidden: 50,
        ffn: 70,
        head_size: 10,
        heads: 5,
        kv_heads: 5,
        vocab: 131,
        packed: false,
        ..SHAPE
    };
    for act in ["relu2", "silu"] {
        let model = Folder::random(&Shape { act, ..odd }).load();
        assert!(distance(&model, &model) < 0.03, "{act}");
    }
    // halves of heads that were padded as one would turn the wrong elements against each other
    let mut unlike = Folder::random(&odd).load();
    unlike.config.rope_theta = 1.0;
    let model = Folder::random(&odd).load();
    assert!(distance(&unlike, &model) > 0.04, "another rotation");
}

#[test]
fn any_head_map_is_data() {
    let mut model = Folder::random(&SHAPE).load();
    let plain = logits(&model, &tiny());
    model.config.head_map = vec![1, 0, 1, 1, 1, 1];
    assert!(distance(&model, &model) < 0.03);
    assert!(logits(&model, &tiny()) != plain);
}

#[test]
fn the_comparison_can_fail() {
    let model = Folder::random(&SHAPE).load();
    let mut swapped = Folder::random(&SHAPE).load();
    swapped.config.head_map.reverse();
    assert!(distance(&swapped, &model) > 0.1, "swapped KV heads");
    let mut negated = Folder::random(&SHAPE).load();
    let down = &mut negated.weights.layers[0].down;
    let mut codes = down.codes();
    codes.slice_mut(ndarray::s![..16, ..16]).mapv_inplace(|c| -c);
    *down = Ternary::dense(codes, down.scale);
    assert!(distance(&negated, &model) > 0.1, "negated tile");
}

#[test]
fn broken_limits_come_all_at_once() {
    let error = |config: &Config, options: &Options, shape: &Shape| {
        let model = Folder::random(shape).load();
        compile(&model, config, options).unwrap_err().to_string().replace("; ", "\n  ")
    };
    let small = Config {
        head_size: 8,
        heads: 4,
        activations: 64,
        outputs: 8,
        vector_words: 16,
        shared_words: 16,
        scalars: 32,
        context: 16,
        ..tiny()
    };
    let odd = Shape { hidden: 50, ffn: 70, head_size: 12, packed: false, ..SHAPE };
    let all = [
        error(&small, &OPTIONS, &Shape { heads: 12, ..SHAPE }),
        error(&tiny(), &Options { context: 0, sequences: 0, planes: Some(6), draft: Some(0) }, &odd),
        error(&tiny(), &Options { context: 200, ..OPTIONS }, &SHAPE),
        error(&Config { lanes: 3, ..tiny() }, &OPTIONS, &SHAPE),
        error(&tiny(), &Options { sequences: 1 << 21, ..OPTIONS }, &SHAPE),
        error(&Config { address_bits: 64, ..tiny() }, &Options { sequences: 1 << 24, ..OPTIONS }, &SHAPE),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
