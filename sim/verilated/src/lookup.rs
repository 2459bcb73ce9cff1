//! Finds a design's shared object in the cache, or has it built once, however many ask.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::cache::{Cache, Key, unsealed};
use crate::compile::{ABI, Builder, SHIM};
use crate::error::Error;
use crate::options::{Options, Source};
use crate::tools::{Cxx, Verilator};

/// A shared object in the cache.
pub(crate) struct Built {
    pub library: PathBuf,
    pub log: PathBuf,
    pub from_cache: bool,
}

/// Finds the design in the cache or builds it.
pub(crate) fn find_or_build(source: &Source, options: &Options) -> Result<Built, Error> {
    source.check()?;
    let cache = Cache::open(options)?;
    let verilator = Verilator::find(options)?;
    let cxx = Cxx::find(options)?;
    let key = key_of(source, options, &verilator, &cxx);
    let models = cache.root.join("models");
    let built = |from_cache| Built {
        library: models.join(format!("{key}.so")),
        log: models.join(format!("{key}.log")),
        from_cache,
    };
    let library = built(true).library;
    if unsealed(&library).is_some() {
        return Ok(built(true));
    }
    let _lock = cache.lock(&key)?;
    if unsealed(&library).is_some() {
        return Ok(built(true)); // someone else has just built it
    }
    let temporary = cache.scratch(&key)?;
    let folder = temporary.path().to_path_buf();
    let failed = cache.root.join("failed").join(&key);
    let builder =
        Builder { source, options, verilator, cxx, cache: &cache, folder, failed, log: Mutex::default() };
    let result = builder.shared_object();
    let log = builder.log.into_inner().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(bytes) => {
            fs::write(built(false).log, log).map_err(Error::io("write", built(false).log))?;
            cache.store(temporary.path(), &library, &bytes)?;
            Ok(built(false))
        }
        Err(error) => {
            // Kept for the reader of the message; a failure to keep it must not hide the cause.
            let _ = fs::write(builder.folder.join("build.log"), log);
            let _ = fs::remove_dir_all(&builder.failed);
            let _ = fs::rename(temporary.keep(), &builder.failed);
            Err(error)
        }
    }
}

/// Everything that the shared object depends on.
fn key_of(source: &Source, options: &Options, verilator: &Verilator, cxx: &Cxx) -> String {
    let mut key = tool_key(options, verilator, cxx);
    key.add(SHIM).add(ABI.to_le_bytes()).add(&source.top);
    for (name, text) in &source.files {
        key.add(name).add(text);
    }
    for flag in options.verilator_flags() {
        key.add(flag);
    }
    key.hex()
}

/// The tools and the flags of the C++ compiler.
pub(crate) fn tool_key(options: &Options, verilator: &Verilator, cxx: &Cxx) -> Key {
    let mut key = Key::default();
    key.add(env!("CARGO_PKG_VERSION")).add(&verilator.program).add(&verilator.version);
    key.add(verilator.root.as_os_str().as_encoded_bytes());
    key.add(cxx.words.join(" ")).add(&cxx.version).add(options.opt_flag());
    for flag in options.cxx_flags() {
        key.add(flag);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Format, Init};

    #[test]
    fn the_key_depends_on_every_input() {
        let verilator = Verilator {
            program: "verilator".into(),
            version: "Verilator 5.006".into(),
            root: "/r".into(),
            needs_root: false,
        };
        let cxx = Cxx { words: vec!["g++".into()], version: "12".into() };
        let source = Source::new("t").file("t.v", "module t; endmodule");
        let options = Options::default();
        let base = key_of(&source, &options, &verilator, &cxx);
        let newer = Verilator { version: "Verilator 5.040".into(), ..verilator.clone() };
        let clang = Cxx { words: vec!["clang++".into()], ..cxx.clone() };
        let keys = [
            base.clone(),
            key_of(&source.clone().file("u.v", ""), &options, &verilator, &cxx),
            key_of(&Source::new("u").file("t.v", "module t; endmodule"), &options, &verilator, &cxx),
            key_of(&source, &Options { opt_level: 1, ..options.clone() }, &verilator, &cxx),
            key_of(&source, &Options { trace: Some(Format::Vcd), ..options.clone() }, &verilator, &cxx),
            key_of(
                &source,
                &Options { verilator_args: vec!["-DX".into()], ..options.clone() },
                &verilator,
                &cxx,
            ),
            key_of(&source, &options, &newer, &cxx),
            key_of(&source, &options, &verilator, &clang),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        // What is chosen per instance must not cause a rebuild.
        let instance = Options { clock: Some("clk".into()), init: Init::Random(1), jobs: 3, ..options };
        assert_eq!(key_of(&source, &instance, &verilator, &cxx), base);
    }
}
