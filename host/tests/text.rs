//! Tokenizers and chat templates against transformers: `data/text/make.py` made what is expected here. Inputs that cannot
//! be used have one golden sentence each.

#[path = "text/damage.rs"]
mod damage;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::path::Path;
use sterna_host::error::Result;
use sterna_host::text::{ChatTemplate, Detokenizer, Message, Tokenizer, Vocabulary};

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/text").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The vocabulary of a fixture.
fn vocabulary(fixture: &Value) -> Vocabulary {
    let v = &fixture["vocabulary"];
    let id = |name: &str| v[name].as_u64().map(|id| id as u32);
    Vocabulary {
        model: v["model"].as_str().unwrap().into(),
        pre: v["pre"].as_str().map(str::to_string),
        tokens: list(&v["tokens"]),
        scores: list(&v["scores"]),
        types: list(&v["types"]),
        merges: list(&v["merges"]),
        bos: id("bos"),
        eos: id("eos"),
        eot: id("eot"),
        unk: id("unk"),
        pad: id("pad"),
        ..Vocabulary::default()
    }
}

fn byte_level() -> Vocabulary {
    vocabulary(&fixture("byte_level.json"))
}

fn sentencepiece() -> Vocabulary {
    vocabulary(&fixture("sentencepiece.json"))
}

/// Every text has the ids, and where they are known the text, that the fixture's entry `name` says.
fn check(fixture: &Value, name: &str, vocabulary: &Vocabulary) {
    let tokenizer = Tokenizer::from_vocabulary(vocabulary).unwrap();
    let texts: Vec<String> = list(&fixture["texts"]);
    let ids: Vec<Vec<u32>> = list(&fixture[name]["ids"]);
    assert!(texts.len() > 80 && texts.len() == ids.len());
    for (text, expected) in texts.iter().zip(&ids) {
        let spelled = |ids: &[u32]| ids.iter().map(|&id| tokenizer.token_of(id)).collect::<Vec<_>>();
        let found = tokenizer.encode(text).unwrap();
        assert_eq!(
            found,
            *expected,
            "{name}: {text:?} as {:?}, expected {:?}",
            spelled(&found),
            spelled(expected)
        );
    }
    if let Some(decoded) = fixture[name].get("decoded") {
        for (ids, expected) in ids.iter().zip(list::<String>(decoded)) {
            assert_eq!(tokenizer.decode(ids).unwrap(), expected, "{name}: {ids:?}");
        }
    }
}

#[test]
fn byte_level_vocabularies_agree_with_transformers() {
    let fixture = fixture("byte_level.json");
    let names =
        fixture.as_object().unwrap().keys().filter(|k| !["texts", "vocabulary"].contains(&k.as_str()));
    let names: Vec<_> = names.collect();
    assert_eq!(names.len(), 12, "{names:?}");
    for name in names {
        let named = Vocabulary { pre: Some(name.clone()), ..vocabulary(&fixture) };
        check(&fixture, name, &Vocabulary { add_eos: Some(name == "gpt-2"), ..named });
    }
}

#[test]
fn sentencepiece_vocabularies_agree_with_transformers() {
    let fixture = fixture("sentencepiece.json");
    check(&fixture, "prefix", &vocabulary(&fixture));
    let bare = Vocabulary { add_space_prefix: Some(false), add_eos: Some(true), ..vocabulary(&fixture) };
    check(&fixture, "bare", &bare);
}

#[test]
fn special_tokens_are_known() {
    let vocabulary = byte_level();
    let tokenizer = Tokenizer::from_vocabulary(&vocabulary).unwrap();
    let (bos, eot) = (vocabulary.bos.unwrap(), vocabulary.eot.unwrap());
    assert_eq!(tokenizer.vocabulary_size(), vocabulary.tokens.len());
    assert_eq!(tokenizer.id_of("<|eot_id|>"), Some(eot));
    assert_eq!(tokenizer.id_of("<|no|>"), None);
    assert!(tokenizer.is_special(bos) && tokenizer.is_special(eot));
    assert!(!tokenizer.is_special(tokenizer.id_of("<think>").unwrap()) && !tokenizer.is_special(65));
    assert_eq!(tokenizer.end_tokens(), [vocabulary.eos.unwrap(), eot]);
    assert_eq!(tokenizer.encode("").unwrap(), [bos]);
    assert_eq!(tokenizer.encode_with_special("<|eot_id|>", false).unwrap(), [eot]);
    assert_eq!(tokenizer.decode(&[bos, 65, eot, u32::MAX]).unwrap(), tokenizer.decode(&[65]).unwrap());
    // an end that only the file's number names, and a word that looks like one
    let mut odd = Vocabulary { eot: Some(70), ..vocabulary };
    odd.tokens.push("<|end|>".into());
    odd.types.push(1);
    let tokenizer = Tokenizer::from_vocabulary(&odd).unwrap();
    assert!(tokenizer.end_tokens().starts_with(&[70]) && tokenizer.end_tokens().len() == 3);
    let llama = Tokenizer::from_vocabulary(&sentencepiece()).unwrap();
    assert_eq!(llama.end_tokens(), [llama.id_of("</s>").unwrap()]);
}

