//! One golden sentence for each way in which a file or its data can be wrong.

use crate::message;
use sterna_host::ggml::{self, Error as GgmlError, Type, detect, i2s};
use sterna_host::gguf::{Gguf, Metadata};

/// A file written by hand, which may lie.
struct Raw {
    version: u32,
    tensors: u64,
    pairs: u64,
    header: Vec<u8>,
    data: usize,
}

impl Raw {
    fn new() -> Self {
        Raw { version: 3, tensors: 0, pairs: 0, header: Vec::new(), data: 0 }
    }

    fn put(mut self, bytes: &[u8]) -> Self {
        self.header.extend_from_slice(bytes);
        self
    }

    fn string(self, bytes: &[u8]) -> Self {
        self.put(&(bytes.len() as u64).to_le_bytes()).put(bytes)
    }

    /// A key with the type and the bytes of a value.
    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.pairs += 1;
        self.string(key.as_bytes()).put(&kind.to_le_bytes()).put(value)
    }

    fn tensor(mut self, name: &str, sizes: &[u64], kind: u32, offset: u64) -> Self {
        self.tensors += 1;
        let mut raw = self.string(name.as_bytes()).put(&(sizes.len() as u32).to_le_bytes());
        for size in sizes {
            raw = raw.put(&size.to_le_bytes());
        }
        raw.put(&kind.to_le_bytes()).put(&offset.to_le_bytes())
    }

    fn data(mut self, bytes: usize) -> Self {
        self.data = bytes;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensors.to_le_bytes());
        bytes.extend(self.pairs.to_le_bytes());
        bytes.extend(&self.header);
        bytes.resize(bytes.len().next_multiple_of(32) + self.data, 0);
        bytes
    }

    fn error(&self) -> String {
        message(Gguf::parse(&self.bytes()))
    }
}

fn raw() -> Raw {
    Raw::new()
}

/// An array's type, count and content.
fn array(kind: u32, count: u64, content: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), content].concat()
}

