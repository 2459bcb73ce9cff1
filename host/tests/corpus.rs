//! Hostile files: thousands of seeded mutations of small sound models. Whatever a file holds, loading it comes back with a model or with one
//! sentence, without a panic and without taking memory that the file's size does not justify.

#[path = "../../fuzz/inputs.rs"]
#[allow(dead_code)]
mod inputs;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use sterna_host::record::{Recorder, Tape};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::golden::Golden;
use sterna_spec::registers::identity;

/// Counts what is allocated, over all threads.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that a file of some kilobytes may cost.
const MOST: usize = 64 << 20;

/// One test at a time, or they would count each other's memory.
static ALONE: Mutex<()> = Mutex::new(());

fn reference(case: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/reference")).join(case)
}

/// A copy of a case.
fn copy(case: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(reference(case)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

/// What became of the inputs.
#[derive(Default)]
struct Tally {
    loaded: usize,
    refused: usize,
    /// The different kinds of sentences: without their numbers and names.
    sentences: BTreeSet<String>,
}

impl Tally {
    fn feed(&mut self, what: &str, run: impl FnOnce() -> Result<(), String>) {
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        let result = run();
        let taken = PEAK.load(Relaxed).saturating_sub(before);
        assert!(taken < MOST, "{what}: {taken} bytes were allocated");
        match result {
            Ok(()) => self.loaded += 1,
            Err(sentence) => {
                assert!(
                    sentence.len() > 20 && !sentence.contains('\n'),
                    "{what}: {sentence:?} is no sentence"
                );
                self.refused += 1;
                let words = sentence
                    .split_whitespace()
                    .filter(|w| w.chars().all(|c| c.is_ascii_lowercase() || ",;".contains(c)));
                self.sentences.insert(words.take(8).collect::<Vec<_>>().join(" "));
            }
        }
    }

    fn done(&self, what: &str, kinds: usize) {
        println!("{what}: {} loaded, {} refused in {} ways", self.loaded, self.refused, self.sentences.len());
        assert!(self.sentences.len() >= kinds, "{what}: {:#?}", self.sentences);
    }
}

/// Nasty values for a field.
fn nasty() -> Vec<Value> {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        Value::Null,
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(7),
        json!(1 << 24),
        json!((1 << 24) + 1),
        json!(1u64 << 40),
        json!(u64::MAX),
        json!(1e308),
        json!(-0.5),
        json!(1e-320),
        json!("x"),
        json!(""),
        json!([]),
        json!(["x"]),
        json!({}),
        json!(true),
        deep,
    ]
}

/// Every JSON value that differs from `sound` in one place.
fn spoiled(sound: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    visit(sound, &mut Vec::new(), &mut |path| {
        let pointer =
            path.iter().map(|p| format!("/{}", p.replace('~', "~0").replace('/', "~1"))).collect::<String>();
        for value in nasty() {
            let mut copy = sound.clone();
            *copy.pointer_mut(&pointer).unwrap() = value;
            all.push((pointer.clone(), copy));
        }
        if let Some((last, parent)) = path.split_last() {
            let mut copy = sound.clone();
            let at = parent
                .iter()
                .map(|p| format!("/{}", p.replace('~', "~0").replace('/', "~1")))
                .collect::<String>();
            if let Some(object) = copy.pointer_mut(&at).and_then(Value::as_object_mut) {
                object.remove(last);
                all.push((format!("without {pointer}"), copy));
            }
        }
    });
    all
}

fn visit(value: &Value, path: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
    found(path);
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(list) => list.iter().enumerate().take(2).map(|(i, v)| (i.to_string(), v)).collect(),
        _ => return,
    };
    for (key, child) in children {
        path.push(key);
        visit(child, path, found);
        path.pop();
    }
}

/// Seeded damage to bytes, most of it within the first `head` bytes.
fn damaged(sound: &[u8], head: usize, seed: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = sound.to_vec();
    for _ in 0..random.random_range(1..4) {
        let within = if random.random_range(0..8) > 0 { head.min(bytes.len()) } else { bytes.len() };
        if within < 16 {
            break;
        }
        let at = random.random_range(0..within - 8);
        match random.random_range(0..6) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at..at + 8].copy_from_slice(
                &[0, 1, 1 << 20, 1 << 40, u64::MAX, 1 << 63][random.random_range(0..6)].to_le_bytes(),
            ),
            3 => bytes[at..at + 4].copy_from_slice(
                &[f32::NAN, f32::INFINITY, -1.0, 0.0][random.random_range(0..4)].to_le_bytes(),
            ),
            4 => bytes.truncate(at),
            _ => drop(bytes.drain(at..at + random.random_range(1..8))),
        }
    }
    bytes
}