#[test]
fn streamed_text_is_the_decoded_text() {
    for vocabulary in [byte_level(), sentencepiece()] {
        let tokenizer = Tokenizer::from_vocabulary(&vocabulary).unwrap();
        let count = vocabulary.tokens.len() as u32;
        let bytes: Vec<u32> =
            (0..count).filter(|&id| vocabulary.types[id as usize] == 6 || id < 256).collect();
        for seed in 0..300 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut ids = Vec::new();
            for _ in 0..rng.random_range(1..40) {
                match rng.random_range(0..3) {
                    0 => ids.push(bytes[rng.random_range(0..bytes.len())]),
                    1 => ids.push(rng.random_range(0..count)),
                    _ => ids.extend(tokenizer.encode_with_special("é 🐦 €\u{fffd}", false).unwrap()),
                }
            }
            stream(&tokenizer, &ids, &format!("{}, seed {seed}", vocabulary.model));
        }
    }
}

fn stream(tokenizer: &Tokenizer, ids: &[u32], case: &str) {
    let decode = |ids: &[u32]| tokenizer.decode(ids);
    let mut detokenizer = Detokenizer::default();
    let mut pieces: Vec<String> = ids.iter().map(|&id| detokenizer.push(id, decode).unwrap()).collect();
    for piece in &pieces {
        assert!(!piece.ends_with('\u{fffd}'), "{case}: {piece:?} may end inside a character");
    }
    pieces.push(detokenizer.finish(decode).unwrap());
    assert_eq!(pieces.concat(), tokenizer.decode(ids).unwrap(), "{case}: {ids:?}");
}

#[test]
fn a_wrong_byte_spoils_only_itself() {
    let tokenizer = Tokenizer::from_vocabulary(&sentencepiece()).unwrap();
    let ids = ["<0xE2>", "<0x82>", "<0xAC>", "<0xFF>", "<0x41>"].map(|t| tokenizer.id_of(t).unwrap());
    assert_eq!(tokenizer.decode(&ids).unwrap(), "€\u{fffd}A");
}

