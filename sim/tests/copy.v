// A stand-in for the accelerator with the ports of a device of one 64-bit master: START reads four beats from PROGRAM_BASE and writes
// them inverted, as one burst, to RESULT_BASE. The number in PROGRAM_BEATS breaks one thing on purpose; EARLY another, before any write.
`default_nettype none
module sterna #(parameter EARLY = 0) (
    input  wire        aclk, aresetn,
    input  wire [13:0] s_axi_awaddr, input wire [2:0] s_axi_awprot, input wire s_axi_awvalid, output wire s_axi_awready,
    input  wire [31:0] s_axi_wdata, input wire [3:0] s_axi_wstrb, input wire s_axi_wvalid, output wire s_axi_wready,
    output wire [1:0]  s_axi_bresp, output reg s_axi_bvalid, input wire s_axi_bready,
    input  wire [13:0] s_axi_araddr, input wire [2:0] s_axi_arprot, input wire s_axi_arvalid, output wire s_axi_arready,
    output reg  [31:0] s_axi_rdata, output wire [1:0] s_axi_rresp, output reg s_axi_rvalid, input wire s_axi_rready,
    output wire        m_axi_arid, output wire [31:0] m_axi_araddr, output wire [7:0] m_axi_arlen, output wire [2:0] m_axi_arsize,
    output wire [1:0]  m_axi_arburst, output wire m_axi_arvalid, input wire m_axi_arready,
    input  wire        m_axi_rid, input wire [63:0] m_axi_rdata, input wire [1:0] m_axi_rresp, input wire m_axi_rlast,
    input  wire        m_axi_rvalid, output wire m_axi_rready,
    output wire        m_axi_awid, output wire [31:0] m_axi_awaddr, output wire [7:0] m_axi_awlen, output wire [2:0] m_axi_awsize,
    output wire [1:0]  m_axi_awburst, output wire m_axi_awvalid, input wire m_axi_awready,
    output wire [63:0] m_axi_wdata, output wire [7:0] m_axi_wstrb, output wire m_axi_wlast, output wire m_axi_wvalid,
    input  wire        m_axi_wready, input wire m_axi_bid, input wire [1:0] m_axi_bresp, input wire m_axi_bvalid,
    output wire        m_axi_bready, output wire irq
);
    localparam [2:0] IDLE = 0, ASK = 1, READ = 2, WRITE = 3, ANSWER = 4;
    reg [2:0] state;
    reg [1:0] beat;
    reg [63:0] kept [0:3];
    reg [31:0] base, result, enable, bug;
    reg done, failed, aw_done, w_done;

    // registers: only those that the test uses
    wire write = s_axi_awvalid & s_axi_wvalid & ~s_axi_bvalid;
    wire start = write & s_axi_awaddr == 14'h40 & s_axi_wdata[0];
    assign {s_axi_awready, s_axi_wready, s_axi_arready} = {write, write, ~s_axi_rvalid};
    assign s_axi_bresp = 0;
    assign s_axi_rresp = s_axi_rvalid && bug == 4 ? 2'd2 : 2'd0;
    always @(posedge aclk) begin
        if (write) case (s_axi_awaddr)
            14'h50: base <= s_axi_wdata;
            14'h5c: result <= s_axi_wdata;
            14'h4c: enable <= s_axi_wdata;
            14'h54: bug <= s_axi_wdata;
            default: ;
        endcase
        s_axi_bvalid <= aresetn & (write | (s_axi_bvalid & ~s_axi_bready));
        s_axi_rvalid <= aresetn & ((s_axi_arvalid & ~s_axi_rvalid) | (s_axi_rvalid & ~s_axi_rready));
        case (s_axi_araddr)
            14'h44: s_axi_rdata <= {29'd0, failed, done, state != IDLE};
            14'h50: s_axi_rdata <= base;
            14'h5c: s_axi_rdata <= result;
            default: s_axi_rdata <= 0;
        endcase
        if (!aresetn) {enable, bug} <= 0;
    end
    assign irq = enable[0] & done;

    wire takes = m_axi_rvalid & m_axi_rready;
    wire moves = m_axi_wvalid & m_axi_wready;
    always @(posedge aclk) begin
        if (takes) kept[beat] <= m_axi_rdata;
        if (takes | moves) beat <= beat + 1;
        case (state)
            IDLE: if (start) {state, done, failed, beat} <= {ASK, 4'b0};
            ASK: if (m_axi_arready || bug == 1) state <= READ;
            READ: if (takes) begin
                failed <= failed | m_axi_rresp[1];
                aw_done <= 0;
                w_done <= 0;
                if (m_axi_rlast) state <= WRITE;
            end
            WRITE: begin
                if (m_axi_awready) aw_done <= 1;
                if (moves & m_axi_wlast) w_done <= 1;
                if (aw_done & w_done) state <= ANSWER;
            end
            ANSWER: if (m_axi_bvalid) begin
                failed <= failed | m_axi_bresp[1];
                if (bug != 2) {state, done} <= {IDLE, 1'b1};
            end
            default: state <= IDLE;
        endcase
        if (!aresetn) {state, done, failed, beat} <= 0;
    end
    assign {m_axi_arid, m_axi_awid, m_axi_arlen, m_axi_awlen} = {2'b0, 8'd3, 8'd3};
    assign {m_axi_arsize, m_axi_awsize, m_axi_arburst, m_axi_awburst} = {3'd3, 3'd3, 2'd1, 2'd1};
    assign m_axi_araddr = base << 3;
    assign m_axi_awaddr = result << 3;
    assign m_axi_arvalid = state == ASK || (EARLY != 0 && !aresetn);
    assign m_axi_rready = bug == 3 ? m_axi_rvalid : state == READ;
    assign m_axi_awvalid = state == WRITE & ~aw_done;
    assign m_axi_wvalid = state == WRITE & ~w_done;
    assign m_axi_wdata = ~kept[beat];
    assign m_axi_wstrb = 8'hff;
    assign m_axi_wlast = beat == 3;
    assign m_axi_bready = 1;
endmodule
