//! What the programs do to the machine that they run on: the same files wherever they run, nothing half-written when they are killed,
//! nothing outside of the folder that was named, no port but on loopback; and what they are linked with.

mod determinism;
mod kills;
mod licences;
mod loopback;
mod outside;
mod place;
