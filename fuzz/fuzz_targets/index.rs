//! `inputs::index` under libFuzzer, in a folder that holds a sound small model.
#![no_main]

#[path = "../inputs.rs"]
#[allow(dead_code)]
mod inputs;
#[path = "../sound.rs"]
mod sound;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = sound::with_folder(|folder| inputs::index(folder, bytes));
});
