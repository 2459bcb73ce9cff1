//! Files written here and read back.

use crate::{message, open};
use std::cell::RefCell;
use std::time::{Duration, Instant};
use sterna_host::error::Error;
use sterna_host::ggml::{self, Type, i2s};
use sterna_host::gguf::{Array, Gguf, Writer};

#[test]
fn what_is_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    let calls = RefCell::new(Vec::new());
    let codes: Vec<i8> = (0..8 * 256).map(|i| (i * i % 7 % 3) as i8 - 1).collect();
    let i2s = i2s::encode(i2s::Layout::X86, &codes, 256, 0.5).unwrap();
    let mut writer = Writer::new();
    let metadata = open("formats.gguf").metadata().clone();
    for (key, value) in metadata.iter() {
        writer.set(key, value.clone());
    }
    writer.tensor("norm", Type::F32, &[3], |_, out| {
        ggml::encode(Type::F32, &[1.0, 2.0, 3.0], out).unwrap();
        Ok(())
    });
    writer.tensor("w", Type::TQ1_0, &[2, 4, 256], |row, out| {
        calls.borrow_mut().push(row);
        ggml::encode_codes(Type::TQ1_0, &codes[row * 256..][..256], 0.5, out).unwrap();
        Ok(())
    });
    writer.tensor("v", Type::I2_S, &[8, 256], |_, out| {
        out.copy_from_slice(&i2s);
        Ok(())
    });
    writer.write(&path).unwrap();

    let gguf = Gguf::open(&path).unwrap();
    assert_eq!(*calls.borrow(), (0..8).collect::<Vec<_>>());
    assert_eq!(gguf.metadata(), &metadata);
    let shape = |name: &str| gguf.tensor(name).unwrap().shape.clone();
    assert_eq!((shape("norm"), shape("w"), shape("v")), (vec![3], vec![2, 4, 256], vec![8, 256]));
    let mut found = vec![0; codes.len()];
    ggml::codes(Type::TQ1_0, gguf.bytes(gguf.tensor("w").unwrap()), &mut found).unwrap();
    assert_eq!(found, codes);
    assert_eq!(gguf.bytes(gguf.tensor("v").unwrap()), i2s);
    assert_eq!(gguf.tensor("v").unwrap().range.start % 32, 0);
}

#[test]
fn a_large_vocabulary_is_quick() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vocab.gguf");
    let tokens: Vec<String> = (0..128_256).map(|i| format!("token{i}")).collect();
    let mut writer = Writer::new();
    writer.set("general.alignment", 64u32);
    writer.set("tokenizer.ggml.tokens", Array::String(tokens.clone()));
    writer.tensor("t", Type::F16, &[5], |_, _| Ok(()));
    writer.write(&path).unwrap();
    let start = Instant::now();
    let gguf = Gguf::open(&path).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(gguf.metadata().strings("tokenizer.ggml.tokens").unwrap(), tokens);
    assert_eq!(gguf.tensor("t").unwrap().range.start % 64, 0);
}

#[test]
fn a_failed_file_leaves_nothing_and_keeps_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    std::fs::write(&path, "old").unwrap();
    let mut writer = Writer::new();
    writer.tensor("w", Type::F32, &[9, 1000], |row, _| match row {
        8 => Err(Error::EmptyPrompt),
        _ => Ok(()),
    });
    assert!(matches!(writer.write(&path), Err(Error::EmptyPrompt)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn files_that_no_reader_would_take_are_not_written() {
    let written = |change: fn(&mut Writer)| {
        let mut writer = Writer::new();
        change(&mut writer);
        message(writer.write("out.gguf".as_ref()))
    };
    let all = [
        written(|w| {
            w.set("a", 1u32).set("a", 2u32);
        }),
        written(|w| {
            w.set("general.alignment", 48u32);
        }),
        written(|w| {
            w.tensor("w", Type::F32, &[1], |_, _| Ok(())).tensor("w", Type::F32, &[1], |_, _| Ok(()));
        }),
        written(|w| {
            w.tensor("w", Type::F32, &[], |_, _| Ok(()));
        }),
        written(|w| {
            w.tensor("w", Type::TQ2_0, &[4, 100], |_, _| Ok(()));
        }),
        written(|w| {
            w.tensor("w", Type::F32, &[usize::MAX / 2, 2], |_, _| Ok(()));
        }),
        message(Writer::new().write("/absent/folder/out.gguf".as_ref())),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
