`default_nettype none

// An AXI4-Lite port, numbered by section of ARM IHI 0022E; roles as in axi4_read.v. A side that is assumed has DEPTH
// accesses of a direction in flight at most.
module axi_lite #(
    parameter ADDRESS = 14,
    parameter DEPTH = 2,
    parameter MASTER_ASSUMED = 0,
    parameter SLAVE_ASSUMED = 0
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               awvalid,
    input  wire               awready,
    input  wire [ADDRESS-1:0] awaddr,
    input  wire [2:0]         awprot,
    input  wire               wvalid,
    input  wire               wready,
    input  wire [31:0]        wdata,
    input  wire [3:0]         wstrb,
    input  wire               bvalid,
    input  wire               bready,
    input  wire [1:0]         bresp,
    input  wire               arvalid,
    input  wire               arready,
    input  wire [ADDRESS-1:0] araddr,
    input  wire [2:0]         arprot,
    input  wire               rvalid,
    input  wire               rready,
    input  wire [31:0]        rdata,
    input  wire [1:0]         rresp,
    output reg  [3:0]         aw_owed,
    output reg  [3:0]         w_owed,
    output reg  [3:0]         r_owed
);
    reg was_reset = 0;
    reg [4:0] stalled = 0;
    reg [ADDRESS+2:0] aw_before;
    reg [35:0] w_before;
    reg [1:0] b_before;
    reg [ADDRESS+2:0] ar_before;
    reg [33:0] r_before;
    wire [4:0] valid = {rvalid, arvalid, bvalid, wvalid, awvalid};
    wire [4:0] ready = {rready, arready, bready, wready, awready};
    wire [4:0] moves = valid & ready;
    always @(posedge clk) begin
        was_reset <= rst;
        stalled <= rst ? 5'd0 : valid & ~ready;
        aw_before <= {awaddr, awprot};
        w_before <= {wdata, wstrb};
        b_before <= bresp;
        ar_before <= {araddr, arprot};
        r_before <= {rdata, rresp};
        // answers that are owed for addresses and for data
        aw_owed <= rst ? 4'd0 : aw_owed + moves[0] - moves[2];
        w_owed <= rst ? 4'd0 : w_owed + moves[1] - moves[2];
        r_owed <= rst ? 4'd0 : r_owed + moves[3] - moves[4];
    end

    rule #(MASTER_ASSUMED) A3_1_2_master_low_in_reset (!was_reset | !rst | !(awvalid | wvalid | arvalid));
    rule #(MASTER_ASSUMED) A3_2_1_awvalid_stays (rst | !stalled[0] | awvalid);
    rule #(MASTER_ASSUMED) A3_2_1_aw_is_stable (rst | !stalled[0] | {awaddr, awprot} == aw_before);
    rule #(MASTER_ASSUMED) A3_2_1_wvalid_stays (rst | !stalled[1] | wvalid);
    rule #(MASTER_ASSUMED) A3_2_1_w_is_stable (rst | !stalled[1] | {wdata, wstrb} == w_before);
    rule #(MASTER_ASSUMED) A3_2_1_arvalid_stays (rst | !stalled[3] | arvalid);
    rule #(MASTER_ASSUMED) A3_2_1_ar_is_stable (rst | !stalled[3] | {araddr, arprot} == ar_before);

    rule #(SLAVE_ASSUMED) A3_1_2_slave_low_in_reset (!was_reset | !rst | !(bvalid | rvalid));
    rule #(SLAVE_ASSUMED) A3_2_1_bvalid_stays (rst | !stalled[2] | bvalid);
    rule #(SLAVE_ASSUMED) A3_2_1_b_is_stable (rst | !stalled[2] | bresp == b_before);
    rule #(SLAVE_ASSUMED) A3_2_1_rvalid_stays (rst | !stalled[4] | rvalid);
    rule #(SLAVE_ASSUMED) A3_2_1_r_is_stable (rst | !stalled[4] | {rdata, rresp} == r_before);
    rule #(SLAVE_ASSUMED) A3_3_1_answer_after_address_and_data (rst | !bvalid | (aw_owed != 0 & w_owed != 0));
    rule #(SLAVE_ASSUMED) A3_3_1_data_after_its_address (rst | !rvalid | r_owed != 0);
    rule #(SLAVE_ASSUMED) B1_1_1_no_exokay (rst | !(bvalid & bresp == 1) & !(rvalid & rresp == 1));

    rule #(1) limit_aw (rst | aw_owed != DEPTH | !(SLAVE_ASSUMED ? awready : awvalid));
    rule #(1) limit_w (rst | w_owed != DEPTH | !(SLAVE_ASSUMED ? wready : wvalid));
    rule #(1) limit_ar (rst | r_owed != DEPTH | !(SLAVE_ASSUMED ? arready : arvalid));
endmodule

`default_nettype wire
