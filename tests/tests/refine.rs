//! A head in two passes: what the second selects are the exact head's logits, bit for bit, on golden and on the RTL.

use sterna_host::compile::{Options, compile};
use sterna_host::driver::{Driver, Row};
use sterna_host::model::Model;
use sterna_sim::SimDevice;
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_tests::{random_config, random_model, tiny};

/// `(token, bits of its logit)` of each row, and the bits of all its logits in full precision.
type Found = Vec<(Vec<(u32, u32)>, Vec<u32>)>;

/// Rows of one step, the last of which asks for nothing if there are several.
fn step(model: &Model, config: &Config, draft: Option<u8>, device: Box<dyn Device>) -> Found {
    let rows = config.rows as usize;
    let options = Options { context: 32, sequences: rows, planes: Some(5), draft };
    let image = compile(model, config, &options).unwrap();
    let vocab = image.vocab;
    let mut driver = Driver::new(device, image).unwrap();
    let token = |row: usize| (7 * row + 3) as u32 % vocab as u32;
    let row =
        |row| Row { token: token(row), position: 0, sequence: row, logits: rows == 1 || row + 1 < rows };
    let all: Vec<Row> = (0..rows).map(row).collect();
    driver.step(&all).unwrap();
    let asking = (0..rows).filter(|&row| all[row].logits);
    let selected: Vec<_> = asking.clone().map(|row| driver.top_k(row, usize::MAX).unwrap()).collect();
    driver.store_logits(&all).unwrap();
    let bits = |list: Vec<(u32, f32)>| list.into_iter().map(|(id, logit)| (id, logit.to_bits())).collect();
    let stored = |row| driver.logits(row).unwrap().into_iter().map(f32::to_bits).collect();
    let stored: Vec<Vec<u32>> = asking.map(stored).collect();
    selected.into_iter().map(bits).zip(stored).collect()
}

#[test]
fn the_second_pass_gives_exact_logits() {
    let (mut same, mut all) = (0, 0);
    for seed in 0..24 {
        let config = Config { top_k: 1 + seed as u32 % 9, ..random_config(seed) };
        let model = random_model(seed, &config, 1);
        let golden = || Box::new(Golden::new(&config));
        let exact = step(&model, &config, None, golden());
        for draft in [1, 5] {
            let found = step(&model, &config, Some(draft), golden());
            for ((list, logits), (want, same_logits)) in found.iter().zip(&exact) {
                assert_eq!(logits, same_logits, "seed {seed}: the logits program is the exact head's");
                assert_eq!(list.len(), want.len(), "seed {seed}");
                assert!(
                    list.iter().all(|&(id, logit)| logits[id as usize] == logit),
                    "seed {seed}: {list:?}"
                );
                let order = |&(id, logit): &(u32, u32)| (std::cmp::Reverse(total(logit)), id);
                assert!(list.is_sorted_by_key(order), "seed {seed}: {list:?}");
                if draft == 5 {
                    assert_eq!(list, want, "seed {seed}: the first pass missed nothing");
                } else {
                    (same, all) = (same + usize::from(list == want), all + 1);
                }
            }
        }
    }
    println!("{same} of {all} selections are the same");
    assert!(same < all && 2 * same > all, "one plane misses some, not most: {same} of {all}");
}

/// Order of logits as `f32::total_cmp`.
fn total(bits: u32) -> i32 {
    let bits = bits as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

#[test]
fn the_hardware_gives_what_golden_gives() {
    let config = Config { rows: 2, top_k: 8, ..tiny() };
    let model = random_model(11, &config, 1);
    let device = |probe| SimDevice::new(&Config { probe, ..config.clone() }, &Default::default()).unwrap();
    let found = step(&model, &config, Some(2), Box::new(device(false)));
    assert!(found == step(&model, &config, Some(2), Box::new(Golden::new(&config))));
}
