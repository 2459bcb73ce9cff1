//! Files and values of the public Python package, read here; encodings, byte for byte.

use crate::{fixture, open, seeded};
use rand::RngExt;
use sterna_host::ggml::{self, Type, i2s};
use sterna_host::gguf::{Array, Gguf, Value};

/// All values of a tensor.
fn values(gguf: &Gguf, name: &str) -> Vec<f32> {
    let tensor = gguf.tensor(name).unwrap_or_else(|| panic!("{name}"));
    let mut out = vec![0.0; tensor.columns() * tensor.rows()];
    ggml::decode(tensor.kind, gguf.bytes(tensor), &mut out).unwrap();
    out
}

#[test]
fn values_equal_those_of_the_python_package() {
    let gguf = open("formats.gguf");
    for name in ["f32", "f16", "bf16", "q8_0", "q6_k", "tq1_0", "tq2_0"] {
        let (found, expected) = (values(&gguf, name), values(&gguf, &format!("{name}.expected")));
        let bits = |v: &[f32]| v.iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(&expected), "{name}");
        assert!(found.iter().any(|&x| x != 0.0), "{name} is all zeros");
    }
}

#[test]
fn rows_decode_alone() {
    let gguf = open("formats.gguf");
    let tensor = gguf.tensor("q6_k").unwrap();
    assert_eq!((tensor.kind, &tensor.shape[..]), (Type::Q6_K, &[2, 512][..]));
    let mut row = vec![0.0; 512];
    ggml::decode(Type::Q6_K, &gguf.bytes(tensor)[420..], &mut row).unwrap();
    assert_eq!(row, values(&gguf, "q6_k")[512..]);
}

#[test]
fn ternary_tensors_give_codes_and_one_scale() {
    let gguf = open("formats.gguf");
    let expected = values(&gguf, "tq2_0.expected");
    for (name, kind) in [("tq1_0", Type::TQ1_0), ("tq2_0", Type::TQ2_0)] {
        let bytes = gguf.bytes(gguf.tensor(name).unwrap());
        let mut codes = vec![0; 3 * 512];
        ggml::codes(kind, bytes, &mut codes).unwrap();
        let scale = ggml::scale(kind, bytes).unwrap();
        assert_eq!(scale, 0.37109375);
        assert!(codes.iter().zip(&expected).all(|(&c, &x)| f32::from(c) * scale == x), "{name}");
        // the same bytes come back, but for the block of zeros, where quantizers store the scale 0
        let mut encoded = vec![0; bytes.len()];
        ggml::encode_codes(kind, &codes, scale, &mut encoded).unwrap();
        let block = kind.block_bytes();
        encoded[4 * block - 2..4 * block].fill(0);
        assert_eq!(encoded, bytes, "{name}");
    }
}

#[test]
fn floats_encode_as_in_the_python_package() {
    let gguf = open("formats.gguf");
    let values = values(&gguf, "f32");
    for (name, kind) in [("f32", Type::F32), ("f16", Type::F16), ("bf16", Type::BF16)] {
        let mut out = vec![0; kind.bytes(7, 2).unwrap()];
        ggml::encode(kind, &values, &mut out).unwrap();
        assert_eq!(out, gguf.bytes(gguf.tensor(name).unwrap()), "{name}");
    }
}

#[test]
fn the_three_layouts_of_i2s_hold_the_same_codes() {
    let gguf = open("i2s.gguf");
    let codes: Vec<i8> = gguf.bytes(gguf.tensor("codes").unwrap()).iter().map(|&b| b as i8).collect();
    for (name, layout) in
        [("x86", i2s::Layout::X86), ("arm", i2s::Layout::Arm), ("rows", i2s::Layout::FourRows)]
    {
        let tensor = gguf.tensor(name).unwrap();
        let bytes = gguf.bytes(tensor);
        assert_eq!((tensor.kind, ggml::scale(tensor.kind, bytes)), (Type::I2_S, Ok(0.37109375)));
        let mut row = [0; 192];
        for (i, expected) in codes.chunks(192).enumerate() {
            i2s::row(layout, bytes, i, &mut row).unwrap();
            assert_eq!(row, expected, "{name}, row {i}");
        }
        assert_eq!(i2s::encode(layout, &codes, 192, 0.37109375).unwrap(), bytes, "{name}");
    }
}

