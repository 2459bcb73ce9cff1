//! Streams: `valid`, `ready`, `data`.
//!
//! 1. Data moves in a cycle in which both `valid` and `ready` are high.
//! 2. `valid` never waits for `ready`.
//! 3. Once high, `valid` stays and `data` is stable until the move.
//! 4. `ready` depends combinationally on nothing that comes from the same stream's producer, unless the block says so.

use super::bits::{Ty, u};
use super::inst::Inst;
use super::module::{Module, Wire};
use super::sig::Sig;

/// Where data comes from, seen by the one who takes it: a module's input stream, or an instance's output stream.
#[derive(Clone, Copy)]
pub struct Source<'m> {
    /// Data is offered.
    pub valid: Sig<'m>,
    /// The data.
    pub data: Sig<'m>,
    /// To be driven: data is taken.
    pub ready: Wire<'m>,
}

/// Where data goes, seen by the one who offers it: a module's output stream, or an instance's input stream.
#[derive(Clone, Copy)]
pub struct Sink<'m> {
    /// To be driven: data is offered.
    pub valid: Wire<'m>,
    /// To be driven: the data.
    pub data: Wire<'m>,
    /// Data is taken.
    pub ready: Sig<'m>,
}

impl Module {
    /// An input stream: ports `<name>_valid`, `<name>_ready`, `<name>_data`.
    pub fn stream_in(&self, name: &str, ty: Ty, doc: &str) -> Source<'_> {
        Source {
            valid: self.input(&format!("{name}_valid"), u(1), &format!("{doc}: offered")),
            ready: self.output(&format!("{name}_ready"), u(1), &format!("{doc}: taken")),
            data: self.input(&format!("{name}_data"), ty, doc),
        }
    }

    /// An output stream: ports `<name>_valid`, `<name>_ready`, `<name>_data`.
    pub fn stream_out(&self, name: &str, ty: Ty, doc: &str) -> Sink<'_> {
        Sink {
            valid: self.output(&format!("{name}_valid"), u(1), &format!("{doc}: offered")),
            ready: self.input(&format!("{name}_ready"), u(1), &format!("{doc}: taken")),
            data: self.output(&format!("{name}_data"), ty, doc),
        }
    }
}

impl<'m> Inst<'m> {
    /// The instance's input stream `name`.
    pub fn sink(self, name: &str) -> Sink<'m> {
        Sink {
            valid: self.input(&format!("{name}_valid")),
            data: self.input(&format!("{name}_data")),
            ready: self.out(&format!("{name}_ready")),
        }
    }

    /// The instance's output stream `name`.
    pub fn source(self, name: &str) -> Source<'m> {
        Source {
            valid: self.out(&format!("{name}_valid")),
            data: self.out(&format!("{name}_data")),
            ready: self.input(&format!("{name}_ready")),
        }
    }
}

impl<'m> Source<'m> {
    /// Connects the stream to `sink`, straight through.
    pub fn to(self, sink: Sink<'m>) {
        self.to_with(sink, self.data);
    }

    /// Connects the stream to `sink` with other data: a combinational map.
    pub fn to_with(self, sink: Sink<'m>, data: Sig<'m>) {
        sink.valid.set(self.valid);
        sink.data.set(data);
        self.ready.set(sink.ready);
    }

    /// 1 in the cycles in which data moves. Only after `ready` is decided does it mean anything.
    pub fn fires(self) -> Sig<'m> {
        self.valid & self.ready.sig()
    }
}

impl<'m> Sink<'m> {
    /// Drives `valid` and `data`.
    pub fn set(self, valid: Sig<'m>, data: Sig<'m>) {
        self.valid.set(valid);
        self.data.set(data);
    }

    /// 1 in the cycles in which data moves.
    pub fn fires(self) -> Sig<'m> {
        self.valid.sig() & self.ready
    }
}
