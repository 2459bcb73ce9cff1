//! Thousands of damaged files: no panic, no large allocation, no hang. The mutations know where a header hurts.

use crate::{fixture, seeded};
use rand::{Rng, RngExt};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use sterna_host::ggml::{self, Type, i2s};
use sterna_host::gguf::Gguf;

/// Files that are tried.
const ROUNDS: usize = 20_000;
/// Bytes that reading one of them may allocate in all; the fixtures have 21 KB.
const ALLOWED: usize = 4 << 20;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting what each thread asks for.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a thread-local without a destructor and
// does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get().saturating_add(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Numbers that lie: huge, just out of range, or of another type.
const LIES: [u64; 12] =
    [0, 1, 3, 8, 9, 36, 255, 65_536, u32::MAX as u64, i64::MAX as u64, u64::MAX, u64::MAX / 4 + 1];

fn mutate(rng: &mut impl Rng, bytes: &mut Vec<u8>, header: usize) {
    // most damage goes where it is read: into the header
    let end = if rng.random_bool(0.8) { header } else { bytes.len() };
    let at = rng.random_range(0..end);
    match rng.random_range(0..6) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << rng.random_range(0..8),
        2 => bytes[at] = rng.random(),
        3 | 4 => {
            let lie = LIES[rng.random_range(0..LIES.len())].to_le_bytes();
            let width = [2, 4, 8][rng.random_range(0..3)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&lie[..width]);
        }
        _ => {
            let (from, length) = (rng.random_range(0..bytes.len()), rng.random_range(1..64));
            let piece: Vec<u8> = bytes.iter().skip(from).take(length).copied().collect();
            let replaced = if rng.random() { piece.len().min(bytes.len() - at) } else { 0 };
            bytes.splice(at..at + replaced, piece);
        }
    }
}

/// Reads a file as a model loader would, errors and all. True if its header was accepted.
fn read(bytes: &[u8]) -> bool {
    let Ok(header) = Gguf::parse(bytes) else { return false };
    for (key, value) in header.metadata.iter() {
        let _ = (value.to_string(), header.metadata.optional_u32(key), header.metadata.optional_strings(key));
    }
    for tensor in header.tensors.values() {
        let data = &bytes[tensor.range.clone()];
        let _ = ggml::scale(tensor.kind, data);
        // a row at a time; wide rows are within the file but need not be read here
        let columns = tensor.columns().min(1 << 14);
        let row_bytes = tensor.kind.bytes(columns, 1).unwrap_or(0).min(data.len());
        let _ = ggml::decode(tensor.kind, &data[..row_bytes], &mut vec![0.0; columns]);
        let _ = ggml::codes(tensor.kind, &data[..row_bytes], &mut vec![0; columns]);
        if tensor.kind == Type::I2_S {
            for layout in i2s::Layout::ALL {
                let _ = i2s::row(layout, data, tensor.rows() - 1, &mut vec![0; columns]);
            }
            let _ = ggml::detect::detect(data, columns, None);
        }
    }
    true
}

fn damaged(name: &str, seed: u64) {
    let mut rng = seeded(seed);
    let sound = std::fs::read(fixture(name)).unwrap();
    let header = Gguf::parse(&sound).unwrap().data_start;
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let mut bytes = sound.clone();
        for _ in 0..rng.random_range(1..4) {
            if bytes.len() > header {
                mutate(&mut rng, &mut bytes, header);
            }
        }
        let before = ALLOCATED.get();
        accepted += usize::from(read(&bytes));
        let allocated = ALLOCATED.get() - before;
        assert!(allocated <= ALLOWED, "round {round} allocated {allocated} bytes");
    }
    println!("{accepted} of {ROUNDS} damaged headers were still legal");
    assert!((ROUNDS / 100..ROUNDS * 9 / 10).contains(&accepted), "{accepted}: the damage misses its aim");
}

#[test]
fn damaged_files_of_all_formats() {
    damaged("formats.gguf", 6);
}

#[test]
fn damaged_files_of_i2s() {
    damaged("i2s.gguf", 7);
}

#[test]
fn every_truncation_is_an_error() {
    for name in ["formats.gguf", "i2s.gguf"] {
        let sound = std::fs::read(fixture(name)).unwrap();
        let end = Gguf::parse(&sound).unwrap().tensors.values().map(|t| t.range.end).max().unwrap();
        assert!(Gguf::parse(&sound[..end]).is_ok());
        assert!((0..end).all(|length| Gguf::parse(&sound[..length]).is_err()), "{name}");
    }
}
