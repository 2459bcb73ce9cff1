//! FIFO, relay, and the serial port's streams.

use sterna_hdl::blocks::fifo::{counted_fifo, fifo};
use sterna_hdl::blocks::relay::relay;
use sterna_hdl::blocks::uart;
use sterna_hdl::dsl::MemStyle;
use sterna_spec::config::Config;

use super::{Mutant, PLAIN, Proof, emitted};
use crate::formal::engine::How;

/// A queue seen from outside, for FIFOs with registers behind the RAM: up to three words more than the RAM has.
const OUTSIDE: &str = "
    order_rules #(.WIDTH({width}), .CAPACITY({depth} + 3), .LATENCY(3), .COUNT(3)) order (.clk(clk), .rst(rst),
        .push(x_valid & x_ready), .in(x_data), .valid(y_valid), .pop(y_valid & y_ready), .out(y_data));
";

/// Cycles since a byte was taken; a frame is ten bits of four cycles.
const UART: &str = "
    reg [5:0] since = 63;
    always @(posedge clk) since <= rst ? 6'd63 : x_valid & x_ready ? 6'd0 : since == 63 ? 6'd63 : since + 6'd1;
    rule U1_high_at_rest (rst | since < 40 | tx);
    rule U2_start_bit (rst | since >= 4 | !tx);
    rule U3_stop_bit (rst | since < 36 | tx);
    rule U4_no_byte_within_a_frame (rst | since >= 40 | !x_ready);
    rule U5_ready_after_it (rst | since != 63 | x_ready);
";

pub(super) fn proofs() -> Vec<Proof> {
    let fifo_lut = Proof {
        block: "fifo",
        files: || emitted(&counted_fifo(&Config::preset("tiny")?, 2, 4, MemStyle::Lut)),
        top: "fifo_w2_d4_lut_counted",
        numbers: &[("width", 2), ("depth", 4), ("count", 3), ("index", 2)],
        ..PLAIN
    };
    let relay2 = Proof {
        block: "relay",
        files: || emitted(&relay(2)),
        top: "relay_w2",
        numbers: &[("width", 2)],
        ..PLAIN
    };
    vec![
        Proof {
            property: "stream rule 3; nothing lost, doubled or out of order (depth 4)",
            inside: &[("fifo_w2_d4_lut_counted", include_str!("../inside/fifo.v"))],
            mutant: Mutant {
                says: "one word too many is taken",
                module: "",
                from: "x_ready = !stored[2]",
                to: "x_ready = 1'd1",
            },
            ..fifo_lut
        },
        Proof {
            property: "stream rules 2 and 4: no path between valid and ready",
            paths: true,
            mutant: Mutant {
                says: "valid follows ready",
                module: "",
                from: "y_valid = head_full",
                to: "y_valid = head_full & y_ready",
            },
            ..fifo_lut
        },
        Proof {
            block: "fifo, block RAM",
            property: "stream rule 3; nothing lost, doubled or out of order (depth 2 + 3)",
            files: || emitted(&fifo(1, 2, MemStyle::Block)),
            top: "fifo_w1_d2_block",
            numbers: &[("width", 1), ("depth", 2)],
            extra: || OUTSIDE.into(),
            mutant: Mutant {
                says: "a word is fetched over one that waits",
                module: "",
                from: "head_free = !head_full | last_x_ready",
                to: "head_free = 1'd1",
            },
            ..PLAIN
        },
        Proof {
            property: "stream rule 3; nothing lost, doubled or out of order",
            inside: &[("relay_w2", include_str!("../inside/relay.v"))],
            mutant: Mutant {
                says: "the spare word is overwritten",
                module: "",
                from: "spare_full ? spare",
                to: "!spare_full ? spare",
            },
            ..relay2
        },
        Proof {
            property: "stream rules 2 and 4: no path between valid and ready",
            paths: true,
            mutant: Mutant {
                says: "valid follows ready",
                module: "",
                from: "y_valid = full",
                to: "y_valid = full & y_ready",
            },
            ..relay2
        },
        Proof {
            block: "uart, receiver",
            property: "stream rule 3",
            files: || emitted(&uart::receiver(4)),
            top: "uart_rx_n4",
            mutant: Mutant {
                says: "a byte replaces one that waits",
                module: "",
                from: "complete & room",
                to: "complete",
            },
            how: How::Prove,
            ..PLAIN
        },
        Proof {
            block: "uart, transmitter",
            property: "stop bit and rest are high: the line is low only in a frame",
            files: || emitted(&uart::transmitter(4)),
            top: "uart_tx_n4",
            extra: || UART.into(),
            mutant: Mutant { says: "a frame of nine bits", module: "", from: "4'd10", to: "4'd9" },
            ..PLAIN
        },
    ]
}
