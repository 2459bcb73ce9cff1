`default_nettype none

// The read channels of an AXI4 port, numbered by section of ARM IHI 0022E. What a master must do is asserted unless
// MASTER_ASSUMED, what a slave must do unless SLAVE_ASSUMED. DEPTH bounds the bursts in flight that the model follows; it
// limits the side that is assumed and is no rule of the specification.
module axi4_read #(
    parameter ADDRESS = 32,
    parameter DATA = 32,
    parameter IDS = 1,
    parameter DEPTH = 2,
    parameter MASTER_ASSUMED = 0,
    parameter SLAVE_ASSUMED = 0
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               arvalid,
    input  wire               arready,
    input  wire               arid,
    input  wire [ADDRESS-1:0] araddr,
    input  wire [7:0]         arlen,
    input  wire [2:0]         arsize,
    input  wire [1:0]         arburst,
    input  wire               arlock,
    input  wire [3:0]         arcache,
    input  wire [2:0]         arprot,
    input  wire [3:0]         arqos,
    input  wire               rvalid,
    input  wire               rready,
    input  wire               rid,
    input  wire [DATA-1:0]    rdata,
    input  wire [1:0]         rresp,
    input  wire               rlast,
    output reg  [3:0]         flying
);
    localparam SIZE = $clog2(DATA / 8);
    reg was_reset = 0;
    reg ar_stalled = 0;
    reg r_stalled = 0;
    reg [ADDRESS+25:0] ar_before;
    reg [DATA+3:0] r_before;
    wire [ADDRESS+25:0] ar = {araddr, arid, arlen, arsize, arburst, arlock, arcache, arprot, arqos};
    wire [DATA+3:0] r = {rdata, rid, rresp, rlast};
    wire taken = arvalid & arready;
    wire ended = rvalid & rready & rlast;
    always @(posedge clk) begin
        was_reset <= rst;
        ar_stalled <= !rst & arvalid & !arready;
        r_stalled <= !rst & rvalid & !rready;
        ar_before <= ar;
        r_before <= r;
        flying <= rst ? 4'd0 : flying + taken - ended;
    end

    rule #(MASTER_ASSUMED) A3_1_2_arvalid_low_in_reset (!was_reset | !rst | !arvalid);
    rule #(MASTER_ASSUMED) A3_2_1_arvalid_stays (rst | !ar_stalled | arvalid);
    rule #(MASTER_ASSUMED) A3_2_1_ar_is_stable (rst | !ar_stalled | ar == ar_before);
    wire [12:0] last_byte = araddr[11:0] + ({5'd0, arlen} << arsize) + (13'd1 << arsize) - 13'd1;
    rule #(MASTER_ASSUMED) A3_4_1_within_4_kib (rst | !arvalid | arburst != 1 | !last_byte[12]);
    rule #(MASTER_ASSUMED) A3_4_1_size_fits_the_bus (rst | !arvalid | arsize <= SIZE);
    rule #(MASTER_ASSUMED) A3_4_1_burst_is_not_reserved (rst | !arvalid | arburst != 3);
    wire wraps = arlen == 1 | arlen == 3 | arlen == 7 | arlen == 15;
    rule #(MASTER_ASSUMED) A3_4_1_length_fits_the_burst (rst | !arvalid | arburst == 1 | (arburst == 2 ? wraps : arlen < 16));
    rule #(MASTER_ASSUMED) A4_4_cache_is_a_memory_type (rst | !arvalid | arcache[1] | !(|arcache[3:2]));
    rule #(MASTER_ASSUMED) A7_2_4_exclusive_is_short (rst | !arvalid | !arlock | arlen < 16);

    rule #(SLAVE_ASSUMED) A3_1_2_rvalid_low_in_reset (!was_reset | !rst | !rvalid);
    rule #(SLAVE_ASSUMED) A3_2_1_rvalid_stays (rst | !r_stalled | rvalid);
    rule #(SLAVE_ASSUMED) A3_2_1_r_is_stable (rst | !r_stalled | r == r_before);
    rule #(SLAVE_ASSUMED) A3_4_4_no_exokay_without_exclusive (rst | !rvalid | rresp != 1 | arlock);

    genvar i;
    generate
        for (i = 0; i < IDS; i = i + 1) begin : id
            reg [8*DEPTH-1:0] lens;
            reg [3:0] count;
            reg [7:0] beat;
            wire asks = taken & (IDS == 1 | arid == i);
            wire answers = rvalid & (IDS == 1 | rid == i);
            wire moves = answers & rready;
            wire ends = moves & rlast;
            always @(posedge clk) begin
                beat <= ends ? 8'd0 : beat + moves;
                count <= count + asks - ends;
                if (ends) lens <= lens >> 8;
                if (asks) lens[8*(count-ends)+:8] <= arlen;
                if (rst) begin
                    beat <= 0;
                    count <= 0;
                end
            end
            rule #(SLAVE_ASSUMED) A3_3_1_data_after_its_address (rst | !answers | count != 0);
            rule #(SLAVE_ASSUMED) A3_4_1_last_at_the_length (rst | !answers | rlast == (beat == lens[7:0]));
            rule #(1) limit (rst | count != DEPTH | !(SLAVE_ASSUMED ? arready : arvalid));
        end
    endgenerate
endmodule

`default_nettype wire
