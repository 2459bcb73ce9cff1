`default_nettype none

// The contract of a stream, numbered as in hdl/src/dsl/stream.rs. Rule 1 defines a move; rules 2 and 4 are about paths
// within a cycle, which the netlist answers.
module stream_rules #(
    parameter WIDTH = 1,
    parameter ASSUMED = 0
) (
    input wire             clk,
    input wire             rst,
    input wire             valid,
    input wire             ready,
    input wire [WIDTH-1:0] data
);
    reg stalled = 0;
    reg [WIDTH-1:0] offered;
    always @(posedge clk) begin
        stalled <= !rst & valid & !ready;
        offered <= data;
    end
    wire watched = stalled & !rst;
    // 3: once high, valid stays until the move
    rule #(ASSUMED) S3_valid_stays (!watched | valid);
    // 3: and data is stable
    rule #(ASSUMED) S3_data_is_stable (!watched | data == offered);
endmodule

`default_nettype wire
