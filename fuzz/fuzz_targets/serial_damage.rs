//! `lines::damage` under libFuzzer.
#![no_main]

#[path = "../lines.rs"]
#[allow(dead_code)]
mod lines;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = lines::damage(bytes);
});
