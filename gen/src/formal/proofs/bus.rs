//! The ports to memory and registers: AXI rules, credits, and values of registers.

use std::fmt::Write;

use sterna_hdl::blocks::arbiter::arbiter;
use sterna_hdl::blocks::reader::reader;
use sterna_hdl::blocks::registers::registers;
use sterna_hdl::blocks::writer::writer;
use sterna_spec::config::Config;
use sterna_spec::registers::{Access, identity, table};

use super::{Mutant, PLAIN, Proof, Watch, emitted};
use crate::formal::engine::How;
use crate::formal::harness::Kind;

/// One port of bytes, with queues as short as they can be.
fn small() -> Result<Config, String> {
    let tiny = Config::preset("tiny")?;
    Ok(Config {
        clock_mhz: 50,
        rows: 1,
        ports: 1,
        port_bytes: 1,
        address_bits: 14,
        prefetch_beats: 4,
        kv_beats: 4,
        burst_beats: 2,
        outstanding: 2,
        ..tiny
    })
}

/// Bases are multiples of 4096; a stream starts when the one before has ended.
const READER: &str = "
    rule #(1) base_is_aligned (port_base[11:0] == 0);
    rule #(1) start_when_idle (!program_start | stream_idle);
";

/// Room that is not spoken for never exceeds the FIFO, and what arrives finds room.
const CREDITS: &str = "
    rule C1_stream_credits_in_range (rst | p_free <= 4);
    rule C2_data_credits_in_range (rst | d_free <= 4);
    rule C3_a_burst_has_credits (rst | !p_go | p_free >= p_length);
    rule C4_a_request_has_credits (rst | !d_go | d_free >= d_length);
";
const ROOM: &str = "
    rule C5_the_stream_finds_room (rst | !p_arrived | p_fifo_x_ready);
    rule C6_data_finds_room (rst | !d_arrived | d_fifo_x_ready);
";

/// `idle` means that no write waits or is in flight.
const WRITER: &str = "
    rule W1_idle_when_all_is_answered (rst | !idle | (m_axi_write_flying == 0 & m_axi_write_skew == 0));
";

/// Clients have one id and ask for incrementing bursts, without locks.
const ARBITER: &str = "
    rule #(1) clients_have_one_id (!(a_arid | b_arid | a_awid | b_awid));
    rule #(1) clients_increment ({a_arburst, b_arburst, a_awburst, b_awburst} == 8'b01010101);
    rule #(1) clients_do_not_lock (!(a_arlock | b_arlock | a_awlock | b_awlock));
    rule #(1) no_locks_no_exokay ((m_rresp != 1) & (m_bresp != 1));
";

/// A register chosen from the table reads as it was written, constants read as they are, and everything else as 0.
fn values() -> String {
    let Ok(config) = small() else { return String::new() };
    let table = table(&config);
    let is = |access: Access| table.iter().filter(move |r| r.access == access).map(|r| r.offset);
    let any = |of: &mut dyn Iterator<Item = u32>, name: &str| {
        let tests: Vec<String> = of.map(|at| format!("{name} == 12'd{}", at / 4)).collect();
        tests.join(" | ")
    };
    let mut text = format!(
        "    (* anyconst *) wire [11:0] chosen;
    rule #(1) chosen_is_in_the_table ({});
    reg [31:0] value;
    reg written;
    reg [11:0] asked;
    reg reading;
    wire writes = s_axi_awvalid & s_axi_awready & s_axi_awaddr[13:2] == chosen;
    wire [31:0] mask = {{{{8{{s_axi_wstrb[3]}}}}, {{8{{s_axi_wstrb[2]}}}}, {{8{{s_axi_wstrb[1]}}}}, {{8{{s_axi_wstrb[0]}}}}}};
    always @(posedge clk) begin
        if (rst) value <= 0;
        else if (writes) value <= value & ~mask | s_axi_wdata & mask;
        if (s_axi_arvalid & s_axi_arready) asked <= s_axi_araddr[13:2];
        // a write while a read is under way may be seen or not
        written <= s_axi_arvalid & s_axi_arready ? writes : written | writes;
    end
    rule T1_reads_as_written (rst | !s_axi_rvalid | asked != chosen | written | s_axi_rdata == value);
",
        any(&mut is(Access::ReadWrite), "chosen")
    );
    let constants = identity(&config);
    for (at, value) in constants {
        let _ = writeln!(
            text,
            "    rule T2_constant_at_{at} (rst | !s_axi_rvalid | asked != {} | s_axi_rdata == 32'd{value});",
            at / 4
        );
    }
    let known = any(&mut table.iter().map(|r| r.offset), "asked");
    let _ = writeln!(
        text,
        "    rule T3_others_read_as_0 (rst | !s_axi_rvalid | asked[11] | {known} | s_axi_rdata == 0);"
    );
    text
}

pub(super) fn proofs() -> Vec<Proof> {
    [reads(), writes(), arbiters(), register_block()].into_iter().flatten().collect()
}

