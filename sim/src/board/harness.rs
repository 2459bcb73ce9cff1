//! Verilog around a board's top: the part's own cells as simple stand-ins, and the memory's pins as ports that have one direction.

use std::collections::BTreeMap;

use sterna_hdl::board;
use sterna_spec::boards::{Board, Family};
use sterna_spec::config::Config;
use sterna_spec::sdram::Chip;
use verilated::Source;

use crate::sdram::Pins;

/// What differs between the families.
struct Cells {
    file: &'static str,
    text: &'static str,
    /// What stands before the names of the memory's pins, of its data pins, and the names that differ.
    prefix: &'static str,
    data: &'static str,
    we_n: &'static str,
    address: &'static str,
    /// Whether the part drives data pin `i`, seen from the board's instance.
    drives: &'static str,
}

fn cells(family: Family) -> Cells {
    match family {
        Family::Ecp5 => Cells {
            file: "ecp5_cells.v",
            text: include_str!("ecp5.v"),
            prefix: "sdram",
            data: "sdram_dq",
            we_n: "we_n",
            address: "a",
            drives: "!board.dq_pad[i].away",
        },
        Family::Gowin => Cells {
            file: "gowin_cells.v",
            text: include_str!("gowin.v"),
            prefix: "O_sdram",
            data: "IO_sdram_dq",
            we_n: "wen_n",
            address: "addr",
            drives: "board.driven",
        },
    }
}

/// Everything that is simulated; the top module is `harness`, its clock `clk`.
pub(super) fn source(board: &Board, config: &Config) -> Result<Source, String> {
    let files: BTreeMap<String, String> = board::files(board, config)?;
    let cells = cells(board.family);
    let source = files.into_iter().fold(Source::new("harness"), |all, (name, text)| all.file(name, text));
    Ok(source.file(cells.file, cells.text).file("harness.v", text(board, &cells)))
}

fn text(board: &Board, cells: &Cells) -> String {
    let chip = board.memory;
    let Cells { prefix, data, we_n, address, drives, .. } = cells;
    let top = board::top(board);
    let (masks, banks, rows) = (chip.data_bits / 8, chip.bank_bits(), chip.address_bits());
    let range = |bits: u32| format!("[{}:0]", bits - 1);
    let (words, all) = (range(chip.data_bits), range(5 + masks + banks + rows));
    let (dqm, ba, a, leds) = (range(masks), range(banks), range(rows), range(board.leds));
    let button = if board.button { "        .button(1'b0),\n" } else { "" };
    let high: String = board.high.iter().map(|pin| format!("        .{pin}(),\n")).collect();
    format!(
        "// A board's top between ports that have one direction.\n\
module harness (
    input  wire clk,
    input  wire uart_rx,
    output wire uart_tx,
    output wire {leds} led,
    output wire {all} command,
    output wire {words} drives,
    output wire {words} to_chip,
    input  wire {words} from_chip
);
    wire cke, cs_n, ras_n, cas_n, we_n;
    wire {dqm} dqm;
    wire {ba} ba;
    wire {a} a;
    wire {words} dq;
    assign command = {{a, ba, dqm, we_n, cas_n, ras_n, cs_n, cke}};
    assign to_chip = dq;
    genvar i;
    generate
        for (i = 0; i < {bits}; i = i + 1) begin : pin
            assign drives[i] = {drives};
            assign dq[i] = drives[i] ? 1'bz : from_chip[i];
        end
    endgenerate
    {top} board (
{button}{high}        .clk(clk), .uart_rx(uart_rx), .uart_tx(uart_tx), .led(led),
        .{prefix}_clk(), .{prefix}_cke(cke), .{prefix}_cs_n(cs_n), .{prefix}_ras_n(ras_n), .{prefix}_cas_n(cas_n),
        .{prefix}_{we_n}(we_n), .{prefix}_dqm(dqm), .{prefix}_ba(ba), .{prefix}_{address}(a), .{data}(dq)
    );
endmodule
",
        bits = chip.data_bits,
    )
}

/// Takes the words of the harness apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    masks: u32,
    banks: u32,
    /// All data pins.
    pub data: u32,
}

impl Fields {
    pub fn new(chip: &Chip) -> Fields {
        Fields { masks: chip.data_bits / 8, banks: chip.bank_bits(), data: u32::MAX >> (32 - chip.data_bits) }
    }

    /// The pins of a cycle.
    #[inline]
    pub fn pins(&self, command: u32, drives: u32, dq: u32) -> Pins {
        let bit = |i: u32| command >> i & 1 == 1;
        let (dqm, ba) = (5, 5 + self.masks);
        Pins {
            cke: bit(0),
            cs_n: bit(1),
            ras_n: bit(2),
            cas_n: bit(3),
            we_n: bit(4),
            dqm: command >> dqm & ((1 << self.masks) - 1),
            ba: command >> ba & ((1 << self.banks) - 1),
            a: command >> (ba + self.banks),
            dq_out: dq,
            dq_oe: drives != 0,
        }
    }
}
