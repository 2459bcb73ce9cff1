//! A board's top in rust-hdl: the core behind a reset synchronizer, its steps counted on LEDs.
//!
//! ```text
//!  reset_n ──► first ──► second ──► aresetn ┌──────┐ m_axi ─► m_axi
//!                                           │ core │
//!  s_axi ─────────────────────────────────► └──────┘ irq ─┬─► irq
//!                                                          └─► last ──► rising edge ──► steps ──► led
//! ```

#[path = "flop.rs"]
mod flop;

use flop::Flop;
use rust_hdl_core::prelude::*;
use sterna_rust_hdl::{Core, Error, LiteSlave, Master};
use sterna_spec::config::Config;

/// The board; the sizes are those of its [`Core`].
#[derive(LogicBlock)]
pub struct Board<const ADDRESS: usize, const DATA: usize, const STROBES: usize, const PORTS: usize> {
    pub clock: Signal<In, Clock>,
    /// A button, low when pressed, not synchronous to the clock.
    pub reset_n: Signal<In, Bit>,
    pub s_axi: LiteSlave,
    pub m_axi: [Master<ADDRESS, DATA, STROBES>; PORTS],
    pub irq: Signal<Out, Bit>,
    /// Steps that ended since reset, modulo 256, if the interrupt is enabled.
    pub led: Signal<Out, Bits<8>>,
    core: Core<ADDRESS, DATA, STROBES, PORTS>,
    first: Flop<Bit>,
    second: Flop<Bit>,
    last: Flop<Bit>,
    steps: Flop<Bits<8>>,
}

impl<const ADDRESS: usize, const DATA: usize, const STROBES: usize, const PORTS: usize>
    Board<ADDRESS, DATA, STROBES, PORTS>
{
    /// The board around the core of a configuration, ready for [`generate_verilog`].
    pub fn new(config: &Config) -> Result<Self, Error> {
        let mut board = Board {
            clock: Signal::default(),
            reset_n: Signal::default(),
            s_axi: LiteSlave::default(),
            m_axi: std::array::from_fn(|_| Master::default()),
            irq: Signal::default(),
            led: Signal::default(),
            core: Core::new(config)?,
            first: Flop::default(),
            second: Flop::default(),
            last: Flop::default(),
            steps: Flop::default(),
        };
        board.connect_all();
        Ok(board)
    }
}

impl<const ADDRESS: usize, const DATA: usize, const STROBES: usize, const PORTS: usize> Logic
    for Board<ADDRESS, DATA, STROBES, PORTS>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, first, second, last, steps);
        self.first.d.next = self.reset_n.val();
        self.second.d.next = self.first.q.val();
        self.core.aclk.next = self.clock.val();
        self.core.aresetn.next = self.second.q.val();

        LiteSlave::link(&mut self.s_axi, &mut self.core.s_axi);
        for i in 0..PORTS {
            Master::<ADDRESS, DATA, STROBES>::link(&mut self.m_axi[i], &mut self.core.m_axi[i]);
        }

        self.irq.next = self.core.irq.val();
        self.last.d.next = self.core.irq.val();
        self.steps.d.next = self.steps.q.val();
        if self.core.irq.val() & !self.last.q.val() {
            self.steps.d.next = self.steps.q.val() + 1;
        }
        if !self.second.q.val() {
            self.steps.d.next = 0.into();
        }
        self.led.next = self.steps.q.val();
    }
}
