//! Metadata: typed values, and access by key with errors that name the key, what was found and what is wanted.

use super::Error;
use std::collections::BTreeMap;
use std::fmt;

/// A value of metadata.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the names are the types
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(Array),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// Values of one type.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the names are the types
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    String(Vec<String>),
    Array(Vec<Array>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
}

impl Value {
    /// The number, if the value is a whole number of any width.
    pub fn integer(&self) -> Option<i128> {
        Some(match *self {
            Value::U8(x) => x.into(),
            Value::I8(x) => x.into(),
            Value::U16(x) => x.into(),
            Value::I16(x) => x.into(),
            Value::U32(x) => x.into(),
            Value::I32(x) => x.into(),
            Value::U64(x) => x.into(),
            Value::I64(x) => x.into(),
            _ => return None,
        })
    }
}

impl Array {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Array::U8(v) => v.len(),
            Array::I8(v) => v.len(),
            Array::U16(v) => v.len(),
            Array::I16(v) => v.len(),
            Array::U32(v) => v.len(),
            Array::I32(v) => v.len(),
            Array::F32(v) => v.len(),
            Array::Bool(v) => v.len(),
            Array::String(v) => v.len(),
            Array::Array(v) => v.len(),
            Array::U64(v) => v.len(),
            Array::I64(v) => v.len(),
            Array::F64(v) => v.len(),
        }
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn type_name(&self) -> &'static str {
        match self {
            Array::U8(_) => "u8",
            Array::I8(_) => "i8",
            Array::U16(_) => "u16",
            Array::I16(_) => "i16",
            Array::U32(_) => "u32",
            Array::I32(_) => "i32",
            Array::F32(_) => "f32",
            Array::Bool(_) => "bool",
            Array::String(_) => "string",
            Array::Array(_) => "array",
            Array::U64(_) => "u64",
            Array::I64(_) => "i64",
            Array::F64(_) => "f64",
        }
    }
}

/// Characters of a string that an error or a listing shows.
const SHOWN: usize = 40;

/// The value for a person: long strings are cut, and arrays show their type and length.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::U8(x) => write!(f, "{x}"),
            Value::I8(x) => write!(f, "{x}"),
            Value::U16(x) => write!(f, "{x}"),
            Value::I16(x) => write!(f, "{x}"),
            Value::U32(x) => write!(f, "{x}"),
            Value::I32(x) => write!(f, "{x}"),
            Value::U64(x) => write!(f, "{x}"),
            Value::I64(x) => write!(f, "{x}"),
            Value::F32(x) => write!(f, "{x:?}"),
            Value::F64(x) => write!(f, "{x:?}"),
            Value::Bool(x) => write!(f, "{x}"),
            Value::String(s) if s.chars().count() <= SHOWN => write!(f, "{s:?}"),
            Value::String(s) => write!(f, "{:?}...", s.chars().take(SHOWN).collect::<String>()),
            Value::Array(a) => write!(f, "an array of {} {}", a.len(), a.type_name()),
        }
    }
}

macro_rules! into_value {
    ($($from:ty => $variant:ident,)*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self { Value::$variant(value.into()) }
        })*
    };
}
into_value! { u8 => U8, u16 => U16, u32 => U32, i32 => I32, u64 => U64, f32 => F32, bool => Bool, &str => String,
String => String, Array => Array, }

/// The keys and values of a file. Accessors take any width of whole number that fits, and f32 or f64 for f32.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(pub(super) BTreeMap<String, Value>);

macro_rules! accessors {
    ($($name:ident, $optional:ident: $type:ty, $wanted:literal, $convert:expr;)*) => {
        #[allow(clippy::needless_lifetimes)] // half of the types borrow
        impl Metadata {
            $(
                #[doc = concat!("The value of `key`, which must be ", $wanted, "; an error if it is another or absent.")]
                pub fn $name<'a>(&'a self, key: &str) -> Result<$type, Error> {
                    self.$optional(key)?.ok_or_else(|| Error::MissingKey { key: key.into(), count: self.0.len() })
                }

                #[doc = concat!("The value of `key`, which must be ", $wanted, ", or none if it is absent.")]
                pub fn $optional<'a>(&'a self, key: &str) -> Result<Option<$type>, Error> {
                    let Some(value) = self.get(key) else { return Ok(None) };
                    let convert: fn(&'a Value) -> Option<$type> = $convert;
                    let wrong = || Error::WrongValue { key: key.into(), found: value.to_string(), wanted: $wanted };
                    convert(value).map(Some).ok_or_else(wrong)
                }
            )*
        }
    };
}

accessors! {
    u32, optional_u32: u32, "a whole number from 0 to 4294967295", |v| v.integer()?.try_into().ok();
    u64, optional_u64: u64, "a whole number from 0 to 18446744073709551615", |v| v.integer()?.try_into().ok();
    f32, optional_f32: f32, "a floating-point number", |v| match *v {
        Value::F32(x) => Some(x),
        Value::F64(x) => Some(x as f32),
        _ => None,
    };
    bool, optional_bool: bool, "a truth value", |v| match *v {
        Value::Bool(x) => Some(x),
        _ => None,
    };
    str, optional_str: &'a str, "a string", |v| match v {
        Value::String(x) => Some(x.as_str()),
        _ => None,
    };
    strings, optional_strings: &'a [String], "an array of strings", |v| match v {
        Value::Array(Array::String(x)) => Some(x.as_slice()),
        _ => None,
    };
    i32s, optional_i32s: &'a [i32], "an array of i32", |v| match v {
        Value::Array(Array::I32(x)) => Some(x.as_slice()),
        _ => None,
    };
    f32s, optional_f32s: &'a [f32], "an array of f32", |v| match v {
        Value::Array(Array::F32(x)) => Some(x.as_slice()),
        _ => None,
    };
}

impl Metadata {
    /// The value of `key` as stored.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// All keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
