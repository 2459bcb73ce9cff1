//! Writes GGUF version 3: metadata and tensors are declared, then one pass streams the data, a row at a time.

use super::header::{alignment, check_shape};
use super::value::{Array, Value};
use super::{ALIGNMENT_KEY, Error, MAGIC};
use crate::error::{Error as HostError, Result};
use crate::ggml::Type;
use crate::whole::Part;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// The version that is written.
const VERSION: u32 = 3;

/// A file to be written. Keys and tensors appear in it in the order in which they were added.
#[derive(Default)]
pub struct Writer<'a> {
    metadata: Vec<(String, Value)>,
    tensors: Vec<Planned<'a>>,
}

/// Fills the bytes of row `.0` of a tensor.
type Fill<'a> = Box<dyn FnMut(usize, &mut [u8]) -> Result<()> + 'a>;

struct Planned<'a> {
    name: String,
    kind: Type,
    shape: Vec<usize>,
    fill: Fill<'a>,
}

impl<'a> Writer<'a> {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. `general.alignment`, if set, must be a power of two; it is 32 otherwise.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Adds a tensor of row-major `shape`, outermost dimension first. When the file is written, `fill` is called once for
    /// every row in order, with the row's number and its bytes (all 0) to fill in. The rows of an I2_S tensor are no
    /// separate bytes: it is filled in one call, with its tail.
    pub fn tensor(
        &mut self,
        name: &str,
        kind: Type,
        shape: &[usize],
        fill: impl FnMut(usize, &mut [u8]) -> Result<()> + 'a,
    ) -> &mut Self {
        let fill = Box::new(fill);
        self.tensors.push(Planned { name: name.into(), kind, shape: shape.into(), fill });
        self
    }

    /// Writes the file. It appears under its name when it is complete; an error leaves no trace of it.
    pub fn write(mut self, path: &Path) -> Result<()> {
        let (header, alignment) = self.header().map_err(|e| e.of(path))?;
        let part = Part::of(path);
        let file = File::create(part.place()).map_err(HostError::at(path))?;
        self.stream((path, file), &header, alignment)?;
        part.finish().map_err(HostError::at(path))
    }

    /// Everything in front of the data, padded, and the alignment. Errors are those that a reader would find.
    fn header(&self) -> std::result::Result<(Vec<u8>, usize), Error> {
        let stored = self.metadata.iter().find(|(key, _)| key == ALIGNMENT_KEY);
        let alignment = alignment(stored.map(|(_, value)| value))?;
        let mut out = MAGIC.to_vec();
        put(&mut out, VERSION.to_le_bytes());
        put(&mut out, (self.tensors.len() as u64).to_le_bytes());
        put(&mut out, (self.metadata.len() as u64).to_le_bytes());
        let mut keys = BTreeSet::new();
        for (key, value) in &self.metadata {
            if !keys.insert(key) {
                return Err(Error::DuplicateKey { key: key.clone() });
            }
            put_string(&mut out, key);
            put_value(&mut out, value);
        }
        let mut names = BTreeSet::new();
        let mut offset = 0usize;
        for tensor in &self.tensors {
            if !names.insert(&tensor.name) {
                return Err(Error::DuplicateTensor { name: tensor.name.clone() });
            }
            put_string(&mut out, &tensor.name);
            put(&mut out, (tensor.shape.len() as u32).to_le_bytes());
            tensor.shape.iter().rev().for_each(|&d| put(&mut out, (d as u64).to_le_bytes()));
            put(&mut out, tensor.kind.id().to_le_bytes());
            put(&mut out, (offset as u64).to_le_bytes());
            let (rows, row_bytes) = tensor.rows()?;
            let end =
                offset.checked_add(rows * row_bytes).and_then(|n| n.checked_next_multiple_of(alignment));
            let problem = || crate::ggml::Error::TooLarge { rows, elements: row_bytes };
            offset = end.ok_or_else(|| Error::Tensor { name: tensor.name.clone(), problem: problem() })?;
        }
        out.resize(out.len().next_multiple_of(alignment), 0);
        Ok((out, alignment))
    }