#[test]
fn vocabularies_that_cannot_be_used_are_refused() {
    let mut all = Vec::new();
    let mut refused = |base: fn() -> Vocabulary, change: fn(&mut Vocabulary)| {
        let mut vocabulary = base();
        change(&mut vocabulary);
        all.push(Tokenizer::from_vocabulary(&vocabulary).err().unwrap().to_string());
    };
    refused(byte_level, |v| v.model = "t5".into());
    refused(byte_level, |v| v.pre = None);
    refused(byte_level, |v| v.pre = Some("falcon-9".into()));
    refused(byte_level, |v| v.tokens.clear());
    refused(byte_level, |v| v.types.truncate(5));
    refused(byte_level, |v| v.scores = vec![0.0; 7]);
    refused(byte_level, |v| v.types[3] = 9);
    refused(byte_level, |v| v.tokens[300] = v.tokens[3].clone());
    refused(byte_level, |v| v.bos = Some(70_000));
    refused(byte_level, |v| v.pad = Some(u32::MAX));
    refused(byte_level, |v| v.eos = None);
    refused(byte_level, |v| v.bos = None);
    refused(byte_level, |v| v.merges.clear());
    refused(byte_level, |v| v.merges[4] = "one".into());
    refused(byte_level, |v| v.merges[4] = "a nowhere".into());
    refused(byte_level, |v| v.merges[4] = "whole whole".into());
    refused(sentencepiece, |v| v.scores.clear());
    refused(sentencepiece, |v| v.scores[400] = f32::NAN);
    refused(sentencepiece, |v| v.tokens[400] = "x".repeat(600));
    refused(sentencepiece, |v| {
        v.tokens[9] = "no byte".into();
        v.unk = None;
    });
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn vocabularies_without_all_bytes_fall_back_to_the_unknown_token() {
    let mut vocabulary = sentencepiece();
    let byte = vocabulary.tokens.iter().position(|t| t == "<0x00>").unwrap();
    vocabulary.tokens[byte] = "no byte".into();
    vocabulary.types[byte] = 1;
    let tokenizer = Tokenizer::from_vocabulary(&vocabulary).unwrap();
    let ids = tokenizer.encode_with_special("\u{10ffff}\u{10fffe}", false).unwrap();
    assert_eq!(ids[1..], [vocabulary.unk.unwrap()], "a run of unknown characters is one token");
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn message<T>(dir: &tempfile::TempDir, result: Result<T>) -> String {
    result.err().unwrap().to_string().replace(&*dir.path().to_string_lossy(), "FOLDER")
}

/// A tokenizer.json with most of the parts that one can have.
fn tokenizer_json() -> Value {
    json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 },
        "padding": { "strategy": { "Fixed": 9 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "<s>" },
        "added_tokens": [
            { "id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true },
            { "id": 9, "content": "<end>", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": false }
        ],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFC" },
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "Regex": " {1}" }, "content": "▁" }
        ] },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": "\\p{N}{1,3}" }, "behavior": "Isolated", "invert": false },
            { "type": "Digits", "individual_digits": true },
            { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": true }
        ] },
        "post_processor": { "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [0], "tokens": ["<s>"] } } },
        "decoder": { "type": "Sequence", "decoders": [
            { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
            { "type": "ByteFallback" },
            { "type": "Fuse" },
            { "type": "Strip", "content": " ", "start": 1, "stop": 0 }
        ] },
        "model": { "type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": { "<s>": 0, "<unk>": 1, "▁": 2, "a": 3, "b": 4, "▁a": 5, "ab": 6, "<0x41>": 7, "1": 8 },
            "merges": [["▁", "a"], ["a", "b"]] }
    })
}

#[test]
fn settings_for_training_batches_do_not_touch_prompts() {
    let dir = folder(&[("tokenizer.json", &tokenizer_json().to_string())]);
    let tokenizer = Tokenizer::load(dir.path()).unwrap();
    assert_eq!(tokenizer.encode("ab ab").unwrap(), [0, 5, 4, 5, 4]);
    assert_eq!(tokenizer.decode(&[0, 5, 4, 7, 8]).unwrap(), "abA1");
}

#[test]
fn tokenizers_that_cannot_be_used_are_refused() {
    let mut all = Vec::new();
    let mut refused = |text: &str| {
        let dir = folder(&[("tokenizer.json", text)]);
        all.push(message(&dir, Tokenizer::load(dir.path())));
    };
    let changed = |pointer: &str, value: Value| {
        let mut file = tokenizer_json();
        *file.pointer_mut(pointer).unwrap() = value;
        file.to_string()
    };
    refused("");
    refused("{\"version\": ");
    refused("{}");
    refused("[1]");
    refused(&changed("/version", json!("3.0")));
    refused(&changed("/model/type", json!("Magic")));
    refused(&changed("/model/merges/1/1", json!("nowhere")));
    refused(&changed("/model/continuing_subword_prefix", json!("é")));
    refused(&changed("/pre_tokenizer/pretokenizers/0/pattern/Regex", json!("(")));
    refused(&changed("/pre_tokenizer/pretokenizers/0/type", json!("Knife")));
    // both of these stop the library itself
    refused(&changed("/model/merges/1", json!(["<0x41>", "<unk>"])));
    refused(&changed("/post_processor/special_tokens", json!({})));
    let dir = tempfile::tempdir().unwrap();
    all.push(message(&dir, Tokenizer::load(dir.path())));
    insta::assert_snapshot!(all.join("\n"));
}

fn conversation(value: &Value) -> Vec<Message> {
    let text = |m: &Value, name: &str| m[name].as_str().unwrap().to_string();
    let messages = value.as_array().unwrap().iter();
    messages.map(|m| Message { role: text(m, "role"), content: text(m, "content") }).collect()
}

fn template_source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/text/templates").join(name);
    std::fs::read_to_string(path.with_extension("jinja")).unwrap()
}

