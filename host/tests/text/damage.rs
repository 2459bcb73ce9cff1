//! Seeded damage to tokenizers, vocabularies and templates: an error or odd text may come of it, but no panic and no hang.

use super::{byte_level, hello, sentencepiece, template_source, tokenizer_json};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::path::Path;
use sterna_host::text::{ChatTemplate, Detokenizer, Tokenizer, Vocabulary};

/// Replaces, removes or repeats one random node.
fn damage(rng: &mut impl Rng, root: &mut Value) {
    let mut node = root;
    loop {
        let children = match node {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        if children == 0 || rng.random_range(0..12) == 0 {
            break;
        }
        let at = rng.random_range(0..children);
        let structural = rng.random_range(0..12) == 0;
        node = match node {
            Value::Array(items) if structural => {
                let item = items.remove(at);
                if rng.random() {
                    items.extend([item.clone(), item]);
                }
                return;
            }
            Value::Array(items) => &mut items[at],
            Value::Object(fields) => {
                let key = fields.keys().nth(at).unwrap().clone();
                if structural {
                    fields.remove(&key);
                    return;
                }
                fields.get_mut(&key).unwrap()
            }
            _ => unreachable!(),
        };
    }
    let odd = [
        json!(null),
        json!(0),
        json!(1),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(u32::MAX),
        json!(0.5),
        json!(true),
        json!(""),
        json!("a"),
        json!("▁"),
        json!("é"),
        json!("\u{0}"),
        json!(".*"),
        json!("(?=a)|"),
        json!([]),
        json!({}),
        json!("x".repeat(300)),
        json!("BPE"),
        json!("Unigram"),
        json!("WordPiece"),
        json!("Metaspace"),
        json!("ByteLevel"),
        json!(["a", "b"]),
        json!({"a": 1}),
    ];
    *node = odd[rng.random_range(0..odd.len())].clone();
}

/// What a damaged tokenizer is put to; nothing may panic, whatever comes out.
fn exercise(tokenizer: &Tokenizer, rng: &mut impl Rng) {
    for text in ["", " ab 12\n", "<s>é🐦<end> b", "\u{0}\u{fffd}"] {
        let ids = tokenizer.encode(text).unwrap_or_default();
        let _ = tokenizer.decode(&ids);
    }
    let ids: Vec<u32> = (0..9).map(|_| rng.random_range(0..400)).collect();
    let mut detokenizer = Detokenizer::default();
    for id in ids {
        let _ = detokenizer.push(id, |ids| tokenizer.decode(ids));
    }
    let _ = (
        detokenizer.finish(|ids| tokenizer.decode(ids)),
        tokenizer.end_tokens(),
        tokenizer.vocabulary_size(),
    );
}

#[test]
fn damaged_tokenizers_do_not_stop_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/stories/tokenizer.json");
    let stories: Value = serde_json::from_slice(&std::fs::read(stories).unwrap()).unwrap();
    let (mut loaded, mut caught) = (0, 0);
    for seed in 0..600 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut file = if seed % 4 == 0 { stories.clone() } else { tokenizer_json() };
        for _ in 0..rng.random_range(1..3) {
            damage(&mut rng, &mut file);
        }
        let mut bytes = file.to_string().into_bytes();
        if rng.random_range(0..4) == 0 {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        std::fs::write(&path, bytes).unwrap();
        match Tokenizer::load(dir.path()) {
            Ok(tokenizer) => {
                loaded += 1;
                exercise(&tokenizer, &mut rng);
            }
            Err(e) => caught += usize::from(e.to_string().contains("stops the tokenizer library")),
        }
    }
    println!("{loaded} of 600 load, {caught} stop the library");
    assert!(loaded > 50 && caught > 0);
}

#[test]
fn damaged_vocabularies_do_not_stop_the_program() {
    let mut built = 0;
    for seed in 0..400 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut vocabulary = if rng.random() { byte_level() } else { sentencepiece() };
        for _ in 0..rng.random_range(1..5) {
            spoil(&mut rng, &mut vocabulary);
        }
        if let Ok(tokenizer) = Tokenizer::from_vocabulary(&vocabulary) {
            built += 1;
            exercise(&tokenizer, &mut rng);
        }
    }
    assert!(built > 50, "{built} of 400 are accepted");
}

