//! The header of a file: reads everything in front of the tensor data and checks what it says about that data.

use super::cursor::Cursor;
use super::value::{Metadata, Value};
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, Error, MAGIC};
use crate::ggml::Type;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

/// Most dimensions that ggml has.
const DIMENSIONS: u32 = 4;
/// Largest alignment that is believed, in bytes.
const LARGEST_ALIGNMENT: usize = 1 << 20;
/// Bytes of the shortest pair of key and value, and of the shortest tensor entry.
const SMALLEST_PAIR: usize = 8 + 4 + 1;
const SMALLEST_TENSOR: usize = 8 + 4 + 8 + 4 + 8;

/// What stands in front of the tensor data.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Keys and values.
    pub metadata: Metadata,
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Every tensor starts at a multiple of this many bytes behind [`Header::data_start`].
    pub alignment: usize,
    /// Where tensor data starts in the file.
    pub data_start: usize,
}

/// Type, shape and place of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The encoding.
    pub kind: Type,
    /// Row-major, outermost dimension first (ggml writes them the other way round); 1 to 4 of them, none is 0.
    pub shape: Vec<usize>,
    /// Its bytes in the file, inside it and apart from those of other tensors.
    pub range: Range<usize>,
}

impl Tensor {
    /// Elements of a row, the innermost dimension.
    pub fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(0)
    }

    /// Number of rows: the product of all but the innermost dimension.
    pub fn rows(&self) -> usize {
        self.shape[..self.shape.len().saturating_sub(1)].iter().product()
    }
}

impl Header {
    /// Reads the header of a file and checks it against the size of the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(bytes);
        check_magic(bytes)?;
        cursor.u32()?;
        let version = check_version(cursor.u32()?)?;
        cursor.what = "the list of tensors".into();
        let tensors = cursor.count(SMALLEST_TENSOR)?;
        cursor.what = "the metadata".into();
        let pairs = cursor.count(SMALLEST_PAIR)?;
        let metadata = read_metadata(&mut cursor, pairs)?;
        check_split(&metadata)?;
        let alignment = alignment(metadata.get(ALIGNMENT_KEY))?;
        let entries = (0..tensors).map(|i| Unplaced::read(&mut cursor, i)).collect::<Result<Vec<_>, _>>()?;
        let data_start = cursor.position().next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        for entry in entries {
            let (name, tensor) = entry.place(data_start, alignment, bytes.len())?;
            match tensors.entry(name) {
                Entry::Occupied(e) => return Err(Error::DuplicateTensor { name: e.key().clone() }),
                Entry::Vacant(e) => e.insert(tensor),
            };
        }
        check_overlap(&tensors)?;
        Ok(Header { version, metadata, tensors, alignment, data_start })
    }
}

fn check_magic(bytes: &[u8]) -> Result<(), Error> {
    let magic = &bytes[..bytes.len().min(MAGIC.len())];
    if magic == MAGIC {
        return Ok(());
    }
    Err(Error::Magic { found: magic.escape_ascii().to_string() })
}

fn check_version(version: u32) -> Result<u32, Error> {
    match version {
        2 | 3 => Ok(version),
        _ if version & 0xffff == 0 && version != 0 => Err(Error::BigEndian { version: version.swap_bytes() }),
        _ => Err(Error::Version { version }),
    }
}

fn read_metadata(cursor: &mut Cursor<'_>, pairs: usize) -> Result<Metadata, Error> {
    let mut metadata = Metadata::default();
    for i in 0..pairs {
        cursor.what = format!("key {i} of {pairs}");
        let key = cursor.string()?.to_string();
        cursor.what = format!("key `{key}`");
        let value = cursor.value()?;
        match metadata.0.entry(key) {
            Entry::Occupied(e) => return Err(Error::DuplicateKey { key: e.key().clone() }),
            Entry::Vacant(e) => e.insert(value),
        };
    }
    Ok(metadata)
}

fn check_split(metadata: &Metadata) -> Result<(), Error> {
    let count = metadata.optional_u64("split.count")?.unwrap_or(1);
    if count <= 1 {
        return Ok(());
    }
    let number = metadata.optional_u64("split.no")?.unwrap_or(0).saturating_add(1);
    Err(Error::Split { number, count })
}

