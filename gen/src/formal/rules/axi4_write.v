`default_nettype none

// The write channels of an AXI4 port, numbered by section of ARM IHI 0022E; roles and DEPTH as in axi4_read.v. Data may
// come before its address (A3.3.1): `skew` counts bursts, positive where addresses are ahead.
module axi4_write #(
    parameter ADDRESS = 32,
    parameter DATA = 32,
    parameter IDS = 1,
    parameter DEPTH = 2,
    parameter MASTER_ASSUMED = 0,
    parameter SLAVE_ASSUMED = 0
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               awvalid,
    input  wire               awready,
    input  wire               awid,
    input  wire [ADDRESS-1:0] awaddr,
    input  wire [7:0]         awlen,
    input  wire [2:0]         awsize,
    input  wire [1:0]         awburst,
    input  wire               awlock,
    input  wire [3:0]         awcache,
    input  wire [2:0]         awprot,
    input  wire [3:0]         awqos,
    input  wire               wvalid,
    input  wire               wready,
    input  wire [DATA-1:0]    wdata,
    input  wire [DATA/8-1:0]  wstrb,
    input  wire               wlast,
    input  wire               bvalid,
    input  wire               bready,
    input  wire               bid,
    input  wire [1:0]         bresp,
    output reg signed [3:0]   skew,
    output reg  [3:0]         flying
);
    localparam SIZE = $clog2(DATA / 8);
    reg was_reset = 0;
    reg aw_stalled = 0;
    reg w_stalled = 0;
    reg b_stalled = 0;
    reg [ADDRESS+25:0] aw_before;
    reg [DATA+DATA/8:0] w_before;
    reg [2:0] b_before;
    wire [ADDRESS+25:0] aw = {awaddr, awid, awlen, awsize, awburst, awlock, awcache, awprot, awqos};
    wire [DATA+DATA/8:0] w = {wdata, wstrb, wlast};
    always @(posedge clk) begin
        was_reset <= rst;
        aw_stalled <= !rst & awvalid & !awready;
        w_stalled <= !rst & wvalid & !wready;
        b_stalled <= !rst & bvalid & !bready;
        aw_before <= aw;
        w_before <= w;
        b_before <= {bid, bresp};
    end

    rule #(MASTER_ASSUMED) A3_1_2_valid_low_in_reset (!was_reset | !rst | !(awvalid | wvalid));
    rule #(MASTER_ASSUMED) A3_2_1_awvalid_stays (rst | !aw_stalled | awvalid);
    rule #(MASTER_ASSUMED) A3_2_1_aw_is_stable (rst | !aw_stalled | aw == aw_before);
    rule #(MASTER_ASSUMED) A3_2_1_wvalid_stays (rst | !w_stalled | wvalid);
    rule #(MASTER_ASSUMED) A3_2_1_w_is_stable (rst | !w_stalled | w == w_before);
    wire [12:0] last_byte = awaddr[11:0] + ({5'd0, awlen} << awsize) + (13'd1 << awsize) - 13'd1;
    rule #(MASTER_ASSUMED) A3_4_1_within_4_kib (rst | !awvalid | awburst != 1 | !last_byte[12]);
    rule #(MASTER_ASSUMED) A3_4_1_size_fits_the_bus (rst | !awvalid | awsize <= SIZE);
    rule #(MASTER_ASSUMED) A3_4_1_burst_is_not_reserved (rst | !awvalid | awburst != 3);
    wire wraps = awlen == 1 | awlen == 3 | awlen == 7 | awlen == 15;
    rule #(MASTER_ASSUMED) A3_4_1_length_fits_the_burst (rst | !awvalid | awburst == 1 | (awburst == 2 ? wraps : awlen < 16));
    rule #(MASTER_ASSUMED) A4_4_cache_is_a_memory_type (rst | !awvalid | awcache[1] | !(|awcache[3:2]));
    rule #(MASTER_ASSUMED) A7_2_4_exclusive_is_short (rst | !awvalid | !awlock | awlen < 16);

    rule #(SLAVE_ASSUMED) A3_1_2_bvalid_low_in_reset (!was_reset | !rst | !bvalid);
    rule #(SLAVE_ASSUMED) A3_2_1_bvalid_stays (rst | !b_stalled | bvalid);
    rule #(SLAVE_ASSUMED) A3_2_1_b_is_stable (rst | !b_stalled | {bid, bresp} == b_before);
    rule #(SLAVE_ASSUMED) A3_4_4_no_exokay_without_exclusive (rst | !bvalid | bresp != 1 | awlock);

    // lengths of the addresses that are ahead, or of the data that is
    reg [8*DEPTH-1:0] lens;
    reg [DEPTH-1:0] ids;
    reg [7:0] beat;
    wire address = awvalid & awready;
    wire moves = wvalid & wready;
    wire ends = moves & wlast;
    wire [3:0] before = skew < 0 ? -skew : skew;
    // the oldest entry leaves: data meets its address, or an address its data
    wire meets = (ends & skew > 0) | (address & skew < 0);
    wire enters = skew == 0 ? address ^ ends : skew > 0 ? address : ends;
    always @(posedge clk) begin
        beat <= ends ? 8'd0 : beat + moves;
        skew <= skew + $signed({1'b0, address}) - $signed({1'b0, ends});
        if (meets) begin
            lens <= lens >> 8;
            ids <= ids >> 1;
        end
        if (enters) begin
            lens[8*(before-meets)+:8] <= address & skew >= 0 ? awlen : beat;
            ids[before-meets] <= awid;
        end
        flying <= flying + address - (bvalid & bready);
        if (rst) begin
            beat <= 0;
            skew <= 0;
            flying <= 0;
        end
    end
    rule #(MASTER_ASSUMED) A3_4_1_last_at_the_length (rst | !wvalid | skew <= 0 | wlast == (beat == lens[7:0]));
    rule #(MASTER_ASSUMED) A3_4_1_length_of_data_ahead (rst | !awvalid | skew >= 0 | awlen == lens[7:0]);
    rule #(MASTER_ASSUMED) A3_4_1_length_of_data_begun (rst | !awvalid | skew != 0 | beat == 0 | awlen >= beat);
    rule #(MASTER_ASSUMED) A3_4_1_length_of_data_beside (rst | !(address & moves) | skew != 0 | wlast == (beat == awlen));
    rule #(1) limit (rst | before != DEPTH | !(SLAVE_ASSUMED ? awready | wready : awvalid | wvalid));

    genvar i;
    generate
        for (i = 0; i < IDS; i = i + 1) begin : id
            reg [3:0] owed;
            wire whole = skew > 0 ? ends & (IDS == 1 | ids[0] == i)
                : (skew < 0 | ends) & address & (IDS == 1 | awid == i);
            wire answers = bvalid & (IDS == 1 | bid == i);
            always @(posedge clk) owed <= rst ? 4'd0 : owed + whole - (answers & bready);
            rule #(SLAVE_ASSUMED) A3_3_1_answer_after_address_and_data (rst | !answers | owed != 0);
            rule #(1) limit (rst | owed != 15 | !(SLAVE_ASSUMED ? awready | wready : awvalid | wvalid));
        end
    endgenerate
endmodule

`default_nettype wire