#[test]
fn templates_render_as_in_transformers() {
    let fixture = fixture("templates.json");
    let families = fixture.as_object().unwrap();
    assert_eq!(families.len(), 6);
    for (name, cases) in families {
        let template =
            ChatTemplate::from_source(&template_source(name), Some("<s>"), Some("</s>"), name).unwrap();
        for case in cases.as_array().unwrap() {
            let rendered =
                template.render(&conversation(&case["messages"]), case["prompt"].as_bool().unwrap());
            match (case.get("text"), case["raised"].as_str()) {
                (Some(text), _) => assert_eq!(rendered.unwrap(), text.as_str().unwrap(), "{name}: {case}"),
                (None, Some(raised)) => {
                    assert!(rendered.unwrap_err().to_string().ends_with(raised), "{name}: {case}")
                }
                (None, None) => assert!(rendered.is_err(), "{name}: {case} gives {rendered:?}"),
            }
        }
    }
}

fn hello() -> Vec<Message> {
    vec![Message { role: "user".into(), content: " hi ".into() }]
}

#[test]
fn templates_are_found_in_folders() {
    let render = |files: &[(&str, &str)]| {
        let dir = folder(files);
        ChatTemplate::load(dir.path()).unwrap().map(|t| t.render(&hello(), true).unwrap())
    };
    assert_eq!(render(&[]), None);
    assert_eq!(render(&[("tokenizer_config.json", "{\"bos_token\": null}")]), None);
    let tokens = r#""bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}"#;
    let one = format!(r#"{{{tokens}, "chat_template": "{{{{ bos_token }}}}one{{{{ eos_token }}}}"}}"#);
    assert_eq!(render(&[("tokenizer_config.json", &one)]).unwrap(), "<s>one</s>");
    let file = ("chat_template.jinja", "{{ bos_token }}file\n");
    assert_eq!(render(&[("tokenizer_config.json", &one), file]).unwrap(), "<s>file");
    assert_eq!(render(&[file]).unwrap(), "file");
    let named =
        r#"{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}"#;
    assert_eq!(render(&[("tokenizer_config.json", named)]).unwrap(), "d");
}

#[test]
fn templates_that_cannot_be_used_are_refused() {
    let mut all = Vec::new();
    let mut refused = |source: &str| {
        let template = ChatTemplate::from_source(source, None, None, "model.gguf");
        all.push(template.and_then(|t| t.render(&hello(), false)).unwrap_err().to_string());
    };
    refused("{% for message in messages %}\n{{ message.content | shout }}{% endfor %}");
    refused("{% if messages is funny %}{% endif %}");
    refused("\n\n{{ messages[0].content.shout() }}");
    refused("{{ shout(messages) }}");
    refused("{{ raise_exception('Only sterns, no ' + messages[0].role) }}");
    refused("{% for message in messages %}");
    refused("line one\n{% shout %}");
    refused("{{ 'open }}");
    refused("{%}");
    refused("{% include 'other' %}");
    refused("{{ messages[5].role }}");
    refused("{{ 1 + 'a' }}");
    refused("{{ strftime_now('%d %J') }}");
    refused("{{ messages | tojson(separators=1) }}");
    refused("{{ messages | tojson(sort_keys=true) }}");
    refused("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}");
    refused("{% for i in range(90000) %}{% for j in range(90000) %}{{ i }}{% endfor %}{% endfor %}");
    refused("{{ 'x' * 1000000000 }}");
    refused(
        "{% set ns = namespace(t='xxxxxxxx') %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
    );
    for (name, text) in [
        ("tokenizer_config.json", "{\"chat_template\": 5}"),
        (
            "tokenizer_config.json",
            r#"{"chat_template": [{"name": "rag", "template": ""}, {"name": "tool_use", "template": ""}]}"#,
        ),
        ("chat_template.jinja", "{% endfor %}"),
    ] {
        let dir = folder(&[(name, text)]);
        all.push(message(&dir, ChatTemplate::load(dir.path())));
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_date_is_written() {
    let template = ChatTemplate::from_source("{{ strftime_now('%Y|%d %b|%A') }}", None, None, "x").unwrap();
    let text = template.render(&[], false).unwrap();
    let parts: Vec<&str> = text.split('|').collect();
    assert!(
        parts[0].parse::<u32>().unwrap() > 2024 && parts[1].len() == 6 && parts[2].ends_with("day"),
        "{text}"
    );
}