/// The alignment that a file's value of `general.alignment`, if any, asks for.
pub(super) fn alignment(value: Option<&Value>) -> Result<usize, Error> {
    let Some(value) = value else { return Ok(DEFAULT_ALIGNMENT) };
    let bytes = value.integer().and_then(|n| usize::try_from(n).ok());
    bytes
        .filter(|n| n.is_power_of_two() && *n <= LARGEST_ALIGNMENT)
        .ok_or_else(|| Error::Alignment { found: value.to_string(), limit: LARGEST_ALIGNMENT })
}

/// An entry of the list of tensors; its place is known once the whole list has been read.
struct Unplaced {
    name: String,
    kind: Type,
    shape: Vec<usize>,
    bytes: usize,
    offset: u64,
}

impl Unplaced {
    fn read(cursor: &mut Cursor<'_>, index: usize) -> Result<Self, Error> {
        cursor.what = format!("the name of tensor {index}");
        let name = cursor.string()?.to_string();
        cursor.what = format!("the entry of tensor `{name}`");
        let shape = read_shape(cursor, &name)?;
        let (id, offset) = (cursor.u32()?, cursor.u64()?);
        let rows = shape[..shape.len() - 1].iter().product();
        let sized = Type::from_id(id).and_then(|kind| Ok((kind, kind.bytes(shape[shape.len() - 1], rows)?)));
        match sized {
            Ok((kind, bytes)) => Ok(Unplaced { name, kind, shape, bytes, offset }),
            Err(problem) => Err(Error::Tensor { name, problem }),
        }
    }

    fn place(self, data_start: usize, alignment: usize, size: usize) -> Result<(String, Tensor), Error> {
        let Unplaced { name, kind, shape, bytes, offset } = self;
        if !offset.is_multiple_of(alignment as u64) {
            return Err(Error::Misaligned { name, offset, alignment });
        }
        let start = usize::try_from(offset).ok().and_then(|offset| data_start.checked_add(offset));
        let range = start.and_then(|start| Some(start..start.checked_add(bytes)?)).filter(|r| r.end <= size);
        match range {
            Some(range) => Ok((name, Tensor { kind, shape, range })),
            None => {
                Err(Error::OutOfRange { name, bytes, start: offset.saturating_add(data_start as u64), size })
            }
        }
    }
}

fn read_shape(cursor: &mut Cursor<'_>, name: &str) -> Result<Vec<usize>, Error> {
    let count = cursor.u32()?;
    if !(1..=DIMENSIONS).contains(&count) {
        return Err(wrong_count(name, count as usize));
    }
    let sizes = (0..count).map(|_| cursor.u64()).collect::<Result<Vec<_>, _>>()?;
    check_shape(name, &sizes)
}

fn wrong_count(name: &str, count: usize) -> Error {
    Error::Dimensions {
        name: name.into(),
        problem: format!("{count} dimensions, but must have 1 to {DIMENSIONS}"),
    }
}

/// Turns dimensions, innermost first, into a shape, outermost first, whose product is a `usize` above 0.
pub(super) fn check_shape(name: &str, sizes: &[u64]) -> Result<Vec<usize>, Error> {
    if !(1..=DIMENSIONS as usize).contains(&sizes.len()) {
        return Err(wrong_count(name, sizes.len()));
    }
    let wrong = |problem: String| Err(Error::Dimensions { name: name.into(), problem });
    let elements = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?));
    match elements {
        Some(n) if n > 0 => Ok(sizes.iter().rev().map(|&d| d as usize).collect()),
        Some(_) => wrong(format!("the dimensions {sizes:?}, one of which is 0")),
        None => wrong(format!("the dimensions {sizes:?}, more elements than can be counted")),
    }
}

fn check_overlap(tensors: &BTreeMap<String, Tensor>) -> Result<(), Error> {
    let mut places: Vec<_> = tensors.iter().map(|(name, t)| (t.range.start, t.range.end, name)).collect();
    places.sort_unstable();
    for pair in places.windows(2) {
        let ((_, end, first), (start, _, second)) = (pair[0], pair[1]);
        if start < end {
            return Err(Error::Overlap { first: first.clone(), second: second.clone(), at: start });
        }
    }
    Ok(())
}