#[test]
fn configurations() {
    let _alone = ALONE.lock();
    for case in ["bitnet-2b4t", "bitnet_b1_58-3B", "mistral-window"] {
        let mut tally = Tally::default();
        let dir = copy(case);
        let sound: Value =
            serde_json::from_slice(&fs::read(reference(case).join("config.json")).unwrap()).unwrap();
        for (place, value) in spoiled(&sound) {
            let text = value.to_string();
            tally.feed(&format!("{case}{place}: {}", &text[..text.len().min(2000)]), || {
                inputs::hf_config(dir.path(), text.as_bytes())
            });
        }
        for bytes in
            [&b""[..], b"{", b"[[", b"null", b"\xff\xfe", &b"[".repeat(100_000), &b"{\"a\":".repeat(100_000)]
        {
            tally.feed("config.json", || inputs::hf_config(dir.path(), bytes));
        }
        tally.done(case, 12);
        assert!(tally.loaded > 50, "fields that do not matter may hold anything");
    }
}

#[test]
fn other_json_files() {
    let _alone = ALONE.lock();
    let mut tally = Tally::default();
    let dir = copy("bitnet-2b4t");
    for (place, value) in spoiled(&json!({"eos_token_id": [1, 2], "bos_token_id": 0})) {
        tally.feed(&place, || inputs::generation_config(dir.path(), value.to_string().as_bytes()));
    }
    tally.done("generation_config.json", 1);
    let mut tally = Tally::default();
    let dir = copy("falcon3");
    let sound = fs::read(reference("falcon3").join("model.safetensors.index.json")).unwrap();
    let sound: Value = serde_json::from_slice(&sound).unwrap();
    for (place, value) in spoiled(&sound) {
        tally.feed(&place, || inputs::index(dir.path(), value.to_string().as_bytes()));
    }
    for name in ["..", "/", "", "a/b", "\u{0}", "model-00001-of-00002.safetensors/", "config.json"] {
        let value = json!({"weight_map": {"model.norm.weight": name}});
        tally.feed(name, || inputs::index(dir.path(), value.to_string().as_bytes()));
    }
    tally.done("model.safetensors.index.json", 4);
}