#[test]
fn headers() {
    let nest = |levels| (1..levels).fold(array(0, 0, &[]), |inner, _| array(9, 1, &inner));
    assert!(Gguf::parse(&raw().pair("a", 9, &nest(4)).bytes()).is_ok());
    let all = [
        message(Gguf::parse(b"")),
        message(Gguf::parse(b"ggjt\x03\0\0\0")),
        message(Gguf::parse(b"GGUF\x03\0")),
        Raw { version: 1, ..raw() }.error(),
        Raw { version: 4, ..raw() }.error(),
        Raw { version: 3 << 24, ..raw() }.error(),
        Raw { tensors: 5, ..raw() }.error(),
        Raw { pairs: u64::MAX, ..raw() }.error(),
        Raw { pairs: 1, ..raw() }.string(b"\xffkey....").error(),
        Raw { pairs: 1, ..raw() }.put(&u64::MAX.to_le_bytes()).put(&[0; 8]).error(),
        raw().pair("a", 13, &[0; 8]).error(),
        raw().pair("a", 7, &[2]).error(),
        raw().pair("a", 8, &[3, 0, 0, 0, 0, 0, 0, 0, b'o', b'k', 0x80]).error(),
        raw().pair("a", 9, &array(77, 1, &[0; 9])).error(),
        raw().pair("a", 9, &array(4, 1 << 62, &[0; 9])).error(),
        raw().pair("a", 9, &nest(5)).error(),
        raw().pair("a", 0, &[1]).pair("a", 0, &[1]).error(),
        raw().pair("general.alignment", 4, &48u32.to_le_bytes()).error(),
        raw().pair("general.alignment", 4, &0u32.to_le_bytes()).error(),
        raw().pair("general.alignment", 8, &[1, 0, 0, 0, 0, 0, 0, 0, b'x']).error(),
        raw().pair("split.no", 2, &[1, 0]).pair("split.count", 2, &[3, 0]).error(),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn tensors() {
    let one = |sizes: &[u64], kind| raw().tensor("w", sizes, kind, 0).data(64).error();
    let all = [
        one(&[], 0),
        one(&[1; 5], 0),
        one(&[4, 0], 0),
        one(&[1 << 40, 1 << 40], 0),
        one(&[1 << 62], 0),
        one(&[100, 2], 35),
        one(&[4, 5], 0),
        one(&[4, 4], 4),
        one(&[4, 4], 32),
        one(&[4, 4], 37),
        one(&[4, 4], 38),
        one(&[4, 4], 39),
        one(&[4, 4], 1000),
        raw().tensor("w", &[4], 0, 8).data(64).error(),
        raw().tensor("w", &[4], 0, u64::MAX - 31).data(64).error(),
        raw().tensor("v", &[16], 0, 0).tensor("w", &[8], 0, 32).data(64).error(),
        raw().tensor("w", &[8], 0, 0).tensor("w", &[8], 0, 32).data(64).error(),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn values() {
    let long = "a string that goes on and on, and then some more";
    let text = [&(long.len() as u64).to_le_bytes()[..], long.as_bytes()].concat();
    let file = raw()
        .pair("negative", 5, &(-1i32).to_le_bytes())
        .pair("half", 6, &0.5f32.to_le_bytes())
        .pair("text", 8, &text)
        .pair("list", 9, &array(5, 1, &[0; 4]));
    let m: Metadata = Gguf::parse(&file.bytes()).unwrap().metadata;
    let all = [
        message(m.u32("absent")),
        message(m.u32("negative")),
        message(m.u64("negative")),
        message(m.optional_u32("half")),
        message(m.f32("text")),
        message(m.bool("negative")),
        message(m.str("list")),
        message(m.strings("list")),
        message(m.i32s("text")),
        message(m.f32s("list")),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    std::fs::write(&path, "PK\x03\x04").unwrap();
    let bad = message(Gguf::open(&path));
    std::fs::write(&path, raw().tensor("w", &[256], 12, 0).data(144).bytes()).unwrap();
    let gguf = Gguf::open(&path).unwrap();
    let data = gguf.bytes(gguf.tensor("w").unwrap());
    let problem = ggml::decode(Type::Q4_K, data, &mut [0.0; 256]).unwrap_err();
    let all = [
        bad,
        gguf.tensor_error("w", problem).to_string(),
        message(Gguf::open(&dir.path().join("absent.gguf"))),
    ];
    insta::assert_snapshot!(all.join("\n").replace(dir.path().to_str().unwrap(), "DIR"));
}

/// One block of TQ2_0 for each pair of a code for all its elements and a scale.
fn blocks(of: &[(u8, f32)]) -> Vec<u8> {
    let block =
        |&(code, d): &(u8, f32)| [&[code * 0x55; 64][..], &half::f16::from_f32(d).to_le_bytes()].concat();
    of.iter().flat_map(block).collect()
}

#[test]
fn data() {
    let mut three = blocks(&[(1, 0.5), (2, 0.5)]);
    three[66 + 40] = 0b10_11_10_10;
    let mut i2s = i2s::encode(i2s::Layout::X86, &[0; 1024], 256, 1.0).unwrap();
    let row = |bytes: &[u8], layout, columns: usize, row| {
        message(i2s::row(layout, bytes, row, &mut vec![0; columns]))
    };
    let rows = [
        row(&i2s, i2s::Layout::X86, 256, 4),
        row(&i2s, i2s::Layout::X86, 300, 0),
        row(&[0; 8], i2s::Layout::Arm, 256, 0),
    ];
    i2s[70] = 0xc1;
    let scale = |of: &[(u8, f32)]| message(ggml::scale(Type::TQ2_0, &blocks(of)));
    let encode =
        |code: i8, scale: f32| message(ggml::encode_codes(Type::TQ2_0, &[code; 256], scale, &mut [0; 66]));
    let mut all: Vec<String> = vec![
        message(ggml::codes(Type::TQ2_0, &three, &mut [0; 512])),
        message(ggml::decode(Type::TQ2_0, &three, &mut [0.0; 512])),
        row(&i2s, i2s::Layout::X86, 256, 1),
        row(&i2s, i2s::Layout::Arm, 256, 1),
        row(&i2s, i2s::Layout::FourRows, 256, 0),
        row(&[0; 32 + 60], i2s::Layout::X86, 60, 0),
        row(&[0; 32 + 60], i2s::Layout::Arm, 60, 0),
        row(&[0; 32 + 128], i2s::Layout::FourRows, 256, 0),
        scale(&[(2, 0.5), (1, 0.25), (0, 0.25)]),
        scale(&[(0, f32::NAN)]),
        scale(&[(1, 0.5), (1, f32::INFINITY)]),
        scale(&[(2, -0.5)]),
        scale(&[(2, 0.0)]),
        message(ggml::scale(Type::I2_S, &[0; 64])),
        message(ggml::scale(Type::I2_S, &[0; 31])),
        message(ggml::scale(Type::F16, &[0; 32])),
        message(ggml::scale(Type::TQ1_0, &[0; 55])),
        message(ggml::decode(Type::I2_S, &[0; 32], &mut [0.0; 4])),
        message(ggml::decode(Type::F32, &[0; 32], &mut [0.0; 4])),
        message(ggml::decode(Type::Q8_0, &[0; 34], &mut [0.0; 31])),
        message(ggml::codes(Type::I2_S, &[0; 32], &mut [0; 4])),
        message(ggml::encode(Type::Q8_0, &[0.0; 32], &mut [0; 34])),
        encode(2, 1.0),
        encode(1, 1e-6),
        encode(1, 1e6),
        encode(1, f32::NAN),
        message(detect::detect(&i2s, 256, Some(&[1.0; 64]))),
        message(i2s::encode(i2s::Layout::FourRows, &[0; 256], 128, 1.0)),
        GgmlError::TooLarge { rows: usize::MAX, elements: 4 }.to_string(),
    ];
    all.extend(rows);
    insta::assert_snapshot!(all.join("\n"));
}
