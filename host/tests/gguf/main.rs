//! GGUF files and ggml's encodings: against files of the public `gguf` package, round trips, goldens of every error, the
//! detection of I2_S layouts on synthetic and trained matrices, and mutated files.

mod errors;
mod formats;
mod fuzz;
mod layouts;
mod rate;
mod writer;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;
use sterna_host::gguf::Gguf;

/// A committed fixture; `tests/data/gguf/make.py` made it.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/gguf").join(name)
}

/// An open fixture.
fn open(name: &str) -> Gguf {
    Gguf::open(&fixture(name)).unwrap()
}

/// Random numbers of a seed, which a failing test prints.
fn seeded(seed: u64) -> ChaCha8Rng {
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// An error's sentence.
fn message<T>(result: Result<T, impl std::fmt::Display>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(e) => e.to_string(),
    }
}
