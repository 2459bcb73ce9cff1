//! The sequencer, the memory controller and the bridge's masters.

use std::collections::BTreeMap;

use sterna_hdl::blocks::bridge::{Board, bridge};
use sterna_hdl::blocks::sdram::sdram;
use sterna_hdl::blocks::sequencer::sequencer;
use sterna_spec::config::Config;
use sterna_spec::sdram::{Chip, SDR_256M_X16, Time};

use super::{Mutant, PLAIN, Proof, Watch, emitted};
use crate::formal::engine::How;

/// One row, one lane pair, short memories.
pub(super) fn small() -> Result<Config, String> {
    let tiny = Config::preset("tiny")?;
    Ok(Config {
        clock_mhz: 50,
        rows: 1,
        tables: 2,
        lanes: 2,
        port_bytes: 4,
        attention_width: 4,
        slots: 1,
        head_size: 8,
        heads: 2,
        context: 16,
        activations: 32,
        outputs: 32,
        vector_words: 32,
        shared_words: 32,
        scalars: 32,
        address_bits: 24,
        ..tiny
    })
}

/// After the last beat of a stream that ends, with units that answer within two cycles, the sequencer is idle again in time.
const IDLE: &str = "
    reg ending = 0;
    reg [6:0] since = 0;
    reg [3:0] asked = 0;
    (* anyseq *) wire ends;
    wire [3:0] starts = {start_vector, start_attention, start_matmul, start_load};
    wire [3:0] answers = {vector_done, attention_done, matmul_done, load_done};
    always @(posedge clk) begin
        ending <= !rst & busy & (ending | ends);
        since <= rst | !busy | !ending ? 7'd0 : since + 7'd1;
        asked <= rst ? 4'd0 : starts;
    end
    rule #(1) nothing_comes (!ending | (!p_valid & stream_idle & reader_idle));
    rule #(1) nothing_is_written (!ending | (store_empty & topk_idle & writer_idle));
    rule #(1) units_answer (answers == asked);
    rule #(1) no_start_while_busy (!(start & busy));
    rule Q1_idle_in_time (since < {cycles});
    rule Q2_done_is_the_end (rst | !done | busy);
    wire [9:0] causes = count[13:4];
    rule Q3_one_cause_a_cycle (rst | !busy | (|causes & !(|(causes & (causes - 10'd1)))));
";

/// Command pins of an SDRAM: a row is open before it is read or written, and banks are closed before ACTIVE and REFRESH.
const COMMANDS: &str = "
    reg [1:0] open = 0;
    wire command = sdram_cke & !sdram_cs_n;
    wire [2:0] code = {sdram_ras_n, sdram_cas_n, sdram_we_n};
    wire activates = command & code == 3'b011;
    wire accesses = command & (code == 3'b101 | code == 3'b100);
    wire closes = command & code == 3'b010;
    wire refreshes = command & (code == 3'b001 | code == 3'b000);
    wire [1:0] bank = 2'd1 << sdram_ba;
    always @(posedge clk)
        if (rst) open <= 0;
        else if (activates) open <= open | bank;
        else if (closes) open <= sdram_a[10] ? 2'd0 : open & ~bank;
    rule D1_access_to_an_open_row (rst | !accesses | |(open & bank));
    rule D2_active_of_a_closed_bank (rst | !activates | !(|(open & bank)));
    rule D3_refresh_when_all_are_closed (rst | !refreshes | open == 0);
    rule D4_no_automatic_precharge (rst | !accesses | !sdram_a[10]);
";

/// Two banks of two rows that are ready at once.
fn chip() -> Chip {
    let (one, two) = (Time { ns: 0, cycles: 1 }, Time { ns: 0, cycles: 2 });
    Chip {
        banks: 2,
        rows: 2,
        columns: 64,
        cas_latency: 2,
        rcd: two,
        rp: one,
        ras: two,
        rc: two,
        rfc: two,
        rrd: one,
        wr: one,
        mrd: one,
        power_up: one,
        initial_refreshes: 1,
        ..SDR_256M_X16
    }
}

/// The bridge and what is in it.
pub(super) fn serial() -> Result<BTreeMap<String, String>, String> {
    let board = Board { clock_hz: 1_000_000, bit_cycles: 4, memory_bytes: 4096 };
    emitted(&bridge(&Config { address_bits: 14, ..small()? }, &board))
}

/// Accesses of the bridge come one after the other, and their operands stay.
const ACCESS: &str = "
    reg works = 0;
    reg [43:0] operands;
    always @(posedge clk) begin
        works <= !rst & (read | write | works & !done);
        operands <= {address, data};
    end
    rule #(1) one_at_a_time (!(works & (read | write)) & !(read & write));
    rule #(1) operands_stay (!works | {address, data} == operands);
";

pub(super) fn proofs() -> Vec<Proof> {
    vec![
        Proof {
            block: "sequencer",
            property: "idle within 30 cycles of the stream's end; one cause a busy cycle",
            files: || emitted(&sequencer(&Config { port_bytes: 32, ..small()? })),
            top: "sequencer",
            watch: Watch::Kinds(&[]),
            extra: || IDLE.into(),
            numbers: &[("cycles", 30)],
            memories: false,
            how: How::Bounded(40),
            mutant: Mutant {
                says: "the end of the stream is not seen",
                module: "",
                from: "wire cut = ",
                to: "wire cut = rst & ",
            },
            ..PLAIN
        },
        Proof {
            block: "sdram",
            property: "no command to a closed row, none to an open bank that needs it closed",
            files: || emitted(&sdram(&Config { port_bytes: 2, ..small()? }, &chip(), 25_000_000, 0)),
            top: "sdram",
            watch: Watch::Kinds(&[]),
            extra: || COMMANDS.into(),
            memories: false,
            how: How::Bounded(30),
            mutant: Mutant {
                says: "beats do not wait for ACTIVE and PRECHARGE",
                module: "sdram_control",
                from: "wire claimed = ",
                to: "wire claimed = rst & ",
            },
            ..PLAIN
        },
        Proof {
            block: "bridge, core",
            property: "AXI4-Lite master",
            files: serial,
            top: "bridge_core",
            extra: || ACCESS.into(),
            mutant: Mutant {
                says: "a write's data is withdrawn with its address",
                module: "",
                from: "else if (core_wready)",
                to: "else if (core_awready)",
            },
            ..PLAIN
        },
        Proof {
            block: "bridge, memory",
            property: "AXI4 read and write master (words)",
            files: serial,
            top: "bridge_memory",
            extra: || {
                let access = ACCESS.replace("[43:0]", "[59:0]");
                format!("{access}    rule #(1) words_only (!crc);\n")
            },
            memories: false,
            how: How::Bounded(14),
            mutant: Mutant {
                says: "a write's data is withdrawn with its address",
                module: "",
                from: "else if (mem_wready)",
                to: "else if (mem_awready)",
            },
            ..PLAIN
        },
    ]
}
