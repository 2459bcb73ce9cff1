//! SREG: the scalars of all rows, one write port and three read ports (A, m, b), each a copy.

use super::tag::Widths;
use crate::dsl::{MemStyle, Module, u};
use sterna_spec::config::Config;

/// Module `vector_scalars`: reads are registered.
pub(super) fn scalars(c: &Config, w: Widths) -> Module {
    let m = Module::new("vector_scalars", "The scalars of all rows, a copy for each read port.");
    let we = m.input("we", u(1), "write");
    let address = m.input("w_address", u(w.scalar), "row and index of the write");
    let data = m.input("w_data", u(32), "binary32");
    for port in ["a", "m", "b"] {
        let doc = format!("copy read as {port}");
        let copy = m.mem(&format!("copy_{port}"), 32, (c.rows * c.scalars) as usize, MemStyle::Auto, &doc);
        copy.write(we, address, data);
        let at = m.input(&format!("{port}_address"), u(w.scalar), "row and index of the read");
        let value = copy.read(&format!("{port}_q"), at, m.u(1, 1));
        m.output(&format!("{port}_data"), u(32), "a cycle later").set(value);
    }
    m
}
