//! A D flip-flop, as rust-hdl-widgets has it; that crate takes longer to compile than rust-hdl-core.

use rust_hdl_core::prelude::*;

/// `q` is what `d` was at the last rising edge; zero before the first.
#[derive(LogicBlock)]
pub struct Flop<T: Synth> {
    pub clock: Signal<In, Clock>,
    pub d: Signal<In, T>,
    pub q: Signal<Out, T>,
}

impl<T: Synth> Default for Flop<T> {
    fn default() -> Self {
        Flop { clock: Signal::default(), d: Signal::default(), q: Signal::default() }
    }
}

impl<T: Synth> Logic for Flop<T> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = self.d.val();
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let zero = T::default().verilog();
        Verilog::Custom(format!("initial q = {zero};\nalways @(posedge clock) q <= d;\n"))
    }
}