fn reads() -> Vec<Proof> {
    let reader = Proof {
        block: "reader",
        files: || emitted(&reader(&small()?)),
        top: "reader",
        extra: || READER.into(),
        ..PLAIN
    };
    vec![
        Proof {
            property: "AXI4 read master",
            watch: Watch::Kinds(&[Kind::Read]),
            mutant: Mutant {
                says: "an address moves on while it waits",
                module: "read_port",
                from: "room = (!held | m_axi_arready)",
                to: "room = (1'd1)",
            },
            how: How::Prove,
            ..reader
        },
        Proof {
            property: "credits stay in range; what arrives finds room",
            watch: Watch::Kinds(&[Kind::Read]),
            inside: &[("reader", CREDITS), ("read_port", ROOM)],
            mutant: Mutant {
                says: "a burst may be longer than its credits",
                module: "",
                from: "p_length <= p_short ?",
                to: "p_length <= 1'd1 ?",
            },
            how: How::Bounded(14),
            ..reader
        },
        Proof {
            property: "stream rule 3 of p and d, but for flush",
            extra: || format!("{READER}    rule #(1) no_flush (!flush);\n"),
            mutant: Mutant {
                says: "p is withdrawn when data is asked for",
                module: "",
                from: "p_valid = p_complete",
                to: "p_valid = p_complete & !req_valid",
            },
            how: How::Bounded(14),
            ..reader
        },
        Proof {
            property: "A3.2.1, stream rules 2 and 4: no path from ready to valid",
            paths: true,
            mutant: Mutant {
                says: "an address waits for its ready",
                module: "read_port",
                from: "m_axi_arvalid = held",
                to: "m_axi_arvalid = held & m_axi_arready",
            },
            ..reader
        },
    ]
}

fn writes() -> Vec<Proof> {
    let writer = Proof {
        block: "writer",
        files: || emitted(&writer(&small()?)),
        top: "writer",
        extra: || WRITER.into(),
        ..PLAIN
    };
    vec![
        Proof {
            property: "AXI4 write master; idle only when all is answered",
            mutant: Mutant {
                says: "data alone makes room",
                module: "write_port",
                from: "(!address_held | m_axi_awready) & ",
                to: "",
            },
            how: How::Bounded(14),
            ..writer
        },
        Proof {
            property: "A3.2.1: no path from ready to valid",
            paths: true,
            mutant: Mutant {
                says: "data waits for its ready",
                module: "write_port",
                from: "m_axi_wvalid = data_held",
                to: "m_axi_wvalid = data_held & m_axi_wready",
            },
            ..writer
        },
    ]
}

fn arbiters() -> Vec<Proof> {
    let arbiter = Proof {
        block: "arbiter",
        files: || emitted(&arbiter(&small()?)),
        top: "arbiter",
        axi: (2, 2),
        extra: || ARBITER.into(),
        ..PLAIN
    };
    vec![
        Proof {
            property: "AXI4 read: slave of two masters, master of one slave",
            watch: Watch::Kinds(&[Kind::Read]),
            mutant: Mutant {
                says: "data of b goes to a",
                module: "",
                from: "a_rvalid = m_rvalid &",
                to: "a_rvalid = m_rvalid |",
            },
            how: How::Bounded(10),
            ..arbiter
        },
        Proof {
            property: "AXI4 write: slave of two masters, master of one slave",
            watch: Watch::Kinds(&[Kind::Write]),
            mutant: Mutant {
                says: "data comes from the other master",
                module: "",
                from: "order_y_data ?",
                to: "!order_y_data ?",
            },
            how: How::Bounded(10),
            ..arbiter
        },
        Proof {
            property: "A3.2.1: no path from ready to valid",
            paths: true,
            mutant: Mutant {
                says: "an address waits for its ready",
                module: "",
                from: "m_arvalid = ar_held",
                to: "m_arvalid = ar_held & m_arready",
            },
            ..arbiter
        },
    ]
}

fn register_block() -> Vec<Proof> {
    let block =
        Proof { block: "registers", files: || emitted(&registers(&small()?)), top: "registers", ..PLAIN };
    vec![
        Proof {
            property: "AXI4-Lite slave",
            mutant: Mutant {
                says: "an answer is withdrawn",
                module: "",
                from: "else if (s_axi_bready)",
                to: "else",
            },
            ..block
        },
        Proof {
            property: "values of the register table",
            extra: values,
            mutant: Mutant {
                says: "a register ignores a strobe",
                module: "",
                from: "{8{s_axi_wstrb[1] & write_taken}}",
                to: "{8{s_axi_wstrb[0] & write_taken}}",
            },
            how: How::Bounded(12),
            ..block
        },
        Proof {
            property: "A3.2.1: no path from ready to valid",
            paths: true,
            mutant: Mutant {
                says: "an answer waits for its ready",
                module: "",
                from: "s_axi_bvalid = answer",
                to: "s_axi_bvalid = answer & s_axi_bready",
            },
            ..block
        },
    ]
}
