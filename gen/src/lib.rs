//! The generator behind the command `sterna-gen`: a configuration in, a folder of Verilog and documents out.
//!
//! | file | what it does |
//! |---|---|
//! | `main.rs` | the command line |
//! | `source.rs` | finds a configuration by name or file, lists presets, documents them |
//! | `output.rs` | the files of a configuration, as text |
//! | `registers.rs` | the register table as Markdown, JSON, C header, `csr.csv`, SVD |
//! | `package.rs` | packages for Vivado, FuseSoC and LiteX |
//! | `build/` | a board's bitstream with Yosys and nextpnr |
//! | `synth/` | resources by block, depths of logic and kinds of memories with Yosys |
//! | `speed/` | a model of the cycles of a step |
//! | `area/` | a model of what a configuration takes of a part |
//! | `explore/` | the best configurations of a board for a model, by these two |
//! | `formal/` | proofs about the emitted Verilog with Yosys and ABC |
//! | `parts.rs` | parts: how Yosys maps to their family, and what they have |
//! | `fp/` | the binary32 hardware against vectors and all operands |
//! | `tools.rs`, `scratch.rs` | finds the tools; runs them in a folder, with progress |
//! | `folder.rs` | folders with a manifest: written whole, replaced only if they are ours and untouched |
//! | `check.rs` | the committed output: checks it or rewrites it |
//! | `error.rs` | [`Error`] |
//!
//! Texts depend on the configuration alone: no dates, no paths, no versions of tools. (The summaries of builds and syntheses name their tools.)

pub mod area;
mod build;
mod check;
mod error;
mod explore;
mod folder;
mod formal;
pub mod fp;
mod output;
mod package;
mod parts;
mod registers;
mod scratch;
mod source;
pub mod speed;
mod synth;
mod tools;

pub use build::{Build, build};
pub use check::{COMMITTED, check};
pub use error::Error;
pub use explore::{Explored, FILL, Order, explore};
pub use folder::{MANIFEST, write};
pub use formal::{Formal, Line, formal};
pub use output::files;
pub use package::{Flow, package};
pub use registers::board_files;
pub use scratch::Progress;
pub use source::{configuration, json, schema, table};
pub use synth::{Synthesis, synth};
