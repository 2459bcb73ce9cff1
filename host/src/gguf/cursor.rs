//! A reader over untrusted bytes: every step is checked, and nothing is allocated that the rest of the file cannot hold.

use super::Error;
use super::value::{Array, Value};

/// Levels of nested arrays that are read.
const DEPTH: usize = 4;

/// A position in the bytes, and what is being read there, for errors.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is being read, as the subject of an error.
    pub(super) what: String,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0, what: "the header".into() }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn truncated(&self, needed: u64) -> Error {
        Error::Truncated { what: self.what.clone(), needed, at: self.at, size: self.bytes.len() }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let bytes = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| self.truncated(length))?;
        self.at += bytes.len();
        Ok(bytes)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.bytes[self.at..].first_chunk().ok_or_else(|| self.truncated(N as u64))?;
        self.at += N;
        Ok(*bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.number()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.number()?))
    }

    /// A count of entries that take at least `smallest` bytes each.
    pub(super) fn count(&mut self, smallest: usize) -> Result<usize, Error> {
        let count = self.u64()?;
        let fits = usize::try_from(count).ok().filter(|&count| count <= self.left() / smallest);
        fits.ok_or_else(|| Error::Count { what: self.what.clone(), count, left: self.left() })
    }

    pub(super) fn string(&mut self) -> Result<&'a str, Error> {
        let length = self.u64()?;
        let at = self.at;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes)
            .map_err(|e| Error::Utf8 { what: self.what.clone(), at: at + e.valid_up_to() })
    }

    fn bool(&mut self) -> Result<bool, Error> {
        match self.number()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [value] => Err(Error::Bool { what: self.what.clone(), value }),
        }
    }

    /// A value of metadata: its type and then itself.
    pub(super) fn value(&mut self) -> Result<Value, Error> {
        Ok(match self.u32()? {
            0 => Value::U8(u8::from_le_bytes(self.number()?)),
            1 => Value::I8(i8::from_le_bytes(self.number()?)),
            2 => Value::U16(u16::from_le_bytes(self.number()?)),
            3 => Value::I16(i16::from_le_bytes(self.number()?)),
            4 => Value::U32(u32::from_le_bytes(self.number()?)),
            5 => Value::I32(i32::from_le_bytes(self.number()?)),
            6 => Value::F32(f32::from_le_bytes(self.number()?)),
            7 => Value::Bool(self.bool()?),
            8 => Value::String(self.string()?.into()),
            9 => Value::Array(self.array(DEPTH)?),
            10 => Value::U64(u64::from_le_bytes(self.number()?)),
            11 => Value::I64(i64::from_le_bytes(self.number()?)),
            12 => Value::F64(f64::from_le_bytes(self.number()?)),
            id => return Err(Error::ValueType { what: self.what.clone(), id }),
        })
    }

    fn array(&mut self, depth: usize) -> Result<Array, Error> {
        if depth == 0 {
            return Err(Error::Depth { what: self.what.clone(), limit: DEPTH });
        }
        Ok(match self.u32()? {
            0 => Array::U8(self.numbers(u8::from_le_bytes)?),
            1 => Array::I8(self.numbers(i8::from_le_bytes)?),
            2 => Array::U16(self.numbers(u16::from_le_bytes)?),
            3 => Array::I16(self.numbers(i16::from_le_bytes)?),
            4 => Array::U32(self.numbers(u32::from_le_bytes)?),
            5 => Array::I32(self.numbers(i32::from_le_bytes)?),
            6 => Array::F32(self.numbers(f32::from_le_bytes)?),
            7 => Array::Bool(self.entries(1, Self::bool)?),
            8 => Array::String(self.entries(8, |cursor| cursor.string().map(String::from))?),
            9 => Array::Array(self.entries(12, |cursor| cursor.array(depth - 1))?),
            10 => Array::U64(self.numbers(u64::from_le_bytes)?),
            11 => Array::I64(self.numbers(i64::from_le_bytes)?),
            12 => Array::F64(self.numbers(f64::from_le_bytes)?),
            id => return Err(Error::ValueType { what: self.what.clone(), id }),
        })
    }

    fn numbers<T, const N: usize>(&mut self, number: impl Fn([u8; N]) -> T) -> Result<Vec<T>, Error> {
        let count = self.count(N)?;
        let bytes = self.take((count * N) as u64)?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect())
    }

    fn entries<T>(
        &mut self,
        smallest: usize,
        entry: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.count(smallest)?;
        (0..count).map(|_| entry(self)).collect()
    }
}