    /// Errors speak of `path`.
    fn stream(&mut self, (path, file): (&Path, File), header: &[u8], alignment: usize) -> Result<()> {
        let io = |source| HostError::Io { path: path.into(), source };
        let mut out = BufWriter::new(file);
        out.write_all(header).map_err(io)?;
        for tensor in &mut self.tensors {
            let (rows, row_bytes) = tensor.rows().map_err(|e| e.of(path))?;
            let mut buffer = vec![0; row_bytes];
            for row in 0..rows {
                buffer.fill(0);
                (tensor.fill)(row, &mut buffer)?;
                out.write_all(&buffer).map_err(io)?;
            }
            let bytes = rows * row_bytes;
            out.write_all(&vec![0; bytes.next_multiple_of(alignment) - bytes]).map_err(io)?;
        }
        let file = out.into_inner().map_err(|e| io(e.into_error()))?;
        file.sync_all().map_err(io)
    }
}

impl Planned<'_> {
    /// How many times `fill` is called, and for how many bytes.
    fn rows(&self) -> std::result::Result<(usize, usize), Error> {
        let sizes: Vec<u64> = self.shape.iter().rev().map(|&d| d as u64).collect();
        check_shape(&self.name, &sizes)?;
        let (columns, outer) = (self.shape[self.shape.len() - 1], &self.shape[..self.shape.len() - 1]);
        let rows = outer.iter().product();
        let named = |problem| Error::Tensor { name: self.name.clone(), problem };
        let bytes = self.kind.bytes(columns, rows).map_err(named)?;
        Ok(if self.kind == Type::I2_S { (1, bytes) } else { (rows, bytes / rows) })
    }
}

fn put<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&bytes);
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put(out, (text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    macro_rules! number {
        ($id:literal, $x:expr) => {{
            put(out, u32::to_le_bytes($id));
            put(out, $x.to_le_bytes());
        }};
    }
    match value {
        Value::U8(x) => number!(0, x),
        Value::I8(x) => number!(1, x),
        Value::U16(x) => number!(2, x),
        Value::I16(x) => number!(3, x),
        Value::U32(x) => number!(4, x),
        Value::I32(x) => number!(5, x),
        Value::F32(x) => number!(6, x),
        Value::Bool(x) => number!(7, u8::from(*x)),
        Value::String(x) => {
            put(out, 8u32.to_le_bytes());
            put_string(out, x);
        }
        Value::Array(x) => {
            put(out, 9u32.to_le_bytes());
            put_array(out, x);
        }
        Value::U64(x) => number!(10, x),
        Value::I64(x) => number!(11, x),
        Value::F64(x) => number!(12, x),
    }
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    fn entries<T>(out: &mut Vec<u8>, id: u32, entries: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
        put(out, id.to_le_bytes());
        put(out, (entries.len() as u64).to_le_bytes());
        entries.iter().for_each(|entry| write(out, entry));
    }
    match array {
        Array::U8(v) => entries(out, 0, v, |out, x| put(out, x.to_le_bytes())),
        Array::I8(v) => entries(out, 1, v, |out, x| put(out, x.to_le_bytes())),
        Array::U16(v) => entries(out, 2, v, |out, x| put(out, x.to_le_bytes())),
        Array::I16(v) => entries(out, 3, v, |out, x| put(out, x.to_le_bytes())),
        Array::U32(v) => entries(out, 4, v, |out, x| put(out, x.to_le_bytes())),
        Array::I32(v) => entries(out, 5, v, |out, x| put(out, x.to_le_bytes())),
        Array::F32(v) => entries(out, 6, v, |out, x| put(out, x.to_le_bytes())),
        Array::Bool(v) => entries(out, 7, v, |out, x| put(out, [u8::from(*x)])),
        Array::String(v) => entries(out, 8, v, |out, x| put_string(out, x)),
        Array::Array(v) => entries(out, 9, v, put_array),
        Array::U64(v) => entries(out, 10, v, |out, x| put(out, x.to_le_bytes())),
        Array::I64(v) => entries(out, 11, v, |out, x| put(out, x.to_le_bytes())),
        Array::F64(v) => entries(out, 12, v, |out, x| put(out, x.to_le_bytes())),
    }
}
