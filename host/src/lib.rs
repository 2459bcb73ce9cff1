//! The host of Sterna: reads a ternary language model, compiles it for a device, and runs it.
//!
//! ```text
//! folder -> Model -> compile -> Image -> Session(Device) -> Sampler -> text
//! ```

pub mod bench;
pub mod compile;
pub mod config;
pub mod convert;
#[cfg(feature = "sim")]
pub mod debug;
pub mod devices;
pub mod diagnosis;
pub mod doctor;
pub mod driver;
pub mod error;
pub mod evaluate;
pub mod families;
pub mod flips;
pub mod ggml;
pub mod gguf;
pub mod image;
mod json;
pub mod model;
pub mod record;
pub mod reference;
pub mod refine;
pub mod sample;
pub mod serial;
pub mod session;
pub mod shapes;
pub mod statistics;
pub mod tensors;
pub mod ternary;
pub mod text;
pub mod trace;
#[cfg(target_os = "linux")]
pub mod uio;
pub mod whole;
