//! AXI4 and AXI4-Lite interfaces of rust-hdl, both sides of each, with the signals that the core's ports have.

#![allow(missing_docs)] // AXI names, and `join`

use rust_hdl_core::prelude::*;
use sterna_spec::registers::SPACE;

use crate::pin::Pin;

/// Bits of a register's byte address.
const REGISTER_BITS: usize = SPACE.trailing_zeros() as usize;

/// Two interfaces that [`join`](Master::join): a row is a signal's name, its direction on either side, its type.
macro_rules! interface {
    (
        $(#[$near_doc:meta])* $near:ident joins $of_near:literal;
        $(#[$far_doc:meta])* $far:ident joins $of_far:literal;
        <$($size:ident),*> $($name:ident $near_way:ident $far_way:ident $ty:ty;)*
    ) => {
        $(#[$near_doc])*
        #[derive(Default, LogicInterface)]
        #[join = $of_near]
        pub struct $near<$(const $size: usize),*> {
            $(pub $name: Signal<$near_way, $ty>,)*
        }

        $(#[$far_doc])*
        #[derive(Default, LogicInterface)]
        #[join = $of_far]
        pub struct $far<$(const $size: usize),*> {
            $(pub $name: Signal<$far_way, $ty>,)*
        }

        impl<$(const $size: usize),*> $near<$($size),*> {
            /// Every signal with its name.
            pub(crate) fn pins(&mut self) -> Vec<(&'static str, &mut dyn Pin)> {
                vec![$((stringify!($name), &mut self.$name as &mut dyn Pin)),*]
            }
        }
    };
}

interface! {
    /// An AXI4 master as the core has it: reads and writes, ids of one bit, incrementing bursts of whole beats. `ADDRESS` and `DATA` are
    /// widths in bits; `STROBES` is `DATA / 8`.
    Master joins "Slave";
    /// What a [`Master`] joins: a memory controller's side.
    Slave joins "Master";
    <ADDRESS, DATA, STROBES>
    awvalid Out In Bit;
    awready In Out Bit;
    awid Out In Bit;
    awaddr Out In Bits<ADDRESS>;
    awlen Out In Bits<8>;
    awsize Out In Bits<3>;
    awburst Out In Bits<2>;
    awlock Out In Bit;
    awcache Out In Bits<4>;
    awprot Out In Bits<3>;
    awqos Out In Bits<4>;
    wvalid Out In Bit;
    wready In Out Bit;
    wdata Out In Bits<DATA>;
    wstrb Out In Bits<STROBES>;
    wlast Out In Bit;
    bvalid In Out Bit;
    bready Out In Bit;
    bid In Out Bit;
    bresp In Out Bits<2>;
    arvalid Out In Bit;
    arready In Out Bit;
    arid Out In Bit;
    araddr Out In Bits<ADDRESS>;
    arlen Out In Bits<8>;
    arsize Out In Bits<3>;
    arburst Out In Bits<2>;
    arlock Out In Bit;
    arcache Out In Bits<4>;
    arprot Out In Bits<3>;
    arqos Out In Bits<4>;
    rvalid In Out Bit;
    rready Out In Bit;
    rid In Out Bit;
    rdata In Out Bits<DATA>;
    rresp In Out Bits<2>;
    rlast In Out Bit;
}

interface! {
    /// The core's registers: an AXI4-Lite slave.
    LiteSlave joins "LiteMaster";
    /// What a [`LiteSlave`] joins: the side of whoever reads and writes registers.
    LiteMaster joins "LiteSlave";
    <>
    awvalid In Out Bit;
    awready Out In Bit;
    awaddr In Out Bits<REGISTER_BITS>;
    awprot In Out Bits<3>;
    wvalid In Out Bit;
    wready Out In Bit;
    wdata In Out Bits<32>;
    wstrb In Out Bits<4>;
    bvalid Out In Bit;
    bready In Out Bit;
    bresp Out In Bits<2>;
    arvalid In Out Bit;
    arready Out In Bit;
    araddr In Out Bits<REGISTER_BITS>;
    arprot In Out Bits<3>;
    rvalid Out In Bit;
    rready In Out Bit;
    rdata Out In Bits<32>;
    rresp Out In Bits<2>;
}