#[test]
fn safetensors_headers() {
    let _alone = ALONE.lock();
    let mut tally = Tally::default();
    let dir = copy("bitnet-2b4t");
    let sound = fs::read(reference("bitnet-2b4t").join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(sound[..8].try_into().unwrap()) as usize;
    let (header, data) = (&sound[8..8 + length], &sound[8 + length..]);
    let with_header = |text: &[u8]| [&(text.len() as u64).to_le_bytes()[..], text, data].concat();
    let value: Value = serde_json::from_slice(header).unwrap();
    // a few tensors stand for all of them
    let keep = [
        "model.norm.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.q_proj.weight_scale",
    ];
    for name in keep {
        for (place, changed) in spoiled(&value[name]) {
            let mut copy = value.clone();
            copy[name] = changed;
            tally.feed(&format!("{name}{place}"), || {
                inputs::safetensors_folder(dir.path(), &with_header(copy.to_string().as_bytes()))
            });
        }
        for dtype in ["F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "F4", "?"] {
            let mut copy = value.clone();
            copy[name]["dtype"] = dtype.into();
            tally.feed(dtype, || {
                inputs::safetensors_folder(dir.path(), &with_header(copy.to_string().as_bytes()))
            });
        }
    }
    let text = String::from_utf8_lossy(header).into_owned();
    let entry = format!("\"model.norm.weight\":{},", value["model.norm.weight"]);
    let twice = text.replacen('{', &format!("{{{entry}"), 1);
    tally.feed("a name twice", || inputs::safetensors_folder(dir.path(), &with_header(twice.as_bytes())));
    for seed in 0..1500 {
        let bytes = damaged(&sound, length + 64, seed);
        tally.feed(&format!("seed {seed}"), || inputs::safetensors_folder(dir.path(), &bytes));
    }
    for end in (0..sound.len()).step_by(sound.len() / 200) {
        tally.feed(&format!("{end} bytes"), || inputs::safetensors_folder(dir.path(), &sound[..end]));
    }
    tally.done("model.safetensors", 7);
}

#[test]
fn gguf_files() {
    let _alone = ALONE.lock();
    for name in ["llama-158", "bitnet-2b4t-i2s", "bitnet_b1_58"] {
        let mut tally = Tally::default();
        let sound = fs::read(reference(&format!("gguf/{name}.gguf"))).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for seed in 0..700 {
            let bytes = damaged(&sound, 8000, seed);
            tally.feed(&format!("{name}, seed {seed}"), || inputs::gguf_model(dir.path(), &bytes));
        }
        for end in (0..sound.len()).step_by(sound.len() / 100) {
            tally.feed(&format!("{name}, {end} bytes"), || inputs::gguf_model(dir.path(), &sound[..end]));
        }
        tally.done(name, 10);
    }
}

#[test]
fn texts() {
    let _alone = ALONE.lock();
    let mut tally = Tally::default();
    let dir = tempfile::tempdir().unwrap();
    let sound = fs::read(reference("../../../models/stories/tokenizer.json")).unwrap();
    for seed in 0..200 {
        let bytes = damaged(&sound, sound.len(), seed);
        tally.feed(&format!("tokenizer, seed {seed}"), || inputs::tokenizer_json(dir.path(), &bytes));
    }
    for seed in 0..300 {
        let vocabulary = damaged(b"a\nb\nc\n\xc4\xa0\n<s>\nab\nabc\n\na b\nab c\n", 40, seed);
        tally.feed(&format!("vocabulary, seed {seed}"), || inputs::vocabulary(&vocabulary));
        let template = b"{% for m in messages %}{{ m['role'] + ': ' + m['content'] | trim }}{% endfor %}{% if add_generation_prompt %}A{% endif %}";
        let template = damaged(template, 140, seed);
        tally.feed(&format!("template, seed {seed}"), || inputs::chat_template(&template));
    }
    tally.done("texts", 3);
}

#[test]
fn configurations_of_hardware() {
    let _alone = ALONE.lock();
    let mut tally = Tally::default();
    let sound = toml::to_string(&Config::preset("kv260").unwrap()).unwrap();
    tally.feed("sound", || inputs::configuration(sound.as_bytes()));
    for seed in 0..3000 {
        let bytes = damaged(sound.as_bytes(), sound.len(), seed);
        tally.feed(&format!("seed {seed}"), || inputs::configuration(&bytes));
    }
    let numbers =
        ["-1", "0", "1", "3", "4294967295", "4294967296", "99999999999999999999", "1.5", "\"x\"", "[]"];
    for line in sound.lines() {
        let name = line.split(" =").next().unwrap_or_default();
        for value in numbers {
            let text = sound.replace(line, &format!("{name} = {value}"));
            tally.feed(&format!("{name} = {value}"), || inputs::configuration(text.as_bytes()));
        }
        let without = sound.replace(line, "");
        tally.feed(&format!("without {name}"), || inputs::configuration(without.as_bytes()));
    }
    tally.done("configurations", 20);
}

#[test]
fn recordings() {
    let _alone = ALONE.lock();
    let mut tally = Tally::default();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sound.rec");
    let config = Config::preset("tiny").unwrap();
    let tape = Tape::start(&path, "golden", &config).unwrap();
    let mut device = Recorder::new(Golden::new(&config), tape.clone());
    device.reserve_memory(1 << 16).unwrap();
    for (id, _) in identity(&config) {
        device.read_register(id).unwrap();
    }
    device.write_memory(64, &[7; 3000]).unwrap();
    device.read_memory(64, &mut [0; 3000]).unwrap();
    tape.finish().unwrap();
    let sound = fs::read(&path).unwrap();
    tally.feed("sound", || inputs::recording(dir.path(), &sound));
    assert_eq!(tally.loaded, 1);
    for seed in 0..2000 {
        let bytes = damaged(&sound, sound.len(), seed);
        tally.feed(&format!("seed {seed}"), || inputs::recording(dir.path(), &bytes));
    }
    for end in 0..sound.len() {
        tally.feed(&format!("{end} bytes"), || inputs::recording(dir.path(), &sound[..end]));
    }
    tally.done("recordings", 2);
}

#[test]
fn files_in_the_place_of_folders() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("model.gguf")).unwrap();
    fs::write(path("folder"), "text").unwrap();
    fs::write(path("empty.gguf"), "").unwrap();
    fs::create_dir_all(path("odd/config.json")).unwrap();
    let message = |name: &str| {
        let error = sterna_host::model::Model::load(&path(name)).unwrap_err().to_string();
        error.replace(&*dir.path().to_string_lossy(), "DIR")
    };
    let all = ["model.gguf", "folder", "empty.gguf", "odd", "absent"].map(message);
    insta::assert_snapshot!(all.join("\n"));
}