#[test]
fn random_codes_survive_every_ternary_encoding() {
    let mut rng = seeded(1);
    for _ in 0..50 {
        // multiples of 64 columns: rows that start inside the x86 blocks are among them
        let (rows, columns) = (4 * rng.random_range(1..9), 64 * rng.random_range(1..9));
        let codes: Vec<i8> = (0..rows * columns).map(|_| rng.random_range(-1..=1)).collect();
        let mut row = vec![0; columns];
        for layout in i2s::Layout::ALL.into_iter().filter(|l| l.check(rows, columns).is_ok()) {
            let bytes = i2s::encode(layout, &codes, columns, 1.0).unwrap();
            for (i, expected) in codes.chunks(columns).enumerate() {
                i2s::row(layout, &bytes, i, &mut row).unwrap();
                assert_eq!(row, expected, "{layout}, {rows} x {columns}, row {i}");
            }
        }
        if columns % 256 != 0 {
            continue;
        }
        for kind in [Type::TQ1_0, Type::TQ2_0] {
            let mut bytes = vec![0; kind.bytes(columns, rows).unwrap()];
            ggml::encode_codes(kind, &codes, 0.75, &mut bytes).unwrap();
            let mut found = vec![0; codes.len()];
            ggml::codes(kind, &bytes, &mut found).unwrap();
            assert_eq!((found == codes, ggml::scale(kind, &bytes)), (true, Ok(0.75)), "{kind}");
        }
    }
}

#[test]
fn blocks_of_zeros_may_hold_any_scale() {
    for kind in [Type::TQ1_0, Type::TQ2_0] {
        let mut codes = vec![0i8; 1024];
        codes[700] = -1;
        let mut bytes = vec![0; 4 * kind.block_bytes()];
        ggml::encode_codes(kind, &codes, 0.5, &mut bytes).unwrap();
        for (block, d) in [(0, -3.0), (1, 0.0), (3, 7.0)] {
            let at = (block + 1) * kind.block_bytes() - 2;
            bytes[at..at + 2].copy_from_slice(&half::f16::from_f32(d).to_le_bytes());
        }
        assert_eq!(ggml::scale(kind, &bytes), Ok(0.5));
        let mut zeros = vec![0; 4 * kind.block_bytes()];
        ggml::encode_codes(kind, &[0; 1024], 0.5, &mut zeros).unwrap();
        assert_eq!(ggml::scale(kind, &zeros), Ok(1.0));
    }
}

#[test]
fn metadata_has_its_types() {
    let gguf = open("formats.gguf");
    let m = gguf.metadata();
    assert_eq!(m.str("general.architecture").unwrap(), "bitnet");
    assert_eq!(m.get("test.u8"), Some(&Value::U8(200)));
    assert_eq!(m.get("test.i8"), Some(&Value::I8(-100)));
    assert_eq!(m.get("test.u16"), Some(&Value::U16(60000)));
    assert_eq!(m.get("test.i16"), Some(&Value::I16(-30000)));
    assert_eq!(m.get("test.i32"), Some(&Value::I32(-2000000000)));
    assert_eq!(m.get("test.i64"), Some(&Value::I64(-(1 << 62))));
    assert_eq!(m.get("test.f64"), Some(&Value::F64(0.1)));
    assert_eq!(
        (m.u32("test.u8"), m.u32("test.u16"), m.u32("test.u32")),
        (Ok(200), Ok(60000), Ok(4000000000))
    );
    assert_eq!(m.u64("test.u64"), Ok((1 << 63) + 5));
    assert_eq!((m.f32("test.f32"), m.f32("test.f64")), (Ok(1.5), Ok(0.1)));
    assert_eq!((m.bool("test.bool"), m.optional_bool("test.absent")), (Ok(true), Ok(None)));
    assert_eq!(m.str("test.string"), Ok("grüß dich"));
    assert_eq!(m.strings("test.strings").unwrap(), ["a", "", "▁the"]);
    assert_eq!(m.i32s("test.i32s").unwrap(), [1, -2, 3]);
    assert_eq!(m.f32s("test.f32s").unwrap(), [0.5, -1.25]);
    let nested = Array::Array(vec![Array::I32(vec![1, 2]), Array::I32(vec![3])]);
    assert_eq!(m.get("test.nested"), Some(&Value::Array(nested)));
}

#[test]
fn both_versions_and_unread_types_open() {
    assert_eq!(Gguf::parse(&std::fs::read(fixture("i2s.gguf")).unwrap()).unwrap().version, 2);
    let gguf = open("formats.gguf");
    assert_eq!(gguf.tensor("known").unwrap().kind, Type::Q4_K);
    assert_eq!(gguf.tensors().count(), 15);
    assert!(gguf.tensors().all(|(_, t)| gguf.bytes(t).len() == t.kind.bytes(t.columns(), t.rows()).unwrap()));
}
