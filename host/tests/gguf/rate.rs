//! How fast codes decode: `cargo test --release --test gguf rate -- --ignored --nocapture`.

use crate::seeded;
use rand::RngExt;
use std::hint::black_box;
use std::time::Instant;
use sterna_host::ggml::{self, Type, i2s};

const ROWS: usize = 1024;
const COLUMNS: usize = 2560;
const REPEATS: usize = 20;
/// Codes a second that a core must reach.
const NEEDED: f64 = 500e6;

fn rate(name: &str, mut row: impl FnMut(usize, &mut [i8])) {
    let mut out = vec![0; COLUMNS];
    let start = Instant::now();
    for _ in 0..REPEATS {
        (0..ROWS).for_each(|i| row(i, black_box(&mut out)));
    }
    let rate = (REPEATS * ROWS * COLUMNS) as f64 / start.elapsed().as_secs_f64();
    println!("{name:<14} {:6.0} M codes/s", rate / 1e6);
    assert!(rate > NEEDED, "{name} is too slow");
}

#[test]
#[ignore = "a measurement: needs a release build and an idle core"]
fn rates() {
    let mut rng = seeded(8);
    let codes: Vec<i8> = (0..ROWS * COLUMNS).map(|_| rng.random_range(-1..=1)).collect();
    for kind in [Type::TQ1_0, Type::TQ2_0] {
        let mut bytes = vec![0; kind.bytes(COLUMNS, ROWS).unwrap()];
        ggml::encode_codes(kind, &codes, 1.0, &mut bytes).unwrap();
        let row_bytes = bytes.len() / ROWS;
        rate(kind.name(), |i, out| ggml::codes(kind, &bytes[i * row_bytes..][..row_bytes], out).unwrap());
    }
    for layout in i2s::Layout::ALL {
        let bytes = i2s::encode(layout, &codes, COLUMNS, 1.0).unwrap();
        rate(&format!("I2_S {layout}"), |i, out| i2s::row(layout, &bytes, i, out).unwrap());
        let start = Instant::now();
        let found = ggml::detect::detect(&bytes, COLUMNS, None).unwrap();
        println!(
            "detection      {:6.0} ms ({:.1} sigma)",
            1e3 * start.elapsed().as_secs_f64(),
            found.confidence()
        );
    }
}
