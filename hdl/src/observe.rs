//! The observation port of the top: what passes from block to block, a cycle later, so that a simulation can tell which block made the
//! first mistake. With `probe` only.
//!
//! ```text
//!   program    reader ─► sequencer     {beat of the step stream 8B, taken as payload by loader 1, matmul 1, attention 1}
//!   begun      sequencer ─► units      instructions other than VECTOR, and the unit that starts
//!   vector     sequencer ─► vector     VECTORs
//!   asked      loader, attention ─► reader   {beat 32, beats 16}
//!   data       reader ─► loader, attention   beats that were asked for
//!   loaded     loader ─► vector        {lanes 32V, word 16, row 4, shared 1, mask V}
//!   stored     store ─► writer         {data 8B, strobes B, beat 32}
//! ```
//!
//! Ports: `probe_NAME_valid`, `probe_NAME_data`. What the vector unit reads and writes is its own observation port (`vector/out.rs`).

use crate::dsl::{Module, Sig, u};

/// Names of the observed passages, in the order in which a mistake moves on.
pub const PASSAGES: [&str; 7] = ["program", "begun", "vector", "asked", "data", "loaded", "stored"];

/// Shows `data` in the cycle after one with `moves`.
pub(crate) fn observe<'m>(m: &'m Module, name: &str, moves: Sig<'m>, data: Sig<'m>) {
    debug_assert!(PASSAGES.contains(&name));
    let valid = m.reg(&format!("seen_{name}"), u(1), Some(0), "");
    valid.set(moves);
    m.output(&format!("probe_{name}_valid"), u(1), "it passed a cycle ago").set(valid.q());
    let data = m.delay(&format!("seen_{name}_data"), data, "");
    m.output(&format!("probe_{name}_data"), data.ty(), "what passed").set(data);
}
