//! `inputs::recording` under libFuzzer.
#![no_main]

#[path = "../inputs.rs"]
#[allow(dead_code)]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(folder) = tempfile::tempdir() {
        let _ = inputs::recording(folder.path(), bytes);
    }
});
