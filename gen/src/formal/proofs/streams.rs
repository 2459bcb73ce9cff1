//! The streams of the units and of the bridge.

use sterna_hdl::blocks::attention::attention;
use sterna_hdl::blocks::loader::loader;
use sterna_hdl::blocks::matmul::matmul;
use sterna_hdl::blocks::sequencer::sequencer;
use sterna_hdl::blocks::store::store;

use super::units::{serial, small};
use super::{Mutant, PLAIN, Proof, Watch, emitted};
use crate::formal::engine::How;
use crate::formal::harness::Kind;

/// The instruction and the rows stay from `start` to `done`, and no unit is started at work.
const AT_WORK: &str = "
    reg works = 0;
    reg [255:0] insn_before;
    reg [127:0] row_before;
    always @(posedge clk) begin
        works <= !rst & (start | works & !done);
        insn_before <= insn;
        row_before <= row_info;
    end
    rule #(1) start_when_done (!(start & works));
    rule #(1) insn_is_stable (!works | insn == insn_before);
    rule #(1) row_is_stable (!works | row_info == row_before);
    rule #(1) one_row (rows == 1);
";

/// Rows of a table lie beside each other, and their data comes after the request.
const ASKED: &str = "
    reg asked = 0;
    always @(posedge clk) asked <= !rst & !start & (asked | req_valid & req_ready);
    rule #(1) rows_beside_each_other (insn[159:128] == 1);
    rule #(1) data_after_the_request (asked | !d_valid);
";

pub(super) fn proofs() -> Vec<Proof> {
    [streams(), paths()].into_iter().flatten().collect()
}

fn streams() -> Vec<Proof> {
    let bounded = Proof { memories: false, how: How::Bounded(14), ..PLAIN };
    vec![
        Proof {
            block: "loader",
            property: "stream rule 3 of req (GATHER of rows beside each other)",
            files: || emitted(&loader(&small()?)),
            top: "loader",
            extra: || format!("{AT_WORK}{ASKED}"),
            mutant: Mutant {
                says: "a request is withdrawn",
                module: "",
                from: "req_valid = offered",
                to: "req_valid = offered & !p_valid",
            },
            ..bounded
        },
        Proof {
            block: "store",
            property: "stream rule 3 of w",
            files: || emitted(&store(&small()?)),
            top: "store",
            mutant: Mutant {
                says: "a beat is withdrawn when a word comes",
                module: "",
                from: "assign w_valid = ",
                to: "assign w_valid = !in_valid & ",
            },
            ..bounded
        },
        Proof {
            block: "attention",
            property: "stream rule 3 of req",
            files: || emitted(&attention(&small()?)),
            top: "attention",
            extra: || AT_WORK.into(),
            mutant: Mutant {
                says: "a request is withdrawn when data comes",
                module: "",
                from: "assign req_valid = ",
                to: "assign req_valid = !d_valid & ",
            },
            how: How::Bounded(40),
            ..bounded
        },
    ]
}

fn paths() -> Vec<Proof> {
    let paths = Proof {
        property: "stream rules 2 and 4: no path between valid and ready",
        paths: true,
        watch: Watch::Kinds(&[Kind::Stream]),
        ..PLAIN
    };
    let taken = |from, to| Mutant { says: "ready follows valid", module: "", from, to };
    vec![
        Proof {
            block: "loader",
            files: || emitted(&loader(&small()?)),
            top: "loader",
            mutant: taken("assign p_ready = ", "assign p_ready = p_valid & "),
            ..paths
        },
        Proof {
            block: "store",
            files: || emitted(&store(&small()?)),
            top: "store",
            mutant: Mutant {
                says: "valid follows ready",
                module: "",
                from: "assign w_valid = ",
                to: "assign w_valid = w_ready & ",
            },
            ..paths
        },
        Proof {
            block: "attention",
            files: || emitted(&attention(&small()?)),
            top: "attention",
            mutant: taken("assign d_ready = ", "assign d_ready = d_valid & "),
            ..paths
        },
        Proof {
            block: "matmul",
            files: || emitted(&matmul(&small()?)),
            top: "matmul",
            mutant: taken("assign w_ready = ", "assign w_ready = w_valid & "),
            ..paths
        },
        Proof {
            block: "sequencer",
            files: || emitted(&sequencer(&small()?)),
            top: "sequencer",
            mutant: taken("assign p_ready = ", "assign p_ready = p_valid & "),
            ..paths
        },
        Proof {
            block: "bridge, requests",
            files: serial,
            top: "bridge_request",
            mutant: taken("assign rx_ready = ", "assign rx_ready = rx_valid & "),
            ..paths
        },
        Proof {
            block: "bridge, line",
            files: serial,
            top: "bridge_line",
            mutant: taken("assign x_ready = ", "assign x_ready = x_valid & "),
            ..paths
        },
    ]
}