fn spoil(rng: &mut impl Rng, v: &mut Vocabulary) {
    let at = rng.random_range(0..v.tokens.len().max(1)).min(v.tokens.len().saturating_sub(1));
    let odd =
        ["", " ", "a", "▁", "<0x4G>", "<0xé>", "🐦", "\u{0}", "a b", "<s>", "$A:0"][rng.random_range(0..11)];
    let id = [0, 1, 255, 700, 900, u32::MAX][rng.random_range(0..6)];
    match rng.random_range(0..14) {
        0 if !v.tokens.is_empty() => v.tokens[at] = odd.into(),
        1 if !v.types.is_empty() => {
            v.types.iter_mut().skip(at).take(1).for_each(|t| *t = rng.random_range(-1..9))
        }
        2 if !v.scores.is_empty() => {
            v.scores[at] = [f32::NAN, f32::INFINITY, -1e38, 0.0][rng.random_range(0..4)]
        }
        3 if !v.merges.is_empty() => v.merges.iter_mut().skip(at).take(1).for_each(|m| *m = odd.into()),
        4 => v.merges.truncate(at),
        5 => v.types.clear(),
        6 => v.scores.clear(),
        7 => v.tokens.truncate(at),
        8 => v.bos = Some(id),
        9 => v.eos = Some(id),
        10 => v.unk = rng.random::<bool>().then_some(id),
        11 => {
            v.pre = Some(["gpt-2", "falcon", "default", "tekken", "nonsense"][rng.random_range(0..5)].into())
        }
        12 => v.add_eos = Some(rng.random()),
        _ => v.model = ["gpt2", "llama", ""][rng.random_range(0..3)].into(),
    }
}

#[test]
fn damaged_templates_do_not_stop_the_program() {
    let names = ["bitnet", "llama3", "chatml", "falcon", "llama2", "jinja"];
    let sources = names.map(template_source);
    let messages = hello();
    let mut rendered = 0;
    for seed in 0..3000 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut source: Vec<char> = sources[rng.random_range(0..sources.len())].chars().collect();
        for _ in 0..rng.random_range(1..4) {
            if source.is_empty() {
                break;
            }
            let (a, b) = (rng.random_range(0..source.len()), rng.random_range(0..source.len()));
            let end = (b + rng.random_range(0..20)).min(source.len());
            let piece: Vec<char> = source[b..end].to_vec();
            match rng.random_range(0..9) {
                0..=3 => {
                    source[a] = ['{', '}', '%', '(', '[', '|', '"', '9', '-', '.', '\u{0}', 'é']
                        [rng.random_range(0..12)]
                }
                4 | 5 => drop(source.splice(a..a, piece)),
                6 | 7 => drop(source.splice(a..(a + 3).min(source.len()), piece)),
                _ => source.truncate(a),
            }
        }
        let source: String = source.into_iter().collect();
        let template = ChatTemplate::from_source(&source, Some("<s>"), None, "x");
        rendered += usize::from(template.and_then(|t| t.render(&messages, true)).is_ok());
    }
    assert!(rendered > 300, "{rendered} of 3000 render");
}

#[test]
fn deep_and_long_templates_do_not_stop_the_program() {
    let render = |source: &str| {
        ChatTemplate::from_source(source, None, None, "x")
            .and_then(|template| template.render(&hello(), true))
    };
    let repeated = |text: &str| text.repeat(60_000 / text.len());
    for opening in ["(", "-", "[", "{1:", "a(", "not ", "a["] {
        assert!(render(&format!("{{{{ {}", repeated(opening))).is_err());
    }
    for block in ["{% if 1 %}", "{% for a in 'b' %}", "{% filter upper %}", "{% if 1 %}{% elif 1 %}"] {
        assert!(render(&repeated(block)).is_err());
    }
    for link in ["+1", " if 1 else 1", " and 1", "**1", "<2", "[0]", ".b", "|upper", ".upper()", "-", "not "]
    {
        let _ = (
            render(&format!("{{{{ 1{} }}}}", repeated(link))),
            render(&format!("{{{{ {}1 }}}}", repeated(link))),
        );
    }
    let _ = render(&format!("{{% if 1 %}}{}{{% endif %}}", repeated("{% elif 1 %}")));
    let long = render(&"x".repeat(70_000)).unwrap_err().to_string();
    assert!(long.contains("70000 bytes"), "{long}");
}

#[test]
fn deep_expressions_do_not_stop_the_program() {
    let dir = tempfile::tempdir().unwrap();
    for expression in [
        "(".repeat(90_000),
        "(?=".repeat(90_000),
        "[[".repeat(90_000),
        "(a|a)*".repeat(20) + "b",
        "(a*)*$".into(),
        "a{9999}{9999}".into(),
    ] {
        let mut file = tokenizer_json();
        file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(expression);
        std::fs::write(dir.path().join("tokenizer.json"), file.to_string()).unwrap();
        if let Ok(tokenizer) = Tokenizer::load(dir.path()) {
            let _ = tokenizer.encode(&"a".repeat(4000));
        }
    }
}
